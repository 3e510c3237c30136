#include "lib/dicom/normalized.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/structure.h"

enum {
	TAG_CLASS = 0x00081150,
	TAG_INSTANCE = 0x00081155,
	TAG_FAILURE_REASON = 0x00081197,
	TAG_TRANSACTION = 0x00081195,
	TAG_FAILED = 0x00081198,
	TAG_REFERENCED = 0x00081199,
	TAG_SCHEDULED_STEPS = 0x00400270,
	TAG_PERFORMED_SERIES = 0x00400340,
	TAG_STUDY_UID = 0x0020000d,
	TAG_SERIES_UID = 0x0020000e,
	TAG_ACCESSION = 0x00080050,
	TAG_SOP_INSTANCE = 0x00080018,
	TAG_QUERY_LEVEL = 0x00080052
};

bool dicom_refuse(struct err *err, enum err_kind kind, uint16_t status, const char *text)
{
	err_set(err, kind, "%s", text);
	err_code(err, ERR_SOURCE_DIMSE, status);
	return false;
}

/* ---- lists of references ----------------------------------------------------------------------------------------------- */

struct references {
	struct dicom_reference_pair *items;
	size_t count, capacity;
	bool is_open; /* a class was told, its instance was not yet: the two stand in this order (PS3.5 section 7.1) */
	bool is_broken, is_too_long;
};

static void copy_uid(char out[DICOM_UID_SIZE], const char *bytes, size_t length, bool *is_broken)
{
	char text[DICOM_UID_SIZE] = "";

	while (length && (bytes[length - 1] == '\0' || bytes[length - 1] == ' '))
		length--;
	if (length < sizeof text)
		memcpy(text, bytes, length);
	if (length >= sizeof text || !text_is_uid(text))
		*is_broken = true;
	else
		memcpy(out, text, sizeof text);
}

static void open_reference(struct references *list, const char *bytes, size_t length)
{
	list->is_broken |= list->is_open;
	if (list->count == DICOM_REFERENCES_MAX) {
		list->is_too_long = true;
		return;
	}
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 64;
		list->items = reallocarray(list->items, list->capacity, sizeof *list->items);
		if (!list->items)
			err_panic("out of memory");
	}
	memset(&list->items[list->count], 0, sizeof *list->items);
	copy_uid(list->items[list->count].sop_class_uid, bytes, length, &list->is_broken);
	list->is_open = true;
}

static void close_reference(struct references *list, const char *bytes, size_t length)
{
	if (list->is_too_long)
		return;
	if (!list->is_open) {
		list->is_broken = true;
		return;
	}
	copy_uid(list->items[list->count++].sop_instance_uid, bytes, length, &list->is_broken);
	list->is_open = false;
}

static void take_reference(struct references *list, uint32_t tag, const char *bytes, size_t length)
{
	if (tag == TAG_CLASS)
		open_reference(list, bytes, length);
	else
		close_reference(list, bytes, length);
}

static bool is_reference(const struct structure_element *element)
{
	return element->tag == TAG_CLASS || element->tag == TAG_INSTANCE;
}

static bool refuse_list(const struct references *list, struct err *err)
{
	if (list->is_too_long)
		return dicom_refuse(err, ERR_NO_SPACE, DICOM_STATUS_RESOURCE_LIMITATION, "too many references");
	if (list->is_broken || list->is_open)
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "a reference is malformed");
	return true;
}

/* The structure itself is broken. */
static bool refuse_structure(struct err *err)
{
	if (err->kind == ERR_INVALID)
		err_code(err, ERR_SOURCE_DIMSE, DICOM_STATUS_INVALID_ARGUMENT);
	return false;
}

/* ---- commitment requests ------------------------------------------------------------------------------------------------- */

struct commitment_reading {
	struct dicom_commitment_request *out;
	struct references list;
	bool is_broken;
};

static size_t want_commitment(void *context, const struct structure_element *element)
{
	(void)context;
	if (element->depth == 0)
		return element->tag == TAG_TRANSACTION ? DICOM_UID_SIZE + 1 : 0;
	return element->depth == 1 && element->parent == TAG_REFERENCED && is_reference(element) ? DICOM_UID_SIZE + 1
	                                                                                         : 0;
}

static void take_commitment(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct commitment_reading *reading = context;

	if (element->depth == 0)
		copy_uid(reading->out->transaction_uid, bytes, length, &reading->is_broken);
	else
		take_reference(&reading->list, element->tag, bytes, length);
}

bool dicom_read_commitment_request(const struct dicom_bytes *dataset, struct dicom_commitment_request *out,
                                   struct err *err)
{
	struct commitment_reading reading = {.out = out};
	struct structure_visitor visitor = {want_commitment, take_commitment, &reading, NULL};
	char syntax[DICOM_UID_SIZE];
	bool ok;

	memset(out, 0, sizeof *out);
	ok = structure_walk_bytes(dataset, &visitor, syntax, err) || refuse_structure(err);
	out->items = reading.list.items;
	out->count = reading.list.count;
	if (!ok || !refuse_list(&reading.list, err))
		return false;
	if (reading.is_broken || !out->transaction_uid[0])
		return dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "no usable Transaction UID");
	return out->count > 0 || dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "nothing is referenced");
}

void dicom_commitment_request_fini(struct dicom_commitment_request *request)
{
	free(request->items);
	memset(request, 0, sizeof *request);
}

/* ---- reports of commitments ------------------------------------------------------------------------------------------------ */

struct told_reading {
	struct dicom_commitment_told *out;
	struct references list;
	uint16_t *reasons; /* beside the list */
	size_t reason_capacity;
	bool is_broken;
};

static size_t want_told(void *context, const struct structure_element *element)
{
	(void)context;
	if (element->depth == 0)
		return element->tag == TAG_TRANSACTION ? DICOM_UID_SIZE + 1 : 0;
	if (element->depth != 1 || (element->parent != TAG_REFERENCED && element->parent != TAG_FAILED))
		return 0;
	return is_reference(element)                                                 ? DICOM_UID_SIZE + 1
	       : element->parent == TAG_FAILED && element->tag == TAG_FAILURE_REASON ? 2
	                                                                             : 0;
}

/* Each failed instance has a reason, also when none is told. */
static uint16_t *reason_of(struct told_reading *reading, size_t index)
{
	if (reading->reason_capacity < reading->list.capacity) {
		reading->reason_capacity = reading->list.capacity;
		reading->reasons = reallocarray(reading->reasons, reading->reason_capacity, sizeof *reading->reasons);
		if (!reading->reasons)
			err_panic("out of memory");
	}
	return &reading->reasons[index];
}

static void take_told(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct told_reading *reading = context;
	struct references *list = &reading->list;

	if (element->depth == 0) {
		copy_uid(reading->out->transaction_uid, bytes, length, &reading->is_broken);
	} else if (element->tag != TAG_FAILURE_REASON) {
		take_reference(list, element->tag, bytes, length);
		if (list->is_open)
			*reason_of(reading, list->count) =
			    element->parent == TAG_FAILED ? DICOM_STATUS_PROCESSING_FAILURE : 0;
	} else if (list->count > 0 && !list->is_open && length == 2) {
		uint16_t reason = (uint16_t)((unsigned char)bytes[0] | (unsigned char)bytes[1] << 8);

		*reason_of(reading, list->count - 1) = reason ? reason : DICOM_STATUS_PROCESSING_FAILURE;
	}
}

static void move_told(const struct told_reading *reading, struct dicom_commitment_told *out)
{
	out->items = calloc(reading->list.count + 1, sizeof *out->items);
	if (!out->items)
		err_panic("out of memory");
	out->count = reading->list.count;
	for (size_t i = 0; i < out->count; i++)
		out->items[i] = (struct dicom_commitment_told_item){reading->list.items[i], reading->reasons[i]};
}

bool dicom_read_commitment_told(const struct dicom_bytes *dataset, struct dicom_commitment_told *out, struct err *err)
{
	struct told_reading reading = {.out = out};
	struct structure_visitor visitor = {want_told, take_told, &reading, NULL};
	char syntax[DICOM_UID_SIZE];
	bool ok;

	memset(out, 0, sizeof *out);
	ok = (structure_walk_bytes(dataset, &visitor, syntax, err) || refuse_structure(err)) &&
	     refuse_list(&reading.list, err);
	if (ok)
		move_told(&reading, out);
	free(reading.list.items);
	free(reading.reasons);
	if (!ok)
		return false;
	return (!reading.is_broken && out->transaction_uid[0]) ||
	       dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ARGUMENT, "no usable Transaction UID");
}

void dicom_commitment_told_fini(struct dicom_commitment_told *told)
{
	free(told->items);
	memset(told, 0, sizeof *told);
}

/* ---- answers to queries ------------------------------------------------------------------------------------------------------ */

struct found_reading {
	char *out;
	bool is_broken;
};

static size_t want_found(void *context, const struct structure_element *element)
{
	(void)context;
	return element->depth == 0 && element->tag == TAG_SOP_INSTANCE ? DICOM_UID_SIZE + 1 : 0;
}

static void take_found(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct found_reading *reading = context;

	(void)element;
	copy_uid(reading->out, bytes, length, &reading->is_broken);
}

bool dicom_read_instance_found(const struct dicom_bytes *dataset, char out[DICOM_UID_SIZE], struct err *err)
{
	struct found_reading reading = {.out = out};
	struct structure_visitor visitor = {want_found, take_found, &reading, NULL};
	char syntax[DICOM_UID_SIZE];

	out[0] = '\0';
	return structure_walk_bytes(dataset, &visitor, syntax, err);
}

/* ---- performed procedure steps --------------------------------------------------------------------------------------------- */

/* At the top level; kept as text of the default repertoire. */
static const struct mpps_field {
	uint32_t tag;
	size_t offset, size;
} mpps_fields[] = {
#define MEMBER(tag, name) {tag, offsetof(struct dicom_mpps, name), sizeof(((struct dicom_mpps *)0)->name)}
    MEMBER(0x00080060, modality),   MEMBER(0x00400241, station_ae), MEMBER(0x00400244, start_date),
    MEMBER(0x00400245, start_time), MEMBER(0x00400250, end_date),   MEMBER(0x00400251, end_time),
    MEMBER(0x00400252, status),     MEMBER(0x00400253, step_id),
#undef MEMBER
};
enum { MPPS_FIELD_COUNT = sizeof mpps_fields / sizeof mpps_fields[0] };

struct mpps_reading {
	struct dicom_mpps *out;
	struct references list;
	bool is_broken;
};

static const struct mpps_field *find_field(uint32_t tag)
{
	for (size_t i = 0; i < MPPS_FIELD_COUNT; i++)
		if (mpps_fields[i].tag == tag)
			return &mpps_fields[i];
	return NULL;
}

static size_t want_mpps(void *context, const struct structure_element *element)
{
	(void)context;
	if (element->depth == 0)
		return find_field(element->tag) ? 80 : 0;
	if (element->parent == TAG_SCHEDULED_STEPS && element->depth == 1)
		return element->tag == TAG_STUDY_UID || element->tag == TAG_ACCESSION ? 80 : 0;
	if (element->parent == TAG_PERFORMED_SERIES)
		return (element->depth == 1 && element->tag == TAG_SERIES_UID) ||
		               (element->depth == 2 && is_reference(element))
		           ? 80
		           : 0;
	return 0;
}

/* Trimmed; whatever is not printable ASCII is somebody's mistake and of no use here. */
static void copy_code(char *out, size_t out_size, const char *bytes, size_t length)
{
	size_t n = 0;

	while (length && (bytes[length - 1] == ' ' || bytes[length - 1] == '\0'))
		length--;
	for (size_t i = 0; i < length && n + 1 < out_size; i++)
		if (n || bytes[i] != ' ')
			out[n++] = bytes[i];
	out[n] = '\0';
	for (char *c = out; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

static void take_scheduled(struct mpps_reading *reading, uint32_t tag, const char *bytes, size_t length)
{
	struct dicom_mpps *out = reading->out;

	if (tag == TAG_ACCESSION && !out->accession_number[0])
		copy_code(out->accession_number, sizeof out->accession_number, bytes, length);
	if (tag == TAG_STUDY_UID && !out->study_instance_uid[0])
		copy_uid(out->study_instance_uid, bytes, length, &reading->is_broken);
}

static void take_mpps(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct mpps_reading *reading = context;
	const struct mpps_field *field = element->depth == 0 ? find_field(element->tag) : NULL;

	if (field)
		copy_code((char *)reading->out + field->offset, field->size, bytes, length);
	else if (element->parent == TAG_SCHEDULED_STEPS)
		take_scheduled(reading, element->tag, bytes, length);
	else if (element->tag == TAG_SERIES_UID)
		reading->out->series_count++;
	else
		take_reference(&reading->list, element->tag, bytes, length);
}

bool dicom_read_mpps(const struct dicom_bytes *dataset, struct dicom_mpps *out, struct err *err)
{
	struct mpps_reading reading = {.out = out};
	struct structure_visitor visitor = {want_mpps, take_mpps, &reading, NULL};
	char syntax[DICOM_UID_SIZE];
	bool ok;

	memset(out, 0, sizeof *out);
	ok = structure_walk_bytes(dataset, &visitor, syntax, err) || refuse_structure(err);
	out->items = reading.list.items;
	out->count = reading.list.count;
	out->has_series = out->series_count > 0 || out->count > 0;
	if (!ok || !refuse_list(&reading.list, err))
		return false;
	return !reading.is_broken ||
	       dicom_refuse(err, ERR_INVALID, DICOM_STATUS_INVALID_ATTRIBUTE, "the Study Instance UID is malformed");
}

void dicom_mpps_fini(struct dicom_mpps *mpps)
{
	free(mpps->items);
	mpps->items = NULL;
	mpps->count = 0;
}

/* ---- what we say ----------------------------------------------------------------------------------------------------------- */

struct writer {
	struct text_buf buf;
	bool is_implicit;
};

static void put(struct writer *writer, const void *bytes, size_t length)
{
	if (!text_buf_append(&writer->buf, bytes, length))
		err_panic("a dataset does not fit");
}

static void put_number(struct writer *writer, uint32_t value, size_t width)
{
	const char bytes[4] = {(char)value, (char)(value >> 8), (char)(value >> 16), (char)(value >> 24)};

	put(writer, bytes, width);
}

/* Group and element, VR where it is told, length. */
static void put_head(struct writer *writer, uint32_t tag, const char *vr, uint32_t length)
{
	put_number(writer, tag >> 16, 2);
	put_number(writer, tag & 0xffff, 2);
	if (!writer->is_implicit && vr) {
		put(writer, vr, 2);
		if (strcmp(vr, "SQ") != 0) {
			put_number(writer, length, 2);
			return;
		}
		put_number(writer, 0, 2);
	}
	put_number(writer, length, 4);
}

static void put_uid(struct writer *writer, uint32_t tag, const char *uid)
{
	size_t length = strlen(uid);

	put_head(writer, tag, "UI", (uint32_t)(length + (length & 1)));
	put(writer, uid, length);
	if (length & 1)
		put(writer, "", 1);
}

/* Sequence and items of undefined length, so that nothing is counted beforehand (PS3.5 section 7.5). */
static void put_list(struct writer *writer, uint32_t tag, const struct dicom_commitment_result *result, bool has_failed)
{
	put_head(writer, tag, "SQ", UINT32_MAX);
	for (size_t i = 0; i < result->count; i++) {
		const struct dicom_commitment_item *item = &result->items[i];

		if ((item->failure_reason != 0) != has_failed)
			continue;
		put_head(writer, 0xfffee000u, NULL, UINT32_MAX);
		put_uid(writer, TAG_CLASS, item->sop_class_uid);
		put_uid(writer, TAG_INSTANCE, item->sop_instance_uid);
		if (has_failed) {
			put_head(writer, TAG_FAILURE_REASON, "US", 2);
			put_number(writer, item->failure_reason, 2);
		}
		put_head(writer, 0xfffee00du, NULL, 0);
	}
	put_head(writer, 0xfffee0ddu, NULL, 0);
}

void dicom_write_commitment_result(const struct dicom_commitment_result *result, bool is_implicit, uint8_t **out,
                                   size_t *out_length)
{
	struct writer writer = {.is_implicit = is_implicit};
	size_t failed = 0;

	text_buf_init(&writer.buf, 256 + result->count * 256);
	for (size_t i = 0; i < result->count; i++)
		failed += result->items[i].failure_reason != 0;
	put_uid(&writer, TAG_TRANSACTION, result->transaction_uid);
	if (failed)
		put_list(&writer, TAG_FAILED, result, true);
	if (failed < result->count)
		put_list(&writer, TAG_REFERENCED, result, false);
	*out = (uint8_t *)writer.buf.data;
	*out_length = writer.buf.length;
}

static void put_references(struct writer *writer, const struct dicom_reference_pair *items, size_t count)
{
	put_head(writer, TAG_REFERENCED, "SQ", UINT32_MAX);
	for (size_t i = 0; i < count; i++) {
		put_head(writer, 0xfffee000u, NULL, UINT32_MAX);
		put_uid(writer, TAG_CLASS, items[i].sop_class_uid);
		put_uid(writer, TAG_INSTANCE, items[i].sop_instance_uid);
		put_head(writer, 0xfffee00du, NULL, 0);
	}
	put_head(writer, 0xfffee0ddu, NULL, 0);
}

void dicom_write_commitment_request(const char *transaction_uid, const struct dicom_reference_pair *items, size_t count,
                                    bool is_implicit, uint8_t **out, size_t *out_length)
{
	struct writer writer = {.is_implicit = is_implicit};

	text_buf_init(&writer.buf, 256 + count * 256);
	put_uid(&writer, TAG_TRANSACTION, transaction_uid);
	put_references(&writer, items, count);
	*out = (uint8_t *)writer.buf.data;
	*out_length = writer.buf.length;
}

void dicom_write_instance_query(const char *study_instance_uid, const char *series_instance_uid, bool is_implicit,
                                uint8_t **out, size_t *out_length)
{
	static const char level[] = "IMAGE ";
	struct writer writer = {.is_implicit = is_implicit};

	text_buf_init(&writer.buf, 512);
	put_uid(&writer, TAG_SOP_INSTANCE, "");
	put_head(&writer, TAG_QUERY_LEVEL, "CS", sizeof level - 1);
	put(&writer, level, sizeof level - 1);
	put_uid(&writer, TAG_STUDY_UID, study_instance_uid);
	put_uid(&writer, TAG_SERIES_UID, series_instance_uid);
	*out = (uint8_t *)writer.buf.data;
	*out_length = writer.buf.length;
}
