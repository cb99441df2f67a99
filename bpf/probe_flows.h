/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe_flows.h - the map that probe_out (lb.bpf.c) writes and probe_back (probe.bpf.c) reads. */
#ifndef FAIRLEAD_BPF_PROBE_FLOWS_H
#define FAIRLEAD_BPF_PROBE_FLOWS_H

#include "fairlead/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FL_MAX_PROBE_FLOWS);
	__type(key, struct fl_nat_key);
	__type(value, struct fl_probe_flow);
} probe_flows SEC(".maps");

#endif
