/*
 * The commands of yqctl: a table of names, options and small handlers, and the one place that reads a command line.
 *
 * A command is one or two words ("status", "device add"). Every option and argument stands in the table, so that help,
 * docs and the refusal of wrong ones come from the same list. Handlers get values as text and check them by the rules of
 * lib/domain; they print through gateway/yqctl/output.h and list.h only.
 */
#ifndef YQ_YQCTL_COMMAND_H
#define YQ_YQCTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/err.h"

struct db;
struct db_pool;
struct invocation;

struct option {
	const char *name;  /* without the dashes; NULL ends a list */
	const char *value; /* name of its value in help; NULL: a flag */
	const char *help;
	bool is_required;
};

/* What runs before the handler. */
enum command_needs {
	NEEDS_NOTHING, /* not even a configuration */
	NEEDS_HOME,    /* configuration and clock */
	NEEDS_LEDGER   /* and in->pool, in->db as yq_operator, at the schema version of this program */
};

enum { COMMAND_ARGUMENTS_MAX = 64, COMMAND_OPTIONS_MAX = 40 };

struct command {
	const char *name;
	const char *arguments; /* in help: "FILE", "" for none */
	int arguments_min, arguments_max;
	const char *summary;
	const char *detail; /* more for `yqctl help COMMAND`; NULL: none */
	const struct option *options;
	enum command_needs needs;
	bool (*run)(struct invocation *in, struct err *err);
};

struct invocation {
	const struct command *command;
	const char *arguments[COMMAND_ARGUMENTS_MAX];
	int argument_count;
	const char *values[COMMAND_OPTIONS_MAX]; /* beside command->options; NULL: not given */
	struct db_pool *pool;
	struct db *db;
};

/* The whole table; a row without name ends it. */
extern const struct command commands[];

/* NULL: not given. A name that the command's table lacks is a bug and panics. */
const char *option_value(const struct invocation *in, const char *name);
bool option_given(const struct invocation *in, const char *name);
/* ERR_INVALID outside of the bounds or no whole number; fallback when not given. */
bool option_number(const struct invocation *in, const char *name, long minimum, long maximum, long fallback, long *out,
                   struct err *err);

/* Finds the command by its one or two words; *out_used: how many. NULL: there is none. */
const struct command *command_find(int argc, char **argv, int *out_used);
/* Reads what stands behind the command's words. ERR_INVALID with what is wrong. */
bool command_parse(struct invocation *in, int argc, char **argv, struct err *err);
void command_help_all(FILE *to);
void command_help(const struct command *command, FILE *to);

/* EX_USAGE of sysexits.h: the command line is wrong. The other exit codes are those of err_kind_info(). */
enum { EXIT_COMMAND_LINE = 64 };

/* Options that many commands share. */
#define OPTION_JSON {"json", NULL, "print JSON instead of text", false}
#define OPTION_END {NULL, NULL, NULL, false}

#endif
