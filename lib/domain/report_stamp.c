/* The picture of a visible signature: name, institution and time, as a small page of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_labels.h"
#include "lib/domain/report_paper.h"
#include "lib/domain/report_pdf.h"

enum { STAMP_MAX = 1024 * 1024 };

/* Made smaller until it is at most `height` high. */
static struct paper_style fit_height(struct paper *paper, double width, double height, struct paper_style style,
                                     const char *text)
{
	while (style.size > 3 && paper_measure(paper, width, &style, text) > height)
		style.size -= 0.5;
	return style;
}

bool report_pdf_stamp(const struct report_stamp *stamp, double width, double height, uint8_t **out, size_t *out_length,
                      struct err *err)
{
	/* One weight only: each font's subset adds some 50 KB. */
	static const struct paper_style name_style = {17, false, PAPER_LEFT, 0, 0};
	static const struct paper_style line_style = {7.5, false, PAPER_LEFT, 0.15, 0};
	const struct report_labels *labels = report_labels(stamp->language);
	const double name_width = width * 0.36, left = name_width + 6;
	struct paper_meta meta = {"", "", "", stamp->signed_us};
	char clock[CLOCK_TEXT_MAX], minute[REPORT_MINUTE_SIZE], line[128];
	struct paper *paper;
	struct text_buf buf;
	struct paper_style institution_style;
	double y = 2;

	text_buf_init(&buf, STAMP_MAX);
	if (!paper_new(width, height, &meta, &buf, &paper, err))
		return false;
	clock_format(stamp->signed_us, clock);
	report_minute(clock, minute);
	paper_line_fitted(paper, 2, height / 2 - 13, name_width, &name_style, stamp->name);
	institution_style = fit_height(paper, width - left, height - 26, line_style, stamp->institution);
	y += paper_text(paper, left, y, width - left, &institution_style, stamp->institution);
	snprintf(line, sizeof line, "%s%s%s", stamp->is_reviewer ? labels->issued_at : labels->signed_at, labels->colon,
	         minute);
	y += paper_text(paper, left, y + 1, width - left, &line_style, line) + 1;
	paper_text(paper, left, y + 1, width - left, &line_style,
	           stamp->is_demo ? labels->demo : labels->electronic_signature);
	if (!paper_finish(paper, err)) {
		text_buf_fini(&buf);
		return false;
	}
	*out = (uint8_t *)buf.data;
	*out_length = buf.length;
	return true;
}
