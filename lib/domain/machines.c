#include "lib/domain/machines.h"

#define STATE_NAME(id, name, label) name,
#define STATE_LABEL(id, name, label) label,
#define EVENT_NAME(id, name) name,
#define STEP(from, event, to) {from, event, to},
#define COUNT_OF(list) ((int)(sizeof(list) / sizeof((list)[0])))

#define MACHINE_DEFINE(lower, UPPER)                                                                                   \
	static const char *const lower##_states[] = {"", UPPER##_STATES(STATE_NAME)};                                  \
	static const char *const lower##_labels[] = {"", UPPER##_STATES(STATE_LABEL)};                                 \
	static const char *const lower##_events[] = {UPPER##_EVENTS(EVENT_NAME)};                                      \
	static const struct machine_step lower##_steps[] = {UPPER##_STEPS(STEP)};                                      \
	static const struct machine lower##_table = {                                                                  \
	    #lower,         lower##_states,      lower##_labels, UPPER##_STATE_COUNT,                                  \
	    lower##_events, UPPER##_EVENT_COUNT, lower##_steps,  COUNT_OF(lower##_steps)};                             \
	const struct machine *lower##_machine(void)                                                                    \
	{                                                                                                              \
		return &lower##_table;                                                                                 \
	}                                                                                                              \
	bool lower##_next(enum lower##_state from, enum lower##_event event, enum lower##_state *to)                   \
	{                                                                                                              \
		int next;                                                                                              \
                                                                                                                       \
		if (!machine_next(&lower##_table, (int)from, (int)event, &next))                                       \
			return false;                                                                                  \
		*to = (enum lower##_state)next;                                                                        \
		return true;                                                                                           \
	}                                                                                                              \
	const char *lower##_state_name(enum lower##_state state)                                                       \
	{                                                                                                              \
		return lower##_states[state];                                                                          \
	}                                                                                                              \
	const char *lower##_state_label(enum lower##_state state)                                                      \
	{                                                                                                              \
		return lower##_labels[state];                                                                          \
	}                                                                                                              \
	const char *lower##_event_name(enum lower##_event event)                                                       \
	{                                                                                                              \
		return lower##_events[event];                                                                          \
	}

MACHINE_DEFINE(study, STUDY)
MACHINE_DEFINE(task, TASK)
MACHINE_DEFINE(report_version, REPORT_VERSION)
MACHINE_DEFINE(report_proposal, REPORT_PROPOSAL)
MACHINE_DEFINE(critical_value, CRITICAL_VALUE)
MACHINE_DEFINE(consultation, CONSULTATION)
MACHINE_DEFINE(delivery, DELIVERY)
MACHINE_DEFINE(conflict, CONFLICT)
MACHINE_DEFINE(quarantine, QUARANTINE)
MACHINE_DEFINE(commitment, COMMITMENT)
MACHINE_DEFINE(mpps, MPPS)
MACHINE_DEFINE(breaker, BREAKER)

const struct machine *const *machines_all(void)
{
	static const struct machine *const all[] = {&study_table,
	                                            &task_table,
	                                            &report_version_table,
	                                            &report_proposal_table,
	                                            &critical_value_table,
	                                            &consultation_table,
	                                            &delivery_table,
	                                            &conflict_table,
	                                            &quarantine_table,
	                                            &commitment_table,
	                                            &mpps_table,
	                                            &breaker_table,
	                                            0};

	return all;
}
