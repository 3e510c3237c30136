#include "gateway/dicomweb_keys.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/input.h"
#include "lib/base/text.h"
#include "lib/domain/day.h"

enum { HTTP_CONTENT_TOO_LARGE = 413 };
enum { AUDITED_MAX = 400, RESULTS_MAX = 1000, OFFSET_MAX = 1000000, LIMIT_MAX = 9999999 };

/* ---- values of the query ---------------------------------------------------------------------------------------------------- */

/* The next value in the query by keyword or tag (PS3.18 section 8.3.4); NULL behind the last one. */
static const char *next_value(const struct http_request *request, const char *keyword, const char *tag, size_t *at)
{
	const char *name;
	while ((name = http_query_name(request, *at)) != NULL) {
		const char *value = http_query_value(request, (*at)++);
		if (strcmp(name, keyword) == 0 || strcmp(name, tag) == 0)
			return value;
	}
	return NULL;
}

static bool refuse_twice(const char *keyword, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s stands in the query twice", keyword);
}

/*
 * Empty, or nothing but "*": universal matching, as if it were not there (PS3.4 section C.2.2.2.3). Who asks for two values of one key would be
 * shown what fits one of them, which is more than was asked for.
 */
bool dicomweb_key_value(const struct http_request *request, const char *keyword, const char *tag, const char **out,
                        struct err *err)
{
	size_t at = 0;
	const char *first = next_value(request, keyword, tag, &at);
	if (first != NULL && next_value(request, keyword, tag, &at) != NULL)
		return refuse_twice(keyword, err);
	*out = NULL;
	if (!input_query_text(request, keyword, DICOMWEB_VALUE_MAX * 6, out, err) ||
	    (*out == NULL && !input_query_text(request, tag, DICOMWEB_VALUE_MAX * 6, out, err)))
		return false;
	if (*out != NULL && (*out)[strspn(*out, "*")] == '\0')
		*out = NULL;
	return true;
}

/* "*" and "?" of PS3.4 section C.2.2.2.4 as LIKE knows them; what means something to LIKE is escaped. */
static bool make_pattern(const char *value, struct dicomweb_pattern *out, struct err *err)
{
	size_t length = 0;
	if (text_utf8_count(value) > DICOMWEB_VALUE_MAX)
		return err_set(err, ERR_INVALID, "a value has more than %d characters", DICOMWEB_VALUE_MAX);
	for (; *value != '\0'; value++) {
		if (*value == '*' && length > 0 && out->text[length - 1] == '%' &&
		    (length < 2 || out->text[length - 2] != '\\'))
			continue; /* "**" is "*": runs of wildcards cost time and mean nothing */
		if (*value == '%' || *value == '_' || *value == '\\')
			out->text[length++] = '\\';
		out->text[length++] = *value == '*' ? '%' : *value == '?' ? '_' : *value;
	}
	out->text[length] = '\0';
	out->is_set = true;
	return true;
}

bool dicomweb_key_pattern(const struct http_request *request, const char *keyword, const char *tag,
                          struct dicomweb_pattern *out, struct err *err)
{
	const char *value;
	out->is_set = false;
	return dicomweb_key_value(request, keyword, tag, &value, err) &&
	       (value == NULL || make_pattern(value, out, err));
}

bool dicomweb_key_item(const struct http_request *request, const struct dicomweb_item_key *key,
                       struct dicomweb_pattern *out, struct err *err)
{
	const char *const outer[] = {key->sequence, key->sequence_tag}, *const inner[] = {key->keyword, key->tag};
	char path[128];
	bool is_named = false;
	out->is_set = false;
	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s.%s", outer[i / 2], inner[i % 2]);
		if (http_query(request, path) == NULL)
			continue;
		if (is_named)
			return refuse_twice(path, err);
		if (!dicomweb_key_pattern(request, path, path, out, err))
			return false;
		is_named = true;
	}
	return true;
}

/* ---- ranges ------------------------------------------------------------------------------------------------------------------- */

enum { DAY_DIGITS = 8, TIME_DIGITS = 12, TIME_FRACTION_AT = 6 };

static bool read_day(const char *text, size_t length, char fill, char out[13])
{
	char day[11];
	(void)fill;
	if (length != DAY_DIGITS || strspn(text, "0123456789") < DAY_DIGITS)
		return false;
	snprintf(day, sizeof day, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
	memcpy(out, text, DAY_DIGITS);
	out[DAY_DIGITS] = '\0';
	return day_is_valid(day);
}

/* HHMMSS.FFFFFF, cut behind a pair or within the fraction (PS3.5 section 6.2, TM). */
static bool read_time(const char *text, size_t length, char fill, char out[13])
{
	size_t digits = 0;
	if (length > TIME_DIGITS + 1 || length == TIME_FRACTION_AT + 1 ||
	    (length < TIME_FRACTION_AT && length % 2 != 0))
		return false;
	for (size_t i = 0; i < length; i++)
		if (i == TIME_FRACTION_AT ? text[i] != '.' : !isdigit((unsigned char)text[i]))
			return false;
		else if (i != TIME_FRACTION_AT)
			out[digits++] = text[i];
	memset(out + digits, fill, TIME_DIGITS - digits);
	out[TIME_DIGITS] = '\0';
	/* Of seconds there may be 60, a leap second. */
	return memcmp(out, "24", 2) < 0 && (digits < 4 || out[2] < '6') && (digits < 6 || memcmp(out + 4, "61", 2) < 0);
}

/* fill: what stands for the digits that an end does not have. */
static bool read_range(const char *value, bool (*read)(const char *text, size_t length, char fill, char out[13]),
                       struct dicomweb_range *out)
{
	const char *dash = strchr(value, '-'), *last = dash != NULL ? dash + 1 : value;
	size_t first = dash != NULL ? (size_t)(dash - value) : strlen(value);
	return (first > 0 || *last != '\0') && (first == 0 || read(value, first, '0', out->from)) &&
	       (*last == '\0' || read(last, strlen(last), '9', out->to));
}

bool dicomweb_key_days(const struct http_request *request, const char *keyword, const char *tag,
                       struct dicomweb_range *out, struct err *err)
{
	const char *value;
	memset(out, 0, sizeof *out);
	return dicomweb_key_value(request, keyword, tag, &value, err) &&
	       (value == NULL || read_range(value, read_day, out) ||
	        err_set(err, ERR_INVALID, "%s is no day and no range of days (YYYYMMDD-YYYYMMDD)", keyword));
}

bool dicomweb_key_times(const struct http_request *request, const char *keyword, const char *tag,
                        struct dicomweb_range *out, struct err *err)
{
	const char *value;
	memset(out, 0, sizeof *out);
	return dicomweb_key_value(request, keyword, tag, &value, err) &&
	       (value == NULL || read_range(value, read_time, out) ||
	        err_set(err, ERR_INVALID, "%s is no time and no range of times (HHMMSS.FFFFFF-HHMMSS.FFFFFF)",
	                keyword));
}

/* ---- names by sound ------------------------------------------------------------------------------------------------------------ */

static bool read_fuzzy(const struct http_request *request, bool *out, struct err *err)
{
	const char *wanted = http_query(request, "fuzzymatching");
	*out = wanted != NULL && strcasecmp(wanted, "true") == 0;
	return wanted == NULL || *out || strcasecmp(wanted, "false") == 0 ||
	       err_set(err, ERR_INVALID, "fuzzymatching is true or false");
}

bool dicomweb_key_term(const struct http_request *request, char out[NAME_KEY_SIZE], struct err *err)
{
	const char *name;
	bool is_fuzzy;
	char plain[DICOMWEB_PATTERN_SIZE];
	size_t length = 0;
	out[0] = '\0';
	if (!read_fuzzy(request, &is_fuzzy, err) || !dicomweb_key_value(request, "PatientName", "00100010", &name, err))
		return false;
	if (!is_fuzzy || name == NULL)
		return true;
	for (; *name != '\0' && length + 1 < sizeof plain; name++)
		if (*name != '*' && *name != '?')
			plain[length++] = *name;
	plain[length] = '\0';
	(void)name_key_term(plain, out);
	return true;
}

/* ---- lists ---------------------------------------------------------------------------------------------------------------------- */

static const char LETTERS[] = "0123456789.,\\ABCDEFGHIJKLMNOPQRSTUVWXYZ_ ";

static bool refuse_list(const char *keyword, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s is no list of at most %d %s", keyword, DICOMWEB_LIST_MAX, what);
}

/* What stands there several times is one list. Empty: universal matching. */
static bool read_list(const struct http_request *request, const char *keyword, const char *tag, const char *what,
                      char *out, size_t size, struct err *err)
{
	size_t at = 0, length = 0;
	const char *value;
	out[0] = '\0';
	while ((value = next_value(request, keyword, tag, &at)) != NULL) {
		if (value[strspn(value, "*")] == '\0') {
			out[0] = '\0';
			break;
		}
		length += (size_t)snprintf(out + length, size - length, "%s%s", length > 0 ? "," : "", value);
		if (length >= size)
			return refuse_list(keyword, what, err);
	}
	return true;
}

/* Separated by commas or backslashes; of the letters that UIDs and codes have. */
bool dicomweb_key_list(const struct http_request *request, const char *keyword, const char *tag,
                       struct dicomweb_list *out, struct err *err)
{
	out->count = 0;
	if (!read_list(request, keyword, tag, "values", out->text, sizeof out->text, err))
		return false;
	if (out->text[0] == '\0')
		return true;
	if (out->text[strspn(out->text, LETTERS)] != '\0' || out->text[strspn(out->text, ",\\ ")] == '\0')
		return refuse_list(keyword, "values", err);
	char *rest, *item = strtok_r(out->text, ",\\", &rest);
	for (; item != NULL; item = strtok_r(NULL, ",\\", &rest)) {
		if (out->count == DICOMWEB_LIST_MAX)
			return err_set(err, ERR_INVALID, "%s has more than %d values", keyword, DICOMWEB_LIST_MAX);
		out->items[out->count++] = item;
	}
	return true;
}

/* As LIKE knows them: a lower case letter is its upper one, "_" is itself. */
bool dicomweb_key_codes(const struct http_request *request, const char *keyword, const char *tag,
                        struct dicomweb_list *out, struct err *err)
{
	char list[sizeof out->text];
	const char *value = list;
	size_t length = 0;
	out->count = 0;
	if (!read_list(request, keyword, tag, "codes", list, sizeof list, err))
		return false;
	if (*value == '\0')
		return true;
	for (; *value != '\0'; value++) {
		char letter = (char)toupper((unsigned char)*value);
		if (length + 2 >= sizeof out->text ||
		    (letter != '*' && letter != '?' && strchr(LETTERS, letter) == NULL))
			return refuse_list(keyword, "codes", err);
		if (letter == '_')
			out->text[length++] = '\\';
		out->text[length++] = letter == '\\' ? ',' : letter == '*' ? '%' : letter == '?' ? '_' : letter;
	}
	out->text[length] = '\0';
	char *rest, *item = strtok_r(out->text, ",", &rest);
	for (; item != NULL && out->count < DICOMWEB_LIST_MAX; item = strtok_r(NULL, ",", &rest))
		out->items[out->count++] = item;
	return (item == NULL && out->count > 0) || refuse_list(keyword, "codes", err);
}

/* ---- what every search has in common ------------------------------------------------------------------------------------------ */

/* What is more than a page is a page, and the answer says that there is more. */
bool dicomweb_key_window(const struct http_request *request, struct dicomweb_window *out, struct err *err)
{
	if (!input_query_int(request, "limit", 1, LIMIT_MAX, RESULTS_MAX, &out->limit, err) ||
	    !input_query_int(request, "offset", 0, OFFSET_MAX, 0, &out->offset, err))
		return false;
	if (out->limit > RESULTS_MAX)
		out->limit = RESULTS_MAX;
	return true;
}

bool dicomweb_search_failed(struct err *err)
{
	char state[6];
	if (err->kind != ERR_TEMPORARY || err->source != ERR_SOURCE_SQL)
		return false;
	err_sqlstate_unpack(err->code, state);
	if (strcmp(state, "57014") != 0)
		return false;
	err_set(err, ERR_REFUSED,
	        "the search is too broad and was ended: narrow it by days, a number or the beginning of a name, or ask "
	        "for less at once (limit)");
	return err_code(err, ERR_SOURCE_HTTP, HTTP_CONTENT_TOO_LARGE);
}

/* Which studies were shown; a long page takes more than one record. Rows of one study stand together. */
bool dicomweb_audit_shown(struct http_request *request, const char *action, const struct db_rows *rows, int shown,
                          struct err *err)
{
	int row = 0;
	do {
		json_t *ids = json_array();
		const char *last = "";
		for (; row < shown && json_array_size(ids) < AUDITED_MAX; row++) {
			const char *id = db_get_text(rows, row, "id");
			if (strcmp(id, last) != 0)
				json_array_append_new(ids, json_string(id));
			last = id;
		}
		json_t *detail = json_pack("{s:o}", "studies", ids);
		char *text = json_dumps(detail, JSON_COMPACT);
		json_decref(detail);
		if (text == NULL)
			err_panic("could not write JSON");
		bool ok = caller_audit(request, action, NULL, NULL, NULL, text, err);
		free(text);
		if (!ok)
			return false;
	} while (row < shown);
	return true;
}

/* PS3.18 section 10.6.3.3.1: that there is more is said in a warning. */
bool dicomweb_warn_of_more(struct http_request *request, bool has_more, struct err *err)
{
	return !has_more ||
	       http_add_header(request, "Warning",
	                       "299 yingqiao: \"There are additional results that can be requested\"", err);
}
