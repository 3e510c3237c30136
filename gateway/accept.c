#include "gateway/accept.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

enum { TEXT_MAX = 4000 };

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

/* Takes one token or quoted string at *at; lower case when asked. */
static void take_word(const char **at, char *out, size_t out_size, bool lower)
{
	bool is_quoted = **at == '"';
	size_t length = 0;
	*at += is_quoted;
	for (; **at != '\0' && (is_quoted ? **at != '"' : strchr(" \t;,=", **at) == NULL); ++*at)
		if (length + 1 < out_size)
			out[length++] = (char)(lower && **at >= 'A' && **at <= 'Z' ? **at - 'A' + 'a' : **at);
	out[length] = '\0';
	*at += is_quoted && **at == '"';
}

static void take_blanks(const char **at)
{
	*at += strspn(*at, " \t");
}

/* RFC 9110 section 12.4.2: 0 to 1 with a few decimals; what lies is -1. */
static double weight_of(const char *text)
{
	size_t length = strspn(text, "0123456789.");
	double weight = length > 0 && length < 12 && text[length] == '\0' ? strtod(text, NULL) : -1;
	return weight <= 1 ? weight : -1;
}

static void take_parameter(const char **at, struct accept_range *range)
{
	char name[32], value[80];
	take_blanks(at);
	take_word(at, name, sizeof name, true);
	take_blanks(at);
	value[0] = '\0';
	if (**at == '=') {
		++*at;
		take_blanks(at);
		take_word(at, value, sizeof value, false);
	}
	if (strcmp(name, "q") == 0)
		range->weight = weight_of(value);
	else if (strcmp(name, "transfer-syntax") == 0)
		text_copy(range->transfer_syntax_uid, sizeof range->transfer_syntax_uid, value);
	else if (strcmp(name, "type") == 0)
		for (size_t i = 0; i < sizeof range->part && (i == 0 || value[i - 1] != '\0'); i++)
			range->part[i] = (char)(value[i] >= 'A' && value[i] <= 'Z' ? value[i] - 'A' + 'a' : value[i]);
	take_blanks(at);
}

static bool take_range(const char **at, struct accept_range *out)
{
	memset(out, 0, sizeof *out);
	out->weight = 1;
	take_blanks(at);
	take_word(at, out->type, sizeof out->type, true);
	take_blanks(at);
	while (**at == ';') {
		++*at;
		take_parameter(at, out);
	}
	out->part[sizeof out->part - 1] = '\0';
	return strchr(out->type, '/') != NULL && out->weight >= 0 && (**at == ',' || **at == '\0');
}

static bool put_range(struct accept *out, const struct accept_range *range, struct err *err)
{
	struct accept_range *ranges = range->weight > 0 ? out->taken : out->refused;
	int *count = range->weight > 0 ? &out->count : &out->refused_count, i = *count;
	if (*count == ACCEPT_RANGES_MAX)
		return err_set(err, ERR_INVALID, "Accept names more than %d media types", ACCEPT_RANGES_MAX);
	for (; i > 0 && ranges[i - 1].weight < range->weight; i--)
		ranges[i] = ranges[i - 1];
	ranges[i] = *range;
	++*count;
	return true;
}

/* Empty elements are no fault (RFC 9110 section 5.6.1.2). */
static const char *skip_empty(const char *at)
{
	return at + strspn(at, " \t,");
}

bool accept_parse(const char *text, struct accept *out, struct err *err)
{
	const char *at = text != NULL && text[strspn(text, " \t")] != '\0' ? text : "*/*";
	struct accept_range range;
	*out = (struct accept){.count = 0};
	if (strlen(at) > TEXT_MAX)
		return err_set(err, ERR_INVALID, "Accept has more than %d characters", TEXT_MAX);
	for (at = skip_empty(at); *at != '\0'; at = skip_empty(at))
		if (!take_range(&at, &range))
			return err_set(err, ERR_INVALID, "Accept is no list of media types");
		else if (!put_range(out, &range, err))
			return false;
	return true;
}

/* ---- weighing ------------------------------------------------------------------------------------------------------------------- */

enum { FIT_NONE, FIT_ANY, FIT_GROUP, FIT_EXACT };

static int fit_of_type(const char *range, const char *type)
{
	size_t length = strlen(range);
	if (strcmp(range, "*/*") == 0)
		return FIT_ANY;
	if (length > 2 && strcmp(range + length - 2, "/*") == 0)
		return strncmp(range, type, length - 1) == 0 ? FIT_GROUP : FIT_NONE;
	return strcmp(range, type) == 0 ? FIT_EXACT : FIT_NONE;
}

bool accept_names(const char *range, const char *type)
{
	return fit_of_type(range, type) != FIT_NONE;
}

/* How exactly a range names an offer; 0: not. The type counts more than its part, and this more than the syntax. */
static int fit_of(const struct accept_range *range, const struct accept_offer *offer)
{
	int type = fit_of_type(range->type, offer->type), part = FIT_NONE;
	bool names_syntax = range->transfer_syntax_uid[0] != '\0' && strcmp(range->transfer_syntax_uid, "*") != 0;
	if (type == FIT_NONE && offer->part != NULL)
		type = fit_of_type(range->type, offer->part);
	else if (range->part[0] != '\0' && offer->part != NULL)
		part = fit_of_type(range->part, offer->part);
	if (type == FIT_NONE || (part == FIT_NONE && range->part[0] != '\0' && offer->part != NULL) ||
	    (names_syntax && offer->transfer_syntax_uid != NULL &&
	     strcmp(range->transfer_syntax_uid, offer->transfer_syntax_uid) != 0))
		return 0;
	return type * 100 + part * 10 + names_syntax;
}

static int best_fit(const struct accept_range *ranges, int count, const struct accept_offer *offer)
{
	int best = 0;
	for (int i = 0; i < count; i++) {
		int fit = fit_of(&ranges[i], offer);
		best = fit > best ? fit : best;
	}
	return best;
}

bool accept_decides(const struct accept *accept, int index, const struct accept_offer *offer)
{
	int fit = fit_of(&accept->taken[index], offer);
	return fit > 0 && fit == best_fit(accept->taken, accept->count, offer) &&
	       fit > best_fit(accept->refused, accept->refused_count, offer);
}

double accept_weight(const struct accept *accept, const struct accept_offer *offer)
{
	for (int i = 0; i < accept->count; i++)
		if (accept_decides(accept, i, offer))
			return accept->taken[i].weight;
	return 0;
}
