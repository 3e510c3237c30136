#include "lib/domain/report_pdf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_labels.h"
#include "lib/domain/report_paper.h"
#include "lib/domain/report_pictures.h"
#include "lib/domain/report_sheet.h"

#define MARGIN 48.0
#define WIDTH (PAPER_A4_WIDTH - 2 * MARGIN)
#define BOTTOM (PAPER_A4_HEIGHT - 62.0) /* the foot begins here */
#define BOX_HEIGHT 74.0
#define BOX_GAP 14.0
#define BOX_WIDTH ((WIDTH - BOX_GAP) / 2)
#define BOX_LABEL 20.0
#define BOX_PADDING 5.0

enum { REPORT_REASON_LINE = 2200 };

static const struct paper_style text_style = {10.5, false, PAPER_LEFT, 0, 1.5};
static const struct paper_style heading_style = {11, true, PAPER_LEFT, 0, 0};
static const struct paper_style label_style = {10.5, true, PAPER_LEFT, 0, 1.5};
static const struct paper_style foot_style = {7.5, false, PAPER_LEFT, 0.3, 0};

/* ---- head and foot ------------------------------------------------------------------------------------------------ */

/* Of a version that follows another: which it follows, and why. It must be seen before anything else is read. */
static void draw_reason(struct sheet *sheet)
{
	static const struct paper_style style = {10, true, PAPER_LEFT, 0, 1};
	const char *kind = report_content_text(sheet->content, "report", "kind");
	const char *reason = report_content_text(sheet->content, "report", "reason");
	bool corrects = strcmp(kind, "correction") == 0;
	char line[REPORT_REASON_LINE];

	if (!corrects && strcmp(kind, "supplement") != 0)
		return;
	snprintf(line, sizeof line, "%s %d　%s%s%s", sheet->labels->version,
	         (int)report_content_int(sheet->content, "report", "version"),
	         corrects ? sheet->labels->corrects : sheet->labels->supplements, sheet->labels->colon, reason);
	line[text_utf8_cut(line, strlen(line))] = '\0';
	sheet->y += paper_text(sheet->paper, MARGIN, sheet->y, WIDTH, &style, line) + 6;
}

static void draw_first_head(struct sheet *sheet)
{
	static const struct paper_style issuer = {18, true, PAPER_CENTER, 0, 1.1};
	static const struct paper_style title = {14, false, PAPER_CENTER, 0, 0};
	static const struct paper_style scan = {6.5, false, PAPER_CENTER, 0.3, 0};
	const double side = 54, aside = 66;
	const char *code = report_content_text(sheet->content, "report", "code");

	sheet->y = 36;
	sheet->y += paper_text(sheet->paper, MARGIN + aside, sheet->y, WIDTH - 2 * aside, &issuer,
	                       report_content_text(sheet->content, "issuer", "name"));
	sheet->y += paper_text(sheet->paper, MARGIN + aside, sheet->y + 2, WIDTH - 2 * aside, &title,
	                       report_content_text(sheet->content, NULL, "title"));
	if (sheet->ok && *code)
		sheet->ok = paper_qr(sheet->paper, MARGIN + WIDTH - side, 30, side, code, sheet->err);
	paper_text(sheet->paper, MARGIN + WIDTH - side, 30 + side + 1, side, &scan, sheet->labels->scan);
	sheet->y = sheet->y + 10 > 98 ? sheet->y + 10 : 98;
	paper_rule(sheet->paper, MARGIN, sheet->y, WIDTH, 1.2, 0);
	sheet->y += 8;
	draw_reason(sheet);
}

/* Who and what, on every further page: a sheet that got lost must still say whose it is. */
static void draw_next_head(struct sheet *sheet)
{
	static const struct paper_style top = {11, true, PAPER_LEFT, 0, 0};
	static const struct paper_style who = {9, false, PAPER_LEFT, 0, 0};
	const json_t *content = sheet->content;
	const struct report_labels *labels = sheet->labels;
	char line[1024];

	snprintf(line, sizeof line, "%s　%s%s", report_content_text(content, "issuer", "name"),
	         report_content_text(content, NULL, "title"), labels->continued);
	paper_line_fitted(sheet->paper, MARGIN, 34, WIDTH, &top, line);
	snprintf(line, sizeof line, "%s%s%s　%s%s%s　%s%s%s　%s%s%s", labels->name, labels->colon,
	         report_content_text(content, "patient", "name"), labels->sex, labels->colon,
	         report_word_sex(report_content_text(content, "patient", "sex"), sheet->is_english), labels->age,
	         labels->colon, report_content_text(content, "patient", "age"), labels->accession_number, labels->colon,
	         report_content_text(content, "study", "accession_number"));
	sheet->y = 54 + paper_text(sheet->paper, MARGIN, 54, WIDTH, &who, line) + 5;
	paper_rule(sheet->paper, MARGIN, sheet->y, WIDTH, 0.8, 0);
	sheet->y += 10;
}

static void draw_foot(struct sheet *sheet)
{
	struct paper_style right = foot_style;
	const double top = BOTTOM + 10;
	char line[256];

	right.align = PAPER_RIGHT;
	paper_rule(sheet->paper, MARGIN, top, WIDTH, 0.5, 0.4);
	paper_line_fitted(sheet->paper, MARGIN, top + 4, WIDTH, &foot_style, sheet->labels->notice);
	snprintf(line, sizeof line, "%s %s　%s %d", sheet->labels->code,
	         report_content_text(sheet->content, "report", "code"), sheet->labels->version,
	         (int)report_content_int(sheet->content, "report", "version"));
	paper_text(sheet->paper, MARGIN, top + 17, WIDTH, &foot_style, line);
	if (sheet->is_english)
		snprintf(line, sizeof line, "Page %d of %d", sheet->page, sheet->page_count);
	else
		snprintf(line, sizeof line, "第 %d 页　共 %d 页", sheet->page, sheet->page_count);
	paper_text(sheet->paper, MARGIN, top + 17, WIDTH, &right, line);
}

static void begin_page(struct sheet *sheet)
{
	sheet->page++;
	draw_foot(sheet);
	if (sheet->page == 1)
		draw_first_head(sheet);
	else
		draw_next_head(sheet);
}

/* The watermark last: pictures would hide it, and a picture cut out of a demonstration must say what it is. */
static void end_page(struct sheet *sheet)
{
	if (report_content_bool(sheet->content, NULL, "is_demo"))
		paper_watermark(sheet->paper, sheet->labels->demo);
}

static void need(struct sheet *sheet, double height)
{
	if (sheet->y + height <= BOTTOM)
		return;
	end_page(sheet);
	paper_next_page(sheet->paper);
	begin_page(sheet);
}

/* ---- body --------------------------------------------------------------------------------------------------------- */

static void place_line(void *context, double height, int lines_left, double *y)
{
	struct sheet *sheet = context;

	/* No last line of a paragraph alone on the next page. */
	need(sheet, lines_left == 2 ? 2 * height : height);
	*y = sheet->y;
	sheet->y += height;
}

static void draw_text(struct sheet *sheet, const char *heading, const char *text)
{
	double height;

	if (!*text)
		return;
	height = paper_measure(sheet->paper, WIDTH, &heading_style, heading);
	need(sheet, height + 42); /* a heading takes two lines of its text along */
	paper_fill(sheet->paper, MARGIN, sheet->y + 2, 3, height - 4, 0.25);
	paper_text(sheet->paper, MARGIN + 8, sheet->y, WIDTH - 8, &heading_style, heading);
	sheet->y += height + 3;
	paper_flow(sheet->paper, MARGIN + 8, WIDTH - 8, &text_style, text, place_line, sheet);
	sheet->y += 9;
}

static void draw_section(struct sheet *sheet, const char *heading, const char *member)
{
	draw_text(sheet, heading, report_content_text(sheet->content, "body", member));
}

static void append(char *line, size_t size, const char *word)
{
	size_t used = strlen(line);

	snprintf(line + used, size - used, "%s%s", used ? "　" : "", word);
}

static const char *number_of(const json_t *image, const char *name, char out[24])
{
	const json_t *number = json_object_get(image, name);

	snprintf(out, 24, json_is_integer(number) ? "%lld" : "-", (long long)json_integer_value(number));
	return out;
}

/* Where to find one: number of the series, of the image in it, and of the frame where there are several. */
static void name_key_image(const json_t *image, char out[96])
{
	char series[24], number[24], frame[24];
	bool has_frames = json_integer_value(json_object_get(image, "frames")) > 1;

	snprintf(out, 96, "S%s I%s%s%s", number_of(image, "series_number", series), number_of(image, "number", number),
	         has_frames ? " F" : "", has_frames ? number_of(image, "frame", frame) : "");
}

static const char *why_no_picture(const struct sheet *sheet, const char *why)
{
	if (strcmp(why, "gone") == 0)
		return sheet->labels->picture_gone;
	return strcmp(why, "late") == 0 ? sheet->labels->picture_late : sheet->labels->picture_unshown;
}

/* One in its square, on black as on a screen, its name below; or its name and why it is not shown. */
static void draw_picture(struct sheet *sheet, double x, double side, const json_t *image)
{
	static const struct paper_style caption = {8, false, PAPER_CENTER, 0, 0};
	const struct report_picture *picture = report_pictures_find(sheet->pictures, image);
	const char *why = json_string_value(json_object_get(image, "no_picture"));
	char name[96];

	name_key_image(image, name);
	if (picture && picture->jpeg) {
		paper_fill(sheet->paper, x, sheet->y, side, side, 0);
		if (sheet->ok)
			sheet->ok =
			    paper_jpeg(sheet->paper, x, sheet->y, side, picture->jpeg, picture->length, sheet->err);
	} else {
		paper_frame(sheet->paper, x, sheet->y, side, side, 0.5, 0.5);
		paper_text(sheet->paper, x + BOX_PADDING, sheet->y + side / 3, side - 2 * BOX_PADDING, &caption,
		           why_no_picture(sheet, why ? why : ""));
	}
	paper_line_fitted(sheet->paper, x, sheet->y + side + 2, side, &caption, name);
}

/* A row stays on one page. Few are shown larger. */
static void draw_pictures(struct sheet *sheet, const json_t *images)
{
	const size_t count = json_array_size(images), columns = count <= 3 ? 3 : 4;
	const double gap = 8, below = 18, side = (WIDTH - 8 - gap * (double)(columns - 1)) / (double)columns;

	need(sheet, 20 + side + below);
	paper_fill(sheet->paper, MARGIN, sheet->y + 2, 3, 12, 0.25);
	sheet->y +=
	    paper_text(sheet->paper, MARGIN + 8, sheet->y, WIDTH - 8, &heading_style, sheet->labels->key_images) + 3;
	for (size_t i = 0; i < count; i++) {
		if (i % columns == 0)
			need(sheet, side + below);
		draw_picture(sheet, MARGIN + 8 + (double)(i % columns) * (side + gap), side, json_array_get(images, i));
		if (i % columns == columns - 1 || i + 1 == count)
			sheet->y += side + below;
	}
}

/* Reports from before pictures were printed name them alone. */
static bool has_pictures(const json_t *images)
{
	const json_t *first = json_array_get(images, 0);

	return json_object_get(first, "picture") || json_object_get(first, "no_picture");
}

static void draw_key_images(struct sheet *sheet)
{
	const json_t *images = json_object_get(sheet->content, "key_images"), *image;
	char line[2000] = "", word[96];
	size_t i;

	if (has_pictures(images)) {
		draw_pictures(sheet, images);
		return;
	}
	json_array_foreach(images, i, image)
	{
		name_key_image(image, word);
		append(line, sizeof line, word);
	}
	draw_text(sheet, sheet->labels->key_images, line);
}

static void draw_flags(struct sheet *sheet)
{
	const struct report_labels *labels = sheet->labels;
	const char *result = report_content_text(sheet->content, "flags", "result");
	const char *grade = report_content_text(sheet->content, "flags", "quality_grade");
	const char *reason = report_content_text(sheet->content, "flags", "quality_reason");
	char line[1400] = "", word[1200];
	double height;

	if (*result)
		append(line, sizeof line, strcmp(result, "positive") == 0 ? labels->positive : labels->negative);
	if (report_content_bool(sheet->content, "flags", "is_critical"))
		append(line, sizeof line, labels->critical);
	if (*grade) {
		snprintf(word, sizeof word, *reason ? "%s%s%s (%s)" : "%s%s%s", labels->quality, labels->colon, grade,
		         reason);
		append(line, sizeof line, word);
	}
	if (!report_content_bool(sheet->content, "study", "is_complete"))
		append(line, sizeof line, labels->incomplete);
	if (!*line)
		return;
	snprintf(word, sizeof word, "%s%s", labels->flags, labels->colon);
	height = paper_measure(sheet->paper, WIDTH - 90, &text_style, line);
	need(sheet, height);
	paper_text(sheet->paper, MARGIN + 8, sheet->y, 82, &label_style, word);
	paper_text(sheet->paper, MARGIN + 90, sheet->y, WIDTH - 90, &text_style, line);
	sheet->y += height + 8;
}

/* ---- signatures --------------------------------------------------------------------------------------------------- */

static struct pdf_box draw_box(struct sheet *sheet, double x, const char *label)
{
	static const struct paper_style style = {9, true, PAPER_LEFT, 0.15, 0};
	struct pdf_box box = {sheet->page, x + BOX_PADDING, 0, BOX_WIDTH - 2 * BOX_PADDING,
	                      BOX_HEIGHT - BOX_LABEL - BOX_PADDING};

	paper_frame(sheet->paper, x, sheet->y, BOX_WIDTH, BOX_HEIGHT, 0.5, 0.5);
	paper_text(sheet->paper, x + BOX_PADDING + 2, sheet->y + 4, BOX_WIDTH - 12, &style, label);
	box.y = PAPER_A4_HEIGHT - (sheet->y + BOX_HEIGHT - BOX_PADDING);
	return box;
}

static void draw_signatures(struct sheet *sheet, struct report_pdf *out)
{
	need(sheet, BOX_HEIGHT + 6);
	sheet->y += 6;
	out->author = draw_box(sheet, MARGIN, sheet->labels->author);
	out->reviewer = draw_box(sheet, MARGIN + BOX_WIDTH + BOX_GAP, sheet->labels->reviewer);
	sheet->y += BOX_HEIGHT;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static void draw(struct sheet *sheet, struct report_pdf *out)
{
	const struct report_labels *labels = sheet->labels;

	begin_page(sheet);
	sheet_table(sheet, MARGIN, WIDTH);
	sheet->y += 12;
	draw_section(sheet, labels->method, "method");
	draw_section(sheet, labels->findings, "findings");
	draw_section(sheet, labels->impression, "impression");
	draw_section(sheet, labels->recommendation, "recommendation");
	draw_key_images(sheet);
	draw_flags(sheet);
	draw_signatures(sheet, out);
	end_page(sheet);
	out->page_count = sheet->page;
}

/* Drawn twice: how many pages there are is known at the end of the first time. */
static bool draw_once(const json_t *content, const struct report_pictures *pictures, int page_count,
                      struct text_buf *buf, struct report_pdf *out, struct err *err)
{
	const char *language = report_content_text(content, NULL, "language");
	struct sheet sheet = {.content = content,
	                      .pictures = pictures,
	                      .labels = report_labels(language),
	                      .is_english = report_is_english(language),
	                      .page_count = page_count,
	                      .ok = true,
	                      .err = err};
	struct paper_meta meta = {report_content_text(content, NULL, "title"),
	                          report_content_text(content, "issuer", "name"),
	                          report_content_text(content, "report", "code"),
	                          report_time_us(report_content_text(content, NULL, "written_at"))};

	if (!paper_new(PAPER_A4_WIDTH, PAPER_A4_HEIGHT, &meta, buf, &sheet.paper, err))
		return false;
	draw(&sheet, out);
	return paper_finish(sheet.paper, err) && sheet.ok;
}

bool report_pdf_render(const json_t *content, const struct report_pictures *pictures, struct report_pdf *out,
                       struct err *err)
{
	struct report_pdf made = {NULL, 0, 0, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}};
	struct text_buf buf;

	for (int pass = 0; pass < 2; pass++) {
		text_buf_init(&buf, REPORT_PDF_MAX);
		if (!draw_once(content, pictures, made.page_count, &buf, &made, err)) {
			text_buf_fini(&buf);
			return false;
		}
		if (pass == 0)
			text_buf_fini(&buf);
	}
	made.bytes = (uint8_t *)buf.data;
	made.length = buf.length;
	*out = made;
	return true;
}
