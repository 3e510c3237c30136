/*
 * The log: one line an event on standard error, `time level program event key=value ...`, in that order.
 *
 * Events come from the closed list in log_events.def; a key is [a-z_]+; a value is quoted when it has a space, a quote
 * or a control character, and cut at 200 bytes. No patient identifiers: names, IDs, birth dates and accession numbers
 * are never values here, public ids and DICOM UIDs are.
 *
 * Any thread may log; a line is one write(2).
 */
#ifndef YQ_BASE_LOG_H
#define YQ_BASE_LOG_H

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum log_event {
#define LOG_EVENT(id, name, meaning) id,
#include "lib/base/log_events.def"
#undef LOG_EVENT
	LOG_EVENT_COUNT
};

/* program is borrowed for the life of the process. Lines below level are dropped. */
void log_init(const char *program, enum err_log_level level);
/* The name given there, "-" before. */
const char *log_program(void);

/*
 * pairs: "key=%s" style format, one pair per key, separated by single blanks; each conversion is one value and is
 * quoted as needed, e.g. log_info(LOG_OBJECT_STORED, "sop=%s size_bytes=%lld", uid, size).
 * Allowed conversions: %s %d %u %ld %lu %lld %llu %zu %x.
 */
void log_write(enum err_log_level level, enum log_event event, const char *pairs, ...)
    __attribute__((format(printf, 3, 4)));
#define log_debug(event, ...) log_write(ERR_LOG_DEBUG, (event), __VA_ARGS__)
#define log_info(event, ...) log_write(ERR_LOG_INFO, (event), __VA_ARGS__)
#define log_warning(event, ...) log_write(ERR_LOG_WARNING, (event), __VA_ARGS__)
#define log_error(event, ...) log_write(ERR_LOG_ERROR, (event), __VA_ARGS__)

/* The place that handles an error logs it, once: level from the kind, kind and text as pairs, then `pairs`. */
void log_err(enum log_event event, const struct err *err, const char *pairs, ...) __attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
