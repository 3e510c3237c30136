/*
 * The paper of a report: A4, from its content (report_content.h), the pictures that it names, and nothing else. Byte-identical for the same.
 *
 * Room for two visible signatures is left on the last page; where, is told in PDF coordinates (points from the lower left). Signing itself
 * is pdf_sign.h's; the picture of a signature is made by report_pdf_stamp().
 */
#ifndef YQ_DOMAIN_REPORT_PDF_H
#define YQ_DOMAIN_REPORT_PDF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/domain/pdf_sign.h"
#include "lib/domain/report_pictures.h"

enum { REPORT_PDF_MAX = 8 * 1024 * 1024 };

struct report_pdf {
	uint8_t *bytes; /* free(3) */
	size_t length;
	int page_count;
	struct pdf_box author, reviewer;
};
/* pictures NULL: none are at hand. */
bool report_pdf_render(const json_t *content, const struct report_pictures *pictures, struct report_pdf *out,
                       struct err *err);

/* What a visible signature shows. */
struct report_stamp {
	bool is_reviewer;
	const char *name, *institution;
	int64_t signed_us;
	bool is_demo;
	const char *language;
};
/* A one-page PDF of width x height points. *out: free(3). */
bool report_pdf_stamp(const struct report_stamp *stamp, double width, double height, uint8_t **out, size_t *out_length,
                      struct err *err);

#endif
