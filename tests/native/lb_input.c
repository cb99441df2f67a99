/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "input.h"

#include <string.h>

#include "helpers.h"
#include "judge.h"
#include "mem.h"
#include "scene.h"

#define ETH_LEN 14
#define SCENE_LEN 2
#define ARRIVAL_LEN 6
#define FRAMES_MAX 64
#define PAD_MAX 8191

const char *const input_name = "lb";

/* How a frame arrives. */
struct arrival {
	uint32_t ingress;
	uint32_t len; /* bytes that the input has of it */
	uint32_t pad; /* bytes that follow them, not in the input: long frames from short inputs */
	bool split; /* `pad` is in further buffers */
	uint64_t wait_ns; /* since the frame before it */
};

/* Multiples of 8 and of 4: where a frame starts, and where it does with 20 bytes more. */
static const uint32_t headrooms[] = {256, 260, 40, 12};

static uint32_t get16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

/* The first byte: gates, and whether the lease lapsed. The second: what state the machine is in. */
static uint32_t choose_scene(const uint8_t *b, struct scene_state *s)
{
	*s = (struct scene_state){
		.gates = {.lease = b[0] & 1,
			  .wild = b[0] >> 1 & 1,
			  .sources = b[0] >> 2 & 1,
			  .limits = b[0] >> 3 & 1,
			  .nat = b[0] >> 4 & 1,
			  .jumbo = b[0] >> 5 & 1,
			  .events = b[0] >> 6 & 1,
			  .passive = (b[1] & 3) == 3,
			  .peers = (b[1] & 12) == 12},
		.lapsed = b[0] >> 7,
		.groups = (b[0] & 0x81) ==
			  0x80, /* without the gate, what lapses is of no other use */
		.on_agent_loss = (b[1] & 3) % 3, /* 3: keep, and watch new connections */
		.nat_full = b[1] >> 4 & 1,
		.ring_full = b[1] >> 5 & 1,
		.events = b[1] >> 6 & 1,
		.flows_full = b[1] >> 7,
		.promotions_wait = (b[1] & 0x90) == 0x90,
	};
	return headrooms[b[1] >> 2 & 3];
}

static void read_arrival(struct arrival *a, const uint8_t *b, const struct scene_state *s)
{
	static const uint8_t links[] = {SCENE_LINK, SCENE_OTHER, SCENE_LOWER, SCENE_GONE};

	a->ingress = links[b[0] & 3];
	a->split = (b[0] & 4) && s->gates.jumbo;
	a->wait_ns = b[1] & 31 ? 1ULL << ((b[1] & 31) + 6) : 0;
	a->len = get16(b + 2);
	a->pad = get16(b + 4) & PAD_MAX;
}

/* Runs one frame; what it becomes is judged. */
static void run_frame(const struct arrival *a, const uint8_t *bytes, uint32_t headroom, bool nat)
{
	static uint8_t in[MEM_FRAME_MAX], out[MEM_FRAME_MAX];
	struct judged j = {.in = in, .out = out, .ingress = a->ingress, .nat_off = !nat};
	struct xdp_md ctx;
	uint32_t linear;

	memcpy(in, bytes, a->len);
	for (uint32_t i = 0; i < a->pad; i++)
		in[a->len + i] = (uint8_t)(i * 7 + 3);
	j.in_len = a->len + a->pad;
	linear = a->split ? a->len : j.in_len;
	if (linear > MEM_LINEAR_MAX)
		linear = j.in_len = MEM_LINEAR_MAX;
	mem__load(&ctx, in, j.in_len, linear, headroom, a->ingress);
	j.action = kernel__run(lb, &ctx);
	j.redirect_to = kernel.redirect_to;
	j.out_len = mem__read(&ctx, out);
	judge__lb(&j);
}

void input__run(const uint8_t *data, size_t size)
{
	struct scene_state state;
	uint32_t headroom;

	if (size < SCENE_LEN)
		return;
	headroom = choose_scene(data, &state);
	scene__begin(&state);
	judge__begin();
	data += SCENE_LEN;
	size -= SCENE_LEN;
	for (int i = 0; i < FRAMES_MAX && size > ARRIVAL_LEN + ETH_LEN; i++) {
		struct arrival a;

		read_arrival(&a, data, &state);
		data += ARRIVAL_LEN;
		size -= ARRIVAL_LEN;
		if (a.len > MEM_LINEAR_MAX)
			a.len = MEM_LINEAR_MAX;
		if (a.len > size)
			a.len = (uint32_t)size;
		/* No driver hands over less than a link-layer header. */
		if (a.len < ETH_LEN)
			a.len = ETH_LEN;
		kernel.now_ns += a.wait_ns;
		run_frame(&a, data, headroom, state.gates.nat);
		data += a.len;
		size -= a.len;
	}
	if (state.gates.passive)
		judge__passive();
}

const char *input__missed(void)
{
	return judge__missed();
}
