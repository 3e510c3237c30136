#include "lib/intake/names.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LENGTH = STORE_KEY_SIZE - 1, SEQUENCE_LENGTH = 16 };

static bool take_key(const char *text, const char *suffix, struct journal_name *out)
{
	if (strlen(text) != KEY_LENGTH + strlen(suffix) || strcmp(text + KEY_LENGTH, suffix) != 0)
		return false;
	memcpy(out->key, text, KEY_LENGTH);
	out->key[KEY_LENGTH] = '\0';
	return store_key_is_valid(out->key);
}

bool journal_name_parse(const char *text, struct journal_name *out)
{
	char digits[SEQUENCE_LENGTH + 1];

	out->text = text;
	out->kind = JOURNAL_PART;
	out->sequence = 0;
	if (take_key(text, ".part", out))
		return true;
	if (strspn(text, "0123456789abcdef") != SEQUENCE_LENGTH || text[SEQUENCE_LENGTH] != '-')
		return false;
	memcpy(digits, text, SEQUENCE_LENGTH);
	digits[SEQUENCE_LENGTH] = '\0';
	out->kind = JOURNAL_RECORD;
	out->sequence = strtoull(digits, NULL, 16);
	return take_key(text + SEQUENCE_LENGTH + 1, ".rec", out);
}

bool journal_is_slot(const char *name)
{
	return strncmp(name, "slot-", 5) == 0 && strlen(name) == 9 && strspn(name + 5, "0123456789") == 4;
}
