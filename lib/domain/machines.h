/*
 * The machines of the domain as enums, tables and pure *_next() functions, made from the .def lists (the arrows are drawn there).
 * X_NONE (0) is the birth of a row; X_name() gives the text that the ledger stores, X_label() the Chinese word on screen.
 */
#ifndef YQ_DOMAIN_MACHINES_H
#define YQ_DOMAIN_MACHINES_H

#include <stdbool.h>

#include "lib/domain/breaker.def"
#include "lib/domain/commitment.def"
#include "lib/domain/conflict.def"
#include "lib/domain/consultation.def"
#include "lib/domain/critical_value.def"
#include "lib/domain/delivery.def"
#include "lib/domain/machine.h"
#include "lib/domain/mpps.def"
#include "lib/domain/quarantine.def"
#include "lib/domain/report_proposal.def"
#include "lib/domain/report_version.def"
#include "lib/domain/study.def"
#include "lib/domain/task.def"

#define MACHINE_STATE_ID(id, name, label) id,
#define MACHINE_EVENT_ID(id, name) id,

/*
 * bool study_next(enum study_state from, enum study_event event, enum study_state *to): false when there is no such step.
 * const char *study_state_name(enum study_state state), study_state_label(state), study_event_name(event): static storage.
 * const struct machine *study_machine(void).
 */
#define MACHINE_DECLARE(lower, UPPER)                                                                                  \
	enum lower##_state{UPPER##_NONE, UPPER##_STATES(MACHINE_STATE_ID) UPPER##_STATE_COUNT};                        \
	enum lower##_event{UPPER##_EVENTS(MACHINE_EVENT_ID) UPPER##_EVENT_COUNT};                                      \
	bool lower##_next(enum lower##_state from, enum lower##_event event, enum lower##_state *to);                  \
	const char *lower##_state_name(enum lower##_state state);                                                      \
	const char *lower##_state_label(enum lower##_state state);                                                     \
	const char *lower##_event_name(enum lower##_event event);                                                      \
	const struct machine *lower##_machine(void)

MACHINE_DECLARE(study, STUDY);
MACHINE_DECLARE(task, TASK);
MACHINE_DECLARE(report_version, REPORT_VERSION);
MACHINE_DECLARE(report_proposal, REPORT_PROPOSAL);
MACHINE_DECLARE(critical_value, CRITICAL_VALUE);
MACHINE_DECLARE(consultation, CONSULTATION);
MACHINE_DECLARE(delivery, DELIVERY);
MACHINE_DECLARE(conflict, CONFLICT);
MACHINE_DECLARE(quarantine, QUARANTINE);
MACHINE_DECLARE(commitment, COMMITMENT);
MACHINE_DECLARE(mpps, MPPS);
MACHINE_DECLARE(breaker, BREAKER);

#undef MACHINE_STATE_ID
#undef MACHINE_EVENT_ID
#undef MACHINE_DECLARE

/* All of them, NULL behind the last. */
const struct machine *const *machines_all(void);

#endif
