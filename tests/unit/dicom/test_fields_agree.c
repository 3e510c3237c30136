/* Two readers of the same bytes: what lib/dicom finds in a valid dataset is what dcmdump (DCMTK) finds in it, no more and no less. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "tests/unit/dicom/dataset.h"

enum { DATASETS = 48, VALUE_MAX = 17 };

enum row_kind { ROW_FIELD, ROW_PRIVATE, ROW_SEQUENCE, ROW_SEQUENCE_UNDEFINED, ROW_LONG };

#define FIELD(tag, vr, member) {tag, vr, ROW_FIELD, offsetof(struct dicom_fields, member)}
#define NOISE(tag, vr, kind) {tag, vr, kind, 0}
/* In ascending order, as a dataset must be. */
static const struct row {
	uint32_t tag;
	const char *vr;
	enum row_kind kind;
	size_t offset;
} rows[] = {
    FIELD(0x00080016, "UI", sop_class_uid),
    FIELD(0x00080018, "UI", sop_instance_uid),
    FIELD(0x00080020, "DA", study_date),
    FIELD(0x00080030, "TM", study_time),
    FIELD(0x00080050, "SH", accession_number),
    FIELD(0x00080060, "CS", modality),
    FIELD(0x00080070, "LO", manufacturer),
    FIELD(0x00080090, "PN", referring_physician),
    FIELD(0x00081010, "SH", station_name),
    FIELD(0x00081030, "LO", study_description),
    FIELD(0x0008103e, "LO", series_description),
    NOISE(0x00081115, "SQ", ROW_SEQUENCE),
    NOISE(0x00081140, "SQ", ROW_SEQUENCE_UNDEFINED),
    NOISE(0x00091010, "LO", ROW_PRIVATE),
    NOISE(0x00091011, "UN", ROW_PRIVATE),
    FIELD(0x00100010, "PN", patient_name),
    FIELD(0x00100020, "LO", patient_id),
    FIELD(0x00100030, "DA", patient_birth_date),
    FIELD(0x00100040, "CS", patient_sex),
    NOISE(0x00104000, "LT", ROW_LONG),
    FIELD(0x00180015, "CS", body_part),
    FIELD(0x00181030, "LO", protocol_name),
    FIELD(0x0020000d, "UI", study_instance_uid),
    FIELD(0x0020000e, "UI", series_instance_uid),
    FIELD(0x00200010, "SH", study_id),
    FIELD(0x00200060, "CS", laterality),
    FIELD(0x00400244, "DA", performed_date),
    FIELD(0x00400245, "TM", performed_time),
    NOISE(0x00400275, "SQ", ROW_SEQUENCE),
    NOISE(0x00400555, "SQ", ROW_SEQUENCE_UNDEFINED),
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static uint64_t state;

static unsigned below(unsigned count)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % count;
}

static void make_value(const char *vr, char out[VALUE_MAX])
{
	static const char letters[] = "ABCXYZabc0123456789^-. ";
	unsigned length = below(VALUE_MAX);
	bool is_uid = strcmp(vr, "UI") == 0;

	for (unsigned i = 0; i < length; i++)
		out[i] = is_uid ? (i % 2 ? '.' : (char)('1' + below(9))) : letters[below(sizeof letters - 1)];
	out[length] = '\0';
}

/* Inside an item stand the same attributes as outside: they are not the dataset's. */
static void put_item(struct dataset *d, bool is_undefined)
{
	static struct dataset inside;
	char value[VALUE_MAX];

	inside = (struct dataset){.is_implicit = d->is_implicit, .is_big_endian = d->is_big_endian};
	for (int i = 0; i < ROW_COUNT; i++) {
		if (rows[i].kind != ROW_FIELD || below(4) > 0)
			continue;
		make_value(rows[i].vr, value);
		dataset_text(&inside, rows[i].tag, rows[i].vr, value);
	}
	dataset_item(d, 0xe000, is_undefined ? UNDEFINED : (uint32_t)inside.length);
	dataset_raw(d, inside.bytes, inside.length);
	if (is_undefined)
		dataset_item(d, 0xe00d, 0);
}

static void put_sequence(struct dataset *d, uint32_t tag)
{
	static struct dataset items;
	unsigned count = below(3);

	items = (struct dataset){.is_implicit = d->is_implicit, .is_big_endian = d->is_big_endian};
	for (unsigned i = 0; i < count; i++)
		put_item(&items, below(2));
	dataset_header(d, tag, "SQ", (uint32_t)items.length);
	dataset_raw(d, items.bytes, items.length);
}

static void put_sequence_undefined(struct dataset *d, uint32_t tag)
{
	unsigned count = below(3);

	dataset_header(d, tag, "SQ", UNDEFINED);
	for (unsigned i = 0; i < count; i++)
		put_item(d, below(2));
	dataset_item(d, 0xe0dd, 0);
}

static void put_row(struct dataset *d, const struct row *row)
{
	char value[VALUE_MAX], text[301];

	switch (row->kind) {
	case ROW_SEQUENCE:
		put_sequence(d, row->tag);
		return;
	case ROW_SEQUENCE_UNDEFINED:
		put_sequence_undefined(d, row->tag);
		return;
	case ROW_LONG:
		(void)snprintf(text, sizeof text, "%0300u", below(1000));
		dataset_text(d, row->tag, row->vr, text);
		return;
	default:
		make_value(row->vr, value);
		dataset_text(d, row->tag, row->vr, value);
	}
}

/* ---- the other reader ------------------------------------------------------------------------------------------- */

/* What dcmdump writes about the file. */
static FILE *dump_of(const char *file)
{
	char program[] = "dcmdump", quiet[] = "-q", all[] = "+L", input[512], output[512];
	char *const command[] = {program, quiet, all, input, NULL};
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	(void)text_copy(input, sizeof input, file);
	(void)text_copy(output, sizeof output, scratch_path("dump.txt"));
	cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
	cr_assert_eq(
	    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0600), 0);
	cr_assert_eq(posix_spawnp(&pid, command[0], &actions, NULL, command, environ), 0, "no dcmdump");
	(void)posix_spawn_file_actions_destroy(&actions);
	cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	          "dcmdump refuses it");
	return fopen(output, "re");
}

/* Values by row, "" when absent or empty. Lines of the top level begin with the tag: "(0010,0010) PN [A^B]   # 4, 1 PatientName". */
static void read_dump(const char *file, char out[ROW_COUNT][200])
{
	FILE *dump = dump_of(file);
	char line[2000];

	cr_assert(dump != NULL);
	memset(out, 0, ROW_COUNT * sizeof out[0]);
	while (fgets(line, sizeof line, dump)) {
		unsigned group, element;
		char *start, *end;

		if (sscanf(line, "(%4x,%4x)", &group, &element) != 2)
			continue;
		start = strchr(line, '[');
		end = strstr(line, "] ");
		for (int i = 0; i < ROW_COUNT && start != NULL && end != NULL; i++)
			if (rows[i].tag == (group << 16 | element))
				(void)snprintf(out[i], sizeof out[i], "%.*s", (int)(end - start - 1), start + 1);
	}
	(void)fclose(dump);
}

static const char *trimmed(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && text[length - 1] == ' ')
		text[--length] = '\0';
	return text + strspn(text, " ");
}

Test(fields, agree_with_dcmdump, .fini = scratch_remove)
{
	static const char *const syntaxes[] = {EXPLICIT, IMPLICIT, BIG_ENDIAN_EXPLICIT, DEFLATED};
	static char others[ROW_COUNT][200];
	static struct dataset d;
	struct dicom_fields fields;
	int values = 0;
	struct err err;

	for (int seed = 0; seed < DATASETS; seed++) {
		const char *syntax = syntaxes[seed % 4], *path;

		state = (uint64_t)seed * 7919 + 1;
		dataset_init(&d, syntax);
		for (int i = 0; i < ROW_COUNT; i++)
			if (i < 2 || below(3) > 0)
				put_row(&d, &rows[i]);
		if (strcmp(syntax, DEFLATED) == 0)
			dataset_deflate(&d);
		path = dataset_file(&d, syntax);
		cr_assert(dicom_read_fields(path, &fields, &err), "seed %d: %s", seed, err.text);
		read_dump(path, others);
		for (int i = 0; i < ROW_COUNT; i++) {
			const char *ours = (const char *)&fields + rows[i].offset;

			if (rows[i].kind != ROW_FIELD)
				continue;
			cr_expect_str_eq(ours, trimmed(others[i]), "seed %d, (%04x,%04x): '%s' and '%s'", seed,
			                 rows[i].tag >> 16, rows[i].tag & 0xffff, ours, trimmed(others[i]));
			values += ours[0] != '\0';
		}
	}
	cr_assert(values > DATASETS * 8, "hardly anything was compared: %d", values);
}
