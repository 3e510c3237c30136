#include "gateway/web_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

enum { FILES_MAX = 1000, FILE_BYTES_MAX = 16 * 1024 * 1024, ALL_BYTES_MAX = 64 * 1024 * 1024, TAG_BYTES = 16 };

struct web {
	struct web_file files[FILES_MAX];
	size_t count, bytes;
};

const char *web_files_type(const char *path)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
	    {".html", "text/html; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".svg", "image/svg+xml; charset=utf-8"},
	    {".json", "application/json; charset=utf-8"},
	    {".txt", "text/plain; charset=utf-8"},
	    {".webmanifest", "application/manifest+json; charset=utf-8"},
	    {".png", "image/png"},
	    {".jpg", "image/jpeg"},
	    {".ico", "image/vnd.microsoft.icon"},
	    {".woff2", "font/woff2"},
	    {".wasm", "application/wasm"},
	};
	const char *ending = strrchr(path, '.');
	for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++)
		if (strcmp(types[i].ending, ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* A tag names a form, not a file: the packed one is another sequence of bytes (RFC 9110 section 8.8.3). */
void web_files_tag(const void *bytes, size_t length, const char *suffix, char out[WEB_TAG_SIZE])
{
	uint8_t digest[DIGEST_SIZE];
	digest_bytes(bytes, length, digest);
	char hex[2 * TAG_BYTES + 1];
	for (size_t i = 0; i < TAG_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	snprintf(out, WEB_TAG_SIZE, "\"%s%s\"", hex, suffix);
}

static bool read_form(struct web *web, const char *path, const char *suffix, struct web_form *out, struct err *err)
{
	struct web_form form = {0};
	if (!file_read_all(path, FILE_BYTES_MAX, &form.bytes, &form.length, err))
		return false;
	web->bytes += form.length;
	if (web->bytes > ALL_BYTES_MAX) {
		free(form.bytes);
		return err_set(err, ERR_INVALID, "cannot keep a browser application of more than %d bytes",
		               ALL_BYTES_MAX);
	}
	web_files_tag(form.bytes, form.length, suffix, form.tag);
	*out = form;
	return true;
}

static bool exists(const char *path)
{
	struct stat found;
	return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

static bool add_file(struct web *web, const char *path, const char *name, struct err *err)
{
	char packed[PATH_MAX + 4];
	snprintf(packed, sizeof packed, "%s.gz", path);
	if (web->count == FILES_MAX)
		return err_set(err, ERR_INVALID, "cannot keep a browser application of more than %d files", FILES_MAX);
	struct web_file *file = &web->files[web->count++];
	file->path = strdup(name);
	if (file->path == NULL)
		err_panic("out of memory");
	file->type = web_files_type(name);
	file->is_lasting = strncmp(name, "/assets/", 8) == 0;
	return read_form(web, path, "", &file->plain, err) &&
	       (!exists(packed) || read_form(web, packed, "-gz", &file->gzip, err));
}

static bool is_packed(const char *name)
{
	size_t length = strlen(name);
	return length > 3 && strcmp(name + length - 3, ".gz") == 0;
}

/* Adds the files that lie directly in folder; `under` is "" or "/assets". */
static bool add_folder(struct web *web, const char *folder, const char *under, struct err *err)
{
	char place[PATH_MAX], path[PATH_MAX], name[NAME_MAX + 16];
	if (snprintf(place, sizeof place, "%s%s", folder, under) >= (int)sizeof place)
		return err_set(err, ERR_INVALID, "cannot use a folder with so long a name");
	DIR *listing = opendir(place);
	if (listing == NULL)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, errno,
		                     "could not read the folder %s", place);
	bool ok = true;
	for (struct dirent *entry; ok && (entry = readdir(listing)) != NULL;) {
		snprintf(name, sizeof name, "%s/%s", under, entry->d_name);
		if (is_packed(name) || entry->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof path, "%s%s", folder, name) >= (int)sizeof path)
			ok = err_set(err, ERR_INVALID, "cannot use a folder with so long a name");
		else if (exists(path))
			ok = add_file(web, path, name, err);
	}
	closedir(listing);
	return ok;
}

static int compare(const void *a, const void *b)
{
	const struct web_file *one = a, *other = b;
	return strcmp(one->path, other->path);
}

bool web_files_open_folder(const char *folder, struct web **out, struct err *err)
{
	struct web *web = calloc(1, sizeof *web);
	if (web == NULL)
		err_panic("out of memory");
	struct err none = {0};
	bool ok = add_folder(web, folder, "", err) &&
	          (add_folder(web, folder, "/assets", &none) || none.kind == ERR_NOT_FOUND || (*err = none, false));
	if (ok) {
		qsort(web->files, web->count, sizeof web->files[0], compare);
		ok = web_files_find(web, "/index.html") != NULL ||
		     err_set(err, ERR_NOT_FOUND, "there is no index.html in %s", folder);
	}
	if (!ok) {
		web_files_free(web);
		return false;
	}
	*out = web;
	return true;
}

/* Beside the folder of the program; a variant (build/san/bin) uses that of the whole build. */
static bool find_beside(const char *name, char out[PATH_MAX], struct err *err)
{
	static const char *const places[] = {"..", "../.."};
	char program[PATH_MAX], path[PATH_MAX + 64];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	if (length > 0) {
		program[length] = '\0';
		*strrchr(program, '/') = '\0';
	}
	for (size_t i = 0; length > 0 && i < sizeof places / sizeof places[0]; i++) {
		snprintf(path, sizeof path, "%s/%s/%s", program, places[i], name);
		if (realpath(path, out) != NULL)
			return true;
	}
	return err_set(err, ERR_NOT_FOUND, "there is no folder %s beside the folder of the program", name);
}

bool web_files_folder(enum conf_id option, const char *name, char out[PATH_MAX], struct err *err)
{
	const char *given = conf_text(option);
	if (given[0] == '\0')
		return find_beside(name, out, err);
	if (given[0] != '/')
		return conf_path(out, PATH_MAX, err, "%s", given);
	return snprintf(out, PATH_MAX, "%s", given) < PATH_MAX ||
	       err_set(err, ERR_INVALID, "cannot use a folder with so long a name");
}

bool web_files_open(struct web **out, struct err *err)
{
	char folder[PATH_MAX];
	return web_files_folder(CONF_WEB, "web", folder, err) && web_files_open_folder(folder, out, err);
}

void web_files_free(struct web *web)
{
	for (size_t i = 0; web != NULL && i < web->count; i++) {
		free(web->files[i].path);
		free(web->files[i].plain.bytes);
		free(web->files[i].gzip.bytes);
	}
	free(web);
}

const struct web_file *web_files_find(const struct web *web, const char *path)
{
	if (web == NULL)
		return NULL;
	union {
		const char *from;
		char *to;
	} borrowed = {path}; /* only compared */
	struct web_file wanted = {.path = borrowed.to};
	return bsearch(&wanted, web->files, web->count, sizeof web->files[0], compare);
}
