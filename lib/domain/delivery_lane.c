#include "lib/domain/delivery_lane.h"

#include <stdio.h>

#include "lib/base/conf.h"
#include "lib/db/db.h"

static int sum(const int counts[DELIVERY_RANKS], int before)
{
	int i, total = 0;

	for (i = 0; i < before && i < DELIVERY_RANKS; i++)
		total += counts[i];
	return total;
}

static int free_places(const struct delivery_lane *lane)
{
	int taken = sum(lane->under_way, DELIVERY_RANKS);

	return taken < lane->places ? lane->places - taken : 0;
}

enum delivery_turn delivery_turn(const struct delivery_lane *lane, const struct delivery_stay *stay)
{
	int better_due = sum(lane->due, stay->rank), better_sends = sum(lane->under_way, stay->rank);

	if (!lane->may_send || (!lane->is_open && stay->rank > 0))
		return DELIVERY_TURN_YIELD;
	if (lane->is_in_doubt && !stay->has_answer)
		return DELIVERY_TURN_GO;
	if (better_due > free_places(lane))
		return DELIVERY_TURN_YIELD;
	if (better_due > 0 || better_sends > 0)
		return stay->paused_ms < stay->pause_ms ? DELIVERY_TURN_PAUSE : DELIVERY_TURN_YIELD;
	if (lane->due[stay->rank] > free_places(lane) && stay->ran_ms >= stay->quantum_ms)
		return DELIVERY_TURN_OVER;
	return DELIVERY_TURN_GO;
}

static void read_counts(const struct db_rows *rows, const char *what, int out[DELIVERY_RANKS])
{
	char column[20];
	int i;

	for (i = 0; i < DELIVERY_RANKS; i++) {
		snprintf(column, sizeof(column), "%s_%d", what, i);
		out[i] = (int)db_get_int(rows, 0, column);
	}
}

bool delivery_lane_load(struct db_pool *pool, const char *destination_id, struct delivery_lane *out, struct err *err)
{
	struct db_rows *rows;
	struct db *db;
	bool ok;

	if (!db_take(pool, &db, err))
		return false;
	ok = db_exec_one(db, STMT_DELIVERY_LANE,
	                 DB_PARAMS(db_text(destination_id), db_int(conf_number(CONF_DELIVERY_WORKERS))),
	                 "the destination", &rows, err);
	db_give(db);
	if (!ok)
		return false;
	out->may_send = db_get_bool(rows, 0, "may_send");
	out->is_open = db_get_bool(rows, 0, "is_open");
	out->is_in_doubt = db_get_bool(rows, 0, "is_in_doubt");
	out->places = (int)db_get_int(rows, 0, "places");
	out->programs = (int)db_get_int(rows, 0, "programs");
	read_counts(rows, "due", out->due);
	read_counts(rows, "under_way", out->under_way);
	db_rows_free(rows);
	return true;
}
