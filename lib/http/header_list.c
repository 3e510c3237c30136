/* Headers that are lists and come in several lines (RFC 9110 section 5.3). */
#include <string.h>
#include <strings.h>

#include "lib/http/internal.h"

struct lines {
	const char *name;
	struct text_buf *out;
	size_t before; /* of out */
	bool ok;
};

static enum MHD_Result join_line(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct lines *lines = context;
	(void)kind;
	if (value == NULL || strcasecmp(name, lines->name) != 0)
		return MHD_YES;
	lines->ok = (lines->out->length == lines->before || text_buf_append(lines->out, ", ", 2)) &&
	            text_buf_append(lines->out, value, strlen(value));
	return lines->ok ? MHD_YES : MHD_NO;
}

bool http_header_list(const struct http_request *request, const char *name, struct text_buf *out)
{
	struct lines lines = {name, out, out->length, true};
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join_line, &lines);
	return lines.ok;
}

/* Whether a list holds an entity tag; fits: how the two are compared. */
static bool has_tag(const struct http_request *request, const char *name, const char *tag,
                    bool (*fits)(const char *list, const char *tag), bool *out_is_there)
{
	struct text_buf list;
	text_buf_init(&list, HTTP_CONNECTION_MEMORY);
	bool ok = http_header_list(request, name, &list);
	*out_is_there = !ok || list.data != NULL;
	bool has = ok && list.data != NULL && fits(list.data, tag);
	text_buf_fini(&list);
	return has;
}

bool http_has_tag(const struct http_request *request, const char *tag)
{
	bool is_there;
	return has_tag(request, MHD_HTTP_HEADER_IF_NONE_MATCH, tag, negotiate_has_tag, &is_there);
}

bool header_list_admits(const struct http_request *request, const char *tag)
{
	bool is_there;
	return has_tag(request, MHD_HTTP_HEADER_IF_MATCH, tag, negotiate_is_tag, &is_there) || !is_there;
}
