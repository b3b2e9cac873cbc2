/* SPDX-License-Identifier: Apache-2.0 */
/* https and tcp with TLS, against OpenSSL servers with certificates made on the spot. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "harness.h"
#include "probe/tls.h"

#define DAY (24 * 3600)

/* ---- certificates */

struct cert {
	EVP_PKEY *key;
	X509 *x;
};

static void extension_add(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/* `ca` NULL: self-signed authority. `names`: "DNS:x,IP:y". Valid from a day ago for `days`. */
static struct cert cert_new(const struct cert *ca, const char *cn, const char *names, long days)
{
	struct cert c = { .key = EVP_EC_gen("P-256"), .x = X509_new() };
	X509_NAME *n = X509_get_subject_name(c.x);
	static long serial = 1;

	assert_non_null(c.key);
	X509_set_version(c.x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(c.x), -10 * DAY);
	X509_gmtime_adj(X509_getm_notAfter(c.x), days * DAY);
	X509_set_pubkey(c.x, c.key);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c.x, ca ? X509_get_subject_name(ca->x) : n);
	extension_add(c.x, ca ? ca->x : c.x, NID_basic_constraints,
		      ca ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		extension_add(c.x, ca ? ca->x : c.x, NID_subject_alt_name, names);
	assert_true(X509_sign(c.x, ca ? ca->key : c.key, EVP_sha256()) > 0);
	return c;
}

static void cert_free(struct cert *c)
{
	X509_free(c->x);
	EVP_PKEY_free(c->key);
}

/* ---- servers */

struct tls_server {
	SSL_CTX *ctx;
	char sni[256]; /* of the last connection */
};

static int note_sni(SSL *ssl, int *alert, void *arg)
{
	struct tls_server *t = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	snprintf(t->sni, sizeof t->sni, "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static struct tls_server tls_server_make(const struct cert *c)
{
	struct tls_server t = { .ctx = SSL_CTX_new(TLS_server_method()) };

	assert_int_equal(SSL_CTX_use_certificate(t.ctx, c->x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(t.ctx, c->key), 1);
	return t;
}

static void serve_tls(struct server *s, int fd, int nth)
{
	struct tls_server *t = s->ctx;
	SSL *ssl = SSL_new(t->ctx);
	char buf[4096];
	size_t n = 0;

	SSL_CTX_set_tlsext_servername_callback(t->ctx, note_sni);
	SSL_CTX_set_tlsext_servername_arg(t->ctx, t);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		for (;;) {
			int r = SSL_read(ssl, buf + n, (int)(sizeof buf - n - 1));

			if (r <= 0)
				break;
			n += (size_t)r;
			buf[n] = '\0';
			if (!strstr(buf, "\r\n\r\n"))
				continue;
			atomic_fetch_add(&s->requests, 1);
			if (SSL_write(ssl, s->answer, (int)strlen(s->answer)) <= 0)
				break;
			n = 0;
			if (!strstr(buf, "keep-alive"))
				break;
		}
	}
	SSL_free(ssl);
}

/* ---- the world: an authority that the system trusts */

static struct cert authority;
static char ca_file[64];
static struct rig *rig;

static int setup(void **state)
{
	FILE *f;
	int fd;

	(void)signal(SIGPIPE, SIG_IGN); /* the servers' own: OpenSSL writes without MSG_NOSIGNAL */
	authority = cert_new(NULL, "test authority", NULL, 1000);
	snprintf(ca_file, sizeof ca_file, "/tmp/maglev-test-ca-XXXXXX");
	fd = mkstemp(ca_file);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	assert_int_equal(PEM_write_X509(f, authority.x), 1);
	(void)fclose(f);
	setenv("SSL_CERT_FILE", ca_file, 1);
	rig = rig_new(1);
	return 0;
}

static int teardown(void **state)
{
	rig_free(rig);
	(void)unlink(ca_file);
	cert_free(&authority);
	return 0;
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

struct tls_case {
	const char *names;
	long days;
	bool self_signed;
	/* the check */
	const char *server_name, *host;
	bool insecure;
	int max_version;
	/* the verdict */
	enum code code;
	const char *detail, *sni;
};

static const struct tls_case cases[] = {
	{ "IP:127.0.0.1", 90, false, NULL, NULL, false, 0, CODE_L7OK, "HTTP status 200", "" },
	{ "DNS:www.example.net", 90, false, "www.example.net", NULL, false, 0, CODE_L7OK, "",
	  "www.example.net" },
	{ "DNS:www.example.net", 90, false, NULL, "www.example.net", false, 0, CODE_L7OK, "",
	  "www.example.net" },
	{ "DNS:www.example.net", 90, false, NULL, "www.example.net:8443", false, 0, CODE_L7OK, "",
	  "www.example.net" },
	{ "DNS:*.example.net", 90, false, "www.example.net", NULL, false, 0, CODE_L7OK, "", NULL },
	{ "DNS:www.example.net", 90, false, "www.example.net.", NULL, false, 0, CODE_L7OK, "",
	  "www.example.net" },
	{ "IP:192.0.2.9", 90, false, "192.0.2.9", NULL, false, 0, CODE_L7OK, "", "" },
	{ "DNS:www.example.net", 90, false, "www.example.net", NULL, false, TLS1_2_VERSION,
	  CODE_L7OK, "", NULL },
	{ "DNS:www.example.net", 90, false, "api.example.net", NULL, false, 0, CODE_L6RSP,
	  "TLS: certificate verify failed: hostname mismatch, wanted api.example.net", NULL },
	/* "x" is the common name. */
	{ NULL, 90, false, "x", NULL, false, 0, CODE_L6RSP, "hostname mismatch, wanted x", "x" },
	{ "DNS:www.example.net", 90, false, NULL, NULL, false, 0, CODE_L6RSP,
	  "IP address mismatch, wanted 127.0.0.1", "" },
	{ "DNS:www.example.net", 90, false, NULL, "192.0.2.1", false, 0, CODE_L6RSP,
	  "IP address mismatch, wanted 127.0.0.1", "" },
	{ "DNS:www.example.net", -5, false, "www.example.net", NULL, false, 0, CODE_L6RSP,
	  "certificate has expired", NULL },
	{ "DNS:www.example.net", 90, true, "www.example.net", NULL, false, 0, CODE_L6RSP,
	  "self-signed certificate", NULL },
	{ "DNS:www.example.net", 90, true, "other", NULL, true, 0, CODE_L7OK, "", "other" },
	{ "DNS:www.example.net", -5, false, NULL, NULL, true, 0, CODE_L7OK, "", NULL },
	{ "DNS:www.example.net", 90, false, "www.example.net", NULL, false, TLS1_1_VERSION,
	  CODE_L6RSP, "TLS: ", NULL },
};

static void check_case(const struct tls_case *k, size_t i)
{
	struct cert c = cert_new(k->self_signed ? NULL : &authority, "x", k->names, k->days);
	struct tls_server t = tls_server_make(&c);
	struct server *s = server_new("127.0.0.1", serve_tls);
	struct healthcheck *h = check_new(HC_HTTPS, s->port);
	wall_ns ends = loop_wall() + k->days * DAY * NS_PER_S;
	struct probe_result r;

	s->ctx = &t;
	s->answer = OK_ANSWER;
	if (k->max_version) {
		SSL_CTX_set_security_level(t.ctx, 0);
		SSL_CTX_set_min_proto_version(t.ctx, 0);
		SSL_CTX_set_max_proto_version(t.ctx, k->max_version);
	}
	h->server_name = k->server_name ? xstrdup(k->server_name) : NULL;
	h->host = k->host ? xstrdup(k->host) : NULL;
	h->insecure_skip_verify = k->insecure;
	r = rig_probe_server(rig, s, h);
	if (r.code != k->code || !strstr(r.detail, k->detail))
		fail_msg("case %zu: %s %s", i, code_name(r.code), r.detail);
	if (k->max_version != TLS1_1_VERSION)
		assert_true(llabs(r.cert_not_after - ends) < 600 * NS_PER_S);
	server_free(s);
	if (k->sni)
		assert_string_equal(t.sni, k->sni);
	SSL_CTX_free(t.ctx);
	cert_free(&c);
}

static void test_https(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_case(&cases[i], i);
}

static void test_https_regexp_and_status(void **state)
{
	struct cert c = cert_new(&authority, "x", "IP:127.0.0.1", 90);
	struct tls_server t = tls_server_make(&c);
	struct server *s = server_new("127.0.0.1", serve_tls);
	struct healthcheck *h = check_new(HC_HTTPS, s->port);

	s->ctx = &t;
	s->answer = "HTTP/1.1 200 OK\r\n\r\nuntil close, without close_notify";
	h->regexp = xstrdup("without");
	assert_code(rig_probe_server(rig, s, h), CODE_L7OK);
	s->answer = "HTTP/1.1 500 No\r\n\r\n";
	assert_code(rig_probe_server(rig, s, check_new(HC_HTTPS, s->port)), CODE_L7STS);
	s->answer = "junk";
	assert_code(rig_probe_server(rig, s, check_new(HC_HTTPS, s->port)), CODE_L7RSP);
	server_free(s);
	SSL_CTX_free(t.ctx);
	cert_free(&c);
}

static void test_https_reuse(void **state)
{
	struct cert c = cert_new(&authority, "x", "IP:127.0.0.1", 90);
	struct tls_server t = tls_server_make(&c);
	struct server *s = server_new("127.0.0.1", serve_tls);
	struct healthcheck *h = check_new(HC_HTTPS, s->port);
	size_t from = rig->n;

	s->ctx = &t;
	s->answer = OK_ANSWER;
	h->reuse_connection = true;
	h->interval = h->fast_interval = 10 * NS_PER_MS;
	rig_put(rig, 1, &s->addr, h);
	rig_wait(rig, from + 10);
	for (size_t i = from; i < from + 10; i++)
		assert_code(rig->r[i], CODE_L7OK);
	assert_int_equal(s->connections, 1);
	probe_engine_remove(rig->e, 1);
	healthcheck_unref(h);
	server_free(s);
	SSL_CTX_free(t.ctx);
	cert_free(&c);
}

static void test_tcp_with_tls(void **state)
{
	struct cert c = cert_new(&authority, "x", "DNS:db.example.net", 90);
	struct tls_server t = tls_server_make(&c);
	struct server *s = server_new("127.0.0.1", serve_tls);
	struct healthcheck *h = check_new(HC_TCP, s->port);
	struct probe_result r;

	s->ctx = &t;
	s->answer = OK_ANSWER;
	h->ssl = true;
	h->server_name = xstrdup("db.example.net");
	r = rig_probe_server(rig, s, h);
	assert_code(r, CODE_L6OK);
	assert_true(r.cert_not_after > loop_wall());
	h = check_new(HC_TCP, s->port);
	h->ssl = true;
	assert_code(rig_probe_server(rig, s, h), CODE_L6RSP);
	server_free(s);
	SSL_CTX_free(t.ctx);
	cert_free(&c);
}

/* ---- not TLS at all */

static struct probe_result tls_to(server_fn *fn, const char *answer, dur_ns timeout)
{
	struct server *s = server_new("127.0.0.1", fn);
	struct healthcheck *h = check_new(HC_HTTPS, s->port);
	struct probe_result r;

	s->answer = answer;
	h->timeout = timeout;
	r = rig_probe_server(rig, s, h);
	server_free(s);
	return r;
}

static void serve_greeting(struct server *s, int fd, int nth)
{
	server_send_z(fd, s->answer);
	server_hold(s, fd);
}

static void serve_hangup(struct server *s, int fd, int nth)
{
	char byte;

	(void)!read(fd, &byte, 1);
	if (s->answer)
		server_reset(fd);
	else /* take it all, or closing would be a reset as well */
		while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
			continue;
}

static void test_not_tls(void **state)
{
	struct probe_result r = tls_to(serve_greeting, "HTTP/1.1 400 Bad Request\r\n\r\n",
				       30 * NS_PER_S);

	assert_code(r, CODE_L6RSP);
	assert_detail(r, "wrong version number");
	assert_code(tls_to(serve_greeting, "SSH-2.0-x\r\n", 30 * NS_PER_S), CODE_L6RSP);
	r = tls_to(serve_hangup, NULL, 30 * NS_PER_S);
	assert_code(r, CODE_L6RSP);
	assert_detail(r, "closed during the handshake");
	r = tls_to(serve_hangup, "reset", 30 * NS_PER_S);
	assert_code(r, CODE_L4CON);
	assert_detail(r, "TLS handshake: Connection reset by peer");
	r = tls_to(serve_silence, NULL, 300 * NS_PER_MS);
	assert_code(r, CODE_L6TOUT);
	assert_int_equal(r.cert_not_after, 0);
}

/* Records, but of what? */
static void test_tls_junk(void **state)
{
	struct probe_result r;

	/* a handshake record of an unknown message; an alert; lengths that are out of bounds */
	r = tls_to(serve_greeting, "\x16\x03\x03\x01\x01junk that is no ServerHello",
		   300 * NS_PER_MS);
	assert_true(r.code == CODE_L6RSP || r.code == CODE_L6TOUT);
	r = tls_to(serve_greeting, "\x15\x03\x03\x01\x01", 300 * NS_PER_MS);
	assert_true(r.code == CODE_L6RSP || r.code == CODE_L6TOUT);
	r = tls_to(serve_greeting, "\x16\x03\x03\xff\xffmore than a record holds", 30 * NS_PER_S);
	assert_code(r, CODE_L6RSP);
	r = tls_to(serve_greeting,
		   "\x17\x03\x03\x01\x05"
		   "data before any handshake",
		   300 * NS_PER_MS);
	assert_true(r.code == CODE_L6RSP || r.code == CODE_L6TOUT);
}

/* One byte now and then: the deadline is one over all, however alive the peer seems. */
static void serve_drip(struct server *s, int fd, int nth)
{
	/* a record that announces 16 KB */
	static const char header[] = "\x16\x03\x03\x3f\xff\x02";

	server_send(fd, header, sizeof header - 1);
	while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
		(void)usleep(20000); /* slow on purpose: the peer's deadline ends this */
}

static void test_dripping_handshake(void **state)
{
	struct probe_result r = tls_to(serve_drip, NULL, 300 * NS_PER_MS);

	assert_code(r, CODE_L6TOUT);
	assert_string_equal(r.detail, "TLS handshake not done within 300ms");
	assert_true(r.duration >= 300 * NS_PER_MS);
}

static void test_alert(void **state)
{
	struct cert c = cert_new(&authority, "x", "IP:127.0.0.1", 90);
	struct tls_server t = tls_server_make(&c);
	struct server *s = server_new("127.0.0.1", serve_tls);
	struct probe_result r;

	/* a client certificate is asked for: TLS 1.3 says no after the handshake, 1.2 in it */
	SSL_CTX_set_verify(t.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	s->ctx = &t;
	s->answer = OK_ANSWER;
	r = rig_probe_server(rig, s, check_new(HC_HTTPS, s->port));
	/* the alert, or the reset that follows it: no pass in any case */
	assert_true(r.code == CODE_L6RSP || r.code == CODE_L4CON);
	SSL_CTX_set_max_proto_version(t.ctx, TLS1_2_VERSION);
	r = rig_probe_server(rig, s, check_new(HC_HTTPS, s->port));
	assert_code(r, CODE_L6RSP);
	assert_detail(r, "alert");
	server_free(s);
	SSL_CTX_free(t.ctx);
	cert_free(&c);
}

static void test_names(void **state)
{
	static const struct {
		enum hc_type type;
		const char *server_name, *host, *want;
	} names[] = {
		{ HC_HTTPS, NULL, NULL, "" },
		{ HC_HTTPS, NULL, "a.example", "a.example" },
		{ HC_HTTPS, NULL, "a.example:444", "a.example" },
		{ HC_HTTPS, NULL, "192.0.2.1", "" },
		{ HC_HTTPS, NULL, "192.0.2.1:444", "" },
		{ HC_HTTPS, NULL, "[2001:db8::1]", "" },
		{ HC_HTTPS, NULL, "[2001:db8::1]:444", "" },
		{ HC_HTTPS, "b.example", "a.example", "b.example" },
		{ HC_HTTPS, "b.example.", NULL, "b.example" },
		{ HC_TCP, NULL, "a.example", "" },
		{ HC_TCP, "c.example", NULL, "c.example" },
	};
	char buf[TLS_NAME_LEN];

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct healthcheck *h = check_new(names[i].type, 1);

		h->server_name = names[i].server_name ? xstrdup(names[i].server_name) : NULL;
		h->host = names[i].host ? xstrdup(names[i].host) : NULL;
		assert_string_equal(tls_name(h, buf), names[i].want);
		healthcheck_unref(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_https),       cmocka_unit_test(test_https_regexp_and_status),
		cmocka_unit_test(test_https_reuse), cmocka_unit_test(test_tcp_with_tls),
		cmocka_unit_test(test_not_tls),     cmocka_unit_test(test_alert),
		cmocka_unit_test(test_tls_junk),    cmocka_unit_test(test_dripping_handshake),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
