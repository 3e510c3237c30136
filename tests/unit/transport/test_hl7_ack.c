/* What acknowledgements of HL7 v2 mean, also those of peers that know no better, or mean ill. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/transport/hl7_ack.h"

#define OURS "6b1f3f3a6a6b4d539f5e"
#define MSH "MSH|^~\\&|HIS|SITE|YINGQIAO|LEAD|20261128120000||ACK^R01|A1|P|2.5.1\r"

static const struct {
	const char *what, *bytes;
	enum hl7_verdict want;
	const char *error, *text;
} cases[] = {
    {"accepted", MSH "MSA|AA|" OURS "\r", HL7_TAKEN, "", ""},
    {"committed", MSH "MSA|CA|" OURS "\r", HL7_TAKEN, "", ""},
    {"line feeds", "MSH|^~\\&|HIS\nMSA|AA|" OURS "\n", HL7_TAKEN, "", ""},
    {"no end of the last segment", MSH "MSA|AA|" OURS, HL7_TAKEN, "", ""},
    {"other delimiters", "MSH$*~\\&$HIS\rMSA$AE$" OURS "\rERR$$$101*x\r", HL7_REFUSED, "101", ""},
    {"an error with its text", MSH "MSA|AE|" OURS "|没有这个病人\r", HL7_REFUSED, "", "没有这个病人"},
    {"an error with its code",
     MSH "MSA|AE|" OURS "\rERR||PID^1^3|101^Required field missing^HL70357|E||||PID-3 missing\r", HL7_REFUSED, "101",
     "PID-3 missing"},
    {"a record that is locked", MSH "MSA|AE|" OURS "\rERR|||206|E\r", HL7_LATER, "206", ""},
    {"their own fault", MSH "MSA|AR|" OURS "\rERR|||207^Application internal error|E\r", HL7_LATER, "207", ""},
    {"rejected without a reason", MSH "MSA|AR|" OURS "\r", HL7_LATER, "", ""},
    {"a message type that they do not know", MSH "MSA|AR|" OURS "\rERR|||200|E\r", HL7_REFUSED, "200", ""},
    {"a duplicate", MSH "MSA|AE|" OURS "\rERR|||205|E\r", HL7_REFUSED, "205", ""},
    {"commit error", MSH "MSA|CE|" OURS "\r", HL7_LATER, "", ""},
    {"commit reject", MSH "MSA|CR|" OURS "\r", HL7_REFUSED, "", ""},
    {"of another message", MSH "MSA|AA|6b1f3f3a6a6b4d539f5f\r", HL7_OF_ANOTHER, "", ""},
    {"of a part of ours", MSH "MSA|AA|6b1f3f3a6a6b\r", HL7_OF_ANOTHER, "", ""},
    {"of none", MSH "MSA|AA\r", HL7_OF_ANOTHER, "", ""},
    {"no MSA", MSH "ERR|||207\r", HL7_UNREADABLE, "207", ""},
    {"an unknown code", MSH "MSA|AX|" OURS "\r", HL7_UNREADABLE, "", ""},
    {"a long code", MSH "MSA|AAA|" OURS "\r", HL7_UNREADABLE, "", ""},
    {"no header", "MSA|AA|" OURS "\r", HL7_UNREADABLE, "", ""},
    {"a short header", "MSH|\rMSA|AA|" OURS "\r", HL7_UNREADABLE, "", ""},
    {"nothing", "", HL7_UNREADABLE, "", ""},
    {"only ends", "\r\r\n\r", HL7_UNREADABLE, "", ""},
};

Test(hl7_ack, means_what_the_standard_says)
{
	struct hl7_ack ack;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum hl7_verdict got = hl7_ack_read(cases[i].bytes, strlen(cases[i].bytes), OURS, &ack);

		cr_expect_eq(got, cases[i].want, "%s: got %d, want %d", cases[i].what, got, cases[i].want);
		cr_expect_str_eq(ack.error_code, cases[i].error, "%s", cases[i].what);
		cr_expect_str_eq(ack.text, cases[i].text, "%s", cases[i].what);
	}
}

/* 没有这个病人 */
Test(hl7_ack, a_text_in_gb18030_is_read)
{
	static const char bytes[] = MSH "MSA|AE|" OURS "|\xc3\xbb\xd3\xd0\xd5\xe2\xb8\xf6\xb2\xa1\xc8\xcb\r";
	struct hl7_ack ack;

	cr_expect_eq(hl7_ack_read(bytes, sizeof bytes - 1, OURS, &ack), HL7_REFUSED);
	cr_expect_str_eq(ack.text, "没有这个病人");
}

Test(hl7_ack, a_text_without_end_is_cut)
{
	size_t length = 60000;
	char *bytes = malloc(length);
	struct hl7_ack ack;
	int head = snprintf(bytes, length, "%s", MSH "MSA|AE|" OURS "|");

	memset(bytes + head, 'x', length - (size_t)head);
	cr_expect_eq(hl7_ack_read(bytes, length, OURS, &ack), HL7_REFUSED);
	cr_expect_eq(strlen(ack.text), (size_t)HL7_TEXT_SIZE - 1);
	free(bytes);
}

Test(hl7_ack, a_block_is_found_when_it_is_whole)
{
	size_t start, end;

	cr_expect_not(hl7_block_find("", 0, &start, &end));
	cr_expect_not(hl7_block_find("\x0bMSH|", 5, &start, &end), "no end yet");
	cr_expect_not(hl7_block_find("noise\x1c\r", 7, &start, &end), "no start");
	cr_assert(hl7_block_find("\x1c\rnoise\x0bMSH|\x1c\r", 14, &start, &end));
	cr_expect_eq(start, 8);
	cr_expect_eq(end, 12);
}
