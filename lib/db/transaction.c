#include <string.h>

#include "lib/db/internal.h"

enum { TRANSACT_TRIES = 5 };

bool db_begin(struct db *db, struct err *err)
{
	if (db->in_transaction)
		return err_set(err, ERR_REFUSED, "cannot begin a transaction inside another");
	if (!db_session_ready(db, err))
		return false;
	if (!db_session_command(db, "BEGIN", "BEGIN", NULL, err)) {
		/* Nothing was done yet: a connection that died just now is replaced once. */
		if (!db->is_lost || !db_session_ready(db, err) || !db_session_command(db, "BEGIN", "BEGIN", NULL, err))
			return false;
	}
	db->in_transaction = true;
	return true;
}

/* COMMIT of a transaction in which a statement failed answers ROLLBACK: nothing of it happened. */
static bool was_committed(PGresult *answer, struct err *err)
{
	bool ok = strcmp(PQcmdStatus(answer), "COMMIT") == 0;

	PQclear(answer);
	return ok || err_set(err, ERR_REFUSED, "cannot commit: a statement of the transaction had failed");
}

bool db_commit(struct db *db, struct err *err)
{
	PGresult *answer;

	if (!db->in_transaction || db->is_streaming)
		return err_set(err, ERR_REFUSED, "cannot commit without a transaction, or while it hands out rows");
	if (!db_session_ready(db, err)) {
		/* Lost before COMMIT was sent: certainly not committed. */
		db->in_transaction = false;
		return false;
	}
	db->in_transaction = false;
	if (db_session_command(db, "COMMIT", "COMMIT", &answer, err))
		return was_committed(answer, err);
	if (!db->is_lost)
		return false;
	err_context(err, "sent COMMIT");
	err->kind = ERR_UNKNOWN_OUTCOME;
	return false;
}

void db_rollback(struct db *db)
{
	struct err ignored;

	if (!db->in_transaction)
		return;
	db->in_transaction = false;
	/* A connection that cannot say ROLLBACK is closed by its replacement, which ends the transaction too. */
	if (!db->is_lost && !db_session_command(db, "ROLLBACK", "ROLLBACK", NULL, &ignored))
		db->is_lost = true;
}

static bool is_worth_a_retry(const struct err *err)
{
	if (err->source != ERR_SOURCE_SQL)
		return false;
	return err->code == err_sqlstate_pack("40001") || err->code == err_sqlstate_pack("40P01");
}

static bool try_once(struct db *db, db_work *work, void *context, struct err *err)
{
	if (!db_begin(db, err))
		return false;
	if (!work(db, context, err)) {
		db_rollback(db);
		return false;
	}
	return db_commit(db, err);
}

bool db_transact(struct db_pool *pool, const char *person_public_id, db_work *work, void *context, struct err *err)
{
	struct db *db;
	bool ok = false;
	int i;

	if (!db_take(pool, &db, err))
		return false;
	if (!person_public_id || db_set_person(db, person_public_id, err)) {
		for (i = 0; i < TRANSACT_TRIES; i++) {
			ok = try_once(db, work, context, err);
			if (ok || !is_worth_a_retry(err))
				break;
		}
	}
	db_give(db);
	return ok;
}
