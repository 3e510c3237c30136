#include "lib/domain/pdf_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/pdf_update.h"

enum { CONTENTS_SIZE = SIGNER_CMS_MAX, FIELDS_MAX = 8 };
/* Room for three numbers of ten digits behind the leading 0. */
static const char range_room[] = "[0 ********** ********** **********]";

static bool name_is_good(const char *name)
{
	return *name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* ---- fields ------------------------------------------------------------------------------------------------------- */

static bool write_field(struct pdf_update *update, const struct pdf_field *field, uint32_t number, uint32_t page)
{
	const struct pdf_box *box = &field->box;

	pdf_update_open_object(update, number);
	/* F 132: printed, and locked against moving. */
	pdf_update_printf(
	    update, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (%s) /F 132 /P %u 0 R /Rect [%.2f %.2f %.2f %.2f] >>",
	    field->name, page, box->x, box->y, box->x + box->width, box->y + box->height);
	pdf_update_close_object(update);
	return true;
}

/* " 12 0 R 13 0 R" of the fields on one page (0: of all). */
static void list_fields(const struct pdf_field *fields, const uint32_t *numbers, size_t count, int page, char *out,
                        size_t out_size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (page == 0 || fields[i].box.page == page)
			used += (size_t)snprintf(out + used, out_size - used, " %u 0 R", numbers[i]);
}

static bool extend_page(struct pdf_update *update, const struct pdf_field *fields, uint32_t *numbers, size_t count,
                        int page, struct err *err)
{
	struct pdf_slice value, annotations;
	uint32_t number = 0;
	char list[FIELDS_MAX * 24], addition[sizeof list + 32];

	if (!pdf_page(update->file, page, &number, &value, err))
		return false;
	if (pdf_dict_get(value, "Annots", &annotations))
		return err_set(err, ERR_INVALID, "cannot add signature fields: the page has annotations already");
	for (size_t i = 0; i < count; i++)
		if (fields[i].box.page == page)
			write_field(update, &fields[i], numbers[i], number);
	list_fields(fields, numbers, count, page, list, sizeof list);
	snprintf(addition, sizeof addition, "/Annots [%s ]", list);
	pdf_update_extend(update, number, value, "Annots", addition);
	return true;
}

static bool write_fields(struct pdf_update *update, const struct pdf_field *fields, size_t count, struct err *err)
{
	uint32_t numbers[FIELDS_MAX], catalog_number;
	struct pdf_slice catalog, form;
	char list[FIELDS_MAX * 24], addition[sizeof list + 64];

	if (!pdf_catalog(update->file, &catalog_number, &catalog, err))
		return false;
	if (pdf_dict_get(catalog, "AcroForm", &form))
		return err_set(err, ERR_INVALID, "cannot add signature fields: the PDF has a form already");
	for (size_t i = 0; i < count; i++)
		numbers[i] = pdf_update_number(update);
	for (size_t i = 0; i < count; i++) {
		bool is_first = true;

		for (size_t before = 0; before < i; before++)
			is_first = is_first && fields[before].box.page != fields[i].box.page;
		if (is_first && !extend_page(update, fields, numbers, count, fields[i].box.page, err))
			return false;
	}
	list_fields(fields, numbers, count, 0, list, sizeof list);
	snprintf(addition, sizeof addition, "/AcroForm << /Fields [%s ] /SigFlags 3 >>", list);
	pdf_update_extend(update, catalog_number, catalog, "AcroForm", addition);
	return true;
}

bool pdf_add_fields(const uint8_t *pdf, size_t length, const struct pdf_field *fields, size_t count, uint8_t **out,
                    size_t *out_length, struct err *err)
{
	struct pdf_file file;
	struct pdf_update update;
	bool ok;

	for (size_t i = 0; i < count; i++)
		if (count > FIELDS_MAX || !name_is_good(fields[i].name))
			return err_set(err, ERR_INVALID, "cannot add signature fields: too many, or a bad name");
	if (!pdf_file_open(pdf, length, &file, err))
		return false;
	pdf_update_begin(&update, &file);
	ok = write_fields(&update, fields, count, err);
	if (!ok)
		pdf_update_fini(&update);
	ok = ok && pdf_update_finish(&update, out, out_length, err);
	pdf_file_close(&file);
	return ok;
}

/* ---- finding them again ------------------------------------------------------------------------------------------- */

static bool form_fields(const struct pdf_file *file, struct pdf_slice *inside, struct err *err)
{
	struct pdf_slice catalog, form, list;
	uint32_t number;

	return pdf_catalog(file, &number, &catalog, err) && pdf_get(file, catalog, "AcroForm", &form, err) &&
	       pdf_get(file, form, "Fields", &list, err) &&
	       (pdf_array_inside(list, inside) || err_set(err, ERR_INVALID, "cannot read the PDF: no list of fields"));
}

static bool find_field(const struct pdf_file *file, const char *name, uint32_t *number, struct pdf_slice *value,
                       struct err *err)
{
	struct pdf_slice inside, item, title;
	const uint8_t *cursor;
	char text[64];

	if (!form_fields(file, &inside, err))
		return false;
	cursor = inside.at;
	while (pdf_next_value(&cursor, inside.at + inside.length, &item)) {
		if (!pdf_reference(item, number) || !pdf_object(file, *number, value, NULL, err))
			return err_set(err, ERR_INVALID, "cannot read the PDF: its fields are broken");
		if (pdf_dict_get(*value, "T", &title) && pdf_string(title, text, sizeof text) &&
		    strcmp(text, name) == 0)
			return true;
	}
	return err_set(err, ERR_NOT_FOUND, "no signature field %s in the PDF", name);
}

static bool read_box(struct pdf_slice field, struct pdf_box *out, struct err *err)
{
	struct pdf_slice rect, inside, item;
	const uint8_t *cursor;
	double corners[4];

	if (!pdf_dict_get(field, "Rect", &rect) || !pdf_array_inside(rect, &inside))
		return err_set(err, ERR_INVALID, "cannot read the PDF: a field without /Rect");
	cursor = inside.at;
	for (int i = 0; i < 4; i++)
		if (!pdf_next_value(&cursor, inside.at + inside.length, &item) || !pdf_number(item, &corners[i]))
			return err_set(err, ERR_INVALID, "cannot read the PDF: a broken /Rect");
	*out = (struct pdf_box){0, corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]};
	return true;
}

bool pdf_find_field(const uint8_t *pdf, size_t length, const char *name, struct pdf_box *out, struct err *err)
{
	struct pdf_file file;
	struct pdf_slice field;
	uint32_t number;
	bool ok;

	if (!pdf_file_open(pdf, length, &file, err))
		return false;
	ok = find_field(&file, name, &number, &field, err) && read_box(field, out, err);
	pdf_file_close(&file);
	return ok;
}

/* ---- signing ------------------------------------------------------------------------------------------------------ */

struct marks {
	size_t range, contents; /* where "[0 ***" and "<000" begin */
};

/* ISO 32000-1 7.9.4 from RFC 3339: 2026-11-22T08:42:07.120+08:00 -> D:20261122084207+08'00' */
static void write_date(struct pdf_update *update, int64_t wall_us)
{
	char text[CLOCK_TEXT_MAX];
	const char *zone;

	clock_format(wall_us, text);
	zone = strlen(text) >= 6 ? text + strlen(text) - 6 : "+00:00";
	if (zone[0] != '+' && zone[0] != '-')
		zone = "+00:00";
	pdf_update_printf(update, "(D:%.4s%.2s%.2s%.2s%.2s%.2s%.3s'%.2s')", text, text + 5, text + 8, text + 11,
	                  text + 14, text + 17, zone, zone + 4);
}

static void write_signature(struct pdf_update *update, const struct pdf_signature_request *request, uint32_t number,
                            struct marks *marks)
{
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";

	pdf_update_open_object(update, number);
	pdf_update_printf(update, "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached\n/Name ");
	pdf_update_string(update, request->name);
	pdf_update_printf(update, " /Reason ");
	pdf_update_string(update, request->reason);
	pdf_update_printf(update, " /M ");
	write_date(update, request->signed_us);
	pdf_update_printf(update, "\n/ByteRange ");
	marks->range = update->out.length;
	pdf_update_printf(update, "%s\n/Contents ", range_room);
	marks->contents = update->out.length;
	pdf_update_printf(update, "<");
	for (size_t i = 0; i < CONTENTS_SIZE * 2; i += sizeof zeros - 1)
		pdf_update_put(update, zeros, sizeof zeros - 1);
	pdf_update_printf(update, "> >>");
	pdf_update_close_object(update);
}

static bool write_revision(struct pdf_update *update, const struct pdf_signature_request *request, struct marks *marks,
                           struct err *err)
{
	struct pdf_slice field, value;
	struct pdf_box box;
	uint32_t field_number, form_number, number;
	char addition[96];

	if (!find_field(update->file, request->field, &field_number, &field, err) || !read_box(field, &box, err))
		return false;
	if (pdf_dict_get(field, "V", &value))
		return err_set(err, ERR_CONFLICT, "the field %s is signed already", request->field);
	if (!pdf_import_page(update, request->appearance, request->appearance_length, box.width, box.height,
	                     &form_number, err))
		return false;
	number = pdf_update_number(update);
	write_signature(update, request, number, marks);
	snprintf(addition, sizeof addition, "/V %u 0 R /AP << /N %u 0 R >>", number, form_number);
	pdf_update_extend(update, field_number, field, "AP", addition);
	return true;
}

static bool fill_in(uint8_t *pdf, size_t length, const struct marks *marks, struct signer *signer, struct err *err)
{
	size_t gap_end = marks->contents + CONTENTS_SIZE * 2 + 2, cms_length = 0;
	struct signer_bytes pieces[2] = {{pdf, marks->contents}, {pdf + gap_end, length - gap_end}};
	char range[sizeof range_room], *hex;
	uint8_t *cms = NULL;
	int used = snprintf(range, sizeof range, "[0 %zu %zu %zu", marks->contents, gap_end, length - gap_end);

	if (used < 0 || (size_t)used + 2 > sizeof range)
		return err_set(err, ERR_INVALID, "cannot sign: the PDF is too large");
	memset(range + used, ' ', sizeof range - 2 - (size_t)used);
	range[sizeof range - 2] = ']';
	memcpy(pdf + marks->range, range, sizeof range - 1);
	if (!signer_sign_cms(signer, pieces, 2, &cms, &cms_length, err))
		return false;
	hex = malloc(cms_length * 2 + 1);
	if (!hex)
		err_panic("out of memory for a signature");
	text_hex(cms, cms_length, hex);
	memcpy(pdf + marks->contents + 1, hex, cms_length * 2);
	free(hex);
	free(cms);
	return true;
}

bool pdf_sign(const uint8_t *pdf, size_t length, const struct pdf_signature_request *request, struct signer *signer,
              uint8_t **out, size_t *out_length, struct err *err)
{
	struct pdf_file file;
	struct pdf_update update;
	struct marks marks = {0, 0};
	uint8_t *bytes = NULL;
	size_t bytes_length = 0;
	bool ok;

	if (!pdf_file_open(pdf, length, &file, err))
		return false;
	pdf_update_begin(&update, &file);
	ok = write_revision(&update, request, &marks, err);
	if (!ok)
		pdf_update_fini(&update);
	ok = ok && pdf_update_finish(&update, &bytes, &bytes_length, err);
	pdf_file_close(&file);
	if (!ok)
		return false;
	if (!fill_in(bytes, bytes_length, &marks, signer, err)) {
		free(bytes);
		return false;
	}
	*out = bytes;
	*out_length = bytes_length;
	return true;
}
