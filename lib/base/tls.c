#include "lib/base/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/tls_internal.h"

enum {
	ALERTS = 1000, /* OpenSSL's reason for an alert of the peer is its number (RFC 8446 section 6) and this */
	UNREAD_MAX = 64 * 1024, /* of TLS without data within: nobody honest comes near */
	WORDS_SIZE = 160
};

/* ---- the socket ------------------------------------------------------------------------------------------------- */

static int socket_write(BIO *bio, const char *bytes, int length)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t n = send(tls->fd, bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT | (tls->is_more ? MSG_MORE : 0));

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static int socket_read(BIO *bio, char *out, int size)
{
	struct tls *tls = BIO_get_data(bio);
	ssize_t n = recv(tls->fd, out, (size_t)size, MSG_DONTWAIT);

	BIO_clear_retry_flags(bio);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (n > 0)
		tls->unread += (size_t)n;
	tls->has_ended |= n == 0;
	return (int)n;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
	const struct tls *tls = BIO_get_data(bio);

	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || (command == BIO_CTRL_EOF && tls->has_ended);
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (!method || !BIO_meth_set_write(method, socket_write) || !BIO_meth_set_read(method, socket_read) ||
	    !BIO_meth_set_ctrl(method, socket_control))
		err_panic("out of memory");
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static struct tls *new_connection(struct tls_context *context, int fd)
{
	struct tls *tls = calloc(1, sizeof *tls);
	BIO *bio;

	(void)pthread_once(&method_once, make_method);
	bio = BIO_new(method);
	if (!tls || !bio)
		err_panic("out of memory");
	tls->fd = fd;
	tls->has_own = context->has_certificate;
	tls->ssl = SSL_new(context->ssl);
	if (!tls->ssl)
		err_panic("out of memory");
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	return tls;
}

struct tls *tls_new_server(struct tls_context *context, int fd)
{
	struct tls *tls = new_connection(context, fd);

	SSL_set_accept_state(tls->ssl);
	return tls;
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

struct tls *tls_new_client(struct tls_context *context, int fd, const char *host)
{
	struct tls *tls = new_connection(context, fd);
	X509_VERIFY_PARAM *parameters = SSL_get0_param(tls->ssl);
	bool ok;

	tls->is_client = true;
	(void)text_copy(tls->host, sizeof tls->host, host);
	SSL_set_connect_state(tls->ssl);
	if (!*host)
		ok = false; /* it would fit every certificate */
	else if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1;
	else
		ok = X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1 &&
		     SSL_set_tlsext_host_name(tls->ssl, host) == 1;
	if (!ok)
		err_panic("a host that no certificate can name");
	X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	if (tls->is_shaken && !tls->has_ended && !tls->fault[0])
		(void)SSL_shutdown(tls->ssl);
	SSL_free(tls->ssl);
	ERR_clear_error();
	free(tls);
}

/* ---- words --------------------------------------------------------------------------------------------------------- */

static void say(struct tls *tls, const char *text)
{
	if (!tls->fault[0])
		(void)text_copy(tls->fault, sizeof tls->fault, text);
}

/* What the peer says of us (RFC 8446 section 6.2). NULL: nothing that helps. */
static const char *alert_words(int alert)
{
	static const struct {
		int alert;
		const char *words;
	} rows[] = {
	    {SSL_AD_HANDSHAKE_FAILURE, "it finds no parameters that both accept, or wants a certificate of ours"},
	    {SSL_AD_INSUFFICIENT_SECURITY, "it finds our parameters too weak"},
	    {SSL_AD_PROTOCOL_VERSION, "it does not speak TLS 1.2 or later"},
	    {SSL_AD_CERTIFICATE_REQUIRED, "it wants a certificate of ours"},
	    {SSL_AD_BAD_CERTIFICATE, "it does not accept our certificate"},
	    {SSL_AD_UNSUPPORTED_CERTIFICATE, "it does not accept our kind of certificate"},
	    {SSL_AD_CERTIFICATE_REVOKED, "it says that our certificate is revoked"},
	    {SSL_AD_CERTIFICATE_EXPIRED, "it says that our certificate has ended or not begun"},
	    {SSL_AD_CERTIFICATE_UNKNOWN, "it does not accept our certificate"},
	    {SSL_AD_UNKNOWN_CA, "it does not know the authority of our certificate"},
	    {SSL_AD_ACCESS_DENIED, "it does not let our certificate in"},
	    {SSL_AD_UNRECOGNIZED_NAME, "it is not the host that we ask for"},
	    {SSL_AD_NO_RENEGOTIATION, "it wants other keys amid a connection, which is not done"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].alert == alert)
			return rows[i].words;
	return NULL;
}

/* What OpenSSL finds of the peer. NULL: nothing that helps. */
static const char *reason_words(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_DATA_LENGTH_TOO_LONG: /* as OpenSSL 3.5 says of the same */
	case SSL_R_UNEXPECTED_MESSAGE:
	case SSL_R_BAD_RECORD_TYPE:
		return "it does not speak TLS there";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
		return "it does not speak TLS 1.2 or later";
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
		return "it offers no parameters that we accept";
	default:
		return NULL;
	}
}

static void day_of(int64_t wall_us, char out[CLOCK_TEXT_MAX])
{
	clock_format(wall_us, out);
	out[strcspn(out, "T ")] = '\0';
}

/* The certificate that we did not take. */
static void say_verdict(struct tls *tls, long verdict)
{
	const struct certificate *shown = &tls->shown;
	char text[TLS_FAULT_SIZE], day[CLOCK_TEXT_MAX];

	switch (verdict) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		day_of(shown->until_us, day);
		if (shown->until_us > clock_wall_us())
			snprintf(text, sizeof text, "the certificate of its authority has ended");
		else
			snprintf(text, sizeof text, "its certificate ended on %s", day);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		day_of(shown->from_us, day);
		snprintf(text, sizeof text, "its certificate begins on %s: is a clock wrong?", day);
		break;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(text, sizeof text, "its certificate is not for %.60s but for %.120s", tls->host,
		         shown->names[0] ? shown->names : "no host at all");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		snprintf(text, sizeof text, "its certificate is of nobody whom we trust: %.120s", shown->subject);
		break;
	default:
		snprintf(text, sizeof text, "its certificate cannot be used: %.120s",
		         X509_verify_cert_error_string(verdict));
		break;
	}
	say(tls, text);
}

static void say_failure(struct tls *tls)
{
	unsigned long code = ERR_peek_error();
	int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
	const char *words = reason > ALERTS ? alert_words(reason - ALERTS) : reason_words(reason);
	char text[WORDS_SIZE];

	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		say_verdict(tls, SSL_get_verify_result(tls->ssl));
	} else if (words) {
		say(tls, words);
	} else {
		words = ERR_reason_error_string(code);
		snprintf(text, sizeof text, "%.100s", words ? words : "it broke the protocol");
		say(tls, text);
	}
}

/* With TLS 1.3 a server that refuses our certificate does so when we believe that all is well, and its alert may get lost. */
static void say_end(struct tls *tls)
{
	if (!tls->is_shaken)
		say(tls, "it closed the connection during the handshake");
	else if (tls->is_client && tls->was_asked && !tls->has_read)
		say(tls,
		    tls->has_own
		        ? "it closed the connection behind the handshake; perhaps it does not accept our certificate"
		        : "it closed the connection behind the handshake; it wants a certificate of ours");
	else
		say(tls, "it closed the connection");
}

/* ---- turns ----------------------------------------------------------------------------------------------------------- */

/* What a call that did not succeed has come to. */
static enum tls_turn turn_of(struct tls *tls, int answer)
{
	int error = SSL_get_error(tls->ssl, answer);
	unsigned long code = ERR_peek_error();
	enum tls_turn turn = TLS_FAILED;

	if (error == SSL_ERROR_WANT_READ)
		turn = TLS_WANTS_READ;
	else if (error == SSL_ERROR_WANT_WRITE)
		turn = TLS_WANTS_WRITE;
	else if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL ||
	         ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		turn = TLS_ENDED;
	if (turn == TLS_ENDED) {
		tls->has_ended = true;
		say_end(tls);
	} else if (turn == TLS_FAILED) {
		say_failure(tls);
	}
	ERR_clear_error();
	return turn;
}

enum tls_turn tls_handshake(struct tls *tls)
{
	int answer;

	ERR_clear_error();
	answer = SSL_do_handshake(tls->ssl);
	if (answer != 1)
		return turn_of(tls, answer);
	tls->is_shaken = true;
	tls->unread = 0;
	return TLS_DONE;
}

enum tls_turn tls_read(struct tls *tls, void *out, size_t size, size_t *out_length)
{
	int answer;

	ERR_clear_error();
	answer = SSL_read_ex(tls->ssl, out, size, out_length);
	if (answer == 1) {
		tls->has_read = true;
		tls->unread = 0;
		return TLS_DONE;
	}
	if (tls->unread > UNREAD_MAX) {
		say(tls, "it sends TLS without anything inside");
		ERR_clear_error();
		return TLS_FAILED;
	}
	return turn_of(tls, answer);
}

enum tls_turn tls_write(struct tls *tls, const void *bytes, size_t length, bool is_more, size_t *out_length)
{
	char ignored;
	size_t n;
	int answer;

	ERR_clear_error();
	tls->is_more = is_more;
	answer = SSL_write_ex(tls->ssl, bytes, length, out_length);
	tls->is_more = false;
	if (answer == 1)
		return TLS_DONE;
	if (SSL_get_error(tls->ssl, answer) != SSL_ERROR_SYSCALL)
		return turn_of(tls, answer);
	/* Who hung up may have said why, which lies unread. */
	if (tls_read(tls, &ignored, 1, &n) == TLS_FAILED)
		return TLS_FAILED;
	say_end(tls);
	return TLS_ENDED;
}

bool tls_has_pending(const struct tls *tls)
{
	return SSL_pending(tls->ssl) > 0;
}

bool tls_is_amid(const struct tls *tls)
{
	return SSL_has_pending(tls->ssl) == 1;
}

const char *tls_fault(const struct tls *tls)
{
	return tls->fault;
}

const char *tls_version(const struct tls *tls)
{
	return SSL_get_version(tls->ssl);
}

void tls_peer(const struct tls *tls, struct tls_peer *out)
{
	int64_t now_us = clock_wall_us();

	*out = (struct tls_peer){.has_certificate = tls->has_shown};
	if (!tls->has_shown)
		return;
	out->certificate = tls->shown;
	out->is_trusted = tls->is_trusted;
	out->is_current = tls->shown.from_us <= now_us && now_us <= tls->shown.until_us;
}
