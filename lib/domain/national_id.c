#include "lib/domain/national_id.h"

#include <string.h>

#include "lib/domain/day.h"

enum { LENGTH = 18, DIGITS = 17 };

static char check_character(const char *text)
{
	static const int weights[DIGITS] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
	int sum = 0;

	for (int i = 0; i < DIGITS; i++)
		sum += (text[i] - '0') * weights[i];
	return "10X98765432"[sum % 11];
}

bool national_id_parse(const char *text, struct national_id *out, struct err *err)
{
	char last;

	if (strlen(text) != LENGTH)
		return err_set(err, ERR_INVALID, "the identity number must have 18 characters");
	last = text[DIGITS] == 'x' ? 'X' : text[DIGITS];
	if (strspn(text, "0123456789") < DIGITS || text[0] == '0' || !strchr("0123456789X", last))
		return err_set(err, ERR_INVALID,
		               "the identity number must be 17 digits and a check character (a digit or X)");
	memcpy(out->text, text, DIGITS);
	out->text[DIGITS] = last;
	out->text[LENGTH] = '\0';
	memcpy(out->birth,
	       (const char[]){text[6], text[7], text[8], text[9], '-', text[10], text[11], '-', text[12], text[13]},
	       10);
	out->birth[10] = '\0';
	if (!day_is_valid(out->birth) || strcmp(out->birth, "1850-01-01") < 0)
		return err_set(err, ERR_INVALID, "the identity number has no birth date in it");
	if (check_character(text) != last)
		return err_set(err, ERR_INVALID,
		               "the check character of the identity number is wrong: a digit is mistyped");
	out->sex = (text[16] - '0') % 2 ? 'M' : 'F';
	return true;
}
