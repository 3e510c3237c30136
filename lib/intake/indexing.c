#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/intake/index.h"
#include "lib/intake/internal.h"

/* From the index backlog into the ledger. */
enum { READ_CHUNK = 256 * 1024 };

struct work {
	struct index_line *lines;
	enum index_outcome *outcomes;
	enum { WORK_OPEN, WORK_INDEXED, WORK_POISON, WORK_FAILED } * states;
	struct err *why; /* of POISON and FAILED */
	size_t count;
};

static bool index_some(struct intake *intake, struct work *work, size_t first, size_t count, struct err *err)
{
	const char **json = malloc(count * sizeof *json);
	bool ok;

	if (!json)
		err_panic("out of memory");
	for (size_t i = 0; i < count; i++)
		json[i] = work->lines[first + i].json;
	file_kill_point("intake-before-index");
	ok = index_objects(intake->pool, json, count, &work->outcomes[first], err);
	free(json);
	for (size_t i = 0; ok && i < count; i++)
		work->states[first + i] = WORK_INDEXED;
	if (ok)
		file_kill_point("intake-after-index");
	return ok;
}

/*
 * The batch was refused as a whole: each object alone shows which one it was. An error that is not plainly about data only counts against
 * an object when others of the same pass went through; else the ledger itself is at fault and everybody waits.
 */
static bool index_one_by_one(struct intake *intake, struct work *work, struct err *err)
{
	size_t indexed = 0, waiting = 0;

	for (size_t i = 0; i < work->count; i++) {
		if (index_some(intake, work, i, 1, err)) {
			indexed++;
		} else if (intake_may_pass(err)) {
			return false;
		} else {
			work->states[i] = index_is_poison(err) ? WORK_POISON : WORK_FAILED;
			work->why[i] = *err;
		}
	}
	for (size_t i = 0; i < work->count; i++) {
		if (work->states[i] != WORK_FAILED)
			continue;
		if (indexed)
			work->states[i] = WORK_POISON;
		else
			waiting++;
	}
	return waiting == 0 || err_context(err, "%zu objects wait", waiting);
}

/* ---- what the ledger refuses for good ------------------------------------------------------------------------------------- */

static bool copy_all(int from, int to, struct err *err)
{
	char *buffer = malloc(READ_CHUNK);
	ssize_t got = 0;
	bool ok = true;

	if (!buffer)
		err_panic("out of memory");
	while (ok && (got = read(from, buffer, READ_CHUNK)) > 0)
		ok = file_write_all(to, buffer, (size_t)got, err);
	free(buffer);
	return ok && (got == 0 || err_set(err, ERR_TEMPORARY, "could not read an object"));
}

/* Back into the journal's other lane, so that it can be set apart from there. */
static bool take_back(struct intake *intake, const struct intake_record *record, struct slot_entry *out,
                      struct err *err)
{
	uint64_t size;
	int from, to;
	bool ok;

	if (!store_open_object(intake->store, record->key, &from, &size, err))
		return false;
	slot_drop(intake->own.slot, record->key);
	ok = slot_part_new(intake->own.slot, record->key, &to, err);
	if (ok) {
		ok = copy_all(from, to, err) && slot_record(intake->own.slot, to, record, out, err);
		close(to);
	}
	close(from);
	return ok;
}

/* Nothing is lost: the bytes go to journal/quarantine, the ledger shows them when it can, the others go on. */
static bool set_apart(struct intake *intake, const struct index_line *line, const struct err *why, struct err *err)
{
	struct intake_record record;
	struct slot_entry entry;
	bool has_twin = false;
	struct err shown;

	log_err(LOG_OBJECT_REFUSED, why, "key=%s queue=intake action=set_apart", line->key);
	if (!index_record_of(line->json, &record, err) || !index_has_twin_apart(intake->pool, &record, &has_twin, err))
		return false;
	if (has_twin)
		return store_remove(intake->store, line->key, err);
	if (!index_set_apart(intake->pool, line->key, &record, true, intake_doubt_of_err(why), why->text, &shown) &&
	    intake_may_pass(&shown)) {
		*err = shown;
		return false;
	}
	if (!take_back(intake, &record, &entry, err))
		return err->kind == ERR_NOT_FOUND; /* set apart before a crash */
	return slot_set_apart(intake->own.slot, &entry, why->text, err) && store_remove(intake->store, line->key, err);
}

/* ---- a batch ------------------------------------------------------------------------------------------------------------- */

/* Before the backlog forgets them: of a duplicate the ledger has said that the first copy is there. */
static bool settle(struct intake *intake, struct work *work, struct err *err)
{
	for (size_t i = 0; i < work->count; i++) {
		bool ok = true;

		if (work->states[i] == WORK_POISON)
			ok = set_apart(intake, &work->lines[i], &work->why[i], err);
		else if (work->outcomes[i] == INDEX_DUPLICATE)
			ok = store_remove(intake->store, work->lines[i].key, err);
		if (!ok)
			return false;
	}
	file_kill_point("intake-before-forget");
	if (!index_log_done(intake->log, err))
		return false;
	file_kill_point("intake-after-forget");
	log_info(LOG_OBJECT_INDEXED, "objects=%zu slot=%s", work->count, slot_name(intake->own.slot));
	return true;
}

static bool run(struct intake *intake, struct work *work, struct err *err)
{
	if (!index_some(intake, work, 0, work->count, err) &&
	    (intake_may_pass(err) || !index_one_by_one(intake, work, err)))
		return false;
	return settle(intake, work, err);
}

static bool run_lines(struct intake *intake, struct index_line *lines, size_t count, struct err *err)
{
	struct work work = {.lines = lines, .count = count};
	bool ok;

	work.outcomes = calloc(count, sizeof *work.outcomes);
	work.states = calloc(count, sizeof *work.states);
	work.why = calloc(count, sizeof *work.why);
	if (!work.outcomes || !work.states || !work.why)
		err_panic("out of memory");
	ok = run(intake, &work, err);
	free(work.outcomes);
	free(work.states);
	free(work.why);
	return ok;
}

bool index_batch(struct intake *intake, size_t *out_count, struct err *err)
{
	size_t max = (size_t)conf_number(CONF_INDEX_BATCH), count = 0;
	struct index_line *lines = calloc(max, sizeof *lines);
	bool ok;

	if (!lines)
		err_panic("out of memory");
	ok = index_log_next(intake->log, lines, max, &count, err) &&
	     (count == 0 || run_lines(intake, lines, count, err));
	index_lines_free(lines, count);
	free(lines);
	*out_count = count;
	return ok;
}
