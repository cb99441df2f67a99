/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "input.h"

#include <string.h>

#include "helpers.h"
#include "judge.h"
#include "mem.h"
#include "path.h"

#define ETH_LEN 14
#define ARRIVAL_LEN 3

const char *const input_name = "decap";

/* What became of frames. */
static uint32_t stripped, left, dropped;

void input__run(const uint8_t *data, size_t size)
{
	static uint8_t in[MEM_FRAME_MAX], out[MEM_FRAME_MAX];
	struct judged j = {.in = in, .out = out, .ingress = 1};
	struct xdp_md ctx;
	uint32_t pad, len;

	if (size < ARRIVAL_LEN + ETH_LEN)
		return;
	len = (uint32_t)(size - ARRIVAL_LEN);
	if (len > MEM_LINEAR_MAX)
		len = MEM_LINEAR_MAX;
	memcpy(in, data + ARRIVAL_LEN, len);
	/* Bytes that follow without being in the input, as of an lb's frame. */
	pad = (data[1] | (uint32_t)data[2] << 8) % (MEM_LINEAR_MAX + 1 - len);
	memset(in + len, 0x5a, pad);
	j.in_len = len + pad;
	mem__load(&ctx, in, j.in_len, j.in_len, data[0] & 1 ? 260 : 256, j.ingress);
	j.action = kernel__run(decap, &ctx);
	j.out_len = mem__read(&ctx, out);
	judge__decap(&j);
	stripped += j.out_len < j.in_len;
	dropped += j.action == XDP_DROP;
	left += j.action == XDP_PASS && j.out_len == j.in_len;
}

const char *input__missed(void)
{
	if (!stripped)
		return "no packet was unwrapped";
	if (!dropped)
		return "no packet was dropped";
	return left ? NULL : "no packet was left alone";
}
