/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A file that a context was made from; NULL: none. */
struct source {
	char *path;
	struct timespec changed;
};

/* What probes with the same files share. */
struct tls_store {
	struct tls_store *next;
	SSL_CTX *ctx;
	bool verify;
	struct source ca, cert, key;
};

struct tls {
	SSL *ssl;
};

/* --- contexts ----------------------------------------------------------------------------------- */

static struct timespec changed_at(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

static bool same_path(const struct source *s, const char *path)
{
	return s->path && path ? strcmp(s->path, path) == 0 : !s->path && !path;
}

static bool is_fresh(const struct source *s)
{
	struct timespec now = changed_at(s->path);

	return now.tv_sec == s->changed.tv_sec && now.tv_nsec == s->changed.tv_nsec;
}

/* OpenSSL's word for the last error, "no start line"; its queue is empty then. */
static const char *reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *text = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return text ? text : "unknown error";
}

static int load(SSL_CTX *ctx, const struct config_probe *a, struct err *err)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, a->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (a->verify && !a->ca_file && !SSL_CTX_set_default_verify_paths(ctx))
		return err__set(err, -EIO, "the system's certificates cannot be loaded: %s",
				reason());
	if (a->ca_file && !SSL_CTX_load_verify_file(ctx, a->ca_file))
		return err__set(err, -EINVAL, "the certificates of ca_file %s cannot be loaded: %s",
				a->ca_file, reason());
	if (a->cert_file && SSL_CTX_use_certificate_chain_file(ctx, a->cert_file) != 1)
		return err__set(err, -EINVAL, "cert_file %s cannot be loaded: %s", a->cert_file,
				reason());
	if (a->key_file && SSL_CTX_use_PrivateKey_file(ctx, a->key_file, SSL_FILETYPE_PEM) != 1)
		return err__set(err, -EINVAL, "key_file %s cannot be loaded: %s", a->key_file,
				reason());
	return 0;
}

static int remember(struct source *s, const char *path)
{
	s->path = path ? strdup(path) : NULL;
	s->changed = changed_at(path);
	return path && !s->path ? -ENOMEM : 0;
}

static void free_one(struct tls_store *s)
{
	SSL_CTX_free(s->ctx);
	free(s->ca.path);
	free(s->cert.path);
	free(s->key.path);
	free(s);
}

void tls_store__free(struct tls_store *s)
{
	struct tls_store *next;

	for (; s; s = next) {
		next = s->next;
		free_one(s);
	}
}

/* The context for the probe's files: one that is there, or a new one at the head of the list. */
static int context(struct tls_store **store, const struct config_probe *a, SSL_CTX **out,
		   struct err *err)
{
	struct tls_store **at = store, *s;
	int rc;

	for (; (s = *at); at = &s->next) {
		if (s->verify != a->verify || !same_path(&s->ca, a->ca_file) ||
		    !same_path(&s->cert, a->cert_file) || !same_path(&s->key, a->key_file))
			continue;
		if (is_fresh(&s->ca) && is_fresh(&s->cert) && is_fresh(&s->key)) {
			*out = s->ctx;
			return 0;
		}
		/* Connections that are open hold a reference of their own. */
		*at = s->next;
		free_one(s);
		break;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return err__set(err, -ENOMEM, "out of memory");
	s->verify = a->verify;
	rc = remember(&s->ca, a->ca_file);
	rc = rc ? rc : remember(&s->cert, a->cert_file);
	rc = rc ? rc : remember(&s->key, a->key_file);
	s->ctx = rc ? NULL : SSL_CTX_new(TLS_client_method());
	rc = s->ctx ? load(s->ctx, a, err) : err__set(err, -ENOMEM, "out of memory");
	if (rc) {
		free_one(s);
		return rc;
	}
	s->next = *store;
	*store = s;
	*out = s->ctx;
	return 0;
}

/* --- a connection ------------------------------------------------------------------------------- */

/* Whom the certificate must be for: the name that is asked for, else the address (RFC 9525 6). */
static bool set_peer(SSL *ssl, const struct config_probe *a, const struct addr *peer)
{
	const uint8_t *bytes;
	size_t len;

	if (a->sni)
		return SSL_set_tlsext_host_name(ssl, a->sni) == 1 &&
		       SSL_set1_host(ssl, a->sni) == 1;
	bytes = addr__bytes(peer, &len);
	return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), bytes, len) == 1;
}

int tls__open(struct tls_store **store, const struct config_probe *args, const struct addr *peer,
	      int fd, struct tls **out, struct err *err)
{
	struct tls *t = calloc(1, sizeof(*t));
	SSL_CTX *ctx = NULL;
	int rc;

	if (!t)
		return err__set(err, -ENOMEM, "out of memory");
	rc = context(store, args, &ctx, err);
	if (!rc) {
		t->ssl = SSL_new(ctx);
		if (!t->ssl || !SSL_set_fd(t->ssl, fd) || !set_peer(t->ssl, args, peer))
			rc = err__set(err, -ENOMEM, "TLS cannot be begun: %s", reason());
	}
	if (rc) {
		tls__free(t);
		return rc;
	}
	SSL_set_connect_state(t->ssl);
	*out = t;
	return 0;
}

void tls__free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* What a call that returned `ret` waits for, or failed by. */
static enum tls_wait outcome(struct tls *t, int ret, struct err *err)
{
	long verdict = SSL_get_verify_result(t->ssl);

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_NONE:
		return TLS_DONE;
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_CLOSED;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		err__set(err, -EIO, errno ? "TLS: %s" : "the connection was closed within TLS",
			 strerror(errno));
		return TLS_FAILED;
	default:
		if (verdict != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE) {
			ERR_clear_error();
			err__set(err, -EIO, "its certificate is not accepted: %s",
				 X509_verify_cert_error_string(verdict));
		} else if (ERR_GET_REASON(ERR_peek_last_error()) ==
			   SSL_R_UNEXPECTED_EOF_WHILE_READING) {
			ERR_clear_error();
			return TLS_CLOSED;
		} else {
			err__set(err, -EIO, "TLS: %s", reason());
		}
		return TLS_FAILED;
	}
}

enum tls_wait tls__handshake(struct tls *t, struct err *err)
{
	errno = 0;
	return outcome(t, SSL_do_handshake(t->ssl), err);
}

enum tls_wait tls__read(struct tls *t, void *to, size_t len, size_t *n, struct err *err)
{
	*n = 0;
	errno = 0;
	return outcome(t, SSL_read_ex(t->ssl, to, len, n), err);
}

enum tls_wait tls__write(struct tls *t, const void *from, size_t len, size_t *n, struct err *err)
{
	*n = 0;
	errno = 0;
	return outcome(t, SSL_write_ex(t->ssl, from, len, n), err);
}

const char *tls__version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

int64_t tls__seconds_left(const struct tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);
	int days = 0, seconds = 0;

	if (!cert || !ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		return -1;
	return (int64_t)days * 86400 + seconds;
}
