#include "gateway/dicomweb_object.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/temporary.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { CHANGES_MAX = 16, PATH_SIZE = 32, TAG_DIGITS = 8, TAG_CHARSET = 0x00080005 };

static const char *stored_syntax(const struct db_rows *rows, int row)
{
	return db_get_text(rows, row, "transfer_syntax_uid");
}

static bool is_verbatim(const struct db_rows *rows, int row, const char *wanted)
{
	return strcmp(wanted, "*") == 0 ||
	       (strcmp(wanted, stored_syntax(rows, row)) == 0 && strcmp(wanted, DICOM_EXPLICIT) != 0);
}

/* What has no pixels is not compressed: PS3.5 section A.4. */
static const char *target_syntax(const struct db_rows *rows, int row, const char *wanted)
{
	if (wanted[0] == '\0' || (!dicom_is_uncompressed(wanted) && !db_get_bool(rows, row, "has_pixels")))
		return DICOM_EXPLICIT;
	return wanted;
}

bool dicomweb_object_can(const struct db_rows *rows, int row, const char *wanted)
{
	const char *target = target_syntax(rows, row, wanted);
	return wanted[0] == '\0' || is_verbatim(rows, row, wanted) || strcmp(target, stored_syntax(rows, row)) == 0 ||
	       dicom_can_transcode(stored_syntax(rows, row), target);
}

bool dicomweb_object_is_stored(const struct db_rows *rows, int row, const char *wanted)
{
	return is_verbatim(rows, row, wanted) ||
	       (strcmp(target_syntax(rows, row, wanted), stored_syntax(rows, row)) == 0 &&
	        !db_get_bool(rows, row, "is_corrected"));
}

/* ---- what people decided -------------------------------------------------------------------------------------------------- */

static const char *group_of(const json_t *name, const char *group)
{
	const char *text = json_string_value(json_object_get(name, group));
	return text != NULL ? text : "";
}

/* The first value of an attribute of the JSON model, a name with its groups: "A=I=P". */
static bool read_value(const json_t *attribute, char *out, size_t out_size)
{
	const json_t *value = json_array_get(json_object_get(attribute, "Value"), 0);
	if (!json_is_object(value))
		return text_copy(out, out_size, json_is_string(value) ? json_string_value(value) : "");
	int length = snprintf(out, out_size, "%s=%s=%s", group_of(value, "Alphabetic"), group_of(value, "Ideographic"),
	                      group_of(value, "Phonetic"));
	if (length < 0 || (size_t)length >= out_size)
		return false;
	while (length > 0 && out[length - 1] == '=')
		out[--length] = '\0';
	return true;
}

static bool read_changes(const char *overlay, struct dicom_change out[CHANGES_MAX], size_t *out_count, struct err *err)
{
	json_t *attributes = json_loads(overlay, 0, NULL), *attribute;
	const char *tag;
	bool ok = attributes != NULL && json_object_size(attributes) <= CHANGES_MAX;
	*out_count = 0;
	json_object_foreach(attributes, tag, attribute)
	{
		struct dicom_change *change = &out[*out_count];
		change->tag = (uint32_t)strtoul(tag, NULL, 16);
		if (!ok || change->tag == TAG_CHARSET)
			continue;
		ok = strlen(tag) == TAG_DIGITS && read_value(attribute, change->value, sizeof change->value);
		++*out_count;
	}
	json_decref(attributes);
	return ok || err_set(err, ERR_INVALID, "cannot write what was corrected into the object");
}

/* ---- files -------------------------------------------------------------------------------------------------------------------- */

static void put_type(struct dicomweb_part *part, const char *syntax)
{
	snprintf(part->type, sizeof part->type, "application/dicom; transfer-syntax=%s", syntax);
}

static bool write_anew(const char *path, const struct db_rows *rows, int row, const char *target, int fd, uint64_t most,
                       uint64_t *out_size, struct err *err)
{
	struct dicom_change changes[CHANGES_MAX];
	size_t count;
	if (!db_get_bool(rows, row, "is_corrected"))
		return dicom_transcode(path, target, fd, most, out_size, err);
	return read_changes(db_get_text(rows, row, "overlay"), changes, &count, err) &&
	       dicom_rewrite(path, target, changes, count, db_get_text(rows, row, "charset_used"), fd, most, out_size,
	                     err);
}

/* Puts another file in the place of the one that is stored, unless that one says it all. */
static bool replace(const struct db_rows *rows, int row, const char *target, struct dicomweb_part *part,
                    struct err *err)
{
	char path[PATH_SIZE];
	uint64_t most, size = 0;
	int fd;
	if (!temporary_open(&fd, &most, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", part->fd);
	bool ok = write_anew(path, rows, row, target, fd, most, &size, err);
	if (!ok || size == 0) {
		close(fd);
		return ok;
	}
	close(part->fd);
	part->fd = fd;
	part->length = size;
	put_type(part, target);
	return true;
}

bool dicomweb_object_describe(const struct db_rows *rows, int row, const char *wanted, struct dicomweb_part *out)
{
	if (!dicomweb_object_is_stored(rows, row, wanted))
		return false;
	out->length = (uint64_t)db_get_int(rows, row, "size_bytes");
	put_type(out, stored_syntax(rows, row));
	return true;
}

static bool refuse(struct err *err)
{
	char why[ERR_TEXT_MAX];
	text_copy(why, sizeof why, err->text);
	err_set(err, ERR_REFUSED, "this is only to be had as stored, with transfer-syntax=*: %s", why);
	return err_code(err, ERR_SOURCE_HTTP, 406);
}

bool dicomweb_object_open(struct store *store, const struct db_rows *rows, int row, const char *wanted, bool is_strict,
                          struct dicomweb_part *out, struct err *err)
{
	struct err why = {0};
	if (!store_open_object(store, db_get_text(rows, row, "object_key"), &out->fd, &out->length, err))
		return false;
	put_type(out, stored_syntax(rows, row));
	if (dicomweb_object_is_stored(rows, row, wanted) ||
	    replace(rows, row, target_syntax(rows, row, wanted), out, &why))
		return true;
	if (why.kind != ERR_REFUSED && why.kind != ERR_INVALID) {
		*err = why;
		return false;
	}
	if (!is_strict) {
		if (why.kind == ERR_INVALID) /* to be signed is no fault */
			log_err(LOG_HTTP_FAILED, &why, "step=retrieve instance=%s", db_get_text(rows, row, "id"));
		return true;
	}
	*err = why;
	return refuse(err);
}
