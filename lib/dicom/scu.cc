#include "lib/dicom/internal.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dul.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/dicom/dicom.h"
#include "lib/dicom/implementation.h"
#include "lib/dicom/message.h"
#include "lib/dicom/normalized.h"
#include "lib/dicom/scu_tls.h"
extern "C" {
#include "lib/dicom/source.h"
#include "lib/dicom/structure.h"
}

namespace
{
enum { CONTEXTS_MAX = 120 }; /* of the 128 odd numbers of a byte (PS3.8 section 9.3.2.2) */

using Context = std::pair<std::string, std::string>; /* abstract syntax, transfer syntax */

/* An association that we asked for. */
class Client
{
      public:
	explicit Client(const struct dicom_destination &to) : to_(to), layer_(link_, [this] { is_connected_ = true; })
	{
	}
	~Client();
	Client(const Client &) = delete;
	Client &operator=(const Client &) = delete;

	bool open(const std::vector<Context> &contexts, struct err *err);
	void release();
	/* 0: the peer accepts no such context. */
	uint8_t find(const Context &context) const;
	/* TCP stood, whatever became of the association. */
	bool is_connected() const
	{
		return is_connected_;
	}
	/* And TLS, where there is to be any. */
	bool is_secured() const
	{
		return is_connected_ && (!to_.is_tls || link_.is_secure());
	}
	/* Sends a request and returns the status of its answer; false: none came, *err says why. */
	bool ask(Command request, struct source *dataset, Command *answer, struct err *err);
	/* The same with a dataset in memory; the dataset of an answer is passed over. */
	bool tell(Command request, const void *dataset, size_t length, Command *answer, struct err *err);
	/* We are the provider of what we propose (PS3.7 section D.3.3.4). */
	void be_provider()
	{
		role_ = ASC_SC_ROLE_SCP;
	}

      private:
	const struct dicom_destination &to_;
	Link link_;
	LinkLayer layer_;
	T_ASC_Network *network_ = nullptr;
	T_ASC_Parameters *params_ = nullptr; /* until the association owns them */
	T_ASC_Association *association_ = nullptr;
	uint16_t last_id_ = 0;
	bool is_connected_ = false;
	T_ASC_SC_ROLE role_ = ASC_SC_ROLE_DEFAULT;

	bool propose(const std::vector<Context> &contexts, struct err *err);
	bool refused(const OFCondition &cond, struct err *err);
	bool send_dataset(MessageStream &stream, uint8_t context_id, struct source *dataset, struct err *err);
	bool broken(struct err *err) const;
	bool is_answer(const Command &request, const Command &answer, struct err *err) const;
	bool unexpected(struct err *err) const;
};

Client::~Client()
{
	if (association_ != nullptr) {
		(void)ASC_abortAssociation(association_);
		(void)ASC_destroyAssociation(&association_);
	}
	if (params_ != nullptr)
		(void)ASC_destroyAssociationParameters(&params_);
	if (network_ != nullptr)
		(void)ASC_dropNetwork(&network_);
}

/* Before 3.6.8 the time-out of connect(2) is a setting of the process; the last one wins, and all of ours come from one option. */
OFCondition create_parameters(T_ASC_Parameters **out, Sint32 connect_timeout_s)
{
#if PACKAGE_VERSION_NUMBER >= 368
	return ASC_createAssociationParameters(out, ASC_MAXIMUMPDUSIZE, connect_timeout_s);
#else
	dcmConnectionTimeout.set(connect_timeout_s);
	return ASC_createAssociationParameters(out, ASC_MAXIMUMPDUSIZE);
#endif
}

bool Client::propose(const std::vector<Context> &contexts, struct err *err)
{
	std::string address = std::string(to_.host) + ":" + std::to_string(to_.port);
	OFCondition cond = create_parameters(&params_, static_cast<Sint32>((to_.timeout_ms + 999) / 1000));
	T_ASC_PresentationContextID id = 1;

	if (cond.good())
		cond = ASC_setAPTitles(params_, to_.calling_ae, to_.called_ae, nullptr);
	if (cond.good())
		cond = ASC_setPresentationAddresses(params_, "localhost", address.c_str());
	for (size_t i = 0; cond.good() && i < contexts.size();
	     i++, id = static_cast<T_ASC_PresentationContextID>(id + 2)) {
		const char *syntax = contexts[i].second.c_str();

		cond = ASC_addPresentationContext(params_, id, contexts[i].first.c_str(), &syntax, 1, role_);
	}
	if (cond.bad())
		return dicom_err_condition(err, ERR_INVALID, "cannot propose an association", cond);
	(void)text_copy(params_->ourImplementationClassUID, sizeof params_->ourImplementationClassUID,
	                DICOM_IMPLEMENTATION_CLASS_UID);
	(void)text_copy(params_->ourImplementationVersionName, sizeof params_->ourImplementationVersionName,
	                DICOM_IMPLEMENTATION_VERSION);
	return true;
}

bool Client::refused(const OFCondition &cond, struct err *err)
{
	T_ASC_RejectParameters why;

	if (cond == DUL_ASSOCIATIONREJECTED && ASC_getRejectParameters(params_, &why).good()) {
		bool is_transient = why.result == ASC_RESULT_REJECTEDTRANSIENT;

		return err_set(err, is_transient ? ERR_TEMPORARY : ERR_REFUSED,
		               "%s open an association with %s: rejected, source %d, reason %d",
		               is_transient ? "could not" : "cannot", to_.called_ae,
		               static_cast<int>(why.source) & 0xff, static_cast<int>(why.reason) & 0xff);
	}
	return !scu_secure_failed(link_, to_, err) &&
	       dicom_err_condition(err, ERR_TEMPORARY, "could not open an association", cond);
}

bool Client::open(const std::vector<Context> &contexts, struct err *err)
{
	int patience_s = static_cast<int>((to_.timeout_ms + 999) / 1000);
	OFCondition cond;

	link_.phase = link_phase::request;
	link_.deadline_ms = clock_monotonic_ms() + to_.timeout_ms;
	link_.message_ms = link_.idle_ms = to_.timeout_ms;
	if (!scu_secure(link_, to_, err))
		return false;
	cond = ASC_initializeNetwork(NET_REQUESTOR, 0, patience_s, &network_);
	if (cond.good())
		cond = ASC_setTransportLayer(network_, &layer_, 0);
	if (cond.bad())
		return dicom_err_condition(err, ERR_TEMPORARY, "could not open an association", cond);
	if (!propose(contexts, err))
		return false;
	cond = ASC_requestAssociation(network_, params_, &association_, nullptr, nullptr, DUL_NOBLOCK, patience_s);
	if (cond.bad()) {
		(void)refused(cond, err);
		if (association_ != nullptr)
			params_ = nullptr;
		return false;
	}
	params_ = nullptr;
	link_.phase = link_phase::message;
	return true;
}

void Client::release()
{
	if (ASC_releaseAssociation(association_).good())
		(void)ASC_destroyAssociation(&association_);
}

uint8_t Client::find(const Context &context) const
{
	int count = ASC_countAcceptedPresentationContexts(association_->params);

	for (int i = 1; i < 256 && count > 0; i += 2) {
		T_ASC_PresentationContext found;

		if (ASC_findAcceptedPresentationContext(association_->params,
		                                        static_cast<T_ASC_PresentationContextID>(i), &found)
		        .good() &&
		    context.first == found.abstractSyntax && context.second == found.acceptedTransferSyntax)
			return static_cast<uint8_t>(i);
	}
	return 0;
}

bool Client::broken(struct err *err) const
{
	const char *why = link_.end == link_end::timeout ? "the peer does not answer" : "the connection broke";

	return err_set(err, ERR_UNKNOWN_OUTCOME, "could not finish the exchange with %s: %s", to_.called_ae, why);
}

bool Client::send_dataset(MessageStream &stream, uint8_t context_id, struct source *dataset, struct err *err)
{
	uint64_t left = source_limit(dataset) - source_offset(dataset);
	std::vector<char> piece(static_cast<size_t>(association_->sendPDVLength));

	do {
		size_t n = static_cast<size_t>(std::min<uint64_t>(left, piece.size()));

		if (!source_read(dataset, piece.data(), n, err))
			return false;
		left -= n;
		if (!stream.send_dataset(context_id, piece.data(), n, left == 0))
			return broken(err);
	} while (left > 0);
	return true;
}

bool Client::ask(Command request, struct source *dataset, Command *answer, struct err *err)
{
	MessageStream stream(association_, link_);

	link_.phase = link_phase::message;
	request.message_id = ++last_id_;
	if (!stream.send(request))
		return broken(err);
	if (dataset != nullptr && !send_dataset(stream, request.context_id, dataset, err))
		return false;
	if (stream.receive(*answer) != arrival::message)
		return broken(err);
	return is_answer(request, *answer, err) && (!answer->has_dataset() || unexpected(err));
}

bool Client::unexpected(struct err *err) const
{
	return err_set(err, ERR_UNKNOWN_OUTCOME, "could not finish the exchange with %s: it answers something else",
	               to_.called_ae);
}

bool Client::is_answer(const Command &request, const Command &answer, struct err *err) const
{
	return (answer.field == (request.field | COMMAND_RESPONSE) && answer.answered_id == request.message_id &&
	        answer.has_status) ||
	       unexpected(err);
}

bool Client::tell(Command request, const void *dataset, size_t length, Command *answer, struct err *err)
{
	MessageStream stream(association_, link_);

	link_.phase = link_phase::message;
	request.message_id = ++last_id_;
	if (!stream.send(request) || !stream.send_whole_dataset(request.context_id, dataset, length) ||
	    stream.receive(*answer) != arrival::message)
		return broken(err);
	if (answer->has_dataset() &&
	    stream.receive_dataset(answer->context_id, [](const void *, size_t) {}) != arrival::message)
		return broken(err);
	return is_answer(request, *answer, err);
}

/* ---- sending -------------------------------------------------------------------------------------------------- */

struct Batch {
	const struct dicom_send_item *items;
	size_t first, count; /* of the items */
	std::vector<Context> contexts;
};

Context context_of(const struct dicom_send_item &item)
{
	return Context(item.sop_class_uid, item.transfer_syntax_uid);
}

bool is_sendable(const struct dicom_send_item &item)
{
	return text_is_uid(item.sop_class_uid) && text_is_uid(item.sop_instance_uid) &&
	       text_is_uid(item.transfer_syntax_uid);
}

/* As many items, in order, as fit the contexts of one association. */
Batch next_batch(const struct dicom_send_item *items, size_t first, size_t count)
{
	Batch batch = {items, first, 0, {}};

	while (first + batch.count < count) {
		Context context = context_of(items[first + batch.count]);

		if (is_sendable(items[first + batch.count]) &&
		    std::find(batch.contexts.begin(), batch.contexts.end(), context) == batch.contexts.end()) {
			if (batch.contexts.size() == CONTEXTS_MAX)
				break;
			batch.contexts.push_back(context);
		}
		batch.count++;
	}
	return batch;
}

struct Outcome {
	enum dicom_sent sent = DICOM_SENT_UNREADABLE;
	uint16_t status = 0;
	std::string comment;
	bool is_alive = true; /* the association can go on */
};

/* *err is set when the association cannot go on. */
Outcome send_item(Client &client, const struct dicom_send_item &item, struct err *err)
{
	Outcome outcome;
	Command request, answer;
	struct source *raw = nullptr;
	char syntax[DICOM_UID_SIZE];
	struct err local;

	if (!is_sendable(item))
		return outcome;
	request.context_id = client.find(context_of(item));
	if (request.context_id == 0) {
		outcome.sent = DICOM_SENT_NO_CONTEXT;
		return outcome;
	}
	if (!structure_open_dataset(item.path, &raw, syntax, &local))
		return outcome;
	std::unique_ptr<struct source, void (*)(struct source *)> dataset(raw, source_close);
	if (std::string(syntax) != item.transfer_syntax_uid || source_limit(raw) == source_offset(raw))
		return outcome;
	request.field = COMMAND_C_STORE_RQ;
	request.dataset_type = 1;
	request.sop_class = item.sop_class_uid;
	request.sop_instance = item.sop_instance_uid;
	outcome.is_alive = client.ask(request, raw, &answer, err);
	if (outcome.is_alive) {
		outcome.sent = DICOM_SENT_ANSWERED;
		outcome.status = answer.status;
		outcome.comment = answer.comment;
	} else if (err->kind == ERR_UNKNOWN_OUTCOME) {
		outcome.sent = DICOM_SENT_UNKNOWN;
	}
	return outcome;
}

bool report_unsendable(const Batch &batch, dicom_sent_item *each, void *context, struct err *err)
{
	for (size_t i = batch.first; i < batch.first + batch.count; i++)
		if (!each(context, i, DICOM_SENT_UNREADABLE, 0, ""))
			return err_set(err, ERR_CANCELLED, "could not send everything: stopped");
	return true;
}

bool send_batch(const struct dicom_destination &to, const Batch &batch, dicom_sent_item *each, void *context,
                struct err *err)
{
	Client client(to);

	if (batch.contexts.empty())
		return report_unsendable(batch, each, context, err);
	if (!client.open(batch.contexts, err))
		return false;
	for (size_t i = batch.first; i < batch.first + batch.count; i++) {
		Outcome outcome = send_item(client, batch.items[i], err);
		bool go_on = each(context, i, outcome.sent, outcome.status, outcome.comment.c_str());

		if (!outcome.is_alive)
			return false;
		if (!go_on) {
			client.release();
			return err_set(err, ERR_CANCELLED, "could not send everything: stopped");
		}
	}
	client.release();
	return true;
}
} // namespace

extern "C" bool dicom_send(const struct dicom_destination *destination, const struct dicom_send_item *items,
                           size_t count, dicom_sent_item *each, void *context, struct err *err)
{
	return dicom_guard(err, [&] {
		for (size_t first = 0; first < count;) {
			Batch batch = next_batch(items, first, count);

			if (!send_batch(*destination, batch, each, context, err))
				return false;
			first += batch.count;
		}
		return true;
	});
}

namespace
{
bool echo(Client &client, const struct dicom_destination &to, enum dicom_contact *reached, struct err *err)
{
	Context verification(UID_VerificationSOPClass, UID_LittleEndianImplicitTransferSyntax);
	Command request, answer;
	bool is_open = client.open({verification}, err);

	if (client.is_connected())
		*reached = client.is_secured() ? DICOM_CONTACT_SECURED : DICOM_CONTACT_CONNECTED;
	if (!is_open)
		return false;
	*reached = DICOM_CONTACT_ASSOCIATED;
	request.context_id = client.find(verification);
	request.field = COMMAND_C_ECHO_RQ;
	request.sop_class = UID_VerificationSOPClass;
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot verify %s: it does not accept C-ECHO", to.called_ae);
	if (!client.ask(request, nullptr, &answer, err)) {
		err->kind = ERR_TEMPORARY; /* an echo without an answer has no outcome that matters */
		return false;
	}
	client.release();
	if (answer.status != 0)
		return err_set(err, ERR_REFUSED, "cannot verify %s: it answers status %04x", to.called_ae,
		               answer.status);
	return true;
}
} // namespace

extern "C" bool dicom_echo(const struct dicom_destination *destination, enum dicom_contact *reached, struct err *err)
{
	enum dicom_contact way = DICOM_CONTACT_NONE;
	bool ok = dicom_guard(err, [&] {
		Client client(*destination);

		return echo(client, *destination, &way, err);
	});

	if (reached != nullptr)
		*reached = way;
	return ok;
}

namespace
{
/* The context that the peer took, explicit before implicit. */
uint8_t find_plain(const Client &client, bool *is_implicit)
{
	uint8_t id = client.find(Context(DICOM_COMMITMENT_CLASS, UID_LittleEndianExplicitTransferSyntax));

	*is_implicit = id == 0;
	return id != 0 ? id : client.find(Context(DICOM_COMMITMENT_CLASS, UID_LittleEndianImplicitTransferSyntax));
}

bool report_commitment(Client &client, const struct dicom_destination &to, const struct dicom_commitment_result &result,
                       uint16_t *status, struct err *err)
{
	Command request = dicom_event_request(result), answer;
	uint8_t *bytes;
	size_t length;
	bool is_implicit, ok;

	client.be_provider();
	if (!client.open({Context(DICOM_COMMITMENT_CLASS, UID_LittleEndianExplicitTransferSyntax),
	                  Context(DICOM_COMMITMENT_CLASS, UID_LittleEndianImplicitTransferSyntax)},
	                 err))
		return false;
	request.context_id = find_plain(client, &is_implicit);
	if (request.context_id == 0)
		return err_set(err, ERR_REFUSED, "cannot report to %s: it does not take storage commitment reports",
		               to.called_ae);
	dicom_write_commitment_result(&result, is_implicit, &bytes, &length);
	ok = client.tell(request, bytes, length, &answer, err);
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
