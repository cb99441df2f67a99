/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_accord_bound.c - what a configuration for all peers means for the rest of the agent while it is on its way. */
#include <stdio.h>
#include <string.h>

#include "agent/peer_accord_state.h"

/* Where an epoch was proposed, in words. */
static void name_place(const struct agent *a, const struct accord_epoch *e, char out[ERR_LEN])
{
	const struct peers *all = a->peers;
	char text[ADDR_STRLEN];
	struct addr address;

	if (memcmp(e->by, a->accord->core.me, sizeof(e->by)) == 0) {
		snprintf(out, ERR_LEN, "here");
		return;
	}
	memcpy(address.b, e->by, sizeof(address.b));
	snprintf(out, ERR_LEN, "at %s", addr__format(&address, text));
	for (size_t i = 0; i < all->n; i++) {
		if (memcmp(all->list[i].address.b, e->by, sizeof(e->by)) == 0)
			snprintf(out, ERR_LEN, "at %s", all->list[i].name);
	}
}

bool peer_accord__is_bound(const struct agent *a, char why[ERR_LEN])
{
	const struct accord_epoch *e;
	char place[ERR_LEN];

	if (!a->accord || !a->peers)
		return false;
	e = accord__bound_by(&a->accord->core);
	if (!e && !peer_accord__proposes(a))
		return false;
	if (why && e) {
		name_place(a, e, place);
		snprintf(why, ERR_LEN, "epoch %llu of all peers, proposed %.*s, is on its way",
			 (unsigned long long)e->number, ERR_LEN / 2, place);
	} else if (why) {
		snprintf(why, ERR_LEN,
			 "a configuration for all peers, proposed here, is on its way");
	}
	return true;
}

bool peer_accord__proposes(const struct agent *a)
{
	return a->accord && a->peers && (a->accord->reads || a->accord->proposed);
}

bool peer_accord__has_left(const struct agent *a, char why[ERR_LEN])
{
	const struct accord_record *r = a->accord ? &a->accord->core.record : NULL;

	if (!r || !a->config->n_peers || !r->in_force ||
	    accord_text__equal(&a->common, &r->decided.text))
		return false;
	if (why)
		snprintf(
			why, ERR_LEN,
			"this machine has left epoch %llu of all peers, which stays in force on the "
			"others: fairlead config apply --peers brings to them what is in force here",
			(unsigned long long)r->decided.epoch.number);
	return true;
}

bool peer_accord__is_unconfirmed(const struct agent *a)
{
	return a->accord && a->peers && a->accord->confirm && !a->accord->core.left;
}

void peer_accord__settled(struct agent *a)
{
	if (a->accord)
		a->accord->confirm = false;
}

bool peer_accord__is_behind(const struct agent *a)
{
	return a->accord && a->peers && accord__is_behind(&a->accord->core);
}

bool peer_accord__gives_way(const struct agent *a)
{
	return a->accord && a->peers && accord__gives_way(&a->accord->core);
}
