/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ours.h - which frames are for this machine, by the MAC address that they were sent to. */
#ifndef FAIRLEAD_BPF_PARSE_OURS_H
#define FAIRLEAD_BPF_PARSE_OURS_H

#include "maps.h"
#include "pkt.h"

static __always_inline const struct fl_ours *what_is_ours(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ours, &zero);
}

/*
 * A frame to another machine comes here while a switch does not know where that one is, or by a port that
 * hears everything. Whoever it is for steers it: done here as well, the backend would have it twice.
 * The first eight bytes of the frame are there.
 */
static __always_inline int is_ours(const struct fl_ours *o, const void *data)
{
	/* Little-endian: what is shifted out is of the source address. */
	__u64 mac = *(const __u64 *)data << 16;

	for (int i = 0; i < FL_MACS; i++) {
		if (o->mac[i] == mac)
			return 1;
	}
	return !o->mac[0];
}

/* An agent that cares for VRRP groups was silent for its lease, and has not caught up since. */
static __always_inline int is_stale(const struct fl_ours *o)
{
	return *(volatile const __u32 *)&o->stale != 0;
}

#endif
