/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/lateness.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "core/log.h"

#define MS 1e6 /* ns */

/* What 99.99 % of wake-ups were not later than; 0: it is not known yet. */
static uint64_t worst_ns(const struct agent *a)
{
	struct lateness_counts late;

	rt__lately(a->rt, &late);
	return lateness_counts__quantile(&late, 9999);
}

/* --- what is configured ------------------------------------------------------------------------------ */

static uint64_t down_ns(const struct config_vrrp *c)
{
	return vrrp__down_ns(c->priority, (uint16_t)(c->interval_ms / 10));
}

/* Whether the running configuration has a group that waits as short. */
static bool has_group(const struct config *c, const struct config_vrrp *g)
{
	for (size_t i = 0; c && i < c->n_vrrp; i++) {
		const struct config_vrrp *old = &c->vrrp[i];

		if (strcmp(old->interface, g->interface) == 0 && old->vrid == g->vrid &&
		    addr__family(&old->addresses[0]) == addr__family(&g->addresses[0]) &&
		    down_ns(old) <= down_ns(g))
			return true;
	}
	return false;
}

static int check_vrrp(const struct agent *a, const struct config *next, uint64_t late_ns,
		      struct err *err)
{
	for (size_t i = 0; i < next->n_vrrp; i++) {
		const struct config_vrrp *c = &next->vrrp[i];

		if (down_ns(c) >= 2 * late_ns || has_group(a->config, c))
			continue;
		return err__set(err, -EINVAL,
				"vrrp[%zu].interval: %u ms has a backup wait for %.1f ms, and this "
				"machine wakes the agent up to %.1f ms late (99.99 %% of times); "
				"write at least %.0f ms, or give the agent real-time scheduling",
				i, c->interval_ms, (double)down_ns(c) / MS, (double)late_ns / MS,
				ceil((double)late_ns / 1.5e7) * 10);
	}
	return 0;
}

/* What the peer waits for. */
static uint64_t theirs_ms(const struct config_bfd *b)
{
	return (uint64_t)b->min_tx_ms * b->multiplier;
}

/* What is waited for here, if the peer has the same multiplier; what it has is known once it runs. */
static uint64_t ours_ms(const struct config_bfd *b)
{
	return (uint64_t)b->min_rx_ms * b->multiplier;
}

/* Whether the running configuration has the session, and neither waits longer. */
static bool has_session(const struct config *c, const struct config_bfd *b)
{
	for (size_t i = 0; c && i < c->n_bfd; i++) {
		const struct config_bfd *old = &c->bfd[i];

		if (addr__equal(&old->peer, &b->peer) &&
		    strcmp(old->interface, b->interface) == 0 && theirs_ms(old) <= theirs_ms(b) &&
		    ours_ms(old) <= ours_ms(b))
			return true;
	}
	return false;
}

static int check_bfd(const struct agent *a, const struct config *next, uint64_t late_ns,
		     struct err *err)
{
	char peer[ADDR_STRLEN], what[120];

	for (size_t i = 0; i < next->n_bfd; i++) {
		const struct config_bfd *b = &next->bfd[i];
		bool theirs = theirs_ms(b) * 1000000 < 2 * late_ns;

		if ((!theirs && ours_ms(b) * 1000000 >= 2 * late_ns) || has_session(a->config, b))
			continue;
		addr__format(&b->peer, peer);
		if (theirs)
			snprintf(what, sizeof(what), "%s would take this machine for dead after",
				 peer);
		else
			snprintf(what, sizeof(what), "%s would be taken for dead here after", peer);
		return err__set(
			err, -EINVAL,
			"bfd[%zu]: %s %.0f ms without a packet (%s times multiplier), but the "
			"real-time thread was up to %.0f ms late (99.99 %% of its wake-ups): "
			"make that product %.0f ms or more",
			i, what, (double)(theirs ? theirs_ms(b) : ours_ms(b)),
			theirs ? "min_tx" : "min_rx", ceil((double)late_ns / MS),
			ceil(2 * (double)late_ns / MS));
	}
	return 0;
}

int lateness__check(const struct agent *a, const struct config *next, struct err *err)
{
	uint64_t late_ns = worst_ns(a);
	int rc = 0;

	/* At a start it is better to run than not to, and little is known. */
	if (a->config)
		rc = check_bfd(a, next, late_ns, err);
	return rc || !a->config ? rc : check_vrrp(a, next, late_ns, err);
}

bool lateness__is_return(const struct agent *a, const struct apply_order *order)
{
	return strcmp(order->origin, "rollback") == 0 ||
	       (order->common.len && accord_text__equal(&order->common, &a->common_before));
}

/* --- what runs --------------------------------------------------------------------------------------- */

struct finding {
	uint64_t late_ns;
	json_t *sentences;
};

static void look_at_group(void *ctx, const struct vrrp_status *s)
{
	const struct vrrp_group *g = &s->group;
	struct finding *f = ctx;
	/* A backup goes by what the active one says. */
	uint16_t interval_cs = g->state == VRRP_BACKUP && g->active_interval_cs
				       ? g->active_interval_cs
				       : g->set.interval_cs;
	uint64_t wait_ns = vrrp__down_ns(g->priority, interval_cs);

	if (g->state == VRRP_INITIALIZE || wait_ns >= 2 * f->late_ns)
		return;
	json_array_append_new(
		f->sentences,
		json_sprintf(
			"VRRP group '%s' has a backup wait for %.1f ms, and this machine wakes the "
			"agent up to %.1f ms late (99.99 %% of times): an active router that lives "
			"may be taken for dead; make `interval` %.0f ms or more",
			s->config->name, (double)wait_ns / MS, (double)f->late_ns / MS,
			ceil((double)f->late_ns / 1.5e7) * 10));
}

static void look_at_session(const struct bfd_view *v, struct finding *f)
{
	const struct bfd_session *s = &v->session;
	uint64_t ours_ns = bfd_session__detection_ns(s),
		 theirs_ns = bfd_session__interval_ns(s) * s->wanted.mult;
	bool theirs = theirs_ns < 2 * f->late_ns;
	char peer[ADDR_STRLEN];

	if (s->state != BFD_UP || (!theirs && ours_ns >= 2 * f->late_ns))
		return;
	json_array_append_new(
		f->sentences,
		json_sprintf(
			"the BFD session with %s takes %s for dead after %.1f ms without a packet, and "
			"this machine wakes the agent up to %.1f ms late (99.99 %% of times); make "
			"its times longer",
			addr__format(&v->config.peer, peer), theirs ? "this machine" : "the peer",
			(double)(theirs ? theirs_ns : ours_ns) / MS, (double)f->late_ns / MS));
}

json_t *lateness__json(const struct agent *a)
{
	struct finding f = {worst_ns(a), json_array()};

	if (a->failover.vrrp)
		vrrp__status(a->failover.vrrp, look_at_group, &f);
	for (size_t i = 0; i < a->neighbors.n_seen; i++)
		look_at_session(&a->neighbors.seen[i], &f);
	return f.sentences;
}

void lateness__tick(struct agent *a)
{
	json_t *sentences = lateness__json(a);
	size_t n = json_array_size(sentences);

	for (size_t i = 0; i < n && n > a->late_told; i++)
		log_warn("%s", json_string_value(json_array_get(sentences, i)));
	if (a->late_told && !n)
		log_info("this machine wakes the agent in time again for all that it waits for");
	a->late_told = n;
	json_decref(sentences);
}
