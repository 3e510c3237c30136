#include "gateway/dicomweb_keys.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/caller.h"
#include "gateway/input.h"
#include "lib/base/text.h"

enum { AUDITED_MAX = 400, RESULTS_MAX = 1000, OFFSET_MAX = 1000000 };

/* ---- values of the query ---------------------------------------------------------------------------------------------------- */

/* By keyword or tag (PS3.18 section 8.3.4). Empty: universal matching, as if it were not there. */
bool dicomweb_key_value(const struct http_request *request, const char *keyword, const char *tag, const char **out,
                        struct err *err)
{
	*out = NULL;
	if (!input_query_text(request, keyword, DICOMWEB_VALUE_MAX * 6, out, err))
		return false;
	return *out != NULL || input_query_text(request, tag, DICOMWEB_VALUE_MAX * 6, out, err);
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

bool dicomweb_key_term(const struct http_request *request, char out[NAME_KEY_SIZE], struct err *err)
{
	const char *wanted, *name;
	char plain[DICOMWEB_PATTERN_SIZE];
	size_t length = 0;
	out[0] = '\0';
	if (!input_query_word(request, "fuzzymatching", "true false", &wanted, err) ||
	    !dicomweb_key_value(request, "PatientName", "00100010", &name, err))
		return false;
	if (wanted == NULL || wanted[0] != 't' || name == NULL)
		return true;
	for (; *name != '\0' && length + 1 < sizeof plain; name++)
		if (*name != '*' && *name != '?')
			plain[length++] = *name;
	plain[length] = '\0';
	(void)name_key_term(plain, out);
	return true;
}

/* Separated by commas or backslashes; of the letters that UIDs and codes have. */
bool dicomweb_key_list(const struct http_request *request, const char *keyword, const char *tag,
                       struct dicomweb_list *out, struct err *err)
{
	const char *value = http_query(request, keyword);
	out->count = 0;
	if (value == NULL)
		value = http_query(request, tag);
	if (value == NULL || value[0] == '\0')
		return true;
	if (strlen(value) >= sizeof out->text ||
	    value[strspn(value, "0123456789.,\\ABCDEFGHIJKLMNOPQRSTUVWXYZ_ ")] != '\0')
		return err_set(err, ERR_INVALID, "%s is no list of at most %d values", keyword, DICOMWEB_LIST_MAX);
	text_copy(out->text, sizeof out->text, value);
	char *rest, *item = strtok_r(out->text, ",\\", &rest);
	for (; item != NULL; item = strtok_r(NULL, ",\\", &rest)) {
		if (out->count == DICOMWEB_LIST_MAX)
			return err_set(err, ERR_INVALID, "%s has more than %d values", keyword, DICOMWEB_LIST_MAX);
		out->items[out->count++] = item;
	}
	return true;
}

bool dicomweb_key_window(const struct http_request *request, struct dicomweb_window *out, struct err *err)
{
	return input_query_int(request, "limit", 1, RESULTS_MAX, RESULTS_MAX, &out->limit, err) &&
	       input_query_int(request, "offset", 0, OFFSET_MAX, 0, &out->offset, err);
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
