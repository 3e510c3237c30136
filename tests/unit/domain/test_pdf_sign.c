/* PAdES signatures: two doctors, one after the other, over one paper. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/pdf_file.h"
#include "lib/domain/pdf_sign.h"
#include "lib/domain/report_pdf.h"
#include "lib/domain/signer_ca.h"
#include "lib/domain/signer_issue.h"
#include "lib/domain/signer_key.h"
#include "tests/unit/domain/report_fixture.h"
#include "tests/unit/domain/signing_home.h"

struct bytes {
	uint8_t *at;
	size_t length;
};

static struct signer *issue_signer(const char *name)
{
	struct signer_issued issued;
	struct signer *signer = NULL;
	struct err err;

	cr_assert(signer_issue(name, "台山市人民医院", &issued, &err), "%s", err.text);
	cr_assert(signer_key_new(issued.key_der, issued.key_length, issued.chain, 2, true, &signer, &err), "%s",
	          err.text);
	signer_issued_fini(&issued);
	return signer;
}

static struct bytes paper_with_fields(json_t *content)
{
	struct report_pdf pdf;
	struct bytes out;
	struct err err;

	cr_assert(report_pdf_render(content, NULL, &pdf, &err), "%s", err.text);
	const struct pdf_field fields[] = {{"Author", pdf.author}, {"Reviewer", pdf.reviewer}};
	cr_assert(pdf_add_fields(pdf.bytes, pdf.length, fields, 2, &out.at, &out.length, &err), "%s", err.text);
	free(pdf.bytes);
	json_decref(content);
	return out;
}

static bool sign(struct bytes pdf, const char *field, const char *name, struct bytes *out, struct err *err)
{
	struct signer *signer = issue_signer(name);
	struct report_stamp stamp = {
	    strcmp(field, "Reviewer") == 0, name, "台山市人民医院", 1795308127000000, true, "zh-CN"};
	struct pdf_signature_request request = {field, name, "报告签名 0BKXP", 1795308127000000, NULL, 0};
	struct pdf_box box;
	uint8_t *appearance = NULL;
	bool ok;

	cr_assert(pdf_find_field(pdf.at, pdf.length, field, &box, err), "%s", err->text);
	cr_assert(report_pdf_stamp(&stamp, box.width, box.height, &appearance, &request.appearance_length, err));
	request.appearance = appearance;
	ok = pdf_sign(pdf.at, pdf.length, &request, signer, &out->at, &out->length, err);
	free(appearance);
	signer_free(signer);
	return ok;
}

struct signed_paper {
	struct bytes fields, author, both;
	char *ca;
};

static struct signed_paper make_signed(json_t *content)
{
	struct signed_paper paper;
	const char *keep = getenv("YQ_TEST_KEEP_PDF");
	struct err err;

	paper.fields = paper_with_fields(content);
	cr_assert(sign(paper.fields, "Author", "黄志明", &paper.author, &err), "%s", err.text);
	cr_assert(sign(paper.author, "Reviewer", "欧阳慧", &paper.both, &err), "%s", err.text);
	cr_assert(signer_ca_pem(&paper.ca, &err), "%s", err.text);
	if (keep) { /* for a look at it: YQ_TEST_KEEP_PDF=/tmp/look build/tests/unit_domain */
		FILE *file = fopen(keep, "wb");

		cr_assert(file && fwrite(paper.both.at, 1, paper.both.length, file) == paper.both.length);
		fclose(file);
	}
	return paper;
}

static void drop(struct signed_paper *paper)
{
	free(paper->fields.at);
	free(paper->author.at);
	free(paper->both.at);
	free(paper->ca);
}

Test(pdf_sign, the_authors_signature_stays_valid_after_the_reviewers, .init = signing_home_make,
     .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture());
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	size_t count = 0;
	bool has_tail = true;
	struct err err;

	cr_assert(pdf_verify(paper.both.at, paper.both.length, paper.ca, found, &count, &has_tail, &err), "%s",
	          err.text);
	cr_assert_eq(count, 2, "got %zu", count);
	cr_assert_not(has_tail);
	cr_assert_str_eq(found[0].field, "Author");
	cr_assert_str_eq(found[0].verdict.name, "黄志明");
	cr_assert_str_eq(found[1].field, "Reviewer");
	cr_assert_str_eq(found[1].verdict.name, "欧阳慧");
	for (size_t i = 0; i < 2; i++) {
		cr_assert_eq(found[i].state, PDF_SIGNATURE_VALID, "%zu: %s", i, found[i].reason);
		cr_assert_eq(found[i].verdict.trust, SIGNER_TRUSTED, "%zu: trust %d", i, found[i].verdict.trust);
	}
	cr_assert_eq(found[0].covers, paper.author.length);
	cr_assert_eq(memcmp(paper.both.at, paper.author.at, paper.author.length), 0, "the first revision was touched");
	drop(&paper);
}

Test(pdf_sign, several_pages_sign_as_well, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture_long());
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	size_t count = 0;
	bool has_tail = true;
	struct err err;

	cr_assert(pdf_verify(paper.both.at, paper.both.length, paper.ca, found, &count, &has_tail, &err), "%s",
	          err.text);
	cr_assert_eq(count, 2);
	cr_assert(found[0].state == PDF_SIGNATURE_VALID && found[1].state == PDF_SIGNATURE_VALID);
	drop(&paper);
}

/*
 * Steps through the file: wherever a byte changes, no reader of the verdict may take it for the signed paper. Inside the
 * last signature value itself, parts of CMS that say nothing are covered by nobody; there the digest in the ledger sees it.
 */
Test(pdf_sign, a_flipped_byte_anywhere_is_seen, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture());
	size_t step = paper.both.length / 400 + 1;
	const char *mark = "/Contents <30";
	const uint8_t *value =
	    memmem(paper.both.at + paper.author.length, paper.both.length - paper.author.length, mark, 13);
	size_t from, to;

	cr_assert(value);
	from = (size_t)(value - paper.both.at) + 11;
	to = from + 2 * SIGNER_CMS_MAX;
	for (size_t at = 5; at<paper.both.length; at = at + step> from && at < to ? to : at + step) {
		struct pdf_signature found[PDF_SIGNATURES_MAX];
		size_t count = 0;
		bool has_tail = false, parsed;
		struct err err;

		paper.both.at[at] ^= 0x01;
		parsed = pdf_verify(paper.both.at, paper.both.length, paper.ca, found, &count, &has_tail, &err);
		cr_assert_not(parsed && count == 2 && !has_tail && found[0].state == PDF_SIGNATURE_VALID &&
		                  found[1].state == PDF_SIGNATURE_VALID,
		              "byte %zu was changed and nobody saw it", at);
		paper.both.at[at] ^= 0x01;
	}
	drop(&paper);
}

Test(pdf_sign, a_change_in_the_text_names_both_signatures_altered, .init = signing_home_make,
     .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture());
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	size_t count = 0;
	bool has_tail = false;
	struct err err;
	uint8_t *stream = memmem(paper.both.at, paper.both.length, "stream\n", 7);

	cr_assert(stream);
	stream[100] ^= 0x01;
	cr_assert(pdf_verify(paper.both.at, paper.both.length, paper.ca, found, &count, &has_tail, &err), "%s",
	          err.text);
	cr_assert_eq(count, 2);
	cr_assert_eq(found[0].state, PDF_SIGNATURE_ALTERED);
	cr_assert_eq(found[1].state, PDF_SIGNATURE_ALTERED);
	drop(&paper);
}

Test(pdf_sign, bytes_behind_the_last_signature_are_a_tail, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture());
	struct pdf_signature found[PDF_SIGNATURES_MAX];
	size_t count = 0;
	bool has_tail = false;
	struct err err;
	static const char tail[] = "% a comment at last\n";
	size_t length = paper.both.length + sizeof tail;
	uint8_t *longer = malloc(length);

	memcpy(longer, paper.both.at, paper.both.length);
	memcpy(longer + paper.both.length, tail, sizeof tail);
	cr_assert(pdf_verify(longer, length, paper.ca, found, &count, &has_tail, &err), "%s", err.text);
	cr_assert(has_tail);
	cr_assert_eq(found[0].state, PDF_SIGNATURE_VALID);
	free(longer);
	drop(&paper);
}

Test(pdf_sign, a_field_is_signed_once, .init = signing_home_make, .fini = signing_home_remove)
{
	struct signed_paper paper = make_signed(report_fixture());
	struct bytes out;
	struct pdf_box box;
	struct err err;

	cr_assert_not(sign(paper.both, "Author", "黄志明", &out, &err));
	cr_assert_eq(err.kind, ERR_CONFLICT, "%s", err.text);
	cr_assert_not(pdf_find_field(paper.both.at, paper.both.length, "Third", &box, &err));
	cr_assert_eq(err.kind, ERR_NOT_FOUND, "%s", err.text);
	drop(&paper);
}

Test(pdf_sign, nonsense_is_refused_and_not_followed)
{
	static const char *const files[] = {
	    "",
	    "%PDF-1.4",
	    "%PDF-1.4 ................................................................ startxref 5",
	    "%PDF-1.4 ................................................................ startxref 99999999999999999999",
	    "%PDF-1.4\nxref\n0 99999999\n0000000000 65535 f \ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF "
	    ".............",
	    "%PDF-1.4\nxref\n0 0\ntrailer << /Prev 9 /Root 1 0 R >>\nstartxref\n9\n%%EOF "
	    "..............................",
	    "%PDF-1.4\nxref\n0 0\ntrailer [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\nstartxref\n9\n%%EOF "
	    ".............",
	    "%PDF-1.4\nxref\n0 0\ntrailer << /Root 0 0 R >>\nstartxref\n9\n%%EOF "
	    "......................................",
	    "%PDF-1.4\n1 0 obj << /Pages 1 0 R /Kids [1 0 R 1 0 R] /AcroForm 1 0 R >>\nxref\n1 1\n0000000009 00000 n "
	    "\ntrailer << "
	    "/Root 1 0 R >>\nstartxref\n70\n%%EOF"};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct pdf_signature found[PDF_SIGNATURES_MAX];
		size_t count = 0;
		bool has_tail;
		struct err err;

		cr_assert_not(
		    pdf_verify((const uint8_t *)files[i], strlen(files[i]), NULL, found, &count, &has_tail, &err),
		    "case %zu was read", i);
		cr_assert_eq(err.kind, ERR_INVALID, "case %zu: %s", i, err.text);
	}
}
