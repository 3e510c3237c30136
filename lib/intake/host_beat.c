#include "lib/intake/host_beat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/file.h"
#include "lib/db/db.h"
#include "lib/intake/names.h"

enum { ID_FILE_MAX = 256 };

/* ---- the id ----------------------------------------------------------------------------------------------------------- */

static bool read_id(const char *path, char out[TEXT_UUID_SIZE], struct err *err)
{
	char *text;
	size_t length;
	bool ok;

	if (!file_read_all(path, ID_FILE_MAX, &text, &length, err))
		return false;
	text[strcspn(text, "\n")] = '\0';
	ok = text_is_uuid(text);
	if (ok)
		text_copy(out, TEXT_UUID_SIZE, text);
	free(text);
	return ok || err_set(err, ERR_CORRUPT, "cannot read an id from %s", path);
}

static bool write_new(const char *path, const char *id, struct err *err)
{
	char line[TEXT_UUID_SIZE + 1];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok;

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not write %s", path);
	snprintf(line, sizeof line, "%s\n", id);
	ok = file_write_all(fd, line, strlen(line), err) && file_sync(fd, path, err);
	close(fd);
	return ok;
}

/* Written beside and linked: of two processes that start at once one wins, and nobody reads a part. */
static bool make_id(const char *path, struct err *err)
{
	char journal[PATH_MAX], beside[PATH_MAX], id[TEXT_UUID_SIZE];
	bool ok;

	text_uuid_new(id);
	if (!conf_path(journal, sizeof journal, err, "journal") ||
	    !conf_path(beside, sizeof beside, err, "journal/host.%s", id) || !file_make_dirs(journal, 0700, err))
		return false;
	ok = write_new(beside, id, err);
	if (ok && link(beside, path) != 0 && errno != EEXIST)
		ok = err_set_errno(err, ERR_TEMPORARY, errno, "could not write %s", path);
	unlink(beside);
	return ok && file_sync_dir(journal, err);
}

bool host_id_find(char out[TEXT_UUID_SIZE], struct err *err)
{
	char path[PATH_MAX];

	return conf_path(path, sizeof path, err, "journal/host") && read_id(path, out, err);
}

bool host_id(char out[TEXT_UUID_SIZE], struct err *err)
{
	char path[PATH_MAX];

	if (host_id_find(out, err))
		return true;
	if (err->kind != ERR_NOT_FOUND || !conf_path(path, sizeof path, err, "journal/host") || !make_id(path, err))
		return err_context(err, "id of this host");
	return host_id_find(out, err);
}

/* ---- slots ------------------------------------------------------------------------------------------------------------ */

/* Shared and for a moment: a process that claims a slot just then takes the next one, and this one is adopted later. */
static bool is_held(const char *slot)
{
	char path[PATH_MAX];
	struct err ignored;
	bool held;
	int fd;

	if (!conf_path(path, sizeof path, &ignored, "journal/%s/lock", slot))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

bool host_slots_held(int *out, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	if (!conf_path(path, sizeof path, err, "journal"))
		return false;
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not read %s", path);
	while (dir && (entry = readdir(dir)))
		count += journal_is_slot(entry->d_name) && is_held(entry->d_name);
	if (dir)
		closedir(dir);
	*out = count;
	return true;
}

/* ---- the beat --------------------------------------------------------------------------------------------------------- */

struct host_beat {
	struct store *store;  /* borrowed */
	struct db_pool *pool; /* borrowed */
	char id[TEXT_UUID_SIZE], program[32], name[HOST_NAME_MAX + 1];
	struct host_look look;
	int64_t ledger_us; /* the ledger's clock, asked before the look */
};

struct host_beat *host_beat_new(struct store *store, struct db_pool *pool, const char *program)
{
	struct host_beat *beat = calloc(1, sizeof *beat);

	if (!beat)
		err_panic("out of memory");
	beat->store = store;
	beat->pool = pool;
	text_copy(beat->program, sizeof beat->program, program);
	if (gethostname(beat->name, HOST_NAME_MAX) != 0 || !beat->name[0])
		text_copy(beat->name, sizeof beat->name, "unknown");
	return beat;
}

void host_beat_free(struct host_beat *beat)
{
	free(beat);
}

bool host_beat_look(struct host_beat *beat, const struct host_look **out, struct err *err)
{
	struct host_look look = {.peak_objects = beat->look.peak_objects};

	if (!host_id(beat->id, err) || !room_read(beat->store, &look.room, err) ||
	    !intake_backlog_read(&look.backlog, err) || !host_slots_held(&look.slots, err))
		return false;
	room_note(&look.room);
	if (!look.backlog.objects || look.backlog.objects > look.peak_objects)
		look.peak_objects = look.backlog.objects;
	beat->look = look;
	*out = &beat->look;
	return true;
}

static bool write_row(struct host_beat *beat, struct db *db, bool has_ended, bool *out_awaited, struct err *err)
{
	const struct intake_backlog *backlog = &beat->look.backlog;
	const struct room *room = &beat->look.room;
	struct db_rows *rows;

	if (!db_exec(db, STMT_HOST_REPORT,
	             DB_PARAMS(db_text(beat->id), db_text(beat->name), db_text(conf_home()), db_text(beat->program),
	                       db_text(daemon_version()), db_bool(has_ended), db_int(beat->look.slots),
	                       db_int((int64_t)backlog->unplaced_objects), db_int((int64_t)backlog->unplaced_bytes),
	                       db_int((int64_t)backlog->objects), db_int((int64_t)backlog->bytes),
	                       db_int((int64_t)beat->look.peak_objects), db_int(backlog->oldest_ms),
	                       db_int((int64_t)backlog->quarantined), db_text(room->store_place),
	                       db_int((int64_t)room->store.total_bytes), db_int((int64_t)room->store.free_bytes),
	                       db_text(room_state_name(room->store.state)), db_int((int64_t)room->journal.total_bytes),
	                       db_int((int64_t)room->journal.free_bytes), db_text(room_state_name(room->journal.state)),
	                       db_time(beat->ledger_us)),
	             &rows, err))
		return false;
	*out_awaited = db_rows_count(rows) > 0 && db_get_bool(rows, 0, "is_awaited");
	db_rows_free(rows);
	return true;
}

bool host_beat_ask_time(struct host_beat *beat, struct err *err)
{
	struct db_rows *rows;
	struct db *db = NULL;
	bool ok;

	if (!db_take(beat->pool, &db, err))
		return false;
	ok = db_exec_one(db, STMT_HOST_CLOCK, DB_NO_PARAMS, "the time", &rows, err);
	db_give(db);
	if (!ok)
		return false;
	beat->ledger_us = db_get_time(rows, 0, "now");
	db_rows_free(rows);
	return true;
}

bool host_beat_report(struct host_beat *beat, bool has_ended, bool *out_awaited, struct err *err)
{
	struct db *db = NULL;
	bool ok;

	if (!db_take(beat->pool, &db, err))
		return false;
	ok = write_row(beat, db, has_ended, out_awaited, err);
	db_give(db);
	return ok;
}
