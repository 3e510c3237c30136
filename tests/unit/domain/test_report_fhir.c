/* A report as FHIR R4: what the standard requires of each resource is there, and nothing is empty. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/report_fhir.h"
#include "tests/unit/domain/message_fixture.h"
#include "tests/unit/domain/report_fixture.h"

static json_t *content, *bundle;
static struct report_message message;

static void setup(void)
{
	content = report_fixture();
	message = message_fixture(content);
}

static void teardown(void)
{
	json_decref(bundle);
	json_decref(content);
}

TestSuite(report_fhir, .init = setup, .fini = teardown);

static void build(void)
{
	json_decref(bundle);
	bundle = report_fhir_build(&message);
	cr_assert_not_null(bundle);
}

/* "entry.2.resource.status"; NULL: there is no such thing. */
static json_t *at(const char *path)
{
	char copy[200], *rest = copy, *step;
	json_t *value = bundle;

	snprintf(copy, sizeof copy, "%s", path);
	while (value && (step = strsep(&rest, ".")))
		value = json_is_array(value) ? json_array_get(value, strtoul(step, NULL, 10))
		                             : json_object_get(value, step);
	return value;
}

static void expect(const char *path, const char *want)
{
	const char *got = json_string_value(at(path));

	cr_expect(got && strcmp(got, want) == 0, "%s: got %s, want %s", path, got ? got : "nothing", want);
}

#define PATIENT "entry.0.resource."
#define REQUEST "entry.1.resource."
#define REPORT "entry.2.resource."

/* No object, no array and no text is empty, and no value is null (https://hl7.org/fhir/R4/json.html). */
static void walk(json_t *value, const char *name)
{
	const char *key;
	json_t *member;
	size_t i;

	cr_expect_not(json_is_null(value), "%s is null", name);
	cr_expect_not(json_is_string(value) && *json_string_value(value) == '\0', "%s is empty", name);
	cr_expect_not((json_is_array(value) && json_array_size(value) == 0) ||
	                  (json_is_object(value) && json_object_size(value) == 0),
	              "%s has nothing in it", name);
	json_array_foreach(value, i, member) walk(member, name);
	json_object_foreach(value, key, member) walk(member, key);
}

Test(report_fhir, every_entry_is_an_update_under_an_identifier_that_stays)
{
	build();
	expect("resourceType", "Bundle");
	expect("type", "transaction");
	cr_expect_eq(json_array_size(at("entry")), 3);
	expect("entry.0.fullUrl", "urn:uuid:22222222-9d11-4c0e-8a77-1b2c3d4e5f62");
	expect("entry.0.request.method", "PUT");
	expect("entry.0.request.url",
	       "Patient?identifier=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A22222222-9d11-4c0e-8a77-1b2c3d4e5f62");
	expect("entry.1.request.url",
	       "ServiceRequest?identifier=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A33333333-9d11-4c0e-8a77-1b2c3d4e5f63");
	expect(
	    "entry.2.request.url",
	    "DiagnosticReport?identifier=urn%3Aietf%3Arfc%3A3986%7Curn%3Auuid%3A7f0c2a55-9d11-4c0e-8a77-1b2c3d4e5f60");
	/* What an update looks for stands in the resource, or the next one would not find it. */
	expect(PATIENT "identifier.0.value", "urn:uuid:22222222-9d11-4c0e-8a77-1b2c3d4e5f62");
	expect(REQUEST "identifier.0.value", "urn:uuid:33333333-9d11-4c0e-8a77-1b2c3d4e5f63");
	expect(REPORT "identifier.0.value", "urn:uuid:7f0c2a55-9d11-4c0e-8a77-1b2c3d4e5f60");
	expect(REPORT "identifier.1.value", "urn:uuid:0b9f6c1e-7a53-4a8e-9d0b-5a1c2d3e4f50");
	walk(bundle, "bundle");
}

Test(report_fhir, a_patient_is_never_found_by_the_number_of_the_day)
{
	build();
	expect(PATIENT "resourceType", "Patient");
	expect(PATIENT "identifier.1.value", "0017");
	expect(PATIENT "identifier.1.system", "urn:uuid:44444444-9d11-4c0e-8a77-1b2c3d4e5f64");
	cr_expect_not(strstr(json_string_value(at("entry.0.request.url")), "0017"));
	expect(PATIENT "name.0.text", "李𠮷祥");
	expect(PATIENT "gender", "male");
	expect(PATIENT "birthDate", "1959-03-12");
}

Test(report_fhir, the_report_has_what_r4_requires)
{
	build();
	expect(REPORT "resourceType", "DiagnosticReport");
	expect(REPORT "status", "final");
	expect(REPORT "code.coding.0.code", "18748-4");
	expect(REPORT "category.0.coding.0.code", "RAD");
	expect(REPORT "subject.reference", "urn:uuid:22222222-9d11-4c0e-8a77-1b2c3d4e5f62");
	expect(REPORT "basedOn.0.reference", "urn:uuid:33333333-9d11-4c0e-8a77-1b2c3d4e5f63");
	expect(REPORT "effectiveDateTime", "2026-11-22T08:12:00+08:00");
	expect(REPORT "issued", "2026-11-22T09:01:30.000+08:00");
	expect(REPORT "performer.0.identifier.value", "urn:uuid:55555555-9d11-4c0e-8a77-1b2c3d4e5f65");
	expect(REPORT "resultsInterpreter.0.display", "林主任");
	expect(REPORT "resultsInterpreter.1.display", "黄志明");
	expect(REPORT "imagingStudy.0.identifier.system", "urn:dicom:uid");
	expect(REPORT "imagingStudy.0.identifier.value", "urn:oid:2.25.1");
	expect(REPORT "conclusion", "1. 右肺下叶背段炎症，建议治疗后复查。\n2. 主动脉硬化。");
	expect(REPORT "conclusionCode.0.coding.0.code", "A");
	expect(REPORT "presentedForm.0.contentType", "application/pdf");
	expect(REPORT "presentedForm.0.data", "JVBERi0xLjcgYSBzaWduZWQgcGFwZXI=");
	cr_expect_eq(json_integer_value(at(REPORT "presentedForm.0.size")), 23);
	expect(REPORT "presentedForm.0.hash", "D2Al7vkQgKBRXAE4oCCh6bV3e2A=");
	expect(REPORT "text.status", "generated");
	expect(REQUEST "status", "completed");
	expect(REQUEST "intent", "order");
	expect(REQUEST "code.coding.0.code", "CT-CHEST");
	expect(REQUEST "subject.reference", "urn:uuid:22222222-9d11-4c0e-8a77-1b2c3d4e5f62");
}

Test(report_fhir, what_there_is_none_of_is_left_out)
{
	message.request_id = message.reviewer = message.item_code = message.request_number = "";
	message.pdf_length = 0;
	report_fixture_set(content, "patient", "birth_date", "");
	report_fixture_set(content, "patient", "id", "");
	report_fixture_set(content, "patient", "sex", "");
	report_fixture_set(content, "flags", "result", "");
	report_fixture_set(content, "body", "impression", "");
	report_fixture_set(content, "study", "accession_number", "");
	build();
	cr_expect_eq(json_array_size(at("entry")), 2);
	walk(bundle, "bundle");
	expect(PATIENT "gender", "unknown");
	cr_expect_null(at(PATIENT "birthDate"));
	cr_expect_null(at("entry.1.resource.basedOn"));
	cr_expect_null(at("entry.1.resource.presentedForm"));
	cr_expect_null(at("entry.1.resource.conclusionCode"));
}

Test(report_fhir, another_version_says_so_under_the_same_identifier)
{
	static const char *const want[] = {"final", "corrected", "appended", "entered-in-error"};

	message.version_id = "99999999-7a53-4a8e-9d0b-5a1c2d3e4f50";
	for (int kind = REPORT_MESSAGE_ORIGINAL; kind <= REPORT_MESSAGE_VOID; kind++) {
		message.kind = (enum report_message_kind)kind;
		build();
		expect(REPORT "status", want[kind]);
		expect(REPORT "identifier.0.value", "urn:uuid:7f0c2a55-9d11-4c0e-8a77-1b2c3d4e5f60");
		expect(REPORT "identifier.1.value", "urn:uuid:99999999-7a53-4a8e-9d0b-5a1c2d3e4f50");
	}
}

Test(report_fhir, a_text_is_no_markup)
{
	const char *shown;

	report_fixture_set(content, "body", "findings", "<script>alert(1)</script> & 2 > 1\nnext\x01");
	build();
	shown = json_string_value(at(REPORT "text.div"));
	cr_expect(strstr(shown, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 2 &gt; 1<br/>next</p>"), "%s", shown);
	cr_expect_not(strstr(shown, "<script>"));
}
