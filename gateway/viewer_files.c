#include "gateway/viewer_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"

enum { FILES_MAX = 2000, FILE_BYTES_MAX = 32 * 1024 * 1024, DEPTH_MAX = 4 };

struct viewer {
	char folder[PATH_MAX];
	struct viewer_file files[FILES_MAX];
	size_t count;
};

static bool join(char out[PATH_MAX], const char *folder, const char *path, const char *suffix, struct err *err)
{
	return snprintf(out, PATH_MAX, "%s%s%s", folder, path, suffix) < PATH_MAX ||
	       err_set(err, ERR_INVALID, "cannot use a folder with so long a name");
}

/* Size and time tell whether a file is still the one that was read. */
static void note(const struct stat *found, struct viewer_form *form)
{
	form->size = (uint64_t)found->st_size;
	form->inode = (uint64_t)found->st_ino;
	form->changed_ns = (int64_t)found->st_mtim.tv_sec * 1000000000 + found->st_mtim.tv_nsec;
}

/* A form that is not there is no fault. */
static bool read_form(const char *path, const char *suffix, struct viewer_form *out, struct err *err)
{
	struct stat found;
	char *bytes = NULL;
	size_t length = 0;
	if (stat(path, &found) != 0 || !S_ISREG(found.st_mode))
		return true;
	if (!file_read_all(path, FILE_BYTES_MAX, &bytes, &length, err))
		return false;
	note(&found, out);
	web_files_tag(bytes, length, suffix, out->tag);
	free(bytes);
	out->is_there = true;
	return true;
}

static bool add_file(struct viewer *viewer, const char *name, struct err *err)
{
	char plain[PATH_MAX], packed[PATH_MAX];
	if (viewer->count == FILES_MAX)
		return err_set(err, ERR_INVALID, "cannot keep a viewer of more than %d files", FILES_MAX);
	struct viewer_file *file = &viewer->files[viewer->count++];
	file->path = strdup(name);
	if (file->path == NULL)
		err_panic("out of memory");
	file->type = web_files_type(name);
	return join(plain, viewer->folder, name, "", err) && join(packed, viewer->folder, name, ".gz", err) &&
	       read_form(plain, "", &file->plain, err) && read_form(packed, "-gz", &file->gzip, err);
}

static bool is_packed(const char *name)
{
	size_t length = strlen(name);
	return length > 3 && strcmp(name + length - 3, ".gz") == 0;
}

static bool add_folder(struct viewer *viewer, const char *under, int depth, struct err *err);

static bool add_entry(struct viewer *viewer, const char *name, int depth, struct err *err)
{
	char path[PATH_MAX];
	struct stat found;
	if (!join(path, viewer->folder, name, "", err))
		return false;
	if (stat(path, &found) != 0)
		return true;
	return S_ISDIR(found.st_mode) ? add_folder(viewer, name, depth + 1, err)
	                              : !S_ISREG(found.st_mode) || add_file(viewer, name, err);
}

/* under: "" or "/RELEASE/assets". */
static bool add_folder(struct viewer *viewer, const char *under, int depth, struct err *err)
{
	char path[PATH_MAX], name[PATH_MAX];
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_INVALID, "cannot keep a viewer with folders so deep");
	if (!join(path, viewer->folder, under, "", err))
		return false;
	DIR *listing = opendir(path);
	if (listing == NULL)
		return err_set_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_INVALID, errno,
		                     "could not read the folder %s", path);
	bool ok = true;
	for (struct dirent *entry; ok && (entry = readdir(listing)) != NULL;)
		if (entry->d_name[0] != '.' && !is_packed(entry->d_name))
			ok = join(name, under, "/", entry->d_name, err) && add_entry(viewer, name, depth, err);
	closedir(listing);
	return ok;
}

static int compare(const void *a, const void *b)
{
	const struct viewer_file *one = a, *other = b;
	return strcmp(one->path, other->path);
}

bool viewer_files_open_folder(const char *folder, struct viewer **out, struct err *err)
{
	struct viewer *viewer = calloc(1, sizeof *viewer);
	if (viewer == NULL)
		err_panic("out of memory");
	bool ok = join(viewer->folder, folder, "", "", err) && add_folder(viewer, "", 0, err);
	if (ok) {
		qsort(viewer->files, viewer->count, sizeof viewer->files[0], compare);
		ok = viewer_files_find(viewer, "/index.html") != NULL ||
		     err_set(err, ERR_NOT_FOUND, "there is no index.html in %s", folder);
	}
	if (!ok) {
		viewer_files_free(viewer);
		return false;
	}
	*out = viewer;
	return true;
}

bool viewer_files_open(struct viewer **out, struct err *err)
{
	char folder[PATH_MAX];
	return web_files_folder(CONF_VIEWER, "viewer", folder, err) && viewer_files_open_folder(folder, out, err);
}

void viewer_files_free(struct viewer *viewer)
{
	for (size_t i = 0; viewer != NULL && i < viewer->count; i++)
		free(viewer->files[i].path);
	free(viewer);
}

const struct viewer_file *viewer_files_find(const struct viewer *viewer, const char *path)
{
	if (viewer == NULL)
		return NULL;
	union {
		const char *from;
		char *to;
	} borrowed = {path}; /* only compared */
	struct viewer_file wanted = {.path = borrowed.to};
	return bsearch(&wanted, viewer->files, viewer->count, sizeof viewer->files[0], compare);
}

static bool is_the_same(int fd, const struct viewer_form *form)
{
	struct stat found;
	struct viewer_form now = {0};
	if (fstat(fd, &found) != 0)
		return false;
	note(&found, &now);
	return now.size == form->size && now.inode == form->inode && now.changed_ns == form->changed_ns;
}

bool viewer_files_read(const struct viewer *viewer, const struct viewer_file *file, const struct viewer_form *form,
                       int *fd, struct err *err)
{
	char path[PATH_MAX];
	if (!join(path, viewer->folder, file->path, form == &file->gzip ? ".gz" : "", err))
		return false;
	int opened = open(path, O_RDONLY | O_CLOEXEC);
	if (opened >= 0 && is_the_same(opened, form)) {
		*fd = opened;
		return true;
	}
	if (opened >= 0)
		close(opened);
	return err_set(err, ERR_TEMPORARY, "could not read a file of the viewer: it was built anew since the start");
}
