#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/domain/machines.h"
#include "tests/db/ledger.h"

TestSuite(machines, .init = ledger_setup, .timeout = 120);

Test(machines, the_ledger_has_the_same_lists)
{
	PGconn *owner = ledger_connect("yq_owner");
	const struct machine *const *at;
	char sql[400], want[20];
	int total = 0;

	for (at = machines_all(); *at; at++) {
		const struct machine *machine = *at;
		int i;

		for (i = 0; i < machine->step_count; i++) {
			const struct machine_step *step = &machine->steps[i];

			snprintf(sql, sizeof(sql),
			         "SELECT to_state FROM state_transition WHERE machine = '%s' AND from_state = '%s' AND "
			         "event = '%s'",
			         machine->name, machine->states[step->from], machine->events[step->event]);
			cr_expect_str_eq(ledger_value(owner, sql), machine->states[step->to], "%s: %s --%s-->",
			                 machine->name, machine->states[step->from], machine->events[step->event]);
		}
		total += machine->step_count;
	}
	snprintf(want, sizeof(want), "%d", total);
	cr_expect_str_eq(ledger_value(owner, "SELECT count(*) FROM state_transition"), want,
	                 "the ledger knows other steps");
	PQfinish(owner);
}

/* Does any event of the program's list lead from one state to the other? */
static bool has_step(const struct machine *machine, int from, int to)
{
	int i;

	if (from == to)
		return from != 0;
	for (i = 0; i < machine->step_count; i++)
		if (machine->steps[i].from == from && machine->steps[i].to == to)
			return true;
	return false;
}

/* Sets the old state behind the back of the trigger, then tries the step. */
static void try_step(PGconn *owner, const struct machine *machine, int from, int to)
{
	char sql[400];
	PGresult *result;
	const char *state;

	ledger_run(owner, "ALTER TABLE m DISABLE TRIGGER USER; DELETE FROM m");
	if (from) {
		snprintf(sql, sizeof(sql), "INSERT INTO m VALUES ('%s')", machine->states[from]);
		ledger_run(owner, sql);
	}
	ledger_run(owner, "ALTER TABLE m ENABLE TRIGGER USER");
	snprintf(sql, sizeof(sql), from ? "UPDATE m SET state = '%s'" : "INSERT INTO m VALUES ('%s')",
	         machine->states[to]);
	result = PQexec(owner, sql);
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	if (has_step(machine, from, to))
		cr_expect_null(state, "%s: \"%s\" -> \"%s\" was refused", machine->name, machine->states[from],
		               machine->states[to]);
	else
		cr_expect(state && strcmp(state, "YQ409") == 0, "%s: \"%s\" -> \"%s\": got %s", machine->name,
		          machine->states[from], machine->states[to], state ? state : "success");
	PQclear(result);
}

Test(machines, the_trigger_knows_every_pair_of_states)
{
	PGconn *owner = ledger_connect("yq_owner");
	const struct machine *const *at;
	char sql[300];
	int from, to;

	for (at = machines_all(); *at; at++) {
		snprintf(sql, sizeof(sql),
		         "CREATE TEMP TABLE m (state text); CREATE TRIGGER m BEFORE INSERT OR UPDATE OF state ON m FOR "
		         "EACH ROW"
		         " EXECUTE FUNCTION yq_check_transition('%s')",
		         (*at)->name);
		ledger_run(owner, sql);
		for (from = 0; from < (*at)->state_count; from++)
			for (to = 1; to < (*at)->state_count; to++)
				try_step(owner, *at, from, to);
		ledger_run(owner, "DROP TABLE m");
	}
	PQfinish(owner);
}

Test(machines, every_machine_guards_its_table_and_its_states_are_those_of_the_check)
{
	static const struct {
		const char *machine, *table;
	} cases[] = {
	    {"study", "study"},
	    {"task", "reading_task"},
	    {"report_version", "report_version"},
	    {"report_proposal", "report_proposal"},
	    {"critical_value", "critical_value"},
	    {"consultation", "consultation"},
	    {"delivery", "delivery"},
	    {"conflict", "instance_conflict"},
	    {"quarantine", "quarantine"},
	    {"commitment", "commitment"},
	    {"mpps", "mpps"},
	};
	PGconn *owner = ledger_connect("yq_owner");
	const struct machine *const *at;
	char sql[500];
	size_t i;
	int state;

	for (at = machines_all(), i = 0; *at; at++, i++)
		;
	/* All but the breaker, which is derived from the columns of a destination. */
	cr_assert_eq(i, sizeof(cases) / sizeof(cases[0]) + 1);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(sql, sizeof(sql),
		         "SELECT count(*) FROM pg_trigger WHERE tgrelid = '%s'::regclass AND tgfoid = "
		         "'yq_check_transition'::regproc"
		         " AND tgenabled = 'O' AND encode(tgargs, 'escape') = '%s\\000'",
		         cases[i].table, cases[i].machine);
		cr_expect_str_eq(ledger_value(owner, sql), "1", "%s", cases[i].machine);
		for (at = machines_all(); *at; at++) {
			if (strcmp((*at)->name, cases[i].machine) != 0)
				continue;
			for (state = 1; state < (*at)->state_count; state++) {
				snprintf(sql, sizeof(sql),
				         "SELECT bool_or(pg_get_constraintdef(oid) LIKE '%%(state = ANY "
				         "%%''%s''::text%%')::text FROM pg_constraint"
				         " WHERE conrelid = '%s'::regclass AND contype = 'c'",
				         (*at)->states[state], cases[i].table);
				cr_expect_str_eq(ledger_value(owner, sql), "true", "%s: %s is in no CHECK",
				                 cases[i].table, (*at)->states[state]);
			}
		}
	}
	PQfinish(owner);
}
