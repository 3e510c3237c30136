#include "gateway/placeholder.h"

#include <pango/pangocairo.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FONT "Noto Sans CJK SC"

enum { LINES = 3, LINE_SIZE = 120, MARGIN_PART = 12, SIZE_PART = 14 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static PangoFontMap *font_map; /* under it */

/* The first whose class begins so. */
static const struct {
	const char *class_begins, *chinese, *english;
} kinds[] = {
    {"1.2.840.10008.5.1.4.1.1.88.59", "关键对象选择", "Key object selection"},
    {"1.2.840.10008.5.1.4.1.1.88.", "结构化报告", "Structured report"},
    {"1.2.840.10008.5.1.4.1.1.104.1", "PDF 文档", "PDF document"},
    {"1.2.840.10008.5.1.4.1.1.104.2", "CDA 文档", "CDA document"},
    {"1.2.840.10008.5.1.4.1.1.104.", "文档", "Document"},
    {"1.2.840.10008.5.1.4.1.1.9.", "波形", "Waveform"},
    {"1.2.840.10008.5.1.4.1.1.11.", "显示状态", "Presentation state"},
    {"1.2.840.10008.5.1.4.1.1.481.", "放疗数据", "Radiotherapy"},
    {"1.2.840.10008.5.1.4.1.1.66", "配准或三维数据", "Registration or spatial data"},
    {"1.2.840.10008.5.1.4.1.1.91.", "标注", "Annotations"},
    {"1.2.840.10008.5.1.4.1.1.4.2", "波谱", "Spectroscopy"},
    {"", "非图像对象", "Object without a picture"},
};

static void put_lines(const char *sop_class_uid, bool has_pixels, char out[LINES][LINE_SIZE])
{
	size_t i = 0;
	while (strncmp(sop_class_uid, kinds[i].class_begins, strlen(kinds[i].class_begins)) != 0)
		i++;
	snprintf(out[0], LINE_SIZE, "%s", has_pixels ? "图像无法在此显示" : kinds[i].chinese);
	snprintf(out[1], LINE_SIZE, "%s", has_pixels ? "This picture cannot be shown here" : kinds[i].english);
	snprintf(out[2], LINE_SIZE, "%s", dicom_uid_name(sop_class_uid));
}

static int side_of(int most)
{
	int side = most > 0 ? most : PLACEHOLDER_SIDE;
	return side < PLACEHOLDER_SIDE_MAX ? side : PLACEHOLDER_SIDE_MAX;
}

static void draw_text(cairo_t *cairo, int width, int height, const char *text)
{
	PangoContext *context = pango_font_map_create_context(font_map);
	PangoLayout *layout = pango_layout_new(context);
	PangoFontDescription *font = pango_font_description_new();
	int margin = width / MARGIN_PART, size = (width < height ? width : height) / SIZE_PART + 1, text_height;
	pango_font_description_set_family_static(font, FONT);
	pango_font_description_set_absolute_size(font, (double)size * PANGO_SCALE);
	pango_layout_set_font_description(layout, font);
	pango_layout_set_alignment(layout, PANGO_ALIGN_CENTER);
	pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_width(layout, (width - 2 * margin) * PANGO_SCALE);
	pango_layout_set_text(layout, text, -1);
	pango_layout_get_pixel_size(layout, NULL, &text_height);
	cairo_move_to(cairo, margin, (height - text_height) / 2.0);
	pango_cairo_show_layout(cairo, layout);
	pango_font_description_free(font);
	g_object_unref(layout);
	g_object_unref(context);
}

/* Opacity is what is grey in the end. */
static void draw(cairo_surface_t *surface, int width, int height, const char *text)
{
	cairo_t *cairo = cairo_create(surface);
	cairo_set_source_rgba(cairo, 0, 0, 0, 0.15);
	cairo_paint(cairo);
	cairo_set_source_rgba(cairo, 0, 0, 0, 0.85);
	cairo_rectangle(cairo, 1.5, 1.5, width - 3, height - 3);
	cairo_set_line_width(cairo, 1);
	cairo_stroke(cairo);
	pthread_mutex_lock(&one_at_a_time);
	if (font_map == NULL)
		font_map = pango_cairo_font_map_new();
	draw_text(cairo, width, height, text);
	pthread_mutex_unlock(&one_at_a_time);
	cairo_destroy(cairo);
	cairo_surface_flush(surface);
}

static uint8_t *pixels_of(cairo_surface_t *surface, int width, int height)
{
	uint8_t *pixels = malloc((size_t)width * (size_t)height);
	size_t stride = (size_t)cairo_image_surface_get_stride(surface);
	if (pixels == NULL || cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS)
		err_panic("out of memory");
	for (int row = 0; row < height; row++)
		memcpy(pixels + (size_t)row * (size_t)width,
		       cairo_image_surface_get_data(surface) + (size_t)row * stride, (size_t)width);
	return pixels;
}

bool placeholder_draw(const char *sop_class_uid, bool has_pixels, const struct dicom_render *how, uint8_t **out,
                      size_t *out_length, struct err *err)
{
	int width = side_of(how->width_max), height = side_of(how->height_max);
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, width, height);
	char lines[LINES][LINE_SIZE], text[LINES * LINE_SIZE];
	put_lines(sop_class_uid, has_pixels, lines);
	snprintf(text, sizeof text, "%s\n%s\n%s", lines[0], lines[1], lines[2]);
	draw(surface, width, height, text);
	uint8_t *pixels = pixels_of(surface, width, height);
	cairo_surface_destroy(surface);
	bool ok = dicom_draw(pixels, (uint32_t)width, (uint32_t)height, how->media, how->quality, out, out_length, err);
	free(pixels);
	return ok;
}
