/*
 * How long the metadata of an object takes that nobody looked at before: makes it of every file in a folder, TIMES over, and says so.
 *
 * usage: object_json FOLDER TIMES        (as tests/support/dicomgen.py study --out FOLDER --images 2000 --size 64 makes one)
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"

enum { JSON_MAX = 8 * 1024 * 1024 };

struct made {
	int objects;
	size_t bytes;
};

static bool make(const char *path, struct made *made, struct err *err)
{
	const struct dicom_json_options options = {NULL, 0, ""};
	struct text_buf out;
	bool ok;

	text_buf_init(&out, JSON_MAX);
	ok = dicom_json(path, &options, &out, err);
	made->objects++;
	made->bytes += out.length;
	text_buf_fini(&out);
	return ok;
}

static bool make_all(const char *folder, struct made *made, struct err *err)
{
	DIR *all = opendir(folder);
	struct dirent *entry;
	char path[PATH_MAX];
	bool ok = all != NULL || err_set(err, ERR_NOT_FOUND, "cannot open %s", folder);

	while (ok && (entry = readdir(all)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		ok = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path &&
		     make(path, made, err);
	}
	if (all)
		closedir(all);
	return ok;
}

static double cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	struct made made = {0, 0};
	struct err err = {.text = ""};
	double started_us;
	long times = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	bool ok;

	if (times < 1) {
		fprintf(stderr, "usage: object_json FOLDER TIMES\n");
		return 2;
	}
	ok = dicom_init(&err);
	started_us = cpu_us();
	for (; ok && times > 0; times--)
		ok = make_all(argv[1], &made, &err);
	if (!ok || made.objects == 0) {
		fprintf(stderr, "object_json: %s\n", err.text);
		return 1;
	}
	printf("%d objects, %zu bytes, %.1f us of processor time each\n", made.objects, made.bytes,
	       (cpu_us() - started_us) / made.objects);
	return 0;
}
