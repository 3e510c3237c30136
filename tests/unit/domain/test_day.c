#include <criterion/criterion.h>

#include "lib/domain/day.h"

Test(day, of_the_calendar)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
	    {"2026-12-31", true},   {"2024-02-29", true},  {"2026-02-29", false}, {"2000-02-29", true},
	    {"1900-02-29", false},  {"2026-04-31", false}, {"2026-13-01", false}, {"2026-00-01", false},
	    {"2026-01-00", false},  {"0000-01-01", false}, {"2026-1-01", false},  {"2026-01-1", false},
	    {"2026-01-01 ", false}, {"", false},           {"2026/01/01", false}, {"20x6-01-01", false},
	    {"+026-01-01", false},  {"-026-01-01", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(day_is_valid(cases[i].text), cases[i].want, "'%s': want %d", cases[i].text, cases[i].want);
}
