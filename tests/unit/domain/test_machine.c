/* Every state x event pair of every machine, and the pictures that were drawn of them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/domain/machines.h"

TestSuite(machine, .timeout = 60);

static const struct machine_step *step_of(const struct machine *machine, int from, int event)
{
	const struct machine_step *found = NULL;
	int i;

	for (i = 0; i < machine->step_count; i++) {
		if (machine->steps[i].from != from || machine->steps[i].event != event)
			continue;
		cr_expect_null(found, "%s: %s --%s--> leads to two states", machine->name, machine->states[from],
		               machine->events[event]);
		found = &machine->steps[i];
	}
	return found;
}

Test(machine, walks_every_pair)
{
	const struct machine *const *at;
	int from, event;

	for (at = machines_all(); *at; at++) {
		for (from = 0; from < (*at)->state_count; from++) {
			for (event = 0; event < (*at)->event_count; event++) {
				const struct machine_step *step = step_of(*at, from, event);
				int to = -7;
				bool got = machine_next(*at, from, event, &to);

				cr_expect_eq(got, step != NULL, "%s: %s --%s-->", (*at)->name, (*at)->states[from],
				             (*at)->events[event]);
				cr_expect_eq(to, step ? step->to : -7, "%s: %s --%s--> gave %d", (*at)->name,
				             (*at)->states[from], (*at)->events[event], to);
			}
		}
	}
}

Test(machine, refuses_numbers_that_are_no_states_or_events)
{
	const struct machine *const *at;
	int to = -7;

	for (at = machines_all(); *at; at++) {
		cr_expect_not(machine_next(*at, -1, 0, &to), "%s", (*at)->name);
		cr_expect_not(machine_next(*at, (*at)->state_count, 0, &to), "%s", (*at)->name);
		cr_expect_not(machine_next(*at, 0, (*at)->event_count, &to), "%s", (*at)->name);
	}
	cr_expect_eq(to, -7, "the output was touched");
}

Test(machine, every_state_is_reached_and_every_event_used)
{
	const struct machine *const *at;
	int i, state, event;

	for (at = machines_all(); *at; at++) {
		for (state = 1; state < (*at)->state_count; state++) {
			bool is_reached = false;

			for (i = 0; i < (*at)->step_count; i++)
				is_reached |= (*at)->steps[i].to == state;
			cr_expect(is_reached, "%s: nothing leads to %s", (*at)->name, (*at)->states[state]);
		}
		for (event = 0; event < (*at)->event_count; event++) {
			bool is_used = false;

			for (i = 0; i < (*at)->step_count; i++)
				is_used |= (*at)->steps[i].event == event;
			cr_expect(is_used, "%s: nothing uses %s", (*at)->name, (*at)->events[event]);
		}
		for (i = 0; i < (*at)->step_count; i++)
			cr_expect_neq((*at)->steps[i].to, 0, "%s leads to the birth of a row", (*at)->name);
	}
}

Test(machine, names_find_their_states)
{
	const struct machine *const *at;
	int i;

	for (at = machines_all(); *at; at++) {
		for (i = 0; i < (*at)->state_count; i++)
			cr_expect_eq(machine_state_find(*at, (*at)->states[i]), i, "%s %s", (*at)->name,
			             (*at)->states[i]);
		for (i = 0; i < (*at)->event_count; i++)
			cr_expect_eq(machine_event_find(*at, (*at)->events[i]), i, "%s %s", (*at)->name,
			             (*at)->events[i]);
		cr_expect_eq(machine_state_find(*at, "nonsense"), -1, "%s", (*at)->name);
	}
}

/* What the domain says in words; typed out here so that a slip in a list is seen. */
Test(machine, knows_the_steps_that_matter_most)
{
	enum task_state task = TASK_NONE;
	enum delivery_state delivery = DELIVERY_NONE;
	enum report_version_state report = REPORT_VERSION_NONE;
	enum critical_value_state critical = CRITICAL_VALUE_NONE;
	enum study_state study = STUDY_NONE;

	cr_expect(task_next(TASK_REVIEWING, TASK_EVENT_SEND_BACK, &task) && task == TASK_WRITING, "退回修改");
	cr_expect_not(task_next(TASK_DONE, TASK_EVENT_CANCEL, &task), "a task that is done was cancelled");
	cr_expect_not(task_next(TASK_WRITING, TASK_EVENT_TAKE, &task), "two people hold one task");
	cr_expect_not(report_version_next(REPORT_VERSION_ISSUED, REPORT_VERSION_EVENT_SEND_BACK, &report),
	              "an issued report was sent back");
	cr_expect_not(critical_value_next(CRITICAL_VALUE_READ_BACK, CRITICAL_VALUE_EVENT_CLOSE, &critical),
	              "closed without handling");
	cr_expect(study_next(STUDY_COMPLETE, STUDY_EVENT_LATE_IMAGE, &study) && study == STUDY_RECEIVING,
	          "a late image reopens");
	cr_expect(delivery_next(DELIVERY_SENDING, DELIVERY_EVENT_LOSE, &delivery) && delivery == DELIVERY_VERIFYING,
	          "an unknown outcome is verified");
	cr_expect_not(delivery_next(DELIVERY_DELIVERED, DELIVERY_EVENT_CANCEL, &delivery), "delivered is delivered");
	cr_expect(machine_is_final(task_machine(), TASK_DONE) && !machine_is_final(task_machine(), TASK_RETURNED));
}

/* ---- pictures ---------------------------------------------------------------------------------------------------------------- */

static int count_lines(const char *text, const char *with)
{
	int count = 0;

	for (text = strstr(text, with); text; text = strstr(text + 1, with))
		count++;
	return count;
}

Test(machine, pictures_show_every_step_and_no_other)
{
	const struct machine *const *at;
	int i;

	for (at = machines_all(); *at; at++) {
		char path[200], line[200], *text;
		int finals = 0;
		size_t length;
		struct err err;

		snprintf(path, sizeof(path), "docs/states/%s.md", (*at)->name);
		cr_assert(file_read_all(path, 65536, &text, &length, &err), "%s", err.text);
		for (i = 0; i < (*at)->step_count; i++) {
			const struct machine_step *step = &(*at)->steps[i];

			snprintf(line, sizeof(line), "    %s --> %s : %s\n",
			         step->from ? (*at)->states[step->from] : "[*]", (*at)->states[step->to],
			         (*at)->events[step->event]);
			cr_expect_not_null(strstr(text, line), "%s misses %s", path, line);
		}
		for (i = 1; i < (*at)->state_count; i++) {
			snprintf(line, sizeof(line), "    state \"%s %s\" as ", (*at)->labels[i], (*at)->states[i]);
			cr_expect_not_null(strstr(text, line), "%s misses %s", path, line);
			finals += machine_is_final(*at, i);
		}
		cr_expect_eq(count_lines(text, " --> "), (*at)->step_count + finals,
		             "%s has other arrows: make docs-states", path);
		free(text);
	}
}
