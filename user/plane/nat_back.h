/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat_back.h - which reply belongs to which service of `forward: nat`: a pure function.
 *
 * A reply shows the backend's address and port. If one service alone sends there, and that service
 * has one address, the reply's new source is known from that. Otherwise each flow needs a record
 * (FL_BE_RECORD). So do those of ranges of ports and of any port: what else the backend sends, its own
 * connections included, comes from the same ports. See struct fl_nat_back in abi.h.
 */
#ifndef FAIRLEAD_PLANE_NAT_BACK_H
#define FAIRLEAD_PLANE_NAT_BACK_H

#include <stdbool.h>
#include <stddef.h>

#include "core/addr.h"
#include "fairlead/abi.h"

/* A service that sends to a backend. */
struct nat_use {
	struct addr backend; /* its address */
	uint16_t first, last; /* ports there, host order: one, a range, or 0..65535 (any) */
	uint8_t proto;
	bool one_vip; /* the service has one address, `vip` */
	struct addr vip;
	uint16_t vip_port; /* host order; 0: the port stays */
	uint16_t service; /* id, never 0 */
	uint32_t index; /* of the backend */
	bool record; /* out: its flows need records */
};

/* One element of the map. */
struct nat_entry {
	struct fl_endpoint key;
	struct fl_nat_back value;
};
_Static_assert(sizeof(struct nat_entry) == sizeof(struct fl_endpoint) + sizeof(struct fl_nat_back),
	       "nat_entry has no padding");

/* The endpoint whose entry names the use; a use of several ports has none: port 0 with a protocol. */
struct fl_endpoint nat_use__endpoint(const struct nat_use *u);

/*
 * Makes the entries, sorted by key as memcmp() does, and says of each use whether it needs records;
 * the caller frees *out. Two services with the same VIP and port, the one in the other's place, are
 * one. An endpoint that does not tell its service has an entry with service 0, so that it is known not
 * to be a new one when it could get a name. Each backend's address has an entry of its own, with port and
 * protocol 0. `uses` is sorted on the way. -ENOMEM.
 */
int nat_back__build(struct nat_use *uses, size_t n, struct nat_entry **out, size_t *n_out);

/* Whether replies get the same source by both. */
bool nat_back__same_name(const struct fl_nat_back *a, const struct fl_nat_back *b);

#endif
