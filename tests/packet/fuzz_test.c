/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hundred thousand spoilt packets, always the same ones, through the backend's program against a
 * model of it: the action and every byte. The balancer's own are tests/model's.
 */
#include "check.h"
#include "change.h"
#include "decap.h"
#include "model.h"

#include <string.h>

#define DECAP_ROUNDS 100000
#define HEADERS 110 /* mutations that matter are made here */

/* xorshift64*: the same packets on every machine. */
static uint64_t state_of_random = 0x9e3779b97f4a7c15ULL;

static uint32_t any(uint32_t below)
{
	state_of_random ^= state_of_random >> 12;
	state_of_random ^= state_of_random << 25;
	state_of_random ^= state_of_random >> 27;
	return (uint32_t)((state_of_random * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static void add_exts(struct spec *s)
{
	static const uint8_t types[] = {PROTO_HOP, PROTO_ROUTING, PROTO_DEST, PROTO_AH,
					PROTO_FRAGMENT};
	uint32_t n = any(8);

	for (uint32_t i = 0; i < n; i++) {
		uint8_t type = types[any(any(4) ? 4 : 5)];

		s->ip.ext[i] = (struct ext){
			.type = type,
			.len = type == PROTO_FRAGMENT ? 8 : (uint16_t)(8 + 8 * any(4))};
	}
}

/* A packet that would be good, of any kind that the tables of the other tests know. */
static struct spec random_spec(void)
{
	static void (*const changes[])(struct spec *) = {
		change__tag,   change__qinq,   change__option,	   change__all_options,
		change__empty, change__padded, change__tos,	   change__ttl_0,
		change__ttl_1, change__ttl_2,  change__three_tags, change__df,
		change__rst,   add_exts,       add_exts,
	};
	struct spec s = any(2) ? build__tcp(any(2) ? 4 : 6) : build__udp(any(2) ? 4 : 6);

	for (uint32_t i = any(4); i > 0; i--)
		changes[any(COUNT(changes))](&s);
	for (uint32_t i = any(3); i > 0; i--)
		s.ip.src[any(s.ip.version == 6 ? 16 : 4)] = (uint8_t)any(256);
	s.sport = (uint16_t)any(65536);
	s.ip.id = (uint16_t)any(65536);
	s.payload = (uint16_t)any(60);
	return s;
}

/* Bytes that mean something somewhere in a header. */
static uint8_t telling_byte(void)
{
	static const uint8_t bytes[] = {
		0,  1,	4,  6,	8,  17, 41, 43,	  44,	51,   60,   0x81, 0x86, 0x88,
		20, 40, 59, 64, 19, 21, 39, 0x45, 0x46, 0x60, 0x7f, 0x80, 0xff, 0x4f,
	};

	return bytes[any(COUNT(bytes))];
}

static void mutate(struct frame *f)
{
	uint32_t at = any(f->len < HEADERS ? f->len : HEADERS);

	switch (any(8)) {
	case 0:
	case 1:
		f->b[at] ^= (uint8_t)(1 << any(8));
		break;
	case 2:
		f->b[at] = (uint8_t)any(256);
		break;
	case 3:
	case 4:
		f->b[at] = telling_byte();
		break;
	case 5:
		f->len = 14 + any(f->len - 13);
		break;
	case 6:
		f->b[at] = (uint8_t)(f->b[at] + (any(2) ? 1 : -1));
		break;
	default:
		/* Bytes out of the middle: all that follows is at another place. */
		if (f->len > at + 8 && f->len > 40) {
			memmove(f->b + at, f->b + at + 2, f->len - at - 2);
			f->len -= 2;
		}
	}
}

static void random_frame(struct spec *s, struct frame *f)
{
	build__frame(s, f);
	for (uint32_t i = any(4); i > 0; i--)
		mutate(f);
}

static void compare(uint32_t round, const struct frame *in, const struct frame *want,
		    const struct run *run, uint32_t action)
{
	if (run->action == action && run->out.len == want->len &&
	    memcmp(run->out.b, want->b, want->len) == 0)
		return;
	check__dump("in", in);
	check__dump("wanted", want);
	check__dump("got", &run->out);
	fail_msg("packet %u: action %u, wanted %u", round, run->action, action);
}

static void test_decap(void **state)
{
	uint32_t stripped = 0, dropped = 0, left = 0;
	static struct frame in, want;
	static struct run run;
	int prog = decap__prog();

	(void)state;
	for (uint32_t i = 0; i < DECAP_ROUNDS; i++) {
		struct spec s = random_spec();
		bool pass;

		if (any(16))
			s.tunnel = decap__outer(any(2) ? 4 : 6);
		s.tunnel.tos = (uint8_t)any(256);
		s.ip.tos = (uint8_t)any(256);
		if (s.tunnel.version == 4 && !any(4))
			s.tunnel.options = (uint8_t)(4 * any(11));
		if (s.tunnel.version == 6 && !any(4))
			s.tunnel.ext[0] = (struct ext){.type = PROTO_DEST, .len = 8};
		random_frame(&s, &in);
		pass = model__decap(&in, &want);
		rig__run(prog, &in, 0, &run);
		compare(i, &in, &want, &run, pass ? XDP_PASS : XDP_DROP);
		stripped += want.len < in.len;
		left += pass && want.len == in.len;
		dropped += !pass;
	}
	assert_in_range(stripped, DECAP_ROUNDS / 10, DECAP_ROUNDS);
	assert_in_range(left, DECAP_ROUNDS / 10, DECAP_ROUNDS);
	assert_in_range(dropped, DECAP_ROUNDS / 200, DECAP_ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_decap, decap__teardown),
	};

	return check__table("packet_fuzz", NULL, 0, tests, COUNT(tests));
}
