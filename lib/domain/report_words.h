/*
 * Words in a report's text: whether a word stands there as a statement, or is denied ("未见骨折", "除外夹层"). A text is read clause by clause; a
 * denial reaches from its word to the end of its clause. What is left open ("不除外骨折", "骨折？") counts as stated. This reads the set phrases of
 * radiology reports, it does not understand language: who uses it warns a person, never decides.
 *
 * Texts are UTF-8, never NULL. Pure; results borrow from their arguments.
 */
#ifndef YQ_DOMAIN_REPORT_WORDS_H
#define YQ_DOMAIN_REPORT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words_clause {
	const char *text;
	size_t length; /* bytes */
};

/* The next clause that is not empty; *rest moves behind it. False: there is no more. Clauses end at 。；，！？ ; , line breaks and 但. */
bool words_next_clause(const char **rest, struct words_clause *out);

/* Where the word is in the clause, from byte `from` on; NULL: nowhere. */
const char *words_find(const struct words_clause *clause, size_t from, const char *word);

/* Is what stands at `at`, so many bytes long, denied in its clause? */
bool words_is_denied(const struct words_clause *clause, const char *at, size_t length);

/* Does the text state the word, in any clause? */
bool words_states(const char *text, const char *word);
/* Does the text have the word at all? */
bool words_has(const char *text, const char *word);

/* Says the clause that something is as it should be (未见..., 正常), and nothing more? */
bool words_is_normal(const struct words_clause *clause);

#endif
