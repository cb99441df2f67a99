/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lb.c - lb.bpf.c with what the agent does before it loads it: maps made, gates and key written. */
#include "../../bpf/lb.bpf.c"

#include <stdlib.h>
#include <sys/mman.h>

#include "map.h"
#include "path.h"

void path__define_maps(void)
{
	MAP_DEFINE(ours);
	MAP_DEFINE(svc_index);
	MAP_DEFINE(services);
	MAP_DEFINE(vips);
	MAP_DEFINE_PROGS(steps);
	MAP_DEFINE(settings);
	MAP_DEFINE(lease);
	MAP_DEFINE(sources);
	MAP_DEFINE(limits);
	MAP_DEFINE(svc_meters);
	MAP_DEFINE(meters);
	MAP_DEFINE_OUTER(slots_4k);
	MAP_DEFINE_OUTER(slots_64k);
	MAP_DEFINE_OUTER(slots_1m);
	MAP_DEFINE_OUTER(moves_4k);
	MAP_DEFINE_OUTER(moves_64k);
	MAP_DEFINE_OUTER(moves_1m);
	MAP_DEFINE(flows);
	MAP_DEFINE(tentative);
	MAP_DEFINE(sighted);
	MAP_DEFINE(src_flows);
	MAP_DEFINE(picked);
	MAP_DEFINE(pressure);
	MAP_DEFINE(kept_second);
	MAP_DEFINE(churn);
	MAP_DEFINE(frags);
	MAP_DEFINE(nat_back);
	MAP_DEFINE(nat_flows);
	MAP_DEFINE(snat);
	MAP_DEFINE(snat_next);
	MAP_DEFINE(backends);
	MAP_DEFINE(tx_ports);
	MAP_DEFINE(vlan_ports);
	MAP_DEFINE(icmp_meters);
	MAP_DEFINE(svc_stats);
	MAP_DEFINE(be_stats);
	MAP_DEFINE(verdicts);
	MAP_DEFINE(notes);
	MAP_DEFINE_RING(events);
	MAP_DEFINE_RING(told);
	MAP_DEFINE(passive);
	MAP_DEFINE(passive_count);
	MAP_DEFINE(explained);
	MAP_DEFINE(capture);
	MAP_DEFINE(caught);
	MAP_DEFINE_RING(captured);
	MAP_DEFINE(probes);
	MAP_DEFINE(probe_flows);
}

/*
 * The programs' constants lie in read-only memory, as the loader's .rodata does; and as the loader
 * does, they are written all the same. They are volatile, so no read of them is optimized away; a write
 * would be, if the compiler saw where it goes.
 */
static void write_constant(const volatile void *constant, const void *value, size_t size)
{
	uintptr_t at = (uintptr_t)constant, page = at & ~4095UL;

	if (mprotect((void *)page, at + size - page, PROT_READ | PROT_WRITE))
		abort();
	asm volatile("" : "+r"(at));
	__builtin_memcpy((void *)at, value, size);
}

void path__set_key(const uint64_t key[4])
{
	write_constant(flow_key, key, sizeof(flow_key));
}

void path__set_gates(const struct path_gates *gates)
{
	static struct path_gates now;

	if (__builtin_memcmp(&now, gates, sizeof(now)) == 0)
		return;
	now = *gates;
	write_constant(&gate_lease, &gates->lease, 1);
	write_constant(&gate_wild, &gates->wild, 1);
	write_constant(&gate_sources, &gates->sources, 1);
	write_constant(&gate_limits, &gates->limits, 1);
	write_constant(&gate_nat, &gates->nat, 1);
	write_constant(&gate_jumbo, &gates->jumbo, 1);
	write_constant(&gate_events, &gates->events, 1);
	write_constant(&gate_passive, &gates->passive, 1);
	write_constant(&gate_peers, &gates->peers, 1);
}
