#include "gateway/input.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

bool input_path_id(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	const char *value = http_param(request, name);
	if (value == NULL || !text_is_uuid(value))
		return err_set(err, ERR_NOT_FOUND, "there is no such %s", name);
	*out = value;
	return true;
}

bool input_path_uid(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	const char *value = http_param(request, name);
	if (value == NULL || !text_is_uid(value))
		return err_set(err, ERR_NOT_FOUND, "there is no such %s", name);
	*out = value;
	return true;
}

bool input_query_id(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && !text_is_uuid(value))
		return err_set(err, ERR_INVALID, "%s is no id", name);
	*out = value;
	return true;
}

bool input_query_text(const struct http_request *request, const char *name, size_t max, const char **out,
                      struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && (!text_is_utf8(value, strlen(value)) || text_utf8_count(value) > max))
		return err_set(err, ERR_INVALID, "%s is no text of at most %zu characters", name, max);
	*out = value != NULL && value[0] != '\0' ? value : NULL;
	return true;
}

bool input_query_code(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && (value[0] == '\0' || strlen(value) > 16 ||
	                      value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")] != '\0'))
		return err_set(err, ERR_INVALID, "%s is no code of 1 to 16 capital letters and digits", name);
	*out = value;
	return true;
}

static bool is_number(const char *text, size_t length, int minimum, int maximum)
{
	char digits[8];
	if (length >= sizeof digits || strspn(text, "0123456789") < length)
		return false;
	memcpy(digits, text, length);
	digits[length] = '\0';
	long number = strtol(digits, NULL, 10);
	return number >= minimum && number <= maximum;
}

static int days_of(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && is_leap);
}

static bool is_day(const char *text)
{
	if (strlen(text) != 10 || text[4] != '-' || text[7] != '-')
		return false;
	if (!is_number(text, 4, 1900, 2999) || !is_number(text + 5, 2, 1, 12))
		return false;
	int year = (int)strtol(text, NULL, 10), month = (int)strtol(text + 5, NULL, 10);
	return is_number(text + 8, 2, 1, days_of(year, month));
}

bool input_query_day(const struct http_request *request, const char *name, const char **out, struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && !is_day(value))
		return err_set(err, ERR_INVALID, "%s is no day like 2026-11-01", name);
	*out = value;
	return true;
}

static bool is_word(const char *value, const char *words)
{
	size_t length = strlen(value);
	while (length > 0 && *words != '\0') {
		size_t word = strcspn(words, " ");
		if (word == length && memcmp(words, value, length) == 0)
			return true;
		words += word;
		words += strspn(words, " ");
	}
	return false;
}

bool input_query_word(const struct http_request *request, const char *name, const char *words, const char **out,
                      struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && !is_word(value, words))
		return err_set(err, ERR_INVALID, "%s is none of: %s", name, words);
	*out = value;
	return true;
}

bool input_query_int(const struct http_request *request, const char *name, int minimum, int maximum, int fallback,
                     int *out, struct err *err)
{
	const char *value = http_query(request, name);
	if (value != NULL && (value[0] == '\0' || !is_number(value, strlen(value), minimum, maximum)))
		return err_set(err, ERR_INVALID, "%s is no number from %d to %d", name, minimum, maximum);
	*out = value != NULL ? (int)strtol(value, NULL, 10) : fallback;
	return true;
}

/* Cuts copy at its commas. */
static bool split_ids(char *copy, const char *name, const char **out, size_t max, size_t *count, struct err *err)
{
	char *rest = copy, *one;
	while ((one = strsep(&rest, ",")) != NULL) {
		if (*count == max)
			return err_set(err, ERR_INVALID, "%s has more than %zu ids", name, max);
		if (!text_is_uuid(one))
			return err_set(err, ERR_INVALID, "%s has something that is no id", name);
		out[(*count)++] = one;
	}
	return true;
}

bool input_query_ids(const struct http_request *request, const char *name, const char **out, size_t max, size_t *count,
                     char **out_copy, struct err *err)
{
	const char *value = http_query(request, name);
	*count = 0;
	*out_copy = NULL;
	if (value == NULL)
		return true;
	char *copy = strdup(value);
	if (copy == NULL)
		err_panic("out of memory");
	if (!split_ids(copy, name, out, max, count, err)) {
		free(copy);
		return false;
	}
	*out_copy = copy;
	return true;
}

bool input_text(const json_t *body, const char *name, size_t max, bool is_required, const char **out, struct err *err)
{
	const json_t *member = json_object_get(body, name);
	if (member == NULL || json_is_null(member)) {
		if (is_required)
			return err_set(err, ERR_INVALID, "%s is missing", name);
		*out = NULL;
		return true;
	}
	if (!json_is_string(member))
		return err_set(err, ERR_INVALID, "%s is no text", name);
	if (json_string_length(member) > max)
		return err_set(err, ERR_INVALID, "%s is longer than %zu bytes", name, max);
	*out = json_string_value(member);
	return true;
}

bool input_id(const json_t *body, const char *name, bool is_required, const char **out, struct err *err)
{
	const char *value = NULL;
	if (!input_text(body, name, TEXT_UUID_SIZE - 1, is_required, &value, err))
		return false;
	if (value != NULL && !text_is_uuid(value))
		return err_set(err, ERR_INVALID, "%s is no id", name);
	*out = value;
	return true;
}

bool input_word(const json_t *body, const char *name, const char *words, bool is_required, const char **out,
                struct err *err)
{
	const char *value = NULL;
	if (!input_text(body, name, 64, is_required, &value, err))
		return false;
	if (value != NULL && !is_word(value, words))
		return err_set(err, ERR_INVALID, "%s is none of: %s", name, words);
	*out = value;
	return true;
}

bool input_int(const json_t *body, const char *name, int minimum, int maximum, int *out, struct err *err)
{
	const json_t *member = json_object_get(body, name);
	if (!json_is_integer(member))
		return err_set(err, ERR_INVALID, "%s is no whole number", name);
	json_int_t value = json_integer_value(member);
	if (value < minimum || value > maximum)
		return err_set(err, ERR_INVALID, "%s lies outside of %d to %d", name, minimum, maximum);
	*out = (int)value;
	return true;
}
