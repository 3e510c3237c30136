#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/account.h"
#include "lib/domain/commitment.h"
#include "lib/domain/critical_value.h"
#include "lib/domain/delivery.h"
#include "lib/domain/device.h"
#include "lib/domain/event.h"
#include "lib/domain/study.h"
#include "lib/domain/task.h"
#include "router/router.h"

enum {
	STUDIES_A_ROUND = 500, /* then the other parts have their turn */
	SKIP_MAX = 50,         /* studies whose turn failed in this round */
	LEASES_A_TURN = 100,
	TURNS_MAX = 100,
	TRIM_EVERY_MS = 10 * 60 * 1000,
	SILENCE_EVERY_MS = 60 * 1000,
	RECENT_MS = 10 * 60 * 1000, /* since a report was issued */
	WHOLE_LOOK_POLLS = 12,
	WAIT_MIN_MS =
	    100 /* what is due and cannot be done now (workers busy, rows locked) is not looked at more often */
};

/* ---- studies ---------------------------------------------------------------------------------------------------------------- */

/* A study that cannot be settled must not keep the others from it: it is left out until the next round. */
static bool settle_studies(struct router *router, struct err *err)
{
	char ids[SKIP_MAX][TEXT_UUID_SIZE], id[TEXT_UUID_SIZE];
	const char *skip[SKIP_MAX];
	size_t skip_count = 0;
	int i;

	for (i = 0; i < STUDIES_A_ROUND && !daemon_stopping(); i++) {
		if (study_settle_next(router->pool, skip, skip_count, id, err)) {
			if (!id[0])
				break;
			continue;
		}
		if (!id[0] || err->kind == ERR_TEMPORARY || skip_count == SKIP_MAX)
			return false;
		log_err(LOG_LEDGER_FAILED, err, "step=settle_study study=%s", id);
		text_copy(ids[skip_count], TEXT_UUID_SIZE, id);
		skip[skip_count] = ids[skip_count];
		skip_count++;
	}
	return skip_count == 0 || err_set(err, ERR_CONFLICT, "could not settle %zu studies", skip_count);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------------ */

static bool expire_work(struct db *db, void *context, struct err *err)
{
	return task_expire_leases(db, LEASES_A_TURN, context, err);
}

static bool expire_leases(struct router *router, struct err *err)
{
	int turn, count = 0;

	for (turn = 0; turn < TURNS_MAX; turn++) {
		if (!db_transact(router->pool, NULL, expire_work, &count, err))
			return false;
		if (count < LEASES_A_TURN)
			break;
	}
	return true;
}

static bool expire_critical_work(struct db *db, void *context, struct err *err)
{
	return critical_value_expire(db, LEASES_A_TURN, context, err);
}

/* What no physician has read back in time. */
static bool expire_critical_values(struct router *router, struct err *err)
{
	int turn, count = LEASES_A_TURN;

	for (turn = 0; turn < TURNS_MAX && count == LEASES_A_TURN; turn++)
		if (!db_transact(router->pool, NULL, expire_critical_work, &count, err))
			return false;
	return true;
}

/* ---- devices ---------------------------------------------------------------------------------------------------------------- */

static bool silence_work(struct db *db, void *context, struct err *err)
{
	return device_watch_silence(db, LEASES_A_TURN, context, err);
}

/* Hours decide, so a look a minute is enough; the first at once, so that a restart is not silence. */
static bool watch_devices(struct router *router, struct err *err)
{
	static int64_t next_ms;
	int turn, count = LEASES_A_TURN;

	if (clock_monotonic_ms() < next_ms)
		return true;
	for (turn = 0; turn < TURNS_MAX && count == LEASES_A_TURN; turn++)
		if (!db_transact(router->pool, NULL, silence_work, &count, err))
			return false;
	next_ms = clock_monotonic_ms() + SILENCE_EVERY_MS;
	return true;
}

/* ---- deliveries ------------------------------------------------------------------------------------------------------------- */

/*
 * The reports of the last minutes in every round; all that may still be sent now and then, for a destination that was made since, or a report whose
 * objects came late: a county issues tens of thousands a month.
 */
static bool create_deliveries(struct router *router, struct err *err)
{
	static int64_t next_whole_ms;
	int64_t deadline_ms = conf_number(CONF_DELIVERY_DEADLINE), now_ms = clock_monotonic_ms();
	bool is_whole = now_ms >= next_whole_ms;
	int turn, count = 1;

	for (turn = 0; turn < TURNS_MAX && count > 0; turn++)
		if (!delivery_create_due(router->pool, deadline_ms, is_whole ? deadline_ms : RECENT_MS, &count, err))
			return false;
	if (is_whole && count == 0)
		next_whole_ms = now_ms + WHOLE_LOOK_POLLS * conf_number(CONF_POLL_INTERVAL);
	return true;
}

static bool recover_deliveries(struct router *router, struct err *err)
{
	int count;

	return delivery_recover(router->pool, &count, err) && delivery_give_up(router->pool, &count, err);
}

static bool dispatch_deliveries(struct router *router, struct err *err)
{
	return dispatch_scan(router->dispatch, err);
}

/* ---- commitments ------------------------------------------------------------------------------------------------------------ */

static bool judge_commitments(struct router *router, struct err *err)
{
	bool is_any = true;

	for (int turn = 0; turn < TURNS_MAX && is_any && !daemon_stopping(); turn++)
		if (!commitment_judge_next(router->pool, router->store, &is_any, err))
			return false;
	if (!commitment_sweep(router->pool, err))
		return false;
	reporters_wake(router->reporters);
	return true;
}

/* ---- what is kept for a time ------------------------------------------------------------------------------------------------- */

static bool trim(struct db *db, struct err *err)
{
	int64_t events, sessions, commitments;

	if (!event_trim(db, conf_number(CONF_EVENT_KEEP), &events, err) || !account_sweep(db, &sessions, err) ||
	    !db_exec(db, STMT_PRESENCE_TRIM, DB_PARAMS(db_int(conf_number(CONF_EVENT_KEEP))), NULL, err) ||
	    !commitment_trim(db, conf_number(CONF_COMMITMENT_KEEP), &commitments, err))
		return false;
	log_debug(LOG_SWEEP, "job=%s events=%lld sessions=%lld commitments=%lld", "trim", (long long)events,
	          (long long)sessions, (long long)commitments);
	return true;
}

static bool trim_now_and_then(struct router *router, struct err *err)
{
	static int64_t next_ms;
	struct db *db;
	bool ok;

	if (clock_monotonic_ms() < next_ms)
		return true;
	if (!db_take(router->pool, &db, err))
		return false;
	ok = trim(db, err);
	db_give(db);
	if (ok)
		next_ms = clock_monotonic_ms() + TRIM_EVERY_MS;
	return ok;
}

/* ---- the round -------------------------------------------------------------------------------------------------------------- */

static int64_t until_due(struct router *router)
{
	int64_t wait_ms = conf_number(CONF_POLL_INTERVAL), due_ms;
	struct db_rows *rows;
	struct err err;
	struct db *db;

	if (!db_take(router->pool, &db, &err))
		return wait_ms;
	if (db_exec_one(db, STMT_ROUTER_NEXT_DUE, DB_PARAMS(db_int(conf_number(CONF_DELIVERY_WORKERS))), "due time",
	                &rows, &err)) {
		due_ms = db_get_int(rows, 0, "wait_ms");
		if (!db_is_null(rows, 0, "wait_ms") && due_ms < wait_ms)
			wait_ms = due_ms;
		db_rows_free(rows);
	}
	db_give(db);
	wait_ms = commitment_wait_ms(router->pool, wait_ms);
	return wait_ms < WAIT_MIN_MS ? WAIT_MIN_MS : wait_ms;
}

int64_t router_round(struct router *router)
{
	static const struct {
		const char *name;
		bool (*work)(struct router *router, struct err *err);
	} parts[] = {{"judge_commitments", judge_commitments},
	             {"settle_studies", settle_studies},
	             {"expire_leases", expire_leases},
	             {"expire_critical_values", expire_critical_values},
	             {"watch_devices", watch_devices},
	             {"create_deliveries", create_deliveries},
	             {"recover_deliveries", recover_deliveries},
	             {"dispatch_deliveries", dispatch_deliveries},
	             {"names", names_round},
	             {"trim", trim_now_and_then}};
	static bool is_away;
	bool has_failed = false;
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (parts[i].work(router, &err))
			continue;
		/* lib/db says when the ledger goes and comes; here it only means to wait. */
		if (err.kind == ERR_TEMPORARY) {
			if (!is_away)
				log_err(LOG_LEDGER_AWAY, &err, "step=%s", parts[i].name);
			is_away = true;
			return conf_number(CONF_POLL_INTERVAL);
		}
		log_err(LOG_LEDGER_FAILED, &err, "step=%s", parts[i].name);
		has_failed = true;
	}
	if (is_away)
		log_info(LOG_LEDGER_BACK, "program=%s", "yq-router");
	is_away = false;
	if (!has_failed && router->has_more_names)
		return WAIT_MIN_MS;
	return has_failed ? conf_number(CONF_POLL_INTERVAL) : until_due(router);
}
