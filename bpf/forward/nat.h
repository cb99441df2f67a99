/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.h - addresses and ports of a packet rewritten (RFC 3022), checksums by difference (RFC 1624
 * eqn. 3): what was wrong before is wrong after, and the payload is not read.
 */
#ifndef FAIRLEAD_BPF_FORWARD_NAT_H
#define FAIRLEAD_BPF_FORWARD_NAT_H

#include "forward/frame.h"
#include "forward/ttl.h"
#include "parse/l4.h"
#include "service/key.h"

#define CHECK_NONE 0xff

/* Difference of 32-bit words, as one's complement summands. */
static __always_inline __u64 differ(__u32 old, __u32 now)
{
	return (__u64)(__u32)~old + now;
}

static __always_inline __sum16 check_by(__sum16 check, __u64 difference)
{
	return (__sum16)~fold((__u64)(__u16)~check + difference);
}

static __always_inline __u64 differ_addr(const struct addr_words *old, const struct addr_words *now)
{
	return differ((__u32)old->a[0], (__u32)now->a[0]) +
	       differ((__u32)(old->a[0] >> 32), (__u32)(now->a[0] >> 32)) +
	       differ((__u32)old->a[1], (__u32)now->a[1]) +
	       differ((__u32)(old->a[1] >> 32), (__u32)(now->a[1] >> 32));
}

/* Where the checksum stands that covers addresses (and ports) of the packet. */
static __always_inline __u32 check_offset(const struct pkt *p)
{
	if (p->frag == FRAG_LATER)
		return CHECK_NONE;
	switch (p->proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMPV6:
		return 2;
	default: /* SCTP covers neither (RFC 9260 6.8), ICMP for IPv4 no addresses */
		return CHECK_NONE;
	}
}

/* New addresses into the IP header; *difference is what they change in a pseudo-header. */
static __always_inline int write_addresses(struct xdp_md *ctx, const struct pkt *p,
					   const struct rewrite *r, __u64 *difference)
{
	void *ip = at(ctx, p->l3), *end = frame_end(ctx);

	if (p->v6) {
		struct ipv6hdr *h = ip;
		struct addr_words old;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		copy16(old.a, &h->saddr);
		*difference = differ_addr(&old, &r->src);
		copy16(old.a, &h->daddr);
		*difference += differ_addr(&old, &r->dst);
		copy16(&h->saddr, r->src.a);
		copy16(&h->daddr, r->dst.a);
	} else {
		__be32 saddr = ipv4_of(&r->src), daddr = ipv4_of(&r->dst);
		struct iphdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		*difference = differ(h->saddr, saddr) + differ(h->daddr, daddr);
		h->saddr = saddr;
		h->daddr = daddr;
		h->check = check_by(h->check, *difference);
	}
	return GO_ON;
}

/* Addresses, ports where the packet has any, and every checksum that covers them. */
RARE int rewrite_packet(struct xdp_md *ctx, const struct pkt *p, const struct rewrite *r)
{
	__u64 difference = 0;
	__u32 check_at, ports;
	void *l4, *end;
	int v;

	if (!p || !r)
		return FL_V_DROP_BUG;
	check_at = check_offset(p);
	ports = join_ports(r->sport, r->dport);
	l4 = at(ctx, p->l4);
	end = frame_end(ctx);
	v = write_addresses(ctx, p, r, &difference);
	if (v != GO_ON || p->frag == FRAG_LATER)
		return v;
	if (header_with_ports(p->proto)) {
		if (l4 + sizeof(ports) > end)
			return FL_V_DROP_BUG;
		difference += differ(*(__u32 *)l4, ports);
		*(__u32 *)l4 = ports;
	}
	if (check_at != CHECK_NONE) {
		__sum16 *check = l4 + check_at;

		if ((void *)(check + 1) > end)
			return GO_ON; /* an ICMPv6 header ends in the next buffer */
		/* RFC 768, RFC 6935 5: 0 says that there is none; a sum of 0 is sent as 0xffff. */
		if (p->proto == IPPROTO_UDP && !*check)
			return GO_ON;
		*check = check_by(*check, difference);
		if (p->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	return GO_ON;
}

/*
 * Rewrites the packet that an ICMP error quotes (RFC 5508 4.2): addresses, and ports as quoted->ports
 * says. The ICMP checksum covers it, so it changes by the same difference; that of the quoted
 * transport is left: it is of a packet that no longer is, and seldom quoted whole.
 */
RARE int rewrite_quoted(struct xdp_md *ctx, const struct pkt *p, const struct pkt *quoted,
			const struct addr_words *src, const struct addr_words *dst)
{
	__u64 difference = 0, all;
	struct rewrite r;
	__sum16 *check;
	__u32 *ports;
	int v;

	if (!p || !quoted || !src || !dst)
		return FL_V_DROP_BUG;
	ports = at(ctx, quoted->l4);
	if ((void *)(ports + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	all = differ(*ports, quoted->ports);
	*ports = quoted->ports;
	r.src = *src;
	r.dst = *dst;
	v = write_addresses(ctx, quoted, &r, &difference);
	if (v != GO_ON)
		return v;
	/* A quoted IPv4 header's own checksum takes up what its addresses change. */
	if (p->v6)
		all += difference;
	check = at(ctx, p->l4) + 2;
	if ((void *)(check + 1) > frame_end(ctx))
		return FL_V_DROP_BUG;
	*check = check_by(*check, all);
	return GO_ON;
}

/* Towards the backend: its address and port, and for full NAT a source of the pool. */
static __always_inline int forward_nat(struct xdp_md *ctx, struct pkt *p, struct target *t,
				       const struct fl_backend *b, const struct fl_hop *hop)
{
	int v;

	if (!t->rewritten) {
		if (addresses(ctx, p, &t->rw.src, &t->rw.dst))
			return FL_V_DROP_BUG;
		copy16(t->rw.dst.a, b->addr);
		t->rw.sport = source_port(p->ports);
		t->rw.dport = b->port ? b->port : dest_port(p->ports);
	}
	v = decrement_ttl(ctx, p);
	if (v == GO_ON)
		v = rewrite_packet(ctx, p, &t->rw);
	if (v == GO_ON)
		v = frame_for(ctx, p, hop, 0, type_of(p));
	if (v != GO_ON)
		return v;
	return b->mode == FL_FWD_NAT ? FL_V_SEND_NAT : FL_V_SEND_FULLNAT;
}

#endif
