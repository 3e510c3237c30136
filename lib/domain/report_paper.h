/*
 * Drawing on A4 with Chinese text: Cairo and Pango behind points from the top left corner. Knows nothing of reports.
 *
 * The PDF is version 1.4 with a classic cross-reference table (lib/domain/pdf_sign.h needs it), fonts embedded as subsets.
 * The same calls give the same bytes. Text is text: no markup is read, control and direction characters are shown as U+FFFD.
 * Threads: one paper at a time in a process (the font map is shared); paper_new() waits.
 */
#ifndef YQ_DOMAIN_REPORT_PAPER_H
#define YQ_DOMAIN_REPORT_PAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

#define PAPER_A4_WIDTH 595.28
#define PAPER_A4_HEIGHT 841.89

struct paper;

struct paper_meta {
	const char *title, *author, *subject;
	int64_t created_us;
};
/* Ends up in out, which the caller has initialised with a maximum, at paper_finish(). meta NULL: none. */
bool paper_new(double width, double height, const struct paper_meta *meta, struct text_buf *out, struct paper **paper,
               struct err *err);
void paper_next_page(struct paper *paper);
/* Ends the document and frees paper in every case. */
bool paper_finish(struct paper *paper, struct err *err);

enum paper_align { PAPER_LEFT, PAPER_CENTER, PAPER_RIGHT };
struct paper_style {
	double size;
	bool is_bold;
	enum paper_align align;
	double gray;    /* 0 black .. 1 white */
	double spacing; /* of lines; 0: the font's own */
};

/* Wrapped to width. Both return the height used. */
double paper_measure(struct paper *paper, double width, const struct paper_style *style, const char *text);
double paper_text(struct paper *paper, double x, double y, double width, const struct paper_style *style,
                  const char *text);
/* One line, made smaller until it fits width (not below half its size). */
void paper_line_fitted(struct paper *paper, double x, double y, double width, const struct paper_style *style,
                       const char *text);

/*
 * A long text line by line: `each` is asked before a line of this height is drawn and sets *y; it may turn the page.
 * lines_left counts this line and those behind it.
 */
typedef void paper_place_line(void *context, double height, int lines_left, double *y);
void paper_flow(struct paper *paper, double x, double width, const struct paper_style *style, const char *text,
                paper_place_line *each, void *context);

void paper_rule(struct paper *paper, double x, double y, double width, double thickness, double gray);
void paper_frame(struct paper *paper, double x, double y, double width, double height, double thickness, double gray);
void paper_fill(struct paper *paper, double x, double y, double width, double height, double gray);
/* Across the page from lower left to upper right, over what was drawn before: what lies below shows through, and it is seen on white as on black. */
void paper_watermark(struct paper *paper, const char *text);
/*
 * A JPEG (ISO 10918-1, grey or YCbCr) as large as fits the square, in its middle. Its bytes go into the PDF as they are. Borrowed until
 * paper_finish(). ERR_INVALID: it is none.
 */
bool paper_jpeg(struct paper *paper, double x, double y, double side, const uint8_t *jpeg, size_t length,
                struct err *err);
/* ISO/IEC 18004, error correction M, as squares of a path. */
bool paper_qr(struct paper *paper, double x, double y, double side, const char *text, struct err *err);

#endif
