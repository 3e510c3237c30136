#include "lib/dicom/client.h"

#include "dcmtk/dcmnet/dul.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/dial.h"
#include "lib/base/listen.h"
#include "lib/base/text.h"
#include "lib/dicom/implementation.h"
#include "lib/dicom/scu_tls.h"
extern "C" {
#include "lib/dicom/source.h"
}

namespace
{
enum : unsigned char { PDU_ASSOCIATE_AC = 2 };

/*
 * DCMTK connects by itself: to IPv4 only, to the first address of a name that it looks up without any limit of time, and before 3.6.8 with one
 * time-out for the whole process. So we connect, and give it a door of our own to knock at; when it asks for a connection on the descriptor
 * that it got there, the descriptor becomes ours (Client::taken()).
 */
class Door
{
      public:
	bool open(struct err *err)
	{
		return fd_ >= 0 || listen_open("DICOM", "127.0.0.1", 0, &fd_, err);
	}
	std::string address() const
	{
		return "127.0.0.1:" + std::to_string(listen_port(fd_));
	}
	/* Whoever waits there is one of our own, and has gone on already. */
	void clear() const
	{
		int fd;

		while ((fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0)
			(void)::close(fd);
	}

      private:
	int fd_ = -1;
};

bool open_door(const Door **out, struct err *err)
{
	static std::mutex mutex;
	static Door door;
	std::lock_guard<std::mutex> hold(mutex);

	*out = &door;
	return door.open(err);
}
} // namespace

Client::Client(const struct dicom_destination &to) : to_(to), layer_(link_, [this](int fd) { taken(fd); })
{
}

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
	if (dialled_ >= 0)
		(void)::close(dialled_);
}

/* fd was connected to our door; from here on it is the connection to the peer. */
void Client::taken(int fd)
{
	if (dup3(dialled_, fd, O_CLOEXEC) < 0)
		err_panic("could not use a connection: %s", strerrordesc_np(errno));
	(void)::close(dialled_);
	dialled_ = -1;
}

bool Client::connect(struct err *err)
{
	if (!dial(to_.host, to_.port, to_.connect_timeout_ms > 0 ? to_.connect_timeout_ms : to_.timeout_ms, &dialled_,
	          err))
		return false;
	is_connected_ = true;
	return true;
}

/* From 3.6.8 on DCMTK wants the time-out of its connect(2), which is not used: the connection is ours (dial.h). */
static OFCondition create_parameters(T_ASC_Parameters **out)
{
#if PACKAGE_VERSION_NUMBER >= 368
	return ASC_createAssociationParameters(out, ASC_MAXIMUMPDUSIZE, 0);
#else
	return ASC_createAssociationParameters(out, ASC_MAXIMUMPDUSIZE);
#endif
}

bool Client::propose(const std::vector<Context> &contexts, struct err *err)
{
	OFCondition cond = create_parameters(&params_);
	T_ASC_PresentationContextID id = 1;
	const Door *door;

	if (!open_door(&door, err))
		return false;
	if (cond.good())
		cond = ASC_setAPTitles(params_, to_.calling_ae, to_.called_ae, nullptr);
	if (cond.good())
		cond = ASC_setPresentationAddresses(params_, "localhost", door->address().c_str());
	for (size_t i = 0; cond.good() && i < contexts.size();
	     i++, id = static_cast<T_ASC_PresentationContextID>(id + 2)) {
		const char *syntax = contexts[i].transfer_syntax.c_str();

		cond = ASC_addPresentationContext(params_, id, contexts[i].abstract_syntax.c_str(), &syntax, 1, role_);
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
	if (scu_secure_failed(link_, to_, err))
		return false;
	if (link_.end == link_end::timeout)
		return err_set(err, ERR_TEMPORARY, "could not open an association: %s does not answer", to_.called_ae);
	return dicom_err_condition(err, ERR_TEMPORARY, "could not open an association", cond);
}

bool Client::open(const std::vector<Context> &contexts, struct err *err)
{
	int patience_s = static_cast<int>((to_.timeout_ms + 999) / 1000);
	const Door *door;
	OFCondition cond;

	/* First, since a certificate that cannot be used is a matter of ours, whoever is there. */
	if (!scu_secure(link_, to_, err) || !connect(err) || !open_door(&door, err))
		return false;
	link_.phase = link_phase::request;
	link_.deadline_ms = clock_monotonic_ms() + to_.timeout_ms;
	link_.message_ms = link_.idle_ms = to_.timeout_ms;
	cond = ASC_initializeNetwork(NET_REQUESTOR, 0, patience_s, &network_);
	if (cond.good())
		cond = ASC_setTransportLayer(network_, &layer_, 0);
	if (cond.bad())
		return dicom_err_condition(err, ERR_TEMPORARY, "could not open an association", cond);
	if (!propose(contexts, err))
		return false;
	cond = ASC_requestAssociation(network_, params_, &association_, nullptr, nullptr, DUL_NOBLOCK, patience_s);
	door->clear();
	if (cond.bad()) {
		(void)refused(cond, err);
		if (association_ != nullptr)
			params_ = nullptr;
		return false;
	}
	params_ = nullptr;
	/* DCMTK lets a release pass for an acceptance of nothing. */
	if (link_.first_pdu() != PDU_ASSOCIATE_AC)
		return err_set(err, ERR_TEMPORARY, "could not open an association: %s answers something else",
		               to_.called_ae);
	link_.phase = link_phase::message;
	return true;
}

bool Client::is_quiet() const
{
	return association_ != nullptr && link_.end == link_end::none && !link_.is_readable_within(0);
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
		    context.abstract_syntax == found.abstractSyntax &&
		    context.transfer_syntax == found.acceptedTransferSyntax)
			return static_cast<uint8_t>(i);
	}
	return 0;
}

uint8_t Client::find_plain(const char *abstract_syntax, bool *is_implicit) const
{
	uint8_t id = find({abstract_syntax, UID_LittleEndianExplicitTransferSyntax});

	*is_implicit = id == 0;
	return id != 0 ? id : find({abstract_syntax, UID_LittleEndianImplicitTransferSyntax});
}

bool Client::broken(enum err_kind kind, struct err *err) const
{
	const char *why = link_.end == link_end::timeout ? "the peer does not answer" : "the connection broke";

	return err_set(err, kind, "could not finish the exchange with %s: %s", to_.called_ae, why);
}

bool Client::unexpected(struct err *err) const
{
	return err_set(err, ERR_UNKNOWN_OUTCOME, "could not finish the exchange with %s: it answers something else",
	               to_.called_ae);
}

bool Client::is_answer(const Command &request, const Command &answer, struct err *err) const
{
	return (answer.field == (request.field | COMMAND_RESPONSE) && answer.answered_id == request.message_id &&
	        answer.context_id == request.context_id && answer.has_status) ||
	       unexpected(err);
}

/* Piece by piece to its end, which may be known only when it is reached. is_out: the last piece went. */
bool Client::send_dataset(MessageStream &stream, uint8_t context_id, struct source *dataset, bool *is_out,
                          struct err *err)
{
	std::vector<char> piece(static_cast<size_t>(association_->sendPDVLength));

	for (bool is_last = false; !is_last;) {
		size_t n;

		if (!source_read_some(dataset, piece.data(), piece.size(), &n, err) ||
		    !source_at_end(dataset, &is_last, err))
			return false;
		*is_out = is_last;
		if (!stream.send_dataset(context_id, piece.data(), n, is_last))
			return broken(is_last ? ERR_UNKNOWN_OUTCOME : ERR_TEMPORARY, err);
	}
	return true;
}

exchange Client::ask(Command request, struct source *dataset, Command *answer, struct err *err)
{
	MessageStream stream(association_, link_);
	bool is_out = dataset == nullptr;

	link_.phase = link_phase::message;
	request.message_id = ++last_id_;
	if (!stream.send(request)) {
		(void)broken(is_out ? ERR_UNKNOWN_OUTCOME : ERR_TEMPORARY, err);
		return is_out ? exchange::unanswered : exchange::unsent;
	}
	if (dataset != nullptr && !send_dataset(stream, request.context_id, dataset, &is_out, err))
		return is_out ? exchange::unanswered : exchange::unsent;
	if (!hear(answer, err) || !is_answer(request, *answer, err) || (answer->has_dataset() && !unexpected(err)))
		return exchange::unanswered;
	return exchange::answered;
}

bool Client::put_request(Command *request, const void *dataset, size_t length, struct err *err)
{
	MessageStream stream(association_, link_);

	link_.phase = link_phase::message;
	request->message_id = ++last_id_;
	return (stream.send(*request) &&
	        (dataset == nullptr || stream.send_whole_dataset(request->context_id, dataset, length))) ||
	       broken(ERR_UNKNOWN_OUTCOME, err);
}

bool Client::hear(Command *out, struct err *err)
{
	return MessageStream(association_, link_).receive(*out) == arrival::message || broken(ERR_UNKNOWN_OUTCOME, err);
}

bool Client::hear_dataset(const Command &message, size_t max, std::string *out, struct err *err)
{
	bool is_too_long = false;
	arrival how = MessageStream(association_, link_)
	                  .receive_dataset(message.context_id, [&](const void *bytes, size_t length) {
		                  is_too_long |= out->size() + length > max;
		                  if (!is_too_long)
			                  out->append(static_cast<const char *>(bytes), length);
	                  });

	if (how != arrival::message)
		return broken(ERR_UNKNOWN_OUTCOME, err);
	return !is_too_long || err_set(err, ERR_INVALID, "cannot read what %s says: it is too long", to_.called_ae);
}

bool Client::reply(const Command &request, uint16_t status, struct err *err)
{
	Command response;

	response.context_id = request.context_id;
	response.field = static_cast<uint16_t>(request.field | COMMAND_RESPONSE);
	response.answered_id = request.message_id;
	response.status = status;
	response.sop_class = request.sop_class;
	response.sop_instance = request.sop_instance;
	response.type_id = request.type_id;
	return MessageStream(association_, link_).send(response) || broken(ERR_TEMPORARY, err);
}

bool Client::say_and_hear(Command request, const void *dataset, size_t length, Command *answer, struct err *err)
{
	std::string passed;

	if (!put_request(&request, dataset, length, err) || !hear(answer, err))
		return false;
	if (answer->has_dataset() && !hear_dataset(*answer, 0, &passed, err) && err->kind == ERR_UNKNOWN_OUTCOME)
		return false;
	return is_answer(request, *answer, err);
}
