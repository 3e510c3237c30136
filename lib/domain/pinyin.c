#include "lib/domain/pinyin.h"

#include <stdbool.h>
#include <string.h>

enum { VOWELS_MAX = 3 };

static bool is_vowel(char c)
{
	return c != '\0' && strchr("aeiouv", c) != NULL;
}

static size_t initial_length(const char *at)
{
	if ((at[0] == 'z' || at[0] == 'c' || at[0] == 's') && at[1] == 'h')
		return 2;
	return at[0] != '\0' && strchr("bpmfdtnlgkhjqxrzcsyw", at[0]) != NULL ? 1 : 0;
}

/* n, ng or r belong to what is before when no vowel follows. */
static size_t ending_length(const char *syllable, const char *at)
{
	if (at[0] == 'n' && at[1] == 'g' && !is_vowel(at[2]))
		return 2;
	if (at[0] == 'n' && !is_vowel(at[1]))
		return 1;
	return at[0] == 'r' && at == syllable + 1 && syllable[0] == 'e' && !is_vowel(at[1]) ? 1 : 0;
}

/* 0: no syllable begins here. */
static size_t syllable_length(const char *at)
{
	size_t length = initial_length(at), vowels = 0;

	while (is_vowel(at[length + vowels]))
		vowels++;
	if (vowels == 0 || vowels > VOWELS_MAX)
		return 0;
	length += vowels;
	return length + ending_length(at, at + length);
}

size_t pinyin_split(const char *word, size_t *starts)
{
	size_t count = 0, at = 0;

	while (word[at] != '\0') {
		size_t length = syllable_length(word + at);

		if (length == 0 || count == PINYIN_SYLLABLES_MAX)
			return 0;
		starts[count++] = at;
		at += length;
	}
	return count;
}
