/* Datasets of storage commitment and of performed procedure steps. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dicom/normalized.h"

#define EXPLICIT "1.2.840.10008.1.2.1"
#define IMPLICIT "1.2.840.10008.1.2"

static struct err err;

static void setup(void)
{
	cr_assert(dicom_init(&err), "%s", err.text);
}

TestSuite(normalized, .init = setup, .timeout = 60);

struct memory {
	uint8_t bytes[4096];
	size_t length;
};

static bool read_at(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *error)
{
	const struct memory *memory = context;

	(void)error;
	*out_length = 0;
	if (offset >= memory->length)
		return true;
	*out_length = length < memory->length - offset ? length : memory->length - (size_t)offset;
	memcpy(out, memory->bytes + offset, *out_length);
	return true;
}

/* As a part 10 file of this syntax; *header: where the dataset begins. */
static struct dicom_bytes file_of(struct memory *memory, const char *syntax, const void *dataset, size_t length,
                                  size_t *header)
{
	uint8_t *head;

	cr_assert(
	    dicom_meta_header(DICOM_COMMITMENT_CLASS, DICOM_COMMITMENT_INSTANCE, syntax, NULL, &head, header, &err));
	cr_assert_lt(*header + length, sizeof memory->bytes);
	memcpy(memory->bytes, head, *header);
	memcpy(memory->bytes + *header, dataset, length);
	memory->length = *header + length;
	free(head);
	return (struct dicom_bytes){read_at, memory, memory->length};
}

/* What is held alone has the form of a request: the two have the same elements. */
static const struct dicom_commitment_item items[] = {{"1.2.840.10008.5.1.4.1.1.2", "1.2.3", 0},
                                                     {"1.2.840.10008.5.1.4.1.1.4", "1.2.3.45", 0},
                                                     {"1.2.840.10008.5.1.4.1.1.2", "1.2.3.6", 0x0112}};

Test(normalized, what_is_written_is_read_in_both_syntaxes)
{
	struct dicom_commitment_result result = {"2.25.7", items, 2};

	for (int is_implicit = 0; is_implicit < 2; is_implicit++) {
		struct dicom_commitment_request request;
		struct dicom_bytes bytes;
		struct memory memory;
		size_t length, header;
		uint8_t *dataset;

		dicom_write_commitment_result(&result, is_implicit, &dataset, &length);
		bytes = file_of(&memory, is_implicit ? IMPLICIT : EXPLICIT, dataset, length, &header);
		cr_assert(dicom_read_commitment_request(&bytes, &request, &err), "%s", err.text);
		cr_expect_str_eq(request.transaction_uid, "2.25.7");
		cr_expect_eq(request.count, 2);
		for (size_t i = 0; i < request.count; i++) {
			cr_expect_str_eq(request.items[i].sop_class_uid, items[i].sop_class_uid);
			cr_expect_str_eq(request.items[i].sop_instance_uid, items[i].sop_instance_uid);
		}
		dicom_commitment_request_fini(&request);
		free(dataset);
	}
}

Test(normalized, what_failed_stands_apart_with_its_reason)
{
	struct dicom_commitment_result result = {"2.25.7", items, 3};
	struct dicom_commitment_request request;
	struct dicom_bytes bytes;
	struct memory memory;
	size_t length, header;
	uint8_t *dataset;
	/* (0008,1197) US, 2 bytes, 0112H */
	static const uint8_t reason[] = {0x08, 0x00, 0x97, 0x11, 'U', 'S', 2, 0, 0x12, 0x01};

	dicom_write_commitment_result(&result, false, &dataset, &length);
	cr_expect_not_null(memmem(dataset, length, reason, sizeof reason));
	bytes = file_of(&memory, EXPLICIT, dataset, length, &header);
	cr_assert(dicom_read_commitment_request(&bytes, &request, &err), "%s", err.text);
	cr_expect_eq(request.count, 2, "only what is held is in Referenced SOP Sequence");
	dicom_commitment_request_fini(&request);
	free(dataset);
}

/* Cut anywhere, any byte changed: refused with a status or read, never worse. */
Test(normalized, damaged_requests_are_refused_or_read)
{
	struct dicom_commitment_result result = {"2.25.7", items, 2};
	struct dicom_commitment_request request;
	struct dicom_bytes bytes;
	struct memory memory;
	size_t length, header;
	struct dicom_mpps mpps;
	uint8_t *dataset;

	dicom_write_commitment_result(&result, false, &dataset, &length);
	for (size_t cut = 0; cut < length; cut++) {
		bytes = file_of(&memory, EXPLICIT, dataset, cut, &header);
		cr_expect_not(dicom_read_commitment_request(&bytes, &request, &err), "cut at %zu", cut);
		cr_expect_eq(err.source, ERR_SOURCE_DIMSE, "cut at %zu", cut);
		dicom_commitment_request_fini(&request);
	}
	for (size_t at = 0; at < length; at++)
		for (int value = 0; value < 256; value += 5) {
			bytes = file_of(&memory, EXPLICIT, dataset, length, &header);
			memory.bytes[header + at] = (uint8_t)value;
			if (dicom_read_commitment_request(&bytes, &request, &err))
				cr_expect_gt(request.count, 0);
			else
				cr_expect_eq(err.source, ERR_SOURCE_DIMSE, "byte %zu is %d", at, value);
			dicom_commitment_request_fini(&request);
			(void)dicom_read_mpps(&bytes, &mpps, &err);
			dicom_mpps_fini(&mpps);
		}
	free(dataset);
}

/* ---- what we ask, and what is told --------------------------------------------------------------------------------------- */

Test(normalized, our_request_reads_as_it_was_meant)
{
	static const struct dicom_reference_pair asked[] = {{"1.2.840.10008.5.1.4.1.1.7", "1.2.3.41"},
	                                                    {"1.2.840.10008.5.1.4.1.1.2", "1.2.3.4"}};
	static const char *const syntaxes[] = {EXPLICIT, IMPLICIT};

	for (size_t s = 0; s < 2; s++) {
		struct dicom_commitment_request request;
		struct dicom_bytes bytes;
		struct memory memory;
		size_t length, header;
		uint8_t *out;

		dicom_write_commitment_request("2.25.7", asked, 2, s == 1, &out, &length);
		bytes = file_of(&memory, syntaxes[s], out, length, &header);
		free(out);
		cr_assert(dicom_read_commitment_request(&bytes, &request, &err), "%s", err.text);
		cr_expect_str_eq(request.transaction_uid, "2.25.7");
		cr_assert_eq(request.count, 2);
		cr_expect_str_eq(request.items[0].sop_instance_uid, "1.2.3.41");
		cr_expect_str_eq(request.items[1].sop_class_uid, "1.2.840.10008.5.1.4.1.1.2");
		dicom_commitment_request_fini(&request);
	}
}

/* Held ones have no reason; a failed one has the reason that was told. */
Test(normalized, what_is_told_of_a_commitment_is_read)
{
	static const struct dicom_commitment_item said[] = {{"1.2.840.10008.5.1.4.1.1.2", "1.2.3", 0},
	                                                    {"1.2.840.10008.5.1.4.1.1.2", "1.2.4", 0x0112},
	                                                    {"1.2.840.10008.5.1.4.1.1.2", "1.2.5", 0}};
	const struct dicom_commitment_result result = {"2.25.7", said, 3};
	static const char *const syntaxes[] = {EXPLICIT, IMPLICIT};

	for (size_t s = 0; s < 2; s++) {
		struct dicom_commitment_told told;
		struct dicom_bytes bytes;
		struct memory memory;
		size_t length, header;
		uint8_t *out;

		dicom_write_commitment_result(&result, s == 1, &out, &length);
		for (size_t cut = 0; cut < length; cut++) {
			bytes = file_of(&memory, syntaxes[s], out, cut, &header);
			if (dicom_read_commitment_told(&bytes, &told, &err))
				cr_expect_leq(told.count, 3);
			dicom_commitment_told_fini(&told);
		}
		bytes = file_of(&memory, syntaxes[s], out, length, &header);
		free(out);
		cr_assert(dicom_read_commitment_told(&bytes, &told, &err), "%s", err.text);
		cr_expect_str_eq(told.transaction_uid, "2.25.7");
		cr_assert_eq(told.count, 3);
		for (size_t i = 0; i < 3; i++) {
			bool is_failed = strcmp(told.items[i].instance.sop_instance_uid, "1.2.4") == 0;

			cr_expect_eq(told.items[i].failure_reason, is_failed ? 0x0112 : 0);
		}
		dicom_commitment_told_fini(&told);
	}
}

Test(normalized, an_answer_to_our_query_names_an_instance)
{
	static const uint8_t answer[] = {0x08, 0, 0x18, 0, 'U', 'I', 6, 0, '1', '.', '2', '.', '3', 0};
	char uid[DICOM_UID_SIZE] = "";
	struct dicom_bytes bytes;
	struct memory memory;
	size_t length, header;
	uint8_t *out;

	bytes = file_of(&memory, EXPLICIT, answer, sizeof answer, &header);
	cr_assert(dicom_read_instance_found(&bytes, uid, &err), "%s", err.text);
	cr_expect_str_eq(uid, "1.2.3");
	dicom_write_instance_query("1.2.7", "1.2.8", false, &out, &length);
	bytes = file_of(&memory, EXPLICIT, out, length, &header);
	free(out);
	cr_assert(dicom_read_instance_found(&bytes, uid, &err), "%s", err.text);
	cr_expect_str_eq(uid, "", "what is asked for is empty");
}
