#include "storescp/watch.h"

#include <jansson.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/domain/audit.h"
#include "lib/intake/host_beat.h"

struct watch {
	struct store *store;
	struct audit *audit;
	struct host_beat *beat;
	enum room_state recorded; /* on the audit */
};

struct watch *watch_new(struct store *store, struct db_pool *pool, struct audit *audit)
{
	struct watch *watch = calloc(1, sizeof *watch);

	if (watch == NULL)
		err_panic("out of memory");
	watch->store = store;
	watch->audit = audit;
	watch->beat = host_beat_new(store, pool, "yq-storescp");
	return watch;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	host_beat_free(watch->beat);
	free(watch);
}

static char *detail_of(const struct room *room, enum room_state was, enum room_state now)
{
	json_t *detail =
	    json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "state", room_state_name(now), "was", room_state_name(was),
	              "store_free_bytes", (json_int_t)room->store.free_bytes, "store_reserve_bytes",
	              (json_int_t)room->store.reserve_bytes, "journal_free_bytes", (json_int_t)room->journal.free_bytes,
	              "journal_reserve_bytes", (json_int_t)room->journal.reserve_bytes);
	char *text = detail != NULL ? json_dumps(detail, JSON_COMPACT) : NULL;

	if (text == NULL)
		err_panic("out of memory");
	json_decref(detail);
	return text;
}

/* Why images did not come in on some day is asked long after the logs are gone. */
static void record_change(struct watch *watch, const struct room *room, enum room_state now)
{
	struct audit_fact fact = {.action = "host.room",
	                          .actor_kind = "program",
	                          .actor = "yq-storescp",
	                          .subject_kind = "host",
	                          .outcome = now == ROOM_FULL ? "refused" : "success"};
	char id[TEXT_UUID_SIZE];
	char *detail;
	struct err err;

	if (host_id(id, &err))
		fact.subject = id;
	detail = detail_of(room, watch->recorded, now);
	fact.detail = detail;
	if (!audit_record(watch->audit, &fact, &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "audit");
	free(detail);
}

bool watch_room(struct watch *watch)
{
	enum room_state told;
	struct room room;
	struct err err;

	/* Asked again in a moment; an object that comes meanwhile is refused with the reason. */
	if (!room_read(watch->store, &room, &err))
		return false;
	room_note(&room);
	told = room_told();
	if (told == watch->recorded)
		return false;
	record_change(watch, &room, told);
	watch->recorded = told;
	return true;
}

bool watch_report(struct watch *watch, bool ledger_is_there, bool has_ended)
{
	const struct host_look *look;
	bool is_awaited = false, is_reported;
	struct err err;

	is_reported = ledger_is_there && host_beat_ask_time(watch->beat, &err);
	if (!host_beat_look(watch->beat, &look, &err))
		log_err(LOG_PROGRAM_FAILED, &err, "what=%s", "host");
	else if (is_reported && !host_beat_report(watch->beat, has_ended, &is_awaited, &err) &&
	         err.kind != ERR_TEMPORARY)
		log_err(LOG_LEDGER_FAILED, &err, "what=%s", "host");
	return is_awaited;
}
