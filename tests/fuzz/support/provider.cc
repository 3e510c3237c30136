#include "tests/fuzz/support/provider.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/dicom/message.h"
#include "lib/dicom/scp.h"
#include "tests/fuzz/support/fuzz.h"

namespace
{
struct counts {
	int admitted = 0, ended = 0, begun = 0, finished = 0;
	bool is_inside = false;
	size_t bytes = 0;
};

enum dicom_reject admit(void *context, const struct dicom_peer *peer, void **association)
{
	counts *seen = static_cast<counts *>(context);

	FUZZ_CLAIM(std::memchr(peer->calling_ae, '\0', sizeof peer->calling_ae) != nullptr, "an AE title without end");
	*association = context;
	if (std::strcmp(peer->called_ae, "NOBODY") == 0)
		return DICOM_REJECT_CALLED_AE;
	seen->admitted++;
	return DICOM_ADMIT;
}

void end(void *context, void *, const struct dicom_peer *, enum dicom_end, enum dicom_reject reject)
{
	counts *seen = static_cast<counts *>(context);

	FUZZ_CLAIM(!seen->is_inside, "the association ends inside an object");
	if (reject == DICOM_ADMIT)
		seen->ended++;
}

void echo(void *, void *, const struct dicom_peer *)
{
}

bool store_begin(void *context, const struct dicom_store_request *request, void **object, struct err *err)
{
	counts *seen = static_cast<counts *>(context);

	FUZZ_CLAIM(!seen->is_inside, "an object inside another");
	if (std::strstr(request->sop_instance_uid, "9.9") != nullptr)
		return err_set(err, ERR_INVALID, "not this one");
	*object = context;
	seen->begun++;
	seen->is_inside = true;
	return true;
}

bool store_data(void *, void *object, const void *bytes, size_t length, struct err *err)
{
	counts *seen = static_cast<counts *>(object);

	FUZZ_CLAIM(seen->is_inside && length > 0 && bytes != nullptr, "bytes of no object");
	seen->bytes += length;
	return seen->bytes < 4096 || err_set(err, ERR_NO_SPACE, "no room for it");
}

void leave(counts *seen)
{
	FUZZ_CLAIM(seen->is_inside, "the end of no object");
	seen->is_inside = false;
	seen->finished++;
}

bool store_end(void *, void *object, struct err *)
{
	leave(static_cast<counts *>(object));
	return true;
}

void store_abort(void *, void *object)
{
	leave(static_cast<counts *>(object));
}

/* Every byte of the dataset is there to be read, and none behind it. */
bool normalized(void *, const dicom_n_request *request, char[DICOM_UID_SIZE], struct err *err)
{
	char piece[4096];
	uint64_t at = 0;
	size_t got = 1;

	FUZZ_CLAIM(request->sop_class_uid != nullptr && request->sop_instance_uid != nullptr, "no text");
	while (request->dataset != nullptr && got > 0) {
		if (!request->dataset->read_at(request->dataset, at, piece, sizeof piece, &got, err))
			return false;
		at += got;
		FUZZ_CLAIM(at <= DICOM_N_DATASET_MAX + 4096, "a dataset beyond the limit");
	}
	return request->operation != DICOM_N_SET || err_set(err, ERR_NOT_FOUND, "there is no such step");
}

dicom_event_due event_next(void *, void *, const dicom_commitment_result **)
{
	return DICOM_EVENT_NONE;
}

void event_end(void *, void *, bool, uint16_t)
{
	FUZZ_CLAIM(false, "the end of an event that was not due");
}

/* What cannot be sent now is left out: nobody reads the answers until the end. */
void send_all(int fd, const std::string &bytes)
{
	int size = 4 << 20;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	(void)!send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
}

std::string receive_all(int fd)
{
	std::string all;
	char piece[4096];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof piece, MSG_DONTWAIT)) > 0)
		all.append(piece, static_cast<size_t>(n));
	/* Closed with something unread, which a socket pair tells as a reset. */
	FUZZ_CLAIM(n == 0 || errno == ECONNRESET, "the connection was not closed");
	return all;
}

/* Only what a provider may say: A-ASSOCIATE-AC, -RJ, P-DATA-TF, A-RELEASE-RP, A-ABORT. */
void check_answers(const std::string &all)
{
	for (size_t at = 0; at < all.size();) {
		const unsigned char *p = reinterpret_cast<const unsigned char *>(all.data()) + at;

		FUZZ_CLAIM(all.size() - at >= 6, "a cut PDU in the answer");
		FUZZ_CLAIM(p[0] >= 2 && p[0] <= 7 && p[0] != 5, "a PDU that no provider sends");
		at += 6 + (static_cast<size_t>(p[2]) << 24 | static_cast<size_t>(p[3]) << 16 |
		           static_cast<size_t>(p[4]) << 8 | p[5]);
		FUZZ_CLAIM(at <= all.size(), "a PDU longer than the answer");
	}
}

struct dicom_scp *provider()
{
	static struct dicom_scp scp;

	/* As dicom_init() does, without the codecs; and little is logged, since there are many inputs. */
	if (scp.settings.handlers.admit == nullptr) {
		log_init("fuzz", ERR_LOG_ERROR);
		dicom_log_init();
		dcmDisableGethostbyaddr.set(OFTrue);
		scp.settings.association_timeout_ms = scp.settings.dimse_timeout_ms = scp.settings.idle_timeout_ms =
		    2000;
		scp.settings.accept_unknown_sop_classes = true;
		scp.settings.handlers = {admit,     end,         echo,       store_begin, store_data,
		                         store_end, store_abort, normalized, event_next,  event_end};
	}
	return &scp;
}

std::string item(uint8_t kind, const std::string &body)
{
	std::string out = {static_cast<char>(kind), 0, static_cast<char>(body.size() >> 8),
	                   static_cast<char>(body.size())};

	return out + body;
}

std::string context(uint8_t id, const char *abstract, const char *syntax)
{
	return item(0x20, std::string{static_cast<char>(id), 0, 0, 0} + item(0x30, abstract) + item(0x40, syntax));
}

std::string pdu(uint8_t kind, const std::string &body)
{
	std::string out = {static_cast<char>(kind), 0};

	for (int shift = 24; shift >= 0; shift -= 8)
		out.push_back(static_cast<char>(body.size() >> shift & 0xff));
	return out + body;
}
} // namespace

void provider_serve(const std::string &bytes)
{
	counts seen;
	int pair[2];

	FUZZ_CLAIM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "no socket pair");
	send_all(pair[1], bytes);
	{
		scp_connection connection{};

		connection.scp = provider();
		connection.scp->settings.context = &seen;
		connection.fd = pair[0];
		scp_association_run(connection);
	}
	check_answers(receive_all(pair[1]));
	(void)close(pair[1]);
	FUZZ_CLAIM(seen.admitted == seen.ended, "admitted, and not ended once");
	FUZZ_CLAIM(seen.begun == seen.finished && !seen.is_inside, "an object without end");
}

std::string provider_request()
{
	std::string body = {0, 1, 0, 0};

	body += std::string("YINGQIAO        ") + std::string("FUZZ            ") + std::string(32, '\0');
	body += item(0x10, "1.2.840.10008.3.1.1.1");
	body += context(1, "1.2.840.10008.1.1", "1.2.840.10008.1.2");
	body += context(3, "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1");
	body += item(0x50, item(0x51, std::string{0, 0, 0x40, 0}) + item(0x52, "1.2.3") + item(0x55, "FUZZ"));
	return pdu(1, body);
}

std::string provider_data(uint8_t context_id, uint8_t flags, const std::string &value)
{
	std::string body;
	size_t length = value.size() + 2;

	for (int shift = 24; shift >= 0; shift -= 8)
		body.push_back(static_cast<char>(length >> shift & 0xff));
	body.push_back(static_cast<char>(context_id));
	body.push_back(static_cast<char>(flags));
	return pdu(4, body + value);
}
