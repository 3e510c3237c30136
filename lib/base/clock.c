#include "lib/base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"

static struct clock_source replacement;
static int64_t offset_us;
static bool zone_is_set;

static int64_t read_clock(clockid_t id, int64_t unit_ns)
{
	struct timespec now;

	if (clock_gettime(id, &now) != 0)
		err_panic("the machine has no clock %d", (int)id);
	return now.tv_sec * (1000000000 / unit_ns) + now.tv_nsec / unit_ns;
}

bool clock_init(struct err *err)
{
	const char *text = getenv("YQ_CLOCK_OFFSET");
	const char *digits = text;
	int64_t offset_ms;

	offset_us = 0;
	if (!text || !*text)
		return true;
	if (*digits == '+' || *digits == '-')
		digits++;
	if (!clock_parse_duration(digits, &offset_ms, err))
		return err_context(err, "YQ_CLOCK_OFFSET");
	if (offset_ms > INT64_C(86400000) * 36500)
		return err_set(err, ERR_INVALID, "YQ_CLOCK_OFFSET: cannot be more than 36500 days");
	offset_us = (*text == '-' ? -offset_ms : offset_ms) * 1000;
	return true;
}

void clock_replace(const struct clock_source *source)
{
	if (source)
		replacement = *source;
	else
		memset(&replacement, 0, sizeof(replacement));
}

int64_t clock_wall_us(void)
{
	if (replacement.wall_us)
		return replacement.wall_us(replacement.context);
	return read_clock(CLOCK_REALTIME, 1000) + offset_us;
}

int64_t clock_monotonic_ms(void)
{
	if (replacement.monotonic_ms)
		return replacement.monotonic_ms(replacement.context);
	return read_clock(CLOCK_MONOTONIC, 1000000);
}

int64_t clock_offset_us(void)
{
	return offset_us;
}

/* A zone name becomes part of a path of the C library: only plain names, no way out of the zone directory. */
static bool zone_name_is_plain(const char *zone)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-";
	size_t length = strlen(zone);

	return length > 0 && length < 64 && strspn(zone, plain) == length && zone[0] != '/';
}

bool clock_set_zone(const char *zone, struct err *err)
{
	char path[128];

	if (!zone_name_is_plain(zone))
		return err_set(err, ERR_INVALID, "cannot use time zone %.64s: not a name like Asia/Shanghai", zone);
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
	if (access(path, R_OK) == 0) {
		setenv("TZ", zone, 1);
	} else if (strcmp(zone, "Asia/Shanghai") == 0) {
		/* Works on a machine without zone data too; China has had no summer time since 1991. */
		setenv("TZ", "CST-8", 1);
	} else {
		return err_set(err, ERR_INVALID,
		               "cannot use time zone %s: this machine has no data of it (package tzdata)", zone);
	}
	tzset();
	zone_is_set = true;
	return true;
}

static void set_default_zone(void)
{
	struct err err;

	if (!zone_is_set && !clock_set_zone("Asia/Shanghai", &err))
		err_panic("%s", err.text);
}

static void break_down(int64_t wall_us, struct tm *out, int *out_us)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int64_t seconds = wall_us / 1000000;
	int us = (int)(wall_us % 1000000);
	time_t time;

	pthread_once(&once, set_default_zone);
	if (us < 0) {
		us += 1000000;
		seconds--;
	}
	time = (time_t)seconds;
	if (!localtime_r(&time, out))
		err_panic("time %lld is outside the calendar", (long long)wall_us);
	*out_us = us;
}

void clock_format(int64_t wall_us, char out[CLOCK_TEXT_MAX])
{
	char text[128];
	struct tm tm;
	int us;
	long minutes;

	break_down(wall_us, &tm, &us);
	minutes = labs(tm.tm_gmtoff) / 60;
	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03d%c%02ld:%02ld", tm.tm_year + 1900,
	         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, us / 1000, tm.tm_gmtoff < 0 ? '-' : '+',
	         minutes / 60, minutes % 60);
	text_copy(out, CLOCK_TEXT_MAX, text);
}

void clock_format_dicom(int64_t wall_us, char date[9], char time[14])
{
	char text[64];
	struct tm tm;
	int us;

	break_down(wall_us, &tm, &us);
	snprintf(text, sizeof(text), "%04d%02d%02d", (tm.tm_year + 1900) % 10000, tm.tm_mon + 1, tm.tm_mday);
	memcpy(date, text, 8);
	date[8] = '\0';
	snprintf(text, sizeof(text), "%02d%02d%02d.%06d", tm.tm_hour, tm.tm_min, tm.tm_sec, us);
	memcpy(time, text, 13);
	time[13] = '\0';
}

bool clock_parse_duration(const char *text, int64_t *out_ms, struct err *err)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
	    {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"day", 86400000}, {"days", 86400000},
	};
	const char *at = text;
	int64_t number = 0, ms;
	size_t i;

	if (*at < '0' || *at > '9')
		return err_set(err, ERR_INVALID,
		               "cannot read \"%.60s\" as a duration: want a number and a unit, as in 30 s", text);
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number))
			return err_set(err, ERR_INVALID, "cannot read \"%.60s\" as a duration: too long", text);
	at += strspn(at, " \t");
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(at, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(number, units[i].ms, &ms))
			return err_set(err, ERR_INVALID, "cannot read \"%.60s\" as a duration: too long", text);
		*out_ms = ms;
		return true;
	}
	return err_set(err, ERR_INVALID,
	               "cannot read \"%.60s\" as a duration: its unit is missing or none of ms, s, min, h, days", text);
}
