/*
 * Connections under DCMTK's upper layer: time-outs in milliseconds per phase, small packets sent at once, delayed acknowledgements
 * called back, and a door for orderly stop. For provider and user alike. Private to lib/dicom.
 *
 * A stock client leaves Nagle's algorithm on: it holds the last piece of a message back until the piece before is acknowledged, and
 * our kernel delays that acknowledgement by 40 ms. TCP_QUICKACK, re-armed at every read, cures it from our side.
 */
#ifndef YQ_DICOM_TRANSPORT_H
#define YQ_DICOM_TRANSPORT_H

#include "lib/dicom/internal.h"

#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"

#include <cstdint>
#include <functional>
#include <mutex>

enum class link_phase {
	request, /* until the association request is complete: an absolute deadline */
	idle,    /* between messages: idle_ms, ends early when stopping */
	message, /* inside one: message_ms from byte to byte */
	closing  /* waiting for the peer to close, absolute deadline */
};

enum class link_end { none, lost, timeout, stopped };

/* What an association and its connection share; outlives the connection, which DCMTK deletes when it likes. */
class Link
{
      public:
	int64_t deadline_ms = 0, idle_ms = 0, message_ms = 0;
	int stop_fd = -1;
	link_phase phase = link_phase::request;
	link_end end = link_end::none; /* first reason for which no more bytes came or went */

	Link() = default;
	Link(const Link &) = delete;
	Link &operator=(const Link &) = delete;

	/* Sets TCP_NODELAY, SO_KEEPALIVE and friends. */
	void open(int fd);
	/* Both directions end now; from any thread. */
	void shut();
	/* The descriptor is about to be closed. */
	void forget();

	/* True when a byte (or the end) can be read; false sets end. */
	bool wait_readable();

      private:
	friend class LinkConnection;
	std::mutex mutex; /* over fd_, against shut() of a reused number */
	int fd_ = -1;

	bool wait(short events);
	int patience_ms() const;
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
	OFBool networkDataAvailable(int timeout_s) override;

      private:
	Link &link_;
	int fd_;
};

/* Makes connections for one link. taken is called first, on the thread of the upper layer. */
class LinkLayer : public DcmTransportLayer
{
      public:
	explicit LinkLayer(Link &link, std::function<void()> taken = nullptr);
	DcmTransportConnection *createConnection(DcmNativeSocketType fd, OFBool secure) override;

      private:
	Link &link_;
	std::function<void()> taken_;
};

#endif
