/* A report as ORU^R01: every field where the standard has it, nothing of a text read as a delimiter. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/charset.h"
#include "lib/domain/report_oru.h"
#include "tests/unit/domain/message_fixture.h"
#include "tests/unit/domain/report_fixture.h"

enum { MESSAGE_MAX = 1 << 20 };

static json_t *content;
static struct report_message message;
static struct text_buf out;

static void setup(void)
{
	content = report_fixture();
	message = message_fixture(content);
	text_buf_init(&out, MESSAGE_MAX);
}

static void teardown(void)
{
	text_buf_fini(&out);
	json_decref(content);
}

TestSuite(report_oru, .init = setup, .fini = teardown);

static void build(const char *charset)
{
	struct err err;

	text_buf_fini(&out);
	text_buf_init(&out, MESSAGE_MAX);
	cr_assert(report_oru_build(&message, charset, &out, &err), "%s", err.text);
}

/* The n-th segment of a name, from 1; static storage. */
static const char *segment(const char *name, int n)
{
	static char found[MESSAGE_MAX];
	const char *at = out.data;

	while (at && *at) {
		size_t length = strcspn(at, "\r");

		if (strncmp(at, name, 3) == 0 && --n == 0) {
			snprintf(found, sizeof found, "%.*s", (int)length, at);
			return found;
		}
		at = at[length] ? at + length + 1 : NULL;
	}
	return "";
}

static void expect(const char *name, int n, const char *want)
{
	cr_expect_str_eq(segment(name, n), want, "%s %d:\n got %s\nwant %s", name, n, segment(name, n), want);
}

Test(report_oru, says_what_the_paper_says)
{
	static const char observed[] = "|||F|||20261122081200+0800|TSRMYY^台山市人民医院^L";
	char want[2000];

	build("utf-8");
	expect(
	    "MSH", 1,
	    "MSH|^~\\&|YINGQIAO|TSRMYY||GHZ|20261122090500+0800||ORU^R01^ORU_R01|6b1f3f3a6a6b4d539f5e|P|2.5.1|||||CHN|"
	    "UNICODE UTF-8");
	expect("PID", 1,
	       "PID|1||0017^^^GHZ&44444444-9d11-4c0e-8a77-1b2c3d4e5f64&GUID^PI||李^𠮷祥^^^^^L^I~LI^JIXIANG^^^^^L^A||"
	       "19590312|M");
	expect("PV1", 1, "PV1|1|O|全科门诊^^^GHZ||||||||||||||||MZ20261122018");
	expect("ORC", 1, "ORC|RE|SQ\\F\\001^GHZ|GH20261122001^GHZ||CM||||20261122090130+0800|||D7^陈医生");
	expect("OBR", 1,
	       "OBR|1|SQ\\F\\001^GHZ|GH20261122001^GHZ|CT-CHEST^胸部CT平扫^L|||20261122081200+0800||||||"
	       "咳嗽、咳痰两周，加重三天，待查肺部感染"
	       "|||D7^陈医生||GH20261122001||||20261122090130+0800||CT|F|||||||&林主任|&黄志明");
	expect("NTE", 1, "");
	snprintf(want, sizeof want, "OBX|1|ST|113014^DICOM Study^DCM||2.25.1|||%s", observed);
	expect("OBX", 1, want);
	snprintf(want, sizeof want,
	         "OBX|4|FT|19005-8^影像学诊断^LN||1. 右肺下叶背段炎症，建议治疗后复查。\\.br\\2. 主动脉硬化。|||A%s",
	         observed);
	expect("OBX", 4, want);
	snprintf(want, sizeof want, "OBX|6|CWE|RESULT^阴阳性^99YINGQIAO||positive^阳性^99YINGQIAO|||A%s", observed);
	expect("OBX", 6, want);
	snprintf(want, sizeof want,
	         "OBX|9|ED|18748-4^诊断报告^LN||YINGQIAO^Application^PDF^Base64^JVBERi0xLjcgYSBzaWduZWQgcGFwZXI=|||%s",
	         observed);
	expect("OBX", 9, want);
	expect("OBX", 10, "");
}

Test(report_oru, the_control_id_fits_its_field_and_stays)
{
	char id[ORU_CONTROL_ID_SIZE];

	report_oru_control_id(message.delivery_id, id);
	cr_expect_str_eq(id, "6b1f3f3a6a6b4d539f5e");
	cr_expect_leq(strlen(id), 20);
}

/* What a person typed can neither end a field nor begin a segment. */
Test(report_oru, no_text_is_read_as_a_delimiter)
{
	report_fixture_set(content, "body", "findings", "a|b^c~d\\e&f\ng\rMSH|x\x0b\x1c\x01h\ti");
	report_fixture_set(content, "request", "department", "内科\r\nPID|9|^~\\&");
	build("utf-8");
	cr_expect(strstr(segment("OBX", 3), "|a\\F\\b\\S\\c\\R\\d\\E\\e\\T\\f\\.br\\gMSH\\F\\xh i|"), "%s",
	          segment("OBX", 3));
	cr_expect(strstr(segment("PV1", 1), "|内科 PID\\F\\9\\F\\\\S\\\\R\\\\E\\\\T\\^^^GHZ|"), "%s",
	          segment("PV1", 1));
	cr_expect_str_eq(segment("MSH", 2), "");
	cr_expect_str_eq(segment("PID", 2), "");
	for (size_t i = 0; i < out.length; i++)
		cr_assert(out.data[i] == '\r' || (unsigned char)out.data[i] >= 0x20, "control character at %zu", i);
}

Test(report_oru, flags_are_those_of_the_signers)
{
	report_fixture_set(content, "flags", "result", "negative");
	build("utf-8");
	cr_expect(strstr(segment("OBX", 4), "|||N|||F|"), "%s", segment("OBX", 4));
	json_object_set_new(json_object_get(content, "flags"), "is_critical", json_true());
	build("utf-8");
	cr_expect(strstr(segment("OBX", 4), "|||AA|||F|"), "%s", segment("OBX", 4));
	cr_expect(strstr(segment("OBX", 7), "CRITICAL^危急值^99YINGQIAO||Y^是^HL70136"), "%s", segment("OBX", 7));
	report_fixture_set(content, "flags", "result", "");
	json_object_set_new(json_object_get(content, "flags"), "is_critical", json_false());
	build("utf-8");
	cr_expect(strstr(segment("OBX", 4), "主动脉硬化。||||||F|"), "%s", segment("OBX", 4));
}

Test(report_oru, another_version_says_so)
{
	static const struct {
		enum report_message_kind kind;
		const char *observation;
	} cases[] = {{REPORT_MESSAGE_CORRECTION, "||||||C|"},
	             {REPORT_MESSAGE_SUPPLEMENT, "||||||C|"},
	             {REPORT_MESSAGE_VOID, "||||||W|"}};

	message.reason = "左右写反\n已更正";
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		message.kind = cases[i].kind;
		build("utf-8");
		cr_expect(strstr(segment("OBR", 1), "|CT|C|"), "%s", segment("OBR", 1));
		cr_expect(strstr(segment("OBX", 1), cases[i].observation), "%s", segment("OBX", 1));
		expect("NTE", 1, "NTE|1|L|左右写反\\.br\\已更正");
	}
}

/* The name that was signed rules; what the images say by now is another's. */
Test(report_oru, a_name_that_does_not_agree_stands_whole)
{
	message.patient_pn = "WANG^WU=王^五=";
	build("utf-8");
	cr_expect(strstr(segment("PID", 1), "|李𠮷祥^^^^^^L^I|"), "%s", segment("PID", 1));
	cr_expect_not(strstr(segment("PID", 1), "WANG"));
	message.patient_pn = "李𠮷祥";
	build("utf-8");
	cr_expect(strstr(segment("PID", 1), "|李𠮷祥^^^^^^L^I|"), "%s", segment("PID", 1));
	report_fixture_set(content, "patient", "name", "SMITH JOHN DR");
	message.patient_pn = "SMITH^JOHN^^DR^";
	build("utf-8");
	cr_expect(strstr(segment("PID", 1), "|SMITH^JOHN^^^DR^^L^A|"), "%s", segment("PID", 1));
}

Test(report_oru, what_there_is_none_of_stays_empty)
{
	message.request_number = message.doctor_code = message.item_code = message.reviewer = "";
	report_fixture_set(content, "patient", "sex", "");
	report_fixture_set(content, "patient", "class", "health_check");
	report_fixture_set(content, "request", "doctor", "");
	report_fixture_set(content, "study", "modality", "XA");
	message.pdf_length = 0;
	build("utf-8");
	cr_expect(strstr(segment("PID", 1), "|19590312|U"), "%s", segment("PID", 1));
	expect("ORC", 1, "ORC|RE||GH20261122001^GHZ||CM||||20261122090130+0800|||");
	cr_expect(strstr(segment("OBR", 1), "|18748-4^胸部CT平扫^LN|"), "%s", segment("OBR", 1));
	cr_expect(strstr(segment("OBR", 1), "|RAD|F|"), "%s", segment("OBR", 1));
	expect("OBX", 9, "");
}

/* 𠮷 has four bytes in GB18030; no byte of the message ends a block of MLLP or a segment but where one ends. */
Test(report_oru, all_of_it_can_be_written_in_gb18030)
{
	static char bytes[MESSAGE_MAX];
	struct charset_tally tally = {0};
	struct charset charset;
	size_t length;
	char *back;

	build("gb18030");
	cr_expect(strstr(segment("MSH", 1), "|GB 18030-2000"), "%s", segment("MSH", 1));
	cr_assert_eq(charset_encode("GB18030", CHARSET_UT, out.data, bytes, sizeof bytes, &length), CHARSET_ENCODED);
	for (size_t i = 0; i < length; i++)
		cr_assert((unsigned char)bytes[i] >= 0x20 || bytes[i] == '\r', "control character at %zu", i);
	cr_expect_not_null(memmem(bytes, length, "\x95\x34\xb2\x35", 4), "the rare character");
	charset_tally_add(&tally, bytes, length);
	charset_decide("GB18030", &tally, &charset);
	back = malloc(MESSAGE_MAX);
	charset_decode(&charset, bytes, length, back, MESSAGE_MAX);
	for (char *at = out.data; *at; at++)
		if (*at == '\r')
			*at = ' '; /* as the decoder has line ends */
	out.data[out.length - 1] = '\0';
	cr_expect_str_eq(back, out.data);
	free(back);
}

Test(report_oru, one_that_does_not_fit_is_refused)
{
	struct text_buf small;
	struct err err;

	text_buf_init(&small, 2000);
	cr_expect_not(report_oru_build(&message, "utf-8", &small, &err));
	cr_expect_eq(err.kind, ERR_INVALID);
	text_buf_fini(&small);
}
