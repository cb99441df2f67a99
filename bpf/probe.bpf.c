/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.bpf.c - answers to probes that went by the clients' path, on their way in (TC ingress).
 *
 * They come from the VIP, or by NAT from the backend, to an address of this machine. Where the VIP is
 * this machine's too, its network stack would drop them as forged; and they are for a socket that knows
 * the stand-in only. So what probe_out (lb.bpf.c) expects is given the stand-in's name and handed in by
 * the agent's own device. All else goes on as it came, after one look-up.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "probe_flows.h"

#define TC_ACT_UNSPEC (-1)
#define TC_ACT_SHOT 2
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_ICMPV6 58
#define IP_FRAGMENT 0x3fff /* MF and the offset, RFC 791 3.1 */
#define ICMP_ECHOREPLY 0
#define ICMPV6_ECHOREPLY 129
#define ECHO_ID 4

/* The agent's end of the pair of devices. */
const volatile __u32 probe_ifindex = 0;

struct answer {
	struct fl_nat_key key;
	__u32 l4; /* offset of the transport header */
	__u32 check; /* of the checksum that covers addresses; 0: there is none */
	__u32 ports; /* as they lie in the packet; 0: none */
	int v6;
};

/* IPv4 lies in the map mapped into IPv6. */
static __always_inline void map_ipv4(__u8 *to, __be32 addr)
{
	__u32 *w = (__u32 *)to;

	w[0] = w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = addr;
}

static __always_inline void copy16(void *to, const void *from)
{
	__builtin_memcpy(to, from, 16);
}

/* The IP header; 0, or -1: the packet is no answer to a probe. */
static __always_inline int read_ip(struct __sk_buff *skb, struct answer *a)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	struct ipv6hdr *ip6 = data + ETH_HLEN;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip + 1) > end || ip->frag_off & bpf_htons(IP_FRAGMENT))
			return -1;
		map_ipv4(a->key.saddr, ip->saddr);
		map_ipv4(a->key.daddr, ip->daddr);
		a->key.proto = ip->protocol;
		a->l4 = ETH_HLEN + ip->ihl * 4;
		return 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) > end)
		return -1;
	copy16(a->key.saddr, &ip6->saddr);
	copy16(a->key.daddr, &ip6->daddr);
	a->key.proto = ip6->nexthdr;
	a->l4 = ETH_HLEN + sizeof(*ip6);
	a->v6 = 1;
	return 0;
}

/* What stands in place of ports; 0, or -1. */
static __always_inline int read_l4(struct __sk_buff *skb, struct answer *a)
{
	__be16 words[4]; /* ports, or type and code, checksum, identifier */

	if (bpf_skb_load_bytes(skb, a->l4, words, sizeof(words)))
		return -1;
	switch (a->key.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		a->check = a->l4 + (a->key.proto == IPPROTO_TCP ? 16 : 6);
		a->key.sport = words[0];
		a->key.dport = words[1];
		__builtin_memcpy(&a->ports, words, sizeof(a->ports));
		return 0;
	case IPPROTO_ICMP:
		a->key.sport = words[2];
		return !a->v6 && words[0] == bpf_htons(ICMP_ECHOREPLY << 8) ? 0 : -1;
	case IPPROTO_ICMPV6:
		a->check = a->l4 + 2;
		a->key.sport = words[2];
		return a->v6 && words[0] == bpf_htons(ICMPV6_ECHOREPLY << 8) ? 0 : -1;
	default:
		return -1;
	}
}

/* Addresses, and the checksums that cover them. */
static __always_inline int write_addresses(struct __sk_buff *skb, const struct answer *a,
					   const struct fl_probe_flow *f)
{
	__u32 at = ETH_HLEN +
		   (a->v6 ? offsetof(struct ipv6hdr, saddr) : offsetof(struct iphdr, saddr));
	__u32 size = a->v6 ? 16 : 4, skip = 16 - size;
	__u64 udp = a->key.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__s64 sum = bpf_csum_diff((__be32 *)a->key.saddr, 32, (__be32 *)f->saddr, 32, 0);

	/* Both are 32 bytes in a row; where the addresses are IPv4's, what is mapped adds nothing. */
	if (!a->v6 && bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), 0, sum, 0))
		return -1;
	if (a->check && bpf_l4_csum_replace(skb, a->check, 0, sum, BPF_F_PSEUDO_HDR | udp))
		return -1;
	/*
	 * A device's sum of the whole packet: IPv4's header keeps its own by its checksum, IPv6's does
	 * not.
	 */
	if (a->v6)
		return bpf_skb_store_bytes(skb, at, f->saddr, 32, BPF_F_RECOMPUTE_CSUM) ? -1 : 0;
	if (bpf_skb_store_bytes(skb, at, f->saddr + skip, 4, 0) ||
	    bpf_skb_store_bytes(skb, at + 4, f->daddr + skip, 4, 0))
		return -1;
	return 0;
}

static __always_inline int write_ports(struct __sk_buff *skb, const struct answer *a,
				       const struct fl_probe_flow *f)
{
	__u64 udp = a->key.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be16 ports[2] = {f->sport, f->dport};
	__u32 now;

	if (!a->ports)
		return 0;
	__builtin_memcpy(&now, ports, sizeof(now));
	if (bpf_l4_csum_replace(skb, a->check, a->ports, now, sizeof(now) | udp))
		return -1;
	return bpf_skb_store_bytes(skb, a->l4, &now, sizeof(now), 0) ? -1 : 0;
}

SEC("tc")
int probe_back(struct __sk_buff *skb)
{
	static const __u8 mac[6] = FL_PROBE_MAC;
	const struct fl_probe_flow *f;
	struct answer a = {};

	if (read_ip(skb, &a) || read_l4(skb, &a))
		return TC_ACT_UNSPEC;
	f = bpf_map_lookup_elem(&probe_flows, &a.key);
	if (!f)
		return TC_ACT_UNSPEC;
	if (write_addresses(skb, &a, f) || write_ports(skb, &a, f) ||
	    bpf_skb_store_bytes(skb, 0, mac, sizeof(mac), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(probe_ifindex, BPF_F_INGRESS);
}

char LICENSE[] SEC("license") = "GPL";
