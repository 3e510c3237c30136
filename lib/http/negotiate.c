/* What a client takes and what it has already: content coding (RFC 9110 section 12.5.3) and entity tags (section 13.1.2). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "lib/http/internal.h"

enum { GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_LEVEL = 6 };

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* Whether the weight among the parameters of one element is zero. What cannot be read is no refusal. */
static bool is_refused(const char *parameters, const char *end)
{
	for (const char *at = parameters; at < end; at++) {
		if (*at != ';')
			continue;
		const char *name = skip_blanks(at + 1);
		if (strncasecmp(name, "q=", 2) == 0)
			return name[2] == '0' && strchr(" \t,;", name[2 + strspn(name + 2, "0.")]) != NULL;
	}
	return false;
}

bool negotiate_gzip(const char *accept_encoding)
{
	bool any = false;
	for (const char *at = accept_encoding; at != NULL && *at != '\0';) {
		at = skip_blanks(at);
		const char *end = at + strcspn(at, ",");
		const char *parameters = at + strcspn(at, ",;");
		size_t length = strcspn(at, ",; \t");
		if ((length == 4 && strncasecmp(at, "gzip", 4) == 0) ||
		    (length == 6 && strncasecmp(at, "x-gzip", 6) == 0))
			return !is_refused(parameters, end);
		if (length == 1 && *at == '*')
			any = !is_refused(parameters, end);
		at = *end == ',' ? end + 1 : end;
	}
	return any;
}

static bool names_tag(const char *list, const char *tag, bool weakly)
{
	size_t length = strlen(tag);
	for (const char *at = list; at != NULL && *at != '\0';) {
		at = skip_blanks(at);
		if (*at == '*')
			return true;
		if (weakly && at[0] == 'W' && at[1] == '/')
			at += 2;
		if (strncmp(at, tag, length) == 0 && strchr(" \t,", at[length]) != NULL)
			return true;
		at += strcspn(at, ",");
		at += *at == ',';
	}
	return false;
}

/* The strength of what the client has does not matter for a GET. */
bool negotiate_has_tag(const char *if_none_match, const char *tag)
{
	return names_tag(if_none_match, tag, true);
}

bool negotiate_is_tag(const char *if_match, const char *tag)
{
	return names_tag(if_match, tag, false);
}

void *negotiate_pack(const void *bytes, size_t length, size_t *out_length)
{
	z_stream stream = {0};
	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		err_panic("out of memory");
	uLong room = deflateBound(&stream, length);
	unsigned char *packed = malloc(room);
	if (packed == NULL)
		err_panic("out of memory");
	union {
		const void *from;
		unsigned char *to;
	} borrowed = {bytes}; /* zlib only reads it */
	stream.next_in = borrowed.to;
	stream.avail_in = (uInt)length;
	stream.next_out = packed;
	stream.avail_out = (uInt)room;
	int status = deflate(&stream, Z_FINISH);
	*out_length = stream.total_out;
	deflateEnd(&stream);
	if (status != Z_STREAM_END)
		err_panic("could not compress");
	return packed;
}
