/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_quorum.h - what holds of a backend, by the probes here and those of the peers (health/quorum.h).
 *
 * What the probes here say is ruled on at once; what peers say, once a turn of the loop, before tables. A peer
 * that starts anew keeps its votes while it tells all again, and an agent that starts goes on from what held
 * before, both for as long as a peer may be silent, else each restart would move slots there and back.
 */
#ifndef FAIRLEAD_AGENT_PEER_QUORUM_H
#define FAIRLEAD_AGENT_PEER_QUORUM_H

#include <stddef.h>

#include "core/jtext.h"
#include "health/health.h"

struct agent;
struct member;
struct peer;

/* Rules on one backend, whose own probes have said something. */
enum health_change peer_quorum__rule(struct member *m);

/* A peer has told something. */
void peer_quorum__heard(struct peer *peer, const void *key, size_t key_len);

/* Another configuration, perhaps other peers: all is ruled on anew. */
void peer_quorum__configured(struct agent *a);

/* Once a turn of the loop: rules on what peers have told. True: it waits for one that is to be heard first. */
bool peer_quorum__flush(struct agent *a);

/* Once a second: logs disputes that last, and those that have ended. */
void peer_quorum__tick(struct agent *a);

#define PEER_QUORUM_TEXT_LEN 120

/* Why it is not as the probes here say: "; it is up all the same, by quorum any: 1 up, 1 down". */
void peer_quorum__explain(const struct member *m, char text[PEER_QUORUM_TEXT_LEN]);

/* For status; null: there are no peers. */
void peer_quorum__write(struct jtext *out, const char *key, const struct member *m);

#endif
