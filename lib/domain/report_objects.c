#include "lib/domain/report_objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/report_content.h"

/* Behind what modalities number themselves. */
enum { SR_SERIES = 9001, PDF_SERIES = 9002 };

/* A name as typed becomes the ideographic group of a PN; delimiters of PN cannot stand in it. PS3.5 section 6.2.1. */
static void make_pn(const char *name, char *out, size_t out_size)
{
	bool is_ascii = true;
	char *at;

	for (const char *c = name; *c; c++)
		is_ascii = is_ascii && (unsigned char)*c < 0x80;
	snprintf(out, out_size, "%s%.400s", is_ascii ? "" : "=", name);
	out[text_utf8_cut(out, strlen(out))] = '\0';
	for (at = out + !is_ascii; *at; at++)
		if (strchr("^=\\", *at))
			*at = ' ';
}

static const char *text_of(const struct db_rows *rows, const char *column)
{
	const char *text = db_get_text(rows, 0, column);

	return text ? text : "";
}

/* Dates and times are kept as they came; only what DICOM allows may go out again. */
static const char *date_of(const struct db_rows *rows, const char *column)
{
	const char *text = text_of(rows, column);

	return strlen(text) == 8 && strspn(text, "0123456789") == 8 ? text : "";
}

static const char *time_of(const struct db_rows *rows, const char *column)
{
	const char *text = text_of(rows, column);
	size_t digits = strspn(text, "0123456789");
	size_t fraction = text[digits] == '.' ? strspn(text + digits + 1, "0123456789") : 0;

	if (digits != 6 ||
	    (text[digits] == '.' ? fraction < 1 || fraction > 6 || text[digits + 1 + fraction] : text[digits]))
		return "";
	return text;
}

static const char *sex_of(const struct db_rows *rows)
{
	const char *text = text_of(rows, "sex");

	return strcmp(text, "M") == 0 || strcmp(text, "F") == 0 || strcmp(text, "O") == 0 ? text : "";
}

static void fill_study(struct dicom_report *report, const struct db_rows *study)
{
	report->study_instance_uid = text_of(study, "study_instance_uid");
	report->study_id = text_of(study, "dicom_study_id");
	report->accession_number = text_of(study, "accession_number");
	report->study_date = date_of(study, "study_date_text");
	report->study_time = time_of(study, "study_time_text");
	report->referring_physician = text_of(study, "referring_physician");
	report->study_description = text_of(study, "description");
	report->patient_name = text_of(study, "patient_name");
	report->patient_id = text_of(study, "typed_id");
	report->issuer_of_patient_id = text_of(study, "issuer");
	report->patient_birth_date = date_of(study, "birth_text");
	report->patient_sex = sex_of(study);
}

static void fill_content(struct dicom_report *report, const json_t *content)
{
	report->title = report_content_text(content, NULL, "title");
	report->issuer_institution = report_content_text(content, "issuer", "name");
	report->performer_institution = report_content_text(content, "performer", "name");
	report->method = report_content_text(content, "body", "method");
	report->findings = report_content_text(content, "body", "findings");
	report->impression = report_content_text(content, "body", "impression");
	report->recommendation = report_content_text(content, "body", "recommendation");
	report->written_us = report_time_us(report_content_text(content, NULL, "written_at"));
	report->version = (int)report_content_int(content, "report", "version");
}

static void fill_evidence(struct report_objects *objects)
{
	int count = db_rows_count(objects->images);

	objects->evidence = calloc((size_t)count + 1, sizeof *objects->evidence);
	if (!objects->evidence)
		err_panic("out of memory for a report");
	for (int i = 0; i < count; i++) {
		objects->evidence[i].sop_class_uid = db_get_text(objects->images, i, "sop_class_uid");
		objects->evidence[i].sop_instance_uid = db_get_text(objects->images, i, "sop_instance_uid");
		objects->evidence[i].series_instance_uid = db_get_text(objects->images, i, "series_instance_uid");
	}
	objects->report.evidence = objects->evidence;
	objects->report.evidence_count = (size_t)count;
}

bool report_objects_load(struct db *db, const char *task_id, const struct report_row *row, const json_t *content,
                         const char *reviewer_name, int64_t verified_us, struct report_objects *out, struct err *err)
{
	memset(out, 0, sizeof *out);
	if (!db_exec_one(db, STMT_REPORT_DICOM, DB_PARAMS(db_text(task_id)), "reading task", &out->study, err))
		return false;
	if (!db_exec(db, STMT_REPORT_EVIDENCE, DB_PARAMS(db_text(task_id)), &out->images, err)) {
		db_rows_free(out->study);
		return false;
	}
	out->row = row;
	fill_study(&out->report, out->study);
	fill_content(&out->report, content);
	fill_evidence(out);
	make_pn(report_content_text(content, "author", "name"), out->author, sizeof out->author);
	make_pn(reviewer_name, out->reviewer, sizeof out->reviewer);
	out->report.author_name = out->author;
	out->report.reviewer_name = out->reviewer;
	out->report.verified_us = verified_us;
	out->report.instance_number = row->version;
	return true;
}

void report_objects_fini(struct report_objects *objects)
{
	db_rows_free(objects->study);
	db_rows_free(objects->images);
	free(objects->evidence);
}

const struct dicom_report *report_objects_sr(struct report_objects *objects)
{
	objects->report.sop_instance_uid = objects->row->sr_uid;
	objects->report.series_instance_uid = objects->row->sr_series_uid;
	objects->report.series_number = SR_SERIES;
	return &objects->report;
}

const struct dicom_report *report_objects_pdf(struct report_objects *objects)
{
	objects->report.sop_instance_uid = objects->row->pdf_uid;
	objects->report.series_instance_uid = objects->row->pdf_series_uid;
	objects->report.series_number = PDF_SERIES;
	return &objects->report;
}
