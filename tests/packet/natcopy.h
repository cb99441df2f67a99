/* SPDX-License-Identifier: GPL-2.0-or-later */
/* natcopy.h - flows of NAT that are told to peers and taken from them: docs/peers.md, Flows of NAT. */
#ifndef FAIRLEAD_TESTS_PACKET_NATCOPY_H
#define FAIRLEAD_TESTS_PACKET_NATCOPY_H

#include "rig.h"

#define FIRST 20000 /* ports of this machine's part */
#define THEIRS 30000 /* and of the peer's */
#define SYN 0x02
#define ACK 0x10
#define FIN 0x11
#define RST 0x14
#define IDLE_S 300
#define ON (FL_NAT_SEEN | FL_NAT_SEEN_OTHER) /* it goes on */

/* Each family, by `nat` with records (`lone`) and by full NAT. */
#define ALL                                 \
	for (uint8_t v = 4; v <= 6; v += 2) \
		for (int lone = 0; lone < 2; lone++)

/* What `nat_take` is run on, and what was told last. */
extern struct fl_nat_take natcopy__job;
extern struct fl_told_nat natcopy__last;

/* All services by full NAT, or by `nat` with records; `room`: entries of `nat_flows`, 0: as many as ever. */
struct rig *natcopy__rig(bool lone, uint32_t room);
/* The same, with so many bytes for what is told. */
struct rig *natcopy__small_ring(bool lone, uint32_t bytes);

/* How many are told since this was asked; the last one is in natcopy__last, and that is the client's, with those flags. */
uint32_t natcopy__told(struct rig *r);
void natcopy__is_told(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
		      uint16_t flags);

uint32_t natcopy__now(void);
uint64_t natcopy__noted(struct rig *r, uint32_t note);
uint32_t natcopy__backend(const struct spec *s, bool lone);
struct spec natcopy__client(uint8_t version, uint16_t port, uint8_t flags);

/* What became of a packet. */
enum fl_verdict natcopy__verdict(struct rig *r, const struct spec *s, uint32_t ingress);

/* The backend's answer to what it sees of the flow. */
struct spec natcopy__answer(const struct rig *r, const struct spec *s, bool lone, uint16_t port,
			    uint8_t flags);

/* The client's packet goes out; the port that the backend sees. And one of the backend: what became of it. */
uint16_t natcopy__goes(struct rig *r, const struct spec *s, bool lone);
enum fl_verdict natcopy__answers(struct rig *r, const struct spec *s, bool lone, uint16_t port,
				 uint8_t flags);

/* The key of what comes back from the backend, towards the pool's port, or with lone to the client's. */
struct fl_nat_key natcopy__back_key(const struct rig *r, const struct spec *s, bool lone,
				    uint16_t port);
bool natcopy__entry(struct rig *r, const struct fl_nat_key *k, struct fl_nat_flow *f);

/* Lets the flow have been seen, by both entries, so many seconds earlier. */
void natcopy__age(struct rig *r, const struct spec *s, bool lone, uint16_t port, uint32_t by);

/* What a peer tells: the client's flow with that port of the pool, seen so long ago. */
struct fl_told_nat natcopy__theirs(const struct rig *r, const struct spec *s, bool lone,
				   uint16_t port, uint16_t flags, uint32_t ago);

/* What the program makes of natcopy__job, `size` bytes of it; and of one flow. */
int natcopy__run(struct rig *r, uint32_t size);
enum natcopy { STANDS, OLD, CLASH, FULL };
enum natcopy natcopy__take(struct rig *r, const struct fl_told_nat *t);

#endif
