#include "lib/domain/name_key.h"

#include <stdint.h>
#include <string.h>
#include <unicode/uchar.h>

#include "lib/base/text.h"
#include "lib/domain/han_reading.h"
#include "lib/domain/pinyin.h"

enum {
	CHARACTERS_MAX = 24,
	WORDS_MAX = 8,
	FOLDED_SIZE = 512,
	COMBINATIONS_MAX = 16, /* of the readings of one name */
	TAIL_SHORT = 4,        /* last digits of an ID that people ask for */
	TAIL_LONG = 6,
	REPLACEMENT = 0xfffd
};

const char *name_key_kind_name(enum name_key_kind kind)
{
	static const char *const names[] = {"name", "reading", "part"};

	return names[kind];
}

static void add(struct name_keys *out, const char *text, enum name_key_kind kind)
{
	if (text[0] == '\0')
		return;
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->keys[i].text, text) == 0) {
			if (kind < out->keys[i].kind)
				out->keys[i].kind = kind;
			return;
		}
	if (out->count == NAME_KEYS_MAX)
		return;
	(void)text_copy(out->keys[out->count].text, NAME_KEY_SIZE, text);
	out->keys[out->count++].kind = kind;
}

static void append(char out[NAME_KEY_SIZE], const char *text)
{
	size_t used = strlen(out);

	(void)text_copy(out + used, NAME_KEY_SIZE - used, text);
}

/* ---- characters ------------------------------------------------------------------------------------------------------ */

/* What stands between the parts of names and is left out by half of those who type them. */
static bool is_separator(uint32_t c)
{
	return c == '^' || c == '=' || c == '.' || c == ',' || c == '-' || c == '_' || c == '\'' || c == '`' ||
	       c == 0xb7 || c == 0x2019 || c == 0x2022 || c == 0x2027 || c == 0x30fb || c == 0xff0e ||
	       u_isUWhiteSpace((UChar32)c);
}

struct character {
	uint32_t code;
	char text[HAN_CHARACTER_SIZE]; /* simplified */
};

/* Without separators; *out_words, where wanted: the index of the first character of each word. */
static size_t take_characters(const char *folded, struct character out[CHARACTERS_MAX], size_t starts[WORDS_MAX],
                              size_t *out_words)
{
	size_t count = 0, words = 0;
	bool is_start = true;

	while (*folded != '\0' && count < CHARACTERS_MAX) {
		uint32_t c = text_utf8_next(&folded);

		if (is_separator(c)) {
			is_start = true;
			continue;
		}
		if (is_start && words < WORDS_MAX)
			starts[words++] = count;
		is_start = false;
		out[count].code = c;
		han_simplify(c, out[count++].text);
	}
	*out_words = words;
	return count;
}

static void join(const struct character *characters, size_t from, size_t to, char out[NAME_KEY_SIZE])
{
	out[0] = '\0';
	for (size_t i = from; i < to; i++)
		append(out, characters[i].text);
}

/* ---- names in Chinese -------------------------------------------------------------------------------------------------- */

struct spoken {
	size_t count;
	const char *syllables[CHARACTERS_MAX];
};

static void add_spoken(const struct spoken *name, size_t from, bool is_first, struct name_keys *out)
{
	char whole[NAME_KEY_SIZE] = "", initials[NAME_KEY_SIZE] = "";

	for (size_t i = from; i < name->count; i++) {
		append(whole, name->syllables[i]);
		append(initials, (char[]){name->syllables[i][0], '\0'});
	}
	add(out, whole, is_first ? NAME_KEY_READING : NAME_KEY_PART);
	if (strlen(initials) > 1)
		add(out, initials, NAME_KEY_PART);
}

/* ligy: the surname in full, the rest by initials, as input methods have it. */
static void add_short(const struct spoken *name, struct name_keys *out)
{
	char text[NAME_KEY_SIZE] = "";

	for (size_t i = 0; i < name->count; i++)
		append(text, i == 0 ? name->syllables[i] : (char[]){name->syllables[i][0], '\0'});
	if (name->count > 2)
		add(out, text, NAME_KEY_PART);
}

/* Combination k of the readings; the surname's change first. False: there are not so many. */
static bool combine(const struct han_readings *readings, size_t count, size_t k, struct spoken *out)
{
	for (size_t i = 0; i < count; i++) {
		size_t choices = readings[i].count > 0 ? (size_t)readings[i].count : 1;

		out->syllables[i] = readings[i].count > 0 ? readings[i].text[k % choices] : "";
		k /= choices;
	}
	out->count = count;
	return k == 0;
}

static void read_characters(const struct character *characters, size_t count, struct han_readings *out)
{
	for (size_t i = 0; i < count; i++) {
		out[i].count = 0;
		if (han_is(characters[i].code)) {
			han_read(characters[i].code, i == 0, &out[i]);
		} else if (characters[i].code < 0x80) {
			out[i].count = 1;
			(void)text_copy(out[i].text[0], HAN_READING_SIZE, characters[i].text);
		}
	}
	if (count > 1 && han_is(characters[0].code) && han_is(characters[1].code))
		han_read_compound(characters[0].code, characters[1].code, &out[0], &out[1]);
}

/* Whole names first: what does not fit any more are parts. */
static void add_readings(const struct character *characters, size_t count, struct name_keys *out)
{
	struct han_readings readings[CHARACTERS_MAX];
	struct spoken name;

	read_characters(characters, count, readings);
	for (size_t k = 0; k < COMBINATIONS_MAX && combine(readings, count, k, &name); k++) {
		add_spoken(&name, 0, true, out);
		add_short(&name, out);
	}
	for (size_t from = 1; from < count; from++)
		for (size_t k = 0; k < COMBINATIONS_MAX && combine(readings, count, k, &name); k++)
			add_spoken(&name, from, false, out);
}

static void add_han(const struct character *characters, size_t count, struct name_keys *out)
{
	char text[NAME_KEY_SIZE];
	bool is_whole = count > 1;

	for (size_t i = 0; i < count; i++)
		is_whole = is_whole && characters[i].code != REPLACEMENT;
	for (size_t from = 0; from < count; from++) {
		join(characters, from, count, text);
		add(out, text, from == 0 && is_whole ? NAME_KEY_NAME : NAME_KEY_PART);
	}
	add_readings(characters, count, out);
}

/* ---- names in other scripts --------------------------------------------------------------------------------------------- */

struct words {
	size_t count;
	char text[WORDS_MAX][NAME_KEY_SIZE];
};

/* LI^GUIYING: lgy, where all of it is pinyin. */
static void add_syllable_initials(const struct words *words, struct name_keys *out)
{
	char initials[NAME_KEY_SIZE] = "";

	for (size_t i = 0; i < words->count; i++) {
		size_t starts[PINYIN_SYLLABLES_MAX], count = pinyin_split(words->text[i], starts);

		if (count == 0)
			return;
		for (size_t k = 0; k < count; k++)
			append(initials, (char[]){words->text[i][starts[k]], '\0'});
	}
	if (strlen(initials) > 1)
		add(out, initials, NAME_KEY_PART);
}

static void add_words(const struct words *words, struct name_keys *out)
{
	char text[NAME_KEY_SIZE], initials[NAME_KEY_SIZE] = "";

	for (size_t from = 0; from < words->count; from++) {
		text[0] = '\0';
		for (size_t i = from; i < words->count; i++)
			append(text, words->text[i]);
		add(out, text, from == 0 ? NAME_KEY_READING : NAME_KEY_PART);
		append(initials, (char[]){words->text[from][0], '\0'});
	}
	if (words->count < 2)
		return;
	/* The given name first. */
	text[0] = '\0';
	for (size_t i = 1; i <= words->count; i++)
		append(text, words->text[i % words->count]);
	add(out, text, NAME_KEY_PART);
	add(out, initials, NAME_KEY_PART);
}

static void add_other(const struct character *characters, size_t count, const size_t *starts, size_t word_count,
                      struct name_keys *out)
{
	struct words latin = {0};
	char text[NAME_KEY_SIZE];
	bool is_ascii = true;

	for (size_t i = 0; i < count; i++)
		is_ascii = is_ascii && characters[i].code < 0x80;
	for (size_t i = 0; i < word_count; i++) {
		join(characters, starts[i], i + 1 < word_count ? starts[i + 1] : count, text);
		han_latin(text, latin.text[latin.count], NAME_KEY_SIZE);
		latin.count += latin.text[latin.count][0] != '\0';
	}
	/* Scripts without blanks between words, too: part of a name from any character on. */
	for (size_t from = 0; !is_ascii && from < count; from++) {
		join(characters, from, count, text);
		add(out, text, NAME_KEY_PART);
	}
	add_words(&latin, out);
	add_syllable_initials(&latin, out);
}

/* ---- a claim ------------------------------------------------------------------------------------------------------------ */

static void add_group(const char *group, struct name_keys *out)
{
	struct character characters[CHARACTERS_MAX];
	char folded[FOLDED_SIZE];
	size_t starts[WORDS_MAX], words, count;
	bool has_han = false;

	han_fold(group, folded, sizeof folded);
	count = take_characters(folded, characters, starts, &words);
	for (size_t i = 0; i < count; i++)
		has_han = has_han || han_is(characters[i].code);
	if (has_han)
		add_han(characters, count, out);
	else
		add_other(characters, count, starts, words, out);
}

/* Of any length: what a term is made of, and IDs. */
static void squeeze(const char *text, char out[NAME_KEY_SIZE])
{
	char folded[FOLDED_SIZE], simple[HAN_CHARACTER_SIZE];

	han_fold(text, folded, sizeof folded);
	out[0] = '\0';
	for (const char *at = folded; *at != '\0';) {
		uint32_t c = text_utf8_next(&at);

		if (is_separator(c))
			continue;
		han_simplify(c, simple);
		append(out, simple);
	}
}

static void add_id(const char *typed_id, struct name_keys *out)
{
	char id[NAME_KEY_SIZE];
	size_t length;

	squeeze(typed_id, id);
	length = strlen(id);
	add(out, id, NAME_KEY_PART);
	if (length >= 2 * (size_t)TAIL_SHORT && (id[length - TAIL_SHORT] & 0xc0) != 0x80)
		add(out, id + length - TAIL_SHORT, NAME_KEY_PART);
	if (length > 2 * (size_t)TAIL_SHORT && (id[length - TAIL_LONG] & 0xc0) != 0x80)
		add(out, id + length - TAIL_LONG, NAME_KEY_PART);
}

void name_keys_make(const char *name, const char *typed_id, struct name_keys *out)
{
	out->count = 0;
	add_id(typed_id, out);
	while (*name != '\0') {
		char group[FOLDED_SIZE];
		size_t length = strcspn(name, "=");

		if (length < sizeof group) {
			memcpy(group, name, length);
			group[length] = '\0';
			add_group(group, out);
		}
		name += length + (name[length] == '=');
	}
}

/* ---- a search ------------------------------------------------------------------------------------------------------------ */

/* "li3gui4ying1": at least two syllables, each with its tone behind. The digits go. */
static void drop_tones(char text[NAME_KEY_SIZE])
{
	char plain[NAME_KEY_SIZE];
	size_t starts[PINYIN_SYLLABLES_MAX], used = 0, syllables = 0;

	for (const char *at = text; *at != '\0'; syllables++) {
		size_t letters = strspn(at, "abcdefghijklmnopqrstuvwxyz");
		char syllable[HAN_READING_SIZE];

		if (letters == 0 || letters >= sizeof syllable || at[letters] < '1' || at[letters] > '5')
			return;
		memcpy(syllable, at, letters);
		syllable[letters] = '\0';
		if (pinyin_split(syllable, starts) != 1)
			return;
		memcpy(plain + used, syllable, letters);
		used += letters;
		at += letters + 1;
	}
	plain[used] = '\0';
	if (syllables > 1)
		(void)text_copy(text, NAME_KEY_SIZE, plain);
}

/* A name with its groups, as it is copied from elsewhere: the one in Chinese where there is one. */
static const char *first_group(const char *typed)
{
	const char *second = strchr(typed, '=');

	return second != NULL && second[1] != '\0' && second[1] != '=' ? second + 1 : typed;
}

bool name_key_term(const char *typed, char out[NAME_KEY_SIZE])
{
	char group[FOLDED_SIZE];
	const char *from = first_group(typed);
	size_t length = strcspn(from, "=");

	if (length >= sizeof group)
		length = text_utf8_cut(from, sizeof group - 1);
	memcpy(group, from, length);
	group[length] = '\0';
	squeeze(group, out);
	drop_tones(out);
	return out[0] != '\0';
}
