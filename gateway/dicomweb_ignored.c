#include "gateway/dicomweb_ignored.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { PATH_MAX_BYTES = 256, FIELD_DEPTH_MAX = 64, WARNING_MAX = 1000 };

static const char NAMED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";

/* ---- fields ------------------------------------------------------------------------------------------------------------------ */

/* An attribute by the sequences around it, from the outermost on. */
struct field {
	const char *path; /* as it was written */
	uint32_t tags[FIELD_DEPTH_MAX];
	int depth; /* 0: it is no attribute */
};

/* Tags of "sequence.attribute"; false: one of them is none. */
static bool read_field(const char *path, struct field *out)
{
	char parts[PATH_MAX_BYTES], *rest;
	*out = (struct field){.path = path};
	text_copy(parts, sizeof parts, path);
	char *part = strtok_r(parts, ".", &rest);
	for (; part != NULL && out->depth < FIELD_DEPTH_MAX; part = strtok_r(NULL, ".", &rest))
		if (!dicom_attribute(part, &out->tags[out->depth++]))
			return false;
	return part == NULL;
}

/* Calls visit with each field of every includefield until it fails. */
static bool each_field(const struct http_request *request,
                       bool (*visit)(const struct field *field, void *context, struct err *err), void *context,
                       struct err *err)
{
	for (size_t i = 0; http_query_name(request, i) != NULL; i++) {
		const char *value = http_query_value(request, i);
		if (strcmp(http_query_name(request, i), "includefield") != 0)
			continue;
		for (;;) {
			size_t length = strcspn(value, ",");
			char path[PATH_MAX_BYTES];
			struct field field;
			if (length >= sizeof path)
				return err_set(err, ERR_INVALID, "includefield names something that is no attribute");
			snprintf(path, sizeof path, "%.*s", (int)length, value);
			if (strcmp(path, "all") != 0 && path[0] != '\0') {
				if (!read_field(path, &field))
					return err_set(err, ERR_INVALID,
					               "includefield names something that is no attribute");
				if (!visit(&field, context, err))
					return false;
			}
			if (value[length] == '\0')
				break;
			value += length + 1;
		}
	}
	return true;
}

static bool accept_field(const struct field *field, void *context, struct err *err)
{
	(void)context;
	return field->depth > 0 || err_set(err, ERR_INVALID, "includefield names something that is no attribute");
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

/* The items of a sequence in all of these data sets; NULL: none of them has the attribute. */
static json_t *items_of(const json_t *datasets, uint32_t tag)
{
	char key[9];
	json_t *items = NULL, *dataset;
	size_t i;
	snprintf(key, sizeof key, "%08X", tag);
	json_array_foreach(datasets, i, dataset)
	{
		const json_t *attribute = json_object_get(dataset, key);
		if (attribute == NULL)
			continue;
		items = items != NULL ? items : json_array();
		json_array_extend(items, json_object_get(attribute, "Value"));
	}
	return items;
}

/* Sequences that have no items anywhere leave open what would stand in one. */
static bool has(const json_t *list, const struct field *field)
{
	json_t *level = items_of(list, field->tags[0]);
	for (int depth = 1; depth < field->depth && json_array_size(level) > 0; depth++) {
		json_t *below = items_of(level, field->tags[depth]);
		json_decref(level);
		level = below;
	}
	bool found = level != NULL;
	json_decref(level);
	return found;
}

static bool name_missing(const struct field *field, void *context, struct err *err)
{
	(void)err;
	struct ignored *ignored = context;
	if (!has(ignored->list, field))
		name(ignored, field->path);
	return true;
}

static bool is_known(const char *key, const char *known)
{
	static const char every[] = " limit offset includefield fuzzymatching accept charset ";
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
