/* The table of facts at the head of a report's paper, and the state of the page being drawn. Used by report_pdf.c. */
#ifndef YQ_DOMAIN_REPORT_SHEET_H
#define YQ_DOMAIN_REPORT_SHEET_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/domain/report_labels.h"
#include "lib/domain/report_paper.h"

struct report_pictures;

struct sheet {
	struct paper *paper;
	const json_t *content;
	const struct report_pictures *pictures;
	const struct report_labels *labels;
	bool is_english;
	int page, page_count;
	double y; /* free from here, points from the top */
	bool ok;
	struct err *err;
};

/* Draws the table at sheet->y and moves it. Rows are as high as their longest cell needs. */
void sheet_table(struct sheet *sheet, double x, double width);

#endif
