#include "gateway/outlook.h"

int64_t outlook_days_left(uint64_t free_bytes, uint64_t reserve_bytes, int64_t grown_bytes, int64_t grown_ms)
{
	const double ms_a_day = 24.0 * 3600 * 1000;
	if (grown_bytes <= 0 || grown_ms <= 0)
		return OUTLOOK_UNKNOWN;
	uint64_t room = free_bytes > reserve_bytes ? free_bytes - reserve_bytes : 0;
	double days = (double)room / ((double)grown_bytes / ((double)grown_ms / ms_a_day));
	return days < OUTLOOK_DAYS_MAX ? (int64_t)days : OUTLOOK_DAYS_MAX;
}
