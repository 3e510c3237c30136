#include "lib/intake/index_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum {
	NUMBERS_SIZE = 8 + 1 + 16 + 1 + 16 + 1 + STORE_KEY_SIZE - 1 + 1, /* "LENGTH SIZE ARRIVAL KEY " */
	PREFIX_SIZE = NUMBERS_SIZE + DIGEST_HEX_SIZE,                    /* and the digest with a blank */
	FILE_FULL = 4 << 20,                                             /* a new file is begun then */
	FILE_WORN = 256 * 1024 /* and when everything in a file of this size has been indexed */
};

struct log_file {
	uint64_t sequence;
	uint64_t size, done; /* done: everything before is in the ledger */
	int fd;              /* for appending: -1 for files from before */
};

struct index_log {
	char directory[PATH_MAX - 64];
	pthread_mutex_t lock; /* over files */
	struct log_file *files;
	size_t count, capacity;
	uint64_t reading, read_upto; /* what index_log_next() gave last: file, and the offset behind it */
};

/* ---- names ------------------------------------------------------------------------------------------------------------- */

static bool parse_name(const char *name, uint64_t *out)
{
	if (strncmp(name, "backlog-", 8) != 0 || strlen(name) != 24 || strspn(name + 8, "0123456789abcdef") != 16)
		return false;
	*out = strtoull(name + 8, NULL, 16);
	return true;
}

bool index_log_is_name(const char *name)
{
	uint64_t sequence;

	return parse_name(name, &sequence);
}

static void path_of(const char *directory, uint64_t sequence, const char *suffix, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/backlog-%016" PRIx64 "%s", directory, sequence, suffix);
}

static int oldest_first(const void *one, const void *other)
{
	uint64_t a = ((const struct log_file *)one)->sequence, b = ((const struct log_file *)other)->sequence;

	return a == b ? 0 : a < b ? -1 : 1;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------- */

static void seal(const char *numbers, const char *json, size_t length, char hex[DIGEST_HEX_SIZE])
{
	struct digest *digest = digest_new();
	uint8_t bytes[DIGEST_SIZE];

	digest_update(digest, numbers, NUMBERS_SIZE);
	digest_update(digest, json, length);
	digest_final(digest, bytes);
	digest_free(digest);
	text_hex(bytes, sizeof bytes, hex);
}

static bool put_line(struct text_buf *out, const struct index_line *line)
{
	size_t length = strlen(line->json);
	char numbers[NUMBERS_SIZE + 1], hex[DIGEST_HEX_SIZE];

	if (length >= INDEX_LINE_MAX)
		return false;
	snprintf(numbers, sizeof numbers, "%08zx %016" PRIx64 " %016" PRIx64 " %s ", length, line->size_bytes,
	         line->arrived_us, line->key);
	seal(numbers, line->json, length, hex);
	return text_buf_printf(out, "%s%s %s\n", numbers, hex, line->json);
}

static bool read_whole(int fd, void *out, size_t length, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, out, length, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)length;
}

/* The prefix of the line at offset; *out_length: of its JSON. False: no line begins there. */
static bool read_prefix(int fd, uint64_t offset, char prefix[PREFIX_SIZE + 1], struct index_line *out,
                        size_t *out_length)
{
	if (!read_whole(fd, prefix, PREFIX_SIZE, offset))
		return false;
	prefix[PREFIX_SIZE] = '\0';
	if (strlen(prefix) != PREFIX_SIZE || prefix[8] != ' ' || prefix[25] != ' ' || prefix[42] != ' ' ||
	    prefix[NUMBERS_SIZE - 1] != ' ' || prefix[PREFIX_SIZE - 1] != ' ')
		return false;
	*out_length = strtoul(prefix, NULL, 16);
	out->size_bytes = strtoull(prefix + 9, NULL, 16);
	out->arrived_us = strtoull(prefix + 26, NULL, 16);
	memcpy(out->key, prefix + 43, STORE_KEY_SIZE - 1);
	out->key[STORE_KEY_SIZE - 1] = '\0';
	out->json = NULL;
	return *out_length < INDEX_LINE_MAX && store_key_is_valid(out->key);
}

/* The whole line at offset, digest compared; *next is the offset behind it. */
static bool read_line(int fd, uint64_t offset, struct index_line *out, uint64_t *next)
{
	char prefix[PREFIX_SIZE + 1], hex[DIGEST_HEX_SIZE];
	struct index_line line;
	size_t length;

	if (!read_prefix(fd, offset, prefix, &line, &length))
		return false;
	line.json = malloc(length + 1);
	if (!line.json)
		err_panic("out of memory");
	if (read_whole(fd, line.json, length + 1, offset + PREFIX_SIZE) && line.json[length] == '\n') {
		line.json[length] = '\0';
		seal(prefix, line.json, length, hex);
		if (memcmp(hex, prefix + NUMBERS_SIZE, DIGEST_HEX_SIZE - 1) == 0) {
			*out = line;
			*next = offset + PREFIX_SIZE + length + 1;
			return true;
		}
	}
	free(line.json);
	return false;
}

void index_lines_free(struct index_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i].json);
}

/* ---- files ------------------------------------------------------------------------------------------------------------- */

static uint64_t read_done(const char *directory, uint64_t sequence, uint64_t size)
{
	char path[PATH_MAX], *text, *end;
	struct err ignored;
	uint64_t done;

	path_of(directory, sequence, ".done", path);
	if (!file_read_all(path, 32, &text, NULL, &ignored))
		return 0;
	done = strtoull(text, &end, 10);
	if (end == text || *end != '\n' || done > size)
		done = 0; /* cut off or from another time: begin anew */
	free(text);
	return done;
}

static struct log_file *add_file(struct index_log *log, uint64_t sequence, uint64_t size, uint64_t done, int fd)
{
	if (log->count == log->capacity) {
		log->capacity = log->capacity ? 2 * log->capacity : 16;
		log->files = reallocarray(log->files, log->capacity, sizeof *log->files);
		if (!log->files)
			err_panic("out of memory");
	}
	log->files[log->count] = (struct log_file){sequence, size, done, fd};
	return &log->files[log->count++];
}

/* Also removes what says how far a file was, when the file is gone. */
static void drop_lone_done(const char *directory, const char *name)
{
	char path[PATH_MAX], base[25];
	uint64_t sequence;

	if (strlen(name) != 29 || strcmp(name + 24, ".done") != 0)
		return;
	memcpy(base, name, 24);
	base[24] = '\0';
	if (!parse_name(base, &sequence))
		return;
	path_of(directory, sequence, "", path);
	if (access(path, F_OK) == 0)
		return;
	path_of(directory, sequence, ".done", path);
	unlink(path);
}

static bool load_files(struct index_log *log, const char *directory, struct err *err)
{
	struct dirent *entry;
	DIR *dir = opendir(directory);

	if (!dir)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", directory);
	while ((entry = readdir(dir))) {
		char path[PATH_MAX];
		uint64_t sequence;
		struct stat info;

		drop_lone_done(directory, entry->d_name);
		if (!parse_name(entry->d_name, &sequence))
			continue;
		path_of(directory, sequence, "", path);
		if (stat(path, &info) == 0)
			add_file(log, sequence, (uint64_t)info.st_size,
			         read_done(directory, sequence, (uint64_t)info.st_size), -1);
	}
	closedir(dir);
	if (log->count)
		qsort(log->files, log->count, sizeof *log->files, oldest_first);
	return true;
}

static struct index_log *log_new(const char *directory)
{
	struct index_log *log = calloc(1, sizeof *log);

	if (!log)
		err_panic("out of memory");
	pthread_mutex_init(&log->lock, NULL);
	text_copy(log->directory, sizeof log->directory, directory);
	return log;
}

static void log_free(struct index_log *log)
{
	for (size_t i = 0; i < log->count; i++)
		if (log->files[i].fd >= 0)
			close(log->files[i].fd);
	pthread_mutex_destroy(&log->lock);
	free(log->files);
	free(log);
}

bool index_log_open(const char *directory, struct index_log **out, struct err *err)
{
	struct index_log *log = log_new(directory);

	if (!load_files(log, directory, err)) {
		log_free(log);
		return false;
	}
	*out = log;
	return true;
}

/* Called with the lock. A file of which everything is in the ledger goes; what said so goes first, or it would outlive it. */
static void remove_file(struct index_log *log, size_t i)
{
	char path[PATH_MAX];

	path_of(log->directory, log->files[i].sequence, ".done", path);
	unlink(path);
	path_of(log->directory, log->files[i].sequence, "", path);
	unlink(path);
	if (log->files[i].fd >= 0)
		close(log->files[i].fd);
	memmove(&log->files[i], &log->files[i + 1], (log->count - i - 1) * sizeof *log->files);
	log->count--;
}

void index_log_close(struct index_log *log)
{
	if (!log)
		return;
	for (size_t i = log->count; i-- > 0;)
		if (log->files[i].done == log->files[i].size)
			remove_file(log, i);
	log_free(log);
}

/* ---- append ------------------------------------------------------------------------------------------------------------- */

/* Called with the lock: a number behind all others. */
static uint64_t next_sequence(const struct index_log *log)
{
	uint64_t now = (uint64_t)clock_wall_us(), last = log->count ? log->files[log->count - 1].sequence : 0;

	return now > last ? now : last + 1;
}

static bool begin_file(struct index_log *log, int *fd, struct err *err)
{
	char path[PATH_MAX];
	uint64_t sequence;

	pthread_mutex_lock(&log->lock);
	sequence = next_sequence(log);
	pthread_mutex_unlock(&log->lock);
	path_of(log->directory, sequence, "", path);
	*fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write the index backlog");
	if (!file_sync_dir(log->directory, err)) {
		close(*fd);
		unlink(path);
		return false;
	}
	pthread_mutex_lock(&log->lock);
	add_file(log, sequence, 0, 0, *fd);
	pthread_mutex_unlock(&log->lock);
	return true;
}

/* Called with the lock: the file that is being written, or NULL. */
static struct log_file *find_current(struct index_log *log)
{
	for (size_t i = log->count; i-- > 0;)
		if (log->files[i].fd >= 0)
			return &log->files[i];
	return NULL;
}

/* A full one, and a long one of which everything is in the ledger, is left to the reader, who removes it. -1: begin a new one. */
static int current_file(struct index_log *log, uint64_t *size)
{
	struct log_file *current;
	int fd = -1;

	pthread_mutex_lock(&log->lock);
	current = find_current(log);
	if (current && (current->size >= FILE_FULL || (current->size >= FILE_WORN && current->done == current->size))) {
		close(current->fd);
		current->fd = -1;
	} else if (current) {
		fd = current->fd;
		*size = current->size;
	}
	pthread_mutex_unlock(&log->lock);
	return fd;
}

static bool encode_lines(const struct index_line *lines, size_t count, struct text_buf *out, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!put_line(out, &lines[i]))
			return err_set(err, ERR_INVALID, "cannot index: the fields of an object are too long");
	return true;
}

/* A write that failed leaves half a line behind size, which nobody reads; the next append begins a new file. */
static bool append_text(struct index_log *log, const struct text_buf *text, struct err *err)
{
	struct log_file *current;
	uint64_t size = 0;
	int fd = current_file(log, &size);
	bool ok;

	if (fd < 0 && !begin_file(log, &fd, err))
		return false;
	ok = lseek(fd, (off_t)size, SEEK_SET) >= 0 || err_set_errno(err, ERR_TEMPORARY, errno, "could not write");
	ok = ok && file_write_all(fd, text->data, text->length, err) && file_sync(fd, log->directory, err);
	pthread_mutex_lock(&log->lock);
	current = find_current(log);
	if (ok) {
		current->size = size + text->length;
	} else {
		close(fd);
		current->fd = -1;
	}
	pthread_mutex_unlock(&log->lock);
	return ok;
}

bool index_log_append(struct index_log *log, const struct index_line *lines, size_t count, struct err *err)
{
	struct text_buf text;
	bool ok;

	text_buf_init(&text, count * (INDEX_LINE_MAX + PREFIX_SIZE) + 1);
	ok = encode_lines(lines, count, &text, err);
	file_kill_point("intake-before-backlog");
	ok = ok && (count == 0 || append_text(log, &text, err));
	text_buf_fini(&text);
	if (ok)
		file_kill_point("intake-after-backlog");
	return ok;
}

static bool note_done(const char *directory, uint64_t sequence, uint64_t upto, struct err *err)
{
	char path[PATH_MAX], text[32];
	int fd, length = snprintf(text, sizeof text, "%020" PRIu64 "\n", upto);
	bool ok;

	path_of(directory, sequence, ".done", path);
	/* Of fixed width and not truncated: whoever reads meanwhile sees the old number or the new one. */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not note how far the index backlog is");
	ok = file_write_all(fd, text, (size_t)length, err);
	close(fd);
	return ok;
}

/* New name first, both directories synced behind: at no moment has a file no name. */
static bool adopt_file(struct index_log *log, const char *directory, const struct log_file *file, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX];
	uint64_t sequence;

	pthread_mutex_lock(&log->lock);
	sequence = next_sequence(log);
	pthread_mutex_unlock(&log->lock);
	path_of(directory, file->sequence, "", from);
	path_of(log->directory, sequence, "", to);
	/* How far it is first, so that nobody takes what the ledger has for what waits. */
	if (!note_done(log->directory, sequence, file->done, err) || !file_move(from, to, err))
		return false;
	path_of(directory, file->sequence, ".done", from);
	unlink(from);
	pthread_mutex_lock(&log->lock);
	add_file(log, sequence, file->size, file->done, -1);
	pthread_mutex_unlock(&log->lock);
	return true;
}

bool index_log_adopt(struct index_log *log, const char *directory, struct err *err)
{
	struct index_log *other;
	bool ok = true;

	if (!index_log_open(directory, &other, err))
		return false;
	for (size_t i = 0; ok && i < other->count; i++)
		ok = adopt_file(log, directory, &other->files[i], err);
	log_free(other);
	return ok;
}

/* ---- read --------------------------------------------------------------------------------------------------------------- */

/*
 * Where the next line begins behind something that is none; size when none does. A line cut off by a crash ends a file; one that the
 * disk spoiled must not take those behind it along.
 */
static uint64_t skip_broken(int fd, uint64_t offset, uint64_t size)
{
	char chunk[4096];

	while (offset < size) {
		ssize_t got = pread(fd, chunk, sizeof chunk, (off_t)offset);
		const char *end = got > 0 ? memchr(chunk, '\n', (size_t)got) : NULL;
		struct index_line line;
		uint64_t next;

		if (got <= 0)
			return size;
		offset += end ? (uint64_t)(end - chunk) + 1 : (uint64_t)got;
		if (end && read_line(fd, offset, &line, &next)) {
			free(line.json);
			return offset;
		}
	}
	return size;
}

/* Up to max lines from where the file is done; *upto is behind the last. */
static size_t read_lines(int fd, const struct log_file *file, struct index_line *lines, size_t max, uint64_t *upto)
{
	uint64_t at = file->done;
	size_t count = 0;

	while (count < max && at < file->size) {
		uint64_t next;

		if (read_line(fd, at, &lines[count], &next)) {
			count++;
		} else {
			next = skip_broken(fd, at, file->size);
			log_warning(LOG_JOURNAL_RECOVERED, "backlog=%llu offset=%llu skipped=%llu",
			            (unsigned long long)file->sequence, (unsigned long long)at,
			            (unsigned long long)(next - at));
		}
		at = next;
	}
	*upto = at;
	return count;
}

/* The first file with something to do; those with nothing go. */
static bool pick_file(struct index_log *log, struct log_file *out)
{
	bool found = false;
	size_t i = 0;

	pthread_mutex_lock(&log->lock);
	while (!found && i < log->count) {
		found = log->files[i].done < log->files[i].size;
		if (found)
			*out = log->files[i];
		else if (log->files[i].fd < 0)
			remove_file(log, i);
		else
			i++;
	}
	pthread_mutex_unlock(&log->lock);
	return found;
}

static bool read_file(struct index_log *log, const struct log_file *file, struct index_line *lines, size_t max,
                      size_t *out_count, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	path_of(log->directory, file->sequence, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read the index backlog");
	*out_count = read_lines(fd, file, lines, max, &log->read_upto);
	log->reading = file->sequence;
	close(fd);
	return true;
}

bool index_log_next(struct index_log *log, struct index_line *lines, size_t max, size_t *out_count, struct err *err)
{
	struct log_file file;
	size_t count = 0;

	while (count == 0 && pick_file(log, &file)) {
		if (!read_file(log, &file, lines, max, &count, err))
			return false;
		if (count == 0 && !index_log_done(log, err)) /* nothing but a broken end */
			return false;
	}
	*out_count = count;
	return true;
}

bool index_log_done(struct index_log *log, struct err *err)
{
	pthread_mutex_lock(&log->lock);
	for (size_t i = 0; i < log->count; i++)
		if (log->files[i].sequence == log->reading)
			log->files[i].done = log->read_upto;
	pthread_mutex_unlock(&log->lock);
	return note_done(log->directory, log->reading, log->read_upto, err);
}

/* ---- from outside --------------------------------------------------------------------------------------------------------- */

static bool look_into(const char *directory, uint64_t sequence, index_log_each *each, void *context, struct err *err)
{
	char path[PATH_MAX], prefix[PREFIX_SIZE + 1];
	struct index_line line;
	struct stat info = {0};
	uint64_t at;
	size_t length;
	bool ok = true, is_first = true;
	int fd;

	path_of(directory, sequence, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
	at = fstat(fd, &info) == 0 ? read_done(directory, sequence, (uint64_t)info.st_size) : 0;
	while (ok && read_prefix(fd, at, prefix, &line, &length)) {
		char end;

		line.file = (uint64_t)info.st_ino;
		line.is_first = is_first;
		is_first = false;

		if (!read_whole(fd, &end, 1, at + PREFIX_SIZE + length) || end != '\n')
			break; /* being written */
		at += PREFIX_SIZE + length + 1;
		ok = each(context, &line, err);
	}
	close(fd);
	return ok;
}

bool index_log_look(const char *directory, index_log_each *each, void *context, struct err *err)
{
	struct dirent *entry;
	bool ok = true;
	DIR *dir = opendir(directory);

	if (!dir)
		return errno == ENOENT || err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", directory);
	while (ok && (entry = readdir(dir))) {
		uint64_t sequence;

		if (parse_name(entry->d_name, &sequence))
			ok = look_into(directory, sequence, each, context, err);
	}
	closedir(dir);
	return ok;
}
