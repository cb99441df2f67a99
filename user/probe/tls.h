/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.h - TLS on a probe's connection, by OpenSSL.
 *
 * What is costly, the certificates to verify by, is loaded once for all probes that have the same
 * files, and again when one of these has changed.
 */
#ifndef FAIRLEAD_PROBE_TLS_H
#define FAIRLEAD_PROBE_TLS_H

#include <stdint.h>
#include <sys/types.h>

#include "config/probe.h"
#include "core/addr.h"
#include "core/err.h"

struct tls_store; /* contexts by their files; NULL is an empty one */
struct tls; /* one connection */

/* What a call waits for. */
enum tls_wait { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_CLOSED, TLS_FAILED };

/* A client on the non-blocking `fd`, which stays the caller's. -errno and a sentence. */
int tls__open(struct tls_store **store, const struct config_probe *args, const struct addr *peer,
	      int fd, struct tls **out, struct err *err);
void tls__free(struct tls *t);

/* TLS_FAILED: *err says why; the certificate's own fault is named. */
enum tls_wait tls__handshake(struct tls *t, struct err *err);

/* Moves up to `len` bytes; *n of them (0 unless TLS_DONE). */
enum tls_wait tls__read(struct tls *t, void *to, size_t len, size_t *n, struct err *err);
enum tls_wait tls__write(struct tls *t, const void *from, size_t len, size_t *n, struct err *err);

/* After the handshake: "TLSv1.3", and how many seconds the certificate has left (less than 0: none). */
const char *tls__version(const struct tls *t);
int64_t tls__seconds_left(const struct tls *t);

void tls_store__free(struct tls_store *s);

#endif
