/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_fate.h - when a record of NAT has had its time. Pure.
 *
 * A record is forgotten when its connection can't need it any more. The times follow those of other
 * NATs (RFC 5382 and RFC 4787 set the least): what an established TCP connection gets is the
 * service's `idle`.
 */
#ifndef FAIRLEAD_PLANE_NAT_FATE_H
#define FAIRLEAD_PLANE_NAT_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fairlead/abi.h"
#include "move/fate.h"

/* Seconds without a packet after which a record goes. */
#define NAT_RST_S 10
#define NAT_FIN_S 60 /* both sides have sent FIN: what is left are retransmissions */
#define NAT_UNANSWERED_S 30
#define NAT_UDP_S 60 /* answered */
#define NAT_ORPHAN_S 10
#define NAT_DEAD_S 10 /* who makes an entry DEAD deletes it at once: if not by then, never */
#define NAT_IDLE_S 900 /* of a service that is gone, and did not take its connections with it */

enum nat_kind {
	NAT_PAIR, /* full NAT: the client's entry and that of the replies */
	NAT_LONE, /* `nat`: the entry of the replies alone, by design */
	NAT_ORPHAN, /* full NAT: an entry of replies whose client's entry is gone */
};

/*
 * Whether the record may be deleted at `now_s` (as fl_nat_flow.seen_s). `f` is the client's entry of a
 * pair, else the entry itself; `back` the replies' of a pair, NULL if it has none. idle_s: the
 * service's. `loss`: of its backend. One that is being deleted (FL_NAT_DEAD) may be when that has failed.
 */
bool nat_fate__over(enum nat_kind kind, const struct fl_nat_flow *f, const struct fl_nat_flow *back,
		    uint8_t proto, uint32_t now_s, uint32_t idle_s, const struct fate_loss *loss);

/* The key of the packets that come back along an entry: its addresses and ports turned round. */
struct fl_nat_key nat_fate__other(const struct fl_nat_flow *f, uint8_t proto);

/*
 * A pair as one, in the client's entry: seen when either was, flags as struct fl_told_nat has them.
 */
struct fl_nat_flow nat_fate__both(const struct fl_nat_flow *client, const struct fl_nat_flow *back);

#endif
