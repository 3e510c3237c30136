/* WADO-RS (PS3.18 section 10.4): the objects of a study, a series, or one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/accel.h"
#include "gateway/caller.h"
#include "gateway/dicomweb.h"
#include "gateway/dicomweb_object.h"
#include "gateway/dicomweb_parts.h"
#include "gateway/handlers.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

/* Goes into every tag of many: what is given otherwise has another number. */
#define OBJECTS "objects 1"

/* The objects of one answer, each made when its turn comes. */
struct objects {
	struct db_rows *rows;
	struct store *store;
	char base[DICOMWEB_BASE_SIZE];
	char wanted[DICOM_UID_SIZE]; /* transfer syntax; see dicomweb_object.h */
};

static void objects_free(void *context)
{
	struct objects *objects = context;
	db_rows_free(objects->rows);
	free(objects);
}

/* Behind the first part nothing can be refused any more: an object that cannot be had so goes as stored, under its name. */
static bool open_object(void *context, int index, struct dicomweb_part *out, struct err *err)
{
	const struct objects *objects = context;
	bool is_strict = objects->wanted[0] != '\0' && index == 0;
	if (!dicomweb_object_open(objects->store, objects->rows, index, objects->wanted, is_strict, out, err))
		return false;
	dicomweb_locate(objects->base, objects->rows, index, out->location, sizeof out->location);
	return true;
}

static bool describe_object(void *context, int index, struct dicomweb_part *out)
{
	const struct objects *objects = context;
	dicomweb_locate(objects->base, objects->rows, index, out->location, sizeof out->location);
	return dicomweb_object_describe(objects->rows, index, objects->wanted, out);
}

/* ---- what is asked for -------------------------------------------------------------------------------------------------------- */

enum form { FORM_NONE, FORM_MULTIPART, FORM_SINGLE };

/* How taken[index] wants the objects; a group of types alone is taken for one of them, and of several it names the parts. */
static enum form form_of(const struct accept *accept, int index, int count)
{
	static const char type[] = "application/dicom";
	const struct accept_range *range = &accept->taken[index];
	const char *syntax = range->transfer_syntax_uid[0] != '\0' ? range->transfer_syntax_uid : DICOM_EXPLICIT;
	const struct accept_offer many = {"multipart/related", type, syntax}, one = {type, NULL, syntax};
	bool is_alone = strcmp(range->type, type) == 0 || strcmp(range->type, "application/*") == 0;
	if (is_alone && count == 1)
		return accept_decides(accept, index, &one) ? FORM_SINGLE : FORM_NONE;
	if (strcmp(range->type, type) == 0)
		return FORM_NONE;
	return accept_decides(accept, index, &many) ? FORM_MULTIPART : FORM_NONE;
}

static bool all_can(const struct db_rows *rows, const char *wanted)
{
	for (int i = 0; i < db_rows_count(rows); i++)
		if (!dicomweb_object_can(rows, i, wanted))
			return false;
	return true;
}

/* The first of what is taken that all objects can be had in. */
static enum form choose(const struct accept *accept, const struct db_rows *rows, const char **wanted)
{
	for (int i = 0; i < accept->count; i++) {
		enum form form = form_of(accept, i, db_rows_count(rows));
		if (form != FORM_NONE && all_can(rows, accept->taken[i].transfer_syntax_uid)) {
			*wanted = accept->taken[i].transfer_syntax_uid;
			return form;
		}
	}
	return FORM_NONE;
}

static bool not_acceptable(const struct db_rows *rows, struct err *err)
{
	static const char *const syntaxes[] = {DICOM_EXPLICIT, DICOM_IMPLICIT, "1.2.840.10008.1.2.4.70",
	                                       "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"};
	char text[ERR_TEXT_MAX];
	struct text_buf list;
	bool ok = true;
	text_buf_init(&list, sizeof text - 1);
	for (size_t i = 0; i < sizeof syntaxes / sizeof syntaxes[0]; i++)
		if (all_can(rows, syntaxes[i]))
			ok = ok && text_buf_printf(&list, ", or =%s", syntaxes[i]);
	snprintf(text, sizeof text,
	         "multipart/related; type=\"application/dicom\"%s, with transfer-syntax=* (as stored)%s",
	         db_rows_count(rows) == 1 ? " or application/dicom" : "", ok && list.length > 0 ? list.data : "");
	text_buf_fini(&list);
	return dicomweb_not_acceptable(err, text);
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------- */

/* Takes rows. */
static struct objects *objects_new(struct db_rows *rows, struct store *store, const char *wanted)
{
	struct objects *objects = calloc(1, sizeof *objects);
	if (objects == NULL)
		err_panic("out of memory");
	objects->rows = rows;
	objects->store = store;
	text_copy(objects->wanted, sizeof objects->wanted, wanted);
	return objects;
}

static bool reply_multipart(struct http_request *request, struct gateway *gateway, struct db_rows *rows,
                            const char *wanted, struct err *err)
{
	struct dicomweb_parts parts = {
	    .count = db_rows_count(rows), .open = open_object, .fini = objects_free, .describe = describe_object};
	struct objects *objects = objects_new(rows, gateway->store, wanted);
	const char *words[] = {OBJECTS, wanted, objects->base};
	char tag[DICOMWEB_TAG_SIZE], boundary[DICOMWEB_TAG_SIZE];
	bool is_settled;
	dicomweb_base(request, objects->base);
	parts.context = objects;
	dicomweb_tag_rows(rows, words, sizeof words / sizeof words[0], tag, boundary);
	bool ok = dicomweb_weigh_tag(request, tag, &is_settled, err);
	if (!ok || is_settled) {
		objects_free(objects);
		return ok;
	}
	return dicomweb_reply_parts(request, &parts, "application/dicom", boundary, err);
}

/* Stored objects never change: their key is their tag. What is made of one depends on what people decided, too. */
static void tag_of(const struct db_rows *rows, const char *wanted, char out[DICOMWEB_TAG_SIZE])
{
	const char *words[] = {db_get_text(rows, 0, "object_key"), wanted, db_get_text(rows, 0, "overlay")};
	if (dicomweb_object_is_stored(rows, 0, wanted))
		snprintf(out, DICOMWEB_TAG_SIZE, "\"%s\"", words[0]);
	else
		dicomweb_tag(words, 3, out, NULL);
}

/* Takes the part, which was opened all the same: what is missing is our answer, not the proxy's. */
static bool reply_by_proxy(struct http_request *request, const char *place, struct dicomweb_part *part, struct err *err)
{
	bool ok = http_add_header(request, "X-Accel-Redirect", place, err) &&
	          http_reply_bytes(request, 200, part->type, "", 0, err);
	dicomweb_part_fini(part);
	return ok;
}

static bool reply_single(struct http_request *request, struct gateway *gateway, const struct db_rows *rows,
                         const char *wanted, struct err *err)
{
	char tag[DICOMWEB_TAG_SIZE], place[ACCEL_PLACE_SIZE];
	struct dicomweb_part part;
	bool is_settled;
	tag_of(rows, wanted, tag);
	if (!dicomweb_weigh_tag(request, tag, &is_settled, err))
		return false;
	if (is_settled)
		return true;
	dicomweb_part_init(&part);
	if (!dicomweb_object_open(gateway->store, rows, 0, wanted, wanted[0] != '\0', &part, err)) {
		dicomweb_part_fini(&part);
		return false;
	}
	if (dicomweb_object_is_stored(rows, 0, wanted) &&
	    accel_locate(request, gateway->store, db_get_text(rows, 0, "object_key"), place))
		return reply_by_proxy(request, place, &part, err);
	return dicomweb_reply_part(request, &part, err);
}

bool handle_dicomweb_retrieve(struct http_request *request, void *context, struct err *err)
{
	struct gateway *gateway = context;
	struct accept accept;
	struct db_rows *rows = NULL;
	const char *wanted = NULL;
	if (!dicomweb_accept(request, &accept, err) || !dicomweb_objects(request, "study.retrieve", &rows, err))
		return false;
	enum form form = choose(&accept, rows, &wanted);
	if (form == FORM_MULTIPART)
		return reply_multipart(request, gateway, rows, wanted, err);
	bool ok = form == FORM_SINGLE ? reply_single(request, gateway, rows, wanted, err) : not_acceptable(rows, err);
	db_rows_free(rows);
	return ok;
}
