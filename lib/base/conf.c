#include "lib/base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

enum { CONF_FILE_MAX = 1024 * 1024, CONF_VALUE_MAX = 1024 };

static const struct conf_option options[CONF_OPTION_COUNT] = {
#define CONF_OPTION(id, name, type, fallback, minimum, maximum, help)                                                  \
	[id] = {(id), (name), (type), (fallback), (minimum), (maximum), (help)},
#include "lib/base/conf_options.def"
#undef CONF_OPTION
};

struct value {
	char text[CONF_VALUE_MAX];
	int64_t number;
};

/* What a text option may be; the others take anything without control characters. */
struct text_rule {
	enum conf_id id;
	const char *choices; /* separated by blanks, or NULL */
	bool (*is_valid)(const char *text);
	const char *want;
};

static bool is_not_empty(const char *text)
{
	return *text != '\0';
}

static const struct text_rule text_rules[] = {
    {CONF_LANGUAGE, "zh-CN en", NULL, "zh-CN or en"},
    {CONF_LOG_LEVEL, "debug info warning error", NULL, "debug, info, warning or error"},
    {CONF_DICOM_TLS_CLIENT, "off optional required", NULL, "off, optional or required"},
    {CONF_COVERAGE_BASIS, "connected served regular", NULL, "connected, served or regular"},
    {CONF_AE_TITLE, NULL, text_is_ae_title, "1 to 16 characters without backslash"},
    {CONF_TIME_ZONE, NULL, is_not_empty, "a name like Asia/Shanghai"},
    {CONF_STORE, NULL, is_not_empty, "file:DIRECTORY"},
};

static struct value current[CONF_OPTION_COUNT];
static bool is_loaded;
static char home[PATH_MAX];
static pthread_once_t defaults_once = PTHREAD_ONCE_INIT;

const struct conf_option *conf_options(void)
{
	return options;
}

static const struct conf_option *find_option(const char *name)
{
	size_t i;

	for (i = 0; i < CONF_OPTION_COUNT; i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

/* --- one value ------------------------------------------------------------------------------------------------- */

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);
	const char *at;

	for (at = choices; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == length && strncmp(at, text, length) == 0)
			return true;
		at += word;
	}
	return false;
}

static bool check_text(const struct conf_option *option, const char *text, struct err *err)
{
	size_t i;

	if (!text_is_utf8(text, strlen(text)))
		return err_set(err, ERR_INVALID, "%s: cannot use a value that is not UTF-8", option->name);
	for (i = 0; text[i]; i++)
		if (iscntrl((unsigned char)text[i]))
			return err_set(err, ERR_INVALID, "%s: cannot use a value with control characters",
			               option->name);
	for (i = 0; i < sizeof(text_rules) / sizeof(text_rules[0]); i++) {
		const struct text_rule *rule = &text_rules[i];

		if (rule->id != option->id)
			continue;
		if ((rule->choices && !is_choice(rule->choices, text)) || (rule->is_valid && !rule->is_valid(text)))
			return err_set(err, ERR_INVALID, "%s: cannot be \"%.60s\": want %s", option->name, text,
			               rule->want);
	}
	return true;
}

/* Digits only, so that no sign, no blank and no exponent slips through; *at moves behind them. */
static bool parse_digits(const char **at, int64_t *out)
{
	int64_t number = 0;
	const char *from = *at;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, **at - '0', &number))
			return false;
	*out = number;
	return *at != from;
}

static bool parse_number(const char *text, int64_t *out, struct err *err)
{
	const char *at = text;

	if (!parse_digits(&at, out) || *at)
		return err_set(err, ERR_INVALID, "cannot read \"%.60s\" as a number", text);
	return true;
}

static bool parse_size(const char *text, int64_t *out, struct err *err)
{
	static const struct {
		const char *name;
		int64_t bytes;
	} units[] = {
	    {"B", 1}, {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40},
	};
	const char *at = text;
	size_t i;

	if (!parse_digits(&at, out))
		return err_set(err, ERR_INVALID,
		               "cannot read \"%.60s\" as a size: want a number and a unit, as in 1 GiB", text);
	at += strspn(at, " \t");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(at, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(*out, units[i].bytes, out))
			return err_set(err, ERR_INVALID, "cannot read \"%.60s\" as a size: too large", text);
		return true;
	}
	return err_set(err, ERR_INVALID,
	               "cannot read \"%.60s\" as a size: its unit is missing or none of B, KiB, MiB, GiB, TiB", text);
}

static bool parse_bool(const char *text, int64_t *out, struct err *err)
{
	*out = strcmp(text, "yes") == 0;
	if (!*out && strcmp(text, "no") != 0)
		return err_set(err, ERR_INVALID, "cannot be \"%.60s\": want yes or no", text);
	return true;
}

static bool parse_typed(const struct conf_option *option, const char *text, int64_t *out, struct err *err)
{
	switch (option->type) {
	case CONF_TEXT:
		return true;
	case CONF_BOOL:
		return parse_bool(text, out, err);
	case CONF_NUMBER:
		return parse_number(text, out, err);
	case CONF_DURATION:
		return clock_parse_duration(text, out, err);
	case CONF_SIZE:
		return parse_size(text, out, err);
	}
	return err_set(err, ERR_INVALID, "option of an unknown type");
}

/* A maximum of 0 is none. */
static bool check_bounds(const struct conf_option *option, int64_t number, struct err *err)
{
	static const char *const unit[] = {
	    [CONF_TEXT] = "", [CONF_BOOL] = "", [CONF_NUMBER] = "", [CONF_DURATION] = " ms", [CONF_SIZE] = " B"};

	if (option->type == CONF_TEXT || option->type == CONF_BOOL)
		return true;
	if (number < option->minimum)
		return err_set(err, ERR_INVALID, "%s: cannot be less than %lld%s", option->name,
		               (long long)option->minimum, unit[option->type]);
	if (option->maximum && number > option->maximum)
		return err_set(err, ERR_INVALID, "%s: cannot be more than %lld%s", option->name,
		               (long long)option->maximum, unit[option->type]);
	return true;
}

static bool set_value(struct value *values, const struct conf_option *option, const char *text, struct err *err)
{
	int64_t number = 0;

	if (strlen(text) >= CONF_VALUE_MAX)
		return err_set(err, ERR_INVALID, "%s: cannot have a value of more than %d bytes", option->name,
		               CONF_VALUE_MAX - 1);
	if (option->type == CONF_TEXT && !check_text(option, text, err))
		return false;
	if (!parse_typed(option, text, &number, err))
		return err_context(err, "%s", option->name);
	if (!check_bounds(option, number, err))
		return false;
	text_copy(values[option->id].text, CONF_VALUE_MAX, text);
	values[option->id].number = number;
	return true;
}

static void set_defaults(struct value *values)
{
	struct err err;
	size_t i;

	for (i = 0; i < CONF_OPTION_COUNT; i++)
		if (!set_value(values, &options[i], options[i].fallback, &err))
			err_panic("default of the option table: %s", err.text);
}

/* --- the file -------------------------------------------------------------------------------------------------- */

/* Faults are collected, one a line, so that a file is mended in one go. */
struct faults {
	struct text_buf text;
	int count;
};

static void add_fault(struct faults *faults, const char *path, int line, const char *fault)
{
	bool fits = line ? text_buf_printf(&faults->text, "%s:%d: %s\n", path, line, fault)
	                 : text_buf_printf(&faults->text, "%s: %s\n", path, fault);

	/* Behind 64 KiB of faults the count says enough. */
	(void)fits;
	faults->count++;
}

static char *trim(char *text)
{
	size_t length;

	text += strspn(text, " \t\r");
	length = strlen(text);
	while (length && strchr(" \t\r", text[length - 1]))
		text[--length] = '\0';
	return text;
}

static void read_line(struct value *values, bool *seen, char *text, const char *path, int number, struct faults *faults)
{
	const struct conf_option *option;
	char *equals;
	char *name = trim(text);
	struct err err;

	if (!*name || *name == '#')
		return;
	equals = strchr(name, '=');
	if (!equals) {
		add_fault(faults, path, number, "cannot read the line: want name = value");
		return;
	}
	*equals = '\0';
	name = trim(name);
	option = find_option(name);
	if (!option)
		err_set(&err, ERR_INVALID, "cannot use option %.60s: no such name", name);
	else if (seen[option->id])
		err_set(&err, ERR_INVALID, "%s: cannot be given twice", name);
	else if (set_value(values, option, trim(equals + 1), &err)) {
		seen[option->id] = true;
		return;
	}
	add_fault(faults, path, number, err.text);
}

static bool read_file(struct value *values, const char *path, struct faults *faults, struct err *err)
{
	bool seen[CONF_OPTION_COUNT] = {false};
	size_t length;
	char *content, *line, *next;
	int number = 0;

	if (!file_read_all(path, CONF_FILE_MAX, &content, &length, err))
		return false;
	if (memchr(content, '\0', length))
		add_fault(faults, path, 0, "cannot read a file with NUL bytes");
	for (line = content; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		read_line(values, seen, line, path, ++number, faults);
	}
	free(content);
	return true;
}

static void read_environment(struct value *values, struct faults *faults)
{
	char name[80];
	struct err err;
	size_t i, k;

	for (i = 0; i < CONF_OPTION_COUNT; i++) {
		const char *text;

		snprintf(name, sizeof(name), "YQ_%s", options[i].name);
		for (k = 3; name[k]; k++)
			name[k] = (char)toupper((unsigned char)name[k]);
		text = getenv(name);
		/* An empty variable is what `make run YQ_X=` leaves: not given. */
		if (text && *text && !set_value(values, &options[i], text, &err))
			add_fault(faults, name, 0, err.text);
	}
}

/* --- the installation ------------------------------------------------------------------------------------------ */

static bool find_home(struct err *err)
{
	const char *given = getenv("YQ_HOME");
	char path[PATH_MAX];
	size_t length = 0;

	if (!given || !*given)
		given = "./var";
	while (strncmp(given, "./", 2) == 0)
		given += 2;
	if (*given != '/') {
		if (!getcwd(path, sizeof(path)))
			return err_set_errno(err, ERR_INVALID, errno, "cannot find the current directory");
		length = strlen(path);
		if (length && path[length - 1] != '/')
			path[length++] = '/';
	}
	if (!text_copy(path + length, sizeof(path) - length, given))
		return err_set(err, ERR_INVALID, "cannot use YQ_HOME: longer than %d bytes", PATH_MAX - 1);
	for (length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	memcpy(home, path, sizeof(home));
	return true;
}

/* Newlines become blanks: the text of an error is one line. */
static bool report_faults(struct faults *faults, struct err *err)
{
	char *text = faults->text.data;
	size_t i;

	for (i = 0; i < faults->text.length; i++)
		if (text[i] == '\n')
			text[i] = i + 1 < faults->text.length ? ' ' : '\0';
	return err_set(err, ERR_INVALID, "cannot use the configuration, %d fault%s: %s", faults->count,
	               faults->count == 1 ? "" : "s", text ? text : "");
}

bool conf_load(struct err *err)
{
	struct value values[CONF_OPTION_COUNT];
	struct faults faults = {.count = 0};
	char path[PATH_MAX];
	bool ok = false;

	text_buf_init(&faults.text, 65536);
	if (!find_home(err))
		return false;
	set_defaults(values);
	if (!conf_path(path, sizeof(path), err, "etc/yingqiao.conf"))
		goto out;
	if (!read_file(values, path, &faults, err) && err->kind != ERR_NOT_FOUND)
		goto out;
	read_environment(values, &faults);
	if (faults.count) {
		ok = report_faults(&faults, err);
		goto out;
	}
	if (!clock_set_zone(values[CONF_TIME_ZONE].text, err)) {
		err_context(err, "time_zone");
		goto out;
	}
	memcpy(current, values, sizeof(current));
	is_loaded = true;
	ok = true;
out:
	text_buf_fini(&faults.text);
	return ok;
}

bool conf_check(const char *path, FILE *report, struct err *err)
{
	struct value values[CONF_OPTION_COUNT];
	struct faults faults = {.count = 0};
	bool ok;

	text_buf_init(&faults.text, 65536);
	set_defaults(values);
	ok = read_file(values, path, &faults, err);
	if (ok && faults.count) {
		fputs(faults.text.data, report);
		ok = err_set(err, ERR_INVALID, "cannot use %s: %d fault%s", path, faults.count,
		             faults.count == 1 ? "" : "s");
	}
	text_buf_fini(&faults.text);
	return ok;
}

/* Code that runs before conf_load(), such as a unit test, sees the table's defaults. */
static void load_defaults(void)
{
	if (!is_loaded)
		set_defaults(current);
}

static const struct value *find_value(enum conf_id id)
{
	pthread_once(&defaults_once, load_defaults);
	return &current[id];
}

const char *conf_home(void)
{
	if (!home[0])
		err_panic("conf_home() before conf_load()");
	return home;
}

const char *conf_text(enum conf_id id)
{
	return find_value(id)->text;
}

bool conf_bool(enum conf_id id)
{
	return find_value(id)->number != 0;
}

int64_t conf_number(enum conf_id id)
{
	return find_value(id)->number;
}

bool conf_path(char *out, size_t out_size, struct err *err, const char *format, ...)
{
	char below[PATH_MAX];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(below, sizeof(below), format, args);
	va_end(args);
	if (length < 0 || length >= (int)sizeof(below) || strlen(conf_home()) + 1 + (size_t)length >= out_size)
		return err_set(err, ERR_INVALID, "cannot use a path below %.80s: too long", conf_home());
	snprintf(out, out_size, "%s/%s", conf_home(), below);
	return true;
}
