#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

Test(clock, durations_need_their_unit)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want_ms;
	} cases[] = {
	    {"30 s", true, 30000},
	    {"250 ms", true, 250},
	    {"15 min", true, 900000},
	    {"4 h", true, 14400000},
	    {"1 day", true, 86400000},
	    {"30 days", true, 2592000000},
	    {"30s", true, 30000},
	    {"0 s", true, 0},
	    {"30", false, 0},
	    {"", false, 0},
	    {"s", false, 0},
	    {"-1 s", false, 0},
	    {"1.5 s", false, 0},
	    {"1 month", false, 0},
	    {"1 s ", false, 0},
	    {" 1 s", false, 0},
	    {"1 S", false, 0},
	    {"99999999999999999999 ms", false, 0},
	    {"9223372036854775807 days", false, 0},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		struct err err = {.kind = ERR_NONE};
		int64_t got = -7;
		bool ok = clock_parse_duration(cases[i].text, &got, &err);

		cr_expect_eq(ok, cases[i].ok, "\"%s\": got %d", cases[i].text, ok);
		cr_expect_eq(got, cases[i].ok ? cases[i].want_ms : -7, "\"%s\": got %lld", cases[i].text,
		             (long long)got);
		cr_expect_eq(err.kind, cases[i].ok ? ERR_NONE : ERR_INVALID, "\"%s\": kind %d", cases[i].text,
		             err.kind);
	}
}

Test(clock, the_offset_of_the_environment_moves_the_wall_clock)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want_us;
	} cases[] = {
	    {"+3 days", true, 259200000000},
	    {"-2 h", true, -7200000000},
	    {"90 s", true, 90000000},
	    {"", true, 0},
	    {"+3", false, 0},
	    {"--3 s", false, 0},
	    {"99999999 days", false, 0},
	};
	struct err err;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		setenv("YQ_CLOCK_OFFSET", cases[i].text, 1);
		cr_expect_eq(clock_init(&err), cases[i].ok, "\"%s\"", cases[i].text);
		cr_expect_eq(clock_offset_us(), cases[i].want_us, "\"%s\"", cases[i].text);
	}
}

static int64_t fixed_wall(void *context)
{
	return *(int64_t *)context;
}

Test(clock, a_replaced_clock_is_what_everybody_reads)
{
	int64_t now_us = 1000000;
	struct clock_source source = {fixed_wall, NULL, &now_us};
	int64_t before_ms = clock_monotonic_ms();

	clock_replace(&source);
	cr_expect_eq(clock_wall_us(), 1000000);
	now_us = 2000000;
	cr_expect_eq(clock_wall_us(), 2000000);
	cr_expect_geq(clock_monotonic_ms(), before_ms);
	clock_replace(NULL);
	cr_expect_gt(clock_wall_us(), 1700000000000000);
}

Test(clock, formats_in_the_zone_of_the_installation)
{
	static const struct {
		const char *zone;
		int64_t us;
		const char *want, *want_date, *want_time;
	} cases[] = {
	    {"Asia/Shanghai", 0, "1970-01-01T08:00:00.000+08:00", "19700101", "080000.000000"},
	    {"Asia/Shanghai", 1795308127120999, "2026-11-22T08:42:07.120+08:00", "20261122", "084207.120999"},
	    {"Asia/Shanghai", -1, "1970-01-01T07:59:59.999+08:00", "19700101", "075959.999999"},
	    {"America/St_Johns", 1795308127120999, "2026-11-21T21:12:07.120-03:30", "20261121", "211207.120999"},
	};
	char text[CLOCK_TEXT_MAX], date[9], time[14];
	struct err err;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		cr_assert(clock_set_zone(cases[i].zone, &err), "%s", err.text);
		clock_format(cases[i].us, text);
		clock_format_dicom(cases[i].us, date, time);
		cr_expect_str_eq(text, cases[i].want, "case %zu: got %s want %s", i, text, cases[i].want);
		cr_expect_str_eq(date, cases[i].want_date);
		cr_expect_str_eq(time, cases[i].want_time);
	}
}

Test(clock, without_a_zone_it_is_shanghai)
{
	char text[CLOCK_TEXT_MAX];

	setenv("TZ", "UTC", 1);
	clock_format(0, text);
	cr_expect_str_eq(text, "1970-01-01T08:00:00.000+08:00");
}

Test(clock, a_zone_is_a_name_and_no_path)
{
	static const char *const bad[] = {"", "Nowhere/Land", "../../../etc/passwd", "/etc/localtime", "A B", ":UTC"};
	struct err err;
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		cr_expect_not(clock_set_zone(bad[i], &err), "%s", bad[i]);
}
