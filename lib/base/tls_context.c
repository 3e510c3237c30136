/* What a connection is made with: our certificate, whom we trust, and how a peer's certificate is judged. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/tls_internal.h"

/*
 * RFC 9325 section 4.2, PS3.15 sections B.9 to B.12: AEAD with keys that are made for the connection. Of TLS 1.3 all are such.
 * DHE stands last: old devices that know no elliptic curves need it, and it costs most.
 */
static const char *const ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!aPSK:!aSRP";
static const unsigned char session_name[] = "yingqiao";

static bool has(const char *text)
{
	return text && *text;
}

/* With OpenSSL's own word for it. */
static bool unusable(struct err *err, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	err_set(err, ERR_INVALID, "cannot use %s: %s", what, reason ? reason : "it is no PEM of that kind");
	ERR_clear_error();
	return err_code(err, ERR_SOURCE_OPENSSL, (uint32_t)code);
}

/* A key under a password is refused rather than asked for on whatever terminal there is. */
static int no_password(char *out, int size, int is_writing, void *context)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)context;
	return -1;
}

/* ---- our certificate ------------------------------------------------------------------------------------------- */

/* The next certificate of a text; NULL: there is none. *out_ok: the text is none that ends in the middle of one. */
static X509 *next_certificate(BIO *pem, bool *out_ok)
{
	X509 *certificate = PEM_read_bio_X509(pem, NULL, no_password, NULL);

	*out_ok = certificate || ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (*out_ok)
		ERR_clear_error();
	return certificate;
}

static bool use_chain(SSL_CTX *ssl, const char *text, struct err *err)
{
	BIO *pem = BIO_new_mem_buf(text, -1);
	bool is_whole = true, ok = true;
	X509 *certificate;
	int count = 0;

	if (!pem)
		err_panic("out of memory");
	while (ok && (certificate = next_certificate(pem, &is_whole))) {
		ok = count++ == 0 ? SSL_CTX_use_certificate(ssl, certificate) == 1
		                  : SSL_CTX_add1_chain_cert(ssl, certificate) == 1;
		X509_free(certificate);
	}
	BIO_free(pem);
	return (ok && is_whole && count > 0) || unusable(err, "our certificate");
}

static bool use_key(SSL_CTX *ssl, const char *text, struct err *err)
{
	BIO *pem = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = pem ? PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(ssl, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(pem);
	return ok || unusable(err, "our private key");
}

static bool use_identity(SSL_CTX *ssl, const struct tls_identity *identity, struct err *err)
{
	if (!use_chain(ssl, identity->certificate_pem, err))
		return false;
	if (!has(identity->private_key_pem))
		return err_set(err, ERR_INVALID, "cannot use our certificate: its private key is missing");
	return use_key(ssl, identity->private_key_pem, err) &&
	       (SSL_CTX_check_private_key(ssl) == 1 || unusable(err, "our certificate"));
}

/* ---- whom we trust ----------------------------------------------------------------------------------------------- */

static bool trust(SSL_CTX *ssl, const char *text, struct err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ssl);
	BIO *pem = BIO_new_mem_buf(text, -1);
	bool is_whole = true, ok = true;
	X509 *certificate;
	int count = 0;

	if (!pem)
		err_panic("out of memory");
	while (ok && (certificate = next_certificate(pem, &is_whole))) {
		ok = X509_STORE_add_cert(store, certificate) == 1;
		count++;
		X509_free(certificate);
	}
	BIO_free(pem);
	return (ok && is_whole && count > 0) || unusable(err, "the certificates that are to be trusted");
}

static bool is_pinned(X509_STORE_CTX *store, X509 *leaf)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(X509_STORE_CTX_get0_store(store));

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		X509 *one = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));

		if (one && X509_cmp(one, leaf) == 0)
			return true;
	}
	return false;
}

/*
 * The clock is ours, which tests may move. The server takes every certificate whose key the peer holds, and remembers what it thinks of it: a
 * refusal has words only once it is known who calls.
 */
int tls_judge(X509_STORE_CTX *store, void *unused)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(store);
	X509 *leaf = X509_STORE_CTX_get0_cert(store);
	struct tls *tls = SSL_get_app_data(ssl);

	(void)unused;
	X509_VERIFY_PARAM_set_time(parameters, (time_t)(clock_wall_us() / 1000000));
	tls->has_shown = leaf && certificate_describe(leaf, &tls->shown);
	if (leaf && is_pinned(store, leaf)) {
		X509_VERIFY_PARAM_set1_host(parameters, NULL, 0);
		X509_VERIFY_PARAM_set1_ip(parameters, NULL, 0);
	}
	tls->is_trusted = X509_verify_cert(store) == 1;
	ERR_clear_error();
	if (tls->is_trusted || tls->is_client)
		return tls->is_trusted;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

/* ---- contexts ------------------------------------------------------------------------------------------------------ */

/* The client asks itself which certificate to show: a sign that the server wants one. */
static int note_asked(SSL *ssl, void *unused)
{
	struct tls *tls = SSL_get_app_data(ssl);

	(void)unused;
	tls->was_asked = true;
	return 1;
}

static void set_rules(SSL_CTX *ssl)
{
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Without AUTO_RETRY each record comes back here, so that time-outs hold whatever the peer sends. */
	SSL_CTX_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                          SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_dh_auto(ssl, 1);
	SSL_CTX_set_default_passwd_cb(ssl, no_password);
	SSL_CTX_set_cert_verify_callback(ssl, tls_judge, NULL);
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
}

static SSL_CTX *new_context(const SSL_METHOD *method)
{
	SSL_CTX *ssl = SSL_CTX_new(method);

	if (!ssl || SSL_CTX_set_cipher_list(ssl, ciphers) != 1 ||
	    SSL_CTX_set_session_id_context(ssl, session_name, sizeof session_name - 1) != 1)
		err_panic("out of memory");
	set_rules(ssl);
	return ssl;
}

/* Takes ssl. */
static bool finish(SSL_CTX *ssl, bool ok, bool has_certificate, struct tls_context **out)
{
	struct tls_context *context;

	if (!ok) {
		SSL_CTX_free(ssl);
		return false;
	}
	context = calloc(1, sizeof *context);
	if (!context)
		err_panic("out of memory");
	*context = (struct tls_context){ssl, has_certificate};
	*out = context;
	return true;
}

bool tls_context_server(const struct tls_identity *identity, bool asks, struct tls_context **out, struct err *err)
{
	SSL_CTX *ssl;

	if (!has(identity->certificate_pem))
		return err_set(err, ERR_INVALID, "cannot use our certificate: there is none");
	ssl = new_context(TLS_server_method());
	SSL_CTX_set_verify(ssl, asks ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	return finish(ssl,
	              use_identity(ssl, identity, err) &&
	                  (!has(identity->trust_pem) || trust(ssl, identity->trust_pem, err)),
	              true, out);
}

bool tls_context_client(const struct tls_identity *identity, struct tls_context **out, struct err *err)
{
	SSL_CTX *ssl = new_context(TLS_client_method());
	bool is_known = has(identity->certificate_pem), ok;

	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_cb(ssl, note_asked, NULL);
	ok = has(identity->trust_pem)
	         ? trust(ssl, identity->trust_pem, err)
	         : SSL_CTX_set_default_verify_paths(ssl) == 1 || unusable(err, "the authorities of the system");
	return finish(ssl, ok && (!is_known || use_identity(ssl, identity, err)), is_known, out);
}

void tls_context_free(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	free(context);
}
