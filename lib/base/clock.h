/*
 * Time, replaceable. Nothing outside lib/base calls time(2) or clock_gettime(2).
 *
 * Wall time is microseconds since 1970-01-01 UTC (as PostgreSQL keeps it); durations are measured on the monotonic clock.
 * YQ_CLOCK_OFFSET (e.g. "+3 days", "-2 h") in the environment moves the wall clock of a whole program; yq_now() in the ledger
 * reads the same offset from the setting yq.clock_offset, which lib/db sets on every connection.
 */
#ifndef YQ_BASE_CLOCK_H
#define YQ_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct clock_source {
	int64_t (*wall_us)(void *context);
	int64_t (*monotonic_ms)(void *context);
	void *context;
};

/* Reads YQ_CLOCK_OFFSET; ERR_INVALID when it is no duration. Called once by daemon_init() and yqctl. */
bool clock_init(struct err *err);

/* For unit tests; NULL restores the real clock. source is borrowed until replaced. Not thread-safe. */
void clock_replace(const struct clock_source *source);

int64_t clock_wall_us(void);
int64_t clock_monotonic_ms(void);

/* Microseconds that clock_wall_us() is ahead of the machine's clock. */
int64_t clock_offset_us(void);

enum { CLOCK_TEXT_MAX = 40 };

/* The zone of everything below (conf_load() calls it with time_zone). ERR_INVALID: the machine does not know it. Before threads start. */
bool clock_set_zone(const char *zone, struct err *err);

/* RFC 3339 with offset and milliseconds in the installation's zone (default Asia/Shanghai): 2026-11-22T08:42:07.120+08:00 */
void clock_format(int64_t wall_us, char out[CLOCK_TEXT_MAX]);

/* A DICOM DT/DA/TM pair of the wall time in the same zone: date holds 9 bytes, time 14 ("HHMMSS.ffffff"). */
void clock_format_dicom(int64_t wall_us, char date[9], char time[14]);

/* "30 s", "15 min", "4 h", "30 days", "250 ms" into milliseconds. The unit is required; a bare number is ERR_INVALID. */
bool clock_parse_duration(const char *text, int64_t *out_ms, struct err *err);

#ifdef __cplusplus
}
#endif
#endif
