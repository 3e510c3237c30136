#include <criterion/criterion.h>
#include <string.h>

#include "gateway/input.h"

Test(input, text)
{
	static const struct {
		const char *body;
		bool is_required, ok;
		const char *want;
	} cases[] = {
	    {"{\"x\":\"abc\"}", true, true, "abc"},    {"{\"x\":\"\"}", true, true, ""},
	    {"{\"x\":\"台\"}", true, true, "台"},      {"{}", true, false, NULL},
	    {"{\"x\":null}", true, false, NULL},       {"{}", false, true, NULL},
	    {"{\"x\":null}", false, true, NULL},       {"{\"x\":7}", false, false, NULL},
	    {"{\"x\":[\"abc\"]}", false, false, NULL}, {"{\"x\":\"abcdef\"}", true, false, NULL},
	    {"{\"x\":\"台山\"}", true, false, NULL},   {"{\"X\":\"abc\"}", true, false, NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *body = json_loads(cases[i].body, 0, NULL);
		const char *got = NULL;
		struct err err = {0};
		bool ok = input_text(body, "x", 5, cases[i].is_required, &got, &err);
		cr_expect(ok == cases[i].ok, "%s: got %d", cases[i].body, ok);
		cr_expect_str_eq(got ? got : "(none)", cases[i].want ? cases[i].want : "(none)", "%s", cases[i].body);
		cr_expect(ok || (err.kind == ERR_INVALID && strstr(err.text, "x ") == err.text), "%s: %s",
		          cases[i].body, err.text);
		json_decref(body);
	}
}

Test(input, id)
{
	static const struct {
		const char *body;
		bool ok;
	} cases[] = {
	    {"{\"x\":\"6b1f3f3a-6a6b-4d53-9f5e-0d6a3c1c2b11\"}", true},
	    {"{\"x\":\"6B1F3F3A-6A6B-4D53-9F5E-0D6A3C1C2B11\"}", true},
	    {"{\"x\":\"6b1f3f3a6a6b4d539f5e0d6a3c1c2b11\"}", false},
	    {"{\"x\":\"6b1f3f3a-6a6b-4d53-9f5e-0d6a3c1c2b1g\"}", false},
	    {"{\"x\":\"' OR 1=1\"}", false},
	    {"{\"x\":\"\"}", false},
	    {"{\"x\":1}", false},
	    {"{}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *body = json_loads(cases[i].body, 0, NULL);
		const char *got = NULL;
		struct err err = {0};
		bool ok = input_id(body, "x", true, &got, &err);
		cr_expect(ok == cases[i].ok, "%s: got %d", cases[i].body, ok);
		json_decref(body);
	}
}

Test(input, word)
{
	static const struct {
		const char *body;
		bool ok;
	} cases[] = {
	    {"{\"x\":\"one\"}", true},      {"{\"x\":\"three\"}", true}, {"{\"x\":\"two\"}", true},
	    {"{\"x\":\"on\"}", false},      {"{\"x\":\"\"}", false},     {"{\"x\":\" \"}", false},
	    {"{\"x\":\"one two\"}", false}, {"{\"x\":\"four\"}", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *body = json_loads(cases[i].body, 0, NULL);
		const char *got = NULL;
		struct err err = {0};
		bool ok = input_word(body, "x", "one two three", true, &got, &err);
		cr_expect(ok == cases[i].ok, "%s: got %d", cases[i].body, ok);
		json_decref(body);
	}
}

Test(input, number)
{
	static const struct {
		const char *body;
		bool ok;
		int want;
	} cases[] = {
	    {"{\"x\":1}", true, 1},     {"{\"x\":10}", true, 10},         {"{\"x\":0}", false, 0},
	    {"{\"x\":11}", false, 0},   {"{\"x\":1.0}", false, 0},        {"{\"x\":\"1\"}", false, 0},
	    {"{\"x\":true}", false, 0}, {"{\"x\":4294967297}", false, 0}, {"{}", false, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		json_t *body = json_loads(cases[i].body, 0, NULL);
		int got = 0;
		struct err err = {0};
		bool ok = input_int(body, "x", 1, 10, &got, &err);
		cr_expect(ok == cases[i].ok && got == cases[i].want, "%s: got %d %d", cases[i].body, ok, got);
		json_decref(body);
	}
}
