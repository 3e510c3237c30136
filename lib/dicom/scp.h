/* The service class provider: what the listener and its associations share. Private to lib/dicom. */
#ifndef YQ_DICOM_SCP_H
#define YQ_DICOM_SCP_H

#include <condition_variable>
#include <list>
#include <mutex>
#include <string>

#include "lib/dicom/dicom.h"
#include "lib/dicom/transport.h"

/* Connections beyond association_max that get an answer (A-ASSOCIATE-RJ); still more are closed at once. */
enum { SCP_OVERFLOW_MAX = 32, SCP_OVERFLOW_PATIENCE_MS = 5000 };

struct dicom_scp {
	struct dicom_scp_settings settings;
	std::string address, tls_ports;
	struct listen_set listening = {};
	uint16_t port = 0;
	int stop_fd = -1;

	std::mutex mutex; /* over links, tls */
	std::condition_variable empty;
	std::list<Link *> links; /* one per association thread */
	TlsContextPointer tls;   /* for those who come from now on; NULL: we have no certificate */
};

/* A connection just accepted, on its way to its thread. */
struct scp_connection {
	struct dicom_scp *scp;
	int fd;
	bool is_overflow, is_tls;
	struct dicom_peer peer; /* address and ports */
	Link link;
	std::list<Link *>::iterator place;
};

/* The whole life of an association; closes fd. Throws nothing. */
void scp_association_run(scp_connection &connection);

/* The handshake of one who called a port for TLS, and what is known of the peer by it. False: *why is the reason for the log. */
bool scp_secure(scp_connection &connection, const char **why);
/* Somebody begins TLS with this byte. */
bool scp_is_tls(unsigned char first);

#endif
