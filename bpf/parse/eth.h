/* SPDX-License-Identifier: GPL-2.0-or-later */
/* eth.h - Ethernet and up to two VLAN tags (IEEE 802.1Q, 802.1ad). */
#ifndef FAIRLEAD_BPF_PARSE_ETH_H
#define FAIRLEAD_BPF_PARSE_ETH_H

#include "pkt.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define MAX_VLAN_TAGS 2

static __always_inline int is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* Finds where IP starts and which it is (network order). GO_ON or a verdict. */
static __always_inline int parse_eth(void *data, void *end, struct pkt *p, __be16 *proto)
{
	struct ethhdr *eth = data;
	__u32 off = sizeof(*eth);

	if ((void *)(eth + 1) > end)
		return FL_V_PASS_MALFORMED;
	*proto = eth->h_proto;
	for (int i = 0; i < MAX_VLAN_TAGS && unlikely(is_vlan(*proto)); i++) {
		struct vlan_hdr *tag = data + off;

		if ((void *)(tag + 1) > end)
			return FL_V_PASS_MALFORMED;
		*proto = tag->h_vlan_encapsulated_proto;
		off += sizeof(*tag);
	}
	p->l3 = off;
	return GO_ON;
}

/* RFC 1812 5.3.4: what came to a link-layer broadcast or multicast address is not forwarded. */
static __always_inline int to_group(const void *data)
{
	return *(const __u8 *)data & 1;
}

#endif
