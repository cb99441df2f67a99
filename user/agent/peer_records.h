/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_records.h - records of connections on slots that change owner and flows of NAT, told to peers and taken from them.
 *
 * What is made is told at once: the program hands it to the agent through the ring buffer `told`. All that
 * there is, is told when a peer has nothing yet, or something was left out (the whole); and what was seen
 * since, every few seconds (a refresh), so that a copy lives as long as its connection does, and ends as it
 * does. For both, a worker reads `flows` and `nat_flows` and makes a list. A copy is told on to whom lacks the whole, not
 * in refreshes: nobody keeps alive what nobody has seen.
 */
#ifndef FAIRLEAD_AGENT_PEER_RECORDS_H
#define FAIRLEAD_AGENT_PEER_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "agent/peer_names.h"
#include "core/err.h"
#include "peer/stream.h"
#include "plane/records.h"

struct peer;
struct peers;

struct peer_records {
	struct peer_names names;
	/* what is made */
	struct plane_ring *ring; /* NULL: what is made is told with refreshes only */
	uv_poll_t poll;
	uv_timer_t pause;
	uint64_t untold; /* the note's count, as it was looked at last */
	/* the list */
	uv_work_t work;
	bool reading; /* the worker has what is below */
	bool telling; /* the list is there, and is being told */
	bool whole; /* it has all, for at least one peer; else what was seen since `since_s` */
	bool ended;
	int rc;
	struct err err;
	struct plane_pass pass;
	bool at_nat; /* the flows of NAT are being read, the others were */
	struct peer_record *list; /* without names */
	size_t n, room, at;
	uint32_t since_s;
	uint32_t began_s, last_began_s; /* this reading, and the last one that was told */
	/* what is taken */
	struct fl_take take;
	struct fl_nat_take nat_take;
	bool left; /* slots wait to be PINNED */
};

/* Of a peer. */
struct peer_exchange {
	struct peer_stream stream;
	bool whole; /* the list that is made or told is the whole for it */
	bool out; /* it did not follow; the rest of the list is not for it */
	uint64_t n_taken; /* records that stand as it told them */
	uint64_t n_unknown; /* of services or backends that are not here, or are not the same */
	/* Flows of NAT that were not taken: */
	uint64_t n_clashes; /* for those of this machine that go on */
	uint64_t n_full; /* for want of room */
};

/* The ring is read from now on. */
void peer_records__open(struct peers *p);
/* Closes two handles, with `closed` each; the worker may go on. */
void peer_records__close(struct peers *p, uv_close_cb closed);
/* Once the worker is done (p->records.reading). */
void peer_records__free(struct peers *p);

/* From the link: an aside, another start of the peer, that it is heard or not. */
void peer_records__input(struct peer *peer, const uint8_t *bytes, size_t len);
void peer_records__cleared(struct peer *peer);
void peer_records__state(struct peer *peer, bool up);

/* Puts what was heard into `flows`; sends what is to be sent. After input, and when due. */
void peer_records__turn(struct peers *p);
uint64_t peer_records__due(const struct peer *peer);

/* Once a second; once a turn of the loop. */
void peer_records__tick(struct peers *p);
void peer_records__flush(struct peers *p);

/* Whether it is heard and takes records; of NAT, too. */
bool peer_records__takes(const struct peer *peer, bool nat);

/* Whether all that the peer has told of is here, and packets find it. */
bool peer_records__in_sync(const struct peer *peer);
json_t *peer_records__json(const struct peer *peer);

/* peer_copies.c: takes a record, now or with peer_copies__flush(). */
void peer_copies__take(struct peer *peer, const struct fl_told *t, uint64_t name);
void peer_copies__flush(struct peer *peer);

#endif
