/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.bpf.c - the first steps of lb.bpf.c, each program one step longer than the last.
 *
 * The steps are the production headers' own functions in the order of steer_fast() in lb.bpf.c, run on the
 * maps of a plane that is open. A program returns XDP_TX after its last step, so the difference of two
 * neighbours is what a step costs. The last step, counting the verdict, is lb itself.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "admit/lease.h"
#include "admit/limits.h"
#include "admit/sources.h"
#include "forward/forward.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/parse.h"
#include "pick/slot.h"
#include "service/lookup.h"
#include "no_steps.h"

enum step { PARSE, SERVICE, ADMIT, HASH, SLOT, FORWARD, COUNT_SERVICE, COUNT_BACKEND };

/* Keeps the compiler from dropping what found `x`, as nobody else uses it. */
#define used(x) asm volatile("" : : "r"((__u64)(x)))

static __always_inline int run(struct xdp_md *ctx, const enum step last)
{
	__u64 bytes = frame_len(ctx);
	struct target t = {.send = XDP_TX};
	struct fl_service *service = NULL;
	struct addr_words src, dst;
	struct pkt p = {};

	/* Made here as in lb: put off, half of a pointer would have to be kept. */
	asm volatile("" : "+r"(bytes));
	if (parse(ctx, &p, FAST) != GO_ON)
		return XDP_ABORTED;
	used(p.ports);
	used(p.l3_len);
	used(p.tos);
	used(p.ttl);
	if (last >= SERVICE) {
		if (addresses(ctx, &p, &src, &dst) || looks_mapped(&p, &src, &dst))
			return XDP_ABORTED;
		service = find_service(&dst, dest_port(p.ports), p.proto, &t.id);
		if (!service)
			return XDP_ABORTED;
	}
	used(t.id);
	if (last >= ADMIT && (admit_lease(service->flags & FL_SVC_GROUP) != GO_ON ||
			      admit_source(&src, service, t.id) != GO_ON ||
			      admit_rate(ctx, &p, &src, service, t.id) != GO_ON))
		return XDP_ABORTED;
	if (last >= HASH)
		t.hash = hash_flow(&p, &src, &dst, p.ports, service->affinity);
	used(t.hash);
	if (last >= SLOT && slot_of(service, t.hash, &t.index) != GO_ON)
		return XDP_ABORTED;
	used(t.index);
	if (last >= FORWARD && forward(ctx, &p, &t, FAST) != FL_V_SEND_IPIP)
		return XDP_ABORTED;
	if (last >= COUNT_SERVICE)
		count_service(t.id, bytes);
	if (last >= COUNT_BACKEND)
		count_backend(t.index, bytes);
	return t.send;
}

#define STEP(name, last)                    \
	SEC("xdp")                          \
	int step_##name(struct xdp_md *ctx) \
	{                                   \
		return run(ctx, last);      \
	}

STEP(parse, PARSE)
STEP(service, SERVICE)
STEP(admit, ADMIT)
STEP(hash, HASH)
STEP(slot, SLOT)
STEP(forward, FORWARD)
STEP(count_service, COUNT_SERVICE)
STEP(count_backend, COUNT_BACKEND)

char LICENSE[] SEC("license") = "GPL";
