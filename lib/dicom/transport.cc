#include "lib/dicom/transport.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

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

void Link::forget()
{
	std::lock_guard<std::mutex> hold(mutex);

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

	if (fd_ < 0)
		return;
	/* What is unread is taken first, lest closing resets the connection. */
	(void)recv(fd_, dropped, sizeof dropped, MSG_DONTWAIT);
	(void)send(fd_, pdu, sizeof pdu, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Silence is measured from here, everything else from where it began. */
int64_t Link::left_ms(bool may_stop)
{
	int64_t now = clock_monotonic_ms();
	int64_t left = phase == link_phase::idle      ? idle_ms
	               : phase == link_phase::message ? message_ms
	                                              : deadline_ms - now;

	if (pdu_ms > 0 && frame.is_inside()) {
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
		abort();
		return false;
	}
	if (!frame.is_inside())
		pdu_deadline_ms_ = 0;
	return true;
}

bool Link::wait_readable()
{
	return ahead_taken_ < ahead_.size() || wait(POLLIN);
}

bool Link::fetch(size_t length)
{
	char piece[4096];

	while (ahead_.size() < length) {
		ssize_t n = recv(fd_, piece, std::min(sizeof piece, length - ahead_.size()), MSG_DONTWAIT);

		if (n > 0) {
			ahead_.append(piece, static_cast<size_t>(n));
			set_option(fd_, IPPROTO_TCP, TCP_QUICKACK, 1);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			end = link_end::lost;
			return false;
		} else if (!wait(POLLIN)) {
			return false;
		}
	}
	return true;
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
	for (;;) {
		ssize_t n = static_cast<ssize_t>(link_.take_ahead(buf, nbyte));

		if (n == 0)
			n = recv(fd_, buf, nbyte, MSG_DONTWAIT);
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
		if (!link_.wait(POLLIN)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

/* All or nothing, since DCMTK takes a short write for an error. */
ssize_t LinkConnection::write(void *buf, size_t nbyte)
{
	const char *from = static_cast<const char *>(buf);
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (is_data_header(buf, nbyte) ? MSG_MORE : 0);
	size_t done = 0;

	while (done < nbyte) {
		ssize_t n = send(fd_, from + done, nbyte - done, flags);

		if (n >= 0) {
			done += static_cast<size_t>(n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			if (link_.end == link_end::none)
				link_.end = link_end::lost;
			return -1;
		}
		if (!link_.wait(POLLOUT)) {
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

OFBool LinkConnection::networkDataAvailable(int)
{
	return link_.wait_readable();
}

LinkLayer::LinkLayer(Link &link, std::function<void()> taken) : link_(link), taken_(std::move(taken))
{
}

DcmTransportConnection *LinkLayer::createConnection(DcmNativeSocketType fd, OFBool secure)
{
	if (taken_)
		taken_();
	return secure ? nullptr : new LinkConnection(fd, link_);
}
