/*
 * The study: when it is all there. storescp, gateway and yqctl only leave signals (study_signal rows); the router alone moves the
 * state. The rule that decides is a pure function here; the ledger's claim statement finds the studies that are due.
 *
 * Refusals: ERR_NOT_FOUND (no such study for these eyes), ERR_REFUSED (no right there), ERR_INVALID (no such patient class).
 */
#ifndef YQ_DOMAIN_STUDY_H
#define YQ_DOMAIN_STUDY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/domain/machines.h"

struct db;
struct db_pool;

/*
 * 提交诊断, by a person of the site (person_id; row-level security) or by the operator's command (NULL). patient_class may be NULL:
 * unchanged; else emergency, outpatient, inpatient or health_check. Idempotent: pressing twice changes nothing.
 * After true the signal survives power loss; the router acts on it.
 */
bool study_submit(struct db_pool *pool, const char *person_id, const char *study_id, const char *patient_class,
                  struct err *err);

/* ---- completion, pure ------------------------------------------------------------------------------------------------ */

/* What is known of a study when it is looked at. Times in microseconds; 0: did not happen. */
struct study_facts {
	enum study_state state;
	bool is_emergency;
	int64_t now_us;
	int64_t last_arrival_us; /* of an image that is not our own */
	int64_t arrival_open_us; /* first arrival since the study was (re)opened: the cap runs from there */
	int64_t submitted_us, commitment_us, mpps_completed_us, by_hand_us;
	int expected_views; /* 0: unknown */
	int images;         /* that count, i.e. not our own */
	int64_t quiet_us, cap_us;
};

enum study_reason {
	STUDY_REASON_NONE,
	STUDY_REASON_BY_HAND,
	STUDY_REASON_COMMITMENT,
	STUDY_REASON_SUBMITTED,
	STUDY_REASON_MPPS,
	STUDY_REASON_VIEWS,
	STUDY_REASON_QUIET,
	STUDY_REASON_CAP,
	STUDY_REASON_EMERGENCY /* in the queue at the first image, marked incomplete */
};

struct study_verdict {
	bool is_change; /* `event` is to be applied now */
	enum study_event event;
	enum study_reason reason;
	int64_t look_again_us; /* when no change: next time worth a look; 0: only after a new signal */
};

/*
 * The strongest signal at hand decides: by hand > storage commitment > submit pressed > MPPS > expected views > quiet time; a signal
 * counts only when no image came after it. The cap turns an unmet expectation into incomplete.
 */
struct study_verdict study_decide(const struct study_facts *facts);

const char *study_reason_name(enum study_reason reason);

/* Quiet time of a modality ("US", "CT", ...) in milliseconds, from the configuration. */
int64_t study_quiet_ms(const char *modality);

#endif
