#include "lib/dicom/scp.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/listen.h"
#include "lib/base/log.h"

namespace
{
enum {
	ACCEPT_PAUSE_MS = 100,
	/* Ours and DCMTK's frames need some tens of KiB. Well below the 2 MiB of a huge page, of which 1,000 default stacks would each get one. */
	STACK_SIZE = 1 << 20
};

uint16_t socket_port(const struct sockaddr_storage &name)
{
	if (name.ss_family == AF_INET)
		return ntohs(reinterpret_cast<const struct sockaddr_in *>(&name)->sin_port);
	if (name.ss_family == AF_INET6)
		return ntohs(reinterpret_cast<const struct sockaddr_in6 *>(&name)->sin6_port);
	return 0;
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
	out->local_port = listen_port(fd);
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

/* Takes its argument, a connection. */
void *association_thread(void *connection)
{
	std::unique_ptr<scp_connection> own(static_cast<scp_connection *>(connection));

	scp_association_run(*own);
	leave(*own);
	return nullptr;
}

/* False: no thread could be started, and the connection is still the caller's. */
bool start_thread(scp_connection *connection)
{
	pthread_attr_t attributes;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attributes) != 0)
		return false;
	ok = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
	     pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
	     pthread_create(&thread, &attributes, association_thread, connection) == 0;
	(void)pthread_attr_destroy(&attributes);
	return ok;
}

void start_association(struct dicom_scp *scp, int fd, bool is_tls, const struct sockaddr_storage &name)
{
	scp_connection *connection = new scp_connection();
	const char *reason = "too_many_connections";

	connection->scp = scp;
	connection->fd = fd;
	connection->is_tls = is_tls;
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
void accept_one(struct dicom_scp *scp, int listen_fd, bool is_tls)
{
	struct sockaddr_storage name = {};
	socklen_t length = sizeof name;
	int fd = accept4(listen_fd, reinterpret_cast<struct sockaddr *>(&name), &length, SOCK_CLOEXEC);

	if (fd >= 0) {
		start_association(scp, fd, is_tls, name);
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
	struct listen_set &listening = scp->listening;
	struct pollfd fds[1 + LISTEN_SET_MAX] = {{scp->stop_fd, POLLIN, 0}};
	bool is_tls[1 + LISTEN_SET_MAX] = {};
	nfds_t count = 1 + static_cast<nfds_t>(listening.count);

	for (int i = 0; i < listening.count; i++) {
		fds[1 + i] = {listening.fds[i], POLLIN, 0};
		is_tls[1 + i] = listen_lists(scp->tls_ports.c_str(), listen_port(listening.fds[i]));
	}
	while (fds[0].revents == 0) {
		if (poll(fds, count, -1) < 0)
			continue;
		for (nfds_t i = 1; i < count && fds[0].revents == 0; i++)
			if (fds[i].revents != 0)
				accept_one(scp, fds[i].fd, is_tls[i]);
	}
	listen_close(&listening);
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
		scp->tls_ports = settings->tls_ports != nullptr ? settings->tls_ports : "";
		scp->settings.tls_ports = scp->tls_ports.c_str();
		scp->listening = settings->listening;
		if (!listen_complete(&scp->listening, "DICOM", settings->address, settings->port, "", err))
			return false;
		scp->port = listen_port(scp->listening.fds[0]);
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
	listen_close(&scp->listening);
	delete scp;
}
