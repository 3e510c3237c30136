#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lib/intake/names.h"
#include "lib/intake/record.h"

static struct intake_record sample(void)
{
	struct intake_record record = {
	    .key = "00112233445566778899aabbccddeeff",
	    .origin = INTAKE_DEVICE,
	    .device = "5f0c1f7e-3c39-4f0b-9d4e-0a1b2c3d4e5f",
	    .site = "0a9a5f4e-77f2-4a27-8a3b-2f8d3a1c9b10",
	    .calling_ae = "DR 1",
	    .called_ae = "YINGQIAO",
	    .address = "192.0.2.7",
	    .sop_class_uid = "1.2.840.10008.5.1.4.1.1.7",
	    .sop_instance_uid = "2.25.1",
	    .transfer_syntax_uid = "1.2.840.10008.1.2.1",
	    .arrived_us = 1795392000000000,
	    .size_bytes = 5000000000,
	    .header_bytes = 342,
	};

	for (int i = 0; i < CHECKSUM_SIZE; i++)
		record.checksum[i] = (uint8_t)(i * 5);
	return record;
}

static struct text_buf encoded(const struct intake_record *record)
{
	struct text_buf buf;

	text_buf_init(&buf, RECORD_MAX);
	record_encode(record, &buf);
	return buf;
}

Test(record, comes_back_as_it_was_written)
{
	static const struct {
		enum intake_origin origin;
		const char *device, *calling, *address;
	} cases[] = {
	    {INTAKE_DEVICE, "5f0c1f7e-3c39-4f0b-9d4e-0a1b2c3d4e5f", "DR 1", "192.0.2.7"},
	    {INTAKE_LINK, "5f0c1f7e-3c39-4f0b-9d4e-0a1b2c3d4e5f", "EDGE", "2001:db8::1"},
	    {INTAKE_OWN, "", "", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct intake_record record = sample(), back;
		struct text_buf text;

		record.origin = cases[i].origin;
		text_copy(record.device, sizeof record.device, cases[i].device);
		text_copy(record.calling_ae, sizeof record.calling_ae, cases[i].calling);
		text_copy(record.address, sizeof record.address, cases[i].address);
		text = encoded(&record);
		memset(&back, 0x55, sizeof back);
		cr_assert_eq(record_decode(text.data, text.length, &back), RECORD_WHOLE, "case %zu", i);
		cr_expect_eq(back.origin, record.origin);
		cr_expect_str_eq(back.key, record.key);
		cr_expect_str_eq(back.device, record.device);
		cr_expect_str_eq(back.site, record.site);
		cr_expect_str_eq(back.calling_ae, record.calling_ae);
		cr_expect_str_eq(back.address, record.address);
		cr_expect_str_eq(back.sop_instance_uid, record.sop_instance_uid);
		cr_expect_eq(back.arrived_us, record.arrived_us);
		cr_expect_eq(back.size_bytes, record.size_bytes);
		cr_expect_eq(back.header_bytes, record.header_bytes);
		cr_expect_arr_eq(back.checksum, record.checksum, CHECKSUM_SIZE);
		text_buf_fini(&text);
	}
}

Test(record, the_set_of_its_device_comes_back_and_is_no_line_where_there_is_none)
{
	struct intake_record record = sample(), back;
	struct text_buf text = encoded(&record);

	cr_expect_null(strstr(text.data, "default_charset")); /* what the version before this one wrote, and reads */
	cr_assert_eq(record_decode(text.data, text.length, &back), RECORD_WHOLE);
	cr_expect_str_eq(back.default_charset, "");
	text_buf_fini(&text);
	text_copy(record.default_charset, sizeof record.default_charset, "ISO 2022 IR 58");
	text = encoded(&record);
	cr_assert_eq(record_decode(text.data, text.length, &back), RECORD_WHOLE);
	cr_expect_str_eq(back.default_charset, "ISO 2022 IR 58");
	text_buf_fini(&text);
}

Test(record, every_shorter_one_is_torn)
{
	struct intake_record record = sample(), back;
	struct text_buf text = encoded(&record);

	for (size_t length = 0; length < text.length; length++)
		cr_assert_eq(record_decode(text.data, length, &back), RECORD_TORN, "%zu of %zu bytes", length,
		             text.length);
	text_buf_fini(&text);
}

Test(record, every_changed_byte_is_noticed)
{
	struct intake_record record = sample(), back;
	struct text_buf text = encoded(&record);

	for (size_t at = 0; at < text.length; at++) {
		text.data[at] ^= 1;
		cr_assert_neq(record_decode(text.data, text.length, &back), RECORD_WHOLE, "byte %zu", at);
		text.data[at] ^= 1;
	}
	/* Past its head and before its end a change is damage, not a torn write: such a record was whole once. */
	text.data[text.length / 2] ^= 1;
	cr_expect_eq(record_decode(text.data, text.length, &back), RECORD_DAMAGED);
	text_buf_fini(&text);
}

Test(record, refuses_what_cannot_be_kept_or_named)
{
	static const struct {
		const char *what;
		size_t offset;
		const char *value;
	} cases[] = {
#define CASE(field, value) {#field, offsetof(struct intake_record, field), value}
	    CASE(key, "../../x"),
	    CASE(site, ""),
	    CASE(site, "not-a-uuid"),
	    CASE(device, "not-a-uuid"),
	    CASE(calling_ae, "A\nend x"),
	    CASE(address, "1.2.3.4\x7f"),
	    CASE(sop_class_uid, ""),
	    CASE(sop_instance_uid, ""),
	    CASE(sop_instance_uid, "1.2/../3"),
	    CASE(sop_instance_uid, "1.02.3"),
	    CASE(sop_instance_uid, "1.2.'; DROP"),
	    CASE(transfer_syntax_uid, "x"),
	    CASE(default_charset, "GBK\nend"),
#undef CASE
	};
	struct intake_record good = sample();
	struct err err;

	cr_assert(record_check(&good, &err), "%s", err.text);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct intake_record record = sample();

		text_copy((char *)&record + cases[i].offset, 20, cases[i].value);
		cr_expect_not(record_check(&record, &err), "%s \"%s\" passed", cases[i].what, cases[i].value);
		cr_expect_eq(err.kind, ERR_INVALID, "%s: got %d", cases[i].what, err.kind);
	}
}

Test(names, are_told_apart)
{
	static const struct {
		const char *text;
		int kind; /* -1: none of ours */
		uint64_t sequence;
	} cases[] = {
	    {"00112233445566778899aabbccddeeff.part", JOURNAL_PART, 0},
	    {"00000000000000ff-00112233445566778899aabbccddeeff.rec", JOURNAL_RECORD, 255},
	    {"00112233445566778899aabbccddeeff.rec", -1, 0},
	    {"00112233445566778899AABBCCDDEEFF.part", -1, 0},
	    {"0112233445566778899aabbccddeeff.part", -1, 0},
	    {"00000000000000ff-00112233445566778899aabbccddeeff.rec~", -1, 0},
	    {"0ff-00112233445566778899aabbccddeeff.rec", -1, 0},
	    {"lock", -1, 0},
	    {".", -1, 0},
	    {"", -1, 0},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct journal_name name;
		bool ok = journal_name_parse(cases[i].text, &name);

		cr_expect_eq(ok, cases[i].kind >= 0, "\"%s\"", cases[i].text);
		if (!ok)
			continue;
		cr_expect_eq((int)name.kind, cases[i].kind, "\"%s\"", cases[i].text);
		cr_expect_eq(name.sequence, cases[i].sequence, "\"%s\"", cases[i].text);
		cr_expect_str_eq(name.key, "00112233445566778899aabbccddeeff");
	}
	cr_expect(journal_is_slot("slot-0000") && journal_is_slot("slot-9999"));
	cr_expect_not(journal_is_slot("slot-000") || journal_is_slot("slot-00000") || journal_is_slot("quarantine") ||
	              journal_is_slot("slot-00x0"));
}

/* An upgrade must not lose what lies in the journal. */
Test(record, one_of_the_version_before_is_taken)
{
	struct intake_record record = sample(), back;
	uint8_t digest[DIGEST_SIZE], seal[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE], *at;
	struct text_buf text, old;

	text_buf_init(&text, RECORD_MAX);
	text_buf_init(&old, RECORD_MAX);
	record_encode(&record, &text);
	at = strstr(text.data, "\nchecksum ");
	cr_assert_not_null(at);
	digest_bytes("x", 1, digest);
	text_hex(digest, sizeof digest, hex);
	cr_assert(
	    text_buf_printf(&old, "yq-intake 1%.*s\nsha256 %s\n", (int)(at - text.data - 11), text.data + 11, hex));
	digest_bytes(old.data, old.length, seal);
	text_hex(seal, sizeof seal, hex);
	cr_assert(text_buf_printf(&old, "end %s\n", hex));
	cr_assert_eq(record_decode(old.data, old.length, &back), RECORD_WHOLE);
	cr_expect(back.is_digested);
	cr_expect_arr_eq(back.sha256, digest, sizeof digest);
	cr_expect_str_eq(back.sop_instance_uid, record.sop_instance_uid);
	text_buf_fini(&text);
	text_buf_fini(&old);
}
