#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/roster.h"

#define MEMBER "\"licensed_type\":\"hospital\",\"counts_as_township_health_centre\":false"
#define GRID(members)                                                                                                  \
	"{\"communities\":[{\"name\":\"C\",\"grids\":[{\"name\":\"G\",\"lead\":\"L\",\"members\":[" members "]}]}]}"
#define TARGET(more)                                                                                                   \
	"{\"targets\":[{\"figure\":\"coverage_rate\",\"site_type\":\"township_health_centre\",\"source\":\"s\"," more  \
	"}]}"

Test(roster_check, says_where_it_is_wrong)
{
	static const struct {
		const char *text, *want; /* NULL: good */
	} cases[] = {
	    {GRID("{\"name\":\"A\"," MEMBER "}"), NULL},
	    {GRID("{\"name\":\"A\",\"code\":\"a-1\",\"has_equipment\":false,\"note\":\"n\",\"unknown\":[]," MEMBER "}"),
	     NULL},
	    {GRID(""), NULL},
	    {TARGET("\"value\":0.5,\"deadline\":\"2024-12-31\""), NULL},
	    {"{}", "neither"},
	    {"{\"communities\":{}}", "communities: a list"},
	    {"{\"communities\":[1]}", "communities[0]: an object"},
	    {"{\"communities\":[{}]}", "communities[0].name"},
	    {"{\"communities\":[{\"name\":\"C\",\"grids\":[{\"name\":\"G\"}]}]}", "communities[0].grids[0].lead"},
	    {GRID("{\"name\":\"\"," MEMBER "}"), "members[0].name"},
	    {GRID("{\"name\":\"A\\u0000B\"," MEMBER "}"), "members[0].name"},
	    {GRID("{\"name\":\"A\\nB\"," MEMBER "}"), "members[0].name"},
	    {GRID("{\"name\":7," MEMBER "}"), "members[0].name"},
	    {GRID("{\"name\":\"A\"," MEMBER
	          "},{\"name\":\"B\",\"licensed_type\":\"clinic\",\"counts_as_township_health_centre\":true}"),
	     "grids[0].members[1].licensed_type"},
	    {GRID("{\"name\":\"A\",\"licensed_type\":\"hospital\"}"), "members[0].counts_as_township_health_centre"},
	    {GRID("{\"name\":\"A\",\"code\":\"a b\"," MEMBER "}"), "members[0].code"},
	    {GRID("{\"name\":\"A\",\"code\":\"a\\u0000b\"," MEMBER "}"), "members[0].code"},
	    {GRID("{\"name\":\"A\",\"has_equipment\":1," MEMBER "}"), "members[0].has_equipment"},
	    {TARGET("\"value\":1.5,\"deadline\":\"2024-12-31\""), "targets[0].value"},
	    {TARGET("\"value\":0,\"deadline\":\"2024-12-31\""), "targets[0].value"},
	    {TARGET("\"value\":\"0.5\",\"deadline\":\"2024-12-31\""), "targets[0].value"},
	    {TARGET("\"value\":0.5,\"deadline\":\"2024-13-01\""), "targets[0].deadline"},
	    {TARGET("\"value\":0.5,\"deadline\":\"31.12.2024\""), "targets[0].deadline"},
	    {"{\"targets\":[{\"figure\":\"mystery\"}]}", "targets[0].figure"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *roster = json_loads(cases[i].text, JSON_ALLOW_NUL, NULL);
		struct err err = {0};
		bool ok;

		cr_assert_not_null(roster, "case %zu is no JSON", i);
		ok = roster_check(roster, &err);
		cr_expect_eq(ok, cases[i].want == NULL, "case %zu: got %d %s", i, ok, err.text);
		if (!ok && cases[i].want)
			cr_expect_not_null(strstr(err.text, cases[i].want), "case %zu: got '%s', want '%s'", i,
			                   err.text, cases[i].want);
		json_decref(roster);
	}
}
