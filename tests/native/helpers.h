/* SPDX-License-Identifier: GPL-2.0-or-later */
/* helpers.h - the kernel that a natively compiled program believes in, and the handle to run one. */
#ifndef FAIRLEAD_TESTS_NATIVE_HELPERS_H
#define FAIRLEAD_TESTS_NATIVE_HELPERS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>

struct kernel {
	uint64_t now_ns; /* both clocks */
	uint32_t random; /* state of bpf_get_prandom_u32() */
	bool ring_full; /* bpf_ringbuf_reserve() finds no room */

	/* What the program asked for. */
	uint32_t redirect_to; /* ifindex of the last bpf_redirect_map() that found one, 0: none */
	int timers_set;

	/* bpf_fib_lookup(): fills in the answer, returns BPF_FIB_LKUP_RET_*. */
	int (*route)(struct bpf_fib_lookup *q);
};

extern struct kernel kernel;

typedef int (*native_prog)(struct xdp_md *ctx);

/* Runs a program, with the programs that it tail-calls; its XDP action. */
int kernel__run(native_prog prog, struct xdp_md *ctx);

/* Calls back the timer that a program has started, if any has. */
void kernel__fire_timer(void);

#endif
