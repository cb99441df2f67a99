/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "poison.h"

#define ETH_LEN 14
#define XDP_FRAME 40 /* bytes in front that the kernel keeps for itself, sizeof(struct xdp_frame) */
#define HARD_SIZE (XDP_FRAME + MEM_HEADROOM_MAX + MEM_LINEAR_MAX + 64)

static uint8_t *hard_start;
static uint8_t others[MEM_FRAME_MAX]; /* what is in further buffers, where no program looks */
static uint32_t others_len;

static uint8_t *data_of(const struct xdp_md *ctx)
{
	return (uint8_t *)(uintptr_t)ctx->data;
}

static uint8_t *end_of(const struct xdp_md *ctx)
{
	return (uint8_t *)(uintptr_t)ctx->data_end;
}

static void make_buffer(void)
{
	if (hard_start)
		return;
	hard_start = mmap(NULL, HARD_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (hard_start == MAP_FAILED) {
		perror("native frames: mmap below 2 GiB");
		exit(1);
	}
}

void mem__load(struct xdp_md *ctx, const uint8_t *bytes, uint32_t len, uint32_t linear,
	       uint32_t headroom, uint32_t ingress)
{
	uint8_t *data;

	make_buffer();
	data = hard_start + XDP_FRAME + headroom;
	unpoison(hard_start, HARD_SIZE);
	memset(hard_start, MEM_STALE, HARD_SIZE);
	memcpy(data, bytes, linear);
	poison(hard_start, HARD_SIZE);
	unpoison(data, linear);
	others_len = len - linear;
	memcpy(others, bytes + linear, others_len);
	*ctx = (struct xdp_md){
		.data = (uint32_t)(uintptr_t)data,
		.data_end = (uint32_t)(uintptr_t)(data + linear),
		.data_meta = (uint32_t)(uintptr_t)data,
		.ingress_ifindex = ingress,
	};
}

uint32_t mem__len(const struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data + others_len;
}

uint32_t mem__read(const struct xdp_md *ctx, uint8_t out[MEM_FRAME_MAX])
{
	uint32_t linear = ctx->data_end - ctx->data;

	memcpy(out, data_of(ctx), linear);
	memcpy(out + linear, others, others_len);
	return linear + others_len;
}

/* Poisoning works on whole words of eight at a region's start, so the frame is laid out anew. */
static void show_frame(const struct xdp_md *ctx)
{
	poison(hard_start, HARD_SIZE);
	unpoison(data_of(ctx), ctx->data_end - ctx->data);
}

int mem__adjust_head(struct xdp_md *ctx, int delta)
{
	uint8_t *data = data_of(ctx) + delta;

	if (data < hard_start + XDP_FRAME || data > end_of(ctx) - ETH_LEN)
		return -EINVAL;
	ctx->data = ctx->data_meta = (uint32_t)(uintptr_t)data;
	show_frame(ctx);
	return 0;
}

/* Only what the path does: frames are cut, further buffers first (bpf_xdp_frags_shrink_tail). */
int mem__adjust_tail(struct xdp_md *ctx, int delta)
{
	uint32_t cut = (uint32_t)-delta, from_others;

	if (delta > 0 || cut > mem__len(ctx) - ETH_LEN)
		return -EINVAL;
	from_others = cut < others_len ? cut : others_len;
	others_len -= from_others;
	if (end_of(ctx) - (cut - from_others) < data_of(ctx) + ETH_LEN)
		return -EINVAL;
	ctx->data_end -= cut - from_others;
	show_frame(ctx);
	return 0;
}
