/* Words of the exported tables, in the two languages of the pages. */
#ifndef YQ_DOMAIN_FIGURE_WORDS_H
#define YQ_DOMAIN_FIGURE_WORDS_H

#include <stdbool.h>

/* The word of a column or code; the code itself where there is none. Static storage, or the code. */
const char *figure_word(const char *code, bool is_english);

#endif
