/*
 * What a patient is found by: the keys of a claim, and what somebody typed into a search, in one form. Pure.
 *
 * A search finds a claim when its term begins one of the keys. So a key is there for the name in its own script from each of its characters on (part
 * of a name), for its pinyin from each syllable on, for the initials, for the surname with the initials behind, for Latin as it was sent, turned
 * around and by its words, for the patient ID and its last digits. Every reading of a surname has its keys.
 *
 * Blanks, carets, dots, hyphens, case, tones, width and traditional forms do not count. Everything else that is typed is text, % and _ as well.
 */
#ifndef YQ_DOMAIN_NAME_KEY_H
#define YQ_DOMAIN_NAME_KEY_H

#include <stdbool.h>
#include <stddef.h>

enum { NAME_KEY_SIZE = 97, NAME_KEYS_MAX = 64 };

enum name_key_kind {
	NAME_KEY_NAME,    /* a whole name in Chinese, all of it readable */
	NAME_KEY_READING, /* a whole name in Latin letters */
	NAME_KEY_PART
};
const char *name_key_kind_name(enum name_key_kind kind); /* name, reading, part: as the ledger has it */

struct name_keys {
	size_t count;
	struct name_key {
		char text[NAME_KEY_SIZE];
		enum name_key_kind kind;
	} keys[NAME_KEYS_MAX];
};

/* name: PN with its groups, UTF-8. No key is there twice; what would be more than NAME_KEYS_MAX are parts at the end of long names. */
void name_keys_make(const char *name, const char *typed_id, struct name_keys *out);

/* False when nothing is left of what was typed: then nothing is found. */
bool name_key_term(const char *typed, char out[NAME_KEY_SIZE]);

#endif
