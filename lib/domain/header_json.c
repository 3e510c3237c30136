#include "lib/domain/header_json.h"

#include <stdio.h>

#include "lib/dicom/dicom.h"

enum { DEV_FD_SIZE = 32 };

static void add_field(void *context, const struct dicom_header_field *field)
{
	json_t *json = json_pack("{s:s, s:s, s:s?}", "tag", field->tag, "name", field->name, "value", field->value);

	if (!json || json_array_append_new(context, json) != 0)
		err_panic("could not write JSON");
}

static void add_difference(void *context, const struct dicom_header_field *field)
{
	json_t *json = json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "tag", field->tag, "name", field->name, "stored",
	                         field->value, "other", field->other, "is_technical", field->is_technical);

	if (!json || json_array_append_new(context, json) != 0)
		err_panic("could not write JSON");
}

static json_t *finish(json_t *list, const char *name, const char *count_name, size_t count, const struct err *why)
{
	json_t *json = json_pack("{s:o, s:I}", name, list, count_name, (json_int_t)count);

	if (!json || (why && json_object_set_new(json, "unreadable", json_string(why->text)) != 0))
		err_panic("could not write JSON");
	return json;
}

json_t *header_json(int fd)
{
	json_t *list = json_array();
	char path[DEV_FD_SIZE];
	size_t count = 0;
	struct err why;
	bool ok;

	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	ok = dicom_header_fields(path, DICOM_HEADER_FIELDS_MAX, add_field, list, &count, &why);
	return finish(list, "fields", "field_count", count, ok ? NULL : &why);
}

json_t *header_differences_json(int fd, int other_fd)
{
	char path[DEV_FD_SIZE], other[DEV_FD_SIZE];
	json_t *list = json_array();
	size_t count = 0;
	struct err why;
	bool ok;

	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	snprintf(other, sizeof other, "/dev/fd/%d", other_fd);
	ok = dicom_header_differences(path, other, DICOM_HEADER_FIELDS_MAX, add_difference, list, &count, &why);
	return finish(list, "differences", "difference_count", count, ok ? NULL : &why);
}
