#include "tests/fuzz/support/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fuzz_broken(const char *file, int line, const char *text)
{
	fprintf(stderr, "%s:%d: broken claim: %s\n", file, line, text);
	abort();
}

char *fuzz_text(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);

	FUZZ_CLAIM(text, "out of memory");
	if (length > 0)
		memcpy(text, bytes, length);
	text[length] = '\0';
	return text;
}

void fuzz_free(char *text)
{
	free(text);
}

unsigned fuzz_choice(const uint8_t **bytes, size_t *length, unsigned count)
{
	unsigned choice;

	if (*length == 0)
		return 0;
	choice = **bytes % count;
	(*bytes)++;
	(*length)--;
	return choice;
}

static char directory[64];

static void remove_directory(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(directory);
}

const char *fuzz_directory(void)
{
	if (directory[0])
		return directory;
	snprintf(directory, sizeof directory, "%s/yq-fuzz.XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	FUZZ_CLAIM(mkdtemp(directory), "no directory");
	atexit(remove_directory);
	return directory;
}
