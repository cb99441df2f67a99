/* SPDX-License-Identifier: GPL-2.0-or-later */
/* member.c - one backend of one service: its verdict, its next hop, its entry in the maps. */
#include "agent/agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct member *member__new(struct service *s, const char *id, const struct addr *address)
{
	struct member *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->service = s;
	m->address = *address;
	snprintf(m->id, sizeof(m->id), "%s", id);
	health__init(&m->health, 1, 1, FL_HEALTH_UNKNOWN, FL_ADMIN_NONE, agent__realtime_ns());
	return m;
}

void member__quiet(struct member *m)
{
	probe_sub__cancel(m->sub);
	m->sub = NULL;
	hops__leave(m->service->agent, m);
}

void member__free(struct member *m)
{
	if (!m)
		return;
	member__quiet(m);
	free(m);
}

static void log_member(enum log_level level, const struct member *m, const char *text)
{
	char address[ADDR_STRLEN];
	const struct log_field fields[] = {
		{"SERVICE", m->service->name},
		{"BACKEND", m->id},
		{"ADDRESS", addr__format(&m->address, address)},
		{"STATE", health__name(&m->health)},
		{NULL, NULL},
	};

	log__write(level, fields, "service %s: backend %s %s", m->service->name, m->id, text);
}

void member__remember(const struct member *m)
{
	struct fl_member memory = {
		.health = (__u8)m->health.state,
		.admin = (__u8)m->health.admin,
		.weight = m->weight,
		.since = m->health.since_ns,
	};
	struct err err;

	if (m->indexed &&
	    plane__member_set(m->service->agent->plane, m->service->id, m->index, &memory, &err))
		log_error("%s; a restart would not know its state", err.text);
}

bool member__drain(struct member *m, bool drain)
{
	if (!health__set_admin(&m->health, drain ? FL_ADMIN_DRAIN : FL_ADMIN_NONE,
			       agent__realtime_ns()))
		return false;
	member__remember(m);
	m->service->dirty = true;
	log_member(LOG_LV_INFO, m,
		   drain ? "is draining, as the operator asked: no new flows"
			 : "is no longer draining, as the operator asked");
	return true;
}

/* --- probe ------------------------------------------------------------------------------------- */

static void log_change(const struct member *m, enum health_change change, uint64_t streak_ns,
		       const struct probe_result *r)
{
	char text[320];

	if (change == HEALTH_WENT_UP)
		snprintf(text, sizeof(text), "is up: %s in %.1f ms",
			 r->detail[0] ? r->detail : "answered", (double)r->latency_ns / 1e6);
	else
		snprintf(text, sizeof(text),
			 "is down: %s (%" PRIu32 " failures in a row, %.0f ms after the first)",
			 r->detail, m->health.fall, (double)streak_ns / 1e6);
	log_member(change == HEALTH_WENT_UP ? LOG_LV_INFO : LOG_LV_WARN, m, text);
}

static bool on_probe(void *ctx, const struct probe_result *r)
{
	struct member *m = ctx;
	uint64_t mono = uv_hrtime(), first = m->health.first_bad_ns;
	enum health_change change;

	m->probed = true;
	m->probe_ok = r->ok;
	m->probe_latency_ns = r->latency_ns;
	m->probe_at_ns = agent__realtime_ns();
	snprintf(m->probe_detail, sizeof(m->probe_detail), "%s", r->detail);
	change = health__result(&m->health, r->ok, mono, m->probe_at_ns);
	if (change != HEALTH_SAME) {
		m->service->dirty = true;
		member__remember(m);
		log_change(m, change, first ? mono - first : 0, r);
	}
	return health__settled(&m->health);
}

int member__probe(struct member *m, struct err *err)
{
	const struct config_probe *p = &m->service->config->probe;

	probe_sub__cancel(m->sub);
	m->sub = NULL;
	return prober__subscribe(m->service->agent->prober, &m->address,
				 p->port ? p->port : m->service->config->port, p,
				 health__settled(&m->health), on_probe, m, &m->sub, err);
}

/* --- entry and next hop ------------------------------------------------------------------------- */

static struct plane_backend entry_of(const struct member *m, const struct config *c)
{
	struct plane_backend b = {.id = m->id, .address = m->address, .source_len = 128};
	bool v4 = addr__is4(&m->address);

	b.mode = m->service->forward == CONFIG_FWD_L2 ? FL_FWD_L2
		 : v4				      ? FL_FWD_IPIP4
						      : FL_FWD_IPIP6;
	if (v4 ? c->has_encap_source4 : c->has_encap_source6) {
		b.source = v4 ? c->encap_source4.addr : c->encap_source6.addr;
		b.source_len = v4 ? c->encap_source4.len : c->encap_source6.len;
	} else if (m->hop) {
		b.source = m->hop->net.source;
	}
	return b;
}

int member__index(struct member *m, const struct config *c, struct err *err)
{
	struct agent *a = m->service->agent;
	struct plane_backend b = entry_of(m, c);
	int rc;

	if (m->indexed)
		return 0;
	rc = plane__backend_new(a->plane, &b, &m->index, err);
	if (rc)
		return rc;
	m->indexed = true;
	a->by_index[m->index] = m;
	member__remember(m);
	return 0;
}

int member__watch(struct member *m, struct err *err)
{
	return m->hop ? 0 : hops__join(m->service->agent, m, err);
}

/*
 * The entry's immutable part no longer fits (the route's source address changed): a new entry takes
 * its place in the slots, and the old one goes when no packet can read it any more.
 */
static void reindex(struct member *m)
{
	struct member *old = member__new(m->service, m->id, &m->address);
	struct agent *a = m->service->agent;
	struct err err;

	if (!old) {
		log_member(LOG_LV_ERROR, m, "keeps its old source address: out of memory");
		return;
	}
	old->index = m->index;
	m->indexed = false;
	if (member__index(m, a->config, &err)) {
		m->index = old->index;
		m->indexed = true;
		log_error("%s; it keeps its old source address", err.text);
		member__free(old);
		return;
	}
	old->indexed = true;
	a->by_index[old->index] = old;
	m->hop_settling = false;
	service__retire(m->service, old);
}

/* Why packets cannot be sent along this hop; NULL when they can. */
static const char *unusable(const struct member *m, const struct net_hop *n)
{
	if (n->local)
		return "has an address of this machine, which XDP cannot deliver to";
	if (!n->ifindex)
		return "has no route";
	if (!n->resolved)
		return "has a next hop whose MAC address is not known (yet)";
	if (m->service->forward == CONFIG_FWD_L2 && !n->on_link)
		return "is behind a gateway, but `forward: l2` needs it on the same link; use ipip";
	return NULL;
}

static void hop_settled(void *ctx, uint32_t index)
{
	struct agent *a = ctx;
	struct member *m = a->by_index[index];

	if (!m)
		return;
	m->hop_settling = false;
	if (m->hop_dirty)
		member__hop_changed(m);
}

static void write_hop(struct member *m, const struct fl_hop *hop)
{
	struct agent *a = m->service->agent;
	const struct fl_backend *b = plane__backend(a->plane, m->index);
	const char *why = unusable(m, &m->hop->net);
	struct err err;

	if (memcmp(&b->hop[b->hop_live & 1], hop, sizeof(*hop)) == 0)
		return;
	if (plane__backend_hop(a->plane, m->index, hop, &err)) {
		log_error("%s; packets to it are dropped", err.text);
		return;
	}
	m->hop_settling = true;
	grace__after(a->grace, hop_settled, a, m->index);
	if (why)
		log_member(LOG_LV_WARN, m, why);
}

void member__hop_changed(struct member *m)
{
	struct agent *a = m->service->agent;
	struct plane_backend want;
	const struct net_hop *n;
	struct fl_hop hop = {0};

	if (!m->hop || !m->indexed || !a->config)
		return;
	if (m->hop_settling) {
		m->hop_dirty = true;
		return;
	}
	m->hop_dirty = false;
	n = &m->hop->net;
	want = entry_of(m, a->config);
	if (n->ifindex && !plane__backend_same(a->plane, m->index, &want))
		reindex(m);
	if (!unusable(m, n)) {
		memcpy(hop.dmac, n->dmac, sizeof(hop.dmac));
		memcpy(hop.smac, n->smac, sizeof(hop.smac));
		hop.ifindex = n->ifindex;
		hop.mtu = (uint16_t)(n->mtu > UINT16_MAX ? UINT16_MAX : n->mtu);
	}
	write_hop(m, &hop);
}
