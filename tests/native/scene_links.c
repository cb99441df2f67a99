/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene_links.h"

#include <arpa/inet.h>
#include <string.h>

#include "helpers.h"
#include "map.h"
#include "scene.h"

/* The last byte of the client's address says where its replies go. */
static int route(struct bpf_fib_lookup *q)
{
	static const uint8_t dmac[6] = {2, 0xbe, 1, 1, 1, 1}, smac[6] = {2, 0xbe, 1, 1, 1, 2};
	uint32_t to = ntohl(q->family == AF_INET6 ? q->ipv6_dst[3] : q->ipv4_dst);

	switch (to & 7) {
	case 4:
		return BPF_FIB_LKUP_RET_NOT_FWDED;
	case 5:
		return BPF_FIB_LKUP_RET_NO_NEIGH;
	case 6:
		q->ifindex = SCENE_VLAN;
		break;
	case 7:
		q->ifindex = SCENE_GONE;
		break;
	default:
		q->ifindex = to & 1 ? SCENE_OTHER : SCENE_LINK;
	}
	if (q->tot_len > 1400)
		return BPF_FIB_LKUP_RET_FRAG_NEEDED;
	q->h_vlan_proto = 0;
	q->h_vlan_TCI = 0;
	memcpy(q->dmac, dmac, 6);
	memcpy(q->smac, smac, 6);
	return BPF_FIB_LKUP_RET_SUCCESS;
}

void scene_links__add(void)
{
	static const uint32_t tx[] = {SCENE_LINK, SCENE_OTHER, SCENE_LOWER};
	struct fl_vlan_port below = {.ifindex = SCENE_LOWER, .vlan = TAG_77};
	uint32_t vlan = SCENE_VLAN;

	for (size_t i = 0; i < sizeof(tx) / sizeof(*tx); i++)
		map__update(map__named("tx_ports"), &tx[i], &tx[i], BPF_ANY);
	map__update(map__named("vlan_ports"), &vlan, &below, BPF_ANY);
	kernel.route = route;
}
