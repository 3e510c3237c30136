#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "storescp/registry.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ID(n) "00000000-0000-4000-8000-00000000000" #n
#define SITE "10000000-0000-4000-8000-000000000000"

static struct registry *make(const struct registry_device *devices, size_t count)
{
	struct registry *registry = registry_new();
	struct err err;

	for (size_t i = 0; i < count; i++)
		cr_assert(registry_add(registry, &devices[i], &err), "device %zu: %s", i, err.text);
	return registry;
}

static const struct registry_device devices[] = {
    {ID(1), SITE, "CT1", "", "", 0, "", ""},
    {ID(2), SITE, "DR", "", "192.0.2.0/24", 0, "", ""},
    {ID(3), SITE, "DR", "", "192.0.2.7/32", 0, "", ""},
    {ID(4), SITE, "DR", "BAISHA", "", 0, "GB18030", ""},
    {ID(5), SITE, "DR", "", "192.0.2.0/24", 11113, "", ""},
    {ID(6), SITE, "US", "", "2001:db8::/32", 0, "", ""},
    {ID(7), SITE, "TWIN", "", "198.51.100.0/25", 0, "", ""},
    {ID(8), SITE, "TWIN", "OURS", "198.51.100.0/25", 0, "", ""},
    {ID(9), SITE, "ODD", "", "10.64.0.0/10", 0, "", ""},
};

Test(registry, most_specific_device_wins)
{
	static const struct {
		const char *calling, *called, *address;
		uint16_t port;
		enum registry_verdict verdict;
		const char *device;
	} cases[] = {
	    {"CT1", "OURS", "203.0.113.9", 11112, REGISTRY_KNOWN, ID(1)},
	    {"CT1", "OTHER", "203.0.113.9", 11112, REGISTRY_UNKNOWN_CALLED_AE, NULL},
	    {"ct1", "OURS", "203.0.113.9", 11112, REGISTRY_UNKNOWN_CALLING_AE, NULL},
	    {"CT2", "OTHER", "203.0.113.9", 11112, REGISTRY_UNKNOWN_CALLING_AE, NULL},
	    {"DR", "OURS", "192.0.2.9", 11112, REGISTRY_KNOWN, ID(2)},
	    {"DR", "OURS", "192.0.2.7", 11112, REGISTRY_KNOWN, ID(3)},
	    {"DR", "OURS", "192.0.2.9", 11113, REGISTRY_KNOWN, ID(5)},
	    {"DR", "OURS", "192.0.2.7", 11113, REGISTRY_AMBIGUOUS, NULL},
	    {"DR", "OURS", "192.0.3.7", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"DR", "BAISHA", "203.0.113.9", 11112, REGISTRY_KNOWN, ID(4)},
	    {"US", "OURS", "2001:db8:1::5", 11112, REGISTRY_KNOWN, ID(6)},
	    {"US", "OURS", "2001:db9::5", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"US", "OURS", "192.0.2.1", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"TWIN", "OURS", "198.51.100.5", 11112, REGISTRY_KNOWN, ID(8)},
	    {"TWIN", "OURS", "198.51.100.129", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"ODD", "OURS", "10.127.255.255", 11112, REGISTRY_KNOWN, ID(9)},
	    {"ODD", "OURS", "10.128.0.0", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"CT1", "OURS", "no address", 11112, REGISTRY_KNOWN, ID(1)},
	    {"DR", "OURS", "no address", 11112, REGISTRY_UNKNOWN_ADDRESS, NULL},
	    {"", "", "192.0.2.1", 11112, REGISTRY_UNKNOWN_CALLING_AE, NULL},
	};
	struct registry *registry = make(devices, COUNT(devices));

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dicom_peer peer = {.local_port = cases[i].port};
		const struct registry_device *found = NULL;
		enum registry_verdict verdict;

		(void)text_copy(peer.calling_ae, sizeof peer.calling_ae, cases[i].calling);
		(void)text_copy(peer.called_ae, sizeof peer.called_ae, cases[i].called);
		(void)text_copy(peer.address, sizeof peer.address, cases[i].address);
		verdict = registry_match(registry, &peer, "OURS", &found);
		cr_expect_eq(verdict, cases[i].verdict, "case %zu: %s, want %s", i, registry_verdict_name(verdict),
		             registry_verdict_name(cases[i].verdict));
		if (cases[i].device != NULL && found != NULL)
			cr_expect_str_eq(found->device, cases[i].device, "case %zu: %s, want %s", i, found->device,
			                 cases[i].device);
		else
			cr_expect_eq(cases[i].device == NULL, found == NULL, "case %zu", i);
	}
	registry_free(registry);
}

Test(registry, two_devices_that_say_the_same_are_ambiguous)
{
	static const struct registry_device twins[] = {{ID(1), SITE, "DR", "", "192.0.2.0/24", 0, "", ""},
	                                               {ID(2), SITE, "DR", "", "192.0.2.0/24", 0, "", ""}};
	static const struct registry_device third = {ID(3), SITE, "DR", "", "192.0.2.1/32", 0, "", ""};
	struct registry *registry = make(twins, COUNT(twins));
	struct dicom_peer peer = {.calling_ae = "DR", .called_ae = "OURS", .address = "192.0.2.1"};
	const struct registry_device *found = NULL;
	struct err err;

	cr_expect_eq(registry_match(registry, &peer, "OURS", &found), REGISTRY_AMBIGUOUS);
	cr_expect_null(found);
	cr_assert(registry_add(registry, &third, &err));
	cr_expect_eq(registry_match(registry, &peer, "OURS", &found), REGISTRY_KNOWN, "a more specific one settles it");
	registry_free(registry);
}

/* One by its address, the other by the port: whose the call is would be a guess, in whatever order they are registered. */
Test(registry, two_of_which_neither_says_more_are_ambiguous)
{
	static const struct registry_device by_address = {ID(1), SITE, "DR", "", "192.0.2.1/32", 0, "", ""};
	static const struct registry_device by_port = {ID(2), SITE, "DR", "", "", 11113, "", ""};
	static const struct registry_device by_both = {ID(3), SITE, "DR", "", "192.0.2.1/32", 11113, "", ""};
	const struct registry_device orders[2][2] = {{by_address, by_port}, {by_port, by_address}};
	struct dicom_peer both = {.calling_ae = "DR", .called_ae = "OURS", .address = "192.0.2.1", .local_port = 11113};
	struct dicom_peer other = {
	    .calling_ae = "DR", .called_ae = "OURS", .address = "192.0.2.2", .local_port = 11113};

	for (int i = 0; i < 2; i++) {
		struct registry *registry = make(orders[i], 2);
		const struct registry_device *found = NULL;
		struct err err;

		cr_expect_eq(registry_match(registry, &both, "OURS", &found), REGISTRY_AMBIGUOUS, "order %d", i);
		cr_expect_eq(registry_match(registry, &other, "OURS", &found), REGISTRY_KNOWN, "order %d", i);
		cr_assert(registry_add(registry, &by_both, &err));
		cr_expect_eq(registry_match(registry, &both, "OURS", &found), REGISTRY_KNOWN, "order %d", i);
		cr_expect_str_eq(found->device, ID(3));
		registry_free(registry);
	}
}

Test(registry, survives_its_text_form)
{
	struct registry *registry = make(devices, COUNT(devices)), *copy = NULL;
	char *text, *again;
	size_t length, again_length;
	struct err err;

	registry_write(registry, &text, &length);
	cr_assert(registry_read(text, length, &copy, &err), "%s", err.text);
	cr_expect_eq(registry_count(copy), COUNT(devices));
	registry_write(copy, &again, &again_length);
	cr_expect_str_eq(text, again);
	for (size_t cut = 0; cut < length; cut++) {
		struct registry *part = NULL;

		cr_expect_not(registry_read(text, cut, &part, &err), "cut at %zu", cut);
		cr_expect_eq(err.kind, ERR_CORRUPT);
	}
	free(text);
	free(again);
	registry_free(registry);
	registry_free(copy);
}

Test(registry, a_snapshot_of_before_has_no_character_sets)
{
	static const char text[] = "{\"version\":1,\"devices\":[{\"device\":\"" ID(
	    1) "\",\"site\":\"" SITE "\","
	       "\"calling_ae\":\"DR\",\"called_ae\":\"\",\"address\":\"\",\"local_port\":0}]}";
	const struct registry_device *found;
	struct registry *registry;
	struct dicom_peer peer = {.calling_ae = "DR", .called_ae = "OURS", .address = "192.0.2.1"};
	struct err err;

	cr_assert(registry_read(text, strlen(text), &registry, &err), "%s", err.text);
	cr_assert_eq(registry_match(registry, &peer, "OURS", &found), REGISTRY_KNOWN);
	cr_expect_str_eq(found->default_charset, "");
	registry_free(registry);
}

Test(registry, refuses_malformed_devices)
{
	static const struct registry_device bad[] = {
	    {"1", SITE, "CT1", "", "", 0, "", ""},
	    {ID(1), "site", "CT1", "", "", 0, "", ""},
	    {ID(1), SITE, "", "", "", 0, "", ""},
	    {ID(1), SITE, "A\\B", "", "", 0, "", ""},
	    {ID(1), SITE, "CT1", "A\\B", "", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "192.0.2", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "192.0.2.0/33", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "192.0.2.0/", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "2001:db8::/129", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "localhost", 0, "", ""},
	    {ID(1), SITE, "CT1", "", "", 0, "", "aa"},
	};
	struct registry *registry = registry_new();

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct err err = {0};

		cr_expect_not(registry_add(registry, &bad[i], &err), "case %zu", i);
		cr_expect_eq(err.kind, ERR_INVALID, "case %zu", i);
	}
	cr_expect_eq(registry_count(registry), 0);
	registry_free(registry);
}

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define SHA_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

Test(registry, devices_are_told_apart_by_their_certificates)
{
	static const struct registry_device known[] = {{ID(1), SITE, "DR", "", "192.0.2.0/24", 0, "", SHA_A},
	                                               {ID(2), SITE, "DR", "", "192.0.2.0/24", 0, "", SHA_B},
	                                               {ID(3), SITE, "CT", "", "", 0, "", SHA_A},
	                                               {ID(4), SITE, "CT", "", "", 0, "", ""},
	                                               {ID(5), SITE, "US", "", "192.0.2.0/24", 0, "", ""},
	                                               {ID(6), SITE, "US", "", "", 0, "", SHA_A}};
	static const struct {
		const char *calling, *address, *certificate;
		enum registry_verdict verdict;
		const char *device;
	} cases[] = {{"DR", "192.0.2.1", SHA_A, REGISTRY_KNOWN, ID(1)},
	             {"DR", "192.0.2.1", SHA_B, REGISTRY_KNOWN, ID(2)},
	             {"DR", "192.0.2.1", SHA_C, REGISTRY_WRONG_CERTIFICATE, NULL},
	             {"DR", "192.0.2.1", "", REGISTRY_NO_CERTIFICATE, NULL},
	             {"DR", "192.0.3.1", SHA_A, REGISTRY_UNKNOWN_ADDRESS, NULL},
	             {"CT", "192.0.2.1", SHA_A, REGISTRY_KNOWN, ID(3)},
	             {"CT", "192.0.2.1", SHA_B, REGISTRY_KNOWN, ID(4)},
	             {"CT", "192.0.2.1", "", REGISTRY_KNOWN, ID(4)},
	             {"US", "192.0.2.1", "", REGISTRY_KNOWN, ID(5)},
	             {"US", "192.0.3.1", SHA_A, REGISTRY_KNOWN, ID(6)},
	             {"US", "192.0.2.1", SHA_A, REGISTRY_AMBIGUOUS, NULL}};
	struct registry *registry = make(known, COUNT(known)), *again;
	char *text;
	size_t length;
	struct err err;

	registry_write(registry, &text, &length);
	cr_assert(registry_read(text, length, &again, &err), "%s", err.text);
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		size_t at = i % COUNT(cases);
		struct dicom_peer peer = {.local_port = 11112};
		const struct registry_device *found = NULL;
		enum registry_verdict verdict;

		(void)text_copy(peer.calling_ae, sizeof peer.calling_ae, cases[at].calling);
		(void)text_copy(peer.called_ae, sizeof peer.called_ae, "OURS");
		(void)text_copy(peer.address, sizeof peer.address, cases[at].address);
		(void)text_copy(peer.certificate_sha256, sizeof peer.certificate_sha256, cases[at].certificate);
		verdict = registry_match(i < COUNT(cases) ? registry : again, &peer, "OURS", &found);
		cr_expect_eq(verdict, cases[at].verdict, "case %zu: %s", i, registry_verdict_name(verdict));
		cr_expect(!cases[at].device || (found && strcmp(found->device, cases[at].device) == 0), "case %zu", i);
	}
	free(text);
	registry_free(registry);
	registry_free(again);
}

/* A program of before must not read what it would not understand; what it has written is read. */
Test(registry, snapshots_of_before_are_read)
{
	static const char before[] = "{\"version\":1,\"devices\":[{\"device\":\"" ID(
	    1) "\",\"site\":\"" SITE "\",\"calling_ae\":\"CT1\","
	       "\"called_ae\":\"\",\"address\":\"\",\"local_port\":0}]}";
	static const char later[] = "{\"version\":3,\"devices\":[]}";
	struct registry *registry = NULL;
	char *text;
	size_t length;
	struct err err;

	cr_assert(registry_read(before, sizeof before - 1, &registry, &err), "%s", err.text);
	registry_write(registry, &text, &length);
	cr_expect(strstr(text, "\"version\":2"), "got %s", text);
	free(text);
	registry_free(registry);
	cr_expect_not(registry_read(later, sizeof later - 1, &registry, &err));
}
