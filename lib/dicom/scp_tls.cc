/* TLS of the provider (PS3.15 annex B): which certificate we show, and the handshake before the first PDU. */
#include "lib/dicom/scp.h"

#include <cerrno>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

namespace
{
/* The first byte of an A-ASSOCIATE-RQ, and of a TLS handshake. */
enum : unsigned char { FIRST_OF_PDU = 0x01, FIRST_OF_TLS = 0x16 };

/* Looks at the first byte and leaves it where it is. */
bool peek(scp_connection &connection, unsigned char *first)
{
	return connection.link.wait_readable() && recv(connection.fd, first, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

/* NULL: we have no certificate that could be shown. */
TlsPointer new_session(scp_connection &connection)
{
	struct dicom_scp *scp = connection.scp;
	std::lock_guard<std::mutex> hold(scp->mutex);

	return TlsPointer(scp->tls ? tls_new_server(scp->tls.get(), connection.fd) : nullptr);
}

void note_peer(scp_connection &connection)
{
	struct dicom_peer &peer = connection.peer;
	struct tls_peer shown;

	tls_peer(connection.link.tls(), &shown);
	(void)text_copy(peer.tls, sizeof peer.tls, tls_version(connection.link.tls()));
	if (!shown.has_certificate)
		return;
	(void)text_copy(peer.certificate_sha256, sizeof peer.certificate_sha256, shown.certificate.sha256);
	peer.certificate_is_trusted = shown.is_trusted;
	peer.certificate_is_current = shown.is_current;
}
} // namespace

bool scp_secure(scp_connection &connection, const char **why)
{
	unsigned char first = 0;

	if (!peek(connection, &first))
		return false;
	if (first == FIRST_OF_PDU) {
		*why = "plain_on_tls_port";
		connection.link.abort();
		return false;
	}
	TlsPointer session = new_session(connection);

	*why = session ? "tls" : "no_certificate_of_ours";
	if (!session || !connection.link.secure(std::move(session)))
		return false;
	note_peer(connection);
	*why = "no_association_request";
	return true;
}

bool scp_is_tls(unsigned char first)
{
	return first == FIRST_OF_TLS;
}

extern "C" bool dicom_scp_secure(struct dicom_scp *scp, const struct tls_identity *identity, struct err *err)
{
	return dicom_guard(err, [&] {
		struct tls_context *context;

		if (!tls_context_server(identity, scp->settings.asks_certificate, &context, err))
			return false;
		std::lock_guard<std::mutex> hold(scp->mutex);
		scp->tls.reset(context);
		return true;
	});
}
