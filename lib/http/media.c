#include "lib/http/media.h"

#include <string.h>
#include <strings.h>

/* RFC 9110 section 5.6.2 */
static size_t token_length(const char *text)
{
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");
}

static const char *behind_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

bool media_is(const char *text, const char *type)
{
	size_t length = strlen(type);
	if (text == NULL || strncasecmp(text, type, length) != 0)
		return false;
	const char *rest = behind_blanks(text + length);
	return *rest == '\0' || *rest == ';';
}

/* Behind the value at *at; NULL: there is none. Without quotes only a token is one, but many write type=application/dicom, or a boundary with "=". */
static const char *value_end(const char *at)
{
	size_t length = strcspn(at, " \t;\"");
	if (*at != '"')
		return length > 0 ? at + length : NULL;
	for (at++; *at != '\0' && *at != '"'; at++)
		at += *at == '\\' && at[1] != '\0';
	return *at == '"' ? at + 1 : NULL;
}

/* False: it does not fit. */
static bool copy_value(const char *at, const char *end, char *out, size_t out_size)
{
	bool is_quoted = *at == '"';
	size_t used = 0;
	at += is_quoted;
	end -= is_quoted;
	for (; at < end && used + 1 < out_size; at++) {
		at += is_quoted && *at == '\\';
		out[used++] = *at;
	}
	out[used] = '\0';
	return at == end;
}

bool media_parameter(const char *text, const char *name, char *out, size_t out_size)
{
	const char *at = text != NULL ? text + strcspn(text, ";") : "";
	while (*at == ';') {
		at = behind_blanks(at + 1);
		size_t length = token_length(at);
		bool is_wanted = length == strlen(name) && strncasecmp(at, name, length) == 0;
		const char *value = at + length + 1, *end;
		if (length == 0 || at[length] != '=' || (end = value_end(value)) == NULL)
			return false;
		if (is_wanted)
			return copy_value(value, end, out, out_size);
		at = behind_blanks(end);
	}
	return false;
}
