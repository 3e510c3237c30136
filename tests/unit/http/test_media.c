#include <criterion/criterion.h>

#include "lib/http/media.h"

Test(media, type_whatever_follows)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
	    {"application/json", true},
	    {"Application/JSON; charset=utf-8", true},
	    {"application/json ;x=1", true},
	    {"application/json\t", true},
	    {"application/jsonx", false},
	    {"application/json x", false},
	    {"text/plain; application/json", false},
	    {"", false},
	    {NULL, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect(media_is(cases[i].text, "application/json") == cases[i].is, "%s", cases[i].text);
}

Test(media, parameters)
{
	static const struct {
		const char *text, *want; /* NULL: none */
	} cases[] = {
	    {"multipart/related; boundary=abc", "abc"},
	    {"multipart/related;BOUNDARY=abc;type=x", "abc"},
	    {"multipart/related; type=\"a;boundary=no\"; boundary=yes", "yes"},
	    {"multipart/related; boundary=\"a b\\\"c\\\\\"", "a b\"c\\"},
	    {"multipart/related; boundary=\"\"", ""},
	    {"multipart/related; type=application/dicom; boundary==_a:b/c", "=_a:b/c"},
	    {"multipart/related; boundary=12345678", "12345678"},
	    {"multipart/related; boundary=123456789", NULL},
	    {"multipart/related; boundary=\"123456789\"", NULL},
	    {"multipart/related; boundary=\"1234567\\\\\"", "1234567\\"},
	    {"multipart/related; boundary", NULL},
	    {"multipart/related; boundary=", NULL},
	    {"multipart/related; boundary=\"abc", NULL},
	    {"multipart/related; boundary=\"abc\\", NULL},
	    {"multipart/related; =x; boundary=abc", NULL},
	    {"multipart/related; type=a b; boundary=abc", NULL},
	    {"multipart/related;", NULL},
	    {"multipart/related", NULL},
	    {NULL, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char got[9] = "?";
		bool has = media_parameter(cases[i].text, "boundary", got, sizeof got);
		cr_expect(has == (cases[i].want != NULL), "%s: %d", cases[i].text, has);
		if (has && cases[i].want != NULL)
			cr_expect_str_eq(got, cases[i].want, "%s", cases[i].text);
	}
}
