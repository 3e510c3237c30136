/* The paper: pages, bytes, text. What it looks like is for eyes; what must hold for any content is here. */
#include <criterion/criterion.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "lib/dicom/dicom.h"
#include "lib/domain/pdf_file.h"
#include "lib/domain/report_content.h"
#include "lib/domain/report_paper.h"
#include "lib/domain/report_pdf.h"
#include "lib/domain/report_pictures.h"
#include "tests/unit/domain/report_fixture.h"

static struct report_pdf render(const json_t *content)
{
	struct report_pdf pdf;
	struct err err;

	cr_assert(report_pdf_render(content, NULL, &pdf, &err), "%s", err.text);
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

/* ---- pictures of key images --------------------------------------------------------------------------------------- */

/* Each another one, wider than high. */
static void draw_picture(struct report_picture *picture, int number)
{
	uint8_t pixels[64 * 48];
	struct err err;

	for (int i = 0; i < 64 * 48; i++)
		pixels[i] = (uint8_t)(i * (number + 1));
	snprintf(picture->instance, sizeof picture->instance, "2.25.%d", number);
	picture->frame = 1;
	cr_assert(dicom_draw(pixels, 64, 48, DICOM_MEDIA_JPEG, 80, &picture->jpeg, &picture->length, &err), "%s",
	          err.text);
}

static json_t *content_with(int count)
{
	json_t *content = report_fixture(), *images = json_array();

	for (int i = 0; i < count; i++) {
		char uid[32];

		snprintf(uid, sizeof uid, "2.25.%d", i);
		json_array_append_new(images, json_pack("{s:s,s:i,s:i,s:i,s:i}", "instance", uid, "frame", 1, "frames",
		                                        1, "series_number", 3, "number", i + 1));
	}
	json_object_set_new(content, "key_images", images);
	return content;
}

static struct report_pdf render_with(const json_t *content, const struct report_pictures *pictures)
{
	struct report_pdf pdf;
	struct err err;

	cr_assert(report_pdf_render(content, pictures, &pdf, &err), "%s", err.text);
	return pdf;
}

static int count_of(const struct report_pdf *pdf, const char *word)
{
	const uint8_t *at = pdf->bytes, *end = pdf->bytes + pdf->length;
	int count = 0;

	while ((at = memmem(at, (size_t)(end - at), word, strlen(word))) != NULL) {
		count++;
		at += strlen(word);
	}
	return count;
}

Test(report_pdf, key_images_stand_on_the_paper_as_the_pictures_that_the_content_names)
{
	static const int counts[] = {1, 3, 4, REPORT_PICTURES_MAX};

	for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
		json_t *content = content_with(counts[c]);
		struct report_picture list[REPORT_PICTURES_MAX] = {0};
		struct report_pictures pictures = {list, (size_t)counts[c]};
		struct report_pdf first, second;
		struct err err;

		for (int i = 0; i < counts[c]; i++)
			draw_picture(&list[i], i);
		cr_assert(report_pictures_name(content, &pictures, &err), "%s", err.text);
		first = render_with(content, &pictures);
		second = render_with(content, &pictures);
		cr_assert_eq(count_of(&first, "/DCTDecode"), counts[c], "%d pictures: got %d", counts[c],
		             count_of(&first, "/DCTDecode"));
		for (int i = 0; i < counts[c]; i++)
			cr_assert(memmem(first.bytes, first.length, list[i].jpeg, list[i].length),
			          "picture %d of %d was changed", i, counts[c]);
		cr_assert(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
		cr_assert_eq(first.author.page, first.page_count, "who signs last signs the last page");
		for (int i = 0; i < counts[c]; i++)
			free(list[i].jpeg);
		free(first.bytes);
		free(second.bytes);
		json_decref(content);
	}
}

Test(report_pdf, a_key_image_without_a_picture_is_named_with_its_reason)
{
	static const char *const reasons[] = {"gone", "unshown", "late"};
	struct report_pdf papers[3];

	for (int i = 0; i < 3; i++) {
		json_t *content = content_with(1), *image = json_array_get(json_object_get(content, "key_images"), 0);
		struct report_picture one = {.instance = "2.25.0", .frame = 1, .why = reasons[i]};
		struct report_pictures pictures = {&one, 1};
		struct err err;

		cr_assert(report_pictures_name(content, &pictures, &err), "%s", err.text);
		cr_assert_str_eq(json_string_value(json_object_get(image, "no_picture")), reasons[i]);
		cr_assert_null(json_object_get(image, "picture"));
		papers[i] = render_with(content, &pictures);
		cr_assert_eq(count_of(&papers[i], "/DCTDecode"), 0);
		cr_assert(i == 0 || papers[i].length != papers[0].length ||
		              memcmp(papers[i].bytes, papers[0].bytes, papers[0].length) != 0,
		          "%s looks like %s", reasons[i], reasons[0]);
		json_decref(content);
	}
	for (int i = 0; i < 3; i++)
		free(papers[i].bytes);
}

Test(report_pdf, what_is_no_jpeg_makes_no_paper)
{
	static const uint8_t broken[][12] = {{0}, {0xff, 0xd8}, {0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff}};
	json_t *content = content_with(1);
	json_t *image = json_array_get(json_object_get(content, "key_images"), 0);

	json_object_set_new(image, "picture", json_string("0"));
	for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
		struct report_picture one = {.instance = "2.25.0", .frame = 1, .length = sizeof broken[i]};
		struct report_pictures pictures = {&one, 1};
		struct report_pdf pdf;
		struct err err;

		one.jpeg = malloc(sizeof broken[i]);
		cr_assert(one.jpeg);
		memcpy(one.jpeg, broken[i], sizeof broken[i]);
		cr_assert_not(report_pdf_render(content, &pictures, &pdf, &err), "case %zu", i);
		cr_assert_eq(err.kind, ERR_INVALID);
		free(one.jpeg);
	}
	json_decref(content);
}

/* ---- the watermark ------------------------------------------------------------------------------------------------- */

enum { GREYS_MAX = 1 << 20 };
struct drawn {
	int width, height;
	uint8_t greys[GREYS_MAX];
};

/* "P5 width height 255", white space between and one blank behind, then the greys. */
static void read_drawn(const char *path, struct drawn *page)
{
	static char bytes[GREYS_MAX + 64];
	FILE *file = fopen(path, "re");
	size_t length;
	char *at;

	cr_assert(file, "pdftoppm made no picture");
	length = fread(bytes, 1, sizeof bytes - 1, file);
	fclose(file);
	bytes[length] = '\0';
	cr_assert(strncmp(bytes, "P5", 2) == 0);
	page->width = (int)strtol(bytes + 2, &at, 10);
	page->height = (int)strtol(at, &at, 10);
	cr_assert_eq(strtol(at, &at, 10), 255);
	cr_assert(page->width > 0 && page->height > 0 && page->width <= 1000 && page->height <= 1000);
	cr_assert_eq(bytes + length - (at + 1), page->width * page->height);
	memcpy(page->greys, at + 1, (size_t)page->width * (size_t)page->height);
}

/* The first page as a program that is not ours draws it, a pixel a point. Static storage for two. */
static const struct drawn *first_page(const struct report_pdf *pdf)
{
	static struct drawn pages[2];
	static int next;
	struct drawn *page = &pages[next++ % 2];
	char path[] = "/tmp/yq-paper.XXXXXX", made[sizeof path + 4];
	const char *arguments[] = {"pdftoppm", "-gray", "-r", "72", "-singlefile", path, path, NULL};
	int fd = mkstemp(path), status;
	pid_t pid;

	cr_assert(fd >= 0 && write(fd, pdf->bytes, pdf->length) == (ssize_t)pdf->length);
	close(fd);
	cr_assert_eq(posix_spawnp(&pid, arguments[0], NULL, NULL, (char **)arguments, environ), 0,
	             "pdftoppm is not installed");
	cr_assert(waitpid(pid, &status, 0) == pid && status == 0, "pdftoppm cannot draw the paper");
	snprintf(made, sizeof made, "%s.pgm", path);
	read_drawn(made, page);
	unlink(path);
	unlink(made);
	return page;
}

/* Within something black that is larger than a letter. */
static bool is_in_picture(const struct drawn *page, int x, int y)
{
	enum { AROUND = 12 };

	if (x < AROUND || y < AROUND || x + AROUND >= page->width || y + AROUND >= page->height)
		return false;
	for (int i = -AROUND; i <= AROUND; i++)
		if (page->greys[y * page->width + x + i] != 0 || page->greys[(y + i) * page->width + x] != 0)
			return false;
	return true;
}

/* Pixels of the pictures of one page that are lighter on another. */
static int lit(const struct drawn *plain, const struct drawn *other, int *out_all)
{
	int count = 0;

	*out_all = 0;
	for (int y = 0; y < plain->height; y++)
		for (int x = 0; x < plain->width; x++)
			if (is_in_picture(plain, x, y)) {
				(*out_all)++;
				count += other->greys[y * plain->width + x] > 20;
			}
	return count;
}

Test(report_pdf, the_watermark_of_a_demonstration_lies_over_the_pictures_and_hides_nothing)
{
	static const uint8_t black[64 * 64];
	struct report_picture list[3] = {0};
	struct report_pictures pictures = {list, 3};
	json_t *content = content_with(3);
	const struct drawn *plain, *demo;
	struct report_pdf papers[2];
	struct err err;
	int all, count;

	for (int i = 0; i < 3; i++) {
		snprintf(list[i].instance, sizeof list[i].instance, "2.25.%d", i);
		list[i].frame = 1;
		cr_assert(dicom_draw(black, 64, 64, DICOM_MEDIA_JPEG, 80, &list[i].jpeg, &list[i].length, &err), "%s",
		          err.text);
	}
	cr_assert(report_pictures_name(content, &pictures, &err), "%s", err.text);
	papers[1] = render_with(content, &pictures);
	json_object_set_new(content, "is_demo", json_false());
	papers[0] = render_with(content, &pictures);
	plain = first_page(&papers[0]);
	demo = first_page(&papers[1]);

	cr_assert(plain->width == demo->width && plain->height == demo->height);
	count = lit(plain, demo, &all);
	cr_expect_gt(all, 10000, "there are no pictures on the paper");
	cr_expect_gt(count, 500, "the watermark does not cross the pictures: %d pixels", count);
	cr_expect_lt(count, all / 2, "the pictures are hidden: %d of %d pixels", count, all);
	for (int i = 0; i < plain->width * plain->height; i++)
		cr_assert(plain->greys[i] > 40 || demo->greys[i] < 100, "what is black cannot be read at %d", i);
	for (int i = 0; i < 3; i++)
		free(list[i].jpeg);
	for (int i = 0; i < 2; i++)
		free(papers[i].bytes);
	json_decref(content);
}

Test(report_pictures, one_that_was_marked_meanwhile_is_no_part_of_what_is_signed)
{
	json_t *content = content_with(2);
	struct report_picture one = {.instance = "2.25.0", .frame = 1, .why = "late"};
	struct report_pictures pictures = {&one, 1};
	struct err err;

	cr_assert_not(report_pictures_name(content, &pictures, &err));
	cr_assert_eq(err.kind, ERR_CONFLICT);
	json_decref(content);
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
