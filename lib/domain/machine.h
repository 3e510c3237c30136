/*
 * State machines: one list each (study.def, task.def, ...), from which the enums, the table, the names and the pictures in
 * docs/states come. Pure; knows no ledger. The ledger refuses illegal steps by its own copy of the lists (table
 * state_transition), a test compares the two.
 *
 * State 0 of every machine is the birth of a row: its name is "", it is never stored and never reached.
 */
#ifndef YQ_DOMAIN_MACHINE_H
#define YQ_DOMAIN_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

struct machine_step {
	int from, event, to;
};

struct machine {
	const char *name;
	const char *const *states; /* names as stored, state_count of them, the first is "" */
	const char *const *labels; /* Chinese words on screen, in the order of states */
	int state_count;
	const char *const *events;
	int event_count;
	const struct machine_step *steps;
	int step_count;
};

/* The state that event leads to, or false: no such step from there. *to is untouched then. Any int may be given. */
bool machine_next(const struct machine *machine, int from, int event, int *to);

/* -1 when the text is no state of the machine ("" is state 0). */
int machine_state_find(const struct machine *machine, const char *name);
int machine_event_find(const struct machine *machine, const char *name);

/* No step leads out of it. */
bool machine_is_final(const struct machine *machine, int state);

#endif
