/* SPDX-License-Identifier: GPL-2.0-or-later */
/* key.h - addresses of a packet as the maps' keys hold them: 16 bytes, IPv4 mapped into IPv6. */
#ifndef FAIRLEAD_BPF_SERVICE_KEY_H
#define FAIRLEAD_BPF_SERVICE_KEY_H

#include "pkt.h"

static __always_inline void map_ipv4(struct addr_words *w, __be32 addr)
{
	__be32 low[2] = {bpf_htonl(0xffff), addr};

	w->a[0] = 0;
	__builtin_memcpy(&w->a[1], low, sizeof(low));
}

/* The IPv4 address of a mapped one. */
static __always_inline __be32 ipv4_of(const struct addr_words *w)
{
	__be32 low[2];

	__builtin_memcpy(low, &w->a[1], sizeof(low));
	return low[1];
}

/* Is it ::ffff:0:0/96? In an IPv6 header that is no IPv4 address. */
static __always_inline int is_mapped(const struct addr_words *w)
{
	__be32 low[2];

	__builtin_memcpy(low, &w->a[1], sizeof(low));
	return !w->a[0] && low[0] == bpf_htonl(0xffff);
}

/* Source and destination of the IP header at offset p->l3; 0, or -1 if it is not in the frame. */
static __always_inline int addresses(const struct xdp_md *ctx, const struct pkt *p,
				     struct addr_words *src, struct addr_words *dst)
{
	void *ip = at(ctx, p->l3), *end = frame_end(ctx);

	if (p->v6) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return -1;
		copy16(src->a, &h->saddr);
		copy16(dst->a, &h->daddr);
	} else {
		struct iphdr *h = ip;

		if ((void *)(h + 1) > end)
			return -1;
		map_ipv4(src, h->saddr);
		map_ipv4(dst, h->daddr);
	}
	return 0;
}

/* The maps' keys hold IPv4 addresses in that form, so what has it on the wire must not get there. */
static __always_inline int looks_mapped(const struct pkt *p, const struct addr_words *src,
					const struct addr_words *dst)
{
	return p->v6 && unlikely(is_mapped(src) || is_mapped(dst));
}

static __always_inline __be16 source_port(__u32 ports)
{
	__be16 p[2];

	__builtin_memcpy(p, &ports, sizeof(p));
	return p[0];
}

static __always_inline __be16 dest_port(__u32 ports)
{
	__be16 p[2];

	__builtin_memcpy(p, &ports, sizeof(p));
	return p[1];
}

static __always_inline __u32 join_ports(__be16 source, __be16 dest)
{
	__be16 p[2] = {source, dest};
	__u32 ports;

	__builtin_memcpy(&ports, p, sizeof(ports));
	return ports;
}

#endif
