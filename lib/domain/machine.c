#include "lib/domain/machine.h"

#include <string.h>

bool machine_next(const struct machine *machine, int from, int event, int *to)
{
	int i;

	for (i = 0; i < machine->step_count; i++) {
		if (machine->steps[i].from == from && machine->steps[i].event == event) {
			*to = machine->steps[i].to;
			return true;
		}
	}
	return false;
}

static int find(const char *const *names, int count, const char *name)
{
	int i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int machine_state_find(const struct machine *machine, const char *name)
{
	return find(machine->states, machine->state_count, name);
}

int machine_event_find(const struct machine *machine, const char *name)
{
	return find(machine->events, machine->event_count, name);
}

bool machine_is_final(const struct machine *machine, int state)
{
	int i;

	for (i = 0; i < machine->step_count; i++)
		if (machine->steps[i].from == state)
			return false;
	return true;
}
