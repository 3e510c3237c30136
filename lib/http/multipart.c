/*
 *	BEFORE --delimiter--> EDGE --CR LF--> HEAD --empty line--> DATA --delimiter--> EDGE --"--"--> BEHIND
 *
 * A delimiter is CR LF, two dashes and the boundary. CR stands only at its beginning, so that bytes which looked like one and were none
 * cannot hide the beginning of another.
 */
#include "lib/http/multipart.h"

#include <string.h>
#include <strings.h>

enum { LINE_BREAK = 2 };

static bool malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "the multipart body is malformed: %s", what);
}

/* RFC 2046 section 5.1.1 */
static bool is_boundary(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+_,-./:=? ";
	size_t length = strlen(text);
	return length > 0 && length <= MULTIPART_BOUNDARY_MAX && strspn(text, allowed) == length &&
	       text[length - 1] != ' ';
}

/* The break before a delimiter may be the end of a line that we have read already, or the beginning of the body. */
static void begin_text(struct multipart *reader, enum multipart_state state)
{
	reader->state = state;
	reader->matched = reader->unseen = LINE_BREAK;
}

bool multipart_init(struct multipart *reader, const char *boundary, const struct multipart_handlers *handlers,
                    struct err *err)
{
	if (!is_boundary(boundary))
		return err_set(err, ERR_INVALID, "the boundary of the multipart body is missing or malformed");
	memset(reader, 0, sizeof *reader);
	reader->handlers = *handlers;
	memcpy(reader->delimiter, "\r\n--", 4);
	memcpy(reader->delimiter + 4, boundary, strlen(boundary) + 1);
	reader->delimiter_length = strlen(reader->delimiter);
	begin_text(reader, MULTIPART_BEFORE);
	return true;
}

static bool pass_aside(struct multipart *reader, size_t length, struct err *err)
{
	reader->aside += length;
	return reader->aside <= MULTIPART_ASIDE_MAX || malformed(err, "too much outside of its parts");
}

/* ---- text up to a delimiter --------------------------------------------------------------------------------------- */

static bool give(struct multipart *reader, const char *bytes, size_t length, struct err *err)
{
	if (length == 0)
		return true;
	if (reader->state == MULTIPART_BEFORE)
		return pass_aside(reader, length, err);
	return reader->handlers.data(reader->handlers.context, bytes, length, err);
}

static void end_text(struct multipart *reader)
{
	reader->state = MULTIPART_EDGE;
	reader->edge = MULTIPART_EDGE_START;
	reader->aside = 0;
}

/* The byte at *at continues the delimiter, or what looked like one is given on: from the delimiter itself, whose bytes are the same. */
static bool match(struct multipart *reader, const char **at, struct err *err)
{
	size_t seen = reader->matched - reader->unseen;
	if (**at == reader->delimiter[reader->matched]) {
		++*at;
		if (++reader->matched == reader->delimiter_length)
			end_text(reader);
		return true;
	}
	const char *looked_like = reader->delimiter + reader->unseen;
	reader->matched = reader->unseen = 0;
	return give(reader, looked_like, seen, err);
}

static bool read_text(struct multipart *reader, const char **at, const char *end, struct err *err)
{
	if (reader->matched > 0)
		return match(reader, at, err);
	const char *stop = memchr(*at, '\r', (size_t)(end - *at)), *from = *at;
	*at = stop != NULL ? stop : end;
	if (!give(reader, from, (size_t)(*at - from), err))
		return false;
	if (stop == NULL)
		return true;
	++*at;
	reader->matched = 1;
	return true;
}

/* ---- behind a delimiter ----------------------------------------------------------------------------------------------- */

/* The delimiter is one: not before is the part at its end, and it may be kept for ever. */
static bool leave_edge(struct multipart *reader, enum multipart_state state, struct err *err)
{
	bool was_part = reader->is_open;
	reader->state = state;
	reader->head_length = 0;
	reader->is_open = false;
	return !was_part || reader->handlers.end(reader->handlers.context, err);
}

static bool read_edge(struct multipart *reader, const char **at, const char *end, struct err *err)
{
	char c = *(*at)++;
	(void)end;
	bool may_end = reader->edge == MULTIPART_EDGE_START || reader->edge == MULTIPART_EDGE_BLANK;
	if (reader->edge == MULTIPART_EDGE_RETURN && c == '\n')
		return leave_edge(reader, MULTIPART_HEAD, err);
	if (reader->edge == MULTIPART_EDGE_DASH && c == '-')
		return leave_edge(reader, MULTIPART_BEHIND, err);
	if (reader->edge == MULTIPART_EDGE_START && c == '-')
		reader->edge = MULTIPART_EDGE_DASH;
	else if (may_end && c == '\r')
		reader->edge = MULTIPART_EDGE_RETURN;
	else if (may_end && (c == ' ' || c == '\t'))
		reader->edge = MULTIPART_EDGE_BLANK;
	else
		return malformed(err, "a line begins like the boundary and is none");
	return pass_aside(reader, 1, err);
}

static bool read_behind(struct multipart *reader, const char **at, const char *end, struct err *err)
{
	size_t length = (size_t)(end - *at);
	*at = end;
	return pass_aside(reader, length, err);
}

/* ---- the head of a part -------------------------------------------------------------------------------------------------- */

/* The value of a field when the line is of that name; NULL: it is another. */
static char *value_of(char *line, const char *name)
{
	size_t length = strlen(name);
	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	return line + length + 1 + strspn(line + length + 1, " \t");
}

/* Bytes that stand for others would be stored as if they were the object. */
static bool is_plain_encoding(const char *value)
{
	return strcasecmp(value, "binary") == 0 || strcasecmp(value, "8bit") == 0 || strcasecmp(value, "7bit") == 0;
}

static bool read_line(char *line, const char **type, struct err *err)
{
	char *value = value_of(line, "Content-Type");
	if (line[strcspn(line, "\r\n")] != '\0' || line[0] == ' ' || line[0] == '\t' || strchr(line, ':') == NULL)
		return malformed(err, "the head of a part has a line that is no field");
	if (value != NULL && *type != NULL)
		return malformed(err, "a part has two types");
	if (value != NULL)
		*type = value;
	value = value_of(line, "Content-Transfer-Encoding");
	return value == NULL || is_plain_encoding(value) ||
	       malformed(err, "a part has a transfer encoding, and only binary is taken");
}

/* The head ends with an empty line, and has been read to there. */
static bool begin_part(struct multipart *reader, struct err *err)
{
	char *line = reader->head, *stop;
	const char *type = NULL;
	if (memchr(line, '\0', reader->head_length) != NULL)
		return malformed(err, "the head of a part has a line that is no field");
	reader->head[reader->head_length - LINE_BREAK] = '\0';
	for (; (stop = strstr(line, "\r\n")) != NULL; line = stop + LINE_BREAK) {
		*stop = '\0';
		if (!read_line(line, &type, err))
			return false;
	}
	begin_text(reader, MULTIPART_DATA);
	reader->is_open = true;
	return reader->handlers.begin(reader->handlers.context, type, err);
}

static bool head_ends(const struct multipart *reader)
{
	size_t length = reader->head_length;
	return (length == LINE_BREAK || length >= (size_t)2 * LINE_BREAK) &&
	       memcmp(reader->head + length - LINE_BREAK, "\r\n", LINE_BREAK) == 0 &&
	       (length == LINE_BREAK ||
	        memcmp(reader->head + length - (size_t)2 * LINE_BREAK, "\r\n", LINE_BREAK) == 0);
}

static bool read_head(struct multipart *reader, const char **at, const char *end, struct err *err)
{
	while (*at < end) {
		if (reader->head_length == MULTIPART_HEAD_MAX)
			return malformed(err, "the head of a part does not end");
		reader->head[reader->head_length++] = *(*at)++;
		if (head_ends(reader))
			return begin_part(reader, err);
	}
	return true;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------- */

bool multipart_feed(struct multipart *reader, const void *bytes, size_t length, struct err *err)
{
	static bool (*const steps[])(struct multipart *, const char **, const char *, struct err *) = {
	    [MULTIPART_BEFORE] = read_text, [MULTIPART_EDGE] = read_edge,     [MULTIPART_HEAD] = read_head,
	    [MULTIPART_DATA] = read_text,   [MULTIPART_BEHIND] = read_behind,
	};
	const char *at = bytes, *end = at + length;
	while (at < end)
		if (!steps[reader->state](reader, &at, end, err))
			return false;
	return true;
}

bool multipart_finish(const struct multipart *reader, struct err *err)
{
	return reader->state == MULTIPART_BEHIND || malformed(err, "it does not end with its last boundary");
}
