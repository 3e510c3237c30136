/* The duty table: who covers for which queue, and when. */
#include <criterion/criterion.h>

#include "lib/domain/rule_cover.h"

TestSuite(rule_cover, .timeout = 60);

static const char *working[] = {"working"}, *holiday[] = {"off", "holiday"}, *adjusted[] = {"working", "adjusted"};
#define WORKING working, 1
#define HOLIDAY holiday, 2
#define ADJUSTED adjusted, 2
#define ALWAYS .is_valid = true, .was_valid = true

Test(rule_cover, a_cover_holds_by_day_and_hour)
{
	static const struct rule_cover
	    night = {.weekdays = "12345", .day_kind = "any", .minute_from = 1050, .minute_to = 480, ALWAYS},
	    weekend = {.weekdays = "67", .day_kind = "off", .minute_from = 0, .minute_to = 1440, ALWAYS},
	    feast = {.weekdays = "1234567", .day_kind = "holiday", .minute_from = 0, .minute_to = 1440, ALWAYS},
	    ended = {
	        .weekdays = "1234567", .day_kind = "any", .minute_from = 1200, .minute_to = 480, .was_valid = true};
	const struct {
		const char *what;
		const struct rule_cover *cover;
		struct rule_cover_moment moment;
		bool want;
	} cases[] = {
	    {"a Friday evening", &night, {1100, {5, WORKING}, {4, WORKING}}, true},
	    {"at noon", &night, {720, {5, WORKING}, {4, WORKING}}, false},
	    {"Saturday before dawn is Friday's shift", &night, {120, {6, HOLIDAY}, {5, WORKING}}, true},
	    {"Monday before dawn is Sunday's", &night, {120, {1, WORKING}, {7, HOLIDAY}}, false},
	    {"the end of a shift", &night, {480, {5, WORKING}, {4, WORKING}}, false},
	    {"a weekend day off", &weekend, {720, {6, HOLIDAY}, {5, WORKING}}, true},
	    {"a weekend day that is worked", &weekend, {720, {6, ADJUSTED}, {5, WORKING}}, false},
	    {"a feast on a Thursday", &feast, {720, {4, HOLIDAY}, {3, WORKING}}, true},
	    {"no feast", &feast, {720, {4, WORKING}, {3, HOLIDAY}}, false},
	    {"the last night of one that ended yesterday", &ended, {120, {4, WORKING}, {3, WORKING}}, true},
	    {"and the evening after", &ended, {1300, {4, WORKING}, {3, WORKING}}, false},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(rule_cover_holds(cases[i].cover, &cases[i].moment), cases[i].want, "%s: want %d",
		             cases[i].what, cases[i].want);
}

#define COVER(a, b)                                                                                                    \
	{.queue_id = (a),                                                                                              \
	 .by_queue_id = (b),                                                                                           \
	 .weekdays = "1234567",                                                                                        \
	 .day_kind = "any",                                                                                            \
	 .minute_from = 0,                                                                                             \
	 .minute_to = 1440,                                                                                            \
	 ALWAYS}

Test(rule_cover, whoever_covers_may_be_covered)
{
	static const struct rule_cover covers[] = {COVER("a", "b"), COVER("b", "c"), COVER("a", "d"), COVER("x", "y"),
	                                           COVER("y", "x")};
	const struct rule_cover_moment moment = {720, {3, WORKING}, {2, WORKING}};
	const struct rule_cover *got = rule_cover_find(covers, 5, "a", &moment);

	cr_assert_not_null(got);
	cr_expect_str_eq(got->by_queue_id, "c", "the first one, and on");
	cr_expect_null(rule_cover_find(covers, 5, "c", &moment), "nobody");
	cr_expect_null(rule_cover_find(covers, 5, "x", &moment), "a circle is nobody");
	cr_expect_null(rule_cover_find(covers, 0, "a", &moment));
}
