/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.c - interfaces that packets may leave by: `tx_ports` and `vlan_ports`. */
#include "plane/internal.h"

#include <errno.h>
#include <string.h>

int plane__port_add(struct plane *p, uint32_t ifindex, struct err *err)
{
	int fd = bpf_map__fd(p->skel->maps.tx_ports);

	if (bpf_map_update_elem(fd, &ifindex, &ifindex, BPF_ANY))
		return err__set(err, -errno,
				"cannot send through interface %u: adding it to the map 'tx_ports' "
				"(%d interfaces) failed: %s",
				ifindex, FL_MAX_PORTS, strerror(errno));
	return 0;
}

int plane__vlan_set(struct plane *p, uint32_t ifindex, uint32_t lower, uint16_t id, struct err *err)
{
	struct fl_vlan_port port = {.ifindex = lower, .vlan = FL_HOP_TAG | id};

	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.vlan_ports), &ifindex, &port, BPF_ANY))
		return err__set(err, -errno,
				"cannot send through VLAN interface %u: adding it to the map "
				"'vlan_ports' (%d interfaces) failed: %s",
				ifindex, FL_MAX_PORTS, strerror(errno));
	return 0;
}

void plane__vlan_forget(struct plane *p, uint32_t ifindex)
{
	bpf_map_delete_elem(bpf_map__fd(p->skel->maps.vlan_ports), &ifindex);
}
