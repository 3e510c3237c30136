/* Routing rules and turnaround limits. */
#include <criterion/criterion.h>

#include "lib/domain/rule.h"

TestSuite(rule, .timeout = 60);

static const struct rule rules[] = {
    {.id = 1, .ordinal = 50, .covers_site = true, .minute_from = -1, .minute_to = -1, .queue_id = "rest"},
    {.id = 2,
     .ordinal = 10,
     .covers_site = true,
     .patient_class = "emergency",
     .minute_from = -1,
     .minute_to = -1,
     .queue_id = "emergency"},
    {.id = 3,
     .ordinal = 20,
     .covers_site = true,
     .modality = "US",
     .minute_from = -1,
     .minute_to = -1,
     .queue_id = "local"},
    {.id = 4,
     .ordinal = 30,
     .covers_site = true,
     .modality = "CT",
     .minute_from = 18 * 60,
     .minute_to = 1440,
     .queue_id = "night"},
    {.id = 5, .ordinal = 5, .covers_site = false, .minute_from = -1, .minute_to = -1, .queue_id = "elsewhere"},
    {.id = 6,
     .ordinal = 60,
     .covers_site = true,
     .patient_class = "health_check",
     .minute_from = -1,
     .minute_to = -1,
     .queue_id = "too_late"},
};

Test(rule, the_first_by_ordinal_that_fits_decides)
{
	static const struct {
		const char *what;
		struct rule_case study;
		int64_t want;
	} cases[] = {
	    {"any other goes to the rest", {"outpatient", "DR", 600}, 1},
	    {"class comes before modality by its ordinal", {"emergency", "US", 600}, 2},
	    {"modality", {"outpatient", "US", 600}, 3},
	    {"hours: the first minute", {"outpatient", "CT", 18 * 60}, 4},
	    {"hours: before", {"outpatient", "CT", 18 * 60 - 1}, 1},
	    {"hours: the last minute of the day", {"outpatient", "CT", 1439}, 4},
	    {"a rule behind a wider one is never reached", {"health_check", "DR", 0}, 1},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rule *got = rule_match(rules, sizeof(rules) / sizeof(rules[0]), &cases[i].study);

		cr_assert_not_null(got, "%s: no rule", cases[i].what);
		cr_expect_eq(got->id, cases[i].want, "%s: got rule %d, want %d", cases[i].what, (int)got->id,
		             (int)cases[i].want);
	}
}

Test(rule, none_fits)
{
	struct rule_case study = {"outpatient", "DR", 600};

	cr_expect_null(rule_match(rules, 0, &study), "no rules");
	cr_expect_null(rule_match(rules + 1, 1, &study), "other class");
	cr_expect_null(rule_match(rules + 4, 1, &study), "other site");
}

Test(rule, the_most_specific_limit_holds)
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
		struct rule_case study;
		size_t count;
		int want;
	} cases[] = {
	    {{"outpatient", "CT", 0}, 4, 240}, {{"emergency", "CT", 0}, 4, 60},  {{"outpatient", "DR", 0}, 4, 120},
	    {{"emergency", "DR", 0}, 4, 30},   {{"emergency", "DR", 0}, 6, 200}, {{"inpatient", "DR", 0}, 6, 90},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rule_limit *got = rule_limit_pick(limits, cases[i].count, &cases[i].study);

		cr_assert_not_null(got);
		cr_expect_eq(got->minutes, cases[i].want, "%s %s: got %d, want %d", cases[i].study.patient_class,
		             cases[i].study.modality, got->minutes, cases[i].want);
	}
	cr_expect_null(rule_limit_pick(limits + 5, 1, &cases[0].study), "no limit for this class");
}

Test(rule, due_times_count_working_hours)
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
