#include "gateway/workitem_moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/day.h"

enum { YEAR = 4, SECOND = 14, FRACTION_MAX = 6, DAY_SECONDS = 24 * 60 * 60, WEST_MAX = 1200, EAST_MAX = 1400 };

/* Behind it and before the other every zone has years of four digits. */
static const int64_t FIRST_S = -62135596800 + DAY_SECONDS, LAST_S = 253402300800 - 2 * DAY_SECONDS;

struct moment {
	char digits[WORKITEM_MOMENT_SIZE];
	bool has_fraction; /* of more than zero */
	bool has_offset;
	int offset_s;
};

/* ---- as it is written ---------------------------------------------------------------------------------------------------------- */

static int two(const char *digits)
{
	return (digits[0] - '0') * 10 + digits[1] - '0';
}

/* PS3.5 section 6.2: from -1200 to +1400, and not -0000. A plus that stands in a query as it is comes as a blank, as forms of HTML have it. */
static bool is_offset(const char *text)
{
	bool is_west = text[0] == '-', is_east = text[0] == '+' || text[0] == ' ';
	if ((!is_west && !is_east) || strspn(text + 1, "0123456789") != 4)
		return false;
	int hours_minutes = two(text + 1) * 100 + two(text + 3);
	return two(text + 3) < 60 && hours_minutes <= (is_west ? WEST_MAX : EAST_MAX) &&
	       (!is_west || hours_minutes > 0);
}

static bool take_digits(const char **rest, struct moment *out)
{
	size_t length = strspn(*rest, "0123456789");
	if (length < YEAR || length > SECOND || length % 2 != 0)
		return false;
	snprintf(out->digits, sizeof out->digits, "%.*s", (int)length, *rest);
	*rest += length;
	return true;
}

static bool take_fraction(const char **rest, struct moment *out)
{
	if (**rest != '.')
		return true;
	size_t length = strspn(*rest + 1, "0123456789");
	if (strlen(out->digits) != SECOND || length < 1 || length > FRACTION_MAX)
		return false;
	out->has_fraction = strspn(*rest + 1, "0") < length;
	*rest += 1 + length;
	return true;
}

static void take_offset(const char **rest, struct moment *out)
{
	if (!is_offset(*rest))
		return;
	out->has_offset = true;
	out->offset_s = (two(*rest + 1) * 60 + two(*rest + 3)) * (**rest == '-' ? -60 : 60);
	*rest += 5;
}

static bool take_moment(const char **rest, struct moment *out)
{
	memset(out, 0, sizeof *out);
	if (!take_digits(rest, out) || !take_fraction(rest, out))
		return false;
	take_offset(rest, out);
	return true;
}

/* ---- as the ledger compares it -------------------------------------------------------------------------------------------------- */

static bool is_possible(const struct tm *tm)
{
	char day[40];
	snprintf(day, sizeof day, "%04d-%02d-%02d", tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday);
	return day_is_valid(day) && tm->tm_hour < 24 && tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* Its first second, and the first one behind it; of a clock that has no zone. */
static bool read_digits(const char *digits, int64_t *out_first, int64_t *out_next)
{
	static const char rest[] = "00000101000000";
	char whole[WORKITEM_MOMENT_SIZE];
	size_t length = strlen(digits);
	snprintf(whole, sizeof whole, "%s%s", digits, rest + length);
	struct tm tm = {.tm_year = two(whole) * 100 + two(whole + 2) - 1900,
	                .tm_mon = two(whole + 4) - 1,
	                .tm_mday = two(whole + 6),
	                .tm_hour = two(whole + 8),
	                .tm_min = two(whole + 10),
	                .tm_sec = two(whole + 12)};
	int *const last[] = {&tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec};
	if (!is_possible(&tm))
		return false;
	struct tm next = tm;
	*out_first = timegm(&next);
	++*last[(length - YEAR) / 2];
	*out_next = timegm(&tm);
	return true;
}

static bool write_second(int64_t second, char out[WORKITEM_MOMENT_SIZE])
{
	char date[9], time[14];
	if (second < FIRST_S || second > LAST_S)
		return false;
	clock_format_dicom(second * 1000000, date, time);
	snprintf(out, WORKITEM_MOMENT_SIZE, "%.8s%.6s", date, time);
	return true;
}

/* Without an offset seconds are counted as if the clock of the zone were that of UTC, which leaves the digits as they are. */
static bool write_plain(int64_t second, char out[WORKITEM_MOMENT_SIZE])
{
	time_t time = (time_t)second;
	struct tm tm;
	char text[80];
	if (second < FIRST_S || second > LAST_S || gmtime_r(&time, &tm) == NULL)
		return false;
	snprintf(text, sizeof text, "%04d%02d%02d%02d%02d%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	         tm.tm_hour, tm.tm_min, tm.tm_sec);
	return text_copy(out, WORKITEM_MOMENT_SIZE, text);
}

/* What is written to the second and lies behind a fraction begins with the next one. */
static bool write_first(const struct moment *moment, char out[WORKITEM_MOMENT_SIZE])
{
	int64_t first, next;
	memcpy(out, moment->digits, WORKITEM_MOMENT_SIZE);
	if (!moment->has_offset && !moment->has_fraction)
		return true;
	if (!read_digits(moment->digits, &first, &next))
		return false;
	first += moment->has_fraction ? 1 : 0;
	return moment->has_offset ? write_second(first - moment->offset_s, out) : write_plain(first, out);
}

static bool write_last(const struct moment *moment, char out[WORKITEM_MOMENT_SIZE])
{
	int64_t first, next;
	snprintf(out, WORKITEM_MOMENT_SIZE, "%s%s", moment->digits, "99999999999999" + strlen(moment->digits));
	return !moment->has_offset ||
	       (read_digits(moment->digits, &first, &next) && write_second(next - 1 - moment->offset_s, out));
}

bool workitem_moments_read(const char *text, struct workitem_moments *out)
{
	struct moment first = {.digits = ""}, last = {.digits = ""};
	bool has_first = text[0] != '-';
	if (has_first && !take_moment(&text, &first))
		return false;
	bool is_range = *text == '-';
	text += is_range;
	bool has_last = is_range && *text != '\0';
	if ((has_last && !take_moment(&text, &last)) || *text != '\0' || (!has_first && !has_last))
		return false;
	out->from[0] = '\0';
	return (!has_first || write_first(&first, out->from)) &&
	       write_last(has_last || is_range ? &last : &first, out->to);
}
