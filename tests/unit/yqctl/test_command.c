#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/command.h"

static const struct command *find(const char *first, const char *second, int *used)
{
	char *words[] = {(char *)first, (char *)second};

	return command_find(second ? 2 : 1, words, used);
}

Test(command, found_by_its_words)
{
	static const struct {
		const char *first, *second, *want;
		int used;
	} cases[] = {
	    {"status", NULL, "status", 1},      {"status", "--json", "status", 1},
	    {"device", "add", "device add", 2}, {"device", "list", "device list", 2},
	    {"device", NULL, NULL, 0},          {"device", "addx", NULL, 0},
	    {"devic", "add", NULL, 0},          {"", NULL, NULL, 0},
	    {"status ", NULL, NULL, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int used = -1;
		const struct command *command = find(cases[i].first, cases[i].second, &used);

		cr_expect_eq(command != NULL, cases[i].want != NULL, "%s %s", cases[i].first, cases[i].second);
		if (command && cases[i].want) {
			cr_expect_str_eq(command->name, cases[i].want);
			cr_expect_eq(used, cases[i].used);
		}
	}
}

Test(command, options_are_checked)
{
	static const struct {
		const char *words[8];
		const char *want; /* part of the refusal; NULL: taken */
	} cases[] = {
	    {{"--ae-title", "DR", "--site", "x"}, NULL},
	    {{"--ae-title=DR", "--site=x", "--json"}, NULL},
	    {{"--ae-title=", "--site=x"}, NULL},
	    {{"--site", "x"}, "--ae-title AE is missing"},
	    {{"--ae-title", "DR", "--site"}, "--site needs a value"},
	    {{"--ae-title", "DR", "--site", "x", "--ae-title", "B"}, "given twice"},
	    {{"--ae-title", "DR", "--site", "x", "--json=1"}, "takes no value"},
	    {{"--ae-titl", "DR", "--site", "x"}, "there is no option --ae-titl"},
	    {{"--ae-title", "DR", "--site", "x", "more"}, "do not know what to do with 'more'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int used, count = 0;
		struct invocation in = {.command = find("device", "add", &used)};
		struct err err = {0};
		bool ok;

		while (count < 8 && cases[i].words[count])
			count++;
		ok = command_parse(&in, count, (char **)cases[i].words, &err);
		cr_expect_eq(ok, cases[i].want == NULL, "case %zu: got %d %s", i, ok, err.text);
		if (cases[i].want && !ok)
			cr_expect_not_null(strstr(err.text, cases[i].want), "case %zu: got '%s', want '%s'", i,
			                   err.text, cases[i].want);
	}
}

Test(command, arguments_are_counted_and_dashes_can_be_arguments)
{
	const char *none[] = {NULL}, *dashed[] = {"--", "--file"};
	int used;
	struct invocation in = {.command = find("roster", "load", &used)};
	struct err err;

	cr_expect_not(command_parse(&in, 0, (char **)none, &err));
	cr_expect_str_eq(err.text, "FILE is missing");
	cr_assert(command_parse(&in, 2, (char **)dashed, &err), "%s", err.text);
	cr_expect_str_eq(in.arguments[0], "--file");
}

Test(command, numbers_have_bounds)
{
	static const struct {
		const char *text;
		long want; /* -1: refused */
	} cases[] = {{"1", 1},      {"65535", 65535}, {"0", -1},
	             {"65536", -1}, {"", -1},         {"12x", -1},
	             {"x", -1},     {"-5", -1},       {"99999999999999999999", -1},
	             {"1.5", -1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int used;
		const char *words[] = {"--site", "s", "--ae-title", "A", "--host", "h", "--port", cases[i].text};
		struct invocation in = {.command = find("destination", "add", &used)};
		struct err err;
		long got = -1;
		bool ok;

		cr_assert(command_parse(&in, 8, (char **)words, &err), "%s", err.text);
		ok = option_number(&in, "port", 1, 65535, 0, &got, &err);
		cr_expect_eq(ok ? got : -1, cases[i].want, "'%s': got %ld", cases[i].text, ok ? got : -1);
	}
}

/* The table is written by hand: no name twice, every option fits, a command that prints lists has --json. */
Test(command, table_is_consistent)
{
	for (const struct command *one = commands; one->name; one++) {
		int count = 0;
		bool has_json = false;

		for (const struct command *other = one + 1; other->name; other++)
			cr_expect_str_neq(one->name, other->name);
		for (; one->options && one->options[count].name; count++) {
			has_json = has_json || strcmp(one->options[count].name, "json") == 0;
			cr_expect(!one->options[count].is_required || one->options[count].value ||
			              strcmp(one->name, "wait") == 0,
			          "%s", one->name);
		}
		cr_expect_leq(count, COMMAND_OPTIONS_MAX, "%s", one->name);
		cr_expect_leq(one->arguments_max, COMMAND_ARGUMENTS_MAX, "%s", one->name);
		cr_expect(has_json || !strstr(one->name, " list"), "%s has no --json", one->name);
		cr_expect_eq(*one->arguments != '\0', one->arguments_max > 0, "%s", one->name);
		cr_expect_not_null(one->run);
	}
}
