#include "lib/intake/ring_head.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "yq-head 1\n";
static const char record_magic[] = "yq-intake 2\n";
static const char seal[] = "seal ";

static bool put_chunks(struct text_buf *text, const struct ring_object *object)
{
	bool ok = text_buf_printf(text, "chunks");

	for (uint32_t i = 0; i < object->count; i++)
		ok = ok && text_buf_printf(text, " %" PRIu32, object->chunks[i]);
	return ok && text_buf_append(text, "\n", 1);
}

static void digest_hex(const char *bytes, size_t length, char out[DIGEST_HEX_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	digest_bytes(bytes, length, digest);
	text_hex(digest, sizeof digest, out);
}

void ring_head_encode(const struct ring_object *object, const struct intake_record *record, char page[RING_PAGE])
{
	char hex[DIGEST_HEX_SIZE];
	struct text_buf text, body;
	bool ok;

	text_buf_init(&text, RING_PAGE - 1);
	text_buf_init(&body, RECORD_MAX);
	record_encode(record, &body);
	ok = text_buf_printf(&text, "%ssequence %016" PRIx64 "\nlength %" PRIu64 "\n", magic, object->sequence,
	                     object->length) &&
	     put_chunks(&text, object) && text_buf_append(&text, body.data, body.length);
	digest_hex(text.data, text.length, hex);
	ok = ok && text_buf_printf(&text, "%s%s\n", seal, hex);
	if (!ok)
		err_panic("a head of more than a page");
	memset(page, 0, RING_PAGE);
	memcpy(page, text.data, text.length);
	text_buf_fini(&body);
	text_buf_fini(&text);
}

/* Behind the word and one blank; NULL when something else stands there. */
static const char *after(const char *at, const char *word)
{
	size_t length = strlen(word);

	return at && strncmp(at, word, length) == 0 && at[length] == ' ' ? at + length + 1 : NULL;
}

static const char *take_number(const char *at, int base, char ending, uint64_t *out)
{
	char *end;

	if (!at || strspn(at, "0123456789abcdef") == 0)
		return NULL;
	*out = strtoull(at, &end, base);
	return *end == ending ? end + 1 : NULL;
}

/* The decimal numbers up to the end of the line, each below chunk_count. */
static const char *take_chunks(const char *at, uint32_t chunk_count, struct ring_object *object)
{
	object->count = 0;
	while (at && object->count < RING_OBJECT_CHUNKS) {
		uint64_t chunk;
		const char *next = take_number(at, 10, ' ', &chunk);
		bool is_last = !next;

		if (is_last)
			next = take_number(at, 10, '\n', &chunk);
		if (!next || chunk >= chunk_count)
			return NULL;
		object->chunks[object->count++] = (uint32_t)chunk;
		if (is_last)
			return next;
		at = next;
	}
	return NULL;
}

static bool is_sealed(const char *text, size_t length)
{
	size_t tail = sizeof seal - 1 + DIGEST_HEX_SIZE;
	char hex[DIGEST_HEX_SIZE];

	if (length < tail || memcmp(text + length - tail, seal, sizeof seal - 1) != 0 || text[length - 1] != '\n')
		return false;
	digest_hex(text, length - tail, hex);
	return memcmp(hex, text + length - DIGEST_HEX_SIZE, DIGEST_HEX_SIZE - 1) == 0;
}

bool ring_head_decode(const char page[RING_PAGE], uint32_t chunk_count, struct ring_head *out)
{
	size_t length = strnlen(page, RING_PAGE), tail = sizeof seal - 1 + DIGEST_HEX_SIZE;
	struct ring_object *object = &out->object;
	const char *at;

	memset(object, 0, sizeof *object);
	if (length == RING_PAGE || strncmp(page, magic, sizeof magic - 1) != 0 || !is_sealed(page, length))
		return false;
	at = after(page + sizeof magic - 1, "sequence");
	at = after(take_number(at, 16, '\n', &object->sequence), "length");
	at = after(take_number(at, 10, '\n', &object->length), "chunks");
	at = take_chunks(at, chunk_count, object);
	object->has_head = true;
	return at && strncmp(at, record_magic, sizeof record_magic - 1) == 0 &&
	       (object->length + RING_PAYLOAD - 1) / RING_PAYLOAD == object->count &&
	       record_decode(at, length - tail - (size_t)(at - page), &out->record) == RECORD_WHOLE &&
	       object->length == out->record.header_bytes + out->record.size_bytes;
}
