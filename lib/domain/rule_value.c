/* Values of conditions as text: patterns, hours, ages. All of it is typed by people or sent by devices. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/day.h"
#include "lib/domain/rule.h"

enum { MINUTES_A_DAY = 24 * 60, AGE_DIGITS_MAX = 5 };

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool rule_like(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern && fold(*pattern) == fold(*text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : -1;
}

/* "HH:MM" at text; -1: none. */
static int minute_at(const char *text)
{
	int hour, minute;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : digit(text[i]) < 0)
			return -1;
	hour = digit(text[0]) * 10 + digit(text[1]);
	minute = digit(text[3]) * 10 + digit(text[4]);
	return minute > 59 || hour * 60 + minute > MINUTES_A_DAY ? -1 : hour * 60 + minute;
}

bool rule_hours_read(const char *text, int *out_from, int *out_to)
{
	int from, to;

	if (strlen(text) != 11 || text[5] != '-')
		return false;
	from = minute_at(text);
	to = minute_at(text + 6);
	if (from < 0 || to < 0 || from == to || from == MINUTES_A_DAY)
		return false;
	*out_from = from;
	*out_to = to == 0 ? MINUTES_A_DAY : to;
	return true;
}

bool rule_hours_hold(int from, int to, int minute)
{
	return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/* A number of at most five digits at *text; moves on. -1: none; -2: too long. */
static int number_at(const char **text)
{
	int number = 0, digits = 0;

	for (; digit(**text) >= 0 && digits <= AGE_DIGITS_MAX; (*text)++, digits++)
		number = number * 10 + digit(**text);
	if (digits > AGE_DIGITS_MAX)
		return -2;
	return digits > 0 ? number : -1;
}

bool rule_ages_read(const char *text, int *out_from, int *out_to, char *out_unit)
{
	int from = number_at(&text), to;
	char unit = 'Y';

	if (*text++ != '-')
		return false;
	to = number_at(&text);
	if (from < -1 || to < -1 || (from < 0 && to < 0))
		return false;
	if (*text && strchr("YMWD", *text))
		unit = *text++;
	if (*text || (to >= 0 && from > to))
		return false;
	*out_from = from < 0 ? 0 : from;
	*out_to = to < 0 ? INT_MAX : to;
	*out_unit = unit;
	return true;
}

/* Days since 0000-03-01 of the proleptic Gregorian calendar, so that leap days end a year. */
static long day_number(int year, int month, int day)
{
	long y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1;
}

/* day_is_valid() has looked. */
static void split_day(const char *text, int out[3])
{
	out[0] = (int)strtol(text, NULL, 10);
	out[1] = (int)strtol(text + 5, NULL, 10);
	out[2] = (int)strtol(text + 8, NULL, 10);
}

static struct rule_age age_between(const char *birth, const char *on)
{
	struct rule_age age = {0};
	int from[3], to[3];
	long days;

	split_day(birth, from);
	split_day(on, to);
	days = day_number(to[0], to[1], to[2]) - day_number(from[0], from[1], from[2]);
	if (days < 0)
		return age;
	age.is_known = true;
	age.days = (int)days;
	age.weeks = age.days / 7;
	age.months = (to[0] - from[0]) * 12 + to[1] - from[1] - (to[2] < from[2]);
	age.years = age.months / 12;
	return age;
}

static struct rule_age age_told(const char *text)
{
	struct rule_age age = {0};
	int number = number_at(&text);

	if (number < 0 || !*text || text[1] || !strchr("YMWD", *text))
		return age;
	age.is_known = true;
	age.years = *text == 'Y' ? number : *text == 'M' ? number / 12 : *text == 'W' ? number / 52 : number / 365;
	age.months = *text == 'Y'   ? number * 12
	             : *text == 'M' ? number
	             : *text == 'W' ? number * 12 / 52
	                            : number * 12 / 365;
	age.days = *text == 'Y' ? number * 365 : *text == 'M' ? number * 365 / 12 : *text == 'W' ? number * 7 : number;
	age.weeks = *text == 'W' ? number : age.days / 7;
	return age;
}

struct rule_age rule_age_of(const char *birth, const char *on, const char *text)
{
	struct rule_age age = {0};

	if (birth && on && day_is_valid(birth) && day_is_valid(on))
		age = age_between(birth, on);
	return age.is_known || !text ? age : age_told(text);
}
