/*
 * How Chinese characters are read, and text in the one form in which names are compared for searching. On ICU; knows no names and no ledger.
 *
 * Readings are in small ASCII letters without tones. A character with ü has both spellings that people type, lu and lv. Surnames have readings of
 * their own (单 shan, 尉迟 yu chi), which stand beside the everyday ones and never replace them: who searches may know either.
 *
 * Threads: any. The first use takes some 200 ms and 10 MB for ICU's tables.
 */
#ifndef YQ_DOMAIN_HAN_READING_H
#define YQ_DOMAIN_HAN_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HAN_READING_SIZE = 12, HAN_READINGS_MAX = 5, HAN_CHARACTER_SIZE = 13 };

/* count is 0 for a character without a known reading. */
struct han_readings {
	int count;
	char text[HAN_READINGS_MAX][HAN_READING_SIZE];
};

bool han_is(uint32_t character);
/* is_surname: it is the first of a name. */
void han_read(uint32_t character, bool is_surname, struct han_readings *out);
/* Adds to the readings of the first two characters of a name what they are as a surname of two. */
void han_read_compound(uint32_t first, uint32_t second, struct han_readings *of_first, struct han_readings *of_second);
/* The simplified character in UTF-8, or the character itself. */
void han_simplify(uint32_t character, char out[HAN_CHARACTER_SIZE]);

/* Compatibility forms resolved (full-width letters), small letters, Latin letters without accents. UTF-8, cut to the buffer at a character. */
void han_fold(const char *text, char *out, size_t out_size);
/* Any script in ASCII letters as well as it goes: Люк luk, 김희중 gimhuijung. What has no such form is left out. */
void han_latin(const char *text, char *out, size_t out_size);

#endif
