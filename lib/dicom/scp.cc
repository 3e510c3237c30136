#include "lib/dicom/scp.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

namespace
{
enum { LISTEN_BACKLOG = 512, ACCEPT_PAUSE_MS = 100 };

bool listen_on(const struct addrinfo *info, const char *address, uint16_t port, int *out_fd, struct err *err)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	if (fd < 0)
		return err_set_errno(err, ERR_TEMPORARY, errno, "could not open a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
		int number = errno;

		(void)::close(fd);
		return err_set_errno(err, number == EADDRINUSE ? ERR_CONFLICT : ERR_TEMPORARY, number,
		                     "could not listen on DICOM port %u of %s", port, address);
	}
	*out_fd = fd;
	return true;
}

bool open_listener(struct dicom_scp *scp, struct err *err)
{
	struct addrinfo hints = {};
	struct addrinfo *info = nullptr;
	std::string port = std::to_string(scp->settings.port);
	int rc;
	bool ok;

	hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV;
	hints.ai_socktype = SOCK_STREAM;
	rc = getaddrinfo(scp->address.c_str(), port.c_str(), &hints, &info);
	if (rc != 0)
		return err_set(err, ERR_INVALID, "cannot listen on address %s: %s", scp->address.c_str(),
		               gai_strerror(rc));
	ok = listen_on(info, scp->address.c_str(), scp->settings.port, &scp->listen_fd, err);
	freeaddrinfo(info);
	return ok;
}

uint16_t socket_port(const struct sockaddr_storage &name)
{
	if (name.ss_family == AF_INET)
		return ntohs(reinterpret_cast<const struct sockaddr_in *>(&name)->sin_port);
	if (name.ss_family == AF_INET6)
		return ntohs(reinterpret_cast<const struct sockaddr_in6 *>(&name)->sin6_port);
	return 0;
}

uint16_t local_port(int fd)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof name;

	return getsockname(fd, reinterpret_cast<struct sockaddr *>(&name), &length) == 0 ? socket_port(name) : 0;
}

/* IPv4 through an IPv6 socket reads as IPv4, so that one rule fits both. */
void describe_peer(const struct sockaddr_storage &name, int fd, struct dicom_peer *out)
{
	const struct sockaddr_in *v4 = reinterpret_cast<const struct sockaddr_in *>(&name);
	const struct sockaddr_in6 *v6 = reinterpret_cast<const struct sockaddr_in6 *>(&name);

	if (name.ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &v4->sin_addr, out->address, sizeof out->address);
	else if (name.ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		(void)inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out->address, sizeof out->address);
	else if (name.ss_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, out->address, sizeof out->address);
	out->port = socket_port(name);
	out->local_port = local_port(fd);
}

/* False: too many even to be refused politely. */
bool enter(scp_connection &connection)
{
	struct dicom_scp *scp = connection.scp;
	std::lock_guard<std::mutex> hold(scp->mutex);
	size_t most = static_cast<size_t>(scp->settings.association_max);

	if (scp->links.size() >= most + SCP_OVERFLOW_MAX)
		return false;
	connection.is_overflow = scp->links.size() >= most;
	connection.place = scp->links.insert(scp->links.end(), &connection.link);
	return true;
}

void leave(scp_connection &connection)
{
	struct dicom_scp *scp = connection.scp;
	std::lock_guard<std::mutex> hold(scp->mutex);

	scp->links.erase(connection.place);
	if (scp->links.empty())
		scp->empty.notify_all();
}

/* Takes connection. */
void association_thread(scp_connection *connection)
{
	std::unique_ptr<scp_connection> own(connection);

	scp_association_run(*own);
	leave(*own);
}

/* False: no thread could be started, and the connection is still the caller's. */
bool start_thread(scp_connection *connection)
{
	try {
		std::thread(association_thread, connection).detach();
		return true;
	} catch (const std::system_error &) {
		return false;
	}
}

void start_association(struct dicom_scp *scp, int fd, const struct sockaddr_storage &name)
{
	scp_connection *connection = new scp_connection();
	const char *reason = "too_many_connections";

	connection->scp = scp;
	connection->fd = fd;
	describe_peer(name, fd, &connection->peer);
	if (enter(*connection)) {
		if (start_thread(connection))
			return; /* the thread's now, and perhaps freed already */
		leave(*connection);
		reason = "no_thread";
	}
	log_warning(LOG_ASSOCIATION_REJECTED, "address=%s reason=%s", connection->peer.address, reason);
	(void)::close(fd);
	delete connection;
}

/* Out of descriptors or memory: the connection stays in the backlog; wait a little rather than spin. */
void accept_one(struct dicom_scp *scp)
{
	struct sockaddr_storage name = {};
	socklen_t length = sizeof name;
	int fd = accept4(scp->listen_fd, reinterpret_cast<struct sockaddr *>(&name), &length, SOCK_CLOEXEC);

	if (fd >= 0) {
		start_association(scp, fd, name);
		return;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		struct pollfd stop = {scp->stop_fd, POLLIN, 0};

		log_warning(LOG_ASSOCIATION_REJECTED, "reason=%s", strerrorname_np(errno));
		(void)poll(&stop, 1, ACCEPT_PAUSE_MS);
	}
}

void shut_all(struct dicom_scp *scp)
{
	std::lock_guard<std::mutex> hold(scp->mutex);

	for (Link *link : scp->links)
		link->shut();
}

/* Threads run our handlers, so they are waited for however long a handler takes; only their sockets are cut after drain_ms. */
void drain(struct dicom_scp *scp, int64_t drain_ms)
{
	std::unique_lock<std::mutex> hold(scp->mutex);
	auto is_empty = [scp] { return scp->links.empty(); };

	if (scp->empty.wait_for(hold, std::chrono::milliseconds(drain_ms), is_empty))
		return;
	hold.unlock();
	shut_all(scp);
	hold.lock();
	scp->empty.wait(hold, is_empty);
}

void run(struct dicom_scp *scp, int64_t drain_ms)
{
	struct pollfd fds[2] = {{scp->listen_fd, POLLIN, 0}, {scp->stop_fd, POLLIN, 0}};

	while (fds[1].revents == 0) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents != 0 && fds[1].revents == 0)
			accept_one(scp);
	}
	(void)::close(scp->listen_fd);
	scp->listen_fd = -1;
	drain(scp, drain_ms);
}
} // namespace

extern "C" bool dicom_scp_new(const struct dicom_scp_settings *settings, struct dicom_scp **out, struct err *err)
{
	return dicom_guard(err, [&] {
		std::unique_ptr<struct dicom_scp> scp(new dicom_scp());

		scp->settings = *settings;
		scp->address = settings->address;
		scp->settings.address = scp->address.c_str();
		if (!open_listener(scp.get(), err))
			return false;
		scp->port = local_port(scp->listen_fd);
		*out = scp.release();
		return true;
	});
}

extern "C" uint16_t dicom_scp_port(const struct dicom_scp *scp)
{
	return scp->port;
}

extern "C" int dicom_scp_associations(const struct dicom_scp *scp)
{
	struct dicom_scp *shared = const_cast<struct dicom_scp *>(scp);
	std::lock_guard<std::mutex> hold(shared->mutex);

	return static_cast<int>(scp->links.size());
}

extern "C" bool dicom_scp_run(struct dicom_scp *scp, int stop_fd, int64_t drain_ms, struct err *err)
{
	return dicom_guard(err, [&] {
		scp->stop_fd = stop_fd;
		run(scp, drain_ms);
		return true;
	});
}

extern "C" void dicom_scp_free(struct dicom_scp *scp)
{
	if (scp == nullptr)
		return;
	if (scp->listen_fd >= 0)
		(void)::close(scp->listen_fd);
	delete scp;
}
