/* The paper: pages, bytes, text. What it looks like is for eyes; what must hold for any content is here. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/digest.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_paper.h"
#include "lib/domain/report_pdf.h"
#include "tests/unit/domain/report_fixture.h"

static struct report_pdf render(const json_t *content)
{
	struct report_pdf pdf;
	struct err err;

	cr_assert(report_pdf_render(content, &pdf, &err), "%s", err.text);
	return pdf;
}

Test(report_pdf, the_same_content_gives_the_same_bytes)
{
	json_t *content = report_fixture();
	struct report_pdf first = render(content), second = render(content);

	cr_assert_eq(first.length, second.length);
	cr_assert_eq(memcmp(first.bytes, second.bytes, first.length), 0);
	report_fixture_set(content, "body", "impression", "未见异常。");
	free(second.bytes);
	second = render(content);
	cr_assert(first.length != second.length || memcmp(first.bytes, second.bytes, first.length) != 0);
	free(first.bytes);
	free(second.bytes);
	json_decref(content);
}

Test(report_pdf, an_ordinary_report_is_one_page_with_room_for_both_signatures)
{
	json_t *content = report_fixture();
	struct report_pdf pdf = render(content);

	cr_assert_eq(pdf.page_count, 1, "got %d", pdf.page_count);
	cr_assert_eq(pdf.author.page, 1);
	cr_assert_eq(pdf.reviewer.page, 1);
	cr_assert_lt(pdf.author.x + pdf.author.width, pdf.reviewer.x);
	cr_assert_gt(pdf.author.y, 0);
	cr_assert_gt(pdf.author.height, 30);
	free(pdf.bytes);
	json_decref(content);
}

Test(report_pdf, a_long_one_breaks_into_pages_and_signs_the_last)
{
	json_t *content = report_fixture_long();
	struct report_pdf pdf = render(content);
	struct pdf_file file;
	struct pdf_slice page;
	uint32_t number;
	struct err err;

	cr_assert_geq(pdf.page_count, 3, "got %d", pdf.page_count);
	cr_assert_eq(pdf.author.page, pdf.page_count);
	cr_assert(pdf_file_open(pdf.bytes, pdf.length, &file, &err), "%s", err.text);
	cr_assert(pdf_page(&file, pdf.page_count, &number, &page, &err), "%s", err.text);
	cr_assert_not(pdf_page(&file, pdf.page_count + 1, &number, &page, &err));
	pdf_file_close(&file);
	free(pdf.bytes);
	json_decref(content);
}

Test(report_pdf, it_is_pdf_1_4_with_the_font_embedded)
{
	json_t *content = report_fixture();
	struct report_pdf pdf = render(content);

	cr_assert_eq(memcmp(pdf.bytes, "%PDF-1.4", 8), 0);
	cr_assert(memmem(pdf.bytes, pdf.length, "+NotoSansCJKsc", 14), "the Chinese font is not in the PDF");
	cr_assert(memmem(pdf.bytes, pdf.length, "/ToUnicode", 10));
	free(pdf.bytes);
	json_decref(content);
}

Test(report_pdf, empty_and_hostile_content_still_makes_a_paper)
{
	static const char *const hostile[] = {"", "\xe2\x80\xae反转", "<span size='99999'>", "\xf0\xa0\xae\xb7",
	                                      "%s%n%d"};
	json_t *nothing = json_object();
	struct report_pdf pdf = render(nothing);

	cr_assert_eq(pdf.page_count, 1);
	free(pdf.bytes);
	json_decref(nothing);
	for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
		json_t *content = report_fixture();

		report_fixture_set(content, "patient", "name", hostile[i]);
		report_fixture_set(content, "body", "findings", hostile[i]);
		pdf = render(content);
		cr_assert_eq(pdf.page_count, 1, "case %zu: %d pages", i, pdf.page_count);
		free(pdf.bytes);
		json_decref(content);
	}
}

Test(report_content, the_canonical_text_does_not_depend_on_the_order_of_members)
{
	json_t *one = json_pack("{s:s,s:{s:i,s:s}}", "b", "影", "a", "z", 1, "y", "桥");
	json_t *two = json_pack("{s:{s:s,s:i},s:s}", "a", "y", "桥", "z", 1, "b", "影");
	char *first = NULL, *second = NULL;
	size_t length;
	struct err err;

	cr_assert(report_content_canonical(one, &first, &length, &err));
	cr_assert(report_content_canonical(two, &second, &length, &err));
	cr_assert_str_eq(first, second);
	cr_assert_str_eq(first, "{\"a\":{\"y\":\"桥\",\"z\":1},\"b\":\"影\"}");
	cr_assert_eq(length, strlen(first));
	free(first);
	free(second);
	json_decref(one);
	json_decref(two);
}

Test(report_content, a_code_leads_back_to_its_report)
{
	static const char *const ids[] = {"00000000-0000-4000-8000-000000000000",
	                                  "ffffffff-ffff-4fff-bfff-ffffffffffff",
	                                  "0b9f6c1e-7a53-4a8e-9d0b-5a1c2d3e4f50"};
	static const char *const bad[] = {"",
	                                  "0",
	                                  "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZZ",
	                                  "0BKXP-1WYJK-98EST-2TA3G-PHWKT",
	                                  "0BKXP-1WYJK-98EST-2TA3G-PHWKTA0",
	                                  "0BKXP-1WYJK-98EST-2TA3G-PHWKTU"};
	char code[REPORT_CODE_SIZE], id[TEXT_UUID_SIZE];

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		cr_assert(report_code_of_id(ids[i], code), "%s", ids[i]);
		cr_assert_eq(strlen(code), 30, "got %s", code);
		cr_assert(report_code_to_id(code, id), "%s", code);
		cr_assert_str_eq(id, ids[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_not(report_code_to_id(bad[i], id), "%s was taken", bad[i]);
}

Test(report_content, times_are_shown_to_the_minute)
{
	char minute[REPORT_MINUTE_SIZE];

	report_minute("2026-11-22T08:42:07.120+08:00", minute);
	cr_assert_str_eq(minute, "2026-11-22 08:42");
	report_minute("", minute);
	cr_assert_str_eq(minute, "");
	cr_assert_eq(report_time_us("2026-11-22T08:42:07.120+08:00"), 1795308127000000);
	cr_assert_eq(report_time_us("yesterday"), 0);
}
