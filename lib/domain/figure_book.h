/*
 * The tables of the cockpit as spreadsheets, as shown on the page: title, community, period, reading modes, definitions, then the table.
 * The numbers are those of figure_read(), coverage_read() and figure_rows_stream(); nothing is counted here.
 */
#ifndef YQ_DOMAIN_FIGURE_BOOK_H
#define YQ_DOMAIN_FIGURE_BOOK_H

#include <stdint.h>

#include "lib/domain/figure_rows.h"

#define FIGURE_BOOK_TABLES "sites workload turnaround coverage rows"

struct figure_book_query {
	struct figure_rows_query rows; /* query for every table; the rest for "rows"; limit is set here */
	const char *table;             /* one of FIGURE_BOOK_TABLES */
	bool is_english;
};

struct figure_book {
	int fd; /* the caller's, at the start of an unlinked .xlsx */
	uint64_t size;
	char name[120]; /* of the file, for people; UTF-8, no quotes, slashes or control characters */
};

/* ERR_NOT_FOUND, ERR_INVALID as figure_read(); ERR_INVALID: rows of no figure; ERR_NO_SPACE. */
bool figure_book_write(struct db *db, const struct figure_book_query *query, struct figure_book *out, struct err *err);

#endif
