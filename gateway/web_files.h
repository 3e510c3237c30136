/*
 * The browser application as it was built (option "web"): read once at the start, kept in memory. A path of a request is looked up in a
 * table and never reaches the file system; what is built anew afterwards is seen at the next start.
 *
 * Files of the folder "assets" have a hash of their content in the name. FILE.gz is the packed form of FILE, not a file of its own.
 */
#ifndef YQ_GATEWAY_WEB_FILES_H
#define YQ_GATEWAY_WEB_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/conf.h"
#include "lib/base/err.h"

struct web;

enum { WEB_TAG_SIZE = 48 };

struct web_form {
	char *bytes; /* NULL: there is no such form */
	size_t length;
	char tag[WEB_TAG_SIZE]; /* entity tag, with its quotes */
};

struct web_file {
	char *path; /* "/index.html", "/assets/index-Bk3.js" */
	const char *type;
	bool is_lasting; /* another content would have another name */
	struct web_form plain, gzip;
};

/* Reads the folder of the option. ERR_NOT_FOUND: no index.html in it. ERR_INVALID: too many files, or too large ones. */
bool web_files_open(struct web **out, struct err *err);
/* As web_files_open(), from a named folder. */
bool web_files_open_folder(const char *folder, struct web **out, struct err *err);
void web_files_free(struct web *web); /* NULL is harmless */
/* Borrowed until web_files_free(); NULL: no such file, or web is NULL. */
const struct web_file *web_files_find(const struct web *web, const char *path);

/* ---- what files of any folder that is served have ---- */

/* Media type by the ending of the name. */
const char *web_files_type(const char *path);
/* The entity tag of a form of a file; suffix tells its forms apart. */
void web_files_tag(const void *bytes, size_t length, const char *suffix, char out[WEB_TAG_SIZE]);
/* The folder that an option names (relative to YQ_HOME or absolute); empty: the one of this name beside the folder of the program. */
bool web_files_folder(enum conf_id option, const char *name, char out[PATH_MAX], struct err *err);

#endif
