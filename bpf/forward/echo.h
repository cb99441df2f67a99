/* SPDX-License-Identifier: GPL-2.0-or-later */
/* echo.h - a ping to a VIP is answered where it came in (RFC 792, RFC 4443 4.2). */
#ifndef FAIRLEAD_BPF_FORWARD_ECHO_H
#define FAIRLEAD_BPF_FORWARD_ECHO_H

#include "admit/lease.h"
#include "admit/sources.h"
#include "forward/host.h"
#include "forward/nat.h"
#include "forward/toobig.h"
#include "service/lookup.h"

#define ICMP_ECHO 8
#define ICMP_ECHOREPLY 0
#define ICMPV6_ECHO 128
#define ICMPV6_ECHOREPLY 129

static __always_inline int is_echo(const struct pkt *p, __u8 type, __u8 code)
{
	return !code && type == (p->v6 ? ICMPV6_ECHO : ICMP_ECHO);
}

static __always_inline void swap_macs(void *data)
{
	__u32 a = *(__u32 *)data, b = *(__u32 *)(data + 4), c = *(__u32 *)(data + 8);

	*(__u32 *)data = b >> 16 | c << 16;
	*(__u32 *)(data + 4) = c >> 16 | a << 16;
	*(__u32 *)(data + 8) = a >> 16 | b << 16;
}

/* The IP header turned round with a fresh TTL; 0, or -1 if it is not in the frame. */
static __always_inline int turn_ip(struct xdp_md *ctx, const struct pkt *p)
{
	void *ip = at(ctx, p->l3), *end = frame_end(ctx);

	if (p->v6) {
		struct ipv6hdr *h = ip;
		struct in6_addr src;

		if ((void *)(h + 1) > end)
			return -1;
		src = h->saddr;
		h->saddr = h->daddr;
		h->daddr = src;
		h->hop_limit = ICMP_TTL;
	} else {
		struct iphdr *h = ip;
		__be32 src;

		if ((void *)(h + 1) > end)
			return -1;
		src = h->saddr;
		h->saddr = h->daddr;
		h->daddr = src;
		h->check = check_by(h->check, (__u64)(__u16)~bpf_htons((__u16)(p->ttl << 8)) +
						      bpf_htons(ICMP_TTL << 8));
		h->ttl = ICMP_TTL;
	}
	return 0;
}

static __always_inline int answer_echo(struct xdp_md *ctx, const struct pkt *p, struct target *t,
				       const struct addr_words *src, const struct addr_words *dst)
{
	__u32 header = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 reply = p->v6 ? ICMPV6_ECHOREPLY : ICMP_ECHOREPLY;
	const struct fl_vip *vip = find_vip(dst);
	__sum16 check;
	void *data;
	__u8 *icmp;
	int v;

	/* Options may want more of a host than an answer. */
	if (!vip || !(vip->flags & FL_VIP_ECHO) || p->l4 != p->l3 + header ||
	    !(p->v6 ? is_host6(src->a) : is_host4(ipv4_of(src))))
		return FL_V_PASS_NOT_SERVICE;
	v = admit_lease(vip->flags & FL_VIP_GROUP);
	if (v == GO_ON)
		v = admit_source(src, NULL, 0);
	if (v != GO_ON)
		return v;
	if (icmp_over(ICMP_METER_ECHO, ECHO_GAP_NS))
		return FL_V_PASS_NOT_SERVICE;
	data = frame(ctx);
	icmp = at(ctx, p->l4);
	if (data + ETH_HLEN > frame_end(ctx) || (void *)(icmp + 4) > frame_end(ctx))
		return FL_V_PASS_MALFORMED;
	check = check_by(*(__sum16 *)(icmp + 2), (__u64)(__u16)~bpf_htons((__u16)(icmp[0] << 8)) +
							 bpf_htons((__u16)(reply << 8)));
	/* Of a reply that is all zeros, 0 would be wrong; 0xffff is right wherever 0 is (RFC 1624 3). */
	if (!check && !p->v6)
		check = 0xffff;
	*(__sum16 *)(icmp + 2) = check;
	icmp[0] = reply;
	swap_macs(data);
	if (turn_ip(ctx, p))
		return FL_V_DROP_BUG;
	t->send = XDP_TX;
	return FL_V_SEND_ECHO;
}

#endif
