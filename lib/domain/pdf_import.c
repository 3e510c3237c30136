/* Copies a page of one PDF into another as a form XObject: what hangs below it gets new object numbers. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/pdf_update.h"

struct import {
	struct pdf_update *update;
	const struct pdf_file *source;
	uint32_t *numbers; /* of the source -> of the target; 0: not met yet */
	uint32_t *queue;   /* met, to be copied */
	size_t queued, done;
};

static uint32_t target_number(struct import *import, uint32_t number)
{
	if (number >= import->source->size)
		return 0;
	if (!import->numbers[number]) {
		import->numbers[number] = pdf_update_number(import->update);
		import->queue[import->queued++] = number;
	}
	return import->numbers[number];
}

static bool copy_value(struct import *import, struct pdf_slice value, int depth, struct err *err);

static bool copy_inside(struct import *import, struct pdf_slice inside, int depth, struct err *err)
{
	const uint8_t *cursor = inside.at;
	struct pdf_slice value;

	while (pdf_next_value(&cursor, inside.at + inside.length, &value)) {
		pdf_update_printf(import->update, " ");
		if (!copy_value(import, value, depth + 1, err))
			return false;
	}
	return true;
}

static bool copy_value(struct import *import, struct pdf_slice value, int depth, struct err *err)
{
	struct pdf_slice inside;
	uint32_t number;
	bool ok = true;

	if (depth > PDF_DEPTH_MAX)
		return err_set(err, ERR_INVALID, "cannot import a page: nested too deep");
	if (pdf_reference(value, &number)) {
		pdf_update_printf(import->update, "%u 0 R", target_number(import, number));
	} else if (pdf_dict_inside(value, &inside)) {
		pdf_update_printf(import->update, "<<");
		ok = copy_inside(import, inside, depth, err);
		pdf_update_printf(import->update, " >>");
	} else if (pdf_array_inside(value, &inside)) {
		pdf_update_printf(import->update, "[");
		ok = copy_inside(import, inside, depth, err);
		pdf_update_printf(import->update, " ]");
	} else {
		pdf_update_put(import->update, value.at, value.length);
	}
	return ok;
}

static void put_stream(struct pdf_update *update, struct pdf_slice stream)
{
	pdf_update_printf(update, "\nstream\n");
	pdf_update_put(update, stream.at, stream.length);
	pdf_update_printf(update, "\nendstream");
}

static bool copy_object(struct import *import, uint32_t number, struct err *err)
{
	struct pdf_slice value, stream;

	if (!pdf_object(import->source, number, &value, &stream, err))
		return false;
	pdf_update_open_object(import->update, import->numbers[number]);
	if (!copy_value(import, value, 0, err))
		return false;
	if (stream.at)
		put_stream(import->update, stream);
	pdf_update_close_object(import->update);
	return true;
}

/* The page's own content becomes the form's: with its filter, its resources and its transparency group. */
static bool write_form(struct import *import, struct pdf_slice page, double width, double height, uint32_t number,
                       struct err *err)
{
	struct pdf_update *update = import->update;
	struct pdf_slice contents, dict, stream, part;
	uint32_t contents_number;

	if (!pdf_dict_get(page, "Contents", &contents) || !pdf_reference(contents, &contents_number))
		return err_set(err, ERR_INVALID, "cannot import a page: no single content stream");
	if (!pdf_object(import->source, contents_number, &dict, &stream, err))
		return false;
	pdf_update_open_object(update, number);
	pdf_update_printf(update, "<< /Type /XObject /Subtype /Form /BBox [0 0 %.2f %.2f] /Length %zu", width, height,
	                  stream.length);
	if (pdf_dict_get(dict, "Filter", &part)) {
		pdf_update_printf(update, " /Filter ");
		pdf_update_put(update, part.at, part.length);
	}
	pdf_update_printf(update, " /Resources ");
	if (!pdf_dict_get(page, "Resources", &part) || !copy_value(import, part, 0, err))
		return err_set(err, ERR_INVALID, "cannot import a page: no resources");
	if (pdf_dict_get(page, "Group", &part)) {
		pdf_update_printf(update, " /Group ");
		if (!copy_value(import, part, 0, err))
			return false;
	}
	pdf_update_printf(update, " >>");
	put_stream(update, stream);
	pdf_update_close_object(update);
	return true;
}

bool pdf_import_page(struct pdf_update *update, const uint8_t *pdf, size_t length, double width, double height,
                     uint32_t *out_number, struct err *err)
{
	struct pdf_file source;
	struct import import = {update, &source, NULL, NULL, 0, 0};
	struct pdf_slice page;
	uint32_t page_number, number = pdf_update_number(update);
	bool ok;

	if (!pdf_file_open(pdf, length, &source, err))
		return false;
	import.numbers = calloc(source.size, sizeof *import.numbers);
	import.queue = calloc(source.size, sizeof *import.queue);
	if (!import.numbers || !import.queue)
		err_panic("out of memory for a PDF");
	ok = pdf_page(&source, 1, &page_number, &page, err) && write_form(&import, page, width, height, number, err);
	while (ok && import.done < import.queued)
		ok = copy_object(&import, import.queue[import.done++], err);
	free(import.numbers);
	free(import.queue);
	pdf_file_close(&source);
	if (ok)
		*out_number = number;
	return ok;
}
