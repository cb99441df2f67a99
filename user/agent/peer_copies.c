/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_copies.c - what peers have told of is put into `flows`, and its slots are such that it is found. */
#include <errno.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peers_state.h"
#include "plane/records.h"

void peer_copies__flush(struct peer *peer)
{
	struct peer_records *r = &peer->peers->records;
	struct agent *a = peer->peers->agent;
	struct fl_take *t = &r->take;
	uint32_t n = t->n;
	int rc;

	if (!n)
		return;
	t->done = 0;
	rc = plane__take(a->plane, t);
	if (rc) {
		/* They come again with the next refresh, while their connections go on. */
		peers__log(LOG_LV_WARN, peer,
			   "has told of records that cannot be put into 'flows'");
		log_error("cannot run flow_take: %s", strerror(-rc));
	}
	peer->records.n_taken += t->done;
	/* Also those that stand otherwise: packets found them, or will. First the record, then its slot. */
	for (uint32_t i = 0; i < n; i++)
		moves__pin(a->by_id[t->records[i].key.service], t->records[i].flow.slot);
	r->left = true;
	t->n = 0;
}

void peer_copies__take(struct peer *peer, const struct fl_told *t, uint64_t name)
{
	struct peer_records *r = &peer->peers->records;
	const struct peer_named *who = peer_names__find(&r->names, name);
	struct agent *a = peer->peers->agent;
	const struct service *s = who ? a->by_id[who->service] : NULL;
	struct fl_told *to;

	if (!s || !s->config || t->flow.slot >= plane__slots(s->slot_class)) {
		peer->records.n_unknown++;
		return;
	}
	to = &r->take.records[r->take.n++];
	*to = *t;
	to->key.service = (uint16_t)who->service;
	to->flow.backend = who->backend;
	if (r->take.n == FL_TAKE_RECORDS)
		peer_copies__flush(peer);
}
