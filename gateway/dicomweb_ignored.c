#include "gateway/dicomweb_ignored.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { PATH_MAX_BYTES = 256, WARNING_MAX = 1000 };

static const char NAMED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";

/* ---- fields ------------------------------------------------------------------------------------------------------------------ */

/* Calls visit with each field of every includefield until it fails; first: the tag of the data set itself. */
static bool each_field(const struct http_request *request,
                       bool (*visit)(const char *path, uint32_t first, void *context, struct err *err), void *context,
                       struct err *err)
{
	for (size_t i = 0; http_query_name(request, i) != NULL; i++) {
		const char *value = http_query_value(request, i);
		if (strcmp(http_query_name(request, i), "includefield") != 0)
			continue;
		for (;;) {
			size_t length = strcspn(value, ",");
			char path[PATH_MAX_BYTES], *rest, parts[PATH_MAX_BYTES];
			uint32_t first = 0, tag;
			if (length >= sizeof path)
				return err_set(err, ERR_INVALID, "includefield names something that is no attribute");
			snprintf(path, sizeof path, "%.*s", (int)length, value);
			if (strcmp(path, "all") != 0 && path[0] != '\0') {
				text_copy(parts, sizeof parts, path);
				for (char *part = strtok_r(parts, ".", &rest); part != NULL;
				     part = strtok_r(NULL, ".", &rest)) {
					if (!dicom_attribute(part, &tag))
						return err_set(err, ERR_INVALID,
						               "includefield names something that is no attribute");
					first = first == 0 ? tag : first;
				}
				if (!visit(path, first, context, err))
					return false;
			}
			if (value[length] == '\0')
				break;
			value += length + 1;
		}
	}
	return true;
}

static bool accept_field(const char *path, uint32_t first, void *context, struct err *err)
{
	(void)path, (void)context;
	return first != 0 || err_set(err, ERR_INVALID, "includefield names something that is no attribute");
}

bool dicomweb_check_fields(const struct http_request *request, struct err *err)
{
	return each_field(request, accept_field, NULL, err);
}

/* ---- warnings ---------------------------------------------------------------------------------------------------------------- */

struct ignored {
	const json_t *list;
	struct text_buf text;
};

/* Names that are more than a warning holds are left out of it. */
static void name(struct ignored *ignored, const char *what)
{
	if (what[strspn(what, NAMED)] == '\0' && ignored->text.length + strlen(what) + 2 < WARNING_MAX &&
	    !text_buf_printf(&ignored->text, "%s%s", ignored->text.length > 0 ? ", " : "", what))
		err_panic("out of memory");
}

static bool has(const json_t *list, uint32_t tag)
{
	char key[9];
	size_t i;
	json_t *row;
	snprintf(key, sizeof key, "%08X", tag);
	json_array_foreach(list, i, row) if (json_object_get(row, key) != NULL) return true;
	return false;
}

static bool name_missing(const char *path, uint32_t first, void *context, struct err *err)
{
	(void)err;
	struct ignored *ignored = context;
	if (!has(ignored->list, first))
		name(ignored, path);
	return true;
}

static bool is_known(const char *key, const char *known)
{
	static const char every[] = " limit offset includefield fuzzymatching filter deletionlock accept charset ";
	char word[PATH_MAX_BYTES + 2];
	if (snprintf(word, sizeof word, " %s ", key) >= (int)sizeof word)
		return false;
	return strstr(every, word) != NULL || strstr(known, word) != NULL;
}

static bool warn(struct http_request *request, const char *what, struct ignored *ignored, struct err *err)
{
	char text[WARNING_MAX + 200];
	if (ignored->text.length == 0)
		return true;
	snprintf(text, sizeof text, "299 yingqiao: \"%s: %.*s\"", what, (int)ignored->text.length, ignored->text.data);
	return http_add_header(request, "Warning", text, err);
}

bool dicomweb_warn_of_ignored(struct http_request *request, const char *known, const json_t *list, struct err *err)
{
	struct ignored keys = {.list = list}, fields = {.list = list};
	text_buf_init(&keys.text, WARNING_MAX);
	text_buf_init(&fields.text, WARNING_MAX);
	for (size_t i = 0; http_query_name(request, i) != NULL; i++)
		if (!is_known(http_query_name(request, i), known))
			name(&keys, http_query_name(request, i));
	bool ok = (list == NULL || each_field(request, name_missing, &fields, err)) &&
	          warn(request, "These keys were not matched", &keys, err) &&
	          warn(request, "These attributes are not returned", &fields, err);
	text_buf_fini(&keys.text);
	text_buf_fini(&fields.text);
	return ok;
}
