#include <criterion/criterion.h>

#include "gateway/rendering.h"

Test(rendering, accept)
{
	static const struct {
		const char *accept;
		int want; /* -1: 406, -2: 400 */
	} cases[] = {
	    {NULL, DICOM_MEDIA_JPEG},
	    {"*/*", DICOM_MEDIA_JPEG},
	    {"image/*", DICOM_MEDIA_JPEG},
	    {"image/jpeg", DICOM_MEDIA_JPEG},
	    {"image/png", DICOM_MEDIA_PNG},
	    {"IMAGE/PNG", DICOM_MEDIA_PNG},
	    {"image/png, image/jpeg", DICOM_MEDIA_JPEG},
	    {"image/jpeg;q=0.5, image/png", DICOM_MEDIA_PNG},
	    {"image/jpeg;q=0.5,image/png;q=0.4", DICOM_MEDIA_JPEG},
	    {"image/jpeg;q=0, */*", DICOM_MEDIA_PNG},
	    {"image/avif,image/webp,image/apng,*/*;q=0.8", DICOM_MEDIA_JPEG},
	    {"text/html", -1},
	    {"application/dicom", -1},
	    {"image/jpeg;q=0, image/png;q=0", -1},
	    {"image/jp", -1},
	    {"", DICOM_MEDIA_JPEG},
	    {"image/*;q=0.9, image/jpeg;q=0.1", DICOM_MEDIA_PNG},
	    {",,;;q", -2},
	    {";;;", -2},
	    {"image/jpeg;q=nan", -2},
	    {"image/jpeg;q=2", -2},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dicom_render how = {0};
		struct err err = {0};
		bool ok = rendering_parse(cases[i].accept, NULL, NULL, &how, &err);
		int got = ok ? (int)how.media : err.code == 406 ? -1 : -2;
		cr_expect(got == cases[i].want, "%s: got %d, want %d", cases[i].accept, got, cases[i].want);
		cr_expect(ok || (got == -2) == (err.kind == ERR_INVALID), "%s", err.text);
	}
}

Test(rendering, viewport)
{
	static const struct {
		const char *text;
		int width, height; /* 0: refused */
	} cases[] = {
	    {"512,256", 512, 256},
	    {"1,1", 1, 1},
	    {"8192,8192", 8192, 8192},
	    {"8193,1", 0, 0},
	    {"0,1", 0, 0},
	    {"-1,1", 0, 0},
	    {"512", 0, 0},
	    {"512,", 0, 0},
	    {",512", 0, 0},
	    {"", 0, 0},
	    {"512,256,", 0, 0},
	    {"1e3,1", 0, 0},
	    {"512;256", 0, 0},
	    {"a,b", 0, 0},
	    {"99999999999999999999,1", 0, 0},
	    {"512,256,0,0,9,9", 512, 256},
	    {"512,256,,,-9,9", 512, 256},
	    {"512,256,3,4", 512, 256},
	    {"512,256,3", 0, 0},
	    {"512,256,0,0,9", 0, 0},
	    {"512,256,0,0,9,9,", 0, 0},
	    {"512,256,0,0,9,9,9", 0, 0},
	    {"512,256,-1,0,9,9", 0, 0},
	    {"512,256,0,0,1000001,9", 0, 0},
	    {"512,256,0,0,0x9,9", 0, 0},
	    {"512,256,0,0, 9,9", 0, 0},
	    {"512,256,0,0,-99999999999999999999,9", 0, 0},
	    {",,0,0,9,9", 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dicom_render how = {0};
		struct err err = {0};
		bool ok = rendering_parse(NULL, cases[i].text, NULL, &how, &err);
		cr_expect(ok == (cases[i].width != 0) && how.width_max == cases[i].width &&
		              how.height_max == cases[i].height,
		          "%s: got %d %dx%d", cases[i].text, ok, how.width_max, how.height_max);
		cr_expect(ok || err.kind == ERR_INVALID);
	}
}

Test(rendering, region)
{
	struct dicom_render how = {0};
	struct err err = {0};
	cr_assert(rendering_parse(NULL, "512,256,3,4,-9,8", NULL, &how, &err), "%s", err.text);
	cr_expect(how.left == 3 && how.top == 4 && how.region_width == 9 && how.region_height == 8);
	cr_expect(how.is_mirrored && !how.is_upside_down);
}

Test(rendering, quality)
{
	static const struct {
		const char *text;
		int want; /* 0: refused */
	} cases[] = {{"1", 1}, {"100", 100}, {"050", 50}, {"0", 0},   {"101", 0},
	             {"", 0},  {"-1", 0},    {"9e1", 0},  {"50 ", 0}, {"1000", 0}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dicom_render how = {.quality = 7};
		struct err err = {0};
		bool ok = rendering_parse_quality(cases[i].text, &how, &err);
		cr_expect(ok == (cases[i].want != 0) && how.quality == (ok ? cases[i].want : 7), "%s", cases[i].text);
	}
	struct dicom_render how = {.quality = 7};
	struct err err = {0};
	cr_expect(rendering_parse_quality(NULL, &how, &err) && how.quality == 7);
}

Test(rendering, annotation)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {{NULL, true},        {"patient", true}, {"technique,patient", true}, {"", false},
	             {"patient,", false}, {"name", false},   {"patients", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct err err = {0};
		cr_expect(rendering_check_annotation(cases[i].text, &err) == cases[i].ok, "case %zu", i);
	}
}

Test(rendering, window)
{
	static const struct {
		const char *text;
		bool ok;
		double center, width;
	} cases[] = {
	    {"40,400,linear", true, 40, 400},  {"-600.5,1500,LINEAR", true, -600.5, 1500},
	    {"0,1,linear", true, 0, 1},        {"40,400", false, 0, 0},
	    {"40,400,sigmoid", true, 40, 400}, {"40,0.5,linear-exact", true, 40, 0.5},
	    {"40,0.5,linear", false, 0, 0},    {"40,0,sigmoid", false, 0, 0},
	    {"40,400,cubic", false, 0, 0},     {"40,0,linear", false, 0, 0},
	    {"40,-1,linear", false, 0, 0},     {"nan,400,linear", false, 0, 0},
	    {"40,inf,linear", false, 0, 0},    {",400,linear", false, 0, 0},
	    {"40,,linear", false, 0, 0},       {"", false, 0, 0},
	    {"40,400,linear,", false, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct dicom_render how = {0};
		struct err err = {0};
		bool ok = rendering_parse(NULL, NULL, cases[i].text, &how, &err);
		cr_expect(ok == cases[i].ok && how.has_window == ok, "%s: got %d", cases[i].text, ok);
		cr_expect(!ok || (how.window_center == cases[i].center && how.window_width == cases[i].width), "%s",
		          cases[i].text);
	}
}
