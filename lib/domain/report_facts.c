#include "lib/domain/report_facts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/db/db.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_labels.h"

/* ---- words -------------------------------------------------------------------------------------------------------------- */

/* Components of one group, joined: a Chinese name without, another with a blank between them. */
static void join_components(const char *group, size_t length, bool is_ideographic, char *out, size_t out_size)
{
	size_t used = 0;
	bool gap = false;

	out[0] = '\0';
	for (size_t i = 0; i < length && used + 2 < out_size; i++) {
		if (group[i] == '^') {
			gap = used > 0;
			continue;
		}
		if (gap && !is_ideographic)
			out[used++] = ' ';
		gap = false;
		out[used++] = group[i];
	}
	out[used] = '\0';
	out[text_utf8_cut(out, used)] = '\0';
}

void report_display_name(const char *pn, char *out, size_t out_size)
{
	const char *second = strchr(pn, '=');
	size_t first_length = second ? (size_t)(second - pn) : strlen(pn);

	out[0] = '\0';
	if (second)
		join_components(second + 1, strcspn(second + 1, "="), true, out, out_size);
	if (out[0] == '\0') {
		bool is_ascii = true;

		for (size_t i = 0; i < first_length; i++)
			is_ascii = is_ascii && (unsigned char)pn[i] < 0x80;
		join_components(pn, first_length, !is_ascii, out, out_size);
	}
}

static const char *age_unit(char unit, bool english)
{
	switch (unit) {
	case 'Y':
		return english ? "years" : "岁";
	case 'M':
		return english ? "months" : "个月";
	case 'W':
		return english ? "weeks" : "周";
	case 'D':
		return english ? "days" : "天";
	default:
		return "";
	}
}

struct day {
	int year, month, day;
};

/* The date that a text begins with, YYYY-MM-DD. */
static bool read_day(const char *text, struct day *out)
{
	struct tm civil = {0};

	if (!strptime(text, "%Y-%m-%d", &civil))
		return false;
	*out = (struct day){civil.tm_year + 1900, civil.tm_mon + 1, civil.tm_mday};
	return true;
}

static void age_from_birth(const char *birth_date, const char *examined_at, bool english, char out[REPORT_AGE_SIZE])
{
	struct day birth, day;
	int months;

	if (!read_day(birth_date, &birth) || !read_day(examined_at, &day))
		return;
	months = (day.year - birth.year) * 12 + day.month - birth.month - (day.day < birth.day);
	if (months < 0 || months > 150 * 12)
		return;
	if (months >= 36)
		snprintf(out, REPORT_AGE_SIZE, "%d %s", months / 12, age_unit('Y', english));
	else if (months > 0)
		snprintf(out, REPORT_AGE_SIZE, "%d %s", months, age_unit('M', english));
	else
		snprintf(out, REPORT_AGE_SIZE, "%d %s", day.day - birth.day + (day.day < birth.day ? 30 : 0),
		         age_unit('D', english));
}

void report_display_age(const char *age, const char *birth_date, const char *examined_at, bool english,
                        char out[REPORT_AGE_SIZE])
{
	size_t digits = strspn(age, "0123456789");

	out[0] = '\0';
	if (digits >= 1 && digits <= 3 && strlen(age) == digits + 1 && *age_unit(age[digits], english))
		snprintf(out, REPORT_AGE_SIZE, "%ld %s", strtol(age, NULL, 10), age_unit(age[digits], english));
	else if (*age)
		(void)text_copy(out, REPORT_AGE_SIZE, age);
	else
		age_from_birth(birth_date, examined_at, english, out);
}

/* ---- the content ----------------------------------------------------------------------------------------------------------- */

static void put(json_t *object, const char *name, const char *text)
{
	/* The ledger is UTF-8: this cannot fail but for memory. */
	json_object_set_new(object, name, json_string(text ? text : ""));
}

/* Copies columns of the row into an object, under the names behind the prefix. */
static json_t *pick(const struct db_rows *rows, const char *prefix, const char *const *names)
{
	json_t *object = json_object();
	char column[64];

	for (; *names; names++) {
		snprintf(column, sizeof column, "%s%s", prefix, *names);
		put(object, *names, db_get_text(rows, 0, column));
	}
	return object;
}

static json_t *patient_part(const struct db_rows *rows, const char *examined_at, bool english)
{
	const char *sex = db_get_text(rows, 0, "patient_sex"), *birth = db_get_text(rows, 0, "birth_date");
	const char *age = db_get_text(rows, 0, "age_text");
	char name[800], shown_age[REPORT_AGE_SIZE],
	    shown_sex[2] = {sex ? (char)toupper((unsigned char)sex[0]) : '\0', '\0'};
	json_t *patient = json_object();

	report_display_name(db_get_text(rows, 0, "patient_name"), name, sizeof name);
	report_display_age(age ? age : "", birth ? birth : "", examined_at, english, shown_age);
	put(patient, "name", name);
	put(patient, "sex", shown_sex[0] && strchr("MFO", shown_sex[0]) ? shown_sex : "");
	put(patient, "age", shown_age);
	put(patient, "birth_date", birth);
	put(patient, "class", db_get_text(rows, 0, "patient_class"));
	put(patient, "number", db_get_text(rows, 0, "visit_number"));
	put(patient, "id", db_get_text(rows, 0, "patient_id"));
	return patient;
}

static json_t *flags_part(const json_t *body)
{
	json_t *flags = json_object();

	put(flags, "result", json_string_value(json_object_get(body, "result")));
	put(flags, "quality_grade", json_string_value(json_object_get(body, "quality_grade")));
	put(flags, "quality_reason", json_string_value(json_object_get(body, "quality_reason")));
	json_object_set_new(flags, "is_critical", json_boolean(json_is_true(json_object_get(body, "is_critical"))));
	return flags;
}

static json_t *body_part(const json_t *body)
{
	static const char *const names[] = {"method", "findings", "impression", "recommendation"};
	json_t *part = json_object();

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		put(part, names[i], json_string_value(json_object_get(body, names[i])));
	return part;
}

static json_t *study_part(const struct db_rows *rows)
{
	static const char *const names[] = {
	    "study_instance_uid", "accession_number", "modality", "device", "radiographer", NULL};
	json_t *study = pick(rows, "", names);

	json_object_set_new(study, "version", json_integer(db_get_int(rows, 0, "study_version")));
	json_object_set_new(study, "is_complete", json_boolean(db_get_bool(rows, 0, "is_complete")));
	return study;
}

static json_t *request_part(const struct db_rows *rows)
{
	static const char *const names[] = {"department",         "item",    "body_part", "laterality",
	                                    "clinical_diagnosis", "purpose", "history",   NULL};
	json_t *request = pick(rows, "", names);
	char doctor[800];

	/* Typed at the request, or a PN that came with the images. */
	report_display_name(db_get_text(rows, 0, "doctor"), doctor, sizeof doctor);
	put(request, "doctor", doctor);
	return request;
}

/* Of a later version the title says what it is: it stands on the PDF, in the SR and in lists of foreign systems. */
static void put_title(json_t *content, const char *title, const char *kind, bool english)
{
	char full[200];

	snprintf(full, sizeof full, "%s%s", title, report_word_kind(kind, english));
	put(content, "title", full);
}

/* Which images the report points at; a report without any says nothing of them, as those before. */
static void put_key_images(json_t *content, const char *text)
{
	json_t *images = json_loads(text, 0, NULL);

	if (json_array_size(images) > 0)
		json_object_set(content, "key_images", images);
	json_decref(images);
}

static json_t *build(const struct db_rows *rows, const struct report_occasion *occasion)
{
	static const char *const institution[] = {"id", "name", "code", NULL};
	const char *language = conf_text(CONF_LANGUAGE);
	const bool english = report_is_english(language);
	char examined[CLOCK_TEXT_MAX], written[CLOCK_TEXT_MAX];
	json_t *content = json_object();

	clock_format(db_get_time(rows, 0, "examined_at"), examined);
	clock_format(occasion->written_us, written);
	put(content, "format", "yingqiao.report.1");
	put(content, "language", language);
	json_object_set_new(content, "is_demo", json_boolean(occasion->is_demo));
	put_title(content, report_word_title(db_get_text(rows, 0, "modality"), english), occasion->row->kind, english);
	put(content, "examined_at", examined);
	put(content, "written_at", written);
	json_object_set_new(content, "report",
	                    json_pack("{s:s,s:s,s:i,s:s,s:s}", "id", occasion->row->report_id, "code",
	                              occasion->row->code, "version", occasion->row->version, "kind",
	                              occasion->row->kind, "reason",
	                              occasion->row->reason ? occasion->row->reason : ""));
	json_object_set_new(
	    content, "policy",
	    json_pack("{s:s,s:i}", "id", occasion->policy->policy_id, "version", occasion->policy->version));
	json_object_set_new(content, "author",
	                    json_pack("{s:s,s:s,s:s}", "id", occasion->row->author_id, "name", occasion->author->name,
	                              "institution", occasion->author->institution));
	json_object_set_new(content, "issuer", pick(rows, "issuer_", institution));
	json_object_set_new(content, "performer", pick(rows, "performer_", institution));
	json_object_set_new(content, "patient", patient_part(rows, examined, english));
	json_object_set_new(content, "request", request_part(rows));
	json_object_set_new(content, "study", study_part(rows));
	json_object_set_new(content, "body", body_part(occasion->body));
	json_object_set_new(content, "flags", flags_part(occasion->body));
	put_key_images(content, db_get_text(rows, 0, "key_images"));
	return content;
}

bool report_facts_content(struct db *db, const char *task_id, const struct report_occasion *occasion, json_t **out,
                          int *out_study_version, struct err *err)
{
	struct db_rows *rows;

	if (!db_exec_one(db, STMT_REPORT_FACTS, DB_PARAMS(db_text(task_id)), "reading task", &rows, err))
		return false;
	*out = build(rows, occasion);
	*out_study_version = (int)db_get_int(rows, 0, "study_version");
	db_rows_free(rows);
	return true;
}
