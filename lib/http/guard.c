/*
 * Clients that open a connection and dawdle. libmicrohttpd only knows how long a connection was silent, so one byte now and then
 * keeps it for ever; here the whole request has a deadline.
 *
 * A descriptor is shut down only while its client is in the list; it is taken out, under the same lock, before libmicrohttpd closes
 * it: so a number that the kernel gave away again is never hit.
 */
#include <poll.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/http/internal.h"

enum { CREDIT_BYTES_PER_S = 1024, HALF_CLOSE_MS = 500 };

static struct guard_client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info == NULL ? NULL : info->socket_context;
}

static void client_enter(struct guard *guard, struct MHD_Connection *connection, void **socket_context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct guard_client *client = calloc(1, sizeof *client);
	if (client == NULL)
		err_panic("out of memory");
	client->fd = info->connect_fd;
	client->deadline_ms = clock_monotonic_ms() + guard->timeout_ms;
	*socket_context = client;

	pthread_mutex_lock(&guard->lock);
	client->next = guard->first;
	if (client->next != NULL)
		client->next->previous = client;
	guard->first = client;
	pthread_mutex_unlock(&guard->lock);
}

static void client_leave(struct guard *guard, struct guard_client *client)
{
	pthread_mutex_lock(&guard->lock);
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		guard->first = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	pthread_mutex_unlock(&guard->lock);
	free(client);
}

void guard_notify(void *guard, struct MHD_Connection *connection, void **socket_context,
                  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		client_enter(guard, connection, socket_context);
	else if (*socket_context != NULL)
		client_leave(guard, *socket_context);
}

/*
 * A suspended connection is not closed, so the descriptor is its own. A client that closes and one that only sends no more look the same from here. The
 * latter says so with its request: whose end came by then is waited with, and who ends later has left. A proxy ends a connection when its own client has
 * left, however soon.
 */
bool http_is_awaited(struct http_request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd client = {.fd = info->connect_fd, .events = POLLRDHUP};
	if (poll(&client, 1, 0) <= 0)
		return true;
	if ((client.revents & (POLLHUP | POLLERR)) != 0)
		return false;
	if (clock_monotonic_ms() - request->started_ms < HALF_CLOSE_MS &&
	    http_header(request, "X-Forwarded-For") == NULL)
		request->is_half_closed = true;
	return request->is_half_closed;
}

static void set_deadline(struct guard *guard, struct MHD_Connection *connection, int64_t deadline_ms)
{
	struct guard_client *client = client_of(connection);
	if (client == NULL)
		return;
	pthread_mutex_lock(&guard->lock);
	client->deadline_ms = deadline_ms;
	pthread_mutex_unlock(&guard->lock);
}

void guard_expect(struct guard *guard, struct MHD_Connection *connection)
{
	set_deadline(guard, connection, clock_monotonic_ms() + guard->timeout_ms);
}

void guard_rest(struct guard *guard, struct MHD_Connection *connection)
{
	set_deadline(guard, connection, 0);
}

void guard_credit(struct guard *guard, struct MHD_Connection *connection, size_t bytes)
{
	struct guard_client *client = client_of(connection);
	if (client == NULL)
		return;
	pthread_mutex_lock(&guard->lock);
	if (client->deadline_ms != 0)
		client->deadline_ms += (int64_t)bytes * 1000 / CREDIT_BYTES_PER_S;
	pthread_mutex_unlock(&guard->lock);
}

void guard_sweep(struct guard *guard, int64_t now_ms)
{
	pthread_mutex_lock(&guard->lock);
	for (struct guard_client *client = guard->first; client != NULL; client = client->next)
		if (client->deadline_ms != 0 && client->deadline_ms <= now_ms) {
			client->deadline_ms = 0;
			shutdown(client->fd, SHUT_RDWR);
		}
	pthread_mutex_unlock(&guard->lock);
}
