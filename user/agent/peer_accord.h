/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer_accord.h - `fairlead config apply --peers`: one configuration for all peers. peer/accord.h has the rules; here
 * is what they ask for: texts fetched, rehearsed, written down, applied.
 *
 * What outlives the agent stands beside its file, as FILE.peers: the epoch that is decided, what is prepared, and
 * their texts.
 */
#ifndef FAIRLEAD_AGENT_PEER_ACCORD_H
#define FAIRLEAD_AGENT_PEER_ACCORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/chronicle.h"
#include "core/err.h"
#include "peer/accord.h"
#include "peer/ledger.h"

struct agent;
struct api_request;
struct apply_order;
struct peer;

/* What a common text is called. Any thread. */
void peer_accord__name(const char *text, size_t len, struct accord_text *out);

/* The agent's own file for all: takes the order over, and answers the request (NULL: nobody asks) when it is over. */
void peer_accord__propose(struct agent *a, const struct apply_order *order,
			  struct api_request *request);

/* Peers are configured: reads what was written down. */
void peer_accord__configured(struct agent *a);
/* What this machine tells. As ledger__put(). */
int peer_accord__publish(const struct agent *a, struct ledger *l);
/* A page, or a question for one. */
void peer_accord__page(struct peer *peer, const uint8_t *bytes, size_t len);
/* Once a turn of the loop. */
void peer_accord__flush(struct agent *a);

/* Whether a rollback of what waits for its confirmation is one of all peers; nothing waits for one any more. */
bool peer_accord__is_unconfirmed(const struct agent *a);
void peer_accord__settled(struct agent *a);
/*
 * Whether what runs is bound by what all peers are to have, so that nothing else may be applied now: `why`
 * (NULL: nobody asks) gets a sentence without its end, which names the epoch and where it was proposed.
 */
bool peer_accord__is_bound(const struct agent *a, char why[ERR_LEN]);
/* Whether by one that is proposed here. */
bool peer_accord__proposes(const struct agent *a);
/*
 * Whether something else runs here than the one of all that was in force: `why` (NULL: nobody asks) gets a
 * sentence that says what that means.
 */
bool peer_accord__has_left(const struct agent *a, char why[ERR_LEN]);
/* Whether a peer has a later one in force; and for so long that it is preferred. */
bool peer_accord__is_behind(const struct agent *a);
bool peer_accord__gives_way(const struct agent *a);

/* Status's peers.accord (null: out of memory at the start), and peers.list[].accord. */
json_t *peer_accord__json(const struct agent *a);
json_t *peer_accord__peer_json(const struct peer *peer);

/* After the loop. */
void peer_accord__free(struct agent *a);

#endif
