/*
 * An association that we ask for: who is called, what is proposed, one request and its answer after the other. Private to lib/dicom; what the
 * services say on it is scu*.cc.
 */
#ifndef YQ_DICOM_CLIENT_H
#define YQ_DICOM_CLIENT_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmnet/assoc.h"

#include <string>
#include <vector>

#include "lib/dicom/dicom.h"
#include "lib/dicom/message.h"
#include "lib/dicom/transport.h"

struct source;

/* Of the 128 odd numbers of a byte (PS3.8 section 9.3.2.2). */
enum { CLIENT_CONTEXTS_MAX = DICOM_PROPOSALS_MAX };

struct Context {
	std::string abstract_syntax, transfer_syntax;
	bool operator==(const Context &other) const
	{
		return abstract_syntax == other.abstract_syntax && transfer_syntax == other.transfer_syntax;
	}
};

/* What became of a request. */
enum class exchange {
	answered,
	unsent,    /* it broke before all was out: the peer cannot have it whole */
	unanswered /* all is out, and no answer came */
};

class Client
{
      public:
	explicit Client(const struct dicom_destination &to);
	~Client();
	Client(const Client &) = delete;
	Client &operator=(const Client &) = delete;

	/* We are the provider of what we propose (PS3.7 section D.3.3.4). Before open(). */
	void be_provider()
	{
		role_ = ASC_SC_ROLE_SCP;
	}
	/* Connects and associates. False: *err says why; how far it came is is_connected(). */
	bool open(const std::vector<Context> &contexts, struct err *err);
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
	/* False when the peer has ended it, or says what nobody asked: nothing may be sent any more. */
	bool is_quiet() const;
	/* Orderly. Without it the destructor aborts. */
	void release();

	/* 0: the peer accepts no such context. */
	uint8_t find(const Context &context) const;
	/* The same with a syntax for small datasets, explicit before implicit. */
	uint8_t find_plain(const char *abstract_syntax, bool *is_implicit) const;

	/* Sends a request with the rest of a source as its dataset (NULL: none) and awaits its answer, which has no dataset. */
	exchange ask(Command request, struct source *dataset, Command *answer, struct err *err);
	/* The same with a dataset in memory; the dataset of an answer is passed over. */
	bool say_and_hear(Command request, const void *dataset, size_t length, Command *answer, struct err *err);

	/* The parts of an exchange, for services in which more than one message answers. request gets its number. */
	bool put_request(Command *request, const void *dataset, size_t length, struct err *err);
	bool hear(Command *out, struct err *err);
	/* The dataset of a message; one of more than max bytes is ERR_INVALID. */
	bool hear_dataset(const Command &message, size_t max, std::string *out, struct err *err);
	bool reply(const Command &request, uint16_t status, struct err *err);
	bool is_answer(const Command &request, const Command &answer, struct err *err) const;
	/* Within ms something comes, or the end. */
	bool is_readable_within(int ms) const
	{
		return link_.is_readable_within(ms);
	}
	const char *name() const
	{
		return to_.called_ae;
	}

      private:
	const struct dicom_destination &to_;
	Link link_;
	LinkLayer layer_;
	int dialled_ = -1; /* connected, until the upper layer has it */
	T_ASC_Network *network_ = nullptr;
	T_ASC_Parameters *params_ = nullptr; /* until the association owns them */
	T_ASC_Association *association_ = nullptr;
	uint16_t last_id_ = 0;
	bool is_connected_ = false;
	T_ASC_SC_ROLE role_ = ASC_SC_ROLE_DEFAULT;

	void taken(int fd);
	bool connect(struct err *err);
	bool propose(const std::vector<Context> &contexts, struct err *err);
	bool refused(const OFCondition &cond, struct err *err);
	bool send_dataset(MessageStream &stream, uint8_t context_id, struct source *dataset, bool *is_out,
	                  struct err *err);
	bool broken(enum err_kind kind, struct err *err) const;
	bool unexpected(struct err *err) const;
};

#endif
