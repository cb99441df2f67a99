/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.bpf.c - the first steps of lb.bpf.c, each program one step longer than the last.
 *
 * The steps are the production headers' own functions in the order of steer() in lb.bpf.c, run on the
 * maps of a plane that is open. A program returns XDP_TX after its last step, so the difference of two
 * neighbours is what a step costs. The last step, counting the verdict, is lb itself.
 */
#include <vmlinux.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "admit/lease.h"
#include "forward/forward.h"
#include "maps.h"
#include "observe/count.h"
#include "parse/parse.h"
#include "pick/slot.h"
#include "service/lookup.h"

enum step { PARSE, SERVICE, COUNT_SERVICE, HASH, SLOT, BACKEND, FORWARD, COUNT_BACKEND };

/* Keeps the compiler from dropping what found `x`, as nobody else uses it. */
#define used(x) asm volatile("" : : "r"((__u64)(x)))

static __always_inline int pick(struct xdp_md *ctx, const struct pkt *p,
				const struct fl_service *service, const enum step last,
				struct fl_backend **backend, __u64 *hash, __u32 *index)
{
	__u16 slot = 0;

	if (last >= BACKEND)
		return pick_backend(ctx, p, service, hash, backend, index);
	if (hash_flow(ctx, p, hash) != GO_ON)
		return FL_V_DROP_BUG;
	if (last >= SLOT &&
	    slot_of_64k(*(volatile const __u32 *)&service->live, *hash, &slot) != GO_ON)
		return FL_V_DROP_BUG;
	used(slot);
	return GO_ON;
}

static __always_inline int run(struct xdp_md *ctx, const enum step last)
{
	__u64 bytes = frame_end(ctx) - frame(ctx);
	struct fl_service *service = NULL;
	struct fl_backend *backend = NULL;
	__u32 id = 0, index = 0;
	int action = XDP_TX;
	struct pkt p = {};
	__u64 hash = 0;

	/* Made here as in lb: put off, half of a pointer would have to be kept. */
	asm volatile("" : "+r"(bytes));
	if (parse(ctx, &p) != GO_ON)
		return XDP_ABORTED;
	used(p.ports);
	used(p.l3_len);
	used(p.tos);
	used(p.ttl);
	if (last >= SERVICE && find_service(ctx, &p, &service, &id) != GO_ON)
		return XDP_ABORTED;
	used(id);
	if (last >= COUNT_SERVICE)
		count_service(id, bytes);
	if (last >= HASH && admit_lease() != GO_ON)
		return XDP_ABORTED;
	if (last >= HASH && pick(ctx, &p, service, last, &backend, &hash, &index) != GO_ON)
		return XDP_ABORTED;
	used(hash);
	used(backend);
	if (last >= FORWARD && forward(ctx, &p, backend, hash, &action) != FL_V_SEND_IPIP)
		return XDP_ABORTED;
	if (last >= COUNT_BACKEND)
		count_backend(index, bytes);
	return action;
}

#define STEP(name, last)                    \
	SEC("xdp")                          \
	int step_##name(struct xdp_md *ctx) \
	{                                   \
		return run(ctx, last);      \
	}

STEP(parse, PARSE)
STEP(service, SERVICE)
STEP(count_service, COUNT_SERVICE)
STEP(hash, HASH)
STEP(slot, SLOT)
STEP(backend, BACKEND)
STEP(forward, FORWARD)
STEP(count_backend, COUNT_BACKEND)

char LICENSE[] SEC("license") = "GPL";
