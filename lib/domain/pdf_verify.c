/* Verifies the signatures of a PDF that may be anybody's. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/pdf_sign.h"

static bool malformed(struct pdf_signature *out, const char *why)
{
	out->state = PDF_SIGNATURE_MALFORMED;
	(void)text_copy(out->reason, sizeof out->reason, why);
	return false;
}

static bool read_range(struct pdf_slice signature, uint64_t range[4])
{
	struct pdf_slice value, inside, item;
	const uint8_t *cursor;

	if (!pdf_dict_get(signature, "ByteRange", &value) || !pdf_array_inside(value, &inside))
		return false;
	cursor = inside.at;
	for (int i = 0; i < 4; i++)
		if (!pdf_next_value(&cursor, inside.at + inside.length, &item) || !pdf_integer(item, &range[i]))
			return false;
	return !pdf_next_value(&cursor, inside.at + inside.length, &item);
}

/* The range must leave out exactly the hexadecimal string of /Contents, and begin at the first byte: else something unsigned hides in it. */
static bool range_is_honest(const struct pdf_file *file, const uint64_t range[4], struct pdf_slice contents)
{
	uint64_t gap_start = (uint64_t)(contents.at - file->data), gap_end = gap_start + contents.length;

	return range[0] == 0 && range[1] == gap_start && range[2] == gap_end && range[3] <= file->length &&
	       range[2] + range[3] <= file->length;
}

/* DER of the signature; behind it only zeros may stand. *out: free(3). */
static bool read_contents(struct pdf_slice contents, uint8_t **out, size_t *out_length)
{
	size_t digits = contents.length >= 2 ? contents.length - 2 : 0, length;
	char *hex;
	uint8_t *bytes;
	bool ok;

	if (digits < 8 || digits % 2 || digits > 4 * SIGNER_CMS_MAX || contents.at[0] != '<')
		return false;
	hex = malloc(digits + 1);
	bytes = malloc(digits / 2);
	if (!hex || !bytes)
		err_panic("out of memory for a signature");
	memcpy(hex, contents.at + 1, digits);
	hex[digits] = '\0';
	ok = text_unhex(hex, bytes, digits / 2) && bytes[0] == 0x30 && bytes[1] == 0x82;
	free(hex);
	length = ok ? 4 + ((size_t)bytes[2] << 8 | bytes[3]) : 0;
	ok = ok && length <= digits / 2;
	for (size_t i = length; ok && i < digits / 2; i++)
		ok = bytes[i] == 0;
	if (!ok) {
		free(bytes);
		return false;
	}
	*out = bytes;
	*out_length = length;
	return true;
}

static bool verify_one(const struct pdf_file *file, struct pdf_slice signature, const char *ca_pem,
                       struct pdf_signature *out)
{
	struct pdf_slice contents, subfilter;
	uint64_t range[4];
	uint8_t *cms = NULL;
	size_t cms_length = 0;
	struct signer_bytes pieces[2];
	struct err why;

	if (!pdf_dict_get(signature, "SubFilter", &subfilter) ||
	    (!pdf_is_name(subfilter, "ETSI.CAdES.detached") && !pdf_is_name(subfilter, "adbe.pkcs7.detached")))
		return malformed(out, "unknown form of signature");
	if (!pdf_dict_get(signature, "Contents", &contents) || !read_range(signature, range) ||
	    !range_is_honest(file, range, contents))
		return malformed(out, "its byte range does not cover the file around it");
	out->covers = (size_t)(range[2] + range[3]);
	out->covers_whole_file = out->covers == file->length;
	if (!read_contents(contents, &cms, &cms_length))
		return malformed(out, "its signature value is broken");
	pieces[0] = (struct signer_bytes){file->data, (size_t)range[1]};
	pieces[1] = (struct signer_bytes){file->data + range[2], (size_t)range[3]};
	if (signer_verify_cms(cms, cms_length, pieces, 2, ca_pem, &out->verdict, &why)) {
		out->state = PDF_SIGNATURE_VALID;
	} else {
		out->state = why.kind == ERR_INVALID ? PDF_SIGNATURE_MALFORMED : PDF_SIGNATURE_ALTERED;
		(void)text_copy(out->reason, sizeof out->reason,
		                why.kind == ERR_INVALID ? "its signature value is broken"
		                                        : "the document was changed after it was signed");
	}
	free(cms);
	return out->state == PDF_SIGNATURE_VALID;
}

static int by_revision(const void *left, const void *right)
{
	const struct pdf_signature *a = left, *b = right;

	return a->covers < b->covers ? -1 : a->covers > b->covers;
}

/* Each is read from its beginning to its end, and may be as long as the file: a list without end of one long field would take hours. */
enum { FIELDS_MAX = 200 };

static bool verify_fields(const struct pdf_file *file, const char *ca_pem, struct pdf_signature *out, size_t *count,
                          struct err *err)
{
	struct pdf_slice catalog, form, list, inside, item, field, value, signature;
	const uint8_t *cursor;
	uint32_t number;
	int fields = 0;

	if (!pdf_catalog(file, &number, &catalog, err))
		return false;
	if (!pdf_dict_get(catalog, "AcroForm", &form))
		return true;
	if (!pdf_resolve(file, form, &form, err) || !pdf_get(file, form, "Fields", &list, err))
		return false;
	if (!pdf_array_inside(list, &inside))
		return err_set(err, ERR_INVALID, "cannot read the PDF: no list of fields");
	cursor = inside.at;
	while (*count < PDF_SIGNATURES_MAX && pdf_next_value(&cursor, inside.at + inside.length, &item)) {
		struct pdf_signature *one = &out[*count];

		if (++fields > FIELDS_MAX)
			return err_set(err, ERR_INVALID, "cannot read the PDF: more than %d fields", FIELDS_MAX);
		if (!pdf_resolve(file, item, &field, err))
			return false;
		if (!pdf_dict_get(field, "FT", &value) || !pdf_is_name(value, "Sig") ||
		    !pdf_dict_get(field, "V", &value))
			continue;
		if (!pdf_resolve(file, value, &signature, err))
			return false;
		memset(one, 0, sizeof *one);
		if (pdf_dict_get(field, "T", &value))
			pdf_string(value, one->field, sizeof one->field);
		verify_one(file, signature, ca_pem, one);
		(*count)++;
	}
	return true;
}

bool pdf_verify(const uint8_t *pdf, size_t length, const char *ca_pem, struct pdf_signature out[PDF_SIGNATURES_MAX],
                size_t *out_count, bool *out_has_tail, struct err *err)
{
	struct pdf_file file;
	size_t count = 0;
	bool ok;

	if (!pdf_file_open(pdf, length, &file, err))
		return false;
	ok = verify_fields(&file, ca_pem, out, &count, err);
	pdf_file_close(&file);
	if (!ok)
		return false;
	qsort(out, count, sizeof out[0], by_revision);
	*out_count = count;
	*out_has_tail = count > 0 && !out[count - 1].covers_whole_file;
	return true;
}
