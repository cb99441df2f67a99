/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - docs/transitions.md as C, a few slots, flows and backends of it.
 *
 * Written from the text and from nothing else: no line is shared with bpf/ or user/, but for the
 * numbers in abi.h. model.c is the packet's side, agent.c the agent's, net.c the clients, servers and
 * attackers around them, sequence.c makes random sequences and shrinks those that break something.
 *
 * `struct mv` holds what is in pinned maps, and so what survives a kill of the agent.
 */
#ifndef FAIRLEAD_TESTS_MOVE_MODEL_H
#define FAIRLEAD_TESTS_MOVE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef MV_LARGE /* as in production, for the simulation of a trace */
#define MV_SLOTS 65536
#define MV_BACKENDS 100
#define MV_FLOWS 1800000
#define MV_CELLS 262144
#define MV_WAYS 4
#define MV_CANDIDATES 1
#define MV_CLIENTS 0
#else
#define MV_SLOTS 3
#define MV_BACKENDS 4 /* indices 1..; 0: nobody */
#define MV_FLOWS 6
#define MV_CELLS 8
#define MV_WAYS 1
#define MV_CANDIDATES MV_BACKENDS
#define MV_CLIENTS MV_FLOWS
#endif
#define MV_RECORDS (MV_FLOWS + MV_CLIENTS) /* of flows, then of clients */

/* Rules that a mutation leaves out; each must be missed. */
enum mv_broken {
	MV_SOUND,
	MV_PREV_REPLACED, /* a second change replaces prev */
	MV_HOLD_SHORT, /* MOVING ends at half of hold */
	MV_HOLD_FROZEN, /* the freeze and a full `flows` do not prolong hold */
	MV_HOLD_DOWN, /* down_hold runs from since */
	MV_NO_TENTATIVE, /* new connections to cur leave nothing behind */
	MV_FIT_ANY, /* any sequence number makes a tentative record a record */
	MV_FIT_BACK, /* a young record takes nothing below the highest number less FL_FIT_BYTES */
	MV_PINNED_FIRST, /* a retransmitted SYN in PINNED goes to cur */
	MV_AGE_ANEW, /* a retransmitted SYN makes a tentative record young again in PINNED, too */
	MV_OVER_STAYS, /* no tentative record where a record that is over stands in the way */
	MV_OVER_AGAIN, /* a record is over no more when its backend is back */
	MV_DISPLACE, /* a forged handshake displaces a young record */
	MV_GIVES_WAY, /* two packets of nobody displace a young record */
	MV_SIGHT_VOID, /* a sighting does not count after FL_SIGHTED_S */
	MV_OVER_DEAD, /* a record is made over a DEAD one */
	MV_SWEEP_BLIND, /* the sweeper does not look whether the flow was seen meanwhile */
	MV_SWEEP_DOWN, /* records of a gone backend: down_hold runs from the last packet */
	MV_CLEAN_EARLY, /* PINNED ends although records are left */
	MV_WORDS_LATE, /* the swap comes before the words */
	MV_STALE, /* since is when the word was written, not when the halves were swapped */
	MV_BACK_EARLY, /* prev comes back: PINNED before the swap */
	MV_NO_GRACE, /* UDP that is not known goes to cur at once */
	MV_GRACE_ONLY, /* after its grace it does, though it was sighted in it */
	MV_GRACE_LOST, /* when `flows` is full, that is forgotten */
	MV_INITIAL, /* a QUIC Initial is a packet like any other */
	MV_SPLIT, /* a client's record says nothing about its next connections */
	MV_CLIENT_STALE, /* it is not brought up to date by what its connections say */
	MV_RULES,
};

enum mv_proto { MV_TCP, MV_DATAGRAMS, MV_QUIC };
enum mv_affinity { MV_BY_FLOW, MV_BY_SOURCE, MV_BY_PORT };

/* QUIC: SYN is an Initial, LONG another long header, `seq` the client's connection id; UDP: any other. */
enum mv_kind { MV_SYN, MV_ACK, MV_FIN, MV_RST, MV_LONG, MV_UDP };

struct mv_packet {
	uint32_t flow;
	enum mv_kind kind;
	uint32_t seq;
};

struct mv_slot {
	uint8_t cur;
	bool dirty;
};

struct mv_word {
	uint8_t prev;
	bool pinned;
	bool accepts;
	uint32_t since;
};

/* Sequence numbers of a connection: where it began, and the highest one that fitted. */
struct mv_fit {
	uint32_t isn, seq;
};

enum mv_life { MV_NONE, MV_ACTIVE, MV_DYING, MV_DEAD };

struct mv_record {
	enum mv_life life;
	uint8_t backend;
	bool young, fin, rst, passed;
	uint32_t seen_s, born_s;
	struct mv_fit fit; /* while young */
};

struct mv_tentative {
	uint8_t backend; /* 0: there is none */
	uint32_t seen_s;
	struct mv_fit fit;
};

struct mv_cell {
	uint32_t flow1; /* flow + 1; 0: empty */
	uint32_t s;
};

struct mv {
	/* the service's settings, seconds */
	uint32_t hold, down_hold, idle, udp_grace;
	uint32_t flows_max;
	enum mv_proto proto;
	enum mv_affinity affinity;
	enum mv_broken broken;
	uint32_t now; /* CLOCK_MONOTONIC_COARSE, seconds */
	/* maps */
	struct mv_slot half[2][MV_SLOTS];
	uint8_t live;
	struct mv_word word[MV_SLOTS];
	struct mv_record record[MV_RECORDS];
	struct mv_tentative tentative[MV_FLOWS];
	struct mv_cell cell[MV_CELLS];
	uint32_t records, slot_records[MV_SLOTS]; /* what a full pass over `flows` would count */
	bool gone[MV_BACKENDS + 1];
	bool churn; /* tentative records are made too fast */
	uint32_t full_s, frozen_s; /* 0: never */
};

/* The packet's side: index of the backend that gets it, 0 for none. */
uint8_t mv__packet(struct mv *m, const struct mv_packet *p);

/* Is the record over: may another connection have its key? */
bool mv__over(const struct mv *m, const struct mv_record *r);

/* Takes the record away; there is one. */
void mv__forget(struct mv *m, uint32_t record);

static inline uint32_t mv__hash(uint64_t x)
{
#ifdef MV_LARGE
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
#endif
	return (uint32_t)x;
}

static inline uint32_t mv__slot(uint32_t flow)
{
	return mv__hash(flow) % MV_SLOTS;
}

/* The record of a flow's client: flows of one source are in one slot, as are those of a port. */
static inline uint32_t mv__client(const struct mv *m, uint32_t flow)
{
	return MV_FLOWS + (m->affinity == MV_BY_SOURCE ? flow % MV_SLOTS : flow);
}

static inline struct mv_slot mv__live(const struct mv *m, uint32_t slot)
{
	return m->half[m->live][slot];
}

/* The agent. `known` is what stands in `members` and in the file; the rest is lost by a kill. */
struct mv_known {
	uint8_t order[MV_SLOTS][MV_CANDIDATES]; /* each slot's candidates, by weights and chain */
	bool down[MV_BACKENDS + 1], drained[MV_BACKENDS + 1];
	uint32_t down_since[MV_BACKENDS + 1];
};

enum mv_stage { MV_IDLE, MV_ADOPT, MV_WORDS, MV_FILL, MV_SWAP, MV_GRACE, MV_BACK };

struct mv_agent {
	struct mv_known known;
	enum mv_stage stage;
	uint32_t at; /* slot of the stage that is next */
	uint8_t target[MV_SLOTS];
	bool clean[MV_SLOTS]; /* this swap ends PINNED */
	/* what the last pass over `flows` found */
	bool marks[MV_RECORDS], deletes[MV_RECORDS], ends[MV_RECORDS];
	uint32_t mark_seen_s[MV_RECORDS];
	uint8_t mark_backend[MV_RECORDS];
	bool erases[MV_RECORDS]; /* DEAD by the sweeper, not deleted yet */
};

/* One write, or the decision that there is none to do. */
void mv_agent__step(struct mv_agent *a, struct mv *m);
void mv_agent__kill(struct mv_agent *a);
bool mv_agent__accepts(const struct mv_agent *a, uint8_t backend);

/* The verdict on a backend, and what hangs on it at once. */
void mv_agent__verdict(struct mv_agent *a, struct mv *m, uint8_t backend, bool down);

/* A pass over `flows`; then what flow_sweep does with it; DELETE is two steps for its DEAD is seen. */
void mv_sweep__read(struct mv_agent *a, const struct mv *m);
void mv_sweep__apply(struct mv_agent *a, struct mv *m);
void mv_sweep__erase(struct mv_agent *a, struct mv *m);

#endif
