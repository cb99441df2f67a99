/* SPDX-License-Identifier: GPL-2.0-or-later */
/* abi_probe.h - probes by the clients' path (part of abi.h): `probes` and `probe_flows`. */
#ifndef FAIRLEAD_ABI_PROBE_H
#define FAIRLEAD_ABI_PROBE_H

#define FL_MAX_PROBES 65536 /* entries of `probes`, allocated as used */
#define FL_MAX_PROBE_FLOWS 16384 /* entries of `probe_flows`, an LRU: probes under way */

/* The agent's end of the pair of devices, which probes leave by and their answers come in by. */
#define FL_PROBE_MAC                               \
	{                                          \
		0x02, 0x66, 0x6c, 0x70, 0x00, 0x01 \
	}

/*
 * `probes`: each backend of a service that is probed by the clients' path has an address of its own,
 * which exists on this machine only. What the agent sends there goes to the VIP by way of the backend.
 */
struct fl_probe_key {
	FL_ADDR(stand_in);
};
_Static_assert(sizeof(struct fl_probe_key) == 16, "fl_probe_key");

struct fl_probe {
	FL_ADDR(vip); /* what the destination becomes; NAT has its own */
	__u32 backend; /* index */
	__u32 service; /* id */
};
_Static_assert(sizeof(struct fl_probe) == 24, "fl_probe");

/* `probe_flows`[a struct fl_nat_key of the answers, as they come in]: what their headers become. */
struct fl_probe_flow {
	FL_ADDR(saddr); /* the stand-in */
	FL_ADDR(daddr); /* where the probe came from */
	__be16 sport, dport; /* 0 where there are none */
};
_Static_assert(sizeof(struct fl_probe_flow) == 36, "fl_probe_flow");

#endif
