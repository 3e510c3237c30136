#include <stdio.h>
#include <string.h>

#include "gateway/yqctl/command.h"
#include "lib/base/conf.h"
#include "lib/base/daemon.h"
#include "lib/base/log.h"
#include "lib/db/db.h"
#include "lib/db/migrate.h"

#ifndef YQ_VERSION
#define YQ_VERSION "0.1"
#endif

static int wrong_usage(const char *command, const char *text)
{
	fprintf(stderr, "yqctl: %s\n", text);
	fprintf(stderr, "yqctl: see `yqctl help%s%s`\n", command ? " " : "", command ? command : "");
	return EXIT_COMMAND_LINE;
}

/* What the user can do about it goes behind the error. */
static int failed(const struct err *err, bool ledger_is_away)
{
	fprintf(stderr, "yqctl: %s\n", err->text);
	if (ledger_is_away)
		fprintf(stderr, "yqctl: is the installation in %s running? `make status` tells, `make run` starts it\n",
		        conf_home());
	return err_kind_info(err->kind)->exit_code;
}

static bool prepare(struct invocation *in, struct err *err)
{
	if (in->command->needs == NEEDS_NOTHING)
		return true;
	if (!daemon_init("yqctl", err))
		return false;
	log_init("yqctl", ERR_LOG_ERROR); /* the terminal is for the answer */
	if (in->command->needs == NEEDS_HOME)
		return true;
	return db_pool_new("yq_operator", "yqctl", 2, &in->pool, err) && db_take(in->pool, &in->db, err) &&
	       migrate_check(in->db, err);
}

/* Whatever was printed has to have arrived: a full disk behind a redirection is a failure of the command. */
static bool flush_output(struct err *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_set(err, ERR_TEMPORARY, "could not write the output");
	return true;
}

static int run(struct invocation *in)
{
	struct err err = {0};
	bool ok = prepare(in, &err) && in->command->run(in, &err) && flush_output(&err);
	bool ledger_is_away = !ok && err.kind == ERR_TEMPORARY && in->pool && (!in->db || err.source == ERR_SOURCE_SQL);

	db_give(in->db);
	if (in->pool)
		db_pool_free(in->pool);
	return ok ? 0 : failed(&err, ledger_is_away);
}

static int help(int argc, char **argv)
{
	const struct command *command;
	char text[200];
	int used;

	if (argc == 0) {
		command_help_all(stdout);
		return 0;
	}
	command = command_find(argc, argv, &used);
	if (!command || used != argc) {
		snprintf(text, sizeof(text), "there is no command '%s%s%s'", argv[0], argc > 1 ? " " : "",
		         argc > 1 ? argv[1] : "");
		return wrong_usage(NULL, text);
	}
	command_help(command, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct invocation in = {0};
	struct err err;
	int used, i;

	if (argc < 2) {
		command_help_all(stderr);
		return EXIT_COMMAND_LINE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)
		return printf("yqctl %s\n", YQ_VERSION) < 0 || fflush(stdout) != 0;
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return help(argc - 2, argv + 2);
	in.command = command_find(argc - 1, argv + 1, &used);
	if (!in.command)
		return help(argc - 1 > 2 ? 2 : argc - 1, argv + 1);
	for (i = 1 + used; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help(used, argv + 1);
	if (!command_parse(&in, argc - 1 - used, argv + 1 + used, &err))
		return wrong_usage(in.command->name, err.text);
	return run(&in);
}
