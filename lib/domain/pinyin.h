/* Where the syllables of a word in pinyin begin, as consoles write names without blanks: guiying is gui ying. Pure; small letters. */
#ifndef YQ_DOMAIN_PINYIN_H
#define YQ_DOMAIN_PINYIN_H

#include <stddef.h>

enum { PINYIN_SYLLABLES_MAX = 12 };

/* How many there are; 0: the word is no pinyin, or longer. starts has PINYIN_SYLLABLES_MAX members. */
size_t pinyin_split(const char *word, size_t *starts);

#endif
