#include "lib/domain/report_paper.h"

#include <cairo-pdf.h>
#include <cairo.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <pthread.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAPER_FONT "Noto Sans CJK SC"

struct paper {
	cairo_surface_t *surface;
	cairo_t *cairo;
	PangoContext *pango;
	double width, height;
};

/* Pango's default font map is per thread: with many of them each would hold its own copy of the fonts' tables. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static PangoFontMap *font_map;

static cairo_status_t write_out(void *closure, const unsigned char *data, unsigned length)
{
	return text_buf_append(closure, data, length) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static void set_meta(cairo_surface_t *surface, const struct paper_meta *meta)
{
	time_t seconds = (time_t)(meta->created_us / 1000000);
	struct tm utc;
	char date[32];

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, meta->title);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, meta->author);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, meta->subject);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, date);
}

static PangoContext *make_context(cairo_t *cairo)
{
	cairo_font_options_t *options = cairo_font_options_create();
	PangoContext *context;

	if (!font_map)
		font_map = pango_cairo_font_map_new();
	pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(font_map), 72.0);
	context = pango_font_map_create_context(font_map);
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(context, options);
	cairo_font_options_destroy(options);
	pango_context_set_language(context, pango_language_from_string("zh-cn"));
	pango_cairo_update_context(cairo, context);
	return context;
}

bool paper_new(double width, double height, const struct paper_meta *meta, struct text_buf *out, struct paper **paper,
               struct err *err)
{
	struct paper *made = calloc(1, sizeof *made);

	if (!made)
		err_panic("out of memory for a paper");
	pthread_mutex_lock(&one_at_a_time);
	made->width = width;
	made->height = height;
	made->surface = cairo_pdf_surface_create_for_stream(write_out, out, width, height);
	cairo_pdf_surface_restrict_to_version(made->surface, CAIRO_PDF_VERSION_1_4);
	/* Without a date of ours Cairo would write the machine's own. */
	set_meta(made->surface, meta ? meta : &(struct paper_meta){"", "", "", 0});
	made->cairo = cairo_create(made->surface);
	if (cairo_status(made->cairo) != CAIRO_STATUS_SUCCESS) {
		err_set(err, ERR_TEMPORARY, "could not draw: %s", cairo_status_to_string(cairo_status(made->cairo)));
		cairo_destroy(made->cairo);
		cairo_surface_destroy(made->surface);
		free(made);
		pthread_mutex_unlock(&one_at_a_time);
		return false;
	}
	made->pango = make_context(made->cairo);
	*paper = made;
	return true;
}

void paper_next_page(struct paper *paper)
{
	cairo_show_page(paper->cairo);
}

bool paper_finish(struct paper *paper, struct err *err)
{
	cairo_status_t status;

	cairo_show_page(paper->cairo);
	g_object_unref(paper->pango);
	cairo_destroy(paper->cairo);
	cairo_surface_finish(paper->surface);
	status = cairo_surface_status(paper->surface);
	cairo_surface_destroy(paper->surface);
	free(paper);
	pthread_mutex_unlock(&one_at_a_time);
	if (status != CAIRO_STATUS_SUCCESS)
		return err_set(err, ERR_INVALID, "cannot make the paper: %s", cairo_status_to_string(status));
	return true;
}

/* U+202A..202E and U+2066..2069 turn the reading direction: on a paper they could make one word look like another. */
static bool is_hostile(gunichar c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

static char *clean(const char *text)
{
	GString *out = g_string_new(NULL);
	char *valid = g_utf8_make_valid(text, -1);

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		g_string_append_unichar(out, is_hostile(c) ? 0xfffd : c);
	}
	g_free(valid);
	return g_string_free(out, FALSE);
}

static PangoLayout *lay_out(struct paper *paper, double width, const struct paper_style *style, const char *text)
{
	static const PangoAlignment alignments[] = {PANGO_ALIGN_LEFT, PANGO_ALIGN_CENTER, PANGO_ALIGN_RIGHT};
	PangoLayout *layout = pango_layout_new(paper->pango);
	PangoFontDescription *font = pango_font_description_new();
	char *shown = clean(text);

	pango_font_description_set_family_static(font, PAPER_FONT);
	pango_font_description_set_weight(font, style->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
	pango_font_description_set_size(font, (int)lround(style->size * PANGO_SCALE));
	pango_layout_set_font_description(layout, font);
	pango_font_description_free(font);
	pango_layout_set_auto_dir(layout, FALSE);
	pango_layout_set_alignment(layout, alignments[style->align]);
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	if (width > 0)
		pango_layout_set_width(layout, (int)lround(width * PANGO_SCALE));
	if (style->spacing > 0)
		pango_layout_set_line_spacing(layout, (float)style->spacing);
	pango_layout_set_text(layout, shown, -1);
	g_free(shown);
	return layout;
}

static double height_of(PangoLayout *layout)
{
	int height = 0;

	pango_layout_get_size(layout, NULL, &height);
	return (double)height / PANGO_SCALE;
}

double paper_measure(struct paper *paper, double width, const struct paper_style *style, const char *text)
{
	PangoLayout *layout = lay_out(paper, width, style, text);
	double height = height_of(layout);

	g_object_unref(layout);
	return height;
}

static void set_gray(struct paper *paper, double gray)
{
	cairo_set_source_rgb(paper->cairo, gray, gray, gray);
}

double paper_text(struct paper *paper, double x, double y, double width, const struct paper_style *style,
                  const char *text)
{
	PangoLayout *layout = lay_out(paper, width, style, text);
	double height = height_of(layout);

	set_gray(paper, style->gray);
	cairo_move_to(paper->cairo, x, y);
	pango_cairo_show_layout(paper->cairo, layout);
	g_object_unref(layout);
	return height;
}

void paper_line_fitted(struct paper *paper, double x, double y, double width, const struct paper_style *style,
                       const char *text)
{
	struct paper_style fitted = *style;
	PangoLayout *layout = lay_out(paper, 0, style, text);
	int natural = 0;

	pango_layout_get_size(layout, &natural, NULL);
	g_object_unref(layout);
	if (natural > width * PANGO_SCALE)
		fitted.size = fmax(style->size / 2, style->size * width * PANGO_SCALE / natural * 0.99);
	paper_text(paper, x, y, width, &fitted, text);
}

void paper_flow(struct paper *paper, double x, double width, const struct paper_style *style, const char *text,
                paper_place_line *each, void *context)
{
	PangoLayout *layout = lay_out(paper, width, style, text);
	PangoLayoutIter *iter = pango_layout_get_iter(layout);
	int left = pango_layout_get_line_count(layout);

	do {
		int top = 0, bottom = 0, baseline = pango_layout_iter_get_baseline(iter);
		double y = 0;

		pango_layout_iter_get_line_yrange(iter, &top, &bottom);
		each(context, (double)(bottom - top) / PANGO_SCALE, left--, &y);
		set_gray(paper, style->gray);
		cairo_move_to(paper->cairo, x, y + (double)(baseline - top) / PANGO_SCALE);
		pango_cairo_show_layout_line(paper->cairo, pango_layout_iter_get_line_readonly(iter));
	} while (pango_layout_iter_next_line(iter));
	pango_layout_iter_free(iter);
	g_object_unref(layout);
}

void paper_rule(struct paper *paper, double x, double y, double width, double thickness, double gray)
{
	set_gray(paper, gray);
	cairo_rectangle(paper->cairo, x, y - thickness / 2, width, thickness);
	cairo_fill(paper->cairo);
}

void paper_frame(struct paper *paper, double x, double y, double width, double height, double thickness, double gray)
{
	set_gray(paper, gray);
	cairo_set_line_width(paper->cairo, thickness);
	cairo_rectangle(paper->cairo, x, y, width, height);
	cairo_stroke(paper->cairo);
}

void paper_fill(struct paper *paper, double x, double y, double width, double height, double gray)
{
	set_gray(paper, gray);
	cairo_rectangle(paper->cairo, x, y, width, height);
	cairo_fill(paper->cairo);
}

void paper_watermark(struct paper *paper, const char *text)
{
	const struct paper_style style = {52, true, PAPER_CENTER, 0, 0};
	const double length = hypot(paper->width, paper->height), gray = 0.6, opacity = 0.25;
	PangoLayout *layout = lay_out(paper, length, &style, text);

	cairo_save(paper->cairo);
	cairo_translate(paper->cairo, paper->width / 2, paper->height / 2);
	cairo_rotate(paper->cairo, -atan2(paper->height, paper->width));
	cairo_set_source_rgba(paper->cairo, gray, gray, gray, opacity);
	cairo_move_to(paper->cairo, -length / 2, -height_of(layout) / 2);
	pango_cairo_show_layout(paper->cairo, layout);
	cairo_restore(paper->cairo);
	g_object_unref(layout);
}

bool paper_qr(struct paper *paper, double x, double y, double side, const char *text, struct err *err)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	double module;

	if (!code)
		return err_set(err, ERR_INVALID, "cannot draw the QR code: text too long");
	module = side / code->width;
	set_gray(paper, 0);
	for (int row = 0; row < code->width; row++)
		for (int column = 0; column < code->width; column++)
			if (code->data[row * code->width + column] & 1)
				cairo_rectangle(paper->cairo, x + column * module, y + row * module, module, module);
	cairo_fill(paper->cairo);
	QRcode_free(code);
	return true;
}

/* Width and height of the frame header, SOF0 to SOF2; segments before it are passed by their lengths (ISO 10918-1 annex B). */
static bool jpeg_size(const uint8_t *jpeg, size_t length, int *out_width, int *out_height)
{
	size_t at = 2;

	if (length < 4 || jpeg[0] != 0xff || jpeg[1] != 0xd8)
		return false;
	while (at + 9 <= length && jpeg[at] == 0xff) {
		if (jpeg[at + 1] >= 0xc0 && jpeg[at + 1] <= 0xc2) {
			*out_height = jpeg[at + 5] << 8 | jpeg[at + 6];
			*out_width = jpeg[at + 7] << 8 | jpeg[at + 8];
			return *out_width > 0 && *out_height > 0;
		}
		at += 2 + (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
	}
	return false;
}

bool paper_jpeg(struct paper *paper, double x, double y, double side, const uint8_t *jpeg, size_t length,
                struct err *err)
{
	cairo_surface_t *image;
	int width, height;
	double scale;

	if (!jpeg_size(jpeg, length, &width, &height))
		return err_set(err, ERR_INVALID, "cannot put a picture on the paper: it is no JPEG");
	/* Its pixels are never looked at: the PDF takes the JPEG itself. */
	image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
	cairo_surface_set_mime_data(image, CAIRO_MIME_TYPE_JPEG, jpeg, length, NULL, NULL);
	scale = side / (width > height ? width : height);
	cairo_save(paper->cairo);
	cairo_translate(paper->cairo, x + (side - width * scale) / 2, y + (side - height * scale) / 2);
	cairo_scale(paper->cairo, scale, scale);
	cairo_set_source_surface(paper->cairo, image, 0, 0);
	cairo_paint(paper->cairo);
	cairo_restore(paper->cairo);
	cairo_surface_destroy(image);
	return true;
}
