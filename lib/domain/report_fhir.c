#include "lib/domain/report_fhir.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_facts.h"
#include "lib/domain/report_labels.h"

#define IDS "urn:ietf:rfc:3986" /* the system of identifiers that are URIs */
#define TYPES "http://terminology.hl7.org/CodeSystem/v2-0203"

enum { URI_SIZE = 120, SHA1_SIZE = 20, NARRATIVE_MAX = 1 << 20 };

/* ---- pieces ------------------------------------------------------------------------------------------------------------- */

static const char *content(const struct report_message *message, const char *part, const char *name)
{
	return report_content_text(message->content, part, name);
}

/* Elements may not be empty: what there is none of is left out (https://hl7.org/fhir/R4/json.html#null). */
static void set_text(json_t *object, const char *name, const char *value)
{
	if (*value)
		json_object_set_new(object, name, json_string(value));
}

static json_t *identifier(const char *system, const char *value)
{
	return json_pack("{s:s, s:s}", "system", system, "value", value);
}

static json_t *uuid_identifier(const char *id)
{
	char uri[URI_SIZE];

	snprintf(uri, sizeof(uri), "urn:uuid:%s", id);
	return identifier(IDS, uri);
}

/* A number that a site gave out: unique there and not beyond, so the site is its system. */
static json_t *site_identifier(const char *site_id, const char *type, const char *value)
{
	char system[URI_SIZE];
	json_t *made;

	snprintf(system, sizeof(system), "urn:uuid:%s", site_id);
	made = identifier(system, value);
	json_object_set_new(made, "type", json_pack("{s:[{s:s, s:s}]}", "coding", "system", TYPES, "code", type));
	return made;
}

static json_t *reference_to(const char *id)
{
	char uri[URI_SIZE];

	snprintf(uri, sizeof(uri), "urn:uuid:%s", id);
	return json_pack("{s:s}", "reference", uri);
}

/* Of somebody or something that has no resource of ours: by words. */
static json_t *named(const char *type, const char *name)
{
	return json_pack("{s:s, s:s}", "type", type, "display", name);
}

static json_t *institution(const char *id, const char *name)
{
	json_t *reference = json_pack("{s:s, s:o}", "type", "Organization", "identifier", uuid_identifier(id));

	set_text(reference, "display", name);
	return reference;
}

static json_t *coding(const char *system, const char *code, const char *display)
{
	return json_pack("{s:s, s:s, s:s}", "system", system, "code", code, "display", display);
}

/* A conditional update: "Patient?identifier=system|value", with the delimiters of a query escaped. */
static json_t *entry(const char *type, const char *id, json_t *resource)
{
	char url[URI_SIZE * 2], full_url[URI_SIZE];

	snprintf(url, sizeof(url), "%s?identifier=urn%%3Aietf%%3Arfc%%3A3986%%7Curn%%3Auuid%%3A%s", type, id);
	snprintf(full_url, sizeof(full_url), "urn:uuid:%s", id);
	return json_pack("{s:s, s:o, s:{s:s, s:s}}", "fullUrl", full_url, "resource", resource, "request", "method",
	                 "PUT", "url", url);
}

/* ---- Patient ------------------------------------------------------------------------------------------------------------- */

static const char *gender_of(const char *sex)
{
	switch (*sex) {
	case 'M':
		return "male";
	case 'F':
		return "female";
	case 'O':
		return "other";
	default:
		return "unknown";
	}
}

/* Identified by our own id: what was typed at a device may be a daily number that the next person gets again. */
static json_t *patient(const struct report_message *message)
{
	json_t *identifiers = json_array(), *made;

	json_array_append_new(identifiers, uuid_identifier(message->patient_id));
	if (*content(message, "patient", "id"))
		json_array_append_new(identifiers,
		                      site_identifier(message->site_id, "PI", content(message, "patient", "id")));
	made = json_pack("{s:s, s:o, s:s}", "resourceType", "Patient", "identifier", identifiers, "gender",
	                 gender_of(content(message, "patient", "sex")));
	if (*content(message, "patient", "name"))
		json_object_set_new(
		    made, "name",
		    json_pack("[{s:s, s:s}]", "use", "official", "text", content(message, "patient", "name")));
	set_text(made, "birthDate", content(message, "patient", "birth_date"));
	json_object_set_new(made, "managingOrganization",
	                    institution(message->site_id, content(message, "performer", "name")));
	return made;
}

/* ---- ServiceRequest -------------------------------------------------------------------------------------------------------- */

static json_t *item(const struct report_message *message)
{
	const char *shown = content(message, "request", "item");
	json_t *code = json_object();

	if (*message->item_code) {
		char system[URI_SIZE]; /* of the site's own codes */
		json_t *local;

		snprintf(system, sizeof(system), "urn:uuid:%s", message->site_id);
		local = json_pack("{s:s, s:s}", "system", system, "code", message->item_code);
		set_text(local, "display", shown);
		json_object_set_new(code, "coding", json_pack("[o]", local));
	}
	set_text(code, "text", *shown ? shown : content(message, NULL, "title"));
	return code;
}

static json_t *service_request(const struct report_message *message)
{
	json_t *identifiers = json_array(), *made;

	json_array_append_new(identifiers, uuid_identifier(message->request_id));
	if (*message->request_number)
		json_array_append_new(identifiers, site_identifier(message->site_id, "PLAC", message->request_number));
	if (*content(message, "study", "accession_number"))
		json_array_append_new(identifiers, site_identifier(message->site_id, "ACSN",
		                                                   content(message, "study", "accession_number")));
	made = json_pack("{s:s, s:o, s:s, s:s, s:o, s:o}", "resourceType", "ServiceRequest", "identifier", identifiers,
	                 "status", "completed", "intent", "order", "subject", reference_to(message->patient_id), "code",
	                 item(message));
	if (*content(message, "request", "doctor"))
		json_object_set_new(made, "requester", named("Practitioner", content(message, "request", "doctor")));
	if (*content(message, "request", "clinical_diagnosis"))
		json_object_set_new(made, "reasonCode",
		                    json_pack("[{s:s}]", "text", content(message, "request", "clinical_diagnosis")));
	return made;
}

/* ---- DiagnosticReport -------------------------------------------------------------------------------------------------------- */

/* What has a meaning in XHTML goes by its entity; control characters that XML forbids are left out. */
static bool write_escaped(struct text_buf *out, const char *text)
{
	bool ok = true;

	for (; *text && ok; text++) {
		if (*text == '&')
			ok = text_buf_printf(out, "&amp;");
		else if (*text == '<')
			ok = text_buf_printf(out, "&lt;");
		else if (*text == '>')
			ok = text_buf_printf(out, "&gt;");
		else if (*text == '\n')
			ok = text_buf_printf(out, "<br/>");
		else if ((unsigned char)*text >= 0x20 || *text == '\t')
			ok = text_buf_append(out, text, 1);
	}
	return ok;
}

static bool write_section(struct text_buf *out, const char *label, const char *text)
{
	return *text == '\0' || (text_buf_printf(out, "<p><b>%s</b><br/>", label) && write_escaped(out, text) &&
	                         text_buf_printf(out, "</p>"));
}

/* For people, also where a system understands nothing else of it. */
static void set_narrative(const struct report_message *message, json_t *made)
{
	struct text_buf out;

	text_buf_init(&out, NARRATIVE_MAX);
	if (text_buf_printf(&out, "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>") &&
	    write_escaped(&out, content(message, NULL, "title")) && text_buf_printf(&out, "</p>") &&
	    write_section(&out, "检查方法", content(message, "body", "method")) &&
	    write_section(&out, "影像学表现", content(message, "body", "findings")) &&
	    write_section(&out, "影像学诊断", content(message, "body", "impression")) &&
	    write_section(&out, "建议", content(message, "body", "recommendation")) && text_buf_printf(&out, "</div>"))
		json_object_set_new(made, "text", json_pack("{s:s, s:s}", "status", "generated", "div", out.data));
	text_buf_fini(&out);
}

/* Attachment.hash is SHA-1 in base 64, as R4 has it; what counts is the signature inside. */
static json_t *paper(const struct report_message *message)
{
	char *data = report_message_base64(message->pdf, message->pdf_length), *hash, at[CLOCK_TEXT_MAX];
	uint8_t sha1[SHA1_SIZE];
	json_t *made;

	if (EVP_Digest(message->pdf, message->pdf_length, sha1, NULL, EVP_sha1(), NULL) != 1)
		err_panic("SHA-1 is not available");
	hash = report_message_base64(sha1, sizeof(sha1));
	clock_format(message->issued_us, at);
	made = json_pack("{s:s, s:s, s:I, s:s, s:s}", "contentType", "application/pdf", "data", data, "size",
	                 (json_int_t)message->pdf_length, "hash", hash, "creation", at);
	set_text(made, "language", content(message, NULL, "language"));
	set_text(made, "title", content(message, NULL, "title"));
	free(hash);
	free(data);
	return made;
}

static json_t *study_reference(const struct report_message *message)
{
	char uri[URI_SIZE];

	snprintf(uri, sizeof(uri), "urn:oid:%s", content(message, "study", "study_instance_uid"));
	return json_pack("[{s:s, s:o}]", "type", "ImagingStudy", "identifier", identifier("urn:dicom:uid", uri));
}

/* The first two find it again: any version of the report, and this one alone. */
static json_t *report_identifiers(const struct report_message *message)
{
	json_t *identifiers = json_array();

	json_array_append_new(identifiers, uuid_identifier(message->report_id));
	json_array_append_new(identifiers, uuid_identifier(message->version_id));
	if (*content(message, "study", "accession_number"))
		json_array_append_new(identifiers, site_identifier(message->site_id, "ACSN",
		                                                   content(message, "study", "accession_number")));
	return identifiers;
}

static const char *status_of(const struct report_message *message)
{
	static const char *const words[] = {[REPORT_MESSAGE_ORIGINAL] = "final",
	                                    [REPORT_MESSAGE_CORRECTION] = "corrected",
	                                    [REPORT_MESSAGE_SUPPLEMENT] = "appended",
	                                    [REPORT_MESSAGE_VOID] = "entered-in-error"};

	return words[message->kind];
}

static void set_people(const struct report_message *message, json_t *made)
{
	json_t *readers = json_array();

	json_object_set_new(made, "performer",
	                    json_pack("[o]", institution(message->issuer_id, content(message, "issuer", "name"))));
	if (*message->reviewer)
		json_array_append_new(readers, named("Practitioner", message->reviewer));
	if (*content(message, "author", "name"))
		json_array_append_new(readers, named("Practitioner", content(message, "author", "name")));
	if (json_array_size(readers) > 0)
		json_object_set(made, "resultsInterpreter", readers);
	json_decref(readers);
}

/* Whether it is normal and whether somebody must be told, as the signers said (HL7 v3 observation interpretation). */
static void set_conclusion(const struct report_message *message, json_t *made)
{
	static const char system[] = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
	const char *result = content(message, "flags", "result");
	json_t *codes = json_array();

	set_text(made, "conclusion", content(message, "body", "impression"));
	if (strcmp(result, "positive") == 0)
		json_array_append_new(
		    codes, json_pack("{s:[o], s:s}", "coding", coding(system, "A", "Abnormal"), "text", "阳性"));
	if (strcmp(result, "negative") == 0)
		json_array_append_new(
		    codes, json_pack("{s:[o], s:s}", "coding", coding(system, "N", "Normal"), "text", "阴性"));
	if (report_content_bool(message->content, "flags", "is_critical"))
		json_array_append_new(codes, json_pack("{s:[o], s:s}", "coding",
		                                       coding(system, "AA", "Critical abnormal"), "text", "危急值"));
	if (json_array_size(codes) > 0)
		json_object_set(made, "conclusionCode", codes);
	json_decref(codes);
}

static json_t *diagnostic_report(const struct report_message *message)
{
	char issued[CLOCK_TEXT_MAX];
	json_t *made;

	clock_format(message->issued_us, issued);
	made =
	    json_pack("{s:s, s:o, s:s, s:[{s:[o]}], s:{s:[o], s:s}, s:o, s:s}", "resourceType", "DiagnosticReport",
	              "identifier", report_identifiers(message), "status", status_of(message), "category", "coding",
	              coding("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology"), "code", "coding",
	              coding("http://loinc.org", "18748-4", "Diagnostic imaging study"), "text",
	              content(message, NULL, "title"), "subject", reference_to(message->patient_id), "issued", issued);
	set_text(made, "language", content(message, NULL, "language"));
	set_narrative(message, made);
	set_text(made, "effectiveDateTime", content(message, NULL, "examined_at"));
	if (*message->request_id)
		json_object_set_new(made, "basedOn", json_pack("[o]", reference_to(message->request_id)));
	set_people(message, made);
	json_object_set_new(made, "imagingStudy", study_reference(message));
	set_conclusion(message, made);
	if (message->pdf_length > 0)
		json_object_set_new(made, "presentedForm", json_pack("[o]", paper(message)));
	return made;
}

json_t *report_fhir_build(const struct report_message *message)
{
	json_t *entries = json_array();

	json_array_append_new(entries, entry("Patient", message->patient_id, patient(message)));
	if (*message->request_id)
		json_array_append_new(entries, entry("ServiceRequest", message->request_id, service_request(message)));
	json_array_append_new(entries, entry("DiagnosticReport", message->report_id, diagnostic_report(message)));
	return json_pack("{s:s, s:s, s:o}", "resourceType", "Bundle", "type", "transaction", "entry", entries);
}
