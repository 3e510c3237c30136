#include "lib/domain/pdf_update.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/pdf_sign.h"

void pdf_update_begin(struct pdf_update *update, const struct pdf_file *file)
{
	memset(update, 0, sizeof *update);
	update->file = file;
	update->next = file->size;
	text_buf_init(&update->out, PDF_FILE_MAX);
	pdf_update_put(update, file->data, file->length);
	if (file->data[file->length - 1] != '\n')
		pdf_update_put(update, "\n", 1);
}

uint32_t pdf_update_number(struct pdf_update *update)
{
	return update->next++;
}

void pdf_update_put(struct pdf_update *update, const void *bytes, size_t length)
{
	if (!text_buf_append(&update->out, bytes, length))
		update->has_overflowed = true;
}

void pdf_update_printf(struct pdf_update *update, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof text)
		update->has_overflowed = true;
	else
		pdf_update_put(update, text, (size_t)length);
}

void pdf_update_open_object(struct pdf_update *update, uint32_t number)
{
	if (update->count == PDF_UPDATE_OBJECTS_MAX) {
		update->has_overflowed = true;
		return;
	}
	update->entries[update->count].number = number;
	update->entries[update->count++].offset = update->out.length;
	pdf_update_printf(update, "%u 0 obj\n", number);
}

void pdf_update_close_object(struct pdf_update *update)
{
	pdf_update_printf(update, "\nendobj\n");
}

void pdf_update_string(struct pdf_update *update, const char *utf8)
{
	glong units = 0;
	gunichar2 *utf16 = g_utf8_to_utf16(utf8, -1, NULL, &units, NULL);

	pdf_update_printf(update, "<feff");
	for (glong i = 0; utf16 && i < units; i++)
		pdf_update_printf(update, "%04x", utf16[i]);
	pdf_update_printf(update, ">");
	g_free(utf16);
}

void pdf_update_extend(struct pdf_update *update, uint32_t number, struct pdf_slice dict, const char *key,
                       const char *addition)
{
	struct pdf_slice inside = {NULL, 0}, name, value;
	const uint8_t *cursor, *end;

	pdf_update_open_object(update, number);
	pdf_update_printf(update, "<<");
	if (!pdf_dict_inside(dict, &inside))
		update->has_overflowed = true;
	cursor = inside.at;
	end = inside.at + inside.length;
	while (cursor && pdf_next_value(&cursor, end, &name) && pdf_next_value(&cursor, end, &value)) {
		if (pdf_is_name(name, key))
			continue;
		pdf_update_printf(update, " ");
		pdf_update_put(update, name.at, name.length);
		pdf_update_printf(update, " ");
		pdf_update_put(update, value.at, value.length);
	}
	pdf_update_printf(update, "\n");
	pdf_update_put(update, addition, strlen(addition));
	pdf_update_printf(update, " >>");
	pdf_update_close_object(update);
}

static int by_number(const void *left, const void *right)
{
	const uint32_t *a = left, *b = right; /* number is the first member */

	return *a < *b ? -1 : *a > *b;
}

static void write_table(struct pdf_update *update)
{
	size_t start = update->out.length;
	struct pdf_slice root = {NULL, 0}, info;

	qsort(update->entries, update->count, sizeof update->entries[0], by_number);
	pdf_update_printf(update, "xref\n");
	for (size_t i = 0; i < update->count;) {
		size_t run = 1;

		while (i + run < update->count && update->entries[i + run].number == update->entries[i].number + run)
			run++;
		pdf_update_printf(update, "%u %zu\n", update->entries[i].number, run);
		for (; run > 0; run--, i++)
			pdf_update_printf(update, "%010zu 00000 n \n", update->entries[i].offset);
	}
	pdf_update_printf(update, "trailer\n<< /Size %u /Prev %zu", update->next, update->file->start_xref);
	if (!pdf_dict_get(update->file->trailer, "Root", &root))
		update->has_overflowed = true;
	pdf_update_printf(update, " /Root %.*s", (int)root.length, (const char *)root.at);
	if (pdf_dict_get(update->file->trailer, "Info", &info))
		pdf_update_printf(update, " /Info %.*s", (int)info.length, (const char *)info.at);
	pdf_update_printf(update, " >>\nstartxref\n%zu\n%%%%EOF\n", start);
}

bool pdf_update_finish(struct pdf_update *update, uint8_t **out, size_t *out_length, struct err *err)
{
	write_table(update);
	if (update->has_overflowed) {
		pdf_update_fini(update);
		return err_set(err, ERR_INVALID, "cannot extend the PDF: it is too large or of another form than ours");
	}
	*out = (uint8_t *)update->out.data; /* text_buf keeps its data on the heap */
	*out_length = update->out.length;
	return true;
}

void pdf_update_fini(struct pdf_update *update)
{
	text_buf_fini(&update->out);
}
