/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.c - entries of `backends`: shared by members, kept on their next hop, released.
 *
 * What an entry says never changes, but for its next hop and its flags: a member that needs another
 * content goes to another target. An entry that has lost its last member may still be named by records
 * of connections, so it waits until none is left, see target__counted(); the same content asked for
 * meanwhile is the same entry again.
 */
#include "agent/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct fl_backend));
}

static struct target *find(struct agent *a, const struct fl_backend *entry)
{
	void *node = tfind(entry, &a->targets, compare);

	return node ? *(struct target **)node : NULL;
}

static struct target *make(const struct fl_backend *entry, uint32_t index)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->entry = *entry;
	t->index = index;
	LIST_INIT(&t->members);
	return t;
}

/* A content that is there already (an adopted entry's twin) is found under the first. */
static int list(struct agent *a, struct target *t)
{
	void *node = tsearch(t, &a->targets, compare);

	if (!node)
		return -ENOMEM;
	t->listed = *(struct target **)node == t;
	a->by_index[t->index] = t;
	return 0;
}

static void watch_on(struct target *t, struct hop *h)
{
	t->hop = h;
	LIST_INSERT_HEAD(&h->targets, t, hop_entry);
}

static void quiet(struct agent *a, struct target *t)
{
	struct hop *h = t->hop;

	if (!h)
		return;
	LIST_REMOVE(t, hop_entry);
	t->hop = NULL;
	hops__drop(a, h);
}

static void free_target(struct agent *a, struct target *t)
{
	quiet(a, t);
	if (t->listed)
		tdelete(t, &a->targets, compare);
	a->by_index[t->index] = NULL;
	free(t->trail);
	free(t->labels);
	free(t);
}

/* --- quarantine --------------------------------------------------------------------------------- */

static void release(void *ctx, uint32_t index)
{
	struct agent *a = ctx;
	struct target *t = a->by_index[index];

	t->releasing = false;
	if (!LIST_EMPTY(&t->members))
		return;
	plane__backend_release(a->plane, index);
	free_target(a, t);
}

static void begin_release(struct agent *a, struct target *t)
{
	t->releasing = true;
	grace__after(a->grace, release, a, t->index);
}

void target__put(struct agent *a, struct target *t)
{
	if (!LIST_EMPTY(&t->members) || a->stopping || t->releasing)
		return;
	t->left_s = agent__coarse_s();
	t->clear = 0;
	if (!t->used)
		begin_release(a, t);
}

/*
 * Records are made for a while after the last slot named the target: out of handshakes that were under
 * way (`tentative`, and as long `frags`).
 */
void target__counted(struct agent *a, struct target *t, unsigned int swept, uint32_t began_s,
		     uint32_t n)
{
	unsigned int wanted = SWEPT_FLOWS | (a->nat_sweep.period_s ? SWEPT_NAT : 0);

	if (!LIST_EMPTY(&t->members) || t->releasing || began_s <= t->left_s + FL_TENTATIVE_S)
		return;
	t->clear = n ? t->clear & ~swept : t->clear | swept;
	if ((t->clear & wanted) == wanted)
		begin_release(a, t);
}

/* Zeroes unless the target is lost to all its members. */
static struct fate_loss loss_of(const struct target *t)
{
	struct fate_loss l = {.given_up = true};
	const struct member *m;

	LIST_FOREACH (m, &t->members, target_entry) {
		const struct config_service *c = m->service->config;
		uint32_t lost_s = m->dropped ? m->retired_s : m->lost_s;

		if (!c || !member__is_lost(m))
			return (struct fate_loss){0};
		if (c->down_hold_ms / 1000 > l.hold_s)
			l.hold_s = (uint16_t)(c->down_hold_ms / 1000);
		if (lost_s > l.since_s)
			l.since_s = lost_s;
		l.given_up &= m->dropped;
	}
	return l;
}

void target__losses(const struct agent *a, struct fate_loss *out)
{
	for (uint32_t i = 1; i < FL_MAX_BACKENDS; i++)
		out[i] = a->by_index[i] ? loss_of(a->by_index[i]) : (struct fate_loss){0};
}

/* A leftover may still get connections back as long as one that is drained does. */
static bool is_lost(const struct member *m, uint32_t now_s)
{
	const struct config_service *c = m->service->config;

	if (member__is_lost(m))
		return true;
	return m->retired && c && now_s - m->retired_s > c->hold_ms / 1000;
}

void target__judge(struct agent *a, struct target *t)
{
	uint32_t now_s = agent__coarse_s();
	const struct member *m;
	bool gone = true;

	LIST_FOREACH (m, &t->members, target_entry)
		gone &= is_lost(m, now_s);
	if (t->gone == gone)
		return;
	t->gone = gone;
	plane__backend_flag(a->plane, t->index, FL_BE_GONE, gone);
}

void target__join(struct target *t, struct member *m)
{
	struct agent *a = m->service->agent;

	LIST_INSERT_HEAD(&t->members, m, target_entry);
	m->target = t;
	if (t->entry.mode == FL_FWD_NAT)
		nat__touch(a);
	target__judge(a, t);
}

void target__leave(struct member *m)
{
	struct agent *a = m->service->agent;
	struct target *t = m->target;

	if (!t)
		return;
	LIST_REMOVE(m, target_entry);
	m->target = NULL;
	if (t->entry.mode == FL_FWD_NAT)
		nat__touch(a);
	if (!a->stopping)
		target__judge(a, t);
	target__put(a, t);
}

/* --- content ------------------------------------------------------------------------------------ */

static bool tunnels(enum fl_forward mode)
{
	return mode == FL_FWD_IPIP4 || mode == FL_FWD_IPIP6 || mode == FL_FWD_GUE4 ||
	       mode == FL_FWD_GUE6;
}

static enum fl_forward mode_of(enum config_forward forward, bool v4)
{
	switch (forward) {
	case CONFIG_FWD_IPIP:
		return v4 ? FL_FWD_IPIP4 : FL_FWD_IPIP6;
	case CONFIG_FWD_GUE:
		return v4 ? FL_FWD_GUE4 : FL_FWD_GUE6;
	case CONFIG_FWD_NAT:
		return FL_FWD_NAT;
	case CONFIG_FWD_FULLNAT:
		return FL_FWD_FULLNAT;
	default:
		return FL_FWD_L2;
	}
}

/* The outer source as the file, else the route, says. False: the route is not known (yet). */
static bool set_source(const struct config *c, const struct hop *h, struct plane_backend *b)
{
	bool v4 = addr__is4(&b->address);

	b->source_len = 128;
	if (v4 ? c->has_encap_source4 : c->has_encap_source6) {
		b->source = v4 ? c->encap_source4.addr : c->encap_source6.addr;
		b->source_len = v4 ? c->encap_source4.len : c->encap_source6.len;
		return true;
	}
	b->source = h->net.source;
	return h->net.ifindex != 0;
}

/* The entry that is wanted; `like`: whose source it has while there is no route to tell it. */
static struct fl_backend wanted(const struct config *c, const struct hop *h,
				struct plane_backend *b, const struct fl_backend *like)
{
	bool known = !tunnels(b->mode) || set_source(c, h, b);
	struct fl_backend e = plane_backend__entry(b);

	if (!known && like && like->mode == e.mode) {
		e.src_mask = like->src_mask;
		e.src4 = like->src4;
		e.sum4 = like->sum4;
		memcpy(e.src6, like->src6, sizeof(e.src6));
	}
	return e;
}

/* The target of an entry, a new one if there is none; the hop's hold passes to a new one. */
static int get(struct agent *a, const struct fl_backend *entry, struct hop *h, struct target **out,
	       struct err *err)
{
	struct target *t = find(a, entry);
	uint32_t index;
	int rc;

	if (t) {
		if (t->hop)
			hops__drop(a, h);
		else
			watch_on(t, h);
		*out = t;
		return 0;
	}
	rc = plane__backend_new(a->plane, entry, &index, err);
	if (rc) {
		hops__drop(a, h);
		return rc;
	}
	t = make(entry, index);
	if (!t || list(a, t)) {
		free(t);
		plane__backend_release(a->plane, index);
		hops__drop(a, h);
		return err__set(err, -ENOMEM, "out of memory");
	}
	watch_on(t, h);
	*out = t;
	return 0;
}

static struct plane_backend backend_of(const struct config_service *s,
				       const struct config_backend *b)
{
	return (struct plane_backend){
		.id = b->id,
		.address = b->address,
		.mode = mode_of(s->forward, addr__is4(&b->address)),
		.port = s->forward == CONFIG_FWD_GUE ? s->gue_port : b->port,
	};
}

const struct target *target__foresee(struct agent *a, const struct config *c,
				     const struct config_service *s, const struct config_backend *b,
				     const struct target *like)
{
	static const struct hop unknown;
	struct plane_backend want = backend_of(s, b);
	const struct hop *h = like && like->hop ? like->hop : hops__find(a, &b->address);
	const struct fl_backend entry =
		wanted(c, h ? h : &unknown, &want, like ? &like->entry : NULL);

	/* Thousands of them stay as they are. */
	if (like && like->listed && compare(&entry, &like->entry) == 0)
		return like;
	return find(a, &entry);
}

int target__get(struct agent *a, const struct config *c, const struct config_service *s,
		const struct config_backend *b, const struct target *like, struct target **out,
		struct err *err)
{
	struct plane_backend want = backend_of(s, b);
	struct fl_backend entry;
	struct hop *h;
	int rc = hops__hold(a, &b->address, &h, err);

	if (rc)
		return rc;
	entry = wanted(c, h, &want, like ? &like->entry : NULL);
	return get(a, &entry, h, out, err);
}

/* --- next hop ----------------------------------------------------------------------------------- */

static void log_target(enum log_level level, const struct target *t, const char *text)
{
	char address[ADDR_STRLEN];
	const struct log_field fields[] = {
		{"BACKEND", t->entry.id},
		{"ADDRESS", addr__format(&t->hop->address, address)},
		{NULL, NULL},
	};

	log__write(level, fields, "backend %s (%s) %s", t->entry.id, address, text);
}

/* Why packets cannot be sent along this hop; NULL when they can. */
static const char *unusable(const struct target *t)
{
	const struct net_hop *n = &t->hop->net;

	if (n->local)
		return "has an address of this machine, which XDP cannot deliver to";
	if (!n->ifindex)
		return "has no route";
	if (n->stacked)
		return "is behind a VLAN interface that one 802.1Q tag is not enough for (a VLAN in "
		       "a VLAN, 802.1ad, or of another network namespace), which fairlead cannot "
		       "send through";
	if (!n->resolved)
		return "has a next hop whose MAC address is not known (yet)";
	if (t->entry.mode == FL_FWD_L2 && !n->on_link)
		return "is behind a gateway, but `forward: l2` needs it on the same link; use ipip";
	return NULL;
}

static void settled(void *ctx, uint32_t index)
{
	struct agent *a = ctx;
	struct target *t = a->by_index[index];

	if (!t)
		return;
	t->settling = false;
	if (t->dirty)
		target__hop_changed(a, t);
}

static void write_hop(struct agent *a, struct target *t)
{
	const struct fl_backend *b = plane__backend(a->plane, t->index);
	const struct net_hop *n = &t->hop->net;
	const char *why = unusable(t);
	struct fl_hop hop = {0};
	struct err err;

	if (!why) {
		memcpy(hop.dmac, n->dmac, sizeof(hop.dmac));
		memcpy(hop.smac, n->smac, sizeof(hop.smac));
		hop.ifindex = n->ifindex;
		hop.vlan = n->vlan;
		hop.mtu = (uint16_t)(n->mtu > UINT16_MAX ? UINT16_MAX : n->mtu);
	}
	if (memcmp(&b->hop[b->hop_live & 1], &hop, sizeof(hop)) == 0)
		return;
	if (plane__backend_hop(a->plane, t->index, &hop, &err)) {
		log_error("%s; packets to it are dropped", err.text);
		return;
	}
	t->settling = true;
	grace__after(a->grace, settled, a, t->index);
	if (why)
		log_target(LOG_LV_WARN, t, why);
}

/* The members of running services go where the route's new source address leads. */
static void follow_source(struct agent *a, struct target *t)
{
	struct plane_backend b = {
		.id = t->entry.id,
		.mode = (enum fl_forward)t->entry.mode,
		.port = ntohs(t->entry.port),
	};
	struct member *m, *next;
	struct fl_backend want;
	struct target *to = NULL;
	struct hop *h = t->hop;
	struct err err;

	memcpy(b.address.b, t->entry.addr, sizeof(b.address.b));
	want = wanted(a->config, h, &b, &t->entry);
	if (compare(&want, &t->entry) == 0)
		return;
	h->holds++;
	if (get(a, &want, h, &to, &err) || !to) {
		log_error("%s; it keeps its old source address", err.text);
		return;
	}
	for (m = LIST_FIRST(&t->members); m; m = next) {
		next = LIST_NEXT(m, target_entry);
		if (!m->service->config || m->retired)
			continue;
		if (member__move(m, to))
			log_target(LOG_LV_ERROR, t, "keeps its old source address: out of memory");
	}
	target__hop_changed(a, to);
	target__put(a, to);
}

void target__hop_changed(struct agent *a, struct target *t)
{
	if (!t->hop || !a->config)
		return;
	if (t->settling) {
		t->dirty = true;
		return;
	}
	t->dirty = false;
	if (tunnels((enum fl_forward)t->entry.mode))
		follow_source(a, t);
	write_hop(a, t);
}

int target__adopt(struct agent *a, uint32_t index)
{
	const struct fl_backend *b = plane__backend(a->plane, index);
	struct fl_backend entry = *b;
	struct target *t;

	entry.hop_live = 0;
	entry.flags = 0;
	memset(entry.hop, 0, sizeof(entry.hop));
	t = make(&entry, index);
	if (!t || list(a, t)) {
		free(t);
		return -ENOMEM;
	}
	t->record = b->flags & FL_BE_RECORD;
	t->gone = b->flags & FL_BE_GONE;
	t->used = true;
	t->left_s = agent__coarse_s();
	/* The predecessor may have flipped its hop a moment before it died. */
	t->settling = true;
	grace__after(a->grace, settled, a, index);
	return 0;
}

void target__quiet_all(struct agent *a)
{
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			quiet(a, a->by_index[i]);
	}
}

void target__free_all(struct agent *a)
{
	for (uint32_t i = 0; i < FL_MAX_BACKENDS; i++) {
		if (a->by_index[i])
			free_target(a, a->by_index[i]);
	}
}
