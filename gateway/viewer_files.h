/*
 * The viewer of whole studies as it was built (option "viewer"; OHIF, see gateway/web/viewer): one page, and under a folder that is named after its release all that
 * the page asks for. Some 60 MB: names, sizes and tags are read once at the start, the bytes stay in their files. A path of a request is looked up in a table; what
 * reaches the file system is the name in the table. A file that is another than at the start is refused.
 */
#ifndef YQ_GATEWAY_VIEWER_FILES_H
#define YQ_GATEWAY_VIEWER_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/web_files.h"
#include "lib/base/err.h"

struct viewer;

struct viewer_form {
	bool is_there;
	uint64_t size;
	uint64_t inode;
	int64_t changed_ns;
	char tag[WEB_TAG_SIZE];
};

struct viewer_file {
	char *path; /* "/index.html", "/RELEASE/app.js" */
	const char *type;
	struct viewer_form plain, gzip;
};

/* Reads the folder of the option. ERR_NOT_FOUND: no index.html in it. ERR_INVALID: too many files, too large ones, too deep. */
bool viewer_files_open(struct viewer **out, struct err *err);
/* As viewer_files_open(), from a named folder. */
bool viewer_files_open_folder(const char *folder, struct viewer **out, struct err *err);
void viewer_files_free(struct viewer *viewer); /* NULL is harmless */
/* Borrowed until viewer_files_free(); NULL: no such file, or viewer is NULL. */
const struct viewer_file *viewer_files_find(const struct viewer *viewer, const char *path);
/* *fd is the caller's. form: one of the file's own two. ERR_TEMPORARY: it was built anew since the start. Any thread. */
bool viewer_files_read(const struct viewer *viewer, const struct viewer_file *file, const struct viewer_form *form,
                       int *fd, struct err *err);

#endif
