/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dispatcher.bpf.c - libxdp's dispatcher (protocol version 2), for kernels that check what extends it.
 *
 * libxdp attaches one program to the hook which calls one function a slot, and replaces the functions
 * by the programs that share the hook. A program that changes packets, or tail-calls, may replace only
 * a function that does as well: Linux 6.13 and its stable backports insist on that (commits
 * 7197fc4acdf2, 1a4607ffba35), and the dispatchers of libxdp up to 1.5.4 do not, so that nothing but
 * counters and filters could share the hook. Here each slot has the call that makes it one that does.
 *
 * libxdp finds this object as xdp-dispatcher.o in LIBXDP_OBJECT_PATH; names, the order of the calls
 * and the one read-only variable are what it expects (<xdp/prog_dispatcher.h>).
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

#define _LINUX_TYPES_H /* vmlinux.h has them */
#include <xdp/prog_dispatcher.h>

/* Set by libxdp before loading: how many slots are in use, and which verdicts call the next one. */
static const volatile struct xdp_dispatcher_config conf = {};

/* The verdict is volatile, so that clang does not conclude what a replaced function returns. */
#define DEFINE_SLOT(n)                                            \
	__attribute__((noinline)) int prog##n(struct xdp_md *ctx) \
	{                                                         \
		volatile int verdict = XDP_DISPATCHER_RETVAL;     \
                                                                  \
		if (!ctx)                                         \
			return XDP_ABORTED;                       \
		bpf_xdp_adjust_tail(ctx, 0);                      \
		return verdict;                                   \
	}

DEFINE_SLOT(0)
DEFINE_SLOT(1)
DEFINE_SLOT(2)
DEFINE_SLOT(3)
DEFINE_SLOT(4)
DEFINE_SLOT(5)
DEFINE_SLOT(6)
DEFINE_SLOT(7)
DEFINE_SLOT(8)
DEFINE_SLOT(9)
_Static_assert(MAX_DISPATCHER_ACTIONS == 10, "slots");

/* libxdp replaces this one to find out whether the kernel lets a function be replaced. */
__attribute__((noinline)) int compat_test(struct xdp_md *ctx)
{
	volatile int verdict = XDP_DISPATCHER_RETVAL;

	if (!ctx)
		return XDP_ABORTED;
	return verdict;
}

#define CALL_SLOT(n)                                               \
	do {                                                       \
		if (enabled <= (n))                                \
			return XDP_PASS;                           \
		verdict = prog##n(ctx);                            \
		if (!(1U << verdict & conf.chain_call_actions[n])) \
			return verdict;                            \
	} while (0)

SEC("xdp")
int xdp_dispatcher(struct xdp_md *ctx)
{
	__u8 enabled = conf.num_progs_enabled;
	int verdict;

	CALL_SLOT(0);
	CALL_SLOT(1);
	CALL_SLOT(2);
	CALL_SLOT(3);
	CALL_SLOT(4);
	CALL_SLOT(5);
	CALL_SLOT(6);
	CALL_SLOT(7);
	CALL_SLOT(8);
	CALL_SLOT(9);
	/* Never reached; a function that nobody calls could not be replaced. */
	if (enabled > MAX_DISPATCHER_ACTIONS)
		compat_test(ctx);
	return XDP_PASS;
}

/* What libxdp replaces compat_test() by. */
SEC("xdp")
int xdp_pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

__uint(dispatcher_version, XDP_DISPATCHER_VERSION) SEC(XDP_METADATA_SECTION);
