#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/db/internal.h"

static bool digits(const char **at, int want_at_least, int64_t *out)
{
	int count = 0;

	for (*out = 0; **at >= '0' && **at <= '9' && count < 9; (*at)++, count++)
		*out = *out * 10 + (**at - '0');
	return count >= want_at_least;
}

static bool literal(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* ".12" is 120000 microseconds. */
static bool fraction(const char **at, int64_t *out_us)
{
	int64_t scale = 100000;

	*out_us = 0;
	if (!literal(at, '.'))
		return true;
	for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
		*out_us += (**at - '0') * scale;
	return true;
}

/* "+08", "+05:30", "-03:06:28" */
static bool zone(const char **at, int64_t *out_seconds)
{
	int64_t hours, minutes = 0, seconds = 0;
	bool is_west = **at == '-';

	if (!literal(at, '+') && !literal(at, '-'))
		return false;
	if (!digits(at, 2, &hours))
		return false;
	if (literal(at, ':') && !digits(at, 2, &minutes))
		return false;
	if (literal(at, ':') && !digits(at, 2, &seconds))
		return false;
	*out_seconds = hours * 3600 + minutes * 60 + seconds;
	if (is_west)
		*out_seconds = -*out_seconds;
	return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar, as PostgreSQL counts. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	struct tm tm = {.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};

	return timegm(&tm) / 86400;
}

bool db_parse_time(const char *text, int64_t *out_us)
{
	int64_t year, month, day, hour, minute, second, us, offset;
	const char *at = text;

	if (strcmp(text, "infinity") == 0 || strcmp(text, "-infinity") == 0) {
		*out_us = *text == '-' ? INT64_MIN : INT64_MAX;
		return true;
	}
	if (!digits(&at, 4, &year) || !literal(&at, '-') || !digits(&at, 2, &month) || !literal(&at, '-') ||
	    !digits(&at, 2, &day))
		return false;
	if (!literal(&at, ' ') || !digits(&at, 2, &hour) || !literal(&at, ':') || !digits(&at, 2, &minute) ||
	    !literal(&at, ':') || !digits(&at, 2, &second))
		return false;
	if (!fraction(&at, &us) || !zone(&at, &offset))
		return false;
	if (strcmp(at, " BC") == 0)
		year = 1 - year;
	else if (*at)
		return false;
	*out_us =
	    (days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset) * 1000000 + us;
	return true;
}

void db_print_time(int64_t wall_us, char out[DB_TIME_TEXT_MAX])
{
	int64_t us = wall_us % 1000000;
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[96];
	struct tm tm;

	if (wall_us == INT64_MAX || wall_us == INT64_MIN) {
		text_copy(out, DB_TIME_TEXT_MAX, wall_us > 0 ? "infinity" : "-infinity");
		return;
	}
	if (us < 0) {
		us += 1000000;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm))
		err_panic("time %lld is outside the calendar", (long long)wall_us);
	snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d.%06lld+00", tm.tm_year + 1900, tm.tm_mon + 1,
	         tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long long)us);
	text_copy(out, DB_TIME_TEXT_MAX, text);
}
