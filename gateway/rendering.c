#include "gateway/rendering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HTTP_NOT_ACCEPTABLE = 406, QUALITY = 90 };

const char *rendering_type(enum dicom_media media)
{
	return media == DICOM_MEDIA_PNG ? "image/png" : "image/jpeg";
}

/* The weight of one element of Accept, "type;q=0.5", 1 without q. */
static double weight_of(const char *element, size_t length)
{
	for (size_t i = 0; i + 3 < length; i++)
		if (element[i] == ';') {
			size_t at = i + 1 + strspn(element + i + 1, " \t");
			if (at + 2 < length && (element[at] == 'q' || element[at] == 'Q') && element[at + 1] == '=')
				return strtod(element + at + 2, NULL);
		}
	return 1;
}

/* How well an element names a type: 3 exactly, 2 by its group, 1 anything, 0 not. */
static int fit_of(const char *element, size_t length, const char *type)
{
	size_t name = 0;
	while (name < length && element[name] != ';' && element[name] != ' ' && element[name] != '\t')
		name++;
	if (name == strlen(type) && strncasecmp(element, type, name) == 0)
		return 3;
	if (name == 7 && strncasecmp(element, "image/*", name) == 0)
		return 2;
	return name == 3 && strncmp(element, "*/*", name) == 0 ? 1 : 0;
}

/* The most exact element decides. */
static double wish_for(const char *accept, const char *type)
{
	double wish = 0;
	int best = 0;
	while (*accept != '\0') {
		accept += strspn(accept, ", \t");
		size_t length = strcspn(accept, ",");
		int fit = fit_of(accept, length, type);
		if (fit > best) {
			best = fit;
			wish = weight_of(accept, length);
		}
		accept += length;
	}
	return wish;
}

static bool parse_accept(const char *accept, enum dicom_media *out, struct err *err)
{
	*out = DICOM_MEDIA_JPEG;
	if (accept == NULL)
		return true;
	double jpeg = wish_for(accept, "image/jpeg"), png = wish_for(accept, "image/png");
	if (jpeg <= 0 && png <= 0) {
		err_set(err, ERR_REFUSED, "pictures are served as image/jpeg or image/png");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_NOT_ACCEPTABLE);
	}
	if (png > jpeg)
		*out = DICOM_MEDIA_PNG;
	return true;
}

static bool parse_viewport(const char *text, struct dicom_render *out, struct err *err)
{
	char *rest;
	long width = strtol(text, &rest, 10);
	if (rest != text && *rest == ',') {
		const char *second = rest + 1;
		long height = strtol(second, &rest, 10);
		if (rest != second && *rest == '\0' && width > 0 && height > 0 && width <= RENDERING_SIDE_MAX &&
		    height <= RENDERING_SIDE_MAX) {
			out->width_max = (int)width;
			out->height_max = (int)height;
			return true;
		}
	}
	return err_set(err, ERR_INVALID, "viewport is not \"width,height\" of 1 to %d", RENDERING_SIDE_MAX);
}

static bool parse_window(const char *text, struct dicom_render *out, struct err *err)
{
	char *rest;
	double center = strtod(text, &rest);
	if (rest != text && *rest == ',') {
		const char *second = rest + 1;
		double width = strtod(second, &rest);
		if (rest != second && strcasecmp(rest, ",linear") == 0 && isfinite(center) && isfinite(width) &&
		    width >= 1) {
			out->has_window = true;
			out->window_center = center;
			out->window_width = width;
			return true;
		}
	}
	return err_set(err, ERR_INVALID, "window is not \"centre,width,linear\" with a width of at least 1");
}

bool rendering_parse(const char *accept, const char *viewport, const char *window, struct dicom_render *out,
                     struct err *err)
{
	struct dicom_render how = {.frame = 1, .quality = QUALITY};
	if (!parse_accept(accept, &how.media, err) || (viewport != NULL && !parse_viewport(viewport, &how, err)) ||
	    (window != NULL && !parse_window(window, &how, err)))
		return false;
	*out = how;
	return true;
}
