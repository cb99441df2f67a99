/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icmp.h - ICMP errors go where the packet that they quote came from (RFC 792, RFC 4443, RFC 5508).
 *
 * An error to a VIP quotes a packet that one of its backends has sent in its name: the flow is the
 * quoted one turned round. An error to a client, on its way through NAT, quotes a packet to a backend.
 */
#ifndef FAIRLEAD_BPF_PICK_ICMP_H
#define FAIRLEAD_BPF_PICK_ICMP_H

#include "admit/lease.h"
#include "admit/limits.h"
#include "admit/sources.h"
#include "forward/echo.h"
#include "forward/reply.h"
#include "observe/count.h"
#include "parse/ip.h"
#include "pick/record.h"
#include "pick/slot.h"
#include "service/lookup.h"

#define QUOTED_TRANSPORT 8 /* bytes of it that RFC 792 promises */

/* The packet that an error quotes. */
struct quote {
	struct pkt p;
	struct addr_words src, dst;
};

static __always_inline int is_error(const struct pkt *p, __u8 type)
{
	if (p->v6)
		return type >= 1 && type <= 4;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static __always_inline int parse_quoted4(void *ip, void *end, struct pkt *q)
{
	struct iphdr *h = ip;

	if ((void *)(h + 1) > end || h->version != 4 || h->ihl < 5)
		return -1;
	if (h->frag_off & bpf_htons(IP_OFFSET))
		return -1;
	q->proto = h->protocol;
	q->l4 = q->l3 + h->ihl * 4;
	return 0;
}

static __always_inline int parse_quoted6(void *ip, void *end, struct pkt *q)
{
	struct ipv6hdr *h = ip;
	__u32 off = sizeof(*h);

	if ((void *)(h + 1) > end || h->version != 6)
		return -1;
	q->proto = h->nexthdr;
	if (skip_ext_headers(ip, end, q, &off) != GO_ON || q->frag == FRAG_LATER)
		return -1;
	q->l4 = q->l3 + off;
	return 0;
}

/* 0 with the quoted packet, whose ports are known; -1: it says too little, or is of another kind. */
static __noinline int parse_quoted(struct xdp_md *ctx, const struct pkt *p, struct quote *q)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	__u32 at = p->l4 + ICMP_HEADER, *ports;
	void *ip = data + at;

	q->p.l3 = at;
	q->p.v6 = p->v6;
	q->p.frag = FRAG_NONE;
	/* All that is quoted, whatever the quoted header says of its length. */
	q->p.l3_len = p->l3 + p->l3_len - at;
	if (p->v6 ? parse_quoted6(ip, end, &q->p) : parse_quoted4(ip, end, &q->p))
		return -1;
	if (!header_with_ports(q->p.proto) || q->p.l4 + QUOTED_TRANSPORT > at + q->p.l3_len)
		return -1;
	if (q->p.l4 > at + sizeof(struct ipv6hdr) + MAX_EXT_BYTES)
		return -1;
	ports = data + q->p.l4;
	if ((void *)ports + QUOTED_TRANSPORT > end)
		return -1;
	q->p.ports = *ports;
	return addresses(ctx, &q->p, &q->src, &q->dst);
}

/*
 * Rewrites what is quoted. The ICMP checksum covers it, so it changes by the same difference; that of
 * the quoted transport is left: it is of a packet that no longer is, and seldom quoted whole.
 */
static __noinline int rewrite_quoted(struct xdp_md *ctx, const struct pkt *p, const struct quote *q,
				     const struct rewrite *r)
{
	__u32 ports = join_ports(r->sport, r->dport), *at = frame(ctx) + q->p.l4;
	__sum16 *check = frame(ctx) + p->l4 + 2;
	void *end = frame_end(ctx);
	__u64 difference = 0, all;
	int v;

	if ((void *)(at + 1) > end || (void *)(check + 1) > end)
		return FL_V_DROP_BUG;
	all = differ(*at, ports);
	*at = ports;
	v = write_addresses(ctx, &q->p, r, &difference);
	if (v != GO_ON)
		return v;
	/* A quoted IPv4 header's own checksum takes up what its addresses change. */
	if (p->v6)
		all += difference;
	check = frame(ctx) + p->l4 + 2;
	if ((void *)(check + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	*check = check_by(*check, all);
	return GO_ON;
}

/* The quoted packet as the backend sent it, and the error's own new addresses into t->rw. */
static __noinline int quote_of_backend(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				       const struct quote *q, const struct addr_words *src)
{
	const struct fl_backend *b = t->backend;
	__be16 client = dest_port(q->p.ports), port = source_port(q->p.ports);
	struct rewrite r = {.src = q->src, .dst = q->dst, .sport = port, .dport = client};

	if (!b)
		return FL_V_DROP_BUG;
	if (t->rewritten) {
		/* Full NAT: t->rw is what the client's packets become; the quoted one goes back. */
		r.src = t->rw.dst;
		r.dst = t->rw.src;
		r.sport = t->rw.dport;
		r.dport = t->rw.sport;
	} else {
		__builtin_memcpy(r.src.a, b->addr, 16);
		r.sport = b->port ? b->port : port;
	}
	t->rw.src = *src;
	t->rw.dst = r.src;
	/* Full NAT's backend knows the client by the pool's address only, and its network too. */
	if (t->rewritten)
		t->rw.src = r.dst;
	t->rewritten = 1;
	return rewrite_quoted(ctx, p, q, &r);
}

/* Full NAT: the record of the client's packets, whatever the slot says by now. */
static __noinline int recall_flow(struct target *t, const struct quote *q)
{
	struct fl_nat_flow *f;
	struct fl_nat_key k;

	nat_key(&k, q->dst.a, q->src.a, dest_port(q->p.ports), source_port(q->p.ports), q->p.proto);
	f = bpf_map_lookup_elem(&nat_flows, &k);
	if (!f || f->flags & FL_NAT_BACK)
		return FL_V_DROP_NAT_UNKNOWN;
	return use_record(t, f);
}

/* An error to a VIP: GO_ON with the target of the flow that it is about. */
static __always_inline int error_to_vip(struct xdp_md *ctx, const struct pkt *p, struct target *t,
					const struct quote *q, __u64 bytes)
{
	const struct addr_words *client = &q->dst, *vip = &q->src;
	__u32 turned = join_ports(dest_port(q->p.ports), source_port(q->p.ports));
	struct addr_words src, dst;
	struct fl_service *s;
	int v;

	if (addresses(ctx, p, &src, &dst) || !equal16(dst.a, vip->a))
		return FL_V_PASS_NOT_SERVICE;
	s = find_service(vip, source_port(q->p.ports), q->p.proto, &t->id);
	if (!s) {
		t->id = 0;
		return FL_V_PASS_NOT_SERVICE;
	}
	t->service = s;
	count_service(t->id, bytes);
	v = admit_lease();
	if (v == GO_ON)
		v = admit_source(&src, s, t->id);
	if (v != GO_ON)
		return v;
	t->hash = hash_flow(&q->p, client, vip, turned, s->affinity);
	if (gate_nat && s->flags & FL_SVC_FULLNAT) {
		v = recall_flow(t, q);
	} else {
		v = slot_of(s, t->hash, &t->index);
		if (v == GO_ON)
			v = backend_of(t->index, &t->backend);
	}
	if (v == GO_ON && t->backend && is_nat(t->backend))
		v = quote_of_backend(ctx, p, t, q, &src);
	return v;
}

/* An error on its way from a backend, or from a router before it, to a client of NAT. */
static __noinline int error_to_client(struct xdp_md *ctx, struct pkt *p, struct target *t,
				      const struct quote *q)
{
	struct addr_words src, dst;
	struct rewrite r = {};
	struct fl_nat_key k;
	int v;

	if (addresses(ctx, p, &src, &dst) || !equal16(dst.a, q->src.a))
		return FL_V_PASS_NOT_SERVICE;
	/* The reply that the quoted packet would have had. */
	nat_key(&k, q->dst.a, q->src.a, dest_port(q->p.ports), source_port(q->p.ports), q->p.proto);
	if (find_reply(t, &k, 0))
		return FL_V_PASS_NOT_SERVICE;
	r.src = t->rw.dst;
	r.dst = t->rw.src;
	r.sport = t->rw.dport;
	r.dport = t->rw.sport;
	if (!equal16(src.a, q->dst.a))
		t->rw.src = src;
	t->rewritten = 1;
	/* Before anything is rewritten: is there a way? */
	{
		struct fl_hop hop = {};

		v = way_to(ctx, p, &t->rw, &hop);
	}
	if (v != GO_ON)
		return v;
	v = rewrite_quoted(ctx, p, q, &r);
	return v == GO_ON ? send_to_client(ctx, p, t) : v;
}

/* GO_ON with the target of an error to a VIP, or a verdict. */
static __always_inline int resolve_icmp(struct xdp_md *ctx, struct pkt *p, struct target *t,
					__u64 bytes)
{
	__u8 *icmp = frame(ctx) + p->l4;
	struct addr_words src, dst;
	struct quote q = {};

	if ((void *)(icmp + ICMP_HEADER) > frame_end(ctx))
		return FL_V_PASS_MALFORMED;
	if (addresses(ctx, p, &src, &dst) || (p->v6 && is_mapped(&dst)))
		return FL_V_PASS_NOT_SERVICE;
	if (is_echo(p, icmp[0], icmp[1]))
		return answer_echo(ctx, p, t, &src, &dst);
	if (!is_error(p, icmp[0]) || parse_quoted(ctx, p, &q))
		return FL_V_PASS_NOT_SERVICE;
	if (find_vip(&dst))
		return error_to_vip(ctx, p, t, &q, bytes);
	return gate_nat ? error_to_client(ctx, p, t, &q) : FL_V_PASS_NOT_SERVICE;
}

#endif
