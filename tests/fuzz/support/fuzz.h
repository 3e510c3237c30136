/*
 * One file of tests/fuzz/ is one target: LLVMFuzzerTestOneInput(), which hands bytes of anybody's making to a reader of ours and says
 * what must hold whatever they are. It runs under libFuzzer (make fuzz) and under support/driver.c (make test), always with AddressSanitizer
 * and UndefinedBehaviorSanitizer.
 */
#ifndef YQ_TESTS_FUZZ_H
#define YQ_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A claim about every input. When it does not hold, the process aborts with the text, and the engine keeps the input. */
#define FUZZ_CLAIM(claim, text)                                                                                        \
	do {                                                                                                           \
		if (!(claim))                                                                                          \
			fuzz_broken(__FILE__, __LINE__, text);                                                         \
	} while (0)
__attribute__((noreturn)) void fuzz_broken(const char *file, int line, const char *text);

/* A copy with a NUL behind it, of exactly that size, so that a read beyond is seen; fuzz_free(). NUL bytes inside stay. */
char *fuzz_text(const uint8_t *bytes, size_t length);
void fuzz_free(char *text);

/* Takes the first byte as a number below count; 0 when there is none. */
unsigned fuzz_choice(const uint8_t **bytes, size_t *length, unsigned count);

/* A directory in memory for this process, removed at its end; static storage. */
const char *fuzz_directory(void);

#ifdef __cplusplus
}
#endif
#endif
