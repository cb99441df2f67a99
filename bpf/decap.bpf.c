/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decap.bpf.c - the backend's side of `forward: ipip` and `forward: gue` where the kernel has no tunnel
 * device.
 *
 * Takes one outer IPv4 or IPv6 header off (4in4, 6in4, 4in6, 6in6), with it UDP to port 6080 and a plain
 * GUE header (draft-ietf-intarea-gue-09), and hands the inner packet to the stack, where the VIP is
 * local. Loaded with bpftool, as docs/operations.md says; it has no maps and no settings. Everything that
 * is not a whole tunnel packet is left untouched. The UDP checksum is not verified: the inner packet's own
 * ones are, by the stack.
 *
 * ECN follows RFC 6040 4.2: what the network marked on the outer header is not lost with it.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "parse/eth.h"
#include "parse/ip.h"
#include "pkt.h"

#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT1 1
#define ECN_CE 3
#define ENCAP_LIMIT_LEN 8 /* a destination options header with nothing but the limit */
#define GUE_PORT 6080 /* IANA's, and the default of `gue_port` */
#define GUE_LEN 12 /* UDP and GUE header without extensions */

/* What becomes of a packet with an outer header. */
enum fate { LEAVE, STRIP, REFUSE };

struct udp_words {
	__be16 sport, dport, len, check;
};

struct outer {
	__u64 l3; /* offset of the outer header */
	__u64 len; /* bytes to take off */
	__u32 inner_len; /* bytes that follow */
	__u8 proto; /* IPPROTO_IPIP or IPPROTO_IPV6; before skip_gue() also IPPROTO_UDP */
	__u8 ecn;
};

/* Bytes of the frame from offset `at` on, which is inside it. */
static __always_inline __u64 bytes_from(const void *data, const void *end, __u64 at)
{
	return (__u64)(end - data) - at;
}

/* A whole, unfragmented outer IPv4 header. */
static __always_inline int outer_ipv4(void *data, void *end, struct outer *o)
{
	struct pkt p = {.l3 = o->l3};
	int v = parse_ipv4(data, end, bytes_from(data, end, o->l3), &p);

	/* A source that is the destination is the balancer's worry: it is asked about packets for a VIP. */
	if ((v != GO_ON && v != FL_V_PASS_SELF) || p.frag)
		return -1;
	o->len = p.l4 - p.l3;
	o->inner_len = p.l3_len - o->len;
	o->proto = p.proto;
	o->ecn = p.tos & ECN_MASK;
	return 0;
}

/* An outer IPv6 header, possibly with the encapsulation limit that RFC 2473 4.1.1 allows for. */
static __always_inline int outer_ipv6(void *data, void *end, struct outer *o)
{
	struct ipv6hdr *ip = data + o->l3;
	struct ext_hdr *opt = (void *)(ip + 1);
	__u32 payload;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return -1;
	payload = bpf_ntohs(ip->payload_len);
	if (sizeof(*ip) + payload > bytes_from(data, end, o->l3))
		return -1;
	o->len = sizeof(*ip);
	o->proto = ip->nexthdr;
	o->ecn = ip->flow_lbl[0] >> 4 & ECN_MASK;
	if (o->proto == NEXTHDR_DEST) {
		if ((void *)(opt + 1) > end || opt->len != 0 || payload < ENCAP_LIMIT_LEN)
			return -1;
		o->proto = opt->next;
		o->len += ENCAP_LIMIT_LEN;
	}
	o->inner_len = payload - (o->len - sizeof(*ip));
	return 0;
}

/* UDP and GUE behind the outer header: counted to what is taken off. 0, or -1: another packet. */
static __always_inline int skip_gue(void *data, void *end, struct outer *o)
{
	__u8 *gue = data + o->l3 + o->len + sizeof(struct udp_words);
	struct udp_words *udp = data + o->l3 + o->len;

	if ((void *)gue + 4 > end || udp->dport != bpf_htons(GUE_PORT) ||
	    bpf_ntohs(udp->len) != o->inner_len || o->inner_len < GUE_LEN)
		return -1;
	/* Version, control bit and length of extensions; flags. */
	if (gue[0] || gue[2] || gue[3])
		return -1;
	o->proto = gue[1];
	o->len += GUE_LEN;
	o->inner_len -= GUE_LEN;
	return 0;
}

/* RFC 6040 figure 4: the inner field after decapsulation, or -1 to drop. */
static __always_inline int merge_ecn(__u8 inner, __u8 outer)
{
	if (inner == ECN_NOT_ECT)
		return outer == ECN_CE ? -1 : ECN_NOT_ECT;
	if (outer == ECN_CE)
		return ECN_CE;
	if (outer == ECN_ECT1 && inner != ECN_CE)
		return ECN_ECT1;
	return inner;
}

/* Checks the inner packet and merges the ECN fields. */
static __always_inline enum fate fix_inner4(void *at, void *end, const struct outer *o)
{
	struct iphdr *ip = at;
	__u32 header, len, sum;
	int ecn;

	if ((void *)(ip + 1) > end)
		return LEAVE;
	header = ip->ihl * 4;
	len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || len < header || len > o->inner_len)
		return LEAVE;
	ecn = merge_ecn(ip->tos & ECN_MASK, o->ecn);
	if (ecn < 0)
		return REFUSE;
	if (ecn != (ip->tos & ECN_MASK)) {
		/* RFC 1624 eqn. 3 on the word that holds version, length and TOS. */
		sum = (__u16)~ip->check;
		sum += (__u16)~bpf_htons(ip->tos) + bpf_htons((ip->tos & ~ECN_MASK) | ecn);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		ip->check = (__sum16)~sum;
		ip->tos = (__u8)((ip->tos & ~ECN_MASK) | ecn);
	}
	return STRIP;
}

static __always_inline enum fate fix_inner6(void *at, void *end, const struct outer *o)
{
	struct ipv6hdr *ip = at;
	int ecn;

	if ((void *)(ip + 1) > end || ip->version != 6 ||
	    sizeof(*ip) + bpf_ntohs(ip->payload_len) > o->inner_len)
		return LEAVE;
	ecn = merge_ecn(ip->flow_lbl[0] >> 4 & ECN_MASK, o->ecn);
	if (ecn < 0)
		return REFUSE;
	ip->flow_lbl[0] = (__u8)((ip->flow_lbl[0] & ~(ECN_MASK << 4)) | ecn << 4);
	return STRIP;
}

/* Moves the Ethernet header and its VLAN tags to the inner packet, gives it the inner type. */
static __always_inline int strip(struct xdp_md *ctx, const struct outer *o)
{
	__be16 type = o->proto == IPPROTO_IPV6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
	void *data = frame(ctx), *end = frame_end(ctx);
	__u8 head[ETH_HLEN_MAX];

	/* No inner packet is so short that this reads past it. */
	if (data + ETH_HLEN_MAX > end)
		return XDP_PASS;
	__builtin_memcpy(head, data, sizeof(head));
	if (bpf_xdp_adjust_head(ctx, (int)o->len))
		return XDP_DROP;
	data = frame(ctx);
	end = frame_end(ctx);
	if (data + ETH_HLEN_MAX > end)
		return XDP_DROP;
	if (o->l3 == 22) {
		__builtin_memcpy(data, head, 20);
		*(__be16 *)(data + 20) = type;
	} else if (o->l3 == 18) {
		__builtin_memcpy(data, head, 16);
		*(__be16 *)(data + 16) = type;
	} else {
		__builtin_memcpy(data, head, 12);
		*(__be16 *)(data + 12) = type;
	}
	return XDP_PASS;
}

SEC("xdp")
int decap(struct xdp_md *ctx)
{
	void *data = frame(ctx), *end = frame_end(ctx);
	struct outer o = {};
	struct pkt p = {};
	enum fate fate = LEAVE;
	__be16 type = 0;

	if (parse_eth(data, end, &p, &type) != GO_ON)
		return XDP_PASS;
	o.l3 = p.l3;
	if (type == bpf_htons(ETH_P_IP)) {
		if (outer_ipv4(data, end, &o))
			return XDP_PASS;
	} else if (type == bpf_htons(ETH_P_IPV6)) {
		if (outer_ipv6(data, end, &o))
			return XDP_PASS;
	} else {
		return XDP_PASS;
	}
	if (o.proto == IPPROTO_UDP && skip_gue(data, end, &o))
		return XDP_PASS;
	if (o.proto == IPPROTO_IPIP)
		fate = fix_inner4(data + o.l3 + o.len, end, &o);
	else if (o.proto == IPPROTO_IPV6)
		fate = fix_inner6(data + o.l3 + o.len, end, &o);
	if (fate == REFUSE)
		return XDP_DROP;
	return fate == STRIP ? strip(ctx, &o) : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
