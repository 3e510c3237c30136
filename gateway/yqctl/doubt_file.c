#include "gateway/yqctl/doubt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/store/store.h"

enum { CHUNK = 256 * 1024 };

bool doubt_open_stored(const char *key, int *out_fd, struct err *err)
{
	struct store *store;
	uint64_t size;
	bool ok;

	if (!store_open(conf_text(CONF_STORE), &store, err))
		return false;
	ok = store_open_object(store, key, out_fd, &size, err);
	store_close(store);
	return ok;
}

static bool copy_all(int from, int to, struct err *err)
{
	char *buffer = malloc(CHUNK);
	off_t at = 0;
	ssize_t got = 0;
	bool ok = true;

	if (!buffer)
		err_panic("out of memory");
	while (ok && (got = pread(from, buffer, CHUNK, at)) > 0) {
		ok = file_write_all(to, buffer, (size_t)got, err);
		at += got;
	}
	free(buffer);
	return ok && (got == 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not read the object"));
}

bool doubt_write_file(int fd, const char *path, struct err *err)
{
	int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (to < 0)
		return err_set_errno(err, errno == EEXIST ? ERR_CONFLICT : ERR_TEMPORARY, errno, "could not write %s",
		                     path);
	ok = copy_all(fd, to, err);
	if (close(to) != 0 && ok)
		ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not write %s", path);
	if (!ok) {
		unlink(path);
		return false;
	}
	return printf("written: %s\n", path) > 0;
}

bool doubt_no_work(struct db *db, void *context, struct err *err)
{
	(void)db;
	(void)context;
	(void)err;
	return true;
}
