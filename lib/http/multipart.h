/*
 * A multipart body (RFC 2046 section 5.1) as it comes in, piece by piece: whoever reads gets the bytes of each part and nothing of them is kept.
 * Knows neither requests nor what is in the parts.
 *
 * Bounded: a boundary of 1 to 200 characters (RFC 2046 has 70, and Orthanc sends 73), MULTIPART_HEAD_MAX bytes of the head of a part, MULTIPART_ASIDE_MAX bytes before the first boundary and as
 * many behind the last. A line of a part that begins like a boundary and goes on otherwise is an error, not data: a sender has to choose one
 * that stands nowhere in what he sends (RFC 2046 section 5.1.1), and where a part ends is never guessed.
 */
#ifndef YQ_HTTP_MULTIPART_H
#define YQ_HTTP_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum { MULTIPART_BOUNDARY_MAX = 200, MULTIPART_HEAD_MAX = 4096, MULTIPART_ASIDE_MAX = 4096 };

/* Of each part begin, data 0 to n times, end. False ends the reading with *err. Everything is borrowed during the call. */
struct multipart_handlers {
	/* type: the Content-Type; NULL: it has none. */
	bool (*begin)(void *context, const char *type, struct err *err);
	bool (*data)(void *context, const void *bytes, size_t length, struct err *err);
	bool (*end)(void *context, struct err *err);
	void *context;
};

enum multipart_state { MULTIPART_BEFORE, MULTIPART_EDGE, MULTIPART_HEAD, MULTIPART_DATA, MULTIPART_BEHIND };
enum multipart_edge { MULTIPART_EDGE_START, MULTIPART_EDGE_DASH, MULTIPART_EDGE_BLANK, MULTIPART_EDGE_RETURN };

struct multipart {
	struct multipart_handlers handlers;
	char delimiter[sizeof "\r\n--" + MULTIPART_BOUNDARY_MAX];
	size_t delimiter_length;
	enum multipart_state state;
	enum multipart_edge edge; /* behind a delimiter: is it the last one? */
	bool is_open;             /* a part has begun, and its end was not told */
	size_t matched;           /* bytes of the delimiter that were seen */
	size_t unseen;            /* of these at its beginning: that were not there, since a line begins here anyway */
	size_t aside;
	size_t head_length;
	char head[MULTIPART_HEAD_MAX + 1];
};

/* ERR_INVALID: no boundary can be like that. */
bool multipart_init(struct multipart *reader, const char *boundary, const struct multipart_handlers *handlers,
                    struct err *err);
/* ERR_INVALID: no multipart body; nothing may follow. */
bool multipart_feed(struct multipart *reader, const void *bytes, size_t length, struct err *err);
/* Nothing more will come. ERR_INVALID: it did not end by its last boundary. */
bool multipart_finish(const struct multipart *reader, struct err *err);

#endif
