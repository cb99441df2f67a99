/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lean.h - the straight way of the packets that most balancers see most: whole TCP or UDP, untagged,
 * without options or extension headers, to a service of one address and port; or for no service at all.
 * IPv4 by MAC rewriting, in a tunnel over IPv4 or by destination NAT; IPv6 (lean6.h) by MAC rewriting or
 * in a tunnel over IPv6.
 *
 * It decides nothing of its own. What it does is what the steps do to such a packet, with every offset
 * a constant and every check a single compare; whatever is not as expected is left for the steps,
 * untouched and uncounted. Measured: docs/performance.md. Held to the rest: tests/model.
 */
#ifndef FAIRLEAD_BPF_LEAN_H
#define FAIRLEAD_BPF_LEAN_H

#include "forward/frame.h"
#include "forward/nat.h"
#include "forward/port.h"
#include "forward/tunnel.h"
#include "observe/count.h"
#include "observe/passive.h"
#include "parse/l4.h"
#include "parse/ours.h"
#include "pick/moving.h"
#include "pick/slot.h"
#include "service/lookup.h"

#define NOT_LEAN GO_ON

/* Offsets and fields in memory order: the machines are little-endian. */
#define AT_TYPE 12 /* type of the frame, version, IHL, TOS: one word */
#define IPV4_PLAIN 0x00450008 /* 0x0800, 4, 5 */
#define IPV4_PLAIN_MASK 0x00ffffff
#define AT_TOS 15
#define AT_LENGTH 16
#define AT_FRAGMENT 20
#define AT_TTL 22 /* TTL, protocol, checksum: one word */
#define AT_PROTO 23
#define AT_SOURCE 26
#define AT_DEST 30
#define AT_PORTS 34
#define LEAN_HEADERS 54 /* and of UDP, whose frames are padded to 60 bytes, all the same */

struct lean_packet {
	__u64 bytes; /* of the frame */
	__u64 hash;
	__u32 ttl; /* TTL, protocol and checksum as they lie in the header; IPv6: the hop limit */
	__u32 length; /* of the IP packet */
	__u32 saddr, daddr; /* IPv4, network order */
	__u32 ports; /* network order */
	__u32 proto;
	__u32 tos;
};

/* The counters of the service and the backend, found before they are needed. */
struct lean_counts {
	struct fl_count *of, *to;
};

/*
 * Reads a counter that will be counted later: with thousands of services or backends it is not in the
 * cache, and comes while the packet is rewritten.
 */
static __always_inline void touch(const struct fl_count *c)
{
	if (c)
		asm volatile("" : : "r"(*(volatile const __u64 *)&c->packets));
}

/*
 * The service that has the VIP and port; NULL: *v is what to return, because there is none or because
 * the service wants steps that are not here. `flags`: those of fl_service.flags that are known here.
 */
static __always_inline struct fl_service *lean_service(const struct addr_words *vip,
						       const struct lean_packet *p, __u32 *id,
						       const __u32 flags, int *v)
{
	struct fl_service *s = find_exact(vip, dest_port(p->ports), (__u8)p->proto, id);

	if (!s) {
		if (gate_nat || gate_wild) {
			asm volatile(""); /* as in steps_wanted() */
			*v = gate_nat ? TO_FULL : NOT_LEAN;
			return NULL;
		}
		count_verdict(FL_V_PASS_NOT_SERVICE, p->bytes);
		*v = XDP_PASS;
		return NULL;
	}
	if (likely(!(s->flags & ~flags) && s->affinity == FL_AFF_FLOW))
		return s;
	*v = s->flags & FL_SVC_FULLNAT ? TO_FULL : NOT_LEAN;
	return NULL;
}

/*
 * 0 with the index of the packet's backend, or what to return instead.
 */
static __always_inline int lean_pick(struct xdp_md *ctx, const struct fl_service *s, __u32 id,
				     const struct lean_packet *p, __u64 where, const int v6,
				     __u32 *index)
{
	if (slot_of(s, p->hash, index) != GO_ON)
		return NOT_LEAN;
	if (unlikely(*index & FL_SLOT_DIRTY)) {
		if (s->flags & FL_SVC_NAT)
			return TO_FULL;
		*index = pick_dirty_slot(ctx, where, dirty_what(s, id, p->proto, v6),
					 ((__u32)p->hash & s->slot_mask) | (__u64)*index << 32);
	}
	return *index == FL_SLOT_NONE ? NOT_LEAN : 0;
}

/*
 * The next hop, if the packet can take it just so, and in *action the way to its port; else NULL. What
 * fits depends on the mode: lean_fits().
 */
static __always_inline const struct fl_hop *lean_hop(const struct xdp_md *ctx,
						     const struct fl_backend *b,
						     const struct lean_packet *p, int *action)
{
	const struct fl_hop *hop = &b->hop[0];

	/* A branch, which the processor predicts, and not an address that it has to wait for. */
	if (*(volatile const __u32 *)&b->hop_live & 1)
		hop = &b->hop[1];
	if (hop->vlan || (p->ttl & 0xff) <= 1)
		return NULL;
	return choose_port(ctx, hop->ifindex, action) == GO_ON ? hop : NULL;
}

/* Does the packet fit the way, with the bytes that its mode adds? */
static __always_inline int lean_fits(const struct fl_hop *hop, const struct lean_packet *p,
				     const __u32 grow)
{
	return likely(p->length + grow <= hop->mtu || !hop->mtu);
}

static __always_inline int lean_l2(struct xdp_md *ctx, const struct fl_hop *hop,
				   const struct lean_packet *p)
{
	void *data = frame(ctx);

	if (!lean_fits(hop, p, 0) || data + ETH_HLEN > frame_end(ctx))
		return NOT_LEAN;
	write_macs(data, hop);
	return FL_V_SEND_L2;
}

/* The action of a packet with a verdict, counted; `index`: of its backend. */
static __always_inline int lean_finish(const struct lean_counts *c, __u32 index, __u64 bytes, int v,
				       int action)
{
	if (v == NOT_LEAN) {
		keep_pick(index);
		return NOT_LEAN;
	}
	add(c->of, bytes);
	count_verdict((__u32)v, bytes);
	if (v == FL_V_DROP_BUG)
		return XDP_DROP;
	add(c->to, bytes);
	return action;
}

/* IPv4 in IPv4 (RFC 2003), or with `gue` UDP and GUE in between: as encapsulate() does it. */
static __always_inline int lean_tunnel(struct xdp_md *ctx, const struct fl_backend *b,
				       const struct fl_hop *hop, const struct lean_packet *p,
				       const int gue)
{
	const __u32 grow = OUTER4_LEN + (gue ? GUE_LEN : 0), at = ETH_HLEN + grow;
	const __u32 proto = gue ? IPPROTO_UDP : IPPROTO_IPIP;
	__be32 vary = (__be32)(p->hash >> 32) & b->src_mask;
	__u32 first = bpf_htonl(0x45000000U | p->tos << 16 | (p->length + grow)), *w;
	__u64 sum = (__u64)b->sum4 + (first & 0xffffff00U) + bpf_htonl(proto) + vary;
	void *data;

	if (!lean_fits(hop, p, grow) || bpf_xdp_adjust_head(ctx, -(int)grow))
		return NOT_LEAN;
	data = frame(ctx);
	if (data + at + OUTER4_LEN > frame_end(ctx))
		return FL_V_DROP_BUG;
	write_macs(data, hop);
	*(__be16 *)(data + AT_TYPE) = bpf_htons(ETH_P_IP);
	w = data + ETH_HLEN;
	w[0] = first;
	w[1] = bpf_htonl(IP_DF);
	w[2] = OUTER_TTL | proto << 8 | (__u32)(__u16)~fold(sum) << 16;
	w[3] = b->src4 | vary;
	w[4] = b->dst4;
	if (gue) {
		__be16 sport = bpf_htons(GUE_SPORT | (__u16)(p->hash >> 48 & 0x3fff));

		w[5] = sport | (__u32)b->port << 16;
		w[6] = bpf_htons((__u16)(p->length + GUE_LEN)); /* and no checksum, RFC 768 */
		w[7] = bpf_htons(IPPROTO_IPIP);
	}
	*(__u32 *)(data + at + 8) = less_ttl(p->ttl);
	return gue ? FL_V_SEND_GUE : FL_V_SEND_IPIP;
}

/* Destination NAT whose replies need no record: as forward_nat() does it. */
static __always_inline int lean_nat(struct xdp_md *ctx, const struct fl_backend *b,
				    const struct fl_hop *hop, const struct lean_packet *p)
{
	__u32 to = *(const __u32 *)(b->addr + 12), word = less_ttl(p->ttl);
	__u32 ports = join_ports(source_port(p->ports), b->port ? b->port : dest_port(p->ports));
	__u64 difference = differ(p->daddr, to);
	void *data = frame(ctx);
	__sum16 *check = data + (p->proto == IPPROTO_TCP ? AT_PORTS + 16 : AT_PORTS + 6);

	if (!lean_fits(hop, p, 0) || data + LEAN_HEADERS > frame_end(ctx))
		return NOT_LEAN;
	word = (word & 0xffff) | (__u32)check_by((__sum16)(word >> 16), difference) << 16;
	*(__u32 *)(data + AT_TTL) = word;
	*(__u32 *)(data + AT_DEST) = to;
	*(__u32 *)(data + AT_PORTS) = ports;
	difference += differ(p->ports, ports);
	/* RFC 768: 0 says that there is none, and a sum of 0 is sent as 0xffff. */
	if (p->proto == IPPROTO_TCP || *check) {
		*check = check_by(*check, difference);
		if (p->proto == IPPROTO_UDP && !*check)
			*check = 0xffff;
	}
	write_macs(data, hop);
	return FL_V_SEND_NAT;
}

/* 1 with what there is to know before the service is, if the packet is as expected. */
static __always_inline int lean4_parse(const void *data, const void *end, struct lean_packet *p)
{
	if (data + LEAN_HEADERS > end ||
	    *(const __u16 *)(data + AT_FRAGMENT) & bpf_htons(IP_MF | IP_OFFSET))
		return 0;
	p->bytes = (__u64)(end - data);
	p->proto = *(const __u8 *)(data + AT_PROTO);
	p->length = bpf_ntohs(*(const __u16 *)(data + AT_LENGTH));
	p->daddr = *(const __u32 *)(data + AT_DEST);
	p->ports = *(const __u32 *)(data + AT_PORTS);
	/* UDP could be 12 bytes shorter: such packets are few, and left for the steps. */
	return (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) &&
	       *(const __u32 *)(data + AT_SOURCE) != p->daddr &&
	       p->length >= LEAN_HEADERS - ETH_HLEN && p->length + ETH_HLEN <= p->bytes;
}

/*
 * What is not needed before the service is known, and what is needed again. A packet's field read twice
 * costs less than one that is kept: every look-up is a call, as the compiler sees it, and there are four
 * registers that outlive one.
 */
static __always_inline void lean4_read(const void *data, struct lean_packet *p)
{
	p->ttl = *(const volatile __u32 *)(data + AT_TTL);
	p->proto = p->ttl >> 8 & 0xff;
	p->saddr = *(const volatile __u32 *)(data + AT_SOURCE);
	p->daddr = *(const volatile __u32 *)(data + AT_DEST);
	p->ports = *(const volatile __u32 *)(data + AT_PORTS);
}

static __always_inline void lean4_read_rest(const void *data, struct lean_packet *p)
{
	p->ttl = *(const volatile __u32 *)(data + AT_TTL);
	p->tos = *(const volatile __u8 *)(data + AT_TOS);
	p->length = bpf_ntohs(*(const volatile __u16 *)(data + AT_LENGTH));
}

/* The verdict of a packet that goes to the backend `index`, which has been rewritten for it. */
static __always_inline int lean4_forward(struct xdp_md *ctx, const struct lean_packet *p,
					 __u32 index, const struct fl_service *s, int *action)
{
	const struct fl_backend *b = bpf_map_lookup_elem(&backends, &index);
	const struct fl_hop *hop;

	hop = b ? lean_hop(ctx, b, p, action) : NULL;
	if (!hop)
		return NOT_LEAN;
	switch (b->mode) {
	case FL_FWD_L2:
		return lean_l2(ctx, hop, p);
	case FL_FWD_IPIP4:
		return lean_tunnel(ctx, b, hop, p, 0);
	case FL_FWD_GUE4:
		return lean_tunnel(ctx, b, hop, p, 1);
	case FL_FWD_NAT:
		if (gate_nat && s->flags & FL_SVC_NAT && !(b->flags & FL_BE_RECORD))
			return lean_nat(ctx, b, hop, p);
		return NOT_LEAN;
	default:
		return NOT_LEAN;
	}
}

static __always_inline int lean4(struct xdp_md *ctx, const void *data)
{
	struct lean_counts counts;
	struct lean_packet p;
	struct addr_words vip;
	struct fl_service *s;
	__u32 id, index = 0;
	int v, action = XDP_TX;
	__u64 key[4];

	if (!lean4_parse(data, frame_end(ctx), &p))
		return NOT_LEAN;
	map_ipv4(&vip, p.daddr);
	s = lean_service(&vip, &p, &id, FL_SVC_NAT | FL_SVC_QUIC | FL_SVC_GROUP, &v);
	if (!s)
		return v;
	counts.of = bpf_map_lookup_elem(&svc_stats, &id);
	touch(counts.of);
	for (int i = 0; i < 4; i++)
		key[i] = flow_key[i];
	lean4_read(data, &p);
	p.hash = fl_flow_hash4(key, p.saddr, p.daddr, p.ports, p.proto);
	v = lean_pick(ctx, s, id, &p, dirty_where(ETH_HLEN, AT_PORTS, p.length), 0, &index);
	if (v)
		return v;
	if (gate_passive)
		see_flow(p.hash, id, index, *(const __u8 *)(data + AT_PORTS + TCP_FLAGS));
	counts.to = bpf_map_lookup_elem(&be_stats, &index);
	touch(counts.to);
	lean4_read_rest(data, &p);
	v = lean4_forward(ctx, &p, index, s, &action);
	return lean_finish(&counts, index, p.bytes, v, action);
}

#endif
