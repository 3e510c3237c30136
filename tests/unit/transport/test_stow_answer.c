/* What STOW-RS and QIDO-RS peers say about the objects that we sent; peers that lie among them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/transport/stow_answer.h"

#define UID(n) "\"00081155\":{\"vr\":\"UI\",\"Value\":[\"1.2." #n "\"]}"
#define STORED(...) "\"00081199\":{\"vr\":\"SQ\",\"Value\":[" __VA_ARGS__ "]}"
#define FAILED(...) "\"00081198\":{\"vr\":\"SQ\",\"Value\":[" __VA_ARGS__ "]}"
#define REASON(n) ",\"00081197\":{\"vr\":\"US\",\"Value\":[" #n "]}"
#define WARNING(n) ",\"00081196\":{\"vr\":\"US\",\"Value\":[" #n "]}"

enum { UNKNOWN = -1 };

/* Two objects, 1.2.1 and 1.2.2; what is wanted of each: a status, or UNKNOWN. */
static const struct {
	const char *what;
	int http;
	const char *body;
	int want[2];
} cases[] = {
    {"both listed", 200, "{" STORED("{" UID(1) "},{" UID(2) "}") "}", {0, 0}},
    {"an array around it", 200, "[{" STORED("{" UID(1) "},{" UID(2) "}") "}]", {0, 0}},
    {"a warning", 202, "{" STORED("{" UID(1) WARNING(45056) "},{" UID(2) "}") "}", {0xB000, 0}},
    {"one failed", 202, "{" STORED("{" UID(1) "}") "," FAILED("{" UID(2) REASON(42752) "}") "}", {0, 0xA700}},
    {"both failed", 409, "{" FAILED("{" UID(1) REASON(43264) "},{" UID(2) REASON(49152) "}") "}", {0xA900, 0xC000}},
    {"failed without a reason", 409, "{" FAILED("{" UID(1) "},{" UID(2) "}") "}", {0x0110, 0x0110}},
    {"a conflict that says nothing", 409, "", {0x0110, 0x0110}},
    {"all is well, and nothing listed", 200, "{}", {0, 0}},
    {"all is well, without a body", 200, "", {0, 0}},
    {"all is well, in XML", 200, "<?xml version=\"1.0\"?><NativeDicomModel/>", {0, 0}},
    {"a page of something else", 200, "<html>welcome</html>", {UNKNOWN, UNKNOWN}},
    {"some accepted, without saying which", 202, "", {UNKNOWN, UNKNOWN}},
    {"one of two listed", 200, "{" STORED("{" UID(1) "}") "}", {0, UNKNOWN}},
    {"others listed", 200, "{" STORED("{" UID(3) "},{" UID(4) "}") "}", {UNKNOWN, UNKNOWN}},
    {"stored and failed at once",
     200,
     "{" STORED("{" UID(1) "},{" UID(2) "}") "," FAILED("{" UID(2) REASON(272) "}") "}",
     {0, 0x0110}},
    {"failed with success", 202, "{" STORED("{" UID(1) "}") "," FAILED("{" UID(2) REASON(0) "}") "}", {0, 0x0110}},
    {"failed with a warning",
     202,
     "{" STORED("{" UID(1) "}") "," FAILED("{" UID(2) REASON(45056) "}") "}",
     {0, 0x0110}},
    {"stored with a failure for a warning", 200, "{" STORED("{" UID(1) WARNING(49152) "},{" UID(2) "}") "}", {0, 0}},
    {"a reason that is no number",
     409,
     "{" FAILED("{" UID(1) REASON("x") "},{" UID(2) REASON(-1) "}") "}",
     {0x0110, 0x0110}},
    {"a reason beyond 16 bits", 409, "{" FAILED("{" UID(1) REASON(70000) "},{" UID(2) "}") "}", {0x0110, 0x0110}},
    {"cut in the middle", 200, "{" STORED("{" UID(1) "},{"), {UNKNOWN, UNKNOWN}},
    {"other types everywhere", 200, "{\"00081199\":[1,{\"Value\":3}],\"00081198\":null}", {0, 0}},
};

Test(stow_answer, every_object_has_its_verdict)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct stow_verdict verdicts[2] = {{.sop_instance_uid = "1.2.1"}, {.sop_instance_uid = "1.2.2"}};

		stow_answer_read(cases[i].http, cases[i].body, strlen(cases[i].body), verdicts, 2);
		for (size_t k = 0; k < 2; k++) {
			int got = verdicts[k].sent == DICOM_SENT_ANSWERED ? verdicts[k].status : UNKNOWN;

			cr_expect_eq(got, cases[i].want[k], "%s, object %zu: got %x, want %x", cases[i].what, k + 1,
			             (unsigned)got, (unsigned)cases[i].want[k]);
		}
	}
}

#define ROW(n) "{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2." #n "\"]}}"

Test(stow_answer, what_the_peer_holds_is_marked_once)
{
	const char *const uids[] = {"1.2.1", "1.2.2", "1.2.3"};
	bool is_held[3] = {false, true, false};
	size_t rows, found;
	const char *body = "[" ROW(1) "," ROW(1) "," ROW(2) "," ROW(9) ",3,{}]";

	cr_assert(stow_query_read(body, strlen(body), uids, 3, is_held, &rows, &found));
	cr_expect_eq(rows, 6);
	cr_expect_eq(found, 1, "the others were known, or are not ours");
	cr_expect(is_held[0] && is_held[1] && !is_held[2]);
	cr_expect_not(stow_query_read("{}", 2, uids, 3, is_held, &rows, &found), "no list");
	cr_expect_not(stow_query_read("<html>", 6, uids, 3, is_held, &rows, &found), "no JSON");
	cr_expect(stow_query_read("[]", 2, uids, 3, is_held, &rows, &found) && rows == 0);
}

/* The threads that send have a small stack. */
static void *read_deep(void *context)
{
	enum { DEEP = 200000 };
	struct stow_verdict verdict = {.sop_instance_uid = "1.2.1"};
	char *body = malloc(DEEP);

	(void)context;
	memset(body, '[', DEEP);
	stow_answer_read(202, body, DEEP, &verdict, 1);
	for (size_t i = 0; i + 5 < DEEP; i += 5)
		memcpy(body + i, "{\"a\":", 5);
	stow_answer_read(202, body, DEEP, &verdict, 1);
	free(body);
	return verdict.sent == DICOM_SENT_UNKNOWN ? NULL : (void *)1;
}

Test(stow_answer, nesting_is_bounded)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *failed;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 1024 * 1024);
	cr_assert_eq(pthread_create(&thread, &attributes, read_deep, NULL), 0);
	pthread_attr_destroy(&attributes);
	pthread_join(thread, &failed);
	cr_expect_null(failed);
}
