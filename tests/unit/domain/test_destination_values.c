/* What can be set of a destination: protocols, values, secrets, what fits together; without a ledger. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/destination_values.h"

static const int64_t NOW_US = 1764000000LL * 1000000;

/* Lays and checks JSON over the defaults; the error's text, empty when all is good. */
static const char *verdict(const char *given_text)
{
	static struct err err;
	json_t *given = json_loads(given_text, 0, NULL), *secret = json_object();
	const char *protocol;
	json_t *values;
	bool ok;

	cr_assert(given, "%s is no JSON", given_text);
	protocol = json_string_value(json_object_get(given, "protocol"));
	values = destination_values_new(protocol);
	ok = destination_values_lay(values, given, &err) &&
	     destination_secret_lay(secret, protocol, json_object_get(given, "secret"), &err) &&
	     destination_values_check(values, secret, true, NOW_US, &err);
	if (!ok)
		cr_expect_eq(err.kind, ERR_INVALID, "%s: kind", given_text);
	json_decref(values);
	json_decref(secret);
	json_decref(given);
	return ok ? "" : err.text;
}

static const struct {
	const char *given, *want; /* in the text; NULL: good */
} cases[] = {
    {"{\"protocol\":\"dicom\",\"ae_title\":\" PACS \",\"host\":\"10.0.0.7\",\"port\":104}", NULL},
    {"{\"protocol\":\"dicom\",\"host\":\"10.0.0.7\",\"port\":104}", "AE title"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"SEVENTEENLETTERSX\",\"host\":\"h\",\"port\":104}", "AE title"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"a b\",\"port\":104}", "host"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\"}", "port"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":65536}", "1 to 65535"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":\"104\"}", "port"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"url\":\"http://x/\"}", "has no URL"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"url\":\"\"}", NULL},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"charset\":\"gb18030\"}",
     "has no character set"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"colour\":1}", "no setting 'colour'"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"destination_id\":1}", "no setting"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"tls\":\"mutual\"}", "mutual TLS"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"name\":\"a\\u0007b\"}",
     "control character"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"notes\":\"a\\nb\"}", NULL},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"is_enabled\":null}", "true or false"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"proof\":\"luck\"}", "one of these"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"rate_kbit\":15}", "16 to 100000000"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"backoff_min_ms\":5000,\"backoff_max_"
     "ms\":4000}",
     "longer than backoff_max_ms"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"deadline_ms\":1000,\"backoff_max_ms\":"
     "4000}",
     "deadline_ms"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"send_windows\":\"12:00-13:30,20:00-06:"
     "00\"}",
     NULL},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"send_windows\":\"12:00-24:00\"}",
     "send_windows"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"send_windows\":\"12:00-12:00\"}",
     "send_windows"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"send_windows\":\"12:00-13:00,\"}",
     "send_windows"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"send_windows\":\"12:00-13:60\"}",
     "send_windows"},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"secret\":{\"user\":\"a:b\",\"password\":"
     "\"p\"}}",
     NULL},
    {"{\"protocol\":\"dicom\",\"ae_title\":\"P\",\"host\":\"h\",\"port\":104,\"secret\":{\"token\":\"t\"}}",
     "has no token"},
    {"{\"protocol\":\"hl7\",\"host\":\"his.example\",\"port\":2575,\"charset\":\"gb18030\"}", NULL},
    {"{\"protocol\":\"hl7\",\"host\":\"his.example\",\"port\":2575,\"wants_images\":true}", "takes reports"},
    {"{\"protocol\":\"hl7\",\"host\":\"his.example\",\"port\":2575,\"secret\":{\"user\":\"u\"}}", "has no user"},
    {"{\"protocol\":\"stow\",\"url\":\"https://pacs.example:8443/dicom-web\",\"wants_images\":true}", NULL},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":[\"task.return\",\"study.arrived\"]}", NULL},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":[\"patient.born\"]}", "each once"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":[\"task.return\",\"task.return\"]}",
     "each once"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":[1]}", "each once"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":{}}", "each once"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"webhook_events\":[],\"wants_reports\":false}", NULL},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"wants_reports\":true}", "has no wants_reports"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://h/\",\"wants_images\":true}", "takes events"},
    {"{\"protocol\":\"hl7\",\"host\":\"h\",\"port\":2575,\"webhook_events\":[\"task.return\"]}",
     "has no list of events"},
    {"{\"protocol\":\"stow\",\"url\":\"https://[fe80::1]/x\"}", NULL},
    {"{\"protocol\":\"stow\"}", "http://"},
    {"{\"protocol\":\"stow\",\"url\":\"ftp://h/\"}", "http://"},
    {"{\"protocol\":\"stow\",\"url\":\"https://u:p@pacs.example/\"}", "user and password"},
    {"{\"protocol\":\"stow\",\"url\":\"https://u@pacs.example/\"}", "user and password"},
    {"{\"protocol\":\"stow\",\"url\":\"https://pacs.example/a b\"}", "blanks"},
    {"{\"protocol\":\"stow\",\"url\":\"https://pacs.example/#x\"}", "#"},
    {"{\"protocol\":\"stow\",\"url\":\"https://\"}", "wanted"},
    {"{\"protocol\":\"stow\",\"url\":\"http://pacs.example/\",\"tls\":\"server\"}", "says http"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":{\"password\":\"p\"}}", "user is missing"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":{\"user\":\"u\",\"password\":\"p\",\"token\":\"t\"}}",
     "one of them"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":{\"user\":\"a:b\"}}", "colon"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":{\"colour\":\"x\"}}", "no secret 'colour'"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":{\"token\":\"a\\nb\"}}", "control characters"},
    {"{\"protocol\":\"fhir\",\"url\":\"https://f/\",\"secret\":[]}", "no object"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://w/\",\"secret\":{\"signing_key\":\"0123456789abcdef\"}}", NULL},
    {"{\"protocol\":\"webhook\",\"url\":\"https://w/\",\"secret\":{\"signing_key\":\"short\"}}", "16 characters"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://w/\",\"certificate_pem\":\"nothing\"}", "no certificate"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://w/\",\"trust_pem\":\"-----BEGIN CERTIFICATE-----\\nx\\n-----END "
     "CERTIFICATE-----\\n\"}",
     "damaged"},
    {"{\"protocol\":\"webhook\",\"url\":\"https://w/\",\"certificate_pem\":\"-----BEGIN PRIVATE KEY-----\"}",
     "private key in it"},
};

Test(destination_values, each_protocol_takes_what_it_has)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = verdict(cases[i].given);

		if (cases[i].want)
			cr_expect(strstr(got, cases[i].want), "%s\n got: '%s'\nwant: '%s'", cases[i].given, got,
			          cases[i].want);
		else
			cr_expect_str_empty(got, "%s\n got: '%s'", cases[i].given, got);
	}
}

Test(destination_values, protocols_made_by_hand)
{
	struct err err;

	cr_expect(destination_protocol_check("stow", &err));
	cr_expect_not(destination_protocol_check("link", &err));
	cr_expect_not(destination_protocol_check("dico", &err));
	cr_expect_not(destination_protocol_check("", &err));
}

Test(destination_values, https_is_always_verified)
{
	json_t *values = destination_values_new("stow"), *secret = json_object();
	struct err err;

	json_object_set_new(values, "url", json_string("https://pacs.example/"));
	cr_assert(destination_values_check(values, secret, true, NOW_US, &err), "%s", err.text);
	cr_expect_str_eq(json_string_value(json_object_get(values, "tls")), "server");
	json_decref(values);
	json_decref(secret);
}

Test(destination_values, a_difference_names_what_changed_and_no_secret)
{
	json_t *before = destination_values_new("fhir"), *after = destination_values_new("fhir");
	json_t *old = json_pack("{ss ss}", "user", "u", "password", "hush"),
	       *new = json_pack("{ss ss}", "user", "u", "password", "husher");
	bool is_way;
	json_t *got;
	char *text;

	json_object_set_new(after, "notes", json_string("x"));
	got = destination_values_difference(before, after, old, old, &is_way);
	text = json_dumps(got, JSON_COMPACT);
	cr_expect_str_eq(text, "{\"notes\":[\"\",\"x\"]}");
	cr_expect_not(is_way, "notes lead nowhere");
	free(text);
	json_decref(got);
	json_object_set_new(after, "url", json_string("https://f/"));
	got = destination_values_difference(before, after, old, new, &is_way);
	text = json_dumps(got, JSON_COMPACT | JSON_SORT_KEYS);
	cr_expect_str_eq(text, "{\"notes\":[\"\",\"x\"],\"secret\":[\"password\"],\"url\":[\"\",\"https://f/\"]}");
	cr_expect(is_way);
	free(text);
	json_decref(got);
	json_decref(before);
	json_decref(after);
	json_decref(old);
	json_decref(new);
}

Test(destination_values, every_setting_has_a_default_of_its_kind)
{
	size_t count;
	const struct destination_setting *settings = destination_setting_list(&count);
	json_t *values = destination_values_new("dicom");

	for (size_t i = 0; i < count; i++)
		cr_expect(json_object_get(values, settings[i].name), "%s", settings[i].name);
	cr_expect_null(destination_setting_find("public_id"));
	json_decref(values);
}
