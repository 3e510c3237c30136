#include <criterion/criterion.h>

#include "gateway/outlook.h"

#define GIB ((uint64_t)1 << 30)
#define DAY_MS ((int64_t)24 * 3600 * 1000)

Test(outlook, days_left)
{
	static const struct {
		const char *what;
		uint64_t free_bytes, reserve_bytes;
		int64_t grown_bytes, grown_ms, want;
	} cases[] = {
	    {"ten a day", 101 * GIB, GIB, 140 * (int64_t)GIB, 14 * DAY_MS, 10},
	    {"a day and a half known", 101 * GIB, GIB, 15 * (int64_t)GIB, DAY_MS * 3 / 2, 10},
	    {"less than a day", 2 * GIB, GIB, 140 * (int64_t)GIB, 14 * DAY_MS, 0},
	    {"below the reserve", GIB / 2, GIB, 140 * (int64_t)GIB, 14 * DAY_MS, 0},
	    {"nothing came", 101 * GIB, GIB, 0, 14 * DAY_MS, OUTLOOK_UNKNOWN},
	    {"no day known", 101 * GIB, GIB, 5, 0, OUTLOOK_UNKNOWN},
	    {"next to nothing came", 100 * 1024 * GIB, GIB, 1, 14 * DAY_MS, OUTLOOK_DAYS_MAX},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int64_t got = outlook_days_left(cases[i].free_bytes, cases[i].reserve_bytes, cases[i].grown_bytes,
		                                cases[i].grown_ms);
		cr_expect_eq(got, cases[i].want, "%s: got %lld", cases[i].what, (long long)got);
	}
}
