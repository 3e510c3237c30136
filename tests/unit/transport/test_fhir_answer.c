/* What a FHIR server answers to a transaction. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/transport/fhir_answer.h"

#define BUNDLE(entries) "{\"resourceType\":\"Bundle\",\"type\":\"transaction-response\",\"entry\":[" entries "]}"
#define OUTCOME(severity, rest)                                                                                        \
	"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"" severity "\",\"code\":\"invalid\"" rest   \
	"}]}"

static const struct {
	const char *what, *body;
	enum fhir_answer want;
	const char *text;
} cases[] = {
    {"all entries done", BUNDLE("{\"response\":{\"status\":\"200 OK\"}},{\"response\":{\"status\":\"201\"}}"),
     FHIR_ANSWER_DONE, ""},
    {"an entry failed",
     BUNDLE(
         "{\"response\":{\"status\":\"422\",\"outcome\":" OUTCOME("error", ",\"diagnostics\":\"no such code\"") "}}"),
     FHIR_ANSWER_FAILED, "no such code"},
    {"an entry failed without saying why", BUNDLE("{\"response\":{\"status\":\"500\"}}"), FHIR_ANSWER_FAILED, ""},
    {"an error", OUTCOME("error", ",\"details\":{\"text\":\"缺少\\n姓名\"}"), FHIR_ANSWER_FAILED, "缺少 姓名"},
    {"a fatal one with its code alone", OUTCOME("fatal", ""), FHIR_ANSWER_FAILED, "invalid"},
    {"information", OUTCOME("information", ",\"diagnostics\":\"ok\""), FHIR_ANSWER_DONE, ""},
    {"an empty bundle", "{\"resourceType\":\"Bundle\"}", FHIR_ANSWER_DONE, ""},
    {"another resource", "{\"resourceType\":\"Patient\"}", FHIR_ANSWER_NONE, ""},
    {"a page", "<html></html>", FHIR_ANSWER_NONE, ""},
    {"nothing", "", FHIR_ANSWER_NONE, ""},
    {"other types", "{\"resourceType\":\"Bundle\",\"entry\":[3,{\"response\":[]},{\"response\":{\"status\":7}}]}",
     FHIR_ANSWER_DONE, ""},
};

Test(fhir_answer, says_whether_it_was_done)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[FHIR_TEXT_SIZE];
		enum fhir_answer got = fhir_answer_read(cases[i].body, strlen(cases[i].body), text);

		cr_expect_eq(got, cases[i].want, "%s: got %d", cases[i].what, got);
		cr_expect_str_eq(text, cases[i].text, "%s", cases[i].what);
	}
}
