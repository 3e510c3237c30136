#include "gateway/rendering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/accept.h"

enum { HTTP_NOT_ACCEPTABLE = 406, QUALITY = 90 };

const char *rendering_type(enum dicom_media media)
{
	return media == DICOM_MEDIA_PNG ? "image/png" : "image/jpeg";
}

static bool parse_accept(const char *text, enum dicom_media *out, struct err *err)
{
	static const struct accept_offer offers[] = {{.type = "image/jpeg"}, {.type = "image/png"}};
	struct accept accept;
	if (!accept_parse(text, &accept, err))
		return false;
	double jpeg = accept_weight(&accept, &offers[0]), png = accept_weight(&accept, &offers[1]);
	if (jpeg <= 0 && png <= 0) {
		err_set(err, ERR_REFUSED, "pictures are served as image/jpeg or image/png");
		return err_code(err, ERR_SOURCE_HTTP, HTTP_NOT_ACCEPTABLE);
	}
	*out = png > jpeg ? DICOM_MEDIA_PNG : DICOM_MEDIA_JPEG;
	return true;
}

enum { VIEWPORT_FIELDS = 6, REGION_MAX = 1000000 };

/* A whole number before a comma or the end; nothing at all: 0. */
static bool take_number(const char **at, long *out)
{
	char *rest;
	*out = 0;
	if (**at != '\0' && **at != ',') {
		if (strchr("-0123456789", **at) == NULL)
			return false;
		*out = strtol(*at, &rest, 10);
		if (rest == *at || (*rest != ',' && *rest != '\0'))
			return false;
		*at = rest;
	}
	return labs(*out) <= REGION_MAX;
}

static bool is_side(long side)
{
	return side > 0 && side <= RENDERING_SIDE_MAX;
}

/* PS3.18 section 8.3.5.1.3: "width,height", then what is shown: "left,top,width,height"; a negative width mirrors, a negative height turns over. */
static bool parse_viewport(const char *text, struct dicom_render *out, struct err *err)
{
	long field[VIEWPORT_FIELDS] = {0};
	int count = 0;
	bool ok = true;
	for (const char *at = text; ok && at != NULL && count < VIEWPORT_FIELDS; at = *at == ',' ? at + 1 : NULL) {
		ok = take_number(&at, &field[count++]);
		if (count == VIEWPORT_FIELDS)
			ok = ok && *at == '\0';
		if (!ok)
			break;
	}
	if (!ok || (count != 2 && count != 4 && count != VIEWPORT_FIELDS) || !is_side(field[0]) || !is_side(field[1]) ||
	    field[2] < 0 || field[3] < 0)
		return err_set(err, ERR_INVALID,
		               "viewport is not \"width,height\" or \"width,height,left,top,width,height\", "
		               "of 1 to %d",
		               RENDERING_SIDE_MAX);
	out->width_max = (int)field[0];
	out->height_max = (int)field[1];
	out->left = (int)field[2];
	out->top = (int)field[3];
	out->region_width = abs((int)field[4]);
	out->region_height = abs((int)field[5]);
	out->is_mirrored = field[4] < 0;
	out->is_upside_down = field[5] < 0;
	return true;
}

/* PS3.3 sections C.11.2.1.2 and C.11.2.1.3: the least width of each. */
static bool read_function(const char *word, double width, enum dicom_window *out)
{
	static const char *const words[] = {"linear", "linear-exact", "sigmoid"};
	for (int i = 0; i < 3; i++)
		if (strcasecmp(word, words[i]) == 0) {
			*out = (enum dicom_window)i;
			return i == DICOM_WINDOW_LINEAR ? width >= 1 : width > 0;
		}
	return false;
}

enum { DECIMAL_MAX = 40 };

/* A decimal number as DICOM and JSON write one, "-12.5e3", up to a comma, and behind it. */
static bool take_decimal(const char **at, double *out)
{
	size_t length = strspn(*at, "0123456789+-.eE");
	bool has_digit = (**at >= '0' && **at <= '9') || (length > 1 && strchr("+-.", **at) != NULL);
	char *rest;
	if (!has_digit || length > DECIMAL_MAX || (*at)[length] != ',')
		return false;
	*out = strtod(*at, &rest);
	if (rest != *at + length || !isfinite(*out))
		return false;
	*at = rest + 1;
	return true;
}

static bool parse_window(const char *text, struct dicom_render *out, struct err *err)
{
	double center = 0, width = 0;
	if (take_decimal(&text, &center) && take_decimal(&text, &width) &&
	    read_function(text, width, &out->window_function)) {
		out->has_window = true;
		out->window_center = center;
		out->window_width = width;
		return true;
	}
	return err_set(err, ERR_INVALID,
	               "window is not \"centre,width,function\": linear with a width of at least 1, or "
	               "linear-exact or sigmoid with one above 0");
}

bool rendering_parse_quality(const char *text, struct dicom_render *out, struct err *err)
{
	size_t length = text != NULL ? strspn(text, "0123456789") : 0;
	long quality = length > 0 && length <= 3 ? strtol(text, NULL, 10) : 0;
	if (text == NULL)
		return true;
	if (quality < 1 || quality > 100 || text[length] != '\0')
		return err_set(err, ERR_INVALID, "quality is not a number from 1 to 100");
	out->quality = (int)quality;
	return true;
}

bool rendering_check_annotation(const char *text, struct err *err)
{
	for (const char *at = text; at != NULL; at = *at == ',' ? at + 1 : NULL) {
		size_t length = strcspn(at, ",");
		if (!(length == 7 && strncmp(at, "patient", length) == 0) &&
		    !(length == 9 && strncmp(at, "technique", length) == 0))
			return err_set(err, ERR_INVALID, "annotation is not a list of \"patient\" and \"technique\"");
		at += length;
	}
	return true;
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
