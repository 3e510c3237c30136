#include "lib/dicom/transport.h"

#include <cerrno>
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
} // namespace

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

int Link::patience_ms() const
{
	int64_t left = phase == link_phase::idle      ? idle_ms
	               : phase == link_phase::message ? message_ms
	                                              : deadline_ms - clock_monotonic_ms();

	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : static_cast<int>(left);
}

bool Link::wait(short events)
{
	bool can_stop = stop_fd >= 0 && (phase == link_phase::idle || phase == link_phase::request);
	struct pollfd fds[2] = {{fd_, events, 0}, {stop_fd, POLLIN, 0}};
	int n;

	if (fd_ < 0) {
		end = end == link_end::none ? link_end::lost : end;
		return false;
	}
	do
		n = poll(fds, can_stop ? 2 : 1, patience_ms());
	while (n < 0 && errno == EINTR);
	if (n > 0 && !(can_stop && fds[1].revents != 0))
		return true;
	if (end == link_end::none)
		end = n < 0 ? link_end::lost : n == 0 ? link_end::timeout : link_end::stopped;
	return false;
}

bool Link::wait_readable()
{
	return wait(POLLIN);
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
		ssize_t n = recv(fd_, buf, nbyte, MSG_DONTWAIT);

		if (n > 0) {
			set_option(fd_, IPPROTO_TCP, TCP_QUICKACK, 1);
			if (link_.phase == link_phase::idle)
				link_.phase = link_phase::message;
			return n;
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
