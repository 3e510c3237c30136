#include "lib/domain/report_sheet.h"

#include <string.h>

#include "lib/domain/report_content.h"

#define CELL_PADDING 3.5

enum { PAIRS = 3 };

struct cell {
	const char *label, *value;
	int span; /* label-value pairs; 0 ends the row */
};

static const struct paper_style label_style = {9, false, PAPER_LEFT, 0.35, 0};
static const struct paper_style value_style = {9.5, false, PAPER_LEFT, 0, 0};

/* A number typed at the device is not known to be that of a visit. */
static const char *number_label(const struct report_labels *labels, const char *patient_class, const char *number)
{
	if (*number == '\0')
		return labels->patient_id;
	if (strcmp(patient_class, "outpatient") == 0 || strcmp(patient_class, "emergency") == 0)
		return labels->number_outpatient;
	if (strcmp(patient_class, "inpatient") == 0)
		return labels->number_inpatient;
	if (strcmp(patient_class, "health_check") == 0)
		return labels->number_health_check;
	return labels->number_other;
}

struct grid {
	double x, label_width, pair_width;
};

static double value_width(const struct grid *grid, const struct cell *cell)
{
	return grid->pair_width * cell->span - grid->label_width;
}

static double row_height(struct sheet *sheet, const struct grid *grid, const struct cell *row)
{
	double height = 0;

	for (const struct cell *cell = row; cell->span; cell++) {
		double label =
		    paper_measure(sheet->paper, grid->label_width - 2 * CELL_PADDING, &label_style, cell->label);
		double value = paper_measure(sheet->paper, value_width(grid, cell) - 2 * CELL_PADDING, &value_style,
		                             *cell->value ? cell->value : "—");

		height = label > height ? label : height;
		height = value > height ? value : height;
	}
	return height + 2 * CELL_PADDING;
}

static void draw_row(struct sheet *sheet, const struct grid *grid, const struct cell *row)
{
	double height = row_height(sheet, grid, row), x = grid->x;

	for (const struct cell *cell = row; cell->span; cell++) {
		double width = value_width(grid, cell);

		paper_frame(sheet->paper, x, sheet->y, grid->label_width + width, height, 0.5, 0.65);
		paper_text(sheet->paper, x + CELL_PADDING, sheet->y + CELL_PADDING,
		           grid->label_width - 2 * CELL_PADDING, &label_style, cell->label);
		paper_text(sheet->paper, x + grid->label_width + CELL_PADDING, sheet->y + CELL_PADDING,
		           width - 2 * CELL_PADDING, &value_style, *cell->value ? cell->value : "—");
		x += grid->label_width + width;
	}
	sheet->y += height;
}

void sheet_table(struct sheet *sheet, double x, double width)
{
	const json_t *c = sheet->content;
	const struct report_labels *l = sheet->labels;
	const struct grid grid = {x, sheet->is_english ? 66 : 50, width / PAIRS};
	const char *patient_class = report_content_text(c, "patient", "class");
	const char *number = report_content_text(c, "patient", "number");
	char examined[REPORT_MINUTE_SIZE], written[REPORT_MINUTE_SIZE];

	report_minute(report_content_text(c, NULL, "examined_at"), examined);
	report_minute(report_content_text(c, NULL, "written_at"), written);
	const struct cell rows[][PAIRS + 1] = {
	    {{l->name, report_content_text(c, "patient", "name"), 1},
	     {l->sex, report_word_sex(report_content_text(c, "patient", "sex"), sheet->is_english), 1},
	     {l->age, report_content_text(c, "patient", "age"), 1}},
	    {{number_label(l, patient_class, number), report_content_text(c, "patient", *number ? "number" : "id"), 1},
	     {l->accession_number, report_content_text(c, "study", "accession_number"), 1},
	     {l->patient_class, report_word_class(patient_class, sheet->is_english), 1}},
	    {{l->performer, report_content_text(c, "performer", "name"), 1},
	     {l->department, report_content_text(c, "request", "department"), 1},
	     {l->doctor, report_content_text(c, "request", "doctor"), 1}},
	    {{l->item, report_content_text(c, "request", "item"), 1},
	     {l->body_part, report_content_text(c, "request", "body_part"), 1},
	     {l->laterality, report_word_laterality(report_content_text(c, "request", "laterality"), sheet->is_english),
	      1}},
	    {{l->device, report_content_text(c, "study", "device"), 1},
	     {l->radiographer, report_content_text(c, "study", "radiographer"), 1},
	     {l->birth_date, report_content_text(c, "patient", "birth_date"), 1}},
	    {{l->examined_at, examined, 1}, {l->written_at, written, 2}},
	    {{l->clinical_diagnosis, report_content_text(c, "request", "clinical_diagnosis"), 3}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		draw_row(sheet, &grid, rows[i]);
}
