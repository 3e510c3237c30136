/* What we hold of a request, and what follows for its studies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/commitment.h"
#include "lib/domain/find_one.h"
#include "lib/domain/network.h"
#include "lib/store/store.h"

enum { LOOK_AGAIN_MS = 300, GIVE_UP_MAX = 100, TRIM_MAX = 1000 };

struct judging {
	struct store *store; /* borrowed */
	char id[TEXT_UUID_SIZE], site[TEXT_UUID_SIZE];
	bool is_duplicate, is_decidable;
	int held, instances;
};

static bool next(struct db *db, struct judging *judging, struct err *err)
{
	struct db_rows *rows;

	judging->id[0] = '\0';
	if (!db_exec(db, STMT_COMMITMENT_NEXT, DB_PARAMS(db_int(conf_number(CONF_INDEX_PATIENCE))), &rows, err))
		return false;
	if (db_rows_count(rows) > 0) {
		text_copy(judging->id, sizeof judging->id, db_get_text(rows, 0, "id"));
		text_copy(judging->site, sizeof judging->site, db_get_text(rows, 0, "site"));
		judging->is_duplicate = db_get_bool(rows, 0, "is_duplicate");
		judging->is_decidable = db_get_bool(rows, 0, "is_decidable");
	}
	db_rows_free(rows);
	return true;
}

/* What is here is here; what is not may be on its way. */
static bool must_wait(struct db *db, const struct judging *judging, bool *out, struct err *err)
{
	struct db_rows *rows;

	*out = false;
	if (judging->is_decidable || judging->is_duplicate)
		return true;
	if (!db_exec_one(db, STMT_COMMITMENT_MISSING, DB_PARAMS(db_text(judging->id)), "request", &rows, err))
		return false;
	*out = db_get_int(rows, 0, "missing") > 0;
	db_rows_free(rows);
	return true;
}

/* *out_is_there false: absent, or not the bytes that it should have. */
static bool look(struct store *store, const char *key, uint64_t size_bytes, bool *out_is_there, struct err *err)
{
	uint64_t found;
	int fd;

	*out_is_there = false;
	if (!store_open_object(store, key, &fd, &found, err))
		return err->kind == ERR_NOT_FOUND;
	close(fd);
	*out_is_there = found == size_bytes;
	return true;
}

/* A promise is made of bytes, not of rows. */
static bool check_store(struct db *db, const struct judging *judging, struct err *err)
{
	const char **absent;
	struct db_rows *rows;
	size_t count = 0;
	bool ok = true;

	if (!db_exec(db, STMT_COMMITMENT_OBJECTS, DB_PARAMS(db_text(judging->id)), &rows, err))
		return false;
	absent = calloc((size_t)db_rows_count(rows) + 1, sizeof *absent);
	if (!absent)
		err_panic("out of memory");
	for (int i = 0; ok && i < db_rows_count(rows); i++) {
		const char *key = db_get_text(rows, i, "object_key");
		bool is_there;

		ok = look(judging->store, key, (uint64_t)db_get_int(rows, i, "size_bytes"), &is_there, err);
		if (!ok || is_there)
			continue;
		log_warning(LOG_COMMITMENT, "commitment=%s event=absent key=%s", judging->id, key);
		absent[count++] = db_get_text(rows, i, "ordinal");
	}
	ok = ok && (count == 0 || db_exec(db, STMT_COMMITMENT_WITHOUT_BYTES,
	                                  DB_PARAMS(db_text(judging->id), db_texts(absent, count)), NULL, err));
	free(absent);
	db_rows_free(rows);
	return ok;
}

static bool judge(struct db *db, struct judging *judging, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec(db, STMT_COMMITMENT_MATCH, DB_PARAMS(db_text(judging->id)), NULL, err) ||
	    !check_store(db, judging, err) ||
	    !db_exec_one(db, STMT_COMMITMENT_JUDGE, DB_PARAMS(db_text(judging->id)), "request", &rows, err))
		return false;
	judging->held = (int)db_get_int(rows, 0, "held");
	judging->instances = (int)db_get_int(rows, 0, "instances");
	db_rows_free(rows);
	return db_exec(db, STMT_COMMITMENT_TELL_STUDIES, DB_PARAMS(db_text(judging->id)), NULL, err);
}

static bool record(struct db *db, const struct judging *judging, struct err *err)
{
	char detail[80];
	struct change change = {.event = "commitment.judged",
	                        .action = "commitment.judged",
	                        .subject_kind = "commitment",
	                        .subject_id = judging->id,
	                        .site_id = judging->site,
	                        .detail = detail};

	snprintf(detail, sizeof detail, "{\"held\": %d, \"named\": %d}", judging->held, judging->instances);
	return change_record(db, &change, err);
}

static bool judge_work(struct db *db, void *context, struct err *err)
{
	struct judging *judging = context;
	bool is_early;

	judging->instances = 0;
	if (!next(db, judging, err))
		return false;
	if (!judging->id[0])
		return true;
	if (!must_wait(db, judging, &is_early, err))
		return false;
	if (is_early)
		return db_exec(db, STMT_COMMITMENT_LATER, DB_PARAMS(db_text(judging->id), db_int(LOOK_AGAIN_MS)), NULL,
		               err);
	if (!judge(db, judging, err))
		return false;
	file_kill_point("commitment-judge");
	return record(db, judging, err);
}

bool commitment_judge_next(struct db_pool *pool, struct store *store, bool *out_any, struct err *err)
{
	struct judging judging = {.store = store};

	if (!db_transact(pool, NULL, judge_work, &judging, err))
		return false;
	*out_any = judging.id[0] != '\0';
	if (judging.instances > 0) {
		log_info(LOG_COMMITMENT, "commitment=%s event=judged held=%d named=%d", judging.id, judging.held,
		         judging.instances);
		file_kill_point("commitment-judged");
	}
	return true;
}

/* ---- what time alone does --------------------------------------------------------------------------------------------- */

static bool sweep_work(struct db *db, void *context, struct err *err)
{
	struct db_rows *rows;
	bool ok = true;

	(void)context;
	if (!db_exec(db, STMT_COMMITMENT_RECOVER, DB_NO_PARAMS, NULL, err) ||
	    !db_exec(db, STMT_COMMITMENT_GIVE_UP, DB_PARAMS(db_int(GIVE_UP_MAX)), &rows, err))
		return false;
	for (int i = 0; ok && i < db_rows_count(rows); i++) {
		struct change change = {.event = "commitment.dead",
		                        .action = "commitment.dead",
		                        .subject_kind = "commitment",
		                        .subject_id = db_get_text(rows, i, "id"),
		                        .site_id = db_get_text(rows, i, "site")};

		log_warning(LOG_COMMITMENT, "commitment=%s event=dead", change.subject_id);
		ok = change_record(db, &change, err);
	}
	db_rows_free(rows);
	return ok;
}

bool commitment_sweep(struct db_pool *pool, struct err *err)
{
	return db_transact(pool, NULL, sweep_work, NULL, err);
}

bool commitment_trim(struct db *db, int64_t age_ms, int64_t *out_count, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_COMMITMENT_TRIM, DB_PARAMS(db_int(age_ms), db_int(TRIM_MAX)), "the commitments",
	                 &rows, err))
		return false;
	*out_count = db_get_int(rows, 0, "trimmed");
	db_rows_free(rows);
	return true;
}

int64_t commitment_wait_ms(struct db_pool *pool, int64_t max_ms)
{
	int64_t wait_ms = max_ms;
	struct db_rows *rows;
	struct err err;
	struct db *db;

	if (!db_take(pool, &db, &err))
		return max_ms;
	if (db_exec_one(db, STMT_COMMITMENT_NEXT_DUE, DB_NO_PARAMS, "due time", &rows, &err)) {
		if (!db_is_null(rows, 0, "wait_ms") && db_get_int(rows, 0, "wait_ms") < wait_ms)
			wait_ms = db_get_int(rows, 0, "wait_ms");
		db_rows_free(rows);
	}
	db_give(db);
	return wait_ms;
}

/* ---- by hand ---------------------------------------------------------------------------------------------------------- */

bool commitment_set_address(struct db *db, const char *id_or_ae, const char *host, int port, bool is_tls,
                            char out_id[TEXT_UUID_SIZE], char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;

	if (host && !network_host_is_valid(host))
		return err_set(err, ERR_INVALID, "cannot use this host: an address or a DNS name is wanted");
	if (host && !port)
		return err_set(err, ERR_INVALID, "cannot use a host without a port");
	if (!find_one(db, STMT_DEVICE_FIND, "device", id_or_ae, out_id, err) ||
	    !db_exec_one(db, STMT_COMMITMENT_SET_ADDRESS,
	                 DB_PARAMS(db_text(out_id), db_text(host), port ? db_int(port) : db_null(), db_bool(is_tls)),
	                 "device", &rows, err))
		return false;
	text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return true;
}

bool commitment_requeue(struct db *db, const char *id_or_uid, char out_id[TEXT_UUID_SIZE],
                        char out_site[TEXT_UUID_SIZE], struct err *err)
{
	struct db_rows *rows;
	bool is_done;

	if (!find_one(db, STMT_COMMITMENT_FIND, "commitment", id_or_uid, out_id, err) ||
	    !db_exec(db, STMT_COMMITMENT_REQUEUE,
	             DB_PARAMS(db_text(out_id), db_int(conf_number(CONF_COMMITMENT_DEADLINE))), &rows, err))
		return false;
	is_done = db_rows_count(rows) > 0;
	if (is_done)
		text_copy(out_site, TEXT_UUID_SIZE, db_get_text(rows, 0, "site"));
	db_rows_free(rows);
	return is_done || err_set(err, ERR_CONFLICT,
	                          "cannot report this now: it was reported, is being reported, or is not judged yet");
}
