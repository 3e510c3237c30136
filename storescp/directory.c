#include "storescp/directory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"

enum { SNAPSHOT_MAX = 64 << 20, RELOAD_PAUSE_MS = 100, PATH_SIZE = 4096 };

struct directory {
	struct db_pool *pool;
	const char *own_ae;
	char path[PATH_SIZE];
	pthread_rwlock_t lock; /* over registry, text */
	struct registry *registry;
	char *text; /* what the snapshot file holds */
	pthread_mutex_t reloading;
	int64_t reload_started_ms; /* of the last try; monotonic */
};

/* ---- from the ledger and the file ----------------------------------------------------------------------------- */

static bool add_row(struct registry *registry, const struct db_rows *rows, int row, struct err *err)
{
	struct registry_device device = {.local_port = (uint16_t)db_get_int(rows, row, "local_port")};

	if (!text_copy(device.device, sizeof device.device, db_get_text(rows, row, "device")) ||
	    !text_copy(device.site, sizeof device.site, db_get_text(rows, row, "site")) ||
	    !text_copy(device.calling_ae, sizeof device.calling_ae, db_get_text(rows, row, "calling_ae")) ||
	    !text_copy(device.called_ae, sizeof device.called_ae, db_get_text(rows, row, "called_ae")) ||
	    !text_copy(device.address, sizeof device.address, db_get_text(rows, row, "address")) ||
	    !text_copy(device.default_charset, sizeof device.default_charset,
	               db_get_text(rows, row, "default_charset")) ||
	    !text_copy(device.certificate, sizeof device.certificate, db_get_text(rows, row, "certificate")))
		return err_set(err, ERR_INVALID, "cannot take a device: a field is too long");
	return registry_add(registry, &device, err);
}

/* A row that cannot be used is logged and left out: the other devices go on. */
static struct registry *from_rows(const struct db_rows *rows)
{
	struct registry *registry = registry_new();
	struct err err;

	for (int i = 0; i < db_rows_count(rows); i++)
		if (!add_row(registry, rows, i, &err))
			log_err(LOG_LEDGER_FAILED, &err, "what=%s", "device");
	return registry;
}

/* Takes registry and text. */
static void install(struct directory *directory, struct registry *registry, char *text)
{
	struct registry *old_registry;
	char *old_text;

	pthread_rwlock_wrlock(&directory->lock);
	old_registry = directory->registry;
	old_text = directory->text;
	directory->registry = registry;
	directory->text = text;
	pthread_rwlock_unlock(&directory->lock);
	registry_free(old_registry);
	free(old_text);
}

/* The file follows the memory; a full disk must not keep a new device out. */
static void keep(struct directory *directory, struct registry *registry)
{
	char *text;
	size_t length;
	struct err err;

	registry_write(registry, &text, &length);
	if (directory->text == NULL || strcmp(directory->text, text) != 0)
		if (!file_replace(directory->path, text, length, 0640, &err))
			log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "devices.snapshot");
	install(directory, registry, text);
}

static bool read_ledger(struct directory *directory, struct err *err)
{
	struct db_rows *rows = NULL;
	struct db *db = NULL;
	bool ok;

	if (!db_take(directory->pool, &db, err))
		return false;
	ok = db_exec(db, STMT_REGISTRY_LOAD, DB_NO_PARAMS, &rows, err);
	db_give(db);
	if (!ok)
		return false;
	keep(directory, from_rows(rows));
	db_rows_free(rows);
	return true;
}

bool directory_reload(struct directory *directory, struct err *err)
{
	bool ok;

	pthread_mutex_lock(&directory->reloading);
	directory->reload_started_ms = clock_monotonic_ms();
	ok = read_ledger(directory, err);
	pthread_mutex_unlock(&directory->reloading);
	return ok;
}

static void read_snapshot(struct directory *directory)
{
	struct registry *registry;
	char *text;
	size_t length;
	struct err err;

	if (!file_read_all(directory->path, SNAPSHOT_MAX, &text, &length, &err)) {
		if (err.kind != ERR_NOT_FOUND)
			log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "devices.snapshot");
		return;
	}
	if (registry_read(text, length, &registry, &err)) {
		install(directory, registry, text);
	} else {
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "devices.snapshot");
		free(text);
	}
}

static bool make_place(struct directory *directory, struct err *err)
{
	char journal[PATH_SIZE];

	return conf_path(journal, sizeof journal, err, "journal") && file_make_dirs(journal, 0750, err) &&
	       conf_path(directory->path, sizeof directory->path, err, "journal/devices.snapshot");
}

bool directory_new(struct db_pool *pool, const char *own_ae, struct directory **out, struct err *err)
{
	struct directory *directory = calloc(1, sizeof *directory);
	struct err away;

	if (directory == NULL)
		err_panic("out of memory");
	directory->pool = pool;
	directory->own_ae = own_ae;
	pthread_rwlock_init(&directory->lock, NULL);
	pthread_mutex_init(&directory->reloading, NULL);
	if (!make_place(directory, err)) {
		directory_free(directory);
		return false;
	}
	read_snapshot(directory);
	if (!directory_reload(directory, &away))
		log_err(LOG_LEDGER_AWAY, &away, "devices=%zu", directory_count(directory));
	*out = directory;
	return true;
}

void directory_free(struct directory *directory)
{
	if (directory == NULL)
		return;
	registry_free(directory->registry);
	free(directory->text);
	pthread_rwlock_destroy(&directory->lock);
	pthread_mutex_destroy(&directory->reloading);
	free(directory);
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

static int find(struct directory *directory, const struct dicom_peer *peer, struct registry_device *out)
{
	const struct registry_device *found = NULL;
	int answer = DIRECTORY_NO_SNAPSHOT;

	pthread_rwlock_rdlock(&directory->lock);
	if (directory->registry != NULL)
		answer = (int)registry_match(directory->registry, peer, directory->own_ae, &found);
	if (answer == REGISTRY_KNOWN)
		*out = *found;
	pthread_rwlock_unlock(&directory->lock);
	return answer;
}

static void pause_until(int64_t monotonic_ms)
{
	int64_t left = monotonic_ms - clock_monotonic_ms();
	struct timespec pause = {.tv_nsec = left * 1000000};

	if (left > 0 && left <= RELOAD_PAUSE_MS)
		nanosleep(&pause, NULL);
}

/*
 * Strangers may call as often as they like: one try that began after a stranger came serves all who wait, and tries keep a
 * distance. So a device that was registered before it called is always found, and nobody can hammer the ledger.
 */
static void reload_for_stranger(struct directory *directory)
{
	int64_t came = clock_monotonic_ms();
	struct err err;

	pthread_mutex_lock(&directory->reloading);
	if (directory->reload_started_ms <= came) {
		pause_until(directory->reload_started_ms + RELOAD_PAUSE_MS);
		directory->reload_started_ms = clock_monotonic_ms();
		if (!read_ledger(directory, &err) && err.kind != ERR_TEMPORARY)
			log_err(LOG_LEDGER_FAILED, &err, "what=%s", "devices");
	}
	pthread_mutex_unlock(&directory->reloading);
}

int directory_find_again(struct directory *directory, const struct dicom_peer *peer, struct registry_device *out)
{
	reload_for_stranger(directory);
	return find(directory, peer, out);
}

int directory_find(struct directory *directory, const struct dicom_peer *peer, struct registry_device *out)
{
	int answer = find(directory, peer, out);

	return answer == REGISTRY_KNOWN ? answer : directory_find_again(directory, peer, out);
}

size_t directory_count(struct directory *directory)
{
	size_t count;

	pthread_rwlock_rdlock(&directory->lock);
	count = directory->registry != NULL ? registry_count(directory->registry) : 0;
	pthread_rwlock_unlock(&directory->lock);
	return count;
}
