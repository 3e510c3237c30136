/*
 * Connections under DCMTK's upper layer: time-outs in milliseconds per phase, limits on what a PDU may be, small packets sent at once,
 * delayed acknowledgements called back, and a door for orderly stop. For provider and user alike. Private to lib/dicom.
 *
 * A stock client leaves Nagle's algorithm on: it holds the last piece of a message back until the piece before is acknowledged, and
 * our kernel delays that acknowledgement by 40 ms. TCP_QUICKACK, re-armed at every read, cures it from our side.
 *
 * TLS lies under all of that: the same phases and limits hold for its bytes.
 */
#ifndef YQ_DICOM_TRANSPORT_H
#define YQ_DICOM_TRANSPORT_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/tls.h"

enum class link_phase {
	request, /* until the association request is complete: an absolute deadline */
	idle,    /* between messages: idle_ms; ends early when stopping, see Link::wait() */
	message, /* inside one: message_ms from byte to byte */
	closing  /* waiting for the peer to close, absolute deadline */
};

/* refused: the peer began a PDU that is none or too long; an A-ABORT went out. */
enum class link_end { none, lost, timeout, stopped, refused };

enum : uint32_t {
	LINK_REQUEST_MAX = 1 << 20, /* A-ASSOCIATE-RQ and -AC */
	LINK_DATA_MAX = 131072,     /* P-DATA-TF: what we announce (ASC_MAXIMUMPDUSIZE) is what we take */
	LINK_CONTROL_MAX = 64       /* the others have 4 bytes (PS3.8 sections 9.3.4, 9.3.6 to 9.3.8) */
};

/*
 * When stopping, an association ends where it pauses: who is silent between two messages for LINK_PAUSE_MS is idle. Who goes on sending may do
 * so for LINK_TALK_MS, so that most get through what they have begun; then the end comes before the next message. The object at hand
 * is finished in any case.
 */
enum : int64_t { LINK_PAUSE_MS = 2000, LINK_TALK_MS = 5000 };

/* Where a stream stands in its PDUs (PS3.8 section 9.3.1), told from the bytes that pass. */
class Frame
{
      public:
	/* False: the head is of no PDU, or of a longer one than may come. Nothing is taken after that. */
	bool take(const unsigned char *bytes, size_t length);
	bool is_inside() const
	{
		return have_ > 0 || left_ > 0;
	}
	/* The first byte of the last head. */
	unsigned char type() const
	{
		return head_[0];
	}
	unsigned char first() const
	{
		return first_;
	}

      private:
	unsigned char head_[6] = {};
	unsigned char first_ = 0;
	size_t have_ = 0;   /* bytes of the head, until it is whole */
	uint32_t left_ = 0; /* of the body */
};

struct TlsFree {
	void operator()(struct tls *tls) const
	{
		tls_free(tls);
	}
	void operator()(struct tls_context *context) const
	{
		tls_context_free(context);
	}
};
using TlsPointer = std::unique_ptr<struct tls, TlsFree>;
using TlsContextPointer = std::unique_ptr<struct tls_context, TlsFree>;

/* What an association and its connection share; outlives the connection, which DCMTK deletes when it likes. */
class Link
{
      public:
	int64_t deadline_ms = 0, idle_ms = 0, message_ms = 0;
	int64_t pdu_ms = 0; /* longest life of one PDU, however its bytes drip; 0: no limit of its own */
	/* Bytes a second that a message must bring on average, once it is older than the grace; 0: no limit. See MessageStream. */
	int64_t rate_min = 0, grace_ms = 0;
	int stop_fd = -1;
	link_phase phase = link_phase::request;
	link_end end = link_end::none; /* first reason for which no more bytes came or went */

	Link() = default;
	Link(const Link &) = delete;
	Link &operator=(const Link &) = delete;

	/* Sets TCP_NODELAY, SO_KEEPALIVE and friends. */
	void open(int fd);
	/* From here on every byte goes through TLS. The handshake, under the deadlines of the phase; false sets end. Behind open(). */
	bool secure(TlsPointer tls);
	/* The same as a client, once the upper layer has connected. */
	void be_client(TlsContextPointer context, const std::string &host);
	bool secure_client();
	bool is_secure() const
	{
		return is_secure_;
	}
	/* While it is open; NULL: plain. */
	const struct tls *tls() const
	{
		return tls_.get();
	}
	/* What TLS has against the peer, or the peer against it, for people; empty: nothing. */
	const std::string &fault() const
	{
		return fault_;
	}
	/* Both directions end now; from any thread. */
	void shut();
	/* The descriptor is about to be closed. */
	void forget();

	/* A message is over, or the connection has just come: the phase idle begins, or the wait for the request. */
	void rest(link_phase where);

	/* True when a byte (or the end) can be read; false sets end. */
	bool wait_readable();
	/* The same for a moment, with nothing changed by it: true also when the end is near, which wait_readable() then tells. */
	bool is_readable_within(int ms) const;

	/*
	 * Reads until length bytes of the stream are here, under the deadlines of the phase; whoever reads the connection later gets them first. For what must be
	 * looked at before DCMTK has it. False sets end. The memory grows with what comes.
	 */
	bool fetch(size_t length);
	const unsigned char *fetched() const
	{
		return reinterpret_cast<const unsigned char *>(ahead_.data());
	}

	/* Type of the first PDU that came; 0: none did yet. */
	unsigned char first_pdu() const
	{
		return frame.first();
	}

	/* A-ABORT by the service provider (PS3.8 section 9.3.8), past DCMTK, which has no state for it once a read has failed. */
	void abort();

      private:
	friend class LinkConnection;
	std::mutex mutex; /* over fd_, against shut() of a reused number */
	int fd_ = -1;
	TlsPointer tls_;
	bool is_secure_ = false;   /* the handshake was done */
	TlsContextPointer client_; /* that the connection is to have; NULL: plain */
	std::string host_, fault_;
	std::string ahead_;           /* fetched */
	size_t ahead_taken_ = 0;      /* and read since */
	Frame frame;                  /* of what we read */
	int64_t pdu_deadline_ms_ = 0; /* of the PDU that we wait for; 0: none */
	int64_t rested_ms_ = 0;       /* since when it is idle, or connected */
	int64_t stop_ms_ = 0;         /* when this association saw that it should end; 0: not yet */

	bool wait(short events);
	int64_t left_ms(bool may_stop);
	bool took(const void *bytes, size_t length);
	size_t take_ahead(void *buf, size_t nbyte);
	/* As recv(2) and send(2) without waiting; *events: what to wait for when they would. */
	ssize_t receive(void *buf, size_t nbyte, short *events);
	ssize_t transmit(const void *buf, size_t nbyte, bool is_more, short *events);
	ssize_t turned(enum tls_turn turn, size_t length, short *events);
};

class LinkConnection : public DcmTCPConnection
{
      public:
	LinkConnection(DcmNativeSocketType fd, Link &link);
	~LinkConnection() override;
	ssize_t read(void *buf, size_t nbyte) override;
	ssize_t write(void *buf, size_t nbyte) override;
	void close() override;
	void closeTransportConnection() override;
	OFCondition clientSideHandshake() override;
	OFBool networkDataAvailable(int timeout_s) override;

      private:
	Link &link_;
	int fd_;
};

/* Makes connections for one link. taken is called first, with the descriptor, on the thread of the upper layer. */
class LinkLayer : public DcmTransportLayer
{
      public:
	explicit LinkLayer(Link &link, std::function<void(int)> taken = nullptr);
	DcmTransportConnection *createConnection(DcmNativeSocketType fd, OFBool secure) override;

      private:
	Link &link_;
	std::function<void(int)> taken_;
};

#endif
