#include "lib/domain/audit.h"

#include <ctype.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/domain/audit_spool.h"

struct audit {
	char writer[AUDIT_WRITER_MAX];
	struct db_pool *pool;
	struct audit_spool *spool;
};

/* A fact in its final form: what goes to the ledger and into the spool alike. */
struct record {
	char id[TEXT_UUID_SIZE];
	int64_t at_us;
	char action[AUDIT_TEXT_MAX], actor_kind[AUDIT_TEXT_MAX], actor[AUDIT_TEXT_MAX];
	char subject_kind[AUDIT_TEXT_MAX], subject[AUDIT_TEXT_MAX], site[AUDIT_TEXT_MAX], outcome[AUDIT_TEXT_MAX];
	char detail[AUDIT_DETAIL_MAX];
};

void audit_writer(const char *program, char out[AUDIT_WRITER_MAX])
{
	char host[65] = "";
	char *at;

	gethostname(host, sizeof(host) - 1);
	for (at = host; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			*at = '_';
	snprintf(out, AUDIT_WRITER_MAX, "%.64s@%s", program, host[0] ? host : "localhost");
}

/* --- one record ---------------------------------------------------------------------------------------------------------- */

/* What strangers send ends up here: bytes that are no UTF-8 and control characters (one separates the hashed fields) become '?'. */
static void clean_text(char out[AUDIT_TEXT_MAX], const char *text)
{
	char *at;

	text_copy(out, AUDIT_TEXT_MAX, text ? text : "");
	for (at = out; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	if (!text_is_utf8(out, strlen(out)))
		for (at = out; *at; at++)
			if ((unsigned char)*at >= 0x80)
				*at = '?';
}

static bool check_detail(const char *detail, struct err *err)
{
	json_error_t fault;
	json_t *json;
	bool ok;

	if (strlen(detail) >= AUDIT_DETAIL_MAX)
		return err_set(err, ERR_INVALID, "cannot record an audit detail of %zu bytes", strlen(detail));
	json = json_loads(detail, JSON_REJECT_DUPLICATES, &fault);
	ok = json_is_object(json);
	json_decref(json);
	return ok || err_set(err, ERR_INVALID, "cannot record an audit detail that is no JSON object");
}

/* As the CHECKs of the ledger say: a record that it would refuse must not reach the spool. */
static bool check_words(const struct audit_fact *fact, struct err *err)
{
	static const char *const actor_kinds[] = {"person", "device", "program", "operator", "unknown"};
	static const char *const outcomes[] = {"success", "refused", "failed"};
	const char *words = "abcdefghijklmnopqrstuvwxyz_";
	size_t first = strspn(fact->action, words), second, i, k;

	second = fact->action[first] == '.' ? strspn(fact->action + first + 1, words) : 0;
	if (!first || !second || fact->action[first + 1 + second] || first + second >= AUDIT_TEXT_MAX - 1)
		return err_set(err, ERR_INVALID, "cannot record audit action \"%.60s\"", fact->action);
	for (i = 0; i < 5 && strcmp(fact->actor_kind, actor_kinds[i]) != 0;)
		i++;
	for (k = 0; k < 3 && strcmp(fact->outcome, outcomes[k]) != 0;)
		k++;
	if (i == 5 || k == 3)
		return err_set(err, ERR_INVALID,
		               "cannot record audit action %s with actor kind \"%.20s\" and outcome \"%.20s\"",
		               fact->action, fact->actor_kind, fact->outcome);
	if (fact->site && *fact->site && !text_is_uuid(fact->site))
		return err_set(err, ERR_INVALID, "cannot record audit action %s: its site is no public id",
		               fact->action);
	return true;
}

static bool make_record(struct record *record, const struct audit_fact *fact, struct err *err)
{
	const char *detail = fact->detail ? fact->detail : "{}";

	if (!check_words(fact, err) || !check_detail(detail, err))
		return false;
	text_uuid_new(record->id);
	record->at_us = fact->at_us ? fact->at_us : clock_wall_us();
	clean_text(record->action, fact->action);
	clean_text(record->actor_kind, fact->actor_kind);
	clean_text(record->actor, fact->actor);
	clean_text(record->subject_kind, fact->subject_kind);
	clean_text(record->subject, fact->subject);
	clean_text(record->site, fact->site);
	clean_text(record->outcome, fact->outcome);
	text_copy(record->detail, sizeof(record->detail), detail);
	return true;
}

static bool insert(struct db *db, const char *writer, const struct record *record, struct err *err)
{
	return db_exec(db, STMT_AUDIT_APPEND,
	               DB_PARAMS(db_text(writer), db_time(record->at_us), db_text(record->action),
	                         db_text(record->actor_kind), db_text(record->actor), db_text(record->subject_kind),
	                         db_text(record->subject), db_text(record->site[0] ? record->site : NULL),
	                         db_text(record->outcome), db_text(record->detail), db_text(record->id)),
	               NULL, err);
}

bool audit_append(struct db *db, const char *writer, const struct audit_fact *fact, struct err *err)
{
	struct record record;

	return make_record(&record, fact, err) && insert(db, writer, &record, err);
}

/* --- spooled form -------------------------------------------------------------------------------------------------------- */

static char *spool_text(const struct record *record)
{
	json_t *json =
	    json_pack("{ss sI ss ss ss ss ss ss ss ss}", "id", record->id, "at_us", (json_int_t)record->at_us, "action",
	              record->action, "actor_kind", record->actor_kind, "actor", record->actor, "subject_kind",
	              record->subject_kind, "subject", record->subject, "site", record->site, "outcome",
	              record->outcome, "detail", record->detail);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!text)
		err_panic("cannot write an audit record as JSON");
	return text;
}

/* The digest of the spool said that these are our bytes; a field that is missing anyway is another release's. */
static bool read_spool_text(const char *text, struct record *record)
{
	const char *id, *action, *actor_kind, *actor, *subject_kind, *subject, *site, *outcome, *detail;
	json_int_t at_us;
	json_t *json = json_loads(text, 0, NULL);
	bool ok =
	    json && json_unpack(json, "{ss sI ss ss ss ss ss ss ss ss}", "id", &id, "at_us", &at_us, "action", &action,
	                        "actor_kind", &actor_kind, "actor", &actor, "subject_kind", &subject_kind, "subject",
	                        &subject, "site", &site, "outcome", &outcome, "detail", &detail) == 0;

	if (ok) {
		text_copy(record->id, sizeof(record->id), id);
		record->at_us = at_us;
		clean_text(record->action, action);
		clean_text(record->actor_kind, actor_kind);
		clean_text(record->actor, actor);
		clean_text(record->subject_kind, subject_kind);
		clean_text(record->subject, subject);
		clean_text(record->site, site);
		clean_text(record->outcome, outcome);
		text_copy(record->detail, sizeof(record->detail), detail);
	}
	json_decref(json);
	return ok && text_is_uuid(record->id);
}

/* --- writer with spool --------------------------------------------------------------------------------------------------- */

bool audit_new(const char *program, struct db_pool *pool, struct audit **out, struct err *err)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	char directory[PATH_MAX], path[PATH_MAX];

	if (!audit)
		err_panic("out of memory");
	audit_writer(program, audit->writer);
	audit->pool = pool;
	if (conf_path(directory, sizeof(directory), err, "journal") &&
	    conf_path(path, sizeof(path), err, "journal/audit-%s.spool", audit->writer) &&
	    file_make_dirs(directory, 0750, err) && audit_spool_open(path, &audit->spool, err)) {
		*out = audit;
		return true;
	}
	free(audit);
	return false;
}

void audit_free(struct audit *audit)
{
	if (!audit)
		return;
	audit_spool_close(audit->spool);
	free(audit);
}

int64_t audit_spooled_bytes(struct audit *audit)
{
	return audit_spool_bytes(audit->spool);
}

static bool spool_record(struct audit *audit, const struct record *record, struct err *err)
{
	char *text = spool_text(record);
	bool ok = audit_spool_append(audit->spool, text, err);

	free(text);
	return ok;
}

static bool record_in_ledger(struct audit *audit, const struct record *record, struct err *err)
{
	struct db *db;
	bool ok;

	if (!db_take(audit->pool, &db, err))
		return false;
	ok = insert(db, audit->writer, record, err);
	db_give(db);
	return ok;
}

static bool is_for_later(const struct err *err)
{
	return err->kind == ERR_TEMPORARY || err->kind == ERR_UNKNOWN_OUTCOME || err->kind == ERR_NO_SPACE ||
	       err->kind == ERR_CANCELLED;
}

bool audit_record(struct audit *audit, const struct audit_fact *fact, struct err *err)
{
	struct record record;

	if (!make_record(&record, fact, err))
		return false;
	if (audit_spool_bytes(audit->spool) > 0)
		return spool_record(audit, &record, err);
	if (record_in_ledger(audit, &record, err))
		return true;
	/* Perhaps it is there: then the replay of the same id changes nothing. */
	if (!is_for_later(err))
		return false;
	log_err(LOG_AUDIT_SPOOLED, err, "writer=%s", audit->writer);
	return spool_record(audit, &record, err);
}

/* --- replay -------------------------------------------------------------------------------------------------------------- */

struct replay {
	struct audit *audit;
	struct db *db;
	int done;
};

/* Each alone, so that one which the ledger never takes does not hold back the others. */
static bool replay_record(void *context, const char *text, bool *out_is_bad, struct err *err)
{
	struct replay *replay = context;
	struct record record;

	if (!read_spool_text(text, &record)) {
		*out_is_bad = true;
		return true;
	}
	if (insert(replay->db, replay->audit->writer, &record, err)) {
		replay->done++;
		return true;
	}
	if (is_for_later(err))
		return false;
	log_err(LOG_AUDIT_SPOOLED, err, "record=%s", record.id);
	*out_is_bad = true;
	return true;
}

bool audit_replay(struct audit *audit, int *out_count, struct err *err)
{
	struct replay replay = {.audit = audit};
	bool ok;

	*out_count = 0;
	if (audit_spool_bytes(audit->spool) == 0)
		return true;
	if (!db_take(audit->pool, &replay.db, err))
		return false;
	ok = audit_spool_drain(audit->spool, replay_record, &replay, err);
	db_give(replay.db);
	*out_count = replay.done;
	return ok;
}
