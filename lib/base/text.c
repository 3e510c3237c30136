#include "lib/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void text_buf_init(struct text_buf *buf, size_t max)
{
	memset(buf, 0, sizeof(*buf));
	buf->max = max;
}

void text_buf_fini(struct text_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

/* Room for `more` bytes and the NUL; false beyond max. */
static bool buf_reserve(struct text_buf *buf, size_t more)
{
	size_t capacity = buf->capacity ? buf->capacity : 64;
	char *data;

	if (more > buf->max - buf->length)
		return false;
	if (buf->length + more < buf->capacity)
		return true;
	while (capacity <= buf->length + more)
		capacity *= 2;
	data = realloc(buf->data, capacity);
	if (!data)
		err_panic("out of memory, wanted=%zu", capacity);
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

bool text_buf_append(struct text_buf *buf, const void *bytes, size_t length)
{
	if (!buf_reserve(buf, length))
		return false;
	if (length)
		memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
	return true;
}

bool text_buf_printf(struct text_buf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !buf_reserve(buf, (size_t)length))
		return false;
	va_start(args, format);
	vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
	va_end(args);
	buf->length += (size_t)length;
	return true;
}

bool text_copy(char *out, size_t out_size, const char *text)
{
	size_t length = strlen(text);
	bool fits = length < out_size;

	if (!out_size)
		return false;
	if (!fits)
		length = text_utf8_cut(text, out_size - 1);
	memmove(out, text, length);
	out[length] = '\0';
	return fits;
}

/* Length of the well-formed sequence at p (RFC 3629 section 4), 0 when there is none within left bytes. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t length;
	} forms[] = {
	    {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
	    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
	    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
	};
	size_t i, k;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (p[0] < forms[i].first_low || p[0] > forms[i].first_high)
			continue;
		if (forms[i].length > left)
			return 0;
		if (forms[i].length > 1 && (p[1] < forms[i].second_low || p[1] > forms[i].second_high))
			return 0;
		for (k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xC0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

bool text_is_utf8(const char *bytes, size_t length)
{
	size_t at = 0;

	while (at < length) {
		size_t step = utf8_sequence((const unsigned char *)bytes + at, length - at);

		if (!step)
			return false;
		at += step;
	}
	return true;
}

void text_make_utf8(char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t step = utf8_sequence((const unsigned char *)text, left);

		if (!step)
			*text = '?';
		text += step ? step : 1;
		left -= step ? step : 1;
	}
}

size_t text_utf8_cut(const char *text, size_t max)
{
	size_t length = strnlen(text, max + 1);
	size_t cut, back;

	if (length <= max)
		return length;
	cut = max;
	/* A character has at most three continuation bytes; longer runs are no UTF-8 and are cut where they are. */
	for (back = 0; back < 3 && cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80; back++)
		cut--;
	if (((unsigned char)text[cut] & 0xC0) == 0x80)
		return max;
	return cut;
}

uint32_t text_utf8_next(const char **text)
{
	const unsigned char *bytes = (const unsigned char *)*text;
	int more = bytes[0] < 0x80 ? 0 : bytes[0] < 0xe0 ? 1 : bytes[0] < 0xf0 ? 2 : 3;
	static const unsigned char masks[] = {0x7f, 0x1f, 0x0f, 0x07};
	uint32_t value = bytes[0] & masks[more];

	for (int i = 1; i <= more; i++)
		value = value << 6 | (bytes[i] & 0x3f);
	*text += more + 1;
	return value;
}

size_t text_utf8_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		if (((unsigned char)*text & 0xC0) != 0x80)
			count++;
	return count;
}

void text_hex(const uint8_t *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < length; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * length] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_unhex(const char *hex, uint8_t *out, size_t out_length)
{
	size_t i;

	if (strnlen(hex, 2 * out_length + 1) != 2 * out_length)
		return false;
	for (i = 0; i < 2 * out_length; i++)
		if (hex_value(hex[i]) < 0)
			return false;
	for (i = 0; i < out_length; i++)
		out[i] = (uint8_t)(hex_value(hex[2 * i]) << 4 | hex_value(hex[2 * i + 1]));
	return true;
}

void text_random(void *out, size_t length)
{
	uint8_t *at = out;

	while (length) {
		/* Requests up to 256 bytes are never interrupted once the pool is ready (getrandom(2)). */
		ssize_t got = getrandom(at, length < 256 ? length : 256, 0);

		if (got <= 0)
			err_panic("no random bytes from the kernel");
		at += got;
		length -= (size_t)got;
	}
}

static void uuid_bytes(uint8_t out[16])
{
	text_random(out, 16);
	out[6] = (uint8_t)((out[6] & 0x0F) | 0x40);
	out[8] = (uint8_t)((out[8] & 0x3F) | 0x80);
}

void text_uuid_new(char out[TEXT_UUID_SIZE])
{
	static const size_t group_length[] = {4, 2, 2, 2, 6};
	uint8_t bytes[16];
	size_t group, from = 0;
	char *to = out;

	uuid_bytes(bytes);
	for (group = 0; group < 5; group++) {
		text_hex(bytes + from, group_length[group], to);
		from += group_length[group];
		to += 2 * group_length[group];
		*to++ = '-';
	}
	to[-1] = '\0';
}

bool text_is_uuid(const char *text)
{
	size_t i;

	if (strnlen(text, TEXT_UUID_SIZE) != TEXT_UUID_SIZE - 1)
		return false;
	for (i = 0; i < TEXT_UUID_SIZE - 1; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : hex_value(text[i]) < 0)
			return false;
	}
	return true;
}

/* Long division by ten of a big-endian number; the digits come out last one first. */
static char next_digit(uint8_t number[16])
{
	unsigned rest = 0;
	size_t i;

	for (i = 0; i < 16; i++) {
		unsigned value = rest << 8 | number[i];

		number[i] = (uint8_t)(value / 10);
		rest = value % 10;
	}
	return (char)('0' + rest);
}

static bool is_zero(const uint8_t number[16])
{
	size_t i;

	for (i = 0; i < 16; i++)
		if (number[i])
			return false;
	return true;
}

void text_uid_new(char out[TEXT_UID_SIZE])
{
	uint8_t number[16];
	char digits[40];
	size_t count = 0;

	uuid_bytes(number);
	while (!is_zero(number) && count < sizeof(digits))
		digits[count++] = next_digit(number);
	memcpy(out, "2.25.", 5);
	out += 5;
	while (count)
		*out++ = digits[--count];
	*out = '\0';
}

bool text_is_uid(const char *text)
{
	size_t length = strnlen(text, TEXT_UID_SIZE);
	size_t i;

	if (length == 0 || length >= TEXT_UID_SIZE)
		return false;
	for (i = 0; i < length; i++) {
		bool starts = i == 0 || text[i - 1] == '.';
		bool ends = i + 1 == length || text[i + 1] == '.';

		if (text[i] == '.') {
			if (starts || i + 1 == length)
				return false;
		} else if (text[i] < '0' || text[i] > '9') {
			return false;
		} else if (text[i] == '0' && starts && !ends) {
			return false;
		}
	}
	return true;
}

bool text_is_ae_title(const char *text)
{
	size_t length = strnlen(text, 17);
	bool has_letter = false;
	size_t i;

	if (length == 0 || length > 16)
		return false;
	for (i = 0; i < length; i++) {
		if (text[i] < 0x20 || text[i] > 0x7E || text[i] == '\\')
			return false;
		has_letter = has_letter || text[i] != ' ';
	}
	return has_letter;
}
