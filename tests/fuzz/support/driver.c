/*
 * The short form: every file of a corpus as it is, then a fixed number of damaged copies. What damage is done follows from the
 * target's name and the number of the copy alone, so that every run does the same.
 *
 * usage: TARGET CORPUS [COPIES [FIRST]]        an input that breaks something is kept as $YQ_FUZZ_KEEP/TARGET.crash (default: here)
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/fuzz/support/fuzz.h"

/* INPUT_CPU_S: of processor time, so that a busy machine breaks nothing. */
enum { INPUT_MAX = 64 * 1024, FILES_MAX = 2000, DAMAGES_MAX = 6, INPUT_CPU_S = 30 };

struct input {
	uint8_t *bytes;
	size_t length;
};

static struct input corpus[FILES_MAX];
static size_t corpus_count;
static struct input current;
static char keep_path[PATH_MAX];

static void keep_input(int signal_number)
{
	int fd = open(keep_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0 && write(fd, current.bytes, current.length) == (ssize_t)current.length)
		(void)!write(STDERR_FILENO, "input kept\n", 11);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* ---- numbers that look random --------------------------------------------------------------------------------------- */

static uint64_t state;

/* splitmix64 */
static uint64_t next_number(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static size_t below(size_t count)
{
	return count > 0 ? (size_t)(next_number() % count) : 0;
}

static void seed(const char *target, uint64_t copy)
{
	state = copy;
	for (; *target; target++)
		state = state * 1099511628211u ^ (unsigned char)*target;
}

/* ---- damage ------------------------------------------------------------------------------------------------------------ */

static void flip(struct input *input)
{
	input->bytes[below(input->length)] ^= (uint8_t)(1u << below(8));
}

static void put_byte(struct input *input)
{
	static const uint8_t telling[] = {0,    1,   0x7f, 0x80, 0xff, ' ',  '\n', '"',
	                                  '\\', '<', '0',  '-',  0x1b, 0xe0, 0xfe};

	input->bytes[below(input->length)] = telling[below(sizeof telling)];
}

/* Lengths and counts: all ones, the largest signed, one off, of either byte order. */
static void put_number(struct input *input)
{
	static const uint32_t telling[] = {0,          1,          2,          0xff,       0xffff,
	                                   0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x10000};
	uint32_t value = telling[below(sizeof telling / sizeof telling[0])] + (uint32_t)below(3) - 1;
	size_t width = below(2) ? 4 : 2, at;
	bool is_big = below(2);

	if (input->length < width)
		return;
	at = below(input->length - width + 1);
	for (size_t i = 0; i < width; i++)
		input->bytes[at + i] = (uint8_t)(value >> 8 * (is_big ? width - 1 - i : i));
}

static void cut(struct input *input)
{
	size_t at = below(input->length), length = 1 + below(input->length - at < 64 ? input->length - at : 64);

	if (below(4) == 0) {
		input->length = at;
		return;
	}
	length = length < input->length - at ? length : input->length - at;
	memmove(input->bytes + at, input->bytes + at + length, input->length - at - length);
	input->length -= length;
}

/* A piece of any file of the corpus in between. */
static void insert(struct input *input)
{
	const struct input *from = &corpus[below(corpus_count)];
	size_t start = below(from->length), length = below(from->length - start + 1), at = below(input->length + 1);

	length = length < 200 ? length : below(200);
	if (from->length == 0 || input->length + length > INPUT_MAX)
		return;
	memmove(input->bytes + at + length, input->bytes + at, input->length - at);
	memcpy(input->bytes + at, from->bytes + start, length);
	input->length += length;
}

static void double_up(struct input *input)
{
	size_t start = below(input->length), length = 1 + below(input->length - start);

	if (input->length + length > INPUT_MAX)
		return;
	memmove(input->bytes + start + length, input->bytes + start, input->length - start);
	input->length += length;
}

static void damage(struct input *input)
{
	static void (*const kinds[])(struct input *) = {flip,       flip, put_byte, put_byte,
	                                                put_number, cut,  insert,   double_up};
	size_t times = 1 + below(DAMAGES_MAX);

	for (size_t i = 0; i < times; i++)
		if (input->length > 0)
			kinds[below(sizeof kinds / sizeof kinds[0])](input);
}

/* ---- runs -------------------------------------------------------------------------------------------------------------- */

static void try_input(const uint8_t *bytes, size_t length)
{
	const struct itimerval limit = {.it_value.tv_sec = INPUT_CPU_S}, none = {0};

	/* Of exactly that size, so that a read beyond it is seen. */
	current.bytes = malloc(length > 0 ? length : 1);
	FUZZ_CLAIM(current.bytes, "out of memory");
	memcpy(current.bytes, bytes, length);
	current.length = length;
	setitimer(ITIMER_PROF, &limit, NULL);
	LLVMFuzzerTestOneInput(current.bytes, current.length);
	setitimer(ITIMER_PROF, &none, NULL);
	free(current.bytes);
	current = (struct input){0};
}

static void try_copies(const char *target, uint64_t copies, uint64_t first)
{
	struct input copy = {malloc(INPUT_MAX), 0};

	FUZZ_CLAIM(copy.bytes, "out of memory");
	for (uint64_t i = first; i < first + copies; i++) {
		const struct input *from = &corpus[i % corpus_count];

		seed(target, i);
		memcpy(copy.bytes, from->bytes, from->length);
		copy.length = from->length;
		damage(&copy);
		try_input(copy.bytes, copy.length);
	}
	free(copy.bytes);
}

static void load_file(const char *path)
{
	struct input *input = &corpus[corpus_count];
	FILE *file = fopen(path, "rbe");

	FUZZ_CLAIM(file && corpus_count < FILES_MAX, path);
	input->bytes = malloc(INPUT_MAX);
	FUZZ_CLAIM(input->bytes, "out of memory");
	input->length = fread(input->bytes, 1, INPUT_MAX, file);
	fclose(file);
	corpus_count++;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void load_corpus(const char *directory)
{
	struct dirent **names;
	int count = scandir(directory, &names, not_hidden, alphasort);
	char path[PATH_MAX];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
		load_file(path);
		free(names[i]);
	}
	FUZZ_CLAIM(corpus_count > 0, "no file in the corpus");
	free(names);
}

static void watch(const char *target)
{
	static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF};
	const char *where = getenv("YQ_FUZZ_KEEP");

	snprintf(keep_path, sizeof keep_path, "%s/%s.crash", where ? where : ".", target);
	unlink(keep_path);
	for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
		signal(deadly[i], keep_input);
	signal(SIGPIPE, SIG_IGN);
}

int main(int count, char **arguments)
{
	const char *target = strrchr(arguments[0], '/');
	uint64_t copies = count > 2 ? strtoull(arguments[2], NULL, 10) : 0;

	target = target ? target + 1 : arguments[0];
	if (count < 2) {
		fprintf(stderr, "usage: %s CORPUS [COPIES [FIRST]]\n", target);
		return 2;
	}
	watch(target);
	load_corpus(arguments[1]);
	for (size_t i = 0; i < corpus_count; i++)
		try_input(corpus[i].bytes, corpus[i].length);
	try_copies(target, copies, count > 3 ? strtoull(arguments[3], NULL, 10) : 0);
	printf("%s: %zu files, %" PRIu64 " damaged copies\n", target, corpus_count, copies);
	for (size_t i = 0; i < corpus_count; i++)
		free(corpus[i].bytes);
	return 0;
}
