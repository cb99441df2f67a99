/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - clients, servers and attackers around the model, and who is to blame when one breaks.
 *
 * A connection is broken when a packet of a client that has been answered by a backend, and whose
 * backend still holds the connection, is sent to another one. It is avoidable unless
 * docs/transitions.md excuses it: then it counts for what excuses it.
 */
#ifndef FAIRLEAD_TESTS_MOVE_NET_H
#define FAIRLEAD_TESTS_MOVE_NET_H

#include "model.h"

enum mv_excuse {
	MV_AVOIDABLE,
	MV_QUIET, /* not heard in two different seconds of hold, or 60 s after FIN */
	MV_BACKEND, /* DOWN for longer than down_hold */
	MV_RESYN, /* its SYN reached two servers */
	MV_VOID, /* its tentative record was evicted, or too old when the next packet came */
	MV_FORGED, /* somebody forged packets with its addresses, at one of the moments named */
	MV_RIVAL, /* a young record with its addresses, forged or left over, and too few words after it */
	MV_EXCUSES,
};

enum mv_op_kind {
	OP_ADVANCE, /* a: seconds */
	OP_SPEAK, /* a: flow, b: choice, c: how far */
	OP_CLOSE, /* a: flow; FIN */
	OP_ABORT, /* a: flow; RST */
	OP_VANISH, /* a: flow; the server resets it, no packet of the client says so */
	OP_VERDICT, /* a: backend, b: down */
	OP_DRAIN, /* a: backend, b: on */
	OP_REWEIGHT, /* a: slot, b: what becomes of its candidates */
	OP_STEP, /* a: writes of the agent */
	OP_KILL,
	OP_SWEEP_READ,
	OP_SWEEP_APPLY,
	OP_SWEEP_ERASE,
	OP_CRASH, /* a: backend; its connections are gone */
	OP_CHURN, /* a: on */
	OP_EVICT, /* a: flow */
	OP_SPOOF_SYN, /* a: flow, b, c: of the ISN */
	OP_SPOOF_ACK,
	OP_SPOOF_PAIR,
	OP_KINDS,
};

struct mv_op {
	uint8_t kind, a, b, c;
};

enum mv_client_state { CLIENT_CLOSED, CLIENT_SYN, CLIENT_ESTABLISHED, CLIENT_FIN };

struct mv_client {
	enum mv_client_state state;
	uint32_t isn, next;
	uint8_t backend; /* once established */
	uint8_t syn_to; /* bits of the backends that its SYN has reached */
	bool heard; /* the balancer has seen a packet after the SYN */
	uint32_t syn_s; /* the last SYN */
	uint32_t before_s, last_s; /* the two last different seconds in which it spoke */
	uint32_t rival_s; /* when a young record that is not its own was there; 0: never */
	uint8_t since_rival; /* seconds in which it spoke, FL_TENTATIVE_S and more after that */
	bool excuse[MV_EXCUSES];
	/* what it said since its slot last began to move, or got another owner while it did */
	bool began_moving; /* after that, so that nothing says where it belongs, */
	bool asked; /* but a handshake that is on record will */
	bool known; /* it was heard in two different seconds of one such time */
	uint32_t epoch_s, first_s; /* when that was, and when it was first heard since; 0: never */
};

/* What an affinity promises a client: its next connections go where those are that the balancer knows. */
struct mv_home {
	uint8_t backend; /* of its known connections; 0: none */
	uint32_t seen_s; /* when one of them last spoke, */
	uint32_t heard_s; /* or any; 0: never */
	uint8_t used; /* bits: where its packets went since its slot was CLEAN */
	bool forged; /* somebody has made up packets of it, so nothing is promised */
};

struct mv_tcb {
	bool there;
	uint32_t isn; /* the client's */
};

struct mv_net {
	struct mv m;
	struct mv_agent agent;
	struct mv_client client[MV_FLOWS];
	struct mv_home home[MV_RECORDS - MV_FLOWS]; /* as records of clients */
	struct mv_tcb tcb[MV_BACKENDS + 1][MV_FLOWS];
	uint32_t synack[MV_BACKENDS + 1]
		       [MV_FLOWS]; /* ISN that it acknowledges; 0: none under way */
	uint32_t forgeries;
	uint64_t packets, breaks[MV_EXCUSES];
	uint64_t homecomings; /* new connections that an affinity has promised a backend, */
	bool split; /* and one that did not get it */
	/* Called for each packet, with where the model sent it; NULL: nobody. */
	void (*watch)(void *arg, const struct mv_packet *p, uint8_t backend);
	void *arg;
};

/* All slots CLEAN; `settings` picks hold, idle, capacity, protocol, affinity: 0 for those: TCP, by flow. */
#define MV_KIND_BITS (15U << 9)
void mv_net__init(struct mv_net *n, uint32_t settings, enum mv_broken broken);

/* --- heard.c: what the promise says of what a client has said so far ----------------------------------- */

bool mv_heard__has_record(const struct mv_net *n, uint32_t flow);

/* Is there a tentative record of this very connection, that has not become a record? */
bool mv_heard__is_tentative(const struct mv_net *n, uint32_t flow);

/* The client's packet is about to reach the balancer. */
void mv_heard__speech(struct mv_net *n, uint32_t flow);

/* It went to `to`. */
void mv_heard__went(struct mv_net *n, uint32_t flow, uint8_t to);

/* A connection's first packet, or that again, went to `to`. */
void mv_heard__begin(struct mv_net *n, uint32_t flow, uint8_t to);

/* QUIC: it has answered in the handshake. */
void mv_heard__answered(struct mv_net *n, uint32_t flow);

/* A backend is gone, or its connections are: no home. */
void mv_heard__gone(struct mv_net *n, uint8_t backend);

/* Somebody forges packets of the flow's client. */
void mv_heard__forged(struct mv_net *n, uint32_t flow);

/* False: a connection was broken, and nothing excuses it; or a client was split. */
bool mv_net__run(struct mv_net *n, const struct mv_op *op);

#endif
