/* The reader of PDF files at the edges of what it is given. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/pdf_file.h"

Test(pdf_file, a_value_that_is_cut_leaves_the_cursor_inside)
{
	static const char *const cases[] = {
	    "(open", "(a\\", "(\\\\\\", "<</A (b\\", "[(\\)", "<41", "<</A <41", "[", "<<", "/", "12 0", "(a(b)", "%",
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t length = strlen(cases[i]);
		uint8_t *exact = malloc(length);
		const uint8_t *cursor = exact;
		struct pdf_slice value;

		cr_assert(exact != NULL);
		memcpy(exact, cases[i], length);
		while (pdf_next_value(&cursor, exact + length, &value))
			cr_expect(value.at + value.length <= exact + length, "%s", cases[i]);
		cr_expect(cursor >= exact && cursor <= exact + length, "%s: left %td behind the end", cases[i],
		          cursor - (exact + length));
		free(exact);
	}
}
