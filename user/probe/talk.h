/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk.h - a conversation with a server, as a pure state machine over bytes.
 *
 * A kind that speaks over one TCP (or TLS) connection says what to send and judges what comes; it opens
 * no sockets, keeps no timers and allocates nothing, so it is tested by feeding it bytes. stream.c
 * carries the bytes: it connects, keeps the input until the kind has used it, bounds what a hostile
 * server can make it hold (TALK_IN_MAX bytes at once, TALK_TOTAL_MAX in all), and the prober's timer
 * bounds the time. datagram.c carries them by UDP: what is in `out` is one datagram, and the input is
 * one datagram (its first TALK_IN_MAX bytes), which is gone when the kind has seen it.
 */
#ifndef FAIRLEAD_PROBE_TALK_H
#define FAIRLEAD_PROBE_TALK_H

#include "config/probe.h"
#include "probe/probe.h"

#define TALK_IN_MAX 16384 /* bytes of input that may wait to be used */
#define TALK_TOTAL_MAX (1U << 20) /* bytes of input of a whole conversation */
#define TALK_OUT_MAX CONFIG_SEND_MAX /* bytes of output that may wait to be sent */
#define TALK_SCRATCH 64 /* bytes of state of a kind's own */

/* What comes next. */
enum talk_next {
	TALK_MORE, /* what is in `out` is sent, then input is awaited */
	TALK_AGAIN, /* some input was used: the kind looks at the rest at once */
	TALK_TLS, /* what is in `out` is sent, then TLS begins on the connection (STARTTLS) */
	TALK_OVER, /* the verdict stands in the talk; what is in `out` is a last word */
};

struct talk {
	const struct config_probe *args;
	const struct addr *address; /* of the server */
	uint16_t port; /* host order */
	const char *password; /* NULL: none is configured */
	const uint8_t *in; /* input that is not used yet */
	size_t len;
	const char *tls; /* "TLSv1.3"; NULL: in the clear */
	uint64_t token; /* random, of this try: what others can't guess of its answer */

	size_t out_len; /* bytes of `out` */
	unsigned int step; /* the kind's own: where it is; 0 at the beginning */
	union {
		uint8_t bytes[TALK_SCRATCH];
		uint64_t align;
	} scratch; /* the kind's own; zero at the beginning */

	enum config_role role; /* that the server has; set by talk__role() */
	enum probe_outcome outcome; /* the verdict */
	char detail[PROBE_DETAIL_LEN];
	uint8_t out[TALK_OUT_MAX]; /* what waits to be sent */
};

/* A kind that talks. */
struct talk_kind {
	/* The connection stands (with args->tls and not args->starttls: TLS too). Also after TALK_TLS. */
	enum talk_next (*begin)(struct talk *t);
	/* There is input that was not seen before. */
	enum talk_next (*input)(struct talk *t);
	/* The server closed its side; t->in has what is left. NULL: that is a failure. */
	enum talk_next (*closed)(struct talk *t);
	/* The time is over, and there is no verdict. NULL or not TALK_OVER: that is a failure. */
	enum talk_next (*silence)(struct talk *t);
	bool first; /* it speaks before the server does */
};

/* Adds to what is sent. -ENOSPC: more than TALK_OUT_MAX waits; what was there stays. */
int talk__send(struct talk *t, const void *bytes, size_t len);
int talk__printf(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `len` bytes of input are used; at most t->len. */
void talk__use(struct talk *t, size_t len);

/*
 * The next line of the input, without its end (LF or CR LF), as a string in `line`; what does not fit
 * is cut off, and bytes that are no text become '?'. True: it is used. False: no whole line is there.
 */
bool talk__line(struct talk *t, char *line, size_t size);

/* The verdicts: sets outcome and detail, returns TALK_OVER. */
enum talk_next talk__ok(struct talk *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
enum talk_next talk__fail(struct talk *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The verdict of a server that lives and has that role, see probe__judge_role(). */
enum talk_next talk__role(struct talk *t, enum config_role role, const char *more);

/* Copies up to `len` bytes as text that is safe to show: what is not printable becomes '?'. */
void talk__text(char *to, size_t size, const void *bytes, size_t len);

#endif
