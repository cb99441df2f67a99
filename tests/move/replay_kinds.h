/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_kinds.h - the services that sequences are replayed on, and what of them is in the maps. */
#ifndef FAIRLEAD_TESTS_MOVE_REPLAY_KINDS_H
#define FAIRLEAD_TESTS_MOVE_REPLAY_KINDS_H

#include <bpf/libbpf.h>

#include "fairlead/abi.h"
#include "lb.skel.h"
#include "replay.h"

#define REPLAY_VIP 0xc0000201 /* 192.0.2.1 */
#define REPLAY_LO 1 /* where test runs arrive, and leave */
#define REPLAY_KINDS 9 /* of services: what the model's mv.proto says, times mv.affinity */

/* A service of a kind of its own, and where its slots and flows are. */
struct kind {
	uint32_t id;
	uint8_t proto;
	enum mv_affinity affinity;
	struct fl_service service;
	uint32_t at[MV_SLOTS]; /* number of each slot of the model's */
	uint16_t sport[MV_FLOWS]; /* of each flow, host order */
	uint32_t cell[MV_FLOWS]; /* of `sighted` */
};

struct replay {
	struct lb_bpf *skel;
	int halves[2], words; /* of all services, of which one is used at a time */
	uint16_t slots[2][FL_SLOTS_4K_N];
	uint32_t word[FL_SLOTS_4K_N];
	struct mv was; /* what the maps hold of the model's agent */
	uint32_t runs;
	struct kind kinds[REPLAY_KINDS], *k; /* k: of the sequence that runs */
	struct fl_backend backend[MV_BACKENDS + 1];
};

/* Ends the test if rc < 0, by errno. */
void replay__must(int rc, const char *what);

int replay__fd(const struct bpf_map *map);
void replay__put(const struct bpf_map *map, const void *key, const void *value);

/* The service that a model is of, from now on. */
void replay__choose(struct replay *r, enum mv_proto proto, enum mv_affinity affinity);

/* The source address of a flow: with the affinity `source` flows of one slot are of one client. */
uint32_t replay__source(const struct kind *k, uint32_t flow);

/* How many records there may be: flows, and the clients of the kind, each once. */
uint32_t replay__records(const struct kind *k);

/* The key of a record: of a flow's, or of a client's. */
struct fl_flow_key replay__key(const struct replay *r, uint32_t record);

#endif
