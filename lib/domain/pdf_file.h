/*
 * Reading the structure of a PDF file that has classic cross-reference tables (ISO 32000-1 7.5): where objects are, and
 * what their dictionaries say. Decodes no stream and follows nothing outside the file. For hostile bytes: every step is bounded by the
 * file, nesting by PDF_DEPTH_MAX, sections by PDF_SECTIONS_MAX.
 */
#ifndef YQ_DOMAIN_PDF_FILE_H
#define YQ_DOMAIN_PDF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum { PDF_DEPTH_MAX = 32, PDF_SECTIONS_MAX = 64, PDF_OBJECTS_MAX = 200000 };

/* A piece of the file, borrowed. at NULL: absent. */
struct pdf_slice {
	const uint8_t *at;
	size_t length;
};

struct pdf_file {
	const uint8_t *data; /* borrowed */
	size_t length;
	size_t *offsets; /* by object number; 0: free or absent */
	uint32_t size;   /* object numbers below this */
	size_t start_xref;
	struct pdf_slice trailer; /* dictionary of the newest section */
};

bool pdf_file_open(const uint8_t *data, size_t length, struct pdf_file *out, struct err *err);
void pdf_file_close(struct pdf_file *file);

/* The value of an object, and its raw stream bytes when it has some (stream may be NULL). */
bool pdf_object(const struct pdf_file *file, uint32_t number, struct pdf_slice *value, struct pdf_slice *stream,
                struct err *err);

/* Moves *cursor behind the next value and gives its slice; false at the end or on nonsense. */
bool pdf_next_value(const uint8_t **cursor, const uint8_t *end, struct pdf_slice *value);
/* Inside "<<...>>" (or "[...]"): the contents without the brackets. */
bool pdf_dict_inside(struct pdf_slice value, struct pdf_slice *inside);
bool pdf_array_inside(struct pdf_slice value, struct pdf_slice *inside);
/* Value of "/key" of a dictionary; false when absent or value is no dictionary. key without slash. */
bool pdf_dict_get(struct pdf_slice dict, const char *key, struct pdf_slice *value);
/* "12 0 R" -> 12. */
bool pdf_reference(struct pdf_slice value, uint32_t *number);
/* A non-negative integer. */
bool pdf_integer(struct pdf_slice value, uint64_t *number);
bool pdf_number(struct pdf_slice value, double *number);
bool pdf_is_name(struct pdf_slice value, const char *name); /* without slash */
/* A string, literal or hexadecimal, as UTF-8 (UTF-16BE with mark is converted), cut to the buffer. */
bool pdf_string(struct pdf_slice value, char *out, size_t out_size);

/* Follows a reference once; other values stay. */
bool pdf_resolve(const struct pdf_file *file, struct pdf_slice value, struct pdf_slice *out, struct err *err);
/* Looks key up in dict and follows it. ERR_INVALID names the key. */
bool pdf_get(const struct pdf_file *file, struct pdf_slice dict, const char *key, struct pdf_slice *out,
             struct err *err);
/* The document catalogue: its object number and value. */
bool pdf_catalog(const struct pdf_file *file, uint32_t *number, struct pdf_slice *value, struct err *err);
/* Object number and value of page 1, 2, ... */
bool pdf_page(const struct pdf_file *file, int page, uint32_t *number, struct pdf_slice *value, struct err *err);

#endif
