#include <criterion/criterion.h>

#include "gateway/accept.h"

static struct accept parse(const char *text)
{
	struct accept accept;
	struct err err;

	cr_assert(accept_parse(text, &accept, &err), "%s: %s", text, err.text);
	return accept;
}

Test(accept, is_read_by_weight)
{
	struct accept accept = parse("A/B;q=0.5, , c/d ; transfer-syntax=\"1.2\" , "
	                             "multipart/related; TYPE=\"Application/DICOM\"; q=0.7, e/f;q=0");

	cr_expect(accept.count == 3 && accept.refused_count == 1);
	cr_expect_str_eq(accept.taken[0].type, "c/d");
	cr_expect_str_eq(accept.taken[0].transfer_syntax_uid, "1.2");
	cr_expect_str_eq(accept.taken[1].part, "application/dicom");
	cr_expect_str_eq(accept.taken[2].type, "a/b");
	cr_expect_str_eq(accept.refused[0].type, "e/f");
	cr_expect_str_eq(parse(NULL).taken[0].type, "*/*");
	cr_expect_str_eq(parse(" ").taken[0].type, "*/*");
}

Test(accept, that_lies_is_refused)
{
	static const char *const lies[] = {";;;",      "text",   "a/b;q=2", "a/b;q=nan",
	                                   "a/b;q=-1", "a/b;q=", "a/b c/d", "a/b;q=0x1"};

	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct accept accept;
		struct err err = {0};

		cr_expect(!accept_parse(lies[i], &accept, &err) && err.kind == ERR_INVALID, "%s", lies[i]);
	}
}

Test(accept, the_most_exact_range_decides)
{
	static const struct {
		const char *accept, *type, *part, *syntax;
		double want;
	} cases[] = {
	    {"*/*", "a/b", NULL, NULL, 1},
	    {"a/b;q=0, */*", "a/b", NULL, NULL, 0},
	    {"a/*;q=0, */*", "a/b", NULL, NULL, 0},
	    {"a/*;q=0, */*, a/b;q=0.2", "a/b", NULL, NULL, 0.2},
	    {"*/*;q=0, a/b;q=0.3", "a/b", NULL, NULL, 0.3},
	    {"*/*;q=0, a/b;q=0.3", "a/c", NULL, NULL, 0},
	    {"a/*", "ab/c", NULL, NULL, 0},
	    {"multipart/*", "multipart/related", "a/b", NULL, 1},
	    {"multipart/related; type=\"a/b\"", "multipart/related", "a/b", "1.2", 1},
	    {"multipart/related; type=\"a/c\"", "multipart/related", "a/b", NULL, 0},
	    {"multipart/related; type=\"a/b\";q=0, multipart/related", "multipart/related", "a/b", NULL, 0},
	    {"a/*", "multipart/related", "a/b", NULL, 1},
	    {"a/b;q=0, */*", "multipart/related", "a/b", NULL, 0},
	    {"a/b;transfer-syntax=1.2;q=0, a/b", "a/b", NULL, "1.2", 0},
	    {"a/b;transfer-syntax=1.2;q=0, a/b", "a/b", NULL, "1.3", 1},
	    {"a/b;transfer-syntax=1.2", "a/b", NULL, "1.3", 0},
	    {"a/b;transfer-syntax=*", "a/b", NULL, "1.3", 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct accept accept = parse(cases[i].accept);
		struct accept_offer offer = {cases[i].type, cases[i].part, cases[i].syntax};
		double got = accept_weight(&accept, &offer);

		cr_expect(got == cases[i].want, "%s for %s: %g", cases[i].accept, cases[i].type, got);
	}
}
