#include "tests/support/dataset.h"

#include <criterion/criterion.h>
#include <string.h>

static void put(struct text_buf *out, unsigned group, unsigned element, const char *vr, const char *value,
                size_t length)
{
	size_t padded = length + (length & 1);
	bool is_long = strcmp(vr, "OB") == 0 || strcmp(vr, "OW") == 0;
	unsigned char head[12] = {group & 0xff, group >> 8,           element & 0xff,
	                          element >> 8, (unsigned char)vr[0], (unsigned char)vr[1]};

	if (is_long)
		for (int i = 0; i < 4; i++)
			head[8 + i] = (unsigned char)(padded >> (8 * i));
	else
		for (int i = 0; i < 2; i++)
			head[6 + i] = (unsigned char)(padded >> (8 * i));
	cr_assert(text_buf_append(out, head, is_long ? 12 : 8));
	cr_assert(text_buf_append(out, value, length));
	if (length & 1)
		cr_assert(text_buf_append(out, strcmp(vr, "UI") == 0 ? "\0" : " ", 1));
}

static void put_text(struct text_buf *out, unsigned group, unsigned element, const char *vr, const char *value)
{
	if (value)
		put(out, group, element, vr, value, strlen(value));
}

static void put_request(struct text_buf *out, const char *step)
{
	static const unsigned char sequence[12] = {0x40, 0x00, 0x75, 0x02, 'S', 'Q', 0, 0, 0xff, 0xff, 0xff, 0xff};
	static const unsigned char item[8] = {0xfe, 0xff, 0x00, 0xe0, 0xff, 0xff, 0xff, 0xff};
	static const unsigned char ends[16] = {0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0xdd, 0xe0};

	cr_assert(text_buf_append(out, sequence, sizeof sequence) && text_buf_append(out, item, sizeof item));
	put_text(out, 0x0040, 0x0009, "SH", step);
	cr_assert(text_buf_append(out, ends, sizeof ends));
}

static void put_pixels(struct text_buf *out, const struct dataset *dataset)
{
	char row[256];

	put(out, 0x0028, 0x0010, "US", "\x10\x00", 2);
	put(out, 0x0028, 0x0011, "US", "\x10\x00", 2);
	put(out, 0x7fe0, 0x0010, "OW", "", 0);
	for (int i = 0; i < 4; i++)
		out->data[out->length - 4 + (size_t)i] = (char)(dataset->pixels >> (8 * i));
	for (int done = 0; done < dataset->pixels; done += (int)sizeof row) {
		int part = dataset->pixels - done < (int)sizeof row ? dataset->pixels - done : (int)sizeof row;

		for (int i = 0; i < part; i++)
			row[i] = (char)(i * 7 + dataset->seed + done / 256);
		cr_assert(text_buf_append(out, row, (size_t)part));
	}
}

struct dataset dataset_sample(char uids[3][TEXT_UID_SIZE])
{
	for (int i = 0; i < 3; i++)
		text_uid_new(uids[i]);
	return (struct dataset){.charset = "ISO_IR 192",
	                        .sop_class = TEST_SECONDARY_CAPTURE,
	                        .sop_instance = uids[0],
	                        .modality = "OT",
	                        .name = "ZHANG^SAN=张^三",
	                        .id = "TS-20260017",
	                        .birth = "19570312",
	                        .sex = "M",
	                        .study = uids[1],
	                        .series = uids[2],
	                        .date = "20260301",
	                        .time = "083000",
	                        .pixels = 512};
}

void dataset_build(const struct dataset *d, struct text_buf *out)
{
	put_text(out, 0x0008, 0x0005, "CS", d->charset);
	put_text(out, 0x0008, 0x0016, "UI", d->sop_class);
	put_text(out, 0x0008, 0x0018, "UI", d->sop_instance);
	put_text(out, 0x0008, 0x0020, "DA", d->date);
	put_text(out, 0x0008, 0x0023, "DA", d->date);
	put_text(out, 0x0008, 0x0030, "TM", d->time);
	put_text(out, 0x0008, 0x0033, "TM", d->time);
	put_text(out, 0x0008, 0x0060, "CS", d->modality);
	put_text(out, 0x0010, 0x0010, "PN", d->name);
	put_text(out, 0x0010, 0x0020, "LO", d->id);
	put_text(out, 0x0010, 0x0030, "DA", d->birth);
	put_text(out, 0x0010, 0x0040, "CS", d->sex);
	put_text(out, 0x0020, 0x000d, "UI", d->study);
	put_text(out, 0x0020, 0x000e, "UI", d->series);
	put_text(out, 0x0020, 0x0013, "IS", "1");
	put_text(out, 0x0040, 0x0244, "DA", d->performed_date);
	put_text(out, 0x0040, 0x0245, "TM", d->performed_time);
	if (d->step)
		put_request(out, d->step);
	if (d->pixels)
		put_pixels(out, d);
}

bool dataset_send(struct intake *intake, const struct intake_source *source, const struct dataset *dataset,
                  struct err *err)
{
	struct intake_object *object;
	struct text_buf bytes;
	bool ok;

	text_buf_init(&bytes, 64 << 20);
	dataset_build(dataset, &bytes);
	ok = intake_begin(intake, source, &object, err);
	for (size_t at = 0; ok && at < bytes.length; at += 1000) {
		ok = intake_append(object, bytes.data + at, bytes.length - at < 1000 ? bytes.length - at : 1000, err);
		if (!ok)
			intake_abort(object);
	}
	ok = ok && intake_commit(object, err);
	text_buf_fini(&bytes);
	return ok;
}
