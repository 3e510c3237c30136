#include "lib/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

enum { LINE_MAX_BYTES = 4000, VALUE_MAX_BYTES = 200 };

static const char *program_name = "-";
static enum err_log_level lowest = ERR_LOG_INFO;

static const char *const event_names[LOG_EVENT_COUNT] = {
#define LOG_EVENT(id, name, meaning) [id] = (name),
#include "lib/base/log_events.def"
#undef LOG_EVENT
};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* One line; what does not fit any more is dropped, so that a line is always one short write(2). */
struct line {
	char text[LINE_MAX_BYTES + 1];
	size_t length;
};

void log_init(const char *program, enum err_log_level level)
{
	program_name = program;
	lowest = level;
}

const char *log_program(void)
{
	return program_name;
}

static void put(struct line *line, const char *text, size_t length)
{
	if (length > LINE_MAX_BYTES - line->length)
		length = LINE_MAX_BYTES - line->length;
	memcpy(line->text + line->length, text, length);
	line->length += length;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

static void put_escaped(struct line *line, char c)
{
	char text[5];

	if (c == '"' || c == '\\')
		snprintf(text, sizeof(text), "\\%c", c);
	else if (c == '\n')
		snprintf(text, sizeof(text), "\\n");
	else if ((unsigned char)c < 0x20 || c == 0x7F)
		snprintf(text, sizeof(text), "\\x%02x", (unsigned)(unsigned char)c);
	else
		snprintf(text, sizeof(text), "%c", c);
	put_text(line, text);
}

static bool needs_quotes(const char *value, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if ((unsigned char)value[i] <= ' ' || value[i] == '"' || value[i] == '\\' || value[i] == 0x7F)
			return true;
	return length == 0;
}

static void put_value(struct line *line, const char *value)
{
	size_t length, i;

	if (!value)
		value = "-";
	length = text_utf8_cut(value, VALUE_MAX_BYTES);
	if (!needs_quotes(value, length)) {
		put(line, value, length);
		return;
	}
	put(line, "\"", 1);
	for (i = 0; i < length; i++)
		put_escaped(line, value[i]);
	put(line, "\"", 1);
}

/* The conversions that log.h allows; each takes its own argument type. */
enum conversion {
	CONVERT_S,
	CONVERT_D,
	CONVERT_U,
	CONVERT_LD,
	CONVERT_LU,
	CONVERT_LLD,
	CONVERT_LLU,
	CONVERT_ZU,
	CONVERT_X
};

static size_t find_conversion(const char *at, enum conversion *out)
{
	static const char *const names[] = {"s", "d", "u", "ld", "lu", "lld", "llu", "zu", "x"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(at, names[i], strlen(names[i])) == 0) {
			*out = (enum conversion)i;
			return strlen(names[i]);
		}
	}
	err_panic("log conversion is not allowed: %%%s", at);
}

static void put_number(struct line *line, enum conversion conversion, va_list *args)
{
	char text[32];

	switch (conversion) {
	case CONVERT_S:
		return;
	case CONVERT_D:
		snprintf(text, sizeof(text), "%d", va_arg(*args, int));
		break;
	case CONVERT_U:
		snprintf(text, sizeof(text), "%u", va_arg(*args, unsigned));
		break;
	case CONVERT_LD:
		snprintf(text, sizeof(text), "%ld", va_arg(*args, long));
		break;
	case CONVERT_LU:
		snprintf(text, sizeof(text), "%lu", va_arg(*args, unsigned long));
		break;
	case CONVERT_LLD:
		snprintf(text, sizeof(text), "%lld", va_arg(*args, long long));
		break;
	case CONVERT_LLU:
		snprintf(text, sizeof(text), "%llu", va_arg(*args, unsigned long long));
		break;
	case CONVERT_ZU:
		snprintf(text, sizeof(text), "%zu", va_arg(*args, size_t));
		break;
	case CONVERT_X:
		snprintf(text, sizeof(text), "%x", va_arg(*args, unsigned));
		break;
	}
	put_text(line, text);
}

static void put_pairs(struct line *line, const char *pairs, va_list *args)
{
	const char *at = pairs;

	while (*at) {
		size_t plain = strcspn(at, "%");
		enum conversion conversion;

		put(line, at, plain);
		at += plain;
		if (!*at)
			return;
		at += 1;
		at += find_conversion(at, &conversion);
		if (conversion == CONVERT_S)
			put_value(line, va_arg(*args, const char *));
		else
			put_number(line, conversion, args);
	}
}

static void put_front(struct line *line, enum err_log_level level, enum log_event event)
{
	char when[CLOCK_TEXT_MAX];

	line->length = 0;
	clock_format(clock_wall_us(), when);
	put_text(line, when);
	put(line, " ", 1);
	put_text(line, level_names[level]);
	put(line, " ", 1);
	put_text(line, program_name);
	put(line, " ", 1);
	put_text(line, event_names[event]);
}

/* A log that cannot be written is no reason to stop; nobody could be told either. */
static void send_line(struct line *line)
{
	ssize_t ignored;

	line->text[line->length++] = '\n';
	ignored = write(STDERR_FILENO, line->text, line->length);
	(void)ignored;
}

void log_write(enum err_log_level level, enum log_event event, const char *pairs, ...)
{
	struct line line;
	va_list args;

	if (level < lowest)
		return;
	put_front(&line, level, event);
	if (pairs && *pairs) {
		put(&line, " ", 1);
		va_start(args, pairs);
		put_pairs(&line, pairs, &args);
		va_end(args);
	}
	send_line(&line);
}

void log_err(enum log_event event, const struct err *err, const char *pairs, ...)
{
	const struct err_kind_info *info = err_kind_info(err->kind);
	struct line line;
	va_list args;

	if (info->log_level < lowest)
		return;
	put_front(&line, info->log_level, event);
	put_text(&line, " kind=");
	put_text(&line, info->name);
	put_text(&line, " text=");
	put_value(&line, err->text);
	if (pairs && *pairs) {
		put(&line, " ", 1);
		va_start(args, pairs);
		put_pairs(&line, pairs, &args);
		va_end(args);
	}
	send_line(&line);
}
