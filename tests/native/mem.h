/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.h - one received frame as a driver hands it over, in memory that a program can address.
 *
 * struct xdp_md has 32 bits for an address, so the buffer lies below 2 GiB. Every byte of it that is
 * not the frame's first buffer is poisoned, to the byte at its end and at its start (there if the
 * address is a multiple of 8, as ASan's are; so runs differ in `headroom`).
 */
#ifndef FAIRLEAD_TESTS_NATIVE_MEM_H
#define FAIRLEAD_TESTS_NATIVE_MEM_H

#include <stdint.h>

#include <linux/bpf.h>

#define MEM_FRAME_MAX 16384 /* bytes of a frame, all its buffers together */
#define MEM_LINEAR_MAX 3072 /* bytes of its first buffer */
#define MEM_HEADROOM_MAX 264
#define MEM_STALE 0xa5 /* what headroom is filled with: nobody should send it */

/* `len` bytes arrive at `ingress`, the first `linear` of them in the first buffer. */
void mem__load(struct xdp_md *ctx, const uint8_t *bytes, uint32_t len, uint32_t linear,
	       uint32_t headroom, uint32_t ingress);

/* Copies the frame as it is now, all its buffers; returns its length. */
uint32_t mem__read(const struct xdp_md *ctx, uint8_t out[MEM_FRAME_MAX]);

/* As the kernel's helpers. */
int mem__adjust_head(struct xdp_md *ctx, int delta);
int mem__adjust_tail(struct xdp_md *ctx, int delta);
uint32_t mem__len(const struct xdp_md *ctx);

#endif
