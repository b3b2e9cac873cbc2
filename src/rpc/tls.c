/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#define PEM_FILE_MAX (1u << 20) /* a bundle of all public roots is about 220 KiB */

struct pem { /* {0} is none */
	const char *path;
	char *text; /* NUL-terminated */
	size_t len;
};

static void pem_done(struct pem *p)
{
	if (p->text)
		explicit_bzero(p->text, p->len); /* may be a private key */
	free(p->text);
}

static int read_all(int fd, const char *path, size_t size, struct pem *ret, struct err *e)
{
	char *text = xcalloc(1, size + 1);
	size_t len = 0;

	while (len < size) {
		ssize_t n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int errnum = errno;
			free(text);
			return err_set_errno(e, errnum, "reading %s", path);
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret = (struct pem){ path, text, len };
	return 0;
}

static int pem_read(const char *path, struct pem *ret, struct err *e)
{
	struct stat st;
	int r, fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_set_errno(e, errno, "reading %s", path);
	if (fstat(fd, &st) < 0)
		r = err_set_errno(e, errno, "reading %s", path);
	else if (!S_ISREG(st.st_mode))
		r = err_set(e, -EINVAL, "reading %s: not a regular file", path);
	else if (st.st_size > PEM_FILE_MAX)
		r = err_set(e, -EFBIG, "reading %s: larger than 1 MiB", path);
	else
		r = read_all(fd, path, (size_t)st.st_size, ret, e);
	close(fd);
	return r;
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *u)
{
	*(bool *)u = true;
	return -1;
}

static int cert_load(const struct pem *p, X509 **ret, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(p->text, (int)p->len);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ERR_clear_error();
	if (!x)
		return err_set(e, -EINVAL, "%s: no PEM certificate in it", p->path);
	*ret = x;
	return 0;
}

static int key_load(const struct pem *p, EVP_PKEY **ret, struct err *e)
{
	bool asked = false;
	BIO *bio = BIO_new_mem_buf(p->text, (int)p->len);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);

	BIO_free(bio);
	ERR_clear_error();
	if (!k && asked)
		return err_set(e, -EINVAL, "%s: the private key is encrypted", p->path);
	if (!k)
		return err_set(e, -EINVAL, "%s: no PEM private key in it", p->path);
	*ret = k;
	return 0;
}

static int ca_check(const struct pem *ca, struct err *e)
{
	X509 *x = NULL;
	int r = cert_load(ca, &x, e);

	if (!r)
		X509_free(x);
	return r;
}

static int pair_check(const struct pem *cert, const struct pem *key, struct err *e)
{
	X509 *x = NULL;
	EVP_PKEY *k = NULL;
	int r = cert_load(cert, &x, e);

	if (!r)
		r = key_load(key, &k, e);
	if (!r && X509_check_private_key(x, k) != 1)
		r = err_set(e, -EINVAL, "the key in %s does not belong to the certificate in %s",
			    key->path, cert->path);
	ERR_clear_error();
	X509_free(x);
	EVP_PKEY_free(k);
	return r;
}

/* Certificate and key, both or none. */
static int pair_read(const char *cert, const char *key, struct pem *ret_cert, struct pem *ret_key,
		     struct err *e)
{
	int r;

	if (!cert && !key)
		return 0;
	if (!cert)
		return err_set(e, -EINVAL, "the TLS key %s needs a certificate", key);
	if (!key)
		return err_set(e, -EINVAL, "the TLS certificate %s needs a key", cert);
	r = pem_read(cert, ret_cert, e);
	if (!r)
		r = pem_read(key, ret_key, e);
	return r ? r : pair_check(ret_cert, ret_key, e);
}

static int ca_read(const char *path, struct pem *ret, struct err *e)
{
	int r;

	if (!path)
		return 0;
	r = pem_read(path, ret, e);
	return r ? r : ca_check(ret, e);
}

int rpc_tls_server(const char *cert, const char *key, const char *client_ca,
		   grpc_server_credentials **ret, struct err *e)
{
	_cleanup_(pem_done) struct pem c = { 0 };
	_cleanup_(pem_done) struct pem k = { 0 };
	_cleanup_(pem_done) struct pem ca = { 0 };
	grpc_server_credentials *creds;
	int r = pair_read(cert, key, &c, &k, e);

	if (!r && client_ca && !cert)
		r = err_set(e, -EINVAL, "the client CA %s needs a TLS certificate and key",
			    client_ca);
	if (!r)
		r = ca_read(client_ca, &ca, e);
	if (r)
		return r;
	if (!cert) {
		*ret = grpc_insecure_server_credentials_create();
		return 0;
	}
	grpc_ssl_pem_key_cert_pair pair = { k.text, c.text };
	creds = grpc_ssl_server_credentials_create_ex(
		ca.text, &pair, 1,
		client_ca ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
			  : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
		NULL);
	if (!creds)
		return err_set(e, -EINVAL, "the certificate in %s cannot be used", cert);
	*ret = creds;
	return 0;
}

int rpc_tls_client(const char *ca, const char *cert, const char *key,
		   grpc_channel_credentials **ret, struct err *e)
{
	_cleanup_(pem_done) struct pem c = { 0 };
	_cleanup_(pem_done) struct pem k = { 0 };
	_cleanup_(pem_done) struct pem roots = { 0 };
	grpc_channel_credentials *creds;
	int r = pair_read(cert, key, &c, &k, e);

	if (!r)
		r = ca_read(ca, &roots, e);
	if (r)
		return r;
	if (!cert && !ca) {
		*ret = grpc_insecure_credentials_create();
		return 0;
	}
	grpc_ssl_pem_key_cert_pair pair = { k.text, c.text };
	creds = grpc_ssl_credentials_create_ex(roots.text, cert ? &pair : NULL, NULL, NULL);
	if (!creds)
		return err_set(e, -EINVAL, "no certificates to check the server by: give a CA");
	*ret = creds;
	return 0;
}
