#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/conf.h"
#include "tests/unit/base/scratch.h"

static void setup(void)
{
	size_t i;
	char name[80];

	/* What the caller of the tests configured is not what they are about. */
	for (i = 0; i < CONF_OPTION_COUNT; i++) {
		size_t k;

		snprintf(name, sizeof(name), "YQ_%s", conf_options()[i].name);
		for (k = 3; name[k]; k++)
			name[k] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - 32 : name[k]);
		unsetenv(name);
	}
	unsetenv("YQ_HOME");
	scratch_enter();
	cr_assert_eq(mkdir("var", 0700), 0);
	cr_assert_eq(mkdir("var/etc", 0700), 0);
}

TestSuite(conf, .init = setup, .fini = scratch_leave);

static void load(void)
{
	struct err err;

	cr_assert(conf_load(&err), "%s", err.text);
}

Test(conf, the_table_is_in_order_and_its_defaults_are_good)
{
	size_t i;

	for (i = 0; i < CONF_OPTION_COUNT; i++) {
		cr_expect_eq(conf_options()[i].id, i);
		cr_expect_gt(strlen(conf_options()[i].help), 0);
	}
	load();
	cr_expect_eq(conf_number(CONF_DICOM_PORT), 11112);
	cr_expect_eq(conf_number(CONF_LEDGER_TIMEOUT), 10000);
	cr_expect_eq(conf_number(CONF_STORE_RESERVE), 1 << 30);
	cr_expect_str_eq(conf_text(CONF_AE_TITLE), "YINGQIAO");
	cr_expect_not(conf_bool(CONF_DEMO));
}

Test(conf, defaults_are_there_before_anything_is_loaded)
{
	cr_expect_eq(conf_number(CONF_HTTP_PORT), 8080);
}

Test(conf, the_environment_rules_over_the_file_over_the_default)
{
	scratch_write("var/etc/yingqiao.conf",
	              "# ports\n\n  dicom_port =  104  \nhttp_port=81\r\ndemo = yes\nlease = 20 min\n");
	setenv("YQ_HTTP_PORT", "82", 1);
	setenv("YQ_LEASE", "", 1);
	setenv("YQ_PG_PORT", "not ours", 1);
	setenv("YQ_TEST_ANYTHING", "neither", 1);
	load();
	cr_expect_eq(conf_number(CONF_DICOM_PORT), 104);
	cr_expect_eq(conf_number(CONF_HTTP_PORT), 82);
	cr_expect(conf_bool(CONF_DEMO));
	cr_expect_eq(conf_number(CONF_LEASE), 1200000);
}

Test(conf, a_fault_is_named_with_its_place)
{
	static const struct {
		const char *content, *want;
	} cases[] = {
	    {"dicom_port = 0\n", ":1: dicom_port: cannot be less than 1"},
	    {"\ndicom_port = 65536\n", ":2: dicom_port: cannot be more than 65535"},
	    {"dicom_port = 1x\n", "cannot read \"1x\" as a number"},
	    {"dicom_port = -1\n", "cannot read \"-1\" as a number"},
	    {"dicom_port =\n", "cannot read \"\" as a number"},
	    {"lease = 15\n", "its unit is missing"},
	    {"lease = 500 ms\n", "lease: cannot be less than 1000 ms"},
	    {"store_reserve = 5\n", "its unit is missing"},
	    {"store_reserve = 5 GB\n", "its unit is missing or none of"},
	    {"store_reserve = 9999999999 TiB\n", "too large"},
	    {"demo = true\n", "want yes or no"},
	    {"no_such = 1\n", "cannot use option no_such"},
	    {"demo = yes\ndemo = no\n", ":2: demo: cannot be given twice"},
	    {"what is this\n", "want name = value"},
	    {"language = fr\n", "want zh-CN or en"},
	    {"log_level = loud\n", "want debug, info, warning or error"},
	    {"coverage_basis = serve\n", "want connected, served or regular"},
	    {"ae_title = MORE_THAN_16_CHARS\n", "want 1 to 16 characters"},
	    {"store = \xB1\xB1\n", "not UTF-8"},
	    {"time_zone = Mars/Base\n", "no data of it"},
	};
	struct err err;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write("var/etc/yingqiao.conf", cases[i].content);
		cr_expect_not(conf_load(&err), "%s was taken", cases[i].content);
		cr_expect_eq(err.kind, ERR_INVALID);
		cr_expect(strstr(err.text, cases[i].want) != NULL, "%s: got %s", cases[i].content, err.text);
	}
}

Test(conf, a_bad_variable_is_named)
{
	struct err err;

	setenv("YQ_DICOM_PORT", "many", 1);
	cr_expect_not(conf_load(&err));
	cr_expect(strstr(err.text, "YQ_DICOM_PORT: dicom_port: cannot read \"many\"") != NULL, "got %s", err.text);
}

Test(conf, all_faults_of_a_file_come_in_one_go)
{
	FILE *report = fopen("report", "w");
	struct err err;

	cr_assert_not_null(report);
	scratch_write("c", "a = 1\ndemo = yes\nb = 2\nlease = 1\n");
	cr_expect_not(conf_check("c", report, &err));
	fclose(report);
	cr_expect_str_eq(err.text, "cannot use c: 3 faults");
	cr_expect_str_eq(scratch_read("report"),
	                 "c:1: cannot use option a: no such name\nc:3: cannot use option b: no such name\n"
	                 "c:4: lease: cannot read \"1\" as a duration: its unit is missing or none of "
	                 "ms, s, min, h, days\n");
	cr_expect_not(conf_check("absent", stderr, &err));
	scratch_write("c", "demo = yes\n");
	cr_expect(conf_check("c", stderr, &err));
	/* Checking a file does not put it in force. */
	cr_expect_not(conf_bool(CONF_DEMO));
}

Test(conf, a_value_has_a_length)
{
	char line[1100] = "store = file:";
	struct err err;

	memset(line + strlen(line), 'x', 1030);
	scratch_write("var/etc/yingqiao.conf", line);
	cr_expect_not(conf_load(&err));
	cr_expect(strstr(err.text, "store: cannot have a value of more than 1023 bytes") != NULL, "got %s", err.text);
}

Test(conf, a_bad_file_leaves_what_was_in_force)
{
	struct err err;

	scratch_write("var/etc/yingqiao.conf", "http_port = 81\n");
	load();
	scratch_write("var/etc/yingqiao.conf", "http_port = 82\nlease = x\n");
	cr_expect_not(conf_load(&err));
	cr_expect_eq(conf_number(CONF_HTTP_PORT), 81);
}

Test(conf, home_is_absolute)
{
	static const struct {
		const char *given;
		const char *want; /* behind the current directory, or absolute */
	} cases[] = {{NULL, "/var"},      {"", "/var"},       {"x", "/x"}, {"./x/", "/x"},
	             {"./x y//", "/x y"}, {"/a/b/", "=/a/b"}, {"/", "=/"}};
	char here[PATH_MAX], want[PATH_MAX + 16];
	size_t i;

	cr_assert_not_null(getcwd(here, sizeof(here)));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (cases[i].given)
			setenv("YQ_HOME", cases[i].given, 1);
		else
			unsetenv("YQ_HOME");
		load();
		snprintf(want, sizeof(want), "%s%s", cases[i].want[0] == '=' ? "" : here,
		         cases[i].want + (cases[i].want[0] == '='));
		cr_expect_str_eq(conf_home(), want, "case %zu: got %s want %s", i, conf_home(), want);
	}
}

Test(conf, a_path_that_does_not_fit_is_refused)
{
	char path[64];
	struct err err;

	setenv("YQ_HOME", "/home/x", 1);
	load();
	cr_expect(conf_path(path, sizeof(path), &err, "journal/%d", 7));
	cr_expect_str_eq(path, "/home/x/journal/7");
	cr_expect_not(conf_path(path, sizeof(path), &err, "%060d", 7));
	cr_expect_eq(err.kind, ERR_INVALID);
}
