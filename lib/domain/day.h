/* Days as people and files write them: "2026-12-31" (ISO 8601). */
#ifndef YQ_DOMAIN_DAY_H
#define YQ_DOMAIN_DAY_H

#include <stdbool.h>

/* Ten characters, a day that the calendar has (proleptic Gregorian, years 0001 to 9999). */
bool day_is_valid(const char *text);

#endif
