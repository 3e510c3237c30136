/* Parts of an answer, and whether it is wanted at all (RFC 9110 sections 13 and 14). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/http/internal.h"

/* ---- conditions --------------------------------------------------------------------------------------------------------- */

bool http_weigh_tag(struct http_request *request, const char *tag, bool *out_is_settled, struct err *err)
{
	if (!http_add_header(request, MHD_HTTP_HEADER_ETAG, tag, err))
		return false;
	if (!header_list_admits(request, tag)) {
		err_set(err, ERR_CONFLICT, "this is not, or no longer, what If-Match names");
		return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_PRECONDITION_FAILED);
	}
	*out_is_settled = http_has_tag(request, tag);
	return !*out_is_settled || http_reply_empty(request, MHD_HTTP_NOT_MODIFIED, err);
}

/* Section 13.1.5. We give no dates of change, so that a date never holds. */
static bool is_range_wanted(const struct http_request *request)
{
	const char *condition = http_header(request, MHD_HTTP_HEADER_IF_RANGE);
	const char *tag = reply_header(request, MHD_HTTP_HEADER_ETAG);
	return condition == NULL || (tag != NULL && *condition == '"' && strcmp(condition, tag) == 0);
}

/* ---- ranges ------------------------------------------------------------------------------------------------------------------ */

struct range {
	uint64_t first, last;
	bool satisfiable;
};

static bool read_number(const char **text, uint64_t *out)
{
	size_t digits = strspn(*text, "0123456789");
	if (digits == 0 || digits > 18)
		return false;
	*out = strtoull(*text, NULL, 10);
	*text += digits;
	return true;
}

/* RFC 9110 section 14.1.2, one range; false: no range that we serve, the whole file is the answer. */
static bool read_range(const struct http_request *request, uint64_t size, struct range *out)
{
	const char *text = http_header(request, "Range");
	if (text == NULL || !is_range_wanted(request) || strncmp(text, "bytes=", 6) != 0)
		return false;
	text += 6;
	uint64_t first = 0, last = size > 0 ? size - 1 : 0;
	if (*text == '-') {
		uint64_t tail = 0;
		text++;
		if (!read_number(&text, &tail) || *text != '\0')
			return false;
		*out = (struct range){tail < size ? size - tail : 0, last, tail > 0 && size > 0};
		return true;
	}
	if (!read_number(&text, &first) || *text != '-')
		return false;
	text++;
	uint64_t asked = last;
	if (*text != '\0' && (!read_number(&text, &asked) || *text != '\0' || asked < first))
		return false;
	*out = (struct range){first, asked < last ? asked : last, first < size};
	return true;
}

/* The header that says of what; false with 416 when there is no such part. */
static bool name_range(struct http_request *request, uint64_t size, const struct range *range, struct err *err)
{
	struct text_buf text;
	text_buf_init(&text, 100);
	bool ok = range->satisfiable ? text_buf_printf(&text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->first,
	                                               range->last, size)
	                             : text_buf_printf(&text, "bytes */%" PRIu64, size);
	ok = ok && http_add_header(request, MHD_HTTP_HEADER_CONTENT_RANGE, text.data, err);
	text_buf_fini(&text);
	if (!ok || range->satisfiable)
		return ok;
	err_set(err, ERR_INVALID, "the range lies outside of the file");
	return err_code(err, ERR_SOURCE_HTTP, MHD_HTTP_RANGE_NOT_SATISFIABLE);
}

/* Which part of size bytes goes out, and under which status. */
static bool choose_part(struct http_request *request, uint64_t size, struct range *out, int *out_status,
                        struct err *err)
{
	if (!http_add_header(request, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes", err))
		return false;
	*out_status = MHD_HTTP_OK;
	if (!read_range(request, size, out)) {
		*out = (struct range){0, size - 1, true}; /* of nothing: last + 1 is 0 */
		return true;
	}
	*out_status = MHD_HTTP_PARTIAL_CONTENT;
	return name_range(request, size, out, err);
}

bool http_reply_within(struct http_request *request, const char *type, int fd, uint64_t offset, uint64_t size,
                       struct err *err)
{
	struct range part;
	int status;
	if (!choose_part(request, size, &part, &status, err)) {
		close(fd);
		return false;
	}
	reply_finish(request, status, type,
	             MHD_create_response_from_fd_at_offset64(part.last + 1 - part.first, fd, offset + part.first));
	return true;
}

bool http_reply_file(struct http_request *request, const char *type, int fd, uint64_t size, struct err *err)
{
	return http_reply_within(request, type, fd, 0, size, err);
}

bool http_reply_taken(struct http_request *request, const char *type, uint8_t *bytes, size_t length, struct err *err)
{
	struct range part;
	int status;
	if (!choose_part(request, length, &part, &status, err)) {
		free(bytes);
		return false;
	}
	size_t count = (size_t)(part.last + 1 - part.first);
	memmove(bytes, bytes + part.first, count);
	reply_finish(request, status, type, MHD_create_response_from_buffer(count, bytes, MHD_RESPMEM_MUST_FREE));
	return true;
}
