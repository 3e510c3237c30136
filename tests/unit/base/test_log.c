#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "tests/unit/base/scratch.h"

static int64_t epoch(void *context)
{
	(void)context;
	return 0;
}

static void setup(void)
{
	static const struct clock_source source = {epoch, NULL, NULL};

	scratch_enter();
	clock_replace(&source);
	log_init("yq-test", ERR_LOG_INFO);
	scratch_err_begin("log");
}

TestSuite(log, .init = setup, .fini = scratch_leave);

static void expect_log(const char *want)
{
	const char *got;

	scratch_err_end();
	got = scratch_read("log");
	cr_expect_str_eq(got, want, "got: %swant: %s", got, want);
}

#define FRONT "1970-01-01T08:00:00.000+08:00 "

Test(log, one_line_in_fixed_order)
{
	log_info(LOG_OBJECT_STORED, "sop=%s size_bytes=%lld count=%d n=%zu x=%x", "1.2.3", 123456789012LL, -5,
	         (size_t)7, 255u);
	expect_log(FRONT "info yq-test object_stored sop=1.2.3 size_bytes=123456789012 count=-5 n=7 x=ff\n");
}

Test(log, values_cannot_break_the_line)
{
	log_warning(LOG_DCMTK, "a=%s b=%s c=%s d=%s", "two words", "say \"x\"\\", "line\nbreak\x01", "");
	expect_log(FRONT
	           "warning yq-test dcmtk a=\"two words\" b=\"say \\\"x\\\"\\\\\" c=\"line\\nbreak\\x01\" d=\"\"\n");
}

Test(log, lines_below_the_level_are_dropped)
{
	log_debug(LOG_DCMTK, "a=%d", 1);
	log_error(LOG_DCMTK, "a=%d", 2);
	expect_log(FRONT "error yq-test dcmtk a=2\n");
}

Test(log, a_long_value_is_cut_at_200_bytes_between_characters)
{
	char value[3 * 100 + 1], want[400];
	size_t i;

	for (i = 0; i < 100; i++)
		memcpy(value + 3 * i, "影", 3);
	value[300] = '\0';
	log_info(LOG_DCMTK, "a=%s", value);
	snprintf(want, sizeof(want), FRONT "info yq-test dcmtk a=%.198s\n", value);
	expect_log(want);
}

Test(log, a_line_has_an_end_however_much_is_said)
{
	char value[201];
	const char *got;

	memset(value, 1, 200);
	value[200] = '\0';
	log_info(LOG_DCMTK, "a=%s b=%s c=%s d=%s e=%s f=%s", value, value, value, value, value, value);
	scratch_err_end();
	got = scratch_read("log");
	cr_expect_leq(strlen(got), 4001);
	cr_expect_eq(got[strlen(got) - 1], '\n');
	cr_expect_eq(strchr(got, '\n'), got + strlen(got) - 1);
}

Test(log, an_error_brings_its_kind_and_level)
{
	struct err err;

	err_set(&err, ERR_CORRUPT, "cannot read it");
	log_err(LOG_SWEEP, &err, "part=%s", "store");
	expect_log(FRONT "error yq-test sweep kind=corrupt text=\"cannot read it\" part=store\n");
}

Test(log, a_missing_text_is_a_dash)
{
	const char *volatile absent = NULL;

	log_info(LOG_LEDGER_BACK, NULL);
	log_info(LOG_LEDGER_AWAY, "reason=%s", absent);
	expect_log(FRONT "info yq-test ledger_back\n" FRONT "info yq-test ledger_away reason=-\n");
}
