#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/yqctl/output.h"

Test(output, width_of_what_a_terminal_shows)
{
	static const struct {
		const char *text;
		int width;
	} cases[] = {
	    {"", 0},          {"abc", 3}, {"张三", 4},     {"ZHANG^SAN=张^三", 15}, {"\xf0\xa0\xae\xb7", 2},
	    {"e\xcc\x81", 1}, {"ａ", 2},  {"\x1b[31m", 5}, {"\xff\xfe", 2},         {"한글", 4},
	    {"\xe5\xbc", 2},  {"é", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(output_width(cases[i].text), cases[i].width, "'%s': got %d, want %d", cases[i].text,
		             output_width(cases[i].text), cases[i].width);
}

static char *printed(const char *text, int width, bool is_right)
{
	char *out = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&out, &length);

	output_padded(to, text, width, is_right);
	fclose(to);
	return out;
}

Test(output, padding_and_control_characters)
{
	static const struct {
		const char *text;
		int width;
		bool is_right;
		const char *want;
	} cases[] = {
	    {"张三", 6, false, "张三  "},
	    {"12", 5, true, "   12"},
	    {"long", 2, false, "long"},
	    {"a\x1b[2J", 0, false, "a\xef\xbf\xbd[2J"},
	    {"a\nb", 0, false,
	     "a\xef\xbf\xbd"
	     "b"},
	    {"a\xe2\x80\xae"
	     "b",
	     0, false,
	     "a\xef\xbf\xbd"
	     "b"}, /* right-to-left override */
	    {"a\xc2\x9b"
	     "b",
	     0, false,
	     "a\xef\xbf\xbd"
	     "b"}, /* C1 control sequence introducer */
	    {"\xff", 0, false, "\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = printed(cases[i].text, cases[i].width, cases[i].is_right);

		cr_expect_str_eq(got, cases[i].want, "case %zu: got '%s', want '%s'", i, got, cases[i].want);
		free(got);
	}
}

Test(output, record_shows_nested_members)
{
	json_t *object =
	    json_pack("{ss si s{sb} s[{si}]}", "name", "张三\x1b", "count", 2, "below", "is_good", 1, "list", "a", 1);
	char *out = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&out, &length);

	output_record(to, object);
	fclose(to);
	cr_expect_str_eq(out, "name   张三\xef\xbf\xbd\ncount  2\nbelow\n  is_good  yes\nlist   1\n  a=1  \n",
	                 "got:\n%s", out);
	free(out);
	json_decref(object);
}
