/*
 * The index backlog as a process before left it. The first byte says whether the digests of its lines are made right; then a byte for what
 * the file beside it says is done; the rest is the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/intake/index_log.h"
#include "tests/fuzz/support/fuzz.h"

/* As in lib/intake/index_log.h: "LENGTH SIZE ARRIVAL KEY DIGEST JSON\n". */
enum { NUMBERS = 8 + 1 + 16 + 1 + 16 + 1 + STORE_KEY_SIZE - 1 + 1, PREFIX = NUMBERS + DIGEST_HEX_SIZE, LINES = 16 };

static void seal_line(char *line, size_t json_length)
{
	struct digest *digest = digest_new();
	uint8_t bytes[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	digest_update(digest, line, NUMBERS);
	digest_update(digest, line + PREFIX, json_length);
	digest_final(digest, bytes);
	digest_free(digest);
	text_hex(bytes, sizeof bytes, hex);
	memcpy(line + NUMBERS, hex, DIGEST_HEX_SIZE - 1);
}

/* Line feeds, not lengths, say here where a line ends: lengths are what is damaged. */
static void seal_lines(char *text, size_t length)
{
	while (length > PREFIX) {
		char *end = memchr(text + PREFIX, '\n', length - PREFIX);

		if (!end)
			return;
		seal_line(text, (size_t)(end - text) - PREFIX);
		length -= (size_t)(end + 1 - text);
		text = end + 1;
	}
}

static void write_file(const char *name, const void *bytes, size_t length)
{
	char path[200];
	int fd;

	snprintf(path, sizeof path, "%s/%s", fuzz_directory(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FUZZ_CLAIM(fd >= 0 && write(fd, bytes, length) == (ssize_t)length, "cannot write");
	close(fd);
}

static bool look(void *context, const struct index_line *line, struct err *err)
{
	(void)err;
	FUZZ_CLAIM(store_key_is_valid(line->key), "a key that is none");
	return ++*(int *)context < 1000;
}

/* Until nothing waits: every round takes something, or the log would be read for ever. */
static void read_all(size_t length)
{
	struct index_line lines[LINES];
	struct index_log *log;
	struct err err;
	size_t count = 0, all = 0;

	FUZZ_CLAIM(index_log_open(fuzz_directory(), &log, &err), "cannot open");
	while (index_log_next(log, lines, LINES, &count, &err) && count > 0) {
		for (size_t i = 0; i < count; i++)
			FUZZ_CLAIM(store_key_is_valid(lines[i].key) && strlen(lines[i].json) < INDEX_LINE_MAX,
			           "no line");
		index_lines_free(lines, count);
		all += count;
		FUZZ_CLAIM(all <= length / PREFIX + 1, "more lines than the file can have");
		if (!index_log_done(log, &err))
			break;
	}
	index_log_close(log);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	bool is_sealed = fuzz_choice(&bytes, &length, 2) == 1;
	unsigned done = fuzz_choice(&bytes, &length, 256);
	char *text = fuzz_text(bytes, length), done_text[16];
	int seen = 0;
	struct err err;

	log_init("fuzz", ERR_LOG_ERROR + 1);
	if (is_sealed)
		seal_lines(text, length);
	write_file("backlog-0000000000000001", text, length);
	snprintf(done_text, sizeof done_text, "%u\n", done);
	write_file("backlog-0000000000000001.done", done_text, done == 255 ? 0 : strlen(done_text));
	(void)index_log_look(fuzz_directory(), look, &seen, &err);
	read_all(length);
	fuzz_free(text);
	return 0;
}
