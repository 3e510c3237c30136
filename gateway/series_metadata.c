#include "gateway/series_metadata.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/dicom/dicom.h"
#include "lib/store/store.h"

enum {
	OBJECTS_MIN = 8, /* fewer are read as quickly */
	PIECE_MAX = 8 * 1024 * 1024,
	HEAD_SIZE = 16 /* "%015zu\n": bytes of the piece that follows */
};
/* Changes with what dicom_json() writes. */
static const char format[] = "yingqiao series metadata 2";

/* Objects that could not be read, since the start. */
static atomic_uint unread;

struct series_metadata {
	char path[PATH_MAX], new_path[PATH_MAX]; /* new_path: "" when there is a file */
	FILE *file;
	bool has_failed;
};

/* What the ledger knows better: yq_json_overlay() of the ledger writes these. */
static const uint32_t left_out[] = {0x00080005, 0x00080050, 0x00100010, 0x00100020, 0x00100021,
                                    0x00100030, 0x00100040, 0x00101010, 0x0020000d, 0x0020000e};

struct dicom_json_options series_metadata_options(const struct db_rows *rows, int row)
{
	return (struct dicom_json_options){left_out, sizeof left_out / sizeof left_out[0],
	                                   db_get_text(rows, row, "charset_used")};
}

/* ---- an object --------------------------------------------------------------------------------------------------------------- */

static bool read_attributes(struct store *store, const struct db_rows *rows, int row, struct text_buf *out,
                            struct err *err)
{
	const struct dicom_json_options options = series_metadata_options(rows, row);
	char path[32];
	uint64_t size;
	bool ok;
	int fd;

	if (!store_open_object(store, db_get_text(rows, row, "object_key"), &fd, &size, err))
		return false;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	ok = dicom_json(path, &options, out, err);
	(void)close(fd);
	return ok;
}

bool series_metadata_object(struct store *store, const struct db_rows *rows, int row, struct text_buf *out)
{
	struct err err = {.kind = ERR_NONE};

	if (read_attributes(store, rows, row, out, &err))
		return true;
	atomic_fetch_add(&unread, 1);
	log_err(LOG_HTTP_FAILED, &err, "step=metadata instance=%s", db_get_text(rows, row, "id"));
	text_buf_fini(out);
	text_buf_init(out, PIECE_MAX);
	if (!text_buf_printf(out,
	                     "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"%s\"]},\"00080018\":{\"vr\":\"UI\",\"Value\":"
	                     "[\"%s\"]}",
	                     db_get_text(rows, row, "sop_class_uid"), db_get_text(rows, row, "sop_instance_uid")))
		err_panic("two attributes do not fit");
	return false;
}

/* ---- the state -------------------------------------------------------------------------------------------------------------- */

static char process[17]; /* its mark */

static void mark_process(void)
{
	uint8_t random[8];

	text_random(random, sizeof random);
	text_hex(random, sizeof random, process);
}

void series_metadata_state(char out[SERIES_METADATA_STATE_SIZE])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, mark_process);
	snprintf(out, SERIES_METADATA_STATE_SIZE, "%s %s %u", format, process, atomic_load(&unread));
}

/* ---- the name -------------------------------------------------------------------------------------------------------------- */

static void name_of(const struct db_rows *rows, int first, int last, char out[2 * DIGEST_SIZE + 1])
{
	struct digest *digest = digest_new();
	uint8_t bytes[DIGEST_SIZE];

	digest_update(digest, format, sizeof format);
	for (int i = first; i < last; i++) {
		static const char *const columns[] = {"object_key", "charset_used"};

		for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++) {
			const char *value = db_get_text(rows, i, columns[k]);

			digest_update(digest, value, strlen(value) + 1);
		}
	}
	digest_final(digest, bytes);
	digest_free(digest);
	text_hex(bytes, sizeof bytes, out);
}

static bool find_paths(const struct db_rows *rows, int first, int last, struct series_metadata *series, struct err *err)
{
	char name[2 * DIGEST_SIZE + 1], mark[17];
	uint8_t random[8];

	name_of(rows, first, last, name);
	text_random(random, sizeof random);
	text_hex(random, sizeof random, mark);
	return conf_path(series->path, sizeof series->path, err, "cache/metadata/%s", name) &&
	       conf_path(series->new_path, sizeof series->new_path, err, "cache/metadata/%s.new", mark);
}

/* ---- open ------------------------------------------------------------------------------------------------------------------ */

static bool open_kept(struct series_metadata *series)
{
	series->file = fopen(series->path, "re");
	if (!series->file)
		return false;
	/* The time of the last use: what was used last is removed last. */
	(void)futimens(fileno(series->file), NULL);
	series->new_path[0] = '\0';
	return true;
}

static bool open_new(struct series_metadata *series)
{
	char folder[PATH_MAX];
	struct err err;
	int fd;

	if (!conf_path(folder, sizeof folder, &err, "cache/metadata") || !file_make_dirs(folder, 0700, &err))
		return false;
	fd = open(series->new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	series->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!series->file && fd >= 0)
		(void)close(fd);
	return series->file != NULL;
}

struct series_metadata *series_metadata_open(const struct db_rows *rows, int first, int last)
{
	struct series_metadata *series;
	struct err err;

	if (last - first < OBJECTS_MIN || conf_number(CONF_METADATA_CACHE) == 0)
		return NULL;
	series = calloc(1, sizeof *series);
	if (!series)
		err_panic("out of memory");
	if (find_paths(rows, first, last, series, &err) && (open_kept(series) || open_new(series)))
		return series;
	free(series);
	return NULL;
}

bool series_metadata_is_kept(const struct series_metadata *series)
{
	return series->new_path[0] == '\0';
}

/* ---- pieces ---------------------------------------------------------------------------------------------------------------- */

static bool read_piece(struct series_metadata *series, struct text_buf *out)
{
	char head[HEAD_SIZE + 1] = "", *end, *bytes;
	unsigned long length;
	bool ok;

	if (fread(head, 1, HEAD_SIZE, series->file) != HEAD_SIZE || strspn(head, "0123456789") != HEAD_SIZE - 1)
		return false;
	length = strtoul(head, &end, 10);
	if (*end != '\n' || length == 0 || length > PIECE_MAX)
		return false;
	bytes = malloc(length);
	if (!bytes)
		err_panic("out of memory");
	ok = fread(bytes, 1, length, series->file) == length && !memchr(bytes, 0, length) &&
	     text_buf_append(out, bytes, length);
	free(bytes);
	return ok;
}

bool series_metadata_read(struct series_metadata *series, struct text_buf *out)
{
	if (read_piece(series, out))
		return true;
	log_warning(LOG_HTTP_FAILED, "step=metadata reason=cache_damaged path=%s", series->path);
	(void)unlink(series->path);
	return false;
}

void series_metadata_add(struct series_metadata *series, const char *bytes, size_t length)
{
	series->has_failed |= length == 0 || length > PIECE_MAX ||
	                      fprintf(series->file, "%015zu\n", length) != HEAD_SIZE ||
	                      fwrite(bytes, 1, length, series->file) != length;
}

/* ---- the room that they take ------------------------------------------------------------------------------------------------- */

struct kept {
	char name[NAME_MAX + 1];
	int64_t used_at_ns;
	off_t bytes;
};

static int by_use(const void *one, const void *other)
{
	int64_t a = ((const struct kept *)one)->used_at_ns, b = ((const struct kept *)other)->used_at_ns;

	return (a > b) - (a < b);
}

static void note_file(int folder, const char *name, struct kept **list, size_t *count)
{
	struct stat about;

	if (name[0] == '.' || fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(about.st_mode))
		return;
	if ((*count & (*count - 1)) == 0) {
		struct kept *more = realloc(*list, (*count ? 2 * *count : 1) * sizeof **list);

		if (!more)
			err_panic("out of memory");
		*list = more;
	}
	(*list)[*count] = (struct kept){.used_at_ns = about.st_mtim.tv_sec * 1000000000LL + about.st_mtim.tv_nsec,
	                                .bytes = about.st_size};
	text_copy((*list)[(*count)++].name, sizeof(*list)->name, name);
}

/* Down to three quarters of what they may take, those first that nobody used for longest; what a process left unfinished is among them. */
static void trim_folder(DIR *folder)
{
	int64_t most = conf_number(CONF_METADATA_CACHE), all = 0;
	struct kept *list = NULL;
	size_t count = 0, i;
	struct dirent *entry;
	int fd = dirfd(folder);

	if (fd < 0)
		return;
	while ((entry = readdir(folder)) != NULL)
		note_file(fd, entry->d_name, &list, &count);
	for (i = 0; i < count; i++)
		all += list[i].bytes;
	if (list && all > most) {
		qsort(list, count, sizeof *list, by_use);
		for (i = 0; i < count && all > most / 4 * 3; i++) {
			(void)unlinkat(fd, list[i].name, 0);
			all -= list[i].bytes;
		}
	}
	free(list);
}

/* After each new one: there are as many as series are opened for the first time. */
static void trim(void)
{
	char path[PATH_MAX];
	struct err err;
	DIR *folder;

	folder = conf_path(path, sizeof path, &err, "cache/metadata") ? opendir(path) : NULL;
	if (!folder)
		return;
	trim_folder(folder);
	(void)closedir(folder);
}

/* ---- close ----------------------------------------------------------------------------------------------------------------- */

static void keep(struct series_metadata *series)
{
	bool ok = !series->has_failed && fflush(series->file) == 0 && fdatasync(fileno(series->file)) == 0;

	if (ok && rename(series->new_path, series->path) == 0) {
		trim();
		return;
	}
	log_warning(LOG_HTTP_FAILED, "step=metadata reason=cache_not_written errno=%d", errno);
	(void)unlink(series->new_path);
}

void series_metadata_close(struct series_metadata *series, bool is_whole)
{
	if (!series)
		return;
	if (!series_metadata_is_kept(series) && is_whole)
		keep(series);
	else if (!series_metadata_is_kept(series))
		(void)unlink(series->new_path);
	(void)fclose(series->file);
	free(series);
}

void series_metadata_make(struct store *store, const struct db_rows *rows, int first, int last)
{
	struct series_metadata *series = series_metadata_open(rows, first, last);
	bool ok = true;

	if (!series)
		return;
	for (int i = first; i < last && ok && !series_metadata_is_kept(series); i++) {
		struct text_buf own;

		text_buf_init(&own, PIECE_MAX);
		ok = series_metadata_object(store, rows, i, &own);
		if (ok)
			series_metadata_add(series, own.data, own.length);
		text_buf_fini(&own);
	}
	series_metadata_close(series, ok);
}
