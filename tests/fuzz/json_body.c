/* JSON bodies of the gateway's calls. The first byte chooses the call, the rest is the body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/support/fuzz.h"
#include "tests/fuzz/support/web.h"

enum { HEAD_MAX = 300 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char *const calls[] = {"POST /login", "POST /requests",
	                                    "PUT /tasks/6b1f3f3a-6a6b-4d53-9f5e-0d6a3c1c2b11/draft",
	                                    "POST /studies/1.2.3/match"};
	const char *call = calls[fuzz_choice(&bytes, &length, sizeof calls / sizeof calls[0])];
	char *request = malloc(HEAD_MAX + length);
	int head, status = 0;

	FUZZ_CLAIM(request, "out of memory");
	head = snprintf(request, HEAD_MAX,
	                "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "
	                "application/json\r\nContent-Length: %zu\r\n\r\n",
	                call, length);
	if (length > 0)
		memcpy(request + head, bytes, length);
	/* A connection may break for reasons of the machine; three in a row break for one of the body. */
	for (int tries = 0; status == 0 && tries < 3; tries++)
		status = web_ask(request, (size_t)head + length, false);
	FUZZ_CLAIM(status != 0, "no answer");
	FUZZ_CLAIM(length > 0 || status == 400, "no body, and taken");
	FUZZ_CLAIM(length <= WEB_BODY_MAX || status == 413, "a body that is too long, and taken");
	free(request);
	return 0;
}
