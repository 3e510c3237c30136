/* Turnaround limits. */
#include <criterion/criterion.h>

#include "lib/domain/rule_limit.h"

TestSuite(rule_limit, .timeout = 60);

Test(rule_limit, the_most_specific_limit_holds)
{
	static const struct rule_limit limits[] = {
	    {.minutes = 240},
	    {.patient_class = "emergency", .minutes = 60},
	    {.modality = "DR", .minutes = 120},
	    {.patient_class = "emergency", .modality = "DR", .minutes = 30},
	    {.scope_depth = 2, .minutes = 200},
	    {.scope_depth = 3, .patient_class = "inpatient", .minutes = 90},
	};
	static const struct {
		const char *patient_class, *modality;
		size_t count;
		int want;
	} cases[] = {
	    {"outpatient", "CT", 4, 240}, {"emergency", "CT", 4, 60},  {"outpatient", "DR", 4, 120},
	    {"emergency", "DR", 4, 30},   {"emergency", "DR", 6, 200}, {"inpatient", "DR", 6, 90},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rule_limit *got =
		    rule_limit_pick(limits, cases[i].count, cases[i].patient_class, cases[i].modality);

		cr_assert_not_null(got);
		cr_expect_eq(got->minutes, cases[i].want, "%s %s: got %d, want %d", cases[i].patient_class,
		             cases[i].modality, got->minutes, cases[i].want);
	}
	cr_expect_null(rule_limit_pick(limits + 5, 1, "outpatient", "CT"), "no limit for this class");
}

Test(rule_limit, due_times_count_working_hours)
{
	/* Friday, then the weekend, then a working day. Work from 8:00 to 17:30. */
	static const struct {
		const char *what, *days;
		int limit, minute, want;
		bool is_working;
	} cases[] = {
	    {"the clock", "1001", 30, 23 * 60, 30, false},
	    {"inside the day", "1001", 240, 9 * 60, 240, true},
	    {"to the last minute", "1001", 60, 16 * 60 + 30, 60, true},
	    {"over the weekend", "1001", 60, 17 * 60, 3 * 1440 + 8 * 60 + 30 - 17 * 60, true},
	    {"before work", "1001", 60, 6 * 60, 180, true},
	    {"after work", "1001", 60, 20 * 60, 3 * 1440 + 9 * 60 - 20 * 60, true},
	    {"on a day off", "01", 60, 12 * 60, 1440 + 9 * 60 - 12 * 60, true},
	    {"three working days", "11111", 3 * 570, 8 * 60, 2 * 1440 + 570, true},
	    {"beyond the calendar", "0000", 60, 9 * 60, -1, true},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_limit limit = {.minutes = cases[i].limit, .is_working_time = cases[i].is_working};
		struct rule_calendar calendar = {cases[i].days, 8 * 60, 17 * 60 + 30};
		int got = rule_due_in(&limit, cases[i].minute, &calendar);

		cr_expect_eq(got, cases[i].want, "%s: got %d, want %d", cases[i].what, got, cases[i].want);
	}
}
