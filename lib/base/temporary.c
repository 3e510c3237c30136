#include "lib/base/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"

enum { TMP_PATH_SIZE = PATH_MAX };

bool temporary_open(int *out_fd, uint64_t *out_most, struct err *err)
{
	char path[TMP_PATH_SIZE];
	uint64_t room;
	int fd;

	if (!file_free_bytes(conf_home(), &room, err) || !conf_path(path, sizeof path, err, "tmp") ||
	    !file_make_dirs(path, 0700, err))
		return false;
	fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) { /* a file system that has none of these */
		if (!conf_path(path, sizeof path, err, "tmp/made.XXXXXX"))
			return false;
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path);
	}
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not make a temporary file");
	*out_fd = fd;
	*out_most = room / 2;
	return true;
}
