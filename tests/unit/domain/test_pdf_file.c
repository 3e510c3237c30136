/* The reader of PDF files at the edges of what it is given. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/pdf_file.h"
#include "lib/domain/pdf_sign.h"

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

/* A file whose form names the same field over and over. */
static size_t put_form(char *out, size_t size, int fields)
{
	int used = snprintf(out, size, "%%PDF-1.4\n1 0 obj\n<< /AcroForm << /Fields [");
	size_t two, table;

	for (int i = 0; i < fields; i++)
		used += snprintf(out + used, size - (size_t)used, " 2 0 R");
	used += snprintf(out + used, size - (size_t)used, " ] >> >>\nendobj\n");
	two = (size_t)used;
	used += snprintf(out + used, size - (size_t)used, "2 0 obj\n<< /FT /Tx >>\nendobj\n");
	table = (size_t)used;
	used += snprintf(out + used, size - (size_t)used,
	                 "xref\n0 3\n0000000000 65535 f \n0000000009 00000 n \n%010zu 00000 n \n"
	                 "trailer\n<< /Size 3 /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n",
	                 two, table);
	return (size_t)used;
}

Test(pdf_file, fields_are_bounded)
{
	static const struct {
		int fields;
		bool ok;
	} cases[] = {{0, true}, {200, true}, {201, false}, {20000, false}};
	static char file[200 * 1024];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t length = put_form(file, sizeof file, cases[i].fields), count = 9;
		struct pdf_signature found[PDF_SIGNATURES_MAX];
		bool has_tail, ok;
		struct err err = {0};

		ok = pdf_verify((const uint8_t *)file, length, NULL, found, &count, &has_tail, &err);
		cr_expect(ok == cases[i].ok, "%d fields: %s", cases[i].fields, ok ? "taken" : err.text);
		cr_expect(ok ? count == 0 : strstr(err.text, "more than 200 fields") != NULL, "%d fields: %s",
		          cases[i].fields, err.text);
	}
}
