#include "lib/dicom/transport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "dcmtk/dcmnet/cond.h"
#include "dcmtk/dcmnet/dul.h"

#include "lib/base/clock.h"

namespace
{
void set_option(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

/* The header that DCMTK writes before each data fragment: P-DATA-TF with one item (PS3.8 section 9.3.5). More follows at once. */
bool is_data_header(const void *buf, size_t nbyte)
{
	return nbyte == 12 && *static_cast<const unsigned char *>(buf) == 0x04;
}

/* How a record of TLS begins that comes in the place of a PDU (RFC 8446 section 5.1): alert, handshake. */
enum : unsigned char { RECORD_ALERT = 0x15, RECORD_HANDSHAKE = 0x16 };
enum : unsigned char { PDU_ASSOCIATE_RQ = 1, PDU_ASSOCIATE_AC = 2, PDU_DATA = 4, PDU_ABORT = 7 };

uint32_t longest(unsigned char type)
{
	if (type == PDU_ASSOCIATE_RQ || type == PDU_ASSOCIATE_AC)
		return LINK_REQUEST_MAX;
	return type == PDU_DATA ? uint32_t{LINK_DATA_MAX} : uint32_t{LINK_CONTROL_MAX};
}
} // namespace

bool Frame::take(const unsigned char *bytes, size_t length)
{
	while (length > 0) {
		size_t n = left_ > 0 ? std::min<size_t>(length, left_) : std::min(length, sizeof head_ - have_);

		if (left_ > 0) {
			left_ -= static_cast<uint32_t>(n);
		} else {
			std::memcpy(head_ + have_, bytes, n);
			have_ += n;
		}
		bytes += n;
		length -= n;
		if (have_ < sizeof head_)
			continue;
		have_ = 0;
		first_ = first_ != 0 ? first_ : head_[0];
		left_ = static_cast<uint32_t>(head_[2]) << 24 | static_cast<uint32_t>(head_[3]) << 16 |
		        static_cast<uint32_t>(head_[4]) << 8 | head_[5];
		if (head_[0] < PDU_ASSOCIATE_RQ || head_[0] > PDU_ABORT || left_ > longest(head_[0]))
			return false;
	}
	return true;
}

void Link::open(int fd)
{
	std::lock_guard<std::mutex> hold(mutex);

	fd_ = fd;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

/* TLS says goodbye while there is a descriptor to say it on. */
void Link::forget()
{
	std::lock_guard<std::mutex> hold(mutex);

	tls_.reset();
	fd_ = -1;
}

void Link::shut()
{
	std::lock_guard<std::mutex> hold(mutex);

	if (fd_ >= 0)
		(void)::shutdown(fd_, SHUT_RDWR);
}

void Link::rest(link_phase where)
{
	phase = where;
	rested_ms_ = clock_monotonic_ms();
}

void Link::abort()
{
	static const unsigned char pdu[] = {PDU_ABORT, 0, 0, 0, 0, 4, 0, 0, 2, 0};
	char dropped[4096];
	short events;

	if (fd_ < 0)
		return;
	/* What is unread is taken first, lest closing resets the connection. */
	(void)recv(fd_, dropped, sizeof dropped, MSG_DONTWAIT);
	(void)transmit(pdu, sizeof pdu, false, &events);
}

/* Silence is measured from here, everything else from where it began. */
int64_t Link::left_ms(bool may_stop)
{
	int64_t now = clock_monotonic_ms();
	int64_t left = phase == link_phase::idle      ? idle_ms
	               : phase == link_phase::message ? message_ms
	                                              : deadline_ms - now;

	if (!frame.is_inside() && (!tls_ || !tls_is_amid(tls_.get())))
		pdu_deadline_ms_ = 0;
	else if (pdu_ms > 0) {
		if (pdu_deadline_ms_ == 0)
			pdu_deadline_ms_ = now + pdu_ms;
		left = std::min(left, pdu_deadline_ms_ - now);
	}
	if (may_stop && stop_ms_ != 0)
		left = std::min({left, rested_ms_ + LINK_PAUSE_MS - now, stop_ms_ + LINK_TALK_MS - now});
	return std::clamp<int64_t>(left, 0, INT32_MAX);
}

bool Link::wait(short events)
{
	bool may_stop = stop_fd >= 0 && (phase == link_phase::idle || phase == link_phase::request);
	struct pollfd fds[2] = {{fd_, events, 0}, {stop_fd, POLLIN, 0}};
	int n = -1;

	while (fd_ >= 0) {
		int64_t left = left_ms(may_stop);

		/* Whoever talks without a pause would never be seen to stop by poll alone. */
		n = may_stop && stop_ms_ != 0 && left == 0
		        ? 0
		        : poll(fds, may_stop && stop_ms_ == 0 ? 2 : 1, static_cast<int>(left));
		if (n > 0 && may_stop && stop_ms_ == 0 && fds[1].revents != 0) {
			stop_ms_ = clock_monotonic_ms();
			continue;
		}
		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			break;
	}
	if (end == link_end::none)
		end = n < 0 ? link_end::lost : may_stop && stop_ms_ != 0 ? link_end::stopped : link_end::timeout;
	return false;
}

/* Bytes that came, before anybody looks at them. */
bool Link::took(const void *bytes, size_t length)
{
	if (phase == link_phase::idle)
		phase = link_phase::message;
	if (!frame.take(static_cast<const unsigned char *>(bytes), length)) {
		end = link_end::refused;
		if (!tls_ && (frame.type() == RECORD_ALERT || frame.type() == RECORD_HANDSHAKE))
			fault_ = "it speaks TLS there";
		abort();
		return false;
	}
	if (!frame.is_inside())
		pdu_deadline_ms_ = 0;
	return true;
}

bool Link::wait_readable()
{
	return ahead_taken_ < ahead_.size() || (tls_ && tls_has_pending(tls_.get())) || wait(POLLIN);
}

bool Link::fetch(size_t length)
{
	char piece[4096];
	short events;

	while (ahead_.size() < length) {
		ssize_t n = receive(piece, std::min(sizeof piece, length - ahead_.size()), &events);

		if (n > 0) {
			ahead_.append(piece, static_cast<size_t>(n));
			set_option(fd_, IPPROTO_TCP, TCP_QUICKACK, 1);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			end = link_end::lost;
			return false;
		} else if (!wait(events)) {
			return false;
		}
	}
	return true;
}

/* ---- TLS -------------------------------------------------------------------------------------------------------- */

ssize_t Link::turned(enum tls_turn turn, size_t length, short *events)
{
	switch (turn) {
	case TLS_DONE:
		return static_cast<ssize_t>(length);
	case TLS_WANTS_READ:
	case TLS_WANTS_WRITE:
		*events = turn == TLS_WANTS_READ ? POLLIN : POLLOUT;
		errno = EAGAIN;
		return -1;
	default:
		if (fault_.empty())
			fault_ = tls_fault(tls_.get());
		errno = EPROTO;
		return turn == TLS_ENDED ? 0 : -1;
	}
}

ssize_t Link::receive(void *buf, size_t nbyte, short *events)
{
	size_t n = 0;
	enum tls_turn turn;

	*events = POLLIN;
	if (!tls_)
		return recv(fd_, buf, nbyte, MSG_DONTWAIT);
	turn = tls_read(tls_.get(), buf, nbyte, &n);
	return turned(turn, n, events);
}

ssize_t Link::transmit(const void *buf, size_t nbyte, bool is_more, short *events)
{
	size_t n = 0;
	enum tls_turn turn;
	ssize_t sent;

	*events = POLLOUT;
	if (!tls_)
		return send(fd_, buf, nbyte, MSG_NOSIGNAL | MSG_DONTWAIT | (is_more ? MSG_MORE : 0));
	turn = tls_write(tls_.get(), buf, nbyte, is_more, &n);
	sent = turned(turn, n, events);
	return sent == 0 ? -1 : sent;
}

bool Link::secure(TlsPointer tls)
{
	short events = 0;

	tls_ = std::move(tls);
	for (;;) {
		enum tls_turn turn = tls_handshake(tls_.get());

		is_secure_ = turn == TLS_DONE;
		if (is_secure_)
			return true;
		if (turned(turn, 0, &events) == 0 || errno != EAGAIN) {
			end = link_end::lost;
			return false;
		}
		if (!wait(events)) {
			fault_ = end == link_end::timeout ? "it does not finish the handshake" : fault_;
			return false;
		}
	}
}

void Link::be_client(TlsContextPointer context, const std::string &host)
{
	client_ = std::move(context);
	host_ = host;
}

bool Link::secure_client()
{
	return !client_ || secure(TlsPointer(tls_new_client(client_.get(), fd_, host_.c_str())));
}

/* How many of the fetched bytes went to buf; 0: none is left, and their memory is given back. */
size_t Link::take_ahead(void *buf, size_t nbyte)
{
	size_t n = std::min(nbyte, ahead_.size() - ahead_taken_);

	std::memcpy(buf, ahead_.data() + ahead_taken_, n);
	ahead_taken_ += n;
	if (ahead_taken_ == ahead_.size()) {
		std::string().swap(ahead_);
		ahead_taken_ = 0;
	}
	return n;
}

bool Link::is_readable_within(int ms) const
{
	struct pollfd fds[2] = {{fd_, POLLIN, 0}, {stop_fd, POLLIN, 0}};

	if (tls_ && tls_has_pending(tls_.get()))
		return true;
	return poll(fds, stop_fd >= 0 ? 2 : 1, ms) != 0;
}

LinkConnection::LinkConnection(DcmNativeSocketType fd, Link &link) : DcmTCPConnection(fd), link_(link), fd_(fd)
{
	link_.open(fd);
}

/* The base destructor would call its own close(), past our bookkeeping. */
LinkConnection::~LinkConnection()
{
	LinkConnection::closeTransportConnection();
}

ssize_t LinkConnection::read(void *buf, size_t nbyte)
{
	short events;

	for (;;) {
		ssize_t n = static_cast<ssize_t>(link_.take_ahead(buf, nbyte));

		if (n == 0)
			n = link_.receive(buf, nbyte, &events);
		if (n > 0) {
			set_option(fd_, IPPROTO_TCP, TCP_QUICKACK, 1);
			if (link_.took(buf, static_cast<size_t>(n)))
				return n;
			errno = EPROTO;
			return -1;
		}
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			if (link_.end == link_end::none)
				link_.end = link_end::lost;
			errno = ECONNRESET;
			return n;
		}
		if (!link_.wait(events)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* All or nothing, since DCMTK takes a short write for an error. */
ssize_t LinkConnection::write(void *buf, size_t nbyte)
{
	const char *from = static_cast<const char *>(buf);
	bool is_more = is_data_header(buf, nbyte);
	size_t done = 0;
	short events;

	while (done < nbyte) {
		ssize_t n = link_.transmit(from + done, nbyte - done, is_more, &events);

		if (n >= 0) {
			done += static_cast<size_t>(n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			if (link_.end == link_end::none)
				link_.end = link_end::lost;
			return -1;
		}
		if (!link_.wait(events)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	return static_cast<ssize_t>(nbyte);
}

void LinkConnection::close()
{
	closeTransportConnection();
}

void LinkConnection::closeTransportConnection()
{
	link_.forget();
	fd_ = -1;
	DcmTCPConnection::closeTransportConnection();
}

OFCondition LinkConnection::clientSideHandshake()
{
	return link_.secure_client() ? EC_Normal : makeDcmnetCondition(DULC_TLSERROR, OF_error, "no TLS");
}

OFBool LinkConnection::networkDataAvailable(int)
{
	return link_.wait_readable();
}

LinkLayer::LinkLayer(Link &link, std::function<void(int)> taken) : link_(link), taken_(std::move(taken))
{
}

DcmTransportConnection *LinkLayer::createConnection(DcmNativeSocketType fd, OFBool secure)
{
	if (taken_)
		taken_(fd);
	return secure ? nullptr : new LinkConnection(fd, link_);
}
