#include "lib/domain/report_content.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool report_content_canonical(const json_t *content, char **out, size_t *out_length, struct err *err)
{
	char *text = json_dumps(content, JSON_SORT_KEYS | JSON_COMPACT);

	if (!text)
		return err_set(err, ERR_INVALID, "cannot write the report's content as text");
	*out = text;
	*out_length = strlen(text);
	return true;
}

static const json_t *member(const json_t *content, const char *part, const char *name)
{
	return json_object_get(part ? json_object_get(content, part) : content, name);
}

const char *report_content_text(const json_t *content, const char *part, const char *name)
{
	const char *text = json_string_value(member(content, part, name));

	return text ? text : "";
}

int64_t report_content_int(const json_t *content, const char *part, const char *name)
{
	return json_integer_value(member(content, part, name));
}

bool report_content_bool(const json_t *content, const char *part, const char *name)
{
	return json_is_true(member(content, part, name));
}

void report_minute(const char *rfc3339, char out[REPORT_MINUTE_SIZE])
{
	out[0] = '\0';
	if (strlen(rfc3339) < REPORT_MINUTE_SIZE - 1)
		return;
	memcpy(out, rfc3339, REPORT_MINUTE_SIZE - 1);
	out[REPORT_MINUTE_SIZE - 1] = '\0';
	if (out[10] == 'T')
		out[10] = ' ';
}

static int two_digits(const char *text)
{
	return isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) ? (text[0] - '0') * 10 + text[1] - '0'
	                                                                          : -1;
}

/* Seconds that "Z" or "+08:00" is ahead of UTC. */
static bool zone_seconds(const char *zone, int *out)
{
	int hours, minutes;

	if (strcmp(zone, "Z") == 0) {
		*out = 0;
		return true;
	}
	if ((*zone != '+' && *zone != '-') || strlen(zone) != 6 || zone[3] != ':')
		return false;
	hours = two_digits(zone + 1);
	minutes = two_digits(zone + 4);
	*out = (*zone == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return hours >= 0 && minutes >= 0;
}

int64_t report_time_us(const char *rfc3339)
{
	struct tm civil = {0};
	const char *zone = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &civil);
	int ahead_s;

	if (!zone)
		return 0;
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, "0123456789");
	if (!zone_seconds(zone, &ahead_s))
		return 0;
	return ((int64_t)timegm(&civil) - ahead_s) * 1000000;
}

/* 128 bits are 26 digits of 5 bits; groups of 5, the last one of 6. */
enum { DIGITS = 26, GROUP = 5 };
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static unsigned bit_of(const uint8_t bytes[16], int index)
{
	return index < 0 ? 0 : (bytes[index / 8] >> (7 - index % 8)) & 1;
}

static bool id_bytes(const char *id, uint8_t out[16])
{
	char hex[33];
	size_t used = 0;

	if (!text_is_uuid(id))
		return false;
	for (; *id; id++)
		if (*id != '-')
			hex[used++] = *id;
	hex[used] = '\0';
	return text_unhex(hex, out, 16);
}

bool report_code_of_id(const char *report_id, char out[REPORT_CODE_SIZE])
{
	uint8_t bytes[16];
	size_t used = 0;

	if (!id_bytes(report_id, bytes))
		return false;
	for (int digit = 0; digit < DIGITS; digit++) {
		unsigned value = 0;

		/* Two leading zero bits fill 128 up to 130. */
		for (int bit = 0; bit < 5; bit++)
			value = value << 1 | bit_of(bytes, digit * 5 + bit - 2);
		if (digit && digit % GROUP == 0 && digit < DIGITS - 1)
			out[used++] = '-';
		out[used++] = alphabet[value];
	}
	out[used] = '\0';
	return true;
}

static int digit_value(char c)
{
	const char *at;

	c = (char)toupper((unsigned char)c);
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

bool report_code_to_id(const char *code, char out_id[TEXT_UUID_SIZE])
{
	uint8_t bytes[16] = {0};
	char hex[33];
	int digits = 0;

	for (; *code; code++) {
		int value;

		if (*code == '-' || *code == ' ')
			continue;
		value = digit_value(*code);
		if (value < 0 || digits == DIGITS || (digits == 0 && value > 7))
			return false;
		for (int bit = 0; bit < 5; bit++) {
			int index = digits * 5 + bit - 2;

			if (index >= 0 && (value >> (4 - bit)) & 1)
				bytes[index / 8] = (uint8_t)(bytes[index / 8] | 1 << (7 - index % 8));
		}
		digits++;
	}
	if (digits != DIGITS)
		return false;
	text_hex(bytes, sizeof bytes, hex);
	snprintf(out_id, TEXT_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	return text_is_uuid(out_id);
}
