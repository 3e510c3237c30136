/* What is read of URLs that an operator types. */
#include <criterion/criterion.h>

#include "lib/http/url.h"

static const struct {
	const char *text;
	bool ok;
	const char *host;
	bool is_tls, has_user, has_fragment;
} cases[] = {
    {"https://pacs.example:8443/dicom-web?x=1", true, "pacs.example", true, false, false},
    {"http://10.0.0.7", true, "10.0.0.7", false, false, false},
    {"https://[fe80::1]:8443/", true, "fe80::1", true, false, false},
    {"https://u@pacs.example/", true, "pacs.example", true, true, false},
    {"https://u:p@pacs.example/", true, "pacs.example", true, true, false},
    {"https://pacs.example/#part", true, "pacs.example", true, false, true},
    {"https://pacs.example/#", true, "pacs.example", true, false, true},
    {"HTTPS://pacs.example/", false, "", false, false, false},
    {"ftp://pacs.example/", false, "", false, false, false},
    {"https://", false, "", false, false, false},
    {"https:///path", false, "", false, false, false},
    {"https://pacs.example:99999/", false, "", false, false, false},
    {"", false, "", false, false, false},
};

Test(url, parts)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_url url = {.host = ""};

		cr_expect_eq(http_url_read(cases[i].text, &url), cases[i].ok, "%s", cases[i].text);
		if (!cases[i].ok)
			continue;
		cr_expect_str_eq(url.host, cases[i].host, "%s: %s", cases[i].text, url.host);
		cr_expect_eq(url.is_tls, cases[i].is_tls, "%s: tls", cases[i].text);
		cr_expect_eq(url.has_user, cases[i].has_user, "%s: user", cases[i].text);
		cr_expect_eq(url.has_fragment, cases[i].has_fragment, "%s: fragment", cases[i].text);
	}
}
