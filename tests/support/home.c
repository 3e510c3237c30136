#include "tests/support/home.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/log.h"
#include "lib/dicom/dicom.h"

static char home[64];

static void load(void)
{
	struct err err;

	cr_assert(conf_load(&err), "%s", err.text);
}

void home_set(const char *variable, const char *value)
{
	if (value)
		setenv(variable, value, 1);
	else
		unsetenv(variable);
	load();
}

void home_make(const char *ledger)
{
	struct err err;

	snprintf(home, sizeof home, "/tmp/yq-unit.XXXXXX");
	cr_assert_not_null(mkdtemp(home));
	setenv("YQ_HOME", home, 1);
	setenv("YQ_LEDGER", ledger ? ledger : "host=/nonexistent/yq dbname=none", 1);
	setenv("YQ_STORE_RESERVE", "0 B", 1);
	setenv("YQ_JOURNAL_RING", "16 MiB", 1);
	setenv("YQ_STORE_RESERVE_PERCENT", "0", 1);
	setenv("YQ_STORE_WARN", "0 B", 1);
	setenv("YQ_STORE_WARN_PERCENT", "0", 1);
	setenv("YQ_POLL_INTERVAL", "50 ms", 1);
	load();
	log_init("test", ERR_LOG_ERROR);
	cr_assert(dicom_init(&err), "%s", err.text);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info;
	(void)kind;
	(void)walk;
	return remove(path);
}

void home_remove(void)
{
	if (home[0])
		nftw(home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	home[0] = '\0';
}

const char *home_path(const char *format, ...)
{
	static char paths[4][PATH_MAX];
	static int next;
	char *out = paths[next++ % 4];
	int length = snprintf(out, PATH_MAX, "%s/", home);
	va_list args;

	va_start(args, format);
	vsnprintf(out + length, PATH_MAX - (size_t)length, format, args);
	va_end(args);
	return out;
}

int home_count(const char *directory, const char *suffix)
{
	DIR *dir = opendir(home_path("%s", directory));
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name), tail = strlen(suffix);

		count += length >= tail && strcmp(entry->d_name + length - tail, suffix) == 0;
	}
	if (dir)
		closedir(dir);
	return count;
}
