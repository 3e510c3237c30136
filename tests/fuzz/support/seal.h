/* Makes digests right in damaged text, since no engine finds a SHA-256 by chance. */
#ifndef YQ_TESTS_FUZZ_SEAL_H
#define YQ_TESTS_FUZZ_SEAL_H

#include <stddef.h>

/* Behind the last `word` of the text: the SHA-256 of everything before it, in hexadecimal; nothing when there is no room for one. */
void seal_put(char *text, size_t length, const char *word);

#endif
