#include "lib/intake/record.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"

/* The version before this one had the SHA-256 of the bytes where this one has the checksum; what it left in a journal is taken. */
static const char magic[] = "yq-intake 2\n", old_magic[] = "yq-intake 1\n";
static const char ending[] = "end ";
static const char *const origins[] = {"device", "link", "own"};
enum { ORIGIN_COUNT = sizeof origins / sizeof origins[0], ENDING_SIZE = sizeof ending - 1 + DIGEST_HEX_SIZE };

/* The fields that are plain text, in the order of their lines. */
#define TEXT_FIELD(name) {#name, offsetof(struct intake_record, name), sizeof(((struct intake_record *)0)->name)}
static const struct text_field {
	const char *name;
	size_t offset, size;
} text_fields[] = {
    TEXT_FIELD(key),           TEXT_FIELD(device),           TEXT_FIELD(site),
    TEXT_FIELD(calling_ae),    TEXT_FIELD(called_ae),        TEXT_FIELD(address),
    TEXT_FIELD(sop_class_uid), TEXT_FIELD(sop_instance_uid), TEXT_FIELD(transfer_syntax_uid),
};
enum { TEXT_FIELD_COUNT = sizeof text_fields / sizeof text_fields[0] };

const char *intake_origin_name(enum intake_origin origin)
{
	return origins[origin];
}

bool intake_origin_parse(const char *name, enum intake_origin *out)
{
	for (int i = 0; i < ORIGIN_COUNT; i++)
		if (strcmp(name, origins[i]) == 0) {
			*out = (enum intake_origin)i;
			return true;
		}
	return false;
}

static const char *text_of(const struct intake_record *record, size_t index)
{
	return (const char *)record + text_fields[index].offset;
}

static bool is_one_line(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

bool record_check(const struct intake_record *record, struct err *err)
{
	for (size_t i = 0; i < TEXT_FIELD_COUNT; i++)
		if (!is_one_line(text_of(record, i)))
			return err_set(err, ERR_INVALID, "cannot take the object: a control character in %s",
			               text_fields[i].name);
	if (!is_one_line(record->default_charset))
		return err_set(err, ERR_INVALID, "cannot take the object: a control character in default_charset");
	if (!store_key_is_valid(record->key))
		return err_set(err, ERR_INVALID, "cannot take the object: its key is malformed");
	if (!text_is_uuid(record->site) || (record->device[0] && !text_is_uuid(record->device)))
		return err_set(err, ERR_INVALID, "cannot take the object: no site, or a malformed device");
	if (!text_is_uid(record->sop_class_uid))
		return err_set(err, ERR_INVALID, "cannot take the object: SOP class UID missing or malformed");
	if (!text_is_uid(record->sop_instance_uid))
		return err_set(err, ERR_INVALID, "cannot take the object: SOP instance UID missing or malformed");
	if (!text_is_uid(record->transfer_syntax_uid))
		return err_set(err, ERR_INVALID, "cannot take the object: transfer syntax UID missing or malformed");
	return true;
}

static void digest_hex(const void *bytes, size_t length, char out[DIGEST_HEX_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	digest_bytes(bytes, length, digest);
	text_hex(digest, sizeof digest, out);
}

void record_encode(const struct intake_record *record, struct text_buf *out)
{
	char hex[DIGEST_HEX_SIZE], sum[CHECKSUM_HEX_SIZE];
	bool ok = text_buf_printf(out, "%sorigin %s\n", magic, origins[record->origin]);

	for (size_t i = 0; i < TEXT_FIELD_COUNT; i++)
		ok = ok && text_buf_printf(out, "%s %s\n", text_fields[i].name, text_of(record, i));
	if (record->default_charset[0])
		ok = ok && text_buf_printf(out, "default_charset %s\n", record->default_charset);
	text_hex(record->checksum, sizeof record->checksum, sum);
	ok = ok && text_buf_printf(
	               out, "arrived_us %" PRId64 "\nsize_bytes %" PRIu64 "\nheader_bytes %" PRIu32 "\nchecksum %s\n",
	               record->arrived_us, record->size_bytes, record->header_bytes, sum);
	digest_hex(out->data, out->length, hex);
	ok = ok && text_buf_printf(out, "%s%s\n", ending, hex);
	if (!ok)
		err_panic("a record of more than %zu bytes", out->max);
}

/* Takes the line "name value" at *at; NULL when another one stands there. The value is ended with NUL in place. */
static char *take_line(char **at, const char *name)
{
	size_t length = strlen(name);
	char *value, *end;

	if (strncmp(*at, name, length) != 0 || (*at)[length] != ' ')
		return NULL;
	value = *at + length + 1;
	end = strchr(value, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return value;
}

static bool take_number(char **at, const char *name, uint64_t max, uint64_t *out)
{
	const char *value = take_line(at, name);
	char *end;

	if (!value || value[0] < '0' || value[0] > '9')
		return false;
	*out = strtoull(value, &end, 10);
	return *end == '\0' && *out <= max;
}

static bool take_origin(char **at, enum intake_origin *out)
{
	const char *value = take_line(at, "origin");

	return value && intake_origin_parse(value, out);
}

static bool take_fields(char *at, struct intake_record *out)
{
	uint64_t arrived_us, header_bytes;
	const char *charset, *hex;

	if (!take_origin(&at, &out->origin))
		return false;
	for (size_t i = 0; i < TEXT_FIELD_COUNT; i++) {
		const char *value = take_line(&at, text_fields[i].name);

		if (!value || !text_copy((char *)out + text_fields[i].offset, text_fields[i].size, value))
			return false;
	}
	charset = take_line(&at, "default_charset");
	if ((charset && !text_copy(out->default_charset, sizeof out->default_charset, charset)) ||
	    !take_number(&at, "arrived_us", INT64_MAX, &arrived_us) ||
	    !take_number(&at, "size_bytes", INT64_MAX, &out->size_bytes) ||
	    !take_number(&at, "header_bytes", INT32_MAX, &header_bytes))
		return false;
	out->arrived_us = (int64_t)arrived_us;
	out->header_bytes = (uint32_t)header_bytes;
	if (out->is_digested) {
		hex = take_line(&at, "sha256");
		return hex && text_unhex(hex, out->sha256, sizeof out->sha256) && *at == '\0';
	}
	hex = take_line(&at, "checksum");
	return hex && text_unhex(hex, out->checksum, sizeof out->checksum) && *at == '\0';
}

static bool has_magic(const char *text, const char *wanted)
{
	return memcmp(text, wanted, sizeof magic - 1) == 0;
}

static bool has_end(const char *text, size_t length)
{
	return length >= sizeof magic - 1 + ENDING_SIZE && (has_magic(text, magic) || has_magic(text, old_magic)) &&
	       memcmp(text + length - ENDING_SIZE, ending, sizeof ending - 1) == 0 && text[length - 1] == '\n';
}

enum record_shape record_decode(const char *text, size_t length, struct intake_record *out)
{
	char copy[RECORD_MAX + 1], hex[DIGEST_HEX_SIZE];
	struct intake_record record = {0};
	struct err ignored;
	size_t body;

	if (length > RECORD_MAX)
		return RECORD_DAMAGED;
	if (!has_end(text, length))
		return RECORD_TORN;
	body = length - ENDING_SIZE;
	digest_hex(text, body, hex);
	if (memcmp(hex, text + body + sizeof ending - 1, DIGEST_HEX_SIZE - 1) != 0)
		return RECORD_DAMAGED;
	memcpy(copy, text, body);
	copy[body] = '\0';
	record.is_digested = has_magic(text, old_magic);
	if (!take_fields(copy + sizeof magic - 1, &record) || !record_check(&record, &ignored))
		return RECORD_DAMAGED;
	*out = record;
	return RECORD_WHOLE;
}
