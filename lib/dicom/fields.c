#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/dicom/charset.h"
#include "lib/dicom/dicom.h"
#include "lib/dicom/structure.h"

enum field_form {
	FIELD_UID,  /* too long: reads as "?", since a cut UID names something else */
	FIELD_CODE, /* default repertoire: dates, times, code strings */
	FIELD_TEXT  /* subject to the specific character set */
};

struct field {
	uint32_t tag;
	uint32_t parent; /* outermost sequence, 0: top level */
	uint32_t item;   /* of which item of it; 0: of whichever has one first */
	enum field_form form;
	size_t offset, size;
};

#define FIELD(tag, form, member)                                                                                       \
	{tag, 0, 0, form, offsetof(struct dicom_fields, member), sizeof(((struct dicom_fields *)0)->member)}
#define ITEM_FIELD(parent, item, tag, form, member)                                                                    \
	{tag, parent, item, form, offsetof(struct dicom_fields, member), sizeof(((struct dicom_fields *)0)->member)}
#define REQUEST_FIELDS(item)                                                                                           \
	ITEM_FIELD(0x00400275, (item) + 1, 0x00400009, FIELD_TEXT, request_attributes[item].step_id),                  \
	    ITEM_FIELD(0x00400275, (item) + 1, 0x00401001, FIELD_TEXT, request_attributes[item].procedure_id)

/* PS3.6. The first one of a repeated tag counts. */
static const struct field fields[] = {
    FIELD(0x00080005, FIELD_CODE, charset_declared),
    FIELD(0x00080016, FIELD_UID, sop_class_uid),
    FIELD(0x00080018, FIELD_UID, sop_instance_uid),
    FIELD(0x00080020, FIELD_CODE, study_date),
    FIELD(0x00080022, FIELD_CODE, acquisition_date),
    FIELD(0x00080023, FIELD_CODE, content_date),
    FIELD(0x00080030, FIELD_CODE, study_time),
    FIELD(0x00080032, FIELD_CODE, acquisition_time),
    FIELD(0x00080033, FIELD_CODE, content_time),
    FIELD(0x00080050, FIELD_TEXT, accession_number),
    FIELD(0x00080060, FIELD_CODE, modality),
    FIELD(0x00080070, FIELD_TEXT, manufacturer),
    FIELD(0x00080080, FIELD_TEXT, institution),
    FIELD(0x00080090, FIELD_TEXT, referring_physician),
    FIELD(0x00081010, FIELD_TEXT, station_name),
    FIELD(0x00081030, FIELD_TEXT, study_description),
    FIELD(0x0008103e, FIELD_TEXT, series_description),
    FIELD(0x00081070, FIELD_TEXT, operators_name),
    FIELD(0x00081090, FIELD_TEXT, model),
    FIELD(0x00100010, FIELD_TEXT, patient_name),
    FIELD(0x00100020, FIELD_TEXT, patient_id),
    FIELD(0x00100021, FIELD_TEXT, issuer_of_patient_id),
    FIELD(0x00100030, FIELD_CODE, patient_birth_date),
    FIELD(0x00100040, FIELD_CODE, patient_sex),
    FIELD(0x00101000, FIELD_TEXT, other_patient_ids),
    ITEM_FIELD(0x00101002, 0, 0x00100020, FIELD_TEXT, other_patient_ids),
    FIELD(0x00101010, FIELD_CODE, patient_age),
    FIELD(0x00180015, FIELD_CODE, body_part),
    FIELD(0x00181000, FIELD_TEXT, device_serial),
    FIELD(0x00181030, FIELD_TEXT, protocol_name),
    FIELD(0x00185101, FIELD_CODE, view_position),
    FIELD(0x0020000d, FIELD_UID, study_instance_uid),
    FIELD(0x0020000e, FIELD_UID, series_instance_uid),
    FIELD(0x00200010, FIELD_TEXT, study_id),
    FIELD(0x00200060, FIELD_CODE, laterality),
    FIELD(0x00400244, FIELD_CODE, performed_date),
    FIELD(0x00400245, FIELD_CODE, performed_time),
    REQUEST_FIELDS(0),
    REQUEST_FIELDS(1),
    REQUEST_FIELDS(2),
    REQUEST_FIELDS(3),
    REQUEST_FIELDS(4),
    REQUEST_FIELDS(5),
    REQUEST_FIELDS(6),
    REQUEST_FIELDS(7),
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };
_Static_assert(DICOM_REQUESTS_MAX == 8, "an item for each of them");

/* Numbers: IS as text, US as two bytes. */
static const struct number {
	uint32_t tag;
	bool is_binary;
	size_t offset;
} numbers[] = {
    {0x00200011, false, offsetof(struct dicom_fields, series_number)},
    {0x00200013, false, offsetof(struct dicom_fields, instance_number)},
    {0x00280008, false, offsetof(struct dicom_fields, frames)},
    {0x00280010, true, offsetof(struct dicom_fields, rows)},
    {0x00280011, true, offsetof(struct dicom_fields, columns)},
};
enum { NUMBER_COUNT = sizeof numbers / sizeof numbers[0] };

/* The longest value that is looked at: a name field of 400 bytes of UTF-8 never needs more, whatever it is coded in. */
enum { RAW_MAX = 1024 };

struct raw {
	bool seen;
	size_t length;
	char bytes[RAW_MAX];
};

struct collector {
	struct dicom_fields *out;
	const char *of_device;
	struct raw raw[FIELD_COUNT];
};

static int field_find(const struct structure_element *element)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (fields[i].tag == element->tag && fields[i].parent == element->parent &&
		    element->depth == (fields[i].parent != 0) &&
		    (fields[i].item == 0 || fields[i].item == element->item))
			return i;
	return -1;
}

static int number_find(const struct structure_element *element)
{
	for (int i = 0; i < NUMBER_COUNT; i++)
		if (numbers[i].tag == element->tag && element->depth == 0)
			return i;
	return -1;
}

static size_t want_element(void *context, const struct structure_element *element)
{
	struct collector *collector = context;
	bool is_pixels = element->tag == 0x7fe00010 || element->tag == 0x7fe00008 || element->tag == 0x7fe00009;

	if (element->depth == 0 && is_pixels)
		collector->out->has_pixels = true;
	if (element->depth > 1 || element->length == 0)
		return 0;
	return field_find(element) >= 0 || number_find(element) >= 0 ? RAW_MAX : 0;
}

static int32_t read_number(const struct number *number, const struct structure_element *element, const char *bytes,
                           size_t length)
{
	char text[16];
	char *end;
	long value;

	if (number->is_binary) {
		const unsigned char *p = (const unsigned char *)bytes;

		if (length < 2)
			return -1;
		return element->is_big_endian ? p[0] << 8 | p[1] : p[1] << 8 | p[0];
	}
	if (length >= sizeof text)
		return -1;
	memcpy(text, bytes, length);
	text[length] = '\0';
	value = strtol(text, &end, 10);
	while (*end == ' ')
		end++;
	return end == text || *end != '\0' || value < 0 || value > INT32_MAX ? -1 : (int32_t)value;
}

static void take_element(void *context, const struct structure_element *element, const char *bytes, size_t length)
{
	struct collector *collector = context;
	int number = number_find(element);
	int field = field_find(element);

	if (number >= 0) {
		int32_t *slot = (int32_t *)(void *)((char *)collector->out + numbers[number].offset);

		if (*slot == -1)
			*slot = read_number(&numbers[number], element, bytes, length);
		return;
	}
	if (field < 0 || collector->raw[field].seen)
		return;
	collector->raw[field].seen = true;
	collector->raw[field].length = length;
	memcpy(collector->raw[field].bytes, bytes, length);
}

/* Printable ASCII only; anything else reads as '?', so that a check of the form fails rather than something else is named. */
static bool copy_code(const struct raw *raw, char *out, size_t out_size)
{
	size_t start = 0, length = raw->length;

	while (length > 0 && (raw->bytes[length - 1] == ' ' || raw->bytes[length - 1] == '\0'))
		length--;
	while (start < length && raw->bytes[start] == ' ')
		start++;
	for (size_t i = 0; start + i < length; i++) {
		unsigned char c = (unsigned char)raw->bytes[start + i];

		if (i + 1 == out_size) {
			out[i] = '\0';
			return false;
		}
		out[i] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
		out[i + 1] = '\0';
	}
	return true;
}

static void decide_charset(struct collector *collector, struct charset *charset)
{
	struct charset_tally tally = {0};
	struct dicom_fields *out = collector->out;

	for (int i = 0; i < FIELD_COUNT; i++)
		if (fields[i].form == FIELD_TEXT && fields[i].parent == 0)
			charset_tally_add(&tally, collector->raw[i].bytes, collector->raw[i].length);
	(void)copy_code(&collector->raw[0], out->charset_declared, sizeof out->charset_declared);
	charset_decide_for(out->charset_declared, collector->of_device, &tally, charset);
	(void)text_copy(out->charset_used, sizeof out->charset_used, charset->used);
	out->charset_verdict = charset->verdict;
}

static void convert_fields(struct collector *collector)
{
	struct charset charset;

	decide_charset(collector, &charset);
	for (int i = 1; i < FIELD_COUNT; i++) {
		const struct raw *raw = &collector->raw[i];
		char *slot = (char *)collector->out + fields[i].offset;

		if (!raw->seen || slot[0] != '\0')
			continue;
		if (fields[i].form == FIELD_TEXT)
			(void)charset_decode(&charset, raw->bytes, raw->length, slot, fields[i].size);
		else if (!copy_code(raw, slot, fields[i].size) && fields[i].form == FIELD_UID)
			(void)text_copy(slot, fields[i].size, "?");
	}
}

typedef bool walk_it(const void *what, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                     struct err *err);

static bool walk_path(const void *what, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                      struct err *err)
{
	return structure_walk(what, visitor, out_syntax, err);
}

static bool walk_bytes(const void *what, const struct structure_visitor *visitor, char out_syntax[DICOM_UID_SIZE],
                       struct err *err)
{
	return structure_walk_bytes(what, visitor, out_syntax, err);
}

static bool read_fields(walk_it *walk, const void *what, const char *of_device, struct dicom_fields *out,
                        struct err *err)
{
	struct dicom_fields found = {
	    .series_number = -1, .instance_number = -1, .rows = -1, .columns = -1, .frames = -1};
	struct collector *collector = calloc(1, sizeof *collector);
	struct structure_visitor visitor = {want_element, take_element, collector, NULL};
	bool ok;

	if (collector == NULL)
		err_panic("out of memory");
	collector->out = &found;
	collector->of_device = of_device;
	ok = walk(what, &visitor, found.transfer_syntax_uid, err);
	if (ok)
		convert_fields(collector);
	free(collector);
	if (!ok)
		return false;
	found.has_study = found.study_instance_uid[0] != '\0';
	*out = found;
	return true;
}

bool dicom_read_fields(const char *path, struct dicom_fields *out, struct err *err)
{
	return read_fields(walk_path, path, "", out, err);
}

bool dicom_read_fields_of(const struct dicom_bytes *bytes, struct dicom_fields *out, struct err *err)
{
	return read_fields(walk_bytes, bytes, "", out, err);
}

bool dicom_read_fields_for(const struct dicom_bytes *bytes, const char *charset, struct dicom_fields *out,
                           struct err *err)
{
	return read_fields(walk_bytes, bytes, charset, out, err);
}
