/* A server of lib/http with routes that read their input as the gateway's do, and answer what they read. */
#ifndef YQ_TESTS_FUZZ_WEB_H
#define YQ_TESTS_FUZZ_WEB_H

#include <stdbool.h>
#include <stddef.h>

enum { WEB_BODY_MAX = 16 * 1024 };

/*
 * Sends these bytes on a connection of their own and reads the answers to their end. says_more: what was sent may be a part of a request, so the
 * sending side is closed; then there may be no answer. Returns the status of the first answer, 0: none. Claims: the answer is HTTP/1.1,
 * and no status says that the server is at fault.
 */
int web_ask(const char *bytes, size_t length, bool says_more);

#endif
