/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - flows of NAT that have a record in `nat_flows`.
 *
 * Full NAT has two entries a flow: the client's packets find the backend and the source of the pool,
 * the backend's replies find the client. The replies' entry is made first and only where there was
 * none, so two flows never share a source; it may stand alone for a moment, never the other one. A
 * `nat` flow whose replies do not tell their service has the replies' entry alone.
 *
 * An entry goes by its key, and another connection's may stand there by then. So whoever deletes one, or
 * puts another in its place, has made it FL_NAT_DEAD before: of two that want to, one does. Of a pair it is
 * the client's entry that says so for both.
 */
#ifndef FAIRLEAD_BPF_PICK_RECORD_H
#define FAIRLEAD_BPF_PICK_RECORD_H

#include "gates.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/l4.h"
#include "pick/slot.h"
#include "service/key.h"

#define EEXIST 17
#define SNAT_TRIES 32
#define NS_PER_S 1000000000ULL

static __always_inline __u32 coarse_s(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() / NS_PER_S);
}

static __always_inline void nat_key(struct fl_nat_key *k, const void *saddr, const void *daddr,
				    __be16 sport, __be16 dport, __u8 proto)
{
	copy16(k->saddr, saddr);
	copy16(k->daddr, daddr);
	k->sport = sport;
	k->dport = dport;
	k->proto = proto;
	k->pad[0] = k->pad[1] = k->pad[2] = 0;
}

/* The key of the replies to what the entry `f` makes of the client's packets. */
static __always_inline void reply_key(struct fl_nat_key *k, const struct fl_nat_flow *f, __u8 proto)
{
	nat_key(k, f->daddr, f->saddr, f->dport, f->sport, proto);
}

static __always_inline int equal16(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return x[0] == y[0] && x[1] == y[1];
}

/* The entry that belongs to the one with the key, whose packets it turns into what has that key; NULL: none. */
static __always_inline struct fl_nat_flow *
partner_of(const struct fl_nat_key *turned, const struct fl_nat_key *k, const struct fl_nat_flow *f)
{
	struct fl_nat_flow *o = bpf_map_lookup_elem(&nat_flows, turned);

	return o && (o->flags ^ f->flags) & FL_NAT_BACK && equal16(o->saddr, k->daddr) &&
			       equal16(o->daddr, k->saddr) && o->sport == k->dport &&
			       o->dport == k->sport
		       ? o
		       : NULL;
}

/* Service and flags of an entry in one word, as packets on several CPUs change the flags. */
union service_flags {
	struct {
		__u16 service, flags;
	};
	__u32 word;
};
_Static_assert(__builtin_offsetof(struct fl_nat_flow, service) % 4 == 0 &&
		       __builtin_offsetof(struct fl_nat_flow, flags) ==
			       __builtin_offsetof(struct fl_nat_flow, service) + 2,
	       "service and flags are one word");

/* Sets flags, and takes none away that another CPU sets; what they were. */
static __always_inline __u16 add_flags(struct fl_nat_flow *f, __u16 flags)
{
	union service_flags add = {.flags = flags}, was;

	was.word = __sync_fetch_and_or((__u32 *)&f->service, add.word);
	return was.flags;
}

/* 1: the entry is DEAD from now on, and the caller's to delete or to replace. 0: another's. */
static __always_inline int claim(struct fl_nat_flow *f)
{
	if (add_flags(f, FL_NAT_DEAD) & FL_NAT_DEAD)
		return 0;
	/* By which the sweeper tells what was left lying, should the deletion fail. */
	f->seen_s = coarse_s();
	return 1;
}

/* The flags of both entries of a pair in one word, as struct fl_told_nat has them. */
static __always_inline __u16 pair_flags(const struct fl_nat_flow *client,
					const struct fl_nat_flow *back)
{
	__u16 c = client->flags, b = back->flags;

	return (c & (FL_NAT_FIN | FL_NAT_RST | FL_NAT_HERE)) |
	       (b & (FL_NAT_SEEN | FL_NAT_RST | FL_NAT_HERE)) |
	       (c & FL_NAT_SEEN ? FL_NAT_SEEN_OTHER : 0) | (b & FL_NAT_FIN ? FL_NAT_FIN_OTHER : 0);
}

/*
 * Peers are told of a flow when it goes on after its first answer (`nat`: with the client's second packet), so a flood
 * of beginnings tells of none of them, and of what changes then: its ends, and that it has come here. `turned` has
 * room for the key of the other entry.
 */
static __always_inline void tell_nat(const struct fl_nat_key *k, const struct fl_nat_flow *f,
				     struct fl_nat_key *turned)
{
	const __u16 goes_on = FL_NAT_SEEN | FL_NAT_SEEN_OTHER;
	const struct fl_nat_flow *other, *client = f;
	struct fl_told_nat *t;
	__u16 flags;

	reply_key(turned, f, k->proto);
	flags = f->flags;
	other = partner_of(turned, k, f);
	if (other) {
		client = flags & FL_NAT_BACK ? other : f;
		flags = pair_flags(client, client == f ? other : f);
	}
	if ((flags & goes_on) != goes_on)
		return;
	t = bpf_ringbuf_reserve(&told, sizeof(*t), 0);
	if (!t) {
		count_note(FL_N_UNTOLD);
		return;
	}
	__builtin_memcpy(&t->key, client == f ? k : turned, sizeof(t->key));
	__builtin_memcpy(&t->flow, client, sizeof(t->flow));
	t->flow.flags = flags;
	/* Of the packet that is told of. */
	t->flow.seen_s = f->seen_s;
	bpf_ringbuf_submit(t, 0);
}

/*
 * A packet with those TCP flags came along the entry. `fin` is what its FIN is remembered as; that of the
 * other direction, where the entry stands alone, is FL_NAT_FIN_OTHER. 1: the peers are to be told.
 */
static __always_inline int record_seen(struct fl_nat_flow *f, __u8 flags, __u16 fin)
{
	__u16 add = FL_NAT_SEEN | FL_NAT_HERE | (fin == FL_NAT_FIN_OTHER ? FL_NAT_SEEN_OTHER : 0) |
		    (flags & TCP_FIN ? fin : 0) | (flags & TCP_RST ? FL_NAT_RST : 0);
	__u16 was = *(volatile const __u16 *)&f->flags;
	__u32 now = coarse_s();
	int news;

	if (gate_explain || was & FL_NAT_DEAD)
		return 0;
	/* Most packets change nothing: a line that is only read stays in every CPU's cache. */
	news = (was & add) != add;
	if (news)
		add_flags(f, add);
	if (f->seen_s != now)
		f->seen_s = now;
	return gate_peers && news;
}

static __always_inline void rewrite_by(struct rewrite *r, const struct fl_nat_flow *f)
{
	copy16(r->src.a, f->saddr);
	copy16(r->dst.a, f->daddr);
	r->sport = f->sport;
	r->dport = f->dport;
}

/* Does the index still name the place to which the flow goes? */
static __always_inline int names_backend(const struct fl_nat_flow *f)
{
	const struct fl_backend *b = backend_at(f->backend);

	return b && b->mode == FL_FWD_FULLNAT && equal16(b->addr, f->daddr) &&
	       (!b->port || b->port == f->dport);
}

/* May a new connection take the place of the one that the entry is of? */
static __always_inline int replaceable(const struct fl_nat_flow *f, __u32 slot_owner, __u8 proto)
{
	const struct fl_service *s = service_at(f->service);
	__u32 now = coarse_s();
	const struct fl_nat_flow *back;
	__u16 both = f->flags;
	struct fl_nat_key k;

	if (is_gone(f->backend))
		return 1;
	reply_key(&k, f, proto);
	back = bpf_map_lookup_elem(&nat_flows, &k);
	if (!back)
		return 1;
	both |= back->flags;
	if (both & FL_NAT_RST || (f->flags & FL_NAT_FIN && back->flags & FL_NAT_FIN))
		return 1;
	if (s && now - f->seen_s > s->idle_s && now - back->seen_s > s->idle_s)
		return 1;
	return f->backend != slot_owner && !(back->flags & FL_NAT_SEEN);
}

/*
 * The client's entry first: what is left for a moment is the replies', which finds the client still. Unless
 * another has begun to.
 */
static __always_inline void forget(const struct fl_nat_key *k, struct fl_nat_flow *f)
{
	struct fl_nat_key back;
	int paired;

	if (gate_explain || !claim(f))
		return;
	reply_key(&back, f, k->proto);
	paired = partner_of(&back, k, f) != NULL;
	bpf_map_delete_elem(&nat_flows, k);
	if (paired)
		bpf_map_delete_elem(&nat_flows, &back);
}

/* A source of the pool: address by the flow's hash, port from this CPU's part. 0: the pool is empty. */
static __always_inline int pool_address(const struct fl_snat *pool, const struct pkt *p, __u64 hash,
					struct addr_words *out)
{
	__u32 n = p->v6 ? pool->n6 : pool->n4, i;

	if (!n || n > FL_SNAT_ADDRS || !pool->span)
		return 0;
	i = (__u32)(hash >> 32) % n;
	/* The compiler knows that i is less than n, the verifier does not. */
	asm volatile("" : "+r"(i));
	if (i >= FL_SNAT_ADDRS)
		return 0;
	if (p->v6)
		copy16(out->a, pool->addr6[i]);
	else
		map_ipv4(out, pool->addr4[i]);
	return 1;
}

/* Makes the replies' entry with the first free port; `k` comes with all but dport. 0, or it is FULL. */
static __always_inline int take_port(const struct fl_snat *pool, struct fl_nat_key *k,
				     const struct fl_nat_flow *back)
{
	__u32 zero = 0, base = pool->port_first + bpf_get_smp_processor_id() * pool->span;
	__u32 *next = bpf_map_lookup_elem(&snat_next, &zero), ahead = 0;
	int rc;

	if (!next)
		return FL_V_DROP_NAT_FULL;
#pragma clang loop unroll(disable)
	for (int i = 0; i < SNAT_TRIES; i++) {
		k->dport = bpf_htons((__u16)(base + (*next + ahead) % pool->span));
		if (gate_explain) {
			if (!bpf_map_lookup_elem(&nat_flows, k))
				return 0;
			ahead++;
			continue;
		}
		*next += 1;
		/* Kernels before 6.4 leave the upper half of the result as it was. */
		rc = (int)bpf_map_update_elem(&nat_flows, k, back, BPF_NOEXIST);
		if (!rc)
			return 0;
		if (rc != -EEXIST)
			break;
	}
	return FL_V_DROP_NAT_FULL;
}

/* GO_ON with the backend of the record and what it makes of packets; DROP_NAT_UNKNOWN: it is void. */
static __always_inline int use_record(struct target *t, const struct fl_nat_flow *f)
{
	if (!names_backend(f))
		return FL_V_DROP_NAT_UNKNOWN;
	rewrite_by(&t->rw, f);
	t->rewritten = 1;
	t->index = f->backend;
	return GO_ON;
}

/* A new pair for the client's key, to the slot's backend (t->index). GO_ON with t->rw, or why not. */
static __always_inline int make_pair(const struct pkt *p, struct target *t,
				     const struct fl_nat_key *key)
{
	struct fl_nat_flow flow = {.backend = t->index, .service = (__u16)t->id};
	const struct fl_nat_flow *theirs;
	const struct fl_backend *b;
	struct fl_nat_key back = {};
	struct addr_words source;
	const struct fl_snat *pool;
	__u32 zero = 0;

	if (t->index == FL_SLOT_NONE)
		return FL_V_DROP_NO_BACKEND;
	b = backend_at(t->index);
	pool = bpf_map_lookup_elem(&snat, &zero);
	if (b && b->mode != FL_FWD_FULLNAT)
		return FL_V_DROP_BUG;
	if (!b || !pool || !pool_address(pool, p, t->hash, &source))
		return FL_V_DROP_NAT_FULL;
	nat_key(&back, b->addr, source.a, b->port ? b->port : key->dport, 0, key->proto);
	copy16(flow.saddr, key->daddr);
	copy16(flow.daddr, key->saddr);
	flow.sport = key->dport;
	flow.dport = key->sport;
	flow.flags = FL_NAT_BACK;
	flow.seen_s = coarse_s();
	if (take_port(pool, &back, &flow))
		return FL_V_DROP_NAT_FULL;
	copy16(flow.saddr, back.daddr);
	copy16(flow.daddr, back.saddr);
	flow.sport = back.dport;
	flow.dport = back.sport;
	flow.flags = FL_NAT_HERE;
	if (gate_explain || !bpf_map_update_elem(&nat_flows, key, &flow, BPF_NOEXIST))
		return use_record(t, &flow);
	bpf_map_delete_elem(&nat_flows, &back);
	/* Another CPU may have made the pair just now, for the same flow's other packet. */
	theirs = bpf_map_lookup_elem(&nat_flows, key);
	return theirs && !(theirs->flags & FL_NAT_DEAD) ? use_record(t, theirs)
							: FL_V_DROP_NAT_FULL;
}

/*
 * Full NAT: the flow's record, or a new one for the slot's backend (t->index). GO_ON with the backend
 * that the flow goes to and what its packets become.
 */
RARE int pick_fullnat(struct xdp_md *ctx, const struct pkt *p, struct target *t,
		      const struct addr_words *src, const struct addr_words *dst)
{
	struct fl_nat_key key = {};
	struct fl_nat_flow *f;
	int opens;

	if (!gate_nat || !p || !t || !src || !dst)
		return FL_V_DROP_BUG;
	opens = opens_connection(ctx, p);
	nat_key(&key, src->a, dst->a, source_port(p->ports), dest_port(p->ports), p->proto);
	f = bpf_map_lookup_elem(&nat_flows, &key);
	if (f && !(f->flags & (FL_NAT_BACK | FL_NAT_DEAD)) &&
	    !(opens && replaceable(f, t->index, p->proto)) && use_record(t, f) == GO_ON) {
		struct fl_nat_key turned;

		if (record_seen(f, tcp_flags(ctx, p), FL_NAT_FIN))
			tell_nat(&key, f, &turned);
		return GO_ON;
	}
	if (p->proto == IPPROTO_TCP && !opens)
		return FL_V_DROP_NAT_UNKNOWN;
	if (f)
		forget(&key, f);
	return make_pair(p, t, &key);
}

/* Has the lone entry of a `nat` flow had its time? */
static __always_inline int lone_finished(const struct fl_nat_flow *f, __u32 idle_s)
{
	const __u16 fins = FL_NAT_FIN | FL_NAT_FIN_OTHER;

	return f->flags & (FL_NAT_RST | FL_NAT_DEAD) || (f->flags & fins) == fins ||
	       coarse_s() - f->seen_s > idle_s;
}

/* `nat` where replies do not tell their service: remembers what they become. GO_ON, or why not. */
RARE int record_nat(struct xdp_md *ctx, const struct pkt *p, struct target *t,
		    const struct addr_words *src, const struct addr_words *dst)
{
	struct fl_nat_flow flow = {.flags = FL_NAT_BACK | FL_NAT_HERE};
	const struct fl_service *s;
	const struct fl_backend *b;
	struct fl_nat_key k = {};
	struct fl_nat_flow *f;
	int finished;
	__be16 port;

	if (!gate_nat || !p || !t || !src || !dst)
		return FL_V_DROP_BUG;
	b = backend_at(t->index);
	s = service_at(t->id);
	if (!b || !s)
		return FL_V_DROP_BUG;
	port = dest_port(p->ports);
	flow.backend = t->index;
	flow.service = (__u16)t->id;
	nat_key(&k, b->addr, src->a, b->port ? b->port : port, source_port(p->ports), p->proto);
	copy16(flow.saddr, dst->a);
	copy16(flow.daddr, src->a);
	flow.sport = port;
	flow.dport = source_port(p->ports);
	flow.seen_s = coarse_s();
	f = bpf_map_lookup_elem(&nat_flows, &k);
	finished = f && lone_finished(f, s->idle_s);
	if (f && equal16(f->saddr, dst->a) && f->sport == port &&
	    !(f->flags & FL_NAT_DEAD || (finished && opens_connection(ctx, p)))) {
		struct fl_nat_key turned;

		if (record_seen(f, tcp_flags(ctx, p), FL_NAT_FIN_OTHER))
			tell_nat(&k, f, &turned);
		return GO_ON;
	}
	if (f && !finished)
		return FL_V_DROP_NAT_CLASH;
	if (gate_explain)
		return GO_ON;
	return bpf_map_update_elem(&nat_flows, &k, &flow, f && !claim(f) ? BPF_NOEXIST : BPF_ANY)
		       ? FL_V_DROP_NAT_FULL
		       : GO_ON;
}

#endif
