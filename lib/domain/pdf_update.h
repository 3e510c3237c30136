/*
 * Writing an incremental update behind a PDF file (ISO 32000-1 7.5.6): new and replaced objects, their table, a trailer
 * that points back. The bytes before it are copied unchanged.
 */
#ifndef YQ_DOMAIN_PDF_UPDATE_H
#define YQ_DOMAIN_PDF_UPDATE_H

#include "lib/base/text.h"
#include "lib/domain/pdf_file.h"

enum { PDF_UPDATE_OBJECTS_MAX = 256 };

struct pdf_update {
	const struct pdf_file *file;
	struct text_buf out;
	uint32_t next; /* first free object number */
	struct {
		uint32_t number;
		size_t offset;
	} entries[PDF_UPDATE_OBJECTS_MAX];
	size_t count;
	bool has_overflowed; /* seen by pdf_update_finish() */
};

void pdf_update_begin(struct pdf_update *update, const struct pdf_file *file);
uint32_t pdf_update_number(struct pdf_update *update); /* a new object number */
/* "N 0 obj\n"; the content follows with pdf_update_put(), then pdf_update_close_object(). */
void pdf_update_open_object(struct pdf_update *update, uint32_t number);
void pdf_update_close_object(struct pdf_update *update);
void pdf_update_put(struct pdf_update *update, const void *bytes, size_t length);
void pdf_update_printf(struct pdf_update *update, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A text string: UTF-16BE with its mark, in hexadecimal. */
void pdf_update_string(struct pdf_update *update, const char *utf8);
/* Replaces a dictionary object by itself without `key` plus "addition". */
void pdf_update_extend(struct pdf_update *update, uint32_t number, struct pdf_slice dict, const char *key,
                       const char *addition);
/* Table and trailer. *out: free(3). Ends the update in every case. */
bool pdf_update_finish(struct pdf_update *update, uint8_t **out, size_t *out_length, struct err *err);
void pdf_update_fini(struct pdf_update *update);

/*
 * Copies the first page of another PDF (by Cairo) with all that it needs, as a form XObject of width x height. *out_number: its
 * object number.
 */
bool pdf_import_page(struct pdf_update *update, const uint8_t *pdf, size_t length, double width, double height,
                     uint32_t *out_number, struct err *err);

#endif
