/* Texts of values: patterns, hours, ages. */
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

#include "lib/domain/rule.h"

TestSuite(rule_value, .timeout = 60);

Test(rule_value, patterns_have_stars_and_nothing_else)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} cases[] = {
	    {"", "", true},           {"*", "", true},          {"*", "x", true},         {"a", "A", true},
	    {"a", "ab", false},       {"a*", "ab", true},       {"*b", "ab", true},       {"*b", "abc", false},
	    {"a*c", "abc", true},     {"a*c", "ac", true},      {"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false},
	    {"*胸*", "左胸部", true}, {"胸*", "左胸部", false}, {".*", "abc", false},     {"[a]", "a", false},
	    {"?", "a", false},        {"**", "abc", true},      {"*a*", "bbb", false},    {"a**", "a", true},
	    {"É", "é", false}, /* only A-Z have another case */
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(rule_like(cases[i].pattern, cases[i].text), cases[i].want, "'%s' '%s': want %d",
		             cases[i].pattern, cases[i].text, cases[i].want);
}

/* What takes a backtracking matcher years. */
Test(rule_value, a_hostile_pattern_ends, .timeout = 20)
{
	char pattern[201], text[4001];
	size_t i;

	for (i = 0; i < 200; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[200] = '\0';
	memset(text, 'a', 4000);
	text[3999] = 'b';
	text[4000] = '\0';
	cr_expect(!rule_like(pattern, text));
}

Test(rule_value, hours)
{
	static const struct {
		const char *text;
		bool want;
		int from, to;
	} cases[] = {
	    {"08:00-17:30", true, 480, 1050},
	    {"18:00-08:00", true, 1080, 480},
	    {"00:00-24:00", true, 0, 1440},
	    {"18:00-00:00", true, 1080, 1440},
	    {"08:00-08:00", false, 0, 0},
	    {"24:00-08:00", false, 0, 0},
	    {"08:60-09:00", false, 0, 0},
	    {"25:00-26:00", false, 0, 0},
	    {"8:00-9:00", false, 0, 0},
	    {"08:00-09:00 ", false, 0, 0},
	    {"", false, 0, 0},
	    {"08:00+09:00", false, 0, 0},
	    {"-8:00-09:00", false, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int from = -1, to = -1;
		bool got = rule_hours_read(cases[i].text, &from, &to);

		cr_expect_eq(got, cases[i].want, "'%s': got %d", cases[i].text, got);
		if (got)
			cr_expect(from == cases[i].from && to == cases[i].to, "'%s': got %d-%d", cases[i].text, from,
			          to);
	}
	cr_expect(rule_hours_hold(1080, 480, 1080) && rule_hours_hold(1080, 480, 0) &&
	          !rule_hours_hold(1080, 480, 480));
}

Test(rule_value, ages)
{
	static const struct {
		const char *text;
		bool want;
		int from, to;
		char unit;
	} cases[] = {
	    {"0-14", true, 0, 14, 'Y'},   {"65-", true, 65, INT_MAX, 'Y'}, {"-14", true, 0, 14, 'Y'},
	    {"0-28D", true, 0, 28, 'D'},  {"-11M", true, 0, 11, 'M'},      {"1-3W", true, 1, 3, 'W'},
	    {"-", false, 0, 0, 0},        {"14-0", false, 0, 0, 0},        {"14", false, 0, 0, 0},
	    {"0-14X", false, 0, 0, 0},    {"0-14YY", false, 0, 0, 0},      {"", false, 0, 0, 0},
	    {"1-999999", false, 0, 0, 0}, {" 1-2", false, 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int from = 0, to = 0;
		char unit = 0;
		bool got = rule_ages_read(cases[i].text, &from, &to, &unit);

		cr_expect_eq(got, cases[i].want, "'%s': got %d", cases[i].text, got);
		if (got)
			cr_expect(from == cases[i].from && to == cases[i].to && unit == cases[i].unit,
			          "'%s': got %d-%d%c", cases[i].text, from, to, unit);
	}
}

Test(rule_value, an_age_is_of_the_birth_date_else_of_the_device)
{
	static const struct {
		const char *birth, *on, *text;
		bool is_known;
		int years, months, days;
	} cases[] = {
	    {"2012-11-28", "2026-11-28", NULL, true, 14, 168, 5113},
	    {"2012-11-29", "2026-11-28", NULL, true, 13, 167, 5112},
	    {"2024-02-29", "2025-02-28", NULL, true, 0, 11, 365},
	    {"2026-11-01", "2026-11-28", "070Y", true, 0, 0, 27},
	    {"2027-01-01", "2026-11-28", "070Y", true, 70, 840, 25550}, /* not born yet: a wrong date */
	    {NULL, "2026-11-28", "045Y", true, 45, 540, 16425},
	    {NULL, NULL, "3M", true, 0, 3, 91},
	    {NULL, NULL, "010D", true, 0, 0, 10},
	    {NULL, NULL, "45", false, 0, 0, 0},
	    {NULL, NULL, "0x5Y", false, 0, 0, 0},
	    {NULL, NULL, "", false, 0, 0, 0},
	    {NULL, NULL, NULL, false, 0, 0, 0},
	    {"nonsense", "2026-11-28", NULL, false, 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rule_age got = rule_age_of(cases[i].birth, cases[i].on, cases[i].text);

		cr_expect(got.is_known == cases[i].is_known && got.years == cases[i].years &&
		              got.months == cases[i].months && got.days == cases[i].days,
		          "case %zu: got %d, %d years, %d months, %d days", i, got.is_known, got.years, got.months,
		          got.days);
	}
}
