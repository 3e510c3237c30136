/* Requests as they come from a connection: line, headers, query, body, one or several, whole or not. */
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/web.h"

enum { STREAM_MAX = 16 * 1024, FILLING = 2 * WEB_BODY_MAX };

/* Something follows in any case: a body that was cut is filled up, and what comes then is no request. Nobody waits for more. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static char stream[STREAM_MAX + FILLING];

	if (length == 0 || length > STREAM_MAX)
		return 0;
	memcpy(stream, bytes, length);
	memset(stream + length, 'x', FILLING);
	memcpy(stream + length, "\r\n\r\n", 4);
	web_ask(stream, length + FILLING, true);
	return 0;
}
