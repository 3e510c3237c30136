/*
 * The study: when it is all there. storescp, gateway and yqctl only leave signals (study_signal rows); the router alone moves the
 * state. The rule that decides is a pure function here; study_settle_next() applies it to studies that are due.
 *
 * Refusals: ERR_NOT_FOUND (no such study for these eyes), ERR_REFUSED (no right there), ERR_INVALID (no such patient class).
 */
#ifndef YQ_DOMAIN_STUDY_H
#define YQ_DOMAIN_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/domain/machines.h"

struct db;
struct db_pool;

/*
 * 提交诊断, by a person of the site (person_id; row-level security) or by the operator's command (NULL). patient_class may be NULL:
 * unchanged; else emergency, outpatient, inpatient or health_check. Pressing twice changes nothing.
 * After true the signal survives power loss; the router acts on it.
 */
bool study_submit(struct db_pool *pool, const char *person_id, const char *study_id, const char *patient_class,
                  struct err *err);

/*
 * 人工确认图像已齐: a person says that nothing more will come, although something is missing (reason, 1 to 500 characters). Who may
 * submit may do this. ERR_INVALID: no reason.
 */
bool study_complete_by_hand(struct db_pool *pool, const char *person_id, const char *study_id, const char *reason,
                            struct err *err);

bool study_is_patient_class(const char *text);

/* ---- completion, pure ------------------------------------------------------------------------------------------------ */

/* What is known of a study when it is looked at. Times in microseconds since 1970; 0: did not happen. */
struct study_facts {
	enum study_state state;
	bool is_emergency;
	bool has_new_images; /* that nobody has looked at since the study was offered */
	int images;          /* that count, i.e. not our own */
	int expected_views;  /* 0: unknown */
	int64_t now_us;
	int64_t last_arrival_us; /* of an image that counts */
	int64_t submitted_us, mpps_completed_us, by_hand_us;
	bool is_committed;      /* commitments name every image of it, and nothing that is not here */
	int commitment_missing; /* named by the last commitment, and not here */
	int mpps_missing;       /* listed by performed procedure steps, and not here */
	int64_t known_us;       /* the ledger has everything that was acknowledged before */
	int64_t patience_us;    /* a length: a word is not kept waiting for the ledger for longer */
	int64_t quiet_us;       /* a length */
	int64_t cap_at_us;      /* when an unmet expectation ends the waiting */
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
	STUDY_REASON_EMERGENCY, /* in the queue at the first image, marked incomplete */
	STUDY_REASON_LATE_IMAGE
};

struct study_verdict {
	bool is_change; /* `event` is to be applied now, and the facts looked at again */
	enum study_event event;
	enum study_reason reason;
	int64_t look_again_us; /* without a change: when time alone may decide; 0: only after a new signal */
};

/*
 * The strongest signal at hand decides: by hand > storage commitment > submit pressed > MPPS > expected views > quiet time. A
 * signal counts only when no image came after it, and is judged only when the ledger knows what was acknowledged before it. While
 * expected views, or images that a performed step lists, are missing, quiet time does not count; the cap turns the study into
 * incomplete. A commitment that names more than came holds every weaker signal back, but that a submission offers the study
 * at once, as incomplete. The study of an emergency is incomplete, and so offered, from its first image on.
 */
struct study_verdict study_decide(const struct study_facts *facts);

const char *study_reason_name(enum study_reason reason);

/* Quiet time of a modality ("US", "CT", ...) in milliseconds, from the configuration. */
int64_t study_quiet_ms(const char *modality);
/* Is the option quiet_by_modality well-formed? ERR_INVALID. */
bool study_quiet_check(struct err *err);

/* ---- for the router ------------------------------------------------------------------------------------------------------ */

/*
 * Takes one study that is due or has new signals and that nobody else works on, decides, and opens or informs its reading
 * task; one transaction. skip: ids of studies to leave alone now (their last try failed), skip_count of them.
 * *out_id is empty when there was none. On failure *out_id names the study, if one was taken.
 */
bool study_settle_next(struct db_pool *pool, const char *const *skip, size_t skip_count, char out_id[TEXT_UUID_SIZE],
                       struct err *err);

#endif
