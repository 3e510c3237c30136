/* Bytes of objects in doubt for the operator's command. */
#ifndef YQ_YQCTL_DOUBT_FILE_H
#define YQ_YQCTL_DOUBT_FILE_H

#include "lib/db/db.h"

/* Of the object store; *out_fd is the caller's to close. */
bool doubt_open_stored(const char *key, int *out_fd, struct err *err);
/* Writes all of fd to a new file of mode 0600; ERR_CONFLICT when it exists. */
bool doubt_write_file(int fd, const char *path, struct err *err);
/* For an audit record that stands for a look. */
bool doubt_no_work(struct db *db, void *context, struct err *err);

#endif
