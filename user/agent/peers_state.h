/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peers_state.h - what peers.c and peer_view.c share. */
#ifndef FAIRLEAD_AGENT_PEERS_STATE_H
#define FAIRLEAD_AGENT_PEERS_STATE_H

#include <uv.h>

#include "agent/peer_records.h"
#include "agent/peers.h"
#include "core/log.h"
#include "peer/facts.h"
#include "peer/link.h"
#include "peer/pool.h"
#include "peer/voice.h"

struct peer {
	struct peers *peers;
	char name[CONFIG_PEER_LEN];
	struct addr address;
	struct peer_link link;
	struct peer_exchange records;
	uint64_t since_ns; /* CLOCK_REALTIME; 0: it was never heard */
	bool news; /* its copy has changed since it was compared */
	bool differs; /* its configuration, as it was compared last */
	char difference[PEER_DIFFERENCE_LEN];
	uint64_t refused; /* datagrams that its key did not open, as counted last */
	bool refusal_told;
	enum peer_pools pools; /* as they were looked at last */
	struct peer_voice voice; /* whether its probes have votes (peer_quorum.c) */
};

struct peers {
	struct agent *agent;
	struct addr listen;
	uint16_t port;
	uint32_t interval_ms;
	uint64_t born_ns; /* uv_hrtime() */
	int fd;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int open_handles;
	bool ending; /* it goes when they, and its worker, are done */
	struct peer_records records;
	struct peer_keys keys;
	struct ledger *ours;
	uint64_t
		*told; /* by service: the generation of the table that was told; UINT64_MAX: none */
	uint64_t *ids; /* scratch of peer_news__publish_table() */
	uint32_t next_table; /* the service whose table is looked at next */
	struct peer *list;
	size_t n;
	uint64_t n_strangers; /* datagrams from elsewhere */
	bool dirty; /* there is something new in it */
	bool words; /* peers have told what operators said */
	bool full; /* the ledger has no room, and that was told */
};

/* Of the links and streams. */
static inline uint64_t peers__now_us(void)
{
	return uv_hrtime() / 1000;
}

/* Wakes the loop when the first link or stream wants to go on. */
void peers__schedule(struct peers *p);

/* Something that had to end before it could be freed has. */
void peers__closed(struct peers *p);

void peers__log(enum log_level level, const struct peer *peer, const char *text);

/* Whether it is up and has told all. */
bool peer_view__is_complete(const struct peer *peer);

/* "up", "silent", "never heard". */
const char *peer_view__state(const struct peer *peer);
/* What probes say of a backend, as peers tell it: "up". */
const char *peer_view__health(uint8_t state);

/*
 * Once a second. Where this machine and a peer have had the same table, what is established there is at the owners
 * of the slots here, too, though no packet has come by: it may be this machine's in a moment.
 */
void peer_view__note_shared(struct peers *p);

/* Once a second: differences that came or went. */
void peer_view__tick(struct peers *p);

/*
 * How far the peer's wall clock is ahead of this machine's, in ms; negative: behind. False: it is not known, as the peer
 * is not up, has not been measured yet, or is of a version that does not tell.
 */
bool peer_view__clock_skew_ms(const struct peer *peer, int64_t *ms);

#endif
