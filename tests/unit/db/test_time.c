#include <criterion/criterion.h>

#include "lib/db/internal.h"

Test(db_time, text_of_the_server_is_read)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want_us;
	} cases[] = {
	    {"1970-01-01 00:00:00+00", true, 0},
	    {"1970-01-01 08:00:00+08", true, 0},
	    {"2026-11-22 08:42:07.12+08", true, 1795308127120000},
	    {"2026-11-22 08:42:07.000001+08", true, 1795308127000001},
	    {"1969-12-31 23:59:59.999999+00", true, -1},
	    {"1969-12-31 20:29:59.5-03:30", true, -500000},
	    {"1900-01-01 08:05:43+08:05:43", true, -2208988800000000},
	    {"12026-01-01 00:00:00+00", true, 317336745600000000},
	    {"0001-01-01 00:00:00+00 BC", true, -62167219200000000},
	    {"infinity", true, INT64_MAX},
	    {"-infinity", true, INT64_MIN},
	    {"2026-11-22", false, 0},
	    {"2026-11-22 08:42:07", false, 0},
	    {"2026-11-22T08:42:07+08", false, 0},
	    {"2026-11-22 08:42:07+08 x", false, 0},
	    {"", false, 0},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t got = 0;
		bool ok = db_parse_time(cases[i].text, &got);

		cr_expect_eq(ok, cases[i].ok, "%s: got %d", cases[i].text, ok);
		if (cases[i].ok)
			cr_expect_eq(got, cases[i].want_us, "%s: got %lld", cases[i].text, (long long)got);
	}
}

Test(db_time, what_is_printed_is_read_back)
{
	static const int64_t times[] = {0, -1, 1, 1795308127120999, -2208988800000001, INT64_MAX, INT64_MIN};
	char text[DB_TIME_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		int64_t back = 7;

		db_print_time(times[i], text);
		cr_expect(db_parse_time(text, &back), "%s", text);
		cr_expect_eq(back, times[i], "%s: got %lld want %lld", text, (long long)back, (long long)times[i]);
	}
	db_print_time(1795308127120999, text);
	cr_expect_str_eq(text, "2026-11-22 00:42:07.120999+00");
}
