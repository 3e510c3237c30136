#include "lib/dicom/scu.h"

#include <cstdlib>
#include <cstring>
#include <memory>

#include "lib/base/text.h"
extern "C" {
#include "lib/dicom/source.h"
#include "lib/dicom/structure.h"
}
#include "lib/dicom/syntax.h"

/* ---- associations ----------------------------------------------------------------------------------------------------------- */

extern "C" bool dicom_scu_open(const struct dicom_destination *destination, const struct dicom_proposal *proposals,
                               size_t count, struct dicom_scu **out, enum dicom_contact *reached, struct err *err)
{
	enum dicom_contact way = DICOM_CONTACT_NONE;
	bool ok = dicom_guard(err, [&] {
		std::unique_ptr<struct dicom_scu> scu(new dicom_scu(*destination));
		std::vector<Context> contexts;
		bool is_open;

		for (size_t i = 0; i < count && i < CLIENT_CONTEXTS_MAX; i++)
			contexts.push_back({proposals[i].sop_class_uid, proposals[i].transfer_syntax_uid});
		is_open = scu->client.open(contexts, err);
		way = is_open                      ? DICOM_CONTACT_ASSOCIATED
		      : scu->client.is_secured()   ? DICOM_CONTACT_SECURED
		      : scu->client.is_connected() ? DICOM_CONTACT_CONNECTED
		                                   : DICOM_CONTACT_NONE;
		if (is_open)
			*out = scu.release();
		return is_open;
	});

	if (reached != nullptr)
		*reached = way;
	return ok;
}

extern "C" bool dicom_scu_accepts(const struct dicom_scu *scu, const char *sop_class_uid,
                                  const char *transfer_syntax_uid)
{
	return scu->client.find({sop_class_uid, transfer_syntax_uid}) != 0;
}

extern "C" bool dicom_scu_is_open(const struct dicom_scu *scu)
{
	return !scu->is_broken && scu->client.is_quiet();
}

extern "C" void dicom_scu_close(struct dicom_scu *scu)
{
	struct err err;

	if (scu == nullptr)
		return;
	(void)dicom_guard(&err, [scu] {
		if (dicom_scu_is_open(scu))
			scu->client.release();
		delete scu;
		return true;
	});
}

/* ---- echo ------------------------------------------------------------------------------------------------------------------- */

namespace
{
bool echo(struct dicom_scu &scu, struct err *err)
{
	Client &client = scu.client;
	Command request, answer;

	request.context_id = client.find({UID_VerificationSOPClass, UID_LittleEndianImplicitTransferSyntax});
	request.field = COMMAND_C_ECHO_RQ;
	request.sop_class = UID_VerificationSOPClass;
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot verify %s: it does not accept C-ECHO", client.name());
	if (client.ask(request, nullptr, &answer, err) != exchange::answered)
		return scu.breaks(err);
	return answer.status == 0 ||
	       err_set(err, ERR_REFUSED, "cannot verify %s: it answers status %04x", client.name(), answer.status);
}
} // namespace

extern "C" bool dicom_scu_echo(struct dicom_scu *scu, struct err *err)
{
	return dicom_guard(err, [&] { return echo(*scu, err); });
}

extern "C" bool dicom_echo(const struct dicom_destination *destination, enum dicom_contact *reached, struct err *err)
{
	static const struct dicom_proposal verification = {UID_VerificationSOPClass,
	                                                   UID_LittleEndianImplicitTransferSyntax};
	struct dicom_scu *scu;
	bool ok;

	if (!dicom_scu_open(destination, &verification, 1, &scu, reached, err))
		return false;
	ok = dicom_scu_echo(scu, err);
	dicom_scu_close(scu);
	return ok;
}

/* ---- sending ---------------------------------------------------------------------------------------------------------------- */

namespace
{
using Source = std::unique_ptr<struct source, void (*)(struct source *)>;

bool is_sendable(const struct dicom_send_item &item)
{
	return text_is_uid(item.sop_class_uid) && text_is_uid(item.sop_instance_uid) &&
	       text_is_uid(item.transfer_syntax_uid);
}

/* At the first byte that goes; null: the file is not what it should be. */
Source open_dataset(const struct dicom_send_item &item)
{
	struct source *raw = nullptr;
	char syntax[DICOM_UID_SIZE];
	bool is_empty = true;
	struct err err;

	if (!structure_open_dataset(item.path, &raw, syntax, &err))
		return Source(nullptr, source_close);
	Source dataset(raw, source_close);
	bool is_same = std::strcmp(syntax, item.transfer_syntax_uid) == 0;
	if (!is_same && syntax_of(syntax)->is_deflated &&
	    std::strcmp(item.transfer_syntax_uid, UID_LittleEndianExplicitTransferSyntax) == 0) {
		source_inflate(raw);
		is_same = true;
	}
	if (!is_same || !source_at_end(raw, &is_empty, &err) || is_empty)
		return Source(nullptr, source_close);
	return dataset;
}

Command store_request(const struct dicom_send_item &item, uint8_t context_id)
{
	Command request;

	request.context_id = context_id;
	request.field = COMMAND_C_STORE_RQ;
	request.dataset_type = 1;
	request.sop_class = item.sop_class_uid;
	request.sop_instance = item.sop_instance_uid;
	return request;
}

/* A dataset that turns out unreadable on its way has spoilt the association, but it is our fault. */
bool unfinished(struct dicom_scu &scu, exchange how, struct dicom_send_result *out, struct err *err)
{
	scu.is_broken = true;
	if (how == exchange::unanswered)
		err->kind = ERR_UNKNOWN_OUTCOME;
	return how == exchange::unsent && err->kind == ERR_INVALID && (out->sent = DICOM_SENT_UNREADABLE, true);
}

bool store(struct dicom_scu &scu, const struct dicom_send_item &item, struct dicom_send_result *out, struct err *err)
{
	uint8_t context_id;
	Command answer;
	exchange how;

	*out = {DICOM_SENT_UNREADABLE, 0, ""};
	if (!is_sendable(item))
		return true;
	context_id = scu.client.find({item.sop_class_uid, item.transfer_syntax_uid});
	if (context_id == 0) {
		out->sent = DICOM_SENT_NO_CONTEXT;
		return true;
	}
	Source dataset = open_dataset(item);
	if (!dataset)
		return true;
	how = scu.client.ask(store_request(item, context_id), dataset.get(), &answer, err);
	if (how != exchange::answered)
		return unfinished(scu, how, out, err);
	*out = {DICOM_SENT_ANSWERED, answer.status, ""};
	(void)text_copy(out->comment, sizeof out->comment, answer.comment.c_str());
	return true;
}
} // namespace

extern "C" bool dicom_scu_store(struct dicom_scu *scu, const struct dicom_send_item *item,
                                struct dicom_send_result *out, struct err *err)
{
	return dicom_guard(err, [&] { return store(*scu, *item, out, err); });
}

/* ---- reports of commitments --------------------------------------------------------------------------------------------------- */

namespace
{
bool report_commitment(Client &client, const struct dicom_destination &to, const struct dicom_commitment_result &result,
                       uint16_t *status, struct err *err)
{
	Command request = dicom_event_request(result), answer;
	uint8_t *bytes;
	size_t length;
	bool is_implicit, ok;

	client.be_provider();
	if (!client.open({{DICOM_COMMITMENT_CLASS, UID_LittleEndianExplicitTransferSyntax},
	                  {DICOM_COMMITMENT_CLASS, UID_LittleEndianImplicitTransferSyntax}},
	                 err))
		return false;
	request.context_id = client.find_plain(DICOM_COMMITMENT_CLASS, &is_implicit);
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot report to %s: it does not take storage commitment reports",
		               to.called_ae);
	dicom_write_commitment_result(&result, is_implicit, &bytes, &length);
	ok = client.say_and_hear(request, bytes, length, &answer, err);
	std::free(bytes);
	if (!ok)
		return false;
	client.release();
	*status = answer.status;
	return true;
}
} // namespace

extern "C" bool dicom_report_commitment(const struct dicom_destination *destination,
                                        const struct dicom_commitment_result *result, uint16_t *dimse_status,
                                        struct err *err)
{
	return dicom_guard(err, [&] {
		Client client(*destination);

		return report_commitment(client, *destination, *result, dimse_status, err);
	});
}
