#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "gateway/credentials.h"
#include "lib/domain/workstation.h"

Test(credentials, what_is_said)
{
	static char long_token[CREDENTIALS_TEXT_SIZE + 20] = "Bearer ";
	memset(long_token + 7, 'a', CREDENTIALS_TEXT_SIZE);
	static const struct {
		const char *authorization, *user, *token; /* token NULL: nothing */
	} cases[] = {
	    {"Bearer yqt_1", "", "yqt_1"},
	    {"bearer   yqt_1", "", "yqt_1"},
	    {"Basic YTpi", "a", "b"},
	    {"BASIC YTpiOmM=", "a", "b:c"},
	    {"Basic 5Lit5b+DOng=", "中心", "x"},
	    {"Basic Og==", "", ""},
	    {"Bearer ", "", NULL},
	    {"Bearer", "", NULL},
	    {"BearerX y", "", NULL},
	    {"", "", NULL},
	    {"Basic", "", NULL},
	    {"Basic ", "", NULL},
	    {"Basic YQ==", "", NULL},     /* no colon */
	    {"Basic YTp", "", NULL},      /* no padding */
	    {"Basic ====", "", NULL},     /* nothing but padding */
	    {"Basic YTpi!!!!", "", NULL}, /* no base64 */
	    {"Basic YTpiAGM=", "", NULL}, /* NUL inside */
	    {"Basic yfo6YQ==", "", NULL}, /* Latin-1 */
	    {"Digest YTpi", "", NULL},
	    {long_token, "", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct credentials said;
		bool got = credentials_read(cases[i].authorization, &said);
		cr_expect(got == (cases[i].token != NULL), "%s", cases[i].authorization);
		if (!got || cases[i].token == NULL)
			continue;
		cr_expect_str_eq(said.user, cases[i].user);
		cr_expect_str_eq(said.token, cases[i].token);
		cr_expect(said.has_user == (strncasecmp(cases[i].authorization, "basic", 5) == 0));
	}
}

Test(credentials, which_use_opens_a_route)
{
	static const struct {
		const char *method, *pattern;
		uint32_t use;
	} cases[] = {
	    {"GET", "/dicom-web/studies", WORKSTATION_READ},
	    {"HEAD", "/dicom-web/studies/{study}", WORKSTATION_READ},
	    {"POST", "/dicom-web/studies", WORKSTATION_STORE},
	    {"POST", "/dicom-web/studies/{study}", WORKSTATION_STORE},
	    {"GET", "/dicom-web/workitems", WORKSTATION_WORKLIST},
	    {"PUT", "/dicom-web/workitems/{workitem}/state", WORKSTATION_WORKLIST},
	    {"GET", "/dicom-web/subscribers/{title}", WORKSTATION_WORKLIST},
	    {"DELETE", "/dicom-web/studies/{study}", 0},
	    {"POST", "/dicom-web/series", 0},
	    {"GET", "/dicom-webs", 0},
	    {"GET", "/api/v1/me", 0},
	    {"POST", "/api/v1/tasks/{task}/sign", 0},
	    {"GET", "/viewer", 0},
	    {"GET", "/", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		cr_expect(credentials_use_of(cases[i].method, cases[i].pattern) == cases[i].use, "%s %s",
		          cases[i].method, cases[i].pattern);
}
