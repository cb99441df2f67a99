/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_helpers.h - stands in libbpf's place when the data path is compiled for this machine.
 *
 * The programs are compiled as they are: maps are described by the same macros, so their sizes can be
 * read with sizeof, and helpers are functions of helpers.c. bpf_endian.h is libbpf's own.
 */
#ifndef FAIRLEAD_TESTS_NATIVE_BPF_HELPERS_H
#define FAIRLEAD_TESTS_NATIVE_BPF_HELPERS_H

#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]

/* Sections are the loader's business; a map's first word is written when it is made, see map.h. */
#define SEC(name) __attribute__((used))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))

#ifndef NULL
#define NULL ((void *)0)
#endif

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_redirect_map(void *map, __u64 key, __u64 flags);
long bpf_tail_call(void *ctx, void *map, __u32 index);

long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
__u64 bpf_xdp_get_buff_len(struct xdp_md *ctx);

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed);
long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int plen, __u32 flags);

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags);
void bpf_ringbuf_submit(void *record, __u64 flags);
long bpf_ringbuf_output(void *ring, void *data, __u64 size, __u64 flags);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *buf, __u32 len);
void bpf_ringbuf_discard(void *record, __u64 flags);

__u64 bpf_ktime_get_ns(void);
__u64 bpf_ktime_get_coarse_ns(void);
__u64 bpf_jiffies64(void);
__u32 bpf_get_prandom_u32(void);
__u32 bpf_get_smp_processor_id(void);

long bpf_timer_init(struct bpf_timer *timer, void *map, __u64 flags);
long bpf_timer_set_callback(struct bpf_timer *timer, void *callback);
long bpf_timer_start(struct bpf_timer *timer, __u64 nsecs, __u64 flags);

#endif
