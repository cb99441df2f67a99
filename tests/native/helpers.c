/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helpers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "mem.h"
#include "shim/bpf/bpf_helpers.h" /* declares what is defined here */

#define TAIL_CALLS_MAX 33 /* MAX_TAIL_CALL_CNT of the kernel */
#define CSUM_MAX 512 /* bytes that bpf_csum_diff() takes at once */

struct kernel kernel;

static jmp_buf tail_called;
static int tail_action, tail_calls;

static struct {
	void *map;
	void *value; /* that holds the timer */
	int (*callback)(void *map, uint32_t *key, void *value);
	bool started;
} timer;

static void *reserved; /* a record that is not yet submitted: the verifier allows no leak */

int kernel__run(native_prog prog, struct xdp_md *ctx)
{
	int action;

	kernel.redirect_to = 0;
	tail_calls = 0;
	/* A tail call does not come back: its program's result is that of the whole run. */
	action = setjmp(tail_called) ? tail_action : prog(ctx);
	if (reserved)
		abort();
	return action;
}

long bpf_tail_call(void *ctx, void *map, __u32 index)
{
	int (*program)(void *) = map__program(map__of(map), index);

	if (!program || tail_calls++ == TAIL_CALLS_MAX)
		return -ENOENT;
	tail_action = program(ctx);
	longjmp(tail_called, 1);
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	return map__lookup(map__of(map), key);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	return map__update(map__of(map), key, value, flags);
}

long bpf_map_delete_elem(void *map, const void *key)
{
	return map__delete(map__of(map), key);
}

long bpf_redirect_map(void *map, __u64 key, __u64 flags)
{
	__u32 k = (__u32)key, *ifindex = map__lookup(map__of(map), &k);

	if (!ifindex)
		return (long)(flags & 3); /* the action for a key that is not there */
	kernel.redirect_to = *ifindex;
	return XDP_REDIRECT;
}

long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta)
{
	return mem__adjust_head(ctx, delta);
}

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	return mem__adjust_tail(ctx, delta);
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len)
{
	if ((__u64)offset + len > mem__len(ctx))
		return -EINVAL;
	memcpy(buf, (const void *)(long)(ctx->data + offset), len);
	return 0;
}

__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx)
{
	return mem__len(ctx);
}

static __u64 sum_words(const __u32 *words, __u32 size, __u32 invert)
{
	__u64 sum = 0;
	__u32 word;

	for (__u32 i = 0; i < size / 4; i++) {
		memcpy(&word, words + i, sizeof(word));
		sum += word ^ invert;
	}
	return sum;
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed)
{
	__u64 sum;

	if (from_size % 4 || to_size % 4 || from_size + to_size > CSUM_MAX)
		return -EINVAL;
	sum = seed + sum_words(from, from_size, ~0U) + sum_words(to, to_size, 0);
	while (sum >> 32)
		sum = (sum & 0xffffffff) + (sum >> 32);
	return (__s64)sum;
}

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int plen, __u32 flags)
{
	(void)ctx;
	if (plen < (int)sizeof(*params) || flags)
		return -EINVAL;
	return kernel.route ? kernel.route(params) : BPF_FIB_LKUP_RET_NOT_FWDED;
}

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	(void)flags;
	map__of(ring);
	if (kernel.ring_full)
		return NULL;
	if (reserved)
		abort();
	reserved = malloc(size);
	return reserved;
}

void bpf_ringbuf_submit(void *record, __u64 flags)
{
	(void)flags;
	if (record != reserved)
		abort();
	free(reserved);
	reserved = NULL;
}

void bpf_ringbuf_discard(void *record, __u64 flags)
{
	bpf_ringbuf_submit(record, flags);
}

long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags)
{
	(void)data;
	(void)size;
	(void)flags;
	map__of(ring);
	return kernel.ring_full ? -EAGAIN : 0;
}

__u64 bpf_ktime_get_ns(void)
{
	return kernel.now_ns;
}

/* As if CONFIG_HZ were 250. */
__u64 bpf_jiffies64(void)
{
	return kernel.now_ns / 4000000;
}

__u64 bpf_ktime_get_coarse_ns(void)
{
	return kernel.now_ns;
}

/* xorshift32: the same numbers in every run of an input. */
__u32 bpf_get_prandom_u32(void)
{
	kernel.random ^= kernel.random << 13;
	kernel.random ^= kernel.random >> 17;
	kernel.random ^= kernel.random << 5;
	return kernel.random;
}

__u32 bpf_get_smp_processor_id(void)
{
	return 0;
}

long bpf_timer_init(struct bpf_timer *t, void *map, __u64 flags)
{
	(void)flags;
	if (timer.map)
		return -EBUSY;
	timer.map = map;
	timer.value = t; /* the value starts with it */
	return 0;
}

long bpf_timer_set_callback(struct bpf_timer *t, void *callback)
{
	if (t != timer.value)
		return -EINVAL;
	memcpy(&timer.callback, &callback, sizeof(callback));
	return 0;
}

long bpf_timer_start(struct bpf_timer *t, __u64 nsecs, __u64 flags)
{
	(void)nsecs;
	(void)flags;
	if (t != timer.value || !timer.callback)
		return -EINVAL;
	timer.started = true;
	kernel.timers_set++;
	return 0;
}

void kernel__fire_timer(void)
{
	__u32 zero = 0;

	if (!timer.started)
		return;
	timer.started = false;
	timer.callback(timer.map, &zero, timer.value);
}
