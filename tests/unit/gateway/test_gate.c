#include <criterion/criterion.h>

#include "gateway/gate.h"

Test(gate, only_our_own_pages_change_something)
{
	static const struct {
		const char *fetch_site, *origin, *host;
		bool want;
	} cases[] = {
	    {NULL, NULL, "a", true}, /* no browser */
	    {"same-origin", NULL, "a", true},
	    {"none", NULL, "a", true},
	    {"same-site", NULL, "a", false},
	    {"cross-site", NULL, "a", false},
	    {"cross-site", "https://a", "a", false},
	    {"", NULL, "a", false},
	    {NULL, "https://a", "a", true},
	    {NULL, "http://a:8080", "a:8080", true},
	    {NULL, "https://A.example", "a.EXAMPLE", true},
	    {"same-origin", "https://a", "a", true},
	    {NULL, "https://b", "a", false},
	    {NULL, "https://a.b", "a", false},
	    {NULL, "https://ba", "a", false},
	    {NULL, "http://a:8080", "a", false},
	    {NULL, "null", "a", false},
	    {NULL, "", "a", false},
	    {NULL, "https://", "", true},
	    {NULL, "https://a", NULL, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect(gate_is_same_site(cases[i].fetch_site, cases[i].origin, cases[i].host) == cases[i].want,
		          "case %zu: want %d", i, cases[i].want);
}

Test(gate, tokens_are_compared_whole)
{
	static const struct {
		const char *a, *b;
		bool want;
	} cases[] = {
	    {"", "", true},       {"abc", "abc", true}, {"abc", "abd", false},
	    {"abc", "ab", false}, {"ab", "abc", false}, {"", "a", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect(gate_is_equal(cases[i].a, cases[i].b) == cases[i].want, "%s and %s", cases[i].a, cases[i].b);
}
