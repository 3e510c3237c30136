#define YQ_BASE_ERR_C
#include "lib/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

/*
 * DIMSE: A700 out of resources (the peer keeps the object and may try again), A900 data set does not match, C000 cannot
 * understand, 0122 SOP class not supported is never decided from a kind. An unknown outcome is answered as A700 too:
 * only "not acknowledged" is safe to say.
 */
static const struct err_kind_info kinds[ERR_KIND_COUNT] = {
    [ERR_NONE] = {ERR_NONE, "none", false, 200, 0x0000, ERR_LOG_DEBUG, 0},
    [ERR_TEMPORARY] = {ERR_TEMPORARY, "temporary", true, 503, 0xA700, ERR_LOG_WARNING, 75},
    [ERR_REFUSED] = {ERR_REFUSED, "refused", false, 403, 0x0124, ERR_LOG_WARNING, 77},
    [ERR_INVALID] = {ERR_INVALID, "invalid", false, 400, 0xA900, ERR_LOG_WARNING, 65},
    [ERR_NOT_FOUND] = {ERR_NOT_FOUND, "not_found", false, 404, 0xC000, ERR_LOG_INFO, 66},
    [ERR_CONFLICT] = {ERR_CONFLICT, "conflict", false, 409, 0xC000, ERR_LOG_WARNING, 69},
    [ERR_CORRUPT] = {ERR_CORRUPT, "corrupt", false, 500, 0xC000, ERR_LOG_ERROR, 74},
    [ERR_NO_SPACE] = {ERR_NO_SPACE, "no_space", true, 507, 0xA700, ERR_LOG_ERROR, 73},
    [ERR_UNKNOWN_OUTCOME] = {ERR_UNKNOWN_OUTCOME, "unknown_outcome", false, 504, 0xA700, ERR_LOG_ERROR, 76},
    [ERR_CANCELLED] = {ERR_CANCELLED, "cancelled", true, 503, 0xA700, ERR_LOG_INFO, 70},
};

const struct err_kind_info *err_kind_info(enum err_kind kind)
{
	return (unsigned)kind < ERR_KIND_COUNT ? &kinds[kind] : &kinds[ERR_TEMPORARY];
}

/* What a peer sent may stand in a text, whatever its bytes: who writes the text into JSON or the ledger must not fail over it. */
static void take_text(struct err *err, const char *text)
{
	text_copy(err->text, sizeof(err->text), text);
	text_make_utf8(err->text);
}

/* Formats into a copy first: an argument may be err->text itself. */
static void set_text(struct err *err, const char *format, va_list args)
{
	char text[ERR_TEXT_MAX * 2];

	vsnprintf(text, sizeof(text), format, args);
	take_text(err, text);
}

bool err_set_at(struct err *err, const char *file, int line, enum err_kind kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->kind = kind;
	err->source = ERR_SOURCE_NONE;
	err->code = 0;
	err->file = file;
	err->line = line;
	return false;
}

bool err_set_errno_at(struct err *err, const char *file, int line, enum err_kind kind, int errnum, const char *format,
                      ...)
{
	char reason[128];
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (errnum == ENOSPC || errnum == EDQUOT)
		kind = ERR_NO_SPACE;
	err_set_at(err, file, line, kind, "%s: %s", text, strerror_r(errnum, reason, sizeof(reason)));
	return err_code(err, ERR_SOURCE_ERRNO, (uint32_t)errnum);
}

bool err_context(struct err *err, const char *format, ...)
{
	char front[ERR_TEXT_MAX];
	char text[ERR_TEXT_MAX * 2 + 2];
	va_list args;

	va_start(args, format);
	vsnprintf(front, sizeof(front), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%s: %s", front, err->text);
	take_text(err, text);
	return false;
}

bool err_code(struct err *err, enum err_source source, uint32_t code)
{
	err->source = source;
	err->code = code;
	return false;
}

static uint32_t base36_value(char c)
{
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0');
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A') + 10;
	return 0;
}

uint32_t err_sqlstate_pack(const char *sqlstate)
{
	uint32_t code = 0;
	int i;

	for (i = 0; i < 5 && sqlstate[i]; i++)
		code = code * 36 + base36_value(sqlstate[i]);
	return code;
}

void err_sqlstate_unpack(uint32_t code, char out[6])
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	int i;

	for (i = 4; i >= 0; i--) {
		out[i] = digits[code % 36];
		code /= 36;
	}
	out[5] = '\0';
}

void err_panic_at(const char *file, int line, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error(LOG_PROGRAM_FAILED, "panic=%s file=%s line=%d", text, file, line);
	abort();
}
