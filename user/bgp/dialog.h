/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dialog.h - what is said over one connection to a routing daemon, to learn whether a BGP session is
 * established. Pure: bytes in, bytes out.
 *
 * BIRD (its control socket, "Remote control" in BIRD's guide): lines; a reply's are "CODE-text" or " text",
 * its last one is "CODE text". It greets first (0001), then "restrict" takes the right to change anything
 * from the connection (0016).
 *
 * FRR (bgpd's vty socket, as vtysh speaks to it): a command ends with a NUL; the answer is text, three NULs
 * and a status. A new connection may only look.
 */
#ifndef FAIRLEAD_BGP_DIALOG_H
#define FAIRLEAD_BGP_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define BGP_TEXT_LEN 160 /* bytes of a clause, the closing NUL included */
#define BGP_LINE_MAX 1024 /* bytes of a line of BIRD's */
#define BGP_REPLY_MAX 65536 /* bytes of a reply; a neighbour of FRR's is some 4000 */

enum bgp_next {
	BGP_MORE, /* nothing to do before there is more input */
	BGP_SAY, /* `say` is to be sent */
	BGP_ANSWER, /* `up` and `text` are known, and the connection can be used again */
	BGP_BROKEN, /* `text` says what is wrong; the connection is to be closed */
};

enum bgp_state { BGP_GREETING, BGP_RESTRICTING, BGP_IDLE, BGP_ASKED };

struct bgp_dialog {
	const struct config_track_bgp *session;
	enum bgp_state state;
	char in[BGP_REPLY_MAX];
	size_t len; /* bytes in `in` that are not used yet */
	size_t total; /* bytes of this reply so far */
	unsigned int code; /* BIRD: of the last line */
	bool found; /* BIRD: the session was in the reply */
	char say[CONFIG_BGP_SESSION_LEN + CONFIG_IFNAME_LEN + 64];
	size_t say_len;
	bool up; /* the session is established */
	char text[BGP_TEXT_LEN]; /* a clause for people, printable: how it is, or what is wrong */
};

/* A new connection; the session must outlive the dialog. The question will be asked in it. */
enum bgp_next bgp_dialog__begin(struct bgp_dialog *d, const struct config_track_bgp *session);

/* Asks again, after an answer. */
enum bgp_next bgp_dialog__ask(struct bgp_dialog *d);

/* Takes `n` bytes that were put behind the `len` bytes of `in`; n <= BGP_REPLY_MAX - len. */
enum bgp_next bgp_dialog__take(struct bgp_dialog *d, size_t n);

/* bird.c, frr.c: for dialog.c */

/* The question, into `say`. */
void bird__ask(struct bgp_dialog *d);
void frr__ask(struct bgp_dialog *d);
/* Looks at the bytes that are in `in`. */
enum bgp_next bird__take(struct bgp_dialog *d);
enum bgp_next frr__take(struct bgp_dialog *d);

/* BGP_ANSWER or BGP_BROKEN, with a clause. */
enum bgp_next bgp_dialog__end(struct bgp_dialog *d, enum bgp_next next, bool up, const char *fmt,
			      ...) __attribute__((format(printf, 4, 5)));

#endif
