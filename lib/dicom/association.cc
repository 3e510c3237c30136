#include "lib/dicom/scp.h"

#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dul.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/dicom/associate_request.h"
#include "lib/dicom/implementation.h"
#include "lib/dicom/message.h"
#include "lib/dicom/normalized.h"
#include "lib/dicom/syntax.h"

namespace
{
enum : uint16_t {
	STATUS_UNRECOGNIZED_OPERATION = 0x0211,
	STATUS_CLASS_MISMATCH = 0xa900,
	STATUS_NOT_UNDERSTOOD = 0xc000
};
/* How often the handlers are asked for an event while one is awaited and the peer is silent. */
enum { EVENT_POLL_MS = 150 };
enum { CLOSING_MS = 2000, PDU_HEAD = 6, PDU_ASSOCIATE_RQ = 0x01 };
/* Presentation contexts have the odd numbers of a byte (PS3.8 section 9.3.2.2). */
enum { CONTEXTS_MAX = 128 };

/* dcmExternalSocketHandle is one for the process: held from setting it until the upper layer has read it, which is before it reads a byte. */
std::mutex handover;

/* ---- one association ------------------------------------------------------------------------------------------ */

class Association
{
      public:
	explicit Association(scp_connection &connection)
	    : connection_(connection), scp_(*connection.scp), link_(connection.link),
	      layer_(link_, [this](int) { taken(); })
	{
	}
	~Association();
	Association(const Association &) = delete;
	Association &operator=(const Association &) = delete;
	void run();

      private:
	scp_connection &connection_;
	struct dicom_scp &scp_;
	Link &link_;
	LinkLayer layer_;
	std::unique_lock<std::mutex> handover_;
	bool is_taken_ = false, is_admitted_ = false;
	T_ASC_Network *network_ = nullptr;
	T_ASC_Association *association_ = nullptr;
	void *user_ = nullptr; /* of the handlers */
	const char *unheard_ = "no_association_request";
	uint8_t event_context_ = 0; /* on which events are awaited; 0: none are */
	uint16_t event_id_ = 0;     /* of the event that is under way; 0: none is */
	uint16_t last_event_id_ = 0;

	const struct dicom_scp_handlers &handlers() const
	{
		return scp_.settings.handlers;
	}
	void taken();
	bool wait_request();
	bool receive_request();
	void unheard() const;
	void read_peer();
	enum dicom_reject decide();
	void reject(enum dicom_reject why);
	void accept_contexts();
	bool acknowledge();
	void serve();
	arrival answer(MessageStream &stream, const Command &command);
	arrival store(MessageStream &stream, const Command &command);
	arrival receive_object(MessageStream &stream, const Command &command, const T_ASC_PresentationContext &context,
	                       uint16_t *status, std::string *comment);
	arrival normalized(MessageStream &stream, const Command &command, enum dicom_n_operation operation);
	arrival report_event(MessageStream &stream);
	bool send_event(MessageStream &stream, const struct dicom_commitment_result &result);
	arrival event_answered(const Command &command);
	void event_ended(bool is_answered, uint16_t status);
	void finish(arrival how);
	void ended(enum dicom_end how);
};

/* Called by the upper layer on this thread as soon as it has the descriptor. */
void Association::taken()
{
	is_taken_ = true;
	dcmExternalSocketHandle.set(-1);
	handover_.unlock();
}

Association::~Association()
{
	ended(DICOM_END_ABORTED);
	if (association_ != nullptr)
		(void)ASC_destroyAssociation(&association_);
	if (network_ != nullptr)
		(void)ASC_dropNetwork(&network_);
	if (!is_taken_) {
		link_.forget();
		(void)::close(connection_.fd);
	}
}

/* Once per admitted association, whatever happened. */
void Association::ended(enum dicom_end how)
{
	event_ended(false, 0);
	if (is_admitted_)
		handlers().end(scp_.settings.context, user_, &connection_.peer, how, DICOM_ADMIT);
	is_admitted_ = false;
}

/*
 * Reads the first PDU, which must be a request of a form that is right: who says nothing, or something else, never enters DCMTK, and no length from the
 * wire is allocated unseen (PS3.8 section 9.3.2).
 */
bool Association::wait_request()
{
	struct err err;
	uint32_t length;
	const unsigned char *head;

	link_.open(connection_.fd);
	link_.rest(link_phase::request);
	if (connection_.is_tls && !scp_secure(connection_, &unheard_))
		return false;
	if (!link_.fetch(PDU_HEAD))
		return false;
	head = link_.fetched();
	length = static_cast<uint32_t>(head[2]) << 24 | static_cast<uint32_t>(head[3]) << 16 |
	         static_cast<uint32_t>(head[4]) << 8 | head[5];
	if (head[0] != PDU_ASSOCIATE_RQ || length > LINK_REQUEST_MAX) {
		if (!connection_.is_tls && scp_is_tls(head[0]))
			unheard_ = "tls_on_plain_port";
		link_.abort();
		return false;
	}
	if (!link_.fetch(PDU_HEAD + length))
		return false;
	if (associate_request_check(link_.fetched() + PDU_HEAD, length, &err))
		return true;
	unheard_ = "malformed_request";
	link_.abort();
	return false;
}

bool Association::receive_request()
{
	OFCondition cond;

	handover_ = std::unique_lock<std::mutex>(handover);
	dcmExternalSocketHandle.set(connection_.fd);
	cond = ASC_initializeNetwork(NET_ACCEPTOR, 0, static_cast<int>(scp_.settings.association_timeout_ms / 1000 + 1),
	                             &network_);
	if (cond.good())
		cond = ASC_setTransportLayer(network_, &layer_, 0);
	if (cond.good())
		cond = ASC_receiveAssociation(network_, &association_, ASC_MAXIMUMPDUSIZE, nullptr, nullptr, OFFalse,
		                              DUL_NOBLOCK,
		                              static_cast<int>(scp_.settings.association_timeout_ms / 1000 + 1));
	if (handover_.owns_lock()) {
		dcmExternalSocketHandle.set(-1);
		handover_.unlock();
	}
	return cond.good();
}

void copy_trimmed(char *out, size_t out_size, const char *from)
{
	std::string text(from);
	size_t start = text.find_first_not_of(' ');

	text.erase(text.find_last_not_of(' ') + 1);
	(void)text_copy(out, out_size, start == std::string::npos ? "" : text.c_str() + start);
	for (char *c = out; *c != '\0'; c++)
		*c = static_cast<char>(*c < 0x20 || *c > 0x7e ? '?' : *c);
}

void Association::read_peer()
{
	DUL_ASSOCIATESERVICEPARAMETERS &asked = association_->params->DULparams;
	struct dicom_peer &peer = connection_.peer;

	copy_trimmed(peer.calling_ae, sizeof peer.calling_ae, asked.callingAPTitle);
	copy_trimmed(peer.called_ae, sizeof peer.called_ae, asked.calledAPTitle);
	copy_trimmed(peer.implementation_class_uid, sizeof peer.implementation_class_uid,
	             association_->params->theirImplementationClassUID);
	copy_trimmed(peer.implementation_version, sizeof peer.implementation_version,
	             association_->params->theirImplementationVersionName);
}

enum dicom_reject Association::decide()
{
	if (connection_.is_overflow)
		return DICOM_REJECT_CONGESTION;
	if (std::strcmp(association_->params->DULparams.applicationContextName, UID_StandardApplicationContext) != 0)
		return DICOM_REJECT_NO_REASON;
	/* A title of blanks is none (PS3.8 section 9.3.2), and no answer can be made that repeats it. */
	if (connection_.peer.calling_ae[0] == '\0')
		return DICOM_REJECT_CALLING_AE;
	if (connection_.peer.called_ae[0] == '\0')
		return DICOM_REJECT_CALLED_AE;
	return handlers().admit(scp_.settings.context, &connection_.peer, &user_);
}

/* PS3.8 table 9-21 */
void Association::reject(enum dicom_reject why)
{
	T_ASC_RejectParameters parameters = {ASC_RESULT_REJECTEDPERMANENT, ASC_SOURCE_SERVICEUSER,
	                                     ASC_REASON_SU_NOREASON};

	switch (why) {
	case DICOM_REJECT_CALLING_AE:
		parameters.reason = ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED;
		break;
	case DICOM_REJECT_CALLED_AE:
		parameters.reason = ASC_REASON_SU_CALLEDAETITLENOTRECOGNIZED;
		break;
	case DICOM_REJECT_CONGESTION:
		parameters = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
		              ASC_REASON_SP_PRES_TEMPORARYCONGESTION};
		break;
	case DICOM_REJECT_LIMIT:
		parameters = {ASC_RESULT_REJECTEDTRANSIENT, ASC_SOURCE_SERVICEPROVIDER_PRESENTATION_RELATED,
		              ASC_REASON_SP_PRES_LOCALLIMITEXCEEDED};
		break;
	default:
		break;
	}
	(void)ASC_rejectAssociation(association_, &parameters);
	link_.phase = link_phase::closing;
	link_.deadline_ms = clock_monotonic_ms() + CLOSING_MS;
	(void)ASC_dropSCPAssociation(association_);
	handlers().end(scp_.settings.context, user_, &connection_.peer, DICOM_END_REJECTED, why);
}

/* DCMTK gives up on an association with a longer list than it has room for; who offers more has the first ones looked at. */
void shorten_syntaxes(DUL_ASSOCIATESERVICEPARAMETERS &asked)
{
	LST_HEAD **list = &asked.requestedPresentationContext;
	void *node = *list != nullptr ? LST_Position(list, LST_Head(list)) : nullptr;

	for (; node != nullptr; node = LST_Next(list)) {
		LST_HEAD **syntaxes = &static_cast<DUL_PRESENTATIONCONTEXT *>(node)->proposedTransferSyntax;
		unsigned long count = *syntaxes != nullptr ? LST_Count(syntaxes) : 0;

		for (unsigned long i = 0; count > DICOM_MAXTRANSFERSYNTAXES && i < count; i++) {
			void *syntax = LST_Dequeue(syntaxes);

			if (i < DICOM_MAXTRANSFERSYNTAXES)
				LST_Enqueue(syntaxes, syntax);
			else
				std::free(syntax);
		}
	}
}

/* The first transfer syntax in the proposer's order that we can store; PS3.8 section 9.3.3.2 for the results. */
const char *choose_syntax(const T_ASC_PresentationContext &context, bool accept_private)
{
	for (int i = 0; i < context.transferSyntaxCount; i++)
		if (syntax_is_storable(context.proposedTransferSyntaxes[i], accept_private))
			return context.proposedTransferSyntaxes[i];
	return nullptr;
}

/* Services whose messages are small datasets, never compressed. */
bool is_normalized(const char *uid)
{
	return std::strcmp(uid, DICOM_COMMITMENT_CLASS) == 0 || std::strcmp(uid, DICOM_MPPS_CLASS) == 0;
}

const char *choose_plain_syntax(const T_ASC_PresentationContext &context)
{
	for (int i = 0; i < context.transferSyntaxCount; i++)
		for (const char *plain :
		     {UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax})
			if (std::strcmp(context.proposedTransferSyntaxes[i], plain) == 0)
				return plain;
	return nullptr;
}

bool is_acceptable(const char *uid, bool accept_unknown)
{
	return std::strcmp(uid, UID_VerificationSOPClass) == 0 || dicom_takes_sop_class(uid, accept_unknown);
}

/* Who reports what we asked for is the provider on an association that he opens (PS3.7 section D.3.3.4); whoever proposes no role is a user. */
T_ASC_SC_ROLE role_for(const T_ASC_PresentationContext &context)
{
	bool is_provider = context.proposedRole == ASC_SC_ROLE_SCP || context.proposedRole == ASC_SC_ROLE_SCUSCP;

	return is_provider && std::strcmp(context.abstractSyntax, DICOM_COMMITMENT_CLASS) == 0 ? context.proposedRole
	                                                                                       : ASC_SC_ROLE_DEFAULT;
}

void Association::accept_contexts()
{
	T_ASC_Parameters *params = association_->params;
	bool accept_unknown = scp_.settings.accept_unknown_sop_classes;
	int count = ASC_countPresentationContexts(params);

	shorten_syntaxes(params->DULparams);
	for (int i = 0; i < count; i++) {
		T_ASC_PresentationContext context;
		const char *syntax;

		if (ASC_getPresentationContext(params, i, &context).bad())
			continue;
		bool is_plain = handlers().normalized != nullptr && is_normalized(context.abstractSyntax);
		syntax = is_plain ? choose_plain_syntax(context) : choose_syntax(context, accept_unknown);
		if (!is_plain && !is_acceptable(context.abstractSyntax, accept_unknown))
			(void)ASC_refusePresentationContext(params, context.presentationContextID,
			                                    ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
		else if (syntax == nullptr)
			(void)ASC_refusePresentationContext(params, context.presentationContextID,
			                                    ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
		else
			(void)ASC_acceptPresentationContext(params, context.presentationContextID, syntax,
			                                    role_for(context));
	}
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

Command response_to(const Command &request, uint16_t status, const std::string &comment)
{
	Command response;

	response.context_id = request.context_id;
	response.field = static_cast<uint16_t>(request.field | COMMAND_RESPONSE);
	response.answered_id = request.message_id;
	response.status = status;
	response.sop_class = request.sop_class;
	response.sop_instance = request.sop_instance;
	response.type_id = request.type_id;
	for (char c : comment.substr(0, 64))
		response.comment.push_back(static_cast<char>(c < 0x20 || c > 0x7e || c == '\\' ? '?' : c));
	return response;
}

arrival sent(bool ok, const Link &link)
{
	return ok ? arrival::message : link.end == link_end::timeout ? arrival::timeout : arrival::lost;
}

uint16_t status_of(const struct err &err)
{
	return err.source == ERR_SOURCE_DIMSE ? static_cast<uint16_t>(err.code) : err_kind_info(err.kind)->dimse_status;
}

/* One object, from its first byte to the handlers' verdict. */
class Reception
{
      public:
	Reception(const struct dicom_scp_settings &settings, const struct dicom_store_request &request)
	    : settings_(settings)
	{
		is_open_ = is_fine_ = settings.handlers.store_begin(settings.context, &request, &object_, &err_);
	}
	~Reception()
	{
		if (is_open_)
			settings_.handlers.store_abort(settings_.context, object_);
	}
	Reception(const Reception &) = delete;
	Reception &operator=(const Reception &) = delete;

	void take(const void *bytes, size_t length)
	{
		if (is_fine_)
			is_fine_ = settings_.handlers.store_data(settings_.context, object_, bytes, length, &err_);
	}
	bool commit()
	{
		if (!is_fine_)
			return false;
		is_open_ = false;
		return settings_.handlers.store_end(settings_.context, object_, &err_);
	}
	const struct err &error() const
	{
		return err_;
	}

      private:
	const struct dicom_scp_settings &settings_;
	void *object_ = nullptr;
	struct err err_ = {};
	bool is_open_ = false, is_fine_ = false;
};

arrival Association::receive_object(MessageStream &stream, const Command &command,
                                    const T_ASC_PresentationContext &context, uint16_t *status, std::string *comment)
{
	struct dicom_store_request request = {&connection_.peer, command.sop_class.c_str(),
	                                      command.sop_instance.c_str(), context.acceptedTransferSyntax, user_};
	Reception reception(scp_.settings, request);
	arrival how = stream.receive_dataset(
	    command.context_id, [&reception](const void *bytes, size_t length) { reception.take(bytes, length); });

	if (how != arrival::message)
		return how;
	if (!reception.commit()) {
		*status = status_of(reception.error());
		*comment = reception.error().text;
	}
	return how;
}

arrival drop_dataset(MessageStream &stream, const Command &command)
{
	return command.has_dataset() ? stream.receive_dataset(command.context_id, [](const void *, size_t) {})
	                             : arrival::message;
}

/* PS3.4 table B.2-1; the SOP class of the command is that of the context (PS3.7 section 9.1.1.1.3). */
arrival Association::store(MessageStream &stream, const Command &command)
{
	T_ASC_PresentationContext context;
	uint16_t status = 0;
	std::string comment;
	arrival how;

	if (ASC_findAcceptedPresentationContext(association_->params, command.context_id, &context).bad())
		return arrival::broken;
	if (!command.has_dataset()) {
		status = STATUS_NOT_UNDERSTOOD;
		comment = "no dataset";
		how = arrival::message;
	} else if (command.sop_class != context.abstractSyntax || !is_acceptable(context.abstractSyntax, true) ||
	           command.sop_class == UID_VerificationSOPClass) {
		status = STATUS_CLASS_MISMATCH;
		comment = "SOP class is not that of the presentation context";
		how = drop_dataset(stream, command);
	} else {
		how = receive_object(stream, command, context, &status, &comment);
	}
	return how == arrival::message ? sent(stream.send(response_to(command, status, comment)), link_) : how;
}

/* ---- DIMSE-N ---------------------------------------------------------------------------------------------------- */

bool read_memory(void *context, uint64_t offset, void *out, size_t length, size_t *out_length, struct err *)
{
	const std::string &bytes = *static_cast<const std::string *>(context);

	*out_length = offset < bytes.size() ? std::min(length, bytes.size() - static_cast<size_t>(offset)) : 0;
	std::memcpy(out, bytes.data() + (*out_length > 0 ? offset : 0), *out_length);
	return true;
}

/* The head of a part 10 file, so that the one reader of datasets reads these, too. */
bool begin_part10(const char *syntax, std::string *out, struct err *err)
{
	uint8_t *head;
	size_t length;

	if (!dicom_meta_header(DICOM_COMMITMENT_CLASS, DICOM_COMMITMENT_INSTANCE, syntax, nullptr, &head, &length, err))
		return false;
	out->assign(reinterpret_cast<const char *>(head), length);
	std::free(head);
	return true;
}

bool check_class(const Command &command, const T_ASC_PresentationContext &context, struct err *err)
{
	if (!is_normalized(context.abstractSyntax))
		return dicom_refuse(err, ERR_REFUSED, STATUS_UNRECOGNIZED_OPERATION, "no such service here");
	return command.sop_class == context.abstractSyntax ||
	       dicom_refuse(err, ERR_REFUSED, DICOM_STATUS_NO_SUCH_CLASS,
	                    "SOP class is not that of the presentation context");
}

arrival Association::normalized(MessageStream &stream, const Command &command, enum dicom_n_operation operation)
{
	T_ASC_PresentationContext context;
	char instance[DICOM_UID_SIZE] = "";
	struct err err = {};
	std::string file;
	size_t most, dropped = 0;
	bool ok;

	if (ASC_findAcceptedPresentationContext(association_->params, command.context_id, &context).bad())
		return arrival::broken;
	ok = check_class(command, context, &err) && begin_part10(context.acceptedTransferSyntax, &file, &err);
	most = file.size() + DICOM_N_DATASET_MAX;
	if (command.has_dataset()) {
		arrival how = stream.receive_dataset(command.context_id, [&](const void *bytes, size_t length) {
			if (file.size() + length <= most && dropped == 0)
				file.append(static_cast<const char *>(bytes), length);
			else
				dropped += length;
		});

		if (how != arrival::message)
			return how;
	}
	if (ok && dropped > 0)
		ok = dicom_refuse(&err, ERR_NO_SPACE, DICOM_STATUS_RESOURCE_LIMITATION, "the dataset is too long");
	if (ok) {
		struct dicom_bytes bytes = {read_memory, &file, file.size()};
		struct dicom_n_request request = {&connection_.peer,
		                                  operation,
		                                  command.type_id,
		                                  command.sop_class.c_str(),
		                                  command.sop_instance.c_str(),
		                                  command.has_dataset() ? &bytes : nullptr,
		                                  user_};

		(void)text_copy(instance, sizeof instance, command.sop_instance.c_str());
		ok = handlers().normalized(scp_.settings.context, &request, instance, &err);
	}
	Command response = response_to(command, ok ? 0 : status_of(err), ok ? "" : err.text);

	if (ok) {
		response.sop_instance = instance;
		if (operation == DICOM_N_ACTION)
			event_context_ = command.context_id;
	}
	return sent(stream.send(response), link_);
}

/* PS3.4 section J.3.3: event type 1 when everything is held, else 2. */
bool Association::send_event(MessageStream &stream, const struct dicom_commitment_result &result)
{
	T_ASC_PresentationContext context;
	uint8_t *bytes;
	size_t length;
	Command request;
	bool ok;

	if (ASC_findAcceptedPresentationContext(association_->params, event_context_, &context).bad())
		return false;
	request = dicom_event_request(result);
	request.context_id = event_context_;
	request.message_id = event_id_;
	dicom_write_commitment_result(
	    &result, std::strcmp(context.acceptedTransferSyntax, UID_LittleEndianImplicitTransferSyntax) == 0, &bytes,
	    &length);
	ok = stream.send(request) && stream.send_whole_dataset(event_context_, bytes, length);
	std::free(bytes);
	return ok;
}

/* While the peer is silent. Its answer comes as any other message, perhaps behind a request that crossed our event. */
arrival Association::report_event(MessageStream &stream)
{
	const struct dicom_commitment_result *result = nullptr;
	enum dicom_event_due due = DICOM_EVENT_LATER;

	while (event_context_ != 0 && event_id_ == 0) {
		if (due == DICOM_EVENT_LATER && link_.is_readable_within(EVENT_POLL_MS))
			return arrival::message;
		due = handlers().event_next(scp_.settings.context, user_, &result);
		if (due == DICOM_EVENT_NONE)
			event_context_ = 0;
		if (due != DICOM_EVENT_DUE)
			continue;
		last_event_id_ = static_cast<uint16_t>(last_event_id_ == UINT16_MAX ? 1 : last_event_id_ + 1);
		event_id_ = last_event_id_;
		if (!send_event(stream, *result))
			return sent(false, link_);
		link_.rest(link_phase::message);
	}
	return arrival::message;
}

void Association::event_ended(bool is_answered, uint16_t status)
{
	if (event_id_ == 0)
		return;
	event_id_ = 0;
	handlers().event_end(scp_.settings.context, user_, is_answered, status);
}

arrival Association::event_answered(const Command &command)
{
	if (event_id_ == 0 || command.answered_id != event_id_ || !command.has_status)
		return arrival::broken;
	event_ended(true, command.status);
	return arrival::message;
}

/* ---- one message ------------------------------------------------------------------------------------------------ */

arrival Association::answer(MessageStream &stream, const Command &command)
{
	static const struct {
		uint16_t field;
		enum dicom_n_operation operation;
	} operations[] = {{COMMAND_N_ACTION_RQ, DICOM_N_ACTION},
	                  {COMMAND_N_CREATE_RQ, DICOM_N_CREATE},
	                  {COMMAND_N_SET_RQ, DICOM_N_SET},
	                  {COMMAND_N_EVENT_REPORT_RQ, DICOM_N_EVENT_REPORT}};
	arrival how;

	if (command.field == COMMAND_C_STORE_RQ)
		return store(stream, command);
	for (const auto &row : operations)
		if (row.field == command.field)
			return normalized(stream, command, row.operation);
	if (command.field == (COMMAND_N_EVENT_REPORT_RQ | COMMAND_RESPONSE)) {
		how = drop_dataset(stream, command);
		return how == arrival::message ? event_answered(command) : how;
	}
	if (command.is_response())
		return arrival::broken;
	how = drop_dataset(stream, command);
	if (how != arrival::message || command.field == COMMAND_C_CANCEL_RQ)
		return how;
	if (command.field != COMMAND_C_ECHO_RQ)
		return sent(stream.send(response_to(command, STATUS_UNRECOGNIZED_OPERATION, "no such service here")),
		            link_);
	handlers().echo(scp_.settings.context, user_, &connection_.peer);
	return sent(stream.send(response_to(command, 0, "")), link_);
}

void Association::finish(arrival how)
{
	enum dicom_end end = DICOM_END_ABORTED;

	link_.phase = link_phase::closing;
	link_.deadline_ms = clock_monotonic_ms() + CLOSING_MS;
	switch (how) {
	case arrival::release:
		end = DICOM_END_RELEASED;
		(void)ASC_acknowledgeRelease(association_);
		(void)ASC_dropSCPAssociation(association_);
		break;
	case arrival::lost:
		end = DICOM_END_LOST;
		break;
	case arrival::timeout:
		end = DICOM_END_TIMEOUT;
		link_.abort();
		break;
	case arrival::stopped:
		end = DICOM_END_STOPPED;
		link_.abort();
		break;
	case arrival::broken:
		if (link_.end != link_end::refused)
			link_.abort();
		break;
	default:
		break;
	}
	ended(end);
}

void Association::serve()
{
	MessageStream stream(association_, link_);
	arrival how = arrival::message;

	while (how == arrival::message) {
		Command command;

		/* Who owes an answer is not idle. */
		link_.rest(event_id_ != 0 ? link_phase::message : link_phase::idle);
		how = report_event(stream);
		if (how == arrival::message)
			how = stream.receive(command);
		if (how == arrival::message)
			how = answer(stream, command);
	}
	finish(how);
}

bool Association::acknowledge()
{
	T_ASC_Parameters *params = association_->params;

	accept_contexts();
	(void)text_copy(params->ourImplementationClassUID, sizeof params->ourImplementationClassUID,
	                DICOM_IMPLEMENTATION_CLASS_UID);
	(void)text_copy(params->ourImplementationVersionName, sizeof params->ourImplementationVersionName,
	                DICOM_IMPLEMENTATION_VERSION);
	return ASC_acknowledgeAssociation(association_).good();
}

/* Nobody knows yet who it was. */
void Association::unheard() const
{
	const std::string &fault = link_.fault();

	if (fault.empty())
		log_info(LOG_ASSOCIATION_REJECTED, "address=%s reason=%s", connection_.peer.address, unheard_);
	else
		log_info(LOG_ASSOCIATION_REJECTED, "address=%s reason=%s text=%s", connection_.peer.address, unheard_,
		         fault.c_str());
}

void Association::run()
{
	const struct dicom_scp_settings &settings = scp_.settings;
	enum dicom_reject why;

	link_.stop_fd = scp_.stop_fd;
	link_.idle_ms = settings.idle_timeout_ms;
	link_.message_ms = settings.dimse_timeout_ms;
	link_.pdu_ms = settings.pdu_timeout_ms;
	link_.rate_min = settings.message_rate_min;
	link_.grace_ms = settings.message_grace_ms;
	link_.deadline_ms = clock_monotonic_ms();
	link_.deadline_ms +=
	    connection_.is_overflow ? int64_t{SCP_OVERFLOW_PATIENCE_MS} : settings.association_timeout_ms;
	if (!wait_request() || !receive_request()) {
		unheard();
		return;
	}
	if (ASC_countPresentationContexts(association_->params) > CONTEXTS_MAX) {
		log_info(LOG_ASSOCIATION_REJECTED, "address=%s reason=%s", connection_.peer.address,
		         "too_many_contexts");
		link_.abort();
		return;
	}
	read_peer();
	why = decide();
	link_.phase = link_phase::message;
	if (why != DICOM_ADMIT) {
		reject(why);
		return;
	}
	is_admitted_ = true;
	if (acknowledge()) {
		serve();
		return;
	}
	link_.abort();
	ended(DICOM_END_LOST);
}
} // namespace

void scp_association_run(scp_connection &connection)
{
	struct err err;
	bool ok = dicom_guard(&err, [&connection] {
		Association(connection).run();
		return true;
	});

	if (!ok)
		log_err(LOG_ASSOCIATION_ENDED, &err, "address=%s", connection.peer.address);
}
