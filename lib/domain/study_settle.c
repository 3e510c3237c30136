#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/conf.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/domain/change.h"
#include "lib/domain/delivery_forward.h"
#include "lib/domain/request.h"
#include "lib/domain/study.h"
#include "lib/domain/task_open.h"

enum {
	STEPS_MAX = 4,                   /* late image, then complete: more cannot follow from one look */
	UNROUTED_RETRY_US = 60 * 1000000 /* rules may fit another hour; a change of rules comes at once */
};

/* One study under decision. */
struct settle {
	const char *const *skip;
	size_t skip_count;
	char study_id[TEXT_UUID_SIZE], site_id[TEXT_UUID_SIZE];
	struct study_facts facts;
	char patient_class[16], modality[32], unrouted_reason[ROUTING_REASON_MAX];
	char *open_signals;
	int version;
	int64_t look_again_us;
	bool is_class_changed, is_matched;
	enum study_event events[STEPS_MAX];
	enum study_reason reasons[STEPS_MAX];
	int step_count;
};

static bool claim(struct db *db, struct settle *settle, struct err *err)
{
	struct db_rows *rows;

	settle->study_id[0] = '\0';
	if (!db_exec(db, STMT_STUDY_CLAIM, DB_PARAMS(db_texts(settle->skip, settle->skip_count)), &rows, err))
		return false;
	if (db_rows_count(rows) > 0)
		text_copy(settle->study_id, sizeof(settle->study_id), db_get_text(rows, 0, "study"));
	db_rows_free(rows);
	return true;
}

static void read_times(const struct db_rows *rows, struct study_facts *facts)
{
	facts->now_us = db_get_time(rows, 0, "now");
	facts->last_arrival_us = db_get_time(rows, 0, "last_arrival_at");
	facts->submitted_us = db_get_time(rows, 0, "submitted_at");
	facts->mpps_completed_us = db_get_time(rows, 0, "mpps_completed_at");
	facts->by_hand_us = db_get_time(rows, 0, "by_hand_at");
	facts->known_us = db_get_time(rows, 0, "known_until");
	facts->patience_us = conf_number(CONF_INDEX_PATIENCE) * 1000;
	facts->cap_at_us = db_get_time(rows, 0, "cap_at");
	if (facts->cap_at_us == 0)
		facts->cap_at_us = db_get_time(rows, 0, "first_arrival_at") + conf_number(CONF_COMPLETE_CAP) * 1000;
}

static void read_facts(const struct db_rows *rows, struct settle *settle)
{
	struct study_facts *facts = &settle->facts;

	memset(facts, 0, sizeof(*facts));
	text_copy(settle->site_id, sizeof(settle->site_id), db_get_text(rows, 0, "site"));
	text_copy(settle->patient_class, sizeof(settle->patient_class), db_get_text(rows, 0, "patient_class"));
	text_copy(settle->modality, sizeof(settle->modality), db_get_text(rows, 0, "modality"));
	text_copy(settle->unrouted_reason, sizeof(settle->unrouted_reason), db_get_text(rows, 0, "unrouted_reason"));
	settle->is_class_changed = db_get_bool(rows, 0, "is_class_changed");
	settle->version = (int)db_get_int(rows, 0, "version");
	facts->state = (enum study_state)machine_state_find(study_machine(), db_get_text(rows, 0, "state"));
	facts->is_emergency = strcmp(settle->patient_class, "emergency") == 0;
	/* Before it was ever offered, no image is late. */
	facts->has_new_images = facts->state != STUDY_RECEIVING && db_get_bool(rows, 0, "has_new_images");
	facts->images = (int)db_get_int(rows, 0, "instance_count");
	facts->expected_views = (int)db_get_int(rows, 0, "expected_views");
	facts->is_committed = db_get_bool(rows, 0, "is_committed");
	facts->commitment_missing = (int)db_get_int(rows, 0, "commitment_missing");
	facts->mpps_missing = (int)db_get_int(rows, 0, "mpps_missing");
	facts->quiet_us = study_quiet_ms(settle->modality) * 1000;
	read_times(rows, facts);
}

static bool load(struct db *db, struct settle *settle, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_STUDY_FACTS, DB_PARAMS(db_text(settle->study_id)), "study", &rows, err))
		return false;
	read_facts(rows, settle);
	free(settle->open_signals);
	settle->open_signals = strdup(db_get_text(rows, 0, "open_signals"));
	db_rows_free(rows);
	if (!settle->open_signals)
		err_panic("out of memory");
	return true;
}

static struct db_param time_or_null(int64_t us)
{
	return us ? db_time(us) : db_null();
}

static bool write_study(struct db *db, struct settle *settle, enum study_state to, bool is_reopened, struct err *err)
{
	struct study_facts *facts = &settle->facts;
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_STUDY_WRITE,
	                 DB_PARAMS(db_text(settle->study_id), db_text(study_state_name(facts->state)),
	                           db_text(study_state_name(to)), db_int(is_reopened ? 1 : 0),
	                           db_text(settle->patient_class), time_or_null(facts->submitted_us),
	                           time_or_null(settle->look_again_us), db_time(facts->cap_at_us)),
	                 "study", &rows, err))
		return false;
	settle->version = (int)db_get_int(rows, 0, "version");
	db_rows_free(rows);
	facts->state = to;
	return true;
}

/* Looks until nothing follows any more: a late image reopens the study, and a pressed button may close it at once. */
static bool decide(struct db *db, struct settle *settle, struct err *err)
{
	struct study_facts *facts = &settle->facts;
	struct study_verdict verdict;
	enum study_state to;

	settle->step_count = 0;
	for (;;) {
		verdict = study_decide(facts);
		settle->look_again_us = verdict.look_again_us;
		if (!verdict.is_change || settle->step_count == STEPS_MAX)
			return write_study(db, settle, facts->state, false, err);
		if (!study_next(facts->state, verdict.event, &to))
			return err_set(err, ERR_CONFLICT, "cannot change study: no %s from %s",
			               study_event_name(verdict.event), study_state_name(facts->state));
		if (verdict.event == STUDY_EVENT_LATE_IMAGE) {
			facts->has_new_images = false;
			facts->cap_at_us = facts->now_us + conf_number(CONF_COMPLETE_CAP) * 1000;
		}
		if (!write_study(db, settle, to, verdict.event == STUDY_EVENT_LATE_IMAGE, err))
			return false;
		settle->events[settle->step_count] = verdict.event;
		settle->reasons[settle->step_count++] = verdict.reason;
	}
}

static bool record_step(struct db *db, const struct settle *settle, int step, struct err *err)
{
	/* The words that readers of events know: named after what the study is now. */
	static const char *const names[] = {[STUDY_EVENT_COMPLETED] = "study.complete",
	                                    [STUDY_EVENT_CAP_REACHED] = "study.incomplete",
	                                    [STUDY_EVENT_LATE_IMAGE] = "study.reopened"};
	char detail[100];
	struct change change = {.event = names[settle->events[step]],
	                        .action = names[settle->events[step]],
	                        .subject_kind = "study",
	                        .subject_id = settle->study_id,
	                        .site_id = settle->site_id,
	                        .detail = detail};

	snprintf(detail, sizeof(detail), "{\"reason\": \"%s\", \"version\": %d}",
	         study_reason_name(settle->reasons[step]), settle->version);
	log_info(LOG_STUDY_STATE, "study=%s event=%s reason=%s version=%d", settle->study_id,
	         study_event_name(settle->events[step]), study_reason_name(settle->reasons[step]), settle->version);
	return change_record(db, &change, err);
}

static bool record_task(struct db *db, const struct settle *settle, const char *event, const char *task_id,
                        struct err *err)
{
	struct change change = {
	    .event = event, .action = event, .subject_kind = "task", .subject_id = task_id, .site_id = settle->site_id};

	if (!task_id[0])
		return true;
	log_info(LOG_TASK_STATE, "task=%s event=%s study=%s", task_id, event, settle->study_id);
	return change_record(db, &change, err);
}

static bool record_unrouted(struct db *db, const struct settle *settle, const char *reason, struct err *err)
{
	struct change change = {.event = "study.unrouted",
	                        .subject_kind = "study",
	                        .subject_id = settle->study_id,
	                        .site_id = settle->site_id};

	if (!reason[0] || strcmp(reason, settle->unrouted_reason) == 0)
		return true;
	log_warning(LOG_STUDY_STATE, "study=%s event=unrouted reason=%s", settle->study_id, reason);
	return change_record(db, &change, err);
}

static bool record_held(struct db *db, const struct settle *settle, const struct task_follow *follow, struct err *err)
{
	struct change change = {.event = "study.held",
	                        .action = "study.held",
	                        .subject_kind = "study",
	                        .subject_id = settle->study_id,
	                        .site_id = settle->site_id};

	if (!follow->is_held)
		return true;
	log_info(LOG_STUDY_STATE, "study=%s event=held", settle->study_id);
	return change_record(db, &change, err);
}

/* Traces come last: they lock the audit chain, and nothing may wait for anything else under that lock. */
static bool record(struct db *db, const struct settle *settle, const struct task_follow *follow, struct err *err)
{
	int i;

	if (settle->is_matched && !request_matched(db, settle->study_id, settle->site_id, err))
		return false;
	for (i = 0; i < settle->step_count; i++)
		if (!record_step(db, settle, i, err))
			return false;
	return record_task(db, settle, "task.open", follow->opened_id, err) &&
	       record_task(db, settle, "task.study_changed", follow->informed_id, err) &&
	       record_task(db, settle, "task.reroute", follow->rerouted_id, err) &&
	       record_held(db, settle, follow, err) && record_unrouted(db, settle, follow->unrouted_reason, err);
}

static bool keep_unrouted(struct db *db, struct settle *settle, const struct task_follow *follow, struct err *err)
{
	if (!follow->unrouted_reason[0])
		return true;
	settle->look_again_us = settle->facts.now_us + UNROUTED_RETRY_US;
	return write_study(db, settle, settle->facts.state, false, err);
}

static bool settle_work(struct db *db, void *context, struct err *err)
{
	struct settle *settle = context;
	struct task_follow follow = {
	    .study_id = settle->study_id, .patient_class = settle->patient_class, .modality = settle->modality};

	if (!claim(db, settle, err))
		return false;
	if (!settle->study_id[0])
		return true;
	/* First, since the request says how many views are expected and of which class the patient is. */
	if (!request_match_automatic(db, settle->study_id, &settle->is_matched, err) || !load(db, settle, err) ||
	    !decide(db, settle, err))
		return false;
	follow.version = settle->version;
	follow.is_offered = settle->facts.state == STUDY_COMPLETE || settle->facts.state == STUDY_INCOMPLETE;
	follow.is_class_changed = settle->is_class_changed;
	if (!task_follow_study(db, &follow, err) || !keep_unrouted(db, settle, &follow, err) ||
	    !db_exec(db, STMT_STUDY_SIGNALS_HANDLED, DB_PARAMS(db_text(settle->open_signals)), NULL, err))
		return false;
	if (follow.is_offered && settle->step_count > 0 && !delivery_forward_late(db, settle->study_id, err))
		return false;
	file_kill_point("study_settle");
	return task_follow_forward(db, &follow, err) && record(db, settle, &follow, err);
}

bool study_settle_next(struct db_pool *pool, const char *const *skip, size_t skip_count, char out_id[TEXT_UUID_SIZE],
                       struct err *err)
{
	struct settle settle = {.skip = skip, .skip_count = skip_count};
	bool ok = db_transact(pool, NULL, settle_work, &settle, err);

	if (ok)
		file_kill_point("study_settled");
	text_copy(out_id, TEXT_UUID_SIZE, settle.study_id);
	free(settle.open_signals);
	return ok;
}
