#include "lib/intake/room.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/intake.h"
#include "lib/store/store.h"

enum { CALM_PART = 16 };

static const char *const names[] = {[ROOM_FINE] = "fine", [ROOM_LOW] = "low", [ROOM_FULL] = "full"};

const char *room_state_name(enum room_state state)
{
	return names[state];
}

/* ---- watermarks ------------------------------------------------------------------------------------------------------- */

static uint64_t mark(const struct room_area *area, enum conf_id bytes, enum conf_id percent)
{
	uint64_t fixed = (uint64_t)conf_number(bytes), part = (uint64_t)conf_number(percent);
	uint64_t share = area->total_bytes / 100 * part + area->total_bytes % 100 * part / 100;

	return fixed > share ? fixed : share;
}

/* The next step of an object must stay above the reserve. */
static enum room_state state_under(uint64_t free_bytes, uint64_t warn_bytes, uint64_t reserve_bytes)
{
	if (free_bytes <= reserve_bytes + ROOM_STEP)
		return ROOM_FULL;
	return free_bytes <= warn_bytes ? ROOM_LOW : ROOM_FINE;
}

void room_judge(struct room_area *area)
{
	area->warn_bytes = mark(area, CONF_STORE_WARN, CONF_STORE_WARN_PERCENT);
	area->reserve_bytes = mark(area, CONF_STORE_RESERVE, CONF_STORE_RESERVE_PERCENT);
	area->state = state_under(area->free_bytes, area->warn_bytes, area->reserve_bytes);
}

enum room_state room_settle(enum room_state told, const struct room_area *area)
{
	enum room_state calm = state_under(area->free_bytes, area->warn_bytes + area->warn_bytes / CALM_PART,
	                                   area->reserve_bytes + area->reserve_bytes / CALM_PART);

	if (told <= area->state)
		return area->state;
	return calm < told ? calm : told;
}

/* ---- looking ---------------------------------------------------------------------------------------------------------- */

static bool on_one_file_system(const char *one, const char *other)
{
	struct stat one_info, other_info;

	return stat(one, &one_info) == 0 && stat(other, &other_info) == 0 && one_info.st_dev == other_info.st_dev;
}

bool room_read(struct store *store, struct room *out, struct err *err)
{
	struct store_space space;
	struct room room = {0};
	char path[PATH_MAX];

	if (!store_space(store, &space, err) || !conf_path(path, sizeof path, err, "journal") ||
	    !file_space(path, &room.journal.total_bytes, &room.journal.free_bytes, err))
		return err_context(err, "could not ask for room");
	room.store.total_bytes = space.total_bytes;
	room.store.free_bytes = space.free_bytes;
	room_judge(&room.store);
	room_judge(&room.journal);
	room.state = room.store.state > room.journal.state ? room.store.state : room.journal.state;
	room.store_place = space.place;
	room.is_shared = on_one_file_system(space.place, path);
	*out = room;
	return true;
}

bool intake_check_room(struct store *store, struct err *err)
{
	struct room room;

	if (!room_read(store, &room, err))
		return false;
	room_note(&room);
	if (room.state == ROOM_FULL)
		return err_set(err, ERR_NO_SPACE,
		               "could not take the object: less room than the reserve is left for the %s",
		               room.store.state == ROOM_FULL ? "object store" : "receiving journal");
	return true;
}

/* ---- telling ---------------------------------------------------------------------------------------------------------- */

static void write_line(const char *what, enum room_state was, enum room_state now, const struct room_area *area)
{
	static const enum err_log_level levels[] = {
	    [ROOM_FINE] = ERR_LOG_INFO, [ROOM_LOW] = ERR_LOG_WARNING, [ROOM_FULL] = ERR_LOG_ERROR};

	log_write(levels[now], LOG_ROOM_STATE,
	          "what=%s state=%s was=%s free_bytes=%llu total_bytes=%llu warn_bytes=%llu reserve_bytes=%llu", what,
	          names[now], names[was], (unsigned long long)area->free_bytes, (unsigned long long)area->total_bytes,
	          (unsigned long long)area->warn_bytes, (unsigned long long)area->reserve_bytes);
}

/* Of threads that see a change at once one tells it. */
static void note_area(atomic_int *told, const char *what, const struct room_area *area)
{
	int was = atomic_load(told);
	enum room_state now = room_settle((enum room_state)was, area);

	if ((int)now != was && atomic_compare_exchange_strong(told, &was, (int)now))
		write_line(what, (enum room_state)was, now, area);
}

static atomic_int told_store, told_journal;

void room_note(const struct room *room)
{
	note_area(&told_store, room->is_shared ? "store_and_journal" : "store", &room->store);
	if (!room->is_shared)
		note_area(&told_journal, "journal", &room->journal);
}

enum room_state room_told(void)
{
	int store = atomic_load(&told_store), journal = atomic_load(&told_journal);

	return (enum room_state)(store > journal ? store : journal);
}
