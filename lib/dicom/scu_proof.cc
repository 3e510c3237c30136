/* What a peer holds, asked by storage commitment (PS3.4 annex J) and by query (PS3.4 annex C). */
#include "lib/dicom/scu.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "lib/base/clock.h"
#include "lib/base/text.h"

namespace
{
enum : size_t { REPORT_MAX = DICOM_N_DATASET_MAX, IDENTIFIER_MAX = 65536 };
enum : uint16_t { STATUS_PENDING = 0xff00, STATUS_PENDING_WARNING = 0xff01 };
enum { ACTION_REQUEST = 1 };

/* A dataset in memory, as the readers of part 10 files want it. */
class Message
{
      public:
	bool open(bool is_implicit, const std::string &dataset, struct err *err)
	{
		uint8_t *head;
		size_t length;

		if (!dicom_meta_header(DICOM_COMMITMENT_CLASS, DICOM_COMMITMENT_INSTANCE,
		                       is_implicit ? UID_LittleEndianImplicitTransferSyntax
		                                   : UID_LittleEndianExplicitTransferSyntax,
		                       nullptr, &head, &length, err))
			return false;
		file_.assign(reinterpret_cast<const char *>(head), length);
		file_ += dataset;
		std::free(head);
		return true;
	}
	struct dicom_bytes bytes()
	{
		return {read_at, &file_, file_.size()};
	}

      private:
	std::string file_;

	static bool read_at(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *)
	{
		const std::string &file = *static_cast<const std::string *>(context);
		size_t at = static_cast<size_t>(std::min<uint64_t>(offset, file.size()));

		*out_length = file.copy(static_cast<char *>(out), length, at);
		return true;
	}
};

/* A refusal for good, unless the status says that resources lack (PS3.7 annex C; A7xx). */
bool refused(const Client &client, const char *what, uint16_t status, struct err *err)
{
	bool is_passing = status == DICOM_STATUS_RESOURCE_LIMITATION || status >> 8 == 0xa7;

	return err_set(err, is_passing ? ERR_TEMPORARY : ERR_REFUSED, "%s ask %s for %s: it answers status %04x",
	               is_passing ? "could not" : "cannot", client.name(), what, status);
}

/* ---- commitment --------------------------------------------------------------------------------------------------------------- */

/* Keeps what an N-EVENT-REPORT says, and says that it was heard. */
bool take_report(struct dicom_scu &scu, const Command &event, bool is_implicit, struct err *err)
{
	struct dicom_commitment_told told = {};
	std::string dataset;
	Message message;
	struct dicom_bytes bytes;
	bool ok;

	if (event.has_dataset() && !scu.client.hear_dataset(event, REPORT_MAX, &dataset, err))
		return false;
	if (!message.open(is_implicit, dataset, err))
		return false;
	bytes = message.bytes();
	ok = dicom_read_commitment_told(&bytes, &told, err);
	if (ok) {
		dicom_commitment_told_fini(&scu.told);
		scu.told = told;
		scu.has_told = true;
	} else {
		dicom_commitment_told_fini(&told);
	}
	return scu.client.reply(event, ok ? 0 : uint16_t{DICOM_STATUS_INVALID_ARGUMENT}, err) && ok;
}

bool is_report(const Command &command)
{
	return command.field == COMMAND_N_EVENT_REPORT_RQ && command.sop_class == DICOM_COMMITMENT_CLASS;
}

/* A report may overtake the answer to the request that it is about. */
bool await_answer(struct dicom_scu &scu, const Command &request, bool is_implicit, Command *answer, struct err *err)
{
	std::string passed;

	for (int reports = 0; reports < 8; reports++) {
		if (!scu.client.hear(answer, err))
			return false;
		if (is_report(*answer)) {
			if (!take_report(scu, *answer, is_implicit, err))
				return false;
			continue;
		}
		if (answer->has_dataset() && !scu.client.hear_dataset(*answer, REPORT_MAX, &passed, err))
			return false;
		return scu.client.is_answer(request, *answer, err);
	}
	return err_set(err, ERR_TEMPORARY, "could not ask %s for a commitment: it reports without end",
	               scu.client.name());
}

bool ask_commitment(struct dicom_scu &scu, const char *transaction_uid, const struct dicom_reference_pair *items,
                    size_t count, struct err *err)
{
	Command request, answer;
	bool is_implicit, ok;
	uint8_t *bytes;
	size_t length;

	request.context_id = scu.client.find_plain(DICOM_COMMITMENT_CLASS, &is_implicit);
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot ask %s for a commitment: it does not offer any",
		               scu.client.name());
	request.field = COMMAND_N_ACTION_RQ;
	request.sop_class = DICOM_COMMITMENT_CLASS;
	request.sop_instance = DICOM_COMMITMENT_INSTANCE;
	request.type_id = ACTION_REQUEST;
	request.dataset_type = 1;
	dicom_write_commitment_request(transaction_uid, items, count, is_implicit, &bytes, &length);
	ok = scu.client.put_request(&request, bytes, length, err) &&
	     await_answer(scu, request, is_implicit, &answer, err);
	std::free(bytes);
	if (!ok)
		return scu.breaks(err);
	return answer.status == 0 || refused(scu.client, "a commitment", answer.status, err);
}

bool await_commitment(struct dicom_scu &scu, int64_t wait_ms, bool *came, struct dicom_commitment_told *out,
                      struct err *err)
{
	int64_t until_ms = clock_monotonic_ms() + wait_ms;
	bool is_implicit;

	(void)scu.client.find_plain(DICOM_COMMITMENT_CLASS, &is_implicit);
	while (!scu.has_told) {
		int64_t left_ms = std::max<int64_t>(until_ms - clock_monotonic_ms(), 0);
		Command command;

		if (!scu.client.is_readable_within(static_cast<int>(left_ms))) {
			*came = false;
			return true;
		}
		if (!scu.client.hear(&command, err))
			return scu.breaks(err);
		if (!is_report(command)) {
			err_set(err, ERR_TEMPORARY, "could not await a report of %s: it says something else",
			        scu.client.name());
			return scu.breaks(err);
		}
		if (!take_report(scu, command, is_implicit, err))
			return scu.breaks(err);
	}
	*out = scu.told;
	scu.told = {};
	scu.has_told = false;
	*came = true;
	return true;
}

/* ---- query -------------------------------------------------------------------------------------------------------------------- */

bool take_found(struct dicom_scu &scu, const Command &answer, bool is_implicit, dicom_found_instance *each,
                void *context, struct err *err)
{
	char uid[DICOM_UID_SIZE];
	std::string dataset;
	Message message;
	struct dicom_bytes bytes;

	if (!scu.client.hear_dataset(answer, IDENTIFIER_MAX, &dataset, err) || !message.open(is_implicit, dataset, err))
		return false;
	bytes = message.bytes();
	if (!dicom_read_instance_found(&bytes, uid, err))
		return false;
	if (uid[0] != '\0')
		each(context, uid);
	return true;
}

bool is_pending(uint16_t status)
{
	return status == STATUS_PENDING || status == STATUS_PENDING_WARNING;
}

/* The answers, and the last one in *answer. */
bool hear_found(struct dicom_scu &scu, const Command &request, bool is_implicit, dicom_found_instance *each,
                void *context, Command *answer, struct err *err)
{
	for (int count = 0; count <= DICOM_FOUND_MAX; count++) {
		if (!scu.client.hear(answer, err) || !scu.client.is_answer(request, *answer, err))
			return false;
		if (is_pending(answer->status) != answer->has_dataset())
			return err_set(err, ERR_TEMPORARY, "could not ask %s: it answers something else",
			               scu.client.name());
		if (!is_pending(answer->status))
			return true;
		if (!take_found(scu, *answer, is_implicit, each, context, err))
			return false;
	}
	return err_set(err, ERR_TEMPORARY, "could not ask %s: it answers without end", scu.client.name());
}

bool find_instances(struct dicom_scu &scu, const char *study_uid, const char *series_uid, dicom_found_instance *each,
                    void *context, struct err *err)
{
	Command request, answer;
	bool is_implicit, ok;
	uint8_t *bytes;
	size_t length;

	request.context_id = scu.client.find_plain(DICOM_STUDY_ROOT_FIND, &is_implicit);
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot ask %s what it holds: it takes no query", scu.client.name());
	request.field = COMMAND_C_FIND_RQ;
	request.sop_class = DICOM_STUDY_ROOT_FIND;
	request.dataset_type = 1;
	dicom_write_instance_query(study_uid, series_uid, is_implicit, &bytes, &length);
	ok = scu.client.put_request(&request, bytes, length, err) &&
	     hear_found(scu, request, is_implicit, each, context, &answer, err);
	std::free(bytes);
	if (!ok)
		return scu.breaks(err);
	return answer.status == 0 || refused(scu.client, "what it holds", answer.status, err);
}
} // namespace

extern "C" bool dicom_scu_ask_commitment(struct dicom_scu *scu, const char *transaction_uid,
                                         const struct dicom_reference_pair *items, size_t count, struct err *err)
{
	return dicom_guard(err, [&] { return ask_commitment(*scu, transaction_uid, items, count, err); });
}

extern "C" bool dicom_scu_await_commitment(struct dicom_scu *scu, int64_t wait_ms, bool *out_came,
                                           struct dicom_commitment_told *out, struct err *err)
{
	return dicom_guard(err, [&] { return await_commitment(*scu, wait_ms, out_came, out, err); });
}

extern "C" bool dicom_scu_find_instances(struct dicom_scu *scu, const char *study_instance_uid,
                                         const char *series_instance_uid, dicom_found_instance *each, void *context,
                                         struct err *err)
{
	return dicom_guard(
	    err, [&] { return find_instances(*scu, study_instance_uid, series_instance_uid, each, context, err); });
}
