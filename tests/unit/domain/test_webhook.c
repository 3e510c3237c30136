/* The signature of a webhook, against the example of the specification. */
#include <criterion/criterion.h>
#include <string.h>

#include "lib/domain/webhook.h"

/* The example of Standard Webhooks 1.0. */
static const char key[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char body[] = "{\"test\": 2432232314}";
enum { AT = 1614265330 };

Test(webhook, is_signed_as_the_specification_has_it)
{
	char signature[WEBHOOK_SIGNATURE_SIZE];
	struct err err;

	cr_assert(webhook_sign(key, id, AT, body, strlen(body), signature, &err), "%s", err.text);
	cr_expect_str_eq(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

Test(webhook, every_part_is_signed)
{
	char first[WEBHOOK_SIGNATURE_SIZE], other[WEBHOOK_SIGNATURE_SIZE];
	struct err err;

	cr_assert(webhook_sign("plain text", id, AT, body, strlen(body), first, &err), "%s", err.text);
	cr_assert(webhook_sign("plain texu", id, AT, body, strlen(body), other, &err), "%s", err.text);
	cr_expect_str_neq(first, other, "the key");
	cr_assert(webhook_sign("plain text", "msg", AT, body, strlen(body), other, &err), "%s", err.text);
	cr_expect_str_neq(first, other, "the id");
	cr_assert(webhook_sign("plain text", id, AT + 1, body, strlen(body), other, &err), "%s", err.text);
	cr_expect_str_neq(first, other, "the time");
	cr_assert(webhook_sign("plain text", id, AT, body, strlen(body) - 1, other, &err), "%s", err.text);
	cr_expect_str_neq(first, other, "the body");
}

Test(webhook, nothing_is_signed_without_a_key)
{
	static const char *const keys[] = {"", "whsec_", "whsec_!!!!", "whsec_="};
	char signature[WEBHOOK_SIGNATURE_SIZE], large[1000];
	struct err err;

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		cr_expect_not(webhook_sign(keys[i], id, AT, body, strlen(body), signature, &err), "\"%s\"", keys[i]);
	memset(large, 'k', sizeof large - 1);
	large[sizeof large - 1] = '\0';
	cr_expect_not(webhook_sign(large, id, AT, body, strlen(body), signature, &err));
}
