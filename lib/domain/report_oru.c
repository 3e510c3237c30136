#include "lib/domain/report_oru.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/conf.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_facts.h"

/* Codes of our own, where LOINC and DICOM have none. */
#define OUR_CODES "99YINGQIAO"

enum { TIME_SIZE = 20, NAME_SIZE = 800 };

/* A message as it is written, field after field. */
struct oru {
	const struct report_message *message;
	struct text_buf *out;
	int field; /* of the segment at hand */
	int observations;
	bool is_full;
};

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

static void put(struct oru *oru, const char *bytes, size_t length)
{
	if (!oru->is_full && !text_buf_append(oru->out, bytes, length))
		oru->is_full = true;
}

/* What stands as it is: delimiters, codes, numbers. */
static void raw(struct oru *oru, const char *text)
{
	put(oru, text, strlen(text));
}

/* A character that means something, by its escape sequence (section 2.7); control characters have no place in a message. */
static void escape(struct oru *oru, char c, bool has_lines)
{
	static const char special[] = "|^&~\\", letters[] = "FSTRE";
	const char *at = strchr(special, c);
	char sequence[4] = "\\?\\";

	if (at) {
		sequence[1] = letters[at - special];
		raw(oru, sequence);
	} else if (c == '\n' && has_lines) {
		raw(oru, "\\.br\\");
	} else if (c == '\n' || c == '\t') {
		raw(oru, " ");
	}
}

static bool is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != 0x7f && !strchr("|^&~\\", c);
}

static void write_text(struct oru *oru, const char *text, bool has_lines)
{
	while (*text) {
		size_t plain = 0;

		while (text[plain] && is_plain(text[plain]))
			plain++;
		put(oru, text, plain);
		text += plain;
		if (*text)
			escape(oru, *text++, has_lines);
	}
}

static void text(struct oru *oru, const char *value)
{
	write_text(oru, value, false);
}

static void segment(struct oru *oru, const char *name)
{
	raw(oru, name);
	oru->field = 0;
}

/* Goes on to a field of the segment; they are written in their order. */
static struct oru *field(struct oru *oru, int number)
{
	for (; oru->field < number; oru->field++)
		raw(oru, "|");
	return oru;
}

static void end_segment(struct oru *oru)
{
	raw(oru, "\r");
}

/* ---- values ----------------------------------------------------------------------------------------------------------------- */

static const char *content(const struct oru *oru, const char *part, const char *name)
{
	return report_content_text(oru->message->content, part, name);
}

/* Of microseconds, with the offset: 20261122084207+0800. */
static void time_of(int64_t us, char out[TIME_SIZE])
{
	char shown[CLOCK_TEXT_MAX];
	size_t used = 0;

	out[0] = '\0';
	if (us == 0)
		return;
	clock_format(us, shown);
	for (const char *c = shown; *c && used < TIME_SIZE - 1; c++) {
		if (*c == '.')
			c += 3; /* milliseconds */
		else if (*c == '+' || (*c >= '0' && *c <= '9') || (*c == '-' && c - shown > 10))
			out[used++] = *c;
	}
	out[used] = '\0';
}

static void time_field(struct oru *oru, int number, int64_t us)
{
	char shown[TIME_SIZE];

	time_of(us, shown);
	raw(field(oru, number), shown);
}

static void day_field(struct oru *oru, int number, const char *day)
{
	field(oru, number);
	for (; *day; day++)
		if (*day >= '0' && *day <= '9')
			put(oru, day, 1);
}

/* EI: a number and who gave it out. Nothing when there is no number. */
static void number_field(struct oru *oru, int number, const char *value)
{
	field(oru, number);
	if (!*value)
		return;
	text(oru, value);
	raw(oru, "^");
	text(oru, content(oru, "performer", "code"));
}

/* CE, CWE. */
static void coded(struct oru *oru, const char *code, const char *shown, const char *system)
{
	text(oru, code);
	raw(oru, "^");
	text(oru, shown);
	raw(oru, "^");
	raw(oru, system);
}

/* One group of a PN, family^given^middle^prefix^suffix, as an XPN, whose prefix and suffix stand the other way round. */
static void name_group(struct oru *oru, const char *group, size_t length, const char *representation)
{
	static const int order[] = {0, 1, 2, 4, 3};
	const char *parts[5] = {"", "", "", "", ""};
	char copy[NAME_SIZE], *at = copy, *part;
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%.*s", (int)length, group);
	while (count < 5 && (part = strsep(&at, "^")))
		parts[count++] = part;
	for (count = 0; count < 5; count++) {
		text(oru, parts[order[count]]);
		raw(oru, "^");
	}
	raw(oru, "^L^"); /* legal name */
	raw(oru, representation);
}

static bool is_ascii(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)value[i] >= 0x80)
			return false;
	return true;
}

/* The signed name rules: where the name of the images is another one by now, or never had parts, it stands whole. */
static void patient_name(struct oru *oru)
{
	const char *pn = oru->message->patient_pn, *name = content(oru, "patient", "name");
	const char *second = strchr(pn, '=');
	size_t first_length = second ? (size_t)(second - pn) : strlen(pn);
	size_t second_length = second ? strcspn(second + 1, "=") : 0;
	char shown[NAME_SIZE];

	report_display_name(pn, shown, sizeof(shown));
	if (strcmp(shown, name) != 0) {
		name_group(oru, name, strcspn(name, "^"), is_ascii(name, strlen(name)) ? "A" : "I");
		return;
	}
	if (second_length > 0)
		name_group(oru, second + 1, second_length, "I");
	if (first_length > 0) {
		if (second_length > 0)
			raw(oru, "~");
		name_group(oru, pn, first_length, is_ascii(pn, first_length) ? "A" : "I");
	}
}

/* ---- segments ---------------------------------------------------------------------------------------------------------------- */

void report_oru_control_id(const char *delivery_id, char out[ORU_CONTROL_ID_SIZE])
{
	size_t used = 0;

	for (; *delivery_id && used < ORU_CONTROL_ID_SIZE - 1; delivery_id++)
		if (*delivery_id != '-')
			out[used++] = *delivery_id;
	out[used] = '\0';
}

static void header(struct oru *oru, const char *charset)
{
	char control_id[ORU_CONTROL_ID_SIZE];

	report_oru_control_id(oru->message->delivery_id, control_id);
	raw(oru, "MSH|^~\\&");
	oru->field = 2;
	text(field(oru, 3), conf_text(CONF_AE_TITLE));
	text(field(oru, 4), content(oru, "issuer", "code"));
	text(field(oru, 6), content(oru, "performer", "code"));
	time_field(oru, 7, oru->message->made_us);
	raw(field(oru, 9), "ORU^R01^ORU_R01");
	raw(field(oru, 10), control_id);
	raw(field(oru, 11), "P");
	raw(field(oru, 12), "2.5.1");
	raw(field(oru, 17), "CHN");
	raw(field(oru, 18), strcmp(charset, "gb18030") == 0 ? "GB 18030-2000" : "UNICODE UTF-8");
	end_segment(oru);
}

static void patient(struct oru *oru)
{
	const struct report_message *message = oru->message;
	const char *sex = content(oru, "patient", "sex");

	segment(oru, "PID");
	raw(field(oru, 1), "1");
	text(field(oru, 3), content(oru, "patient", "id"));
	raw(oru, "^^^");
	text(oru, *message->patient_issuer ? message->patient_issuer : content(oru, "performer", "code"));
	raw(oru, "&");
	raw(oru, message->site_id);
	raw(oru, "&GUID^PI");
	patient_name(field(oru, 5));
	day_field(oru, 7, content(oru, "patient", "birth_date"));
	raw(field(oru, 8), *sex ? sex : "U");
	end_segment(oru);
}

/* HL7 table 0004; who comes for a health check comes as an outpatient. */
static void visit(struct oru *oru)
{
	const char *class = content(oru, "patient", "class");

	segment(oru, "PV1");
	raw(field(oru, 1), "1");
	raw(field(oru, 2), strcmp(class, "emergency") == 0 ? "E" : strcmp(class, "inpatient") == 0 ? "I" : "O");
	text(field(oru, 3), content(oru, "request", "department"));
	raw(oru, "^^^");
	text(oru, content(oru, "performer", "code"));
	text(field(oru, 19), content(oru, "patient", "number"));
	end_segment(oru);
}

static void ordered_by(struct oru *oru, int number)
{
	field(oru, number);
	if (!*content(oru, "request", "doctor"))
		return;
	text(oru, oru->message->doctor_code);
	raw(oru, "^");
	text(oru, content(oru, "request", "doctor"));
}

static void order(struct oru *oru)
{
	segment(oru, "ORC");
	raw(field(oru, 1), "RE");
	number_field(oru, 2, oru->message->request_number);
	number_field(oru, 3, content(oru, "study", "accession_number"));
	raw(field(oru, 5), "CM");
	time_field(oru, 9, oru->message->issued_us);
	ordered_by(oru, 12);
	end_segment(oru);
}

/* HL7 table 0074. */
static const char *section_of(const char *modality)
{
	static const char *const sections[][2] = {{"CT", "CT"}, {"MR", "NMR"}, {"US", "RUS"},
	                                          {"DX", "RX"}, {"DR", "RX"},  {"CR", "RX"},
	                                          {"MG", "RX"}, {"NM", "NMS"}, {"ECG", "EC"}};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (strcmp(sections[i][0], modality) == 0)
			return sections[i][1];
	return "RAD";
}

static void service(struct oru *oru)
{
	const char *item = content(oru, "request", "item");

	if (*oru->message->item_code)
		coded(oru, oru->message->item_code, item, "L");
	else
		coded(oru, "18748-4", *item ? item : content(oru, NULL, "title"), "LN");
}

/* NDL: the person stands in components of a component. */
static void reader_field(struct oru *oru, int number, const char *name)
{
	field(oru, number);
	if (!*name)
		return;
	raw(oru, "&");
	text(oru, name);
}

static void observation_request(struct oru *oru)
{
	const struct report_message *message = oru->message;

	segment(oru, "OBR");
	raw(field(oru, 1), "1");
	number_field(oru, 2, message->request_number);
	number_field(oru, 3, content(oru, "study", "accession_number"));
	service(field(oru, 4));
	time_field(oru, 7, report_time_us(content(oru, NULL, "examined_at")));
	text(field(oru, 13), content(oru, "request", "clinical_diagnosis"));
	ordered_by(oru, 16);
	text(field(oru, 18), content(oru, "study", "accession_number"));
	time_field(oru, 22, message->issued_us);
	raw(field(oru, 24), section_of(content(oru, "study", "modality")));
	raw(field(oru, 25), message->kind == REPORT_MESSAGE_ORIGINAL ? "F" : "C");
	field(oru, 31);
	if (*content(oru, "request", "purpose")) {
		raw(oru, "^");
		text(oru, content(oru, "request", "purpose"));
	}
	reader_field(oru, 32, message->reviewer);
	reader_field(oru, 33, content(oru, "author", "name"));
	end_segment(oru);
}

/* Why there is another version. */
static void note(struct oru *oru)
{
	if (!*oru->message->reason)
		return;
	segment(oru, "NTE");
	raw(field(oru, 1), "1");
	raw(field(oru, 2), "L");
	write_text(field(oru, 3), oru->message->reason, true);
	end_segment(oru);
}

/* ---- observations ------------------------------------------------------------------------------------------------------------- */

struct observation {
	const char *type, *code, *name, *system;
	const char *flag; /* HL7 table 0078, or NULL */
};

/* Up to the value, field 5. */
static struct oru *begin_observation(struct oru *oru, const struct observation *what)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", ++oru->observations);
	segment(oru, "OBX");
	raw(field(oru, 1), number);
	raw(field(oru, 2), what->type);
	coded(field(oru, 3), what->code, what->name, what->system);
	return field(oru, 5);
}

/* A void withdraws what stood in the version before it (HL7 table 0085). */
static void end_observation(struct oru *oru, const struct observation *what)
{
	static const char *const states[] = {[REPORT_MESSAGE_ORIGINAL] = "F",
	                                     [REPORT_MESSAGE_CORRECTION] = "C",
	                                     [REPORT_MESSAGE_SUPPLEMENT] = "C",
	                                     [REPORT_MESSAGE_VOID] = "W"};

	raw(field(oru, 8), what->flag ? what->flag : "");
	raw(field(oru, 11), states[oru->message->kind]);
	time_field(oru, 14, report_time_us(content(oru, NULL, "examined_at")));
	coded(field(oru, 15), content(oru, "issuer", "code"), content(oru, "issuer", "name"), "L");
	end_segment(oru);
}

static void observe_text(struct oru *oru, const struct observation *what, const char *value)
{
	if (!*value)
		return;
	write_text(begin_observation(oru, what), value, true);
	end_observation(oru, what);
}

static void observe_code(struct oru *oru, const struct observation *what, const char *code, const char *name,
                         const char *system)
{
	coded(begin_observation(oru, what), code, name, system);
	end_observation(oru, what);
}

/* Very abnormal, abnormal, normal; NULL where nobody said. */
static const char *flag_of(const struct oru *oru)
{
	const char *result = content(oru, "flags", "result");

	if (report_content_bool(oru->message->content, "flags", "is_critical"))
		return "AA";
	return strcmp(result, "positive") == 0 ? "A" : strcmp(result, "negative") == 0 ? "N" : NULL;
}

static void observe_report(struct oru *oru)
{
	const struct observation study = {"ST", "113014", "DICOM Study", "DCM", NULL};
	const struct observation method = {"FT", "55111-9", "检查方法", "LN", NULL};
	const struct observation findings = {"FT", "59776-5", "影像学表现", "LN", NULL};
	const struct observation impression = {"FT", "19005-8", "影像学诊断", "LN", flag_of(oru)};
	const struct observation recommendation = {"FT", "18783-1", "建议", "LN", NULL};

	observe_text(oru, &study, content(oru, "study", "study_instance_uid"));
	observe_text(oru, &method, content(oru, "body", "method"));
	observe_text(oru, &findings, content(oru, "body", "findings"));
	observe_text(oru, &impression, content(oru, "body", "impression"));
	observe_text(oru, &recommendation, content(oru, "body", "recommendation"));
}

static void observe_flags(struct oru *oru)
{
	const struct observation result = {"CWE", "RESULT", "阴阳性", OUR_CODES, flag_of(oru)};
	const struct observation critical = {"CWE", "CRITICAL", "危急值", OUR_CODES, flag_of(oru)};
	const struct observation code = {"ST", "CODE", "验证码", OUR_CODES, NULL};
	const struct observation version = {"NM", "VERSION", "报告版本", OUR_CODES, NULL};
	const char *value = content(oru, "flags", "result");
	char number[12];

	if (*value)
		observe_code(oru, &result, value, strcmp(value, "positive") == 0 ? "阳性" : "阴性", OUR_CODES);
	if (report_content_bool(oru->message->content, "flags", "is_critical"))
		observe_code(oru, &critical, "Y", "是", "HL70136");
	observe_text(oru, &code, oru->message->verification_code);
	snprintf(number, sizeof(number), "%d", oru->message->version);
	observe_text(oru, &version, number);
}

static void observe_paper(struct oru *oru)
{
	const struct observation paper = {"ED", "18748-4", "诊断报告", "LN", NULL};
	char *base64 = report_message_base64(oru->message->pdf, oru->message->pdf_length);

	begin_observation(oru, &paper);
	text(oru, conf_text(CONF_AE_TITLE));
	raw(oru, "^Application^PDF^Base64^");
	raw(oru, base64);
	end_observation(oru, &paper);
	free(base64);
}

bool report_oru_build(const struct report_message *message, const char *charset, struct text_buf *out, struct err *err)
{
	struct oru oru = {.message = message, .out = out};

	header(&oru, charset);
	patient(&oru);
	visit(&oru);
	order(&oru);
	observation_request(&oru);
	note(&oru);
	observe_report(&oru);
	observe_flags(&oru);
	if (message->pdf_length > 0)
		observe_paper(&oru);
	return !oru.is_full || err_set(err, ERR_INVALID, "cannot send the report: it is larger than a message may be");
}
