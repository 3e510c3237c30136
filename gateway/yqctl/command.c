#include "gateway/yqctl/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int option_index(const struct command *command, const char *name, size_t length)
{
	int i;

	for (i = 0; command->options && command->options[i].name; i++)
		if (strlen(command->options[i].name) == length && memcmp(command->options[i].name, name, length) == 0)
			return i;
	return -1;
}

const char *option_value(const struct invocation *in, const char *name)
{
	int index = option_index(in->command, name, strlen(name));

	if (index < 0)
		err_panic("command %s has no option --%s", in->command->name, name);
	return in->values[index];
}

bool option_given(const struct invocation *in, const char *name)
{
	return option_value(in, name) != NULL;
}

bool option_number(const struct invocation *in, const char *name, long minimum, long maximum, long fallback, long *out,
                   struct err *err)
{
	const char *text = option_value(in, name);
	char *end;
	long number;

	if (!text) {
		*out = fallback;
		return true;
	}
	errno = 0;
	number = strtol(text, &end, 10);
	if (end == text || *end || errno || number < minimum || number > maximum)
		return err_set(err, ERR_INVALID, "cannot use --%s '%s': a whole number from %ld to %ld is wanted", name,
		               text, minimum, maximum);
	*out = number;
	return true;
}

/* "device add" against the words that were typed. */
static int words_match(const char *name, int argc, char **argv)
{
	const char *blank = strchr(name, ' ');
	size_t first = blank ? (size_t)(blank - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], name, first) != 0)
		return 0;
	if (!blank)
		return 1;
	return argc >= 2 && strcmp(argv[1], blank + 1) == 0 ? 2 : 0;
}

const struct command *command_find(int argc, char **argv, int *out_used)
{
	const struct command *command;

	for (command = commands; command->name; command++) {
		*out_used = words_match(command->name, argc, argv);
		if (*out_used)
			return command;
	}
	return NULL;
}

/* One "--name", "--name=value" or "--name value"; *at moves over what was used. */
static bool parse_option(struct invocation *in, int argc, char **argv, int *at, struct err *err)
{
	const char *name = argv[*at] + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	int index = option_index(in->command, name, length);
	const struct option *option;

	if (index < 0)
		return err_set(err, ERR_INVALID, "there is no option --%.*s", (int)length, name);
	option = &in->command->options[index];
	if (in->values[index])
		return err_set(err, ERR_INVALID, "--%s was given twice", option->name);
	if (!option->value) {
		if (equals)
			return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
		in->values[index] = "";
		return true;
	}
	if (!equals && *at + 1 >= argc)
		return err_set(err, ERR_INVALID, "--%s needs a value: %s", option->name, option->value);
	in->values[index] = equals ? equals + 1 : argv[++*at];
	return true;
}

static bool check_complete(const struct invocation *in, struct err *err)
{
	const struct option *option = in->command->options;
	int i;

	for (i = 0; option && option[i].name; i++)
		if (option[i].is_required && !in->values[i])
			return err_set(err, ERR_INVALID, "--%s %s is missing", option[i].name, option[i].value);
	if (in->argument_count < in->command->arguments_min)
		return err_set(err, ERR_INVALID, "%s is missing", in->command->arguments);
	return true;
}

bool command_parse(struct invocation *in, int argc, char **argv, struct err *err)
{
	bool options_ended = false;
	int i;

	for (i = 0; i < argc; i++) {
		if (!options_ended && strcmp(argv[i], "--") == 0) {
			options_ended = true;
		} else if (!options_ended && strncmp(argv[i], "--", 2) == 0) {
			if (!parse_option(in, argc, argv, &i, err))
				return false;
		} else if (in->argument_count < in->command->arguments_max) {
			in->arguments[in->argument_count++] = argv[i];
		} else {
			return err_set(err, ERR_INVALID, "do not know what to do with '%s'", argv[i]);
		}
	}
	return check_complete(in, err);
}

void command_help_all(FILE *to)
{
	const struct command *command;

	fprintf(to, "usage: yqctl COMMAND [ARGUMENTS] [--OPTION [VALUE]]\n\n"
	            "Operates the installation in the folder YQ_HOME (default ./var).\n\n");
	for (command = commands; command->name; command++)
		fprintf(to, "  %-20s %s\n", command->name, command->summary);
	fprintf(to, "\nyqctl help COMMAND tells its options. yqctl --version tells the version.\n\n"
	            "Exit codes:\n"
	            "   0  done\n");
	for (int kind = ERR_NONE + 1; kind < ERR_KIND_COUNT; kind++)
		fprintf(to, "  %2d  %s\n", err_kind_info((enum err_kind)kind)->exit_code,
		        err_kind_info((enum err_kind)kind)->name);
	fprintf(to, "  %2d  the command line is wrong\n", EXIT_COMMAND_LINE);
}

void command_help(const struct command *command, FILE *to)
{
	const struct option *option;
	char left[64];

	fprintf(to, "usage: yqctl %s%s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "", command->arguments,
	        command->options ? " [--OPTION ...]" : "", command->summary);
	if (command->detail)
		fprintf(to, "\n%s\n", command->detail);
	for (option = command->options; option && option->name; option++) {
		if (option == command->options)
			fprintf(to, "\n");
		snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
		         option->value ? option->value : "");
		fprintf(to, "  %-28s %s%s\n", left, option->help, option->is_required ? " (needed)" : "");
	}
}
