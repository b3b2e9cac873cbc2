/* SPDX-License-Identifier: Apache-2.0 */
/* TLS probes on OpenSSL 3.
 *
 * What costs memory is switched off: session cache, tickets, the buffers of idle sessions. The
 * trust store is OpenSSL's default one (SSL_CERT_FILE and SSL_CERT_DIR are honoured); its directory
 * is looked into when a chain needs it, so a certificate authority added later is found without a
 * restart.
 *
 * The verify callback only takes notes: the end of the peer's certificate is wanted most when the
 * verification fails, which is when OpenSSL keeps no certificate that we could ask afterwards. */
#include "probe/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "core/model.h"
#include "probe/result.h"

struct tls_store {
	pthread_mutex_t lock;
	SSL_CTX *ctx[2]; /* [insecure], made when first needed */
};

struct tls_session {
	SSL *ssl;
	wall_ns not_after;
	char name[TLS_NAME_LEN]; /* what is verified; for messages */
};

/* ---- certificates */

static wall_ns not_after_of(const X509 *cert)
{
	struct tm tm;

	if (!cert || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) != 1)
		return 0;
	return (wall_ns)timegm(&tm) * NS_PER_S;
}

static int verify_note(int ok, X509_STORE_CTX *ctx)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_session *s = SSL_get_app_data(ssl);
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);

	/* The peer's own certificate comes first in what it sent, however far the chain was built.
	 */
	if (s && !s->not_after && sk_X509_num(sent) > 0)
		s->not_after = not_after_of(sk_X509_value(sent, 0));
	return ok;
}

wall_ns tls_cert_not_after(const struct tls_session *s)
{
	return s->not_after;
}

/* ---- settings */

/* OpenSSL passes over a trust store that it cannot open. One that is not there trusts nobody; but
 * one that our own shortage hides would go on trusting nobody when that is over. */
static bool store_hidden(void)
{
	const char *path = getenv(X509_get_default_cert_file_env());
	int fd = open(path ? path : X509_get_default_cert_file(), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM;
	close(fd);
	return false;
}

static SSL_CTX *ctx_new(bool insecure)
{
	SSL_CTX *ctx = !insecure && store_hidden() ? NULL : SSL_CTX_new(TLS_client_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* or each record takes two reads: 21 a probe, not 6 */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	/* A connection that ends without close_notify ends as a plain one would: whether the
	 * response is whole is for its framing to say. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	if (insecure) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, verify_note);
	} else {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, verify_note);
		(void)SSL_CTX_set_default_verify_paths(
			ctx); /* none: every chain fails, and says so */
	}
	return ctx;
}

struct tls_store *tls_store_new(void)
{
	struct tls_store *s = XNEW(struct tls_store);

	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void tls_store_free(struct tls_store *s)
{
	if (!s)
		return;
	SSL_CTX_free(s->ctx[0]);
	SSL_CTX_free(s->ctx[1]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static SSL_CTX *store_ctx(struct tls_store *s, bool insecure)
{
	SSL_CTX *ctx;

	pthread_mutex_lock(&s->lock);
	if (!s->ctx[insecure])
		s->ctx[insecure] = ctx_new(insecure);
	ctx = s->ctx[insecure];
	pthread_mutex_unlock(&s->lock);
	return ctx;
}

/* ---- names */

/* The host of "name", "name:port", "[v6]" or "[v6]:port" when it is a name. */
static void host_name(const char *host, char buf[static TLS_NAME_LEN])
{
	struct addr ignored;
	size_t n = strcspn(host, ":");

	buf[0] = '\0';
	if (host[0] == '[' || n == 0 || n >= TLS_NAME_LEN)
		return;
	memcpy(buf, host, n);
	buf[n] = '\0';
	if (addr_parse(buf, &ignored) == 0)
		buf[0] = '\0';
}

const char *tls_name(const struct healthcheck *check, char buf[static TLS_NAME_LEN])
{
	size_t n;

	buf[0] = '\0';
	if (check->server_name && check->server_name[0])
		snprintf(buf, TLS_NAME_LEN, "%s", check->server_name);
	else if (check->type == HC_HTTPS && check->host)
		host_name(check->host, buf);
	n = strlen(buf);
	if (n > 1 && buf[n - 1] == '.') /* RFC 6066: no trailing dot in SNI, nor in certificates */
		buf[n - 1] = '\0';
	return buf;
}

static bool address_set(SSL *ssl, const struct addr *a)
{
	return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), a->b,
					 a->family == ADDR_IP4 ? 4 : 16) == 1;
}

static bool name_set(struct tls_session *s, const struct healthcheck *check,
		     const struct addr *addr)
{
	struct addr literal;

	tls_name(check, s->name);
	if (!s->name[0]) {
		addr_format(addr, s->name);
		return address_set(s->ssl, addr);
	}
	if (addr_parse(s->name, &literal) == 0)
		return address_set(s->ssl, &literal);
	/* Clients go by the alternative names alone (RFC 9525, 2), so a common name is none. */
	SSL_set_hostflags(s->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
					  X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(s->ssl, s->name) == 1 &&
	       SSL_set_tlsext_host_name(s->ssl, s->name) == 1;
}

/* ---- reasons */

static void reason(const struct tls_session *s, unsigned long e, char *why, size_t size)
{
	long verified = SSL_get_verify_result(s->ssl);
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	if (ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK) {
		bool named = verified == X509_V_ERR_HOSTNAME_MISMATCH ||
			     verified == X509_V_ERR_IP_ADDRESS_MISMATCH;

		snprintf(why, size, "certificate verify failed: %s%s%s",
			 X509_verify_cert_error_string(verified), named ? ", wanted " : "",
			 named ? s->name : "");
	} else if (ERR_GET_REASON(e) == SSL_R_WRONG_VERSION_NUMBER) {
		snprintf(why, size, "wrong version number (does it speak TLS?)");
	} else if (text) {
		snprintf(why, size, "%s", text);
	} else {
		snprintf(why, size, "error %lx", e);
	}
}

struct tls_session *tls_session_new(struct tls_store *store, int fd,
				    const struct healthcheck *check, const struct addr *addr,
				    char *why, size_t size)
{
	struct tls_session *s = XNEW(struct tls_session);
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = store_ctx(store, check->insecure_skip_verify);
	s->ssl = ctx ? SSL_new(ctx) : NULL;
	if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1 || SSL_set_app_data(s->ssl, s) != 1 ||
	    !name_set(s, check, addr)) {
		const char *text = ERR_reason_error_string(ERR_peek_error());

		snprintf(why, size, "%s", text ? text : "cannot set up a session");
		ERR_clear_error();
		tls_session_free(s);
		return NULL;
	}
	/* One that is kept gives its buffers back while it is idle; for the others that would only
	 * mean to allocate them for each record anew. */
	if (check->reuse_connection)
		SSL_set_mode(s->ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_connect_state(s->ssl);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (!s)
		return;
	SSL_free(s->ssl);
	free(s);
}

/* ---- bytes */

/* A shortage of ours among the queue's errors (a certificate authority's file that could not be
 * opened, no memory) as an errno; else 0. Empties the queue. */
static int shortage(void)
{
	int found = 0;

	for (unsigned long e = ERR_get_error(); e; e = ERR_get_error()) {
		if (ERR_SYSTEM_ERROR(e) && result_errno_is_local(ERR_GET_REASON(e)))
			found = ERR_GET_REASON(e);
		else if (!ERR_SYSTEM_ERROR(e) && ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			found = ENOMEM;
	}
	return found;
}

/* What a call that returned `r` <= 0 means; `saved` is errno right after it. */
static int outcome(struct tls_session *s, int r, int saved, char *why, size_t size)
{
	int error = SSL_get_error(s->ssl, r), ours;
	unsigned long first;

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	first = ERR_peek_error();
	ours = shortage();
	if (ours || error == SSL_ERROR_SYSCALL)
		return ours ? -ours : -saved;
	reason(s, first, why, size);
	return -EPROTO;
}

int tls_handshake(struct tls_session *s, char *why, size_t size)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(s->ssl);
	if (r != 1)
		return outcome(s, r, errno, why, size);
	if (!s->not_after)
		s->not_after = not_after_of(SSL_get0_peer_certificate(s->ssl));
	return 1;
}

ssize_t tls_read(struct tls_session *s, char *buf, size_t n, char *why, size_t size)
{
	size_t got;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(s->ssl, buf, n, &got);
	return r == 1 ? (ssize_t)got : outcome(s, r, errno, why, size);
}

ssize_t tls_write(struct tls_session *s, const char *buf, size_t n, char *why, size_t size)
{
	size_t sent;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(s->ssl, buf, n, &sent);
	return r == 1 ? (ssize_t)sent : outcome(s, r, errno, why, size);
}
