#include <criterion/criterion.h>

#include "gateway/accel.h"

Test(accel, an_internal_address_has_a_slash_at_both_ends_and_nothing_odd)
{
	static const char *const right[] = {"", "/yq-store/", "/internal/store_2/"};
	static const char *const wrong[] = {"/",      "//",         "yq-store/",   "/yq-store",
	                                    "/a//b/", "/a/../etc/", "/a b/",       "/a\r\nX: y/",
	                                    "/a?b/",  "/%2e/",      "http://a/b/", "/\xe5\xbd\xb1/"};
	struct err err = {0};
	for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
		cr_expect(accel_check(right[i], &err), "%s: %s", right[i], err.text);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		cr_expect_not(accel_check(wrong[i], &err), "took %s", wrong[i]);
		cr_expect_eq(err.kind, ERR_INVALID);
	}
}
