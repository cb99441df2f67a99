/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The backend's side: what is unwrapped, byte by byte, and what is left alone. */
#include "change.h"
#include "decap.h"

#include <string.h>

#define TRUNCATED_FROM 14

static void inner_exts(struct spec *s)
{
	s->ip.ext[0] = (struct ext){.type = PROTO_HOP, .len = 8};
	s->ip.ext[1] = (struct ext){.type = PROTO_FRAGMENT, .len = 8, .frag = 1};
}

static void inner_fragment(struct spec *s)
{
	s->ip.frag = FRAG_MF | 100;
}

static void inner_icmp(struct spec *s)
{
	s->proto = s->ip.version == 6 ? PROTO_ICMP6 : PROTO_ICMP;
}

static void inner_unknown(struct spec *s)
{
	s->proto = 200;
}

/* The inner packet's TTL is not this hop's business either. */
static void (*const changes[])(struct spec *) = {
	change__df,    change__tag,    change__qinq,   change__two_c_tags,	change__option,
	change__empty, change__padded, change__large,  change__all_options,	change__ttl_0,
	change__ttl_1, inner_exts,     inner_fragment, change__tag_and_options, inner_icmp,
	inner_unknown,
};

/* Calls `each` for 4in4, 6in4, 4in6 and 6in6, TCP and UDP, with every change. */
static void for_all(void (*each)(const struct spec *s))
{
	for (int pair = 0; pair < 8; pair++) {
		for (size_t i = 0; i < COUNT(changes); i++) {
			uint8_t version = pair & 1 ? 6 : 4;
			struct spec s = pair & 4 ? build__tcp(version) : build__udp(version);

			changes[i](&s);
			s.tunnel = decap__outer(pair & 2 ? 6 : 4);
			each(&s);
		}
	}
}

static struct spec unwrapped(const struct spec *s)
{
	struct spec out = *s;

	out.tunnel.version = 0;
	return out;
}

static void strips(const struct spec *s)
{
	struct spec want = unwrapped(s);

	decap__becomes(s, &want);
}

static void test_every_pair(void **state)
{
	(void)state;
	for_all(strips);
}

static void truncate_frame(const struct spec *s)
{
	static struct frame f;
	uint32_t whole;

	build__frame(s, &f);
	whole = f.len - s->trailer;
	for (f.len = TRUNCATED_FROM; f.len < whole; f.len++)
		decap__leaves_frame(&f);
}

static void test_truncated_at_every_byte(void **state)
{
	(void)state;
	for_all(truncate_frame);
}

/* No tunnel: whatever else it is. */
static void leave_unwrapped(const struct spec *s)
{
	struct spec plain = unwrapped(s);

	decap__leaves(&plain);
}

static void test_no_tunnel(void **state)
{
	struct spec s = build__tcp(4);

	(void)state;
	for_all(leave_unwrapped);
	s.tunnel = decap__outer(4);
	s.type = 0x0806;
	decap__leaves(&s);
	s.type = 0;
	change__three_tags(&s);
	decap__leaves(&s);
}

static void test_outer_options(void **state)
{
	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (uint8_t options = 4; options <= 40; options += 4) {
			struct spec s = build__tcp(version);

			s.tunnel = decap__outer(4);
			s.tunnel.options = options;
			strips(&s);
		}
	}
}

/* RFC 2473 4.1.1: the tunnel encapsulation limit stands in a destination options header of 8 bytes. */
static void test_encapsulation_limit(void **state)
{
	static struct frame f;

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__tcp(version);

		change__tag(&s);
		s.tunnel = decap__outer(6);
		s.tunnel.ext[0] = (struct ext){.type = PROTO_DEST, .len = 8};
		strips(&s);
		build__frame(&s, &f);
		for (uint32_t whole = f.len, len = TRUNCATED_FROM; len < whole; len++) {
			f.len = len;
			decap__leaves_frame(&f);
		}
		/* Another chain is not what our peer writes: the kernel may know what to do. */
		s.tunnel.ext[0].len = 16;
		decap__leaves(&s);
		s.tunnel.ext[0].len = 8;
		s.tunnel.ext[1] = s.tunnel.ext[0];
		decap__leaves(&s);
	}
}

static void test_other_outer_headers(void **state)
{
	static const uint8_t types[] = {PROTO_HOP, PROTO_ROUTING, PROTO_AH, PROTO_FRAGMENT, 135};
	struct spec s = build__udp(6);

	(void)state;
	s.tunnel = decap__outer(6);
	for (size_t i = 0; i < COUNT(types); i++) {
		s.tunnel.ext[0] = (struct ext){.type = types[i], .len = 8};
		decap__leaves(&s);
	}
}

static void test_outer_fragments(void **state)
{
	static const uint16_t frags[] = {FRAG_MF, FRAG_MF | 10, 10, 1, 0x1fff, FRAG_DF | FRAG_MF};

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = build__udp(version);

		s.tunnel = decap__outer(4);
		for (size_t i = 0; i < COUNT(frags); i++) {
			s.tunnel.frag = frags[i];
			decap__leaves(&s);
		}
	}
}

/* Every length that the inner header can claim: what the outer one does not carry is not unwrapped. */
static void claim_inner(const struct spec *s)
{
	struct spec lie = *s, bare = unwrapped(s);
	uint32_t least = s->ip.version == 6 ? 40 : 20;
	uint32_t length = build__l3_len(&bare);

	/* Padding behind the outer packet is no part of the inner one. */
	lie.trailer = 8;
	for (uint32_t claim = least == 40 ? 40 : 0; claim < length + 20; claim++) {
		lie.ip.len_lie = (int)claim - (int)length;
		if (claim >= least && claim <= length)
			strips(&lie);
		else
			decap__leaves(&lie);
	}
}

static void test_every_inner_length(void **state)
{
	(void)state;
	for (int pair = 0; pair < 4; pair++) {
		struct spec s = build__udp(pair & 1 ? 6 : 4);

		s.tunnel = decap__outer(pair & 2 ? 6 : 4);
		claim_inner(&s);
	}
}

/* Every length that the outer header can claim: less than the inner packet, or more than is there. */
static void test_every_outer_length(void **state)
{
	(void)state;
	for (int pair = 0; pair < 4; pair++) {
		struct spec s = build__udp(pair & 1 ? 6 : 4);
		uint32_t least = pair & 2 ? 40 : 0, length;

		s.tunnel = decap__outer(pair & 2 ? 6 : 4);
		s.trailer = 8;
		length = build__l3_len(&s);
		for (uint32_t claim = least; claim < length + 20; claim++) {
			s.tunnel.len_lie = (int)claim - (int)length;
			if (claim >= length && claim <= length + s.trailer)
				strips(&s);
			else
				decap__leaves(&s);
		}
	}
}

/* The outer protocol and the inner version have to agree. */
static void test_inner_version(void **state)
{
	static struct frame f;

	(void)state;
	for (int pair = 0; pair < 4; pair++) {
		struct spec s = build__tcp(pair & 1 ? 6 : 4);
		uint32_t inner = pair & 2 ? 14 + 40 : 14 + 20;

		s.tunnel = decap__outer(pair & 2 ? 6 : 4);
		for (uint8_t version = 0; version < 16; version++) {
			build__frame(&s, &f);
			if (f.b[inner] >> 4 == version)
				continue;
			f.b[inner] = (uint8_t)(version << 4 | (f.b[inner] & 15));
			decap__leaves_frame(&f);
		}
	}
}

/* One header is taken off, not two: the inner packet may be a tunnel's again. */
static void test_one_header_at_a_time(void **state)
{
	static struct frame twice, once, want;
	static struct run run;
	struct spec s = build__udp(6), bare;

	(void)state;
	s.tunnel = decap__outer(4);
	bare = unwrapped(&s);
	build__frame(&s, &once);
	build__frame(&bare, &want);
	/* An IPv6 header in front of the IPv4 one. */
	s.ip = s.tunnel;
	s.tunnel = decap__outer(6);
	s.proto = PROTO_IPV6;
	s.payload = (uint16_t)(once.len - 14 - 20);
	build__frame(&s, &twice);
	memcpy(twice.b + 14 + 40, once.b + 14, once.len - 14);
	rig__run(decap__prog(), &twice, 0, &run);
	check__same(&twice, &once, &run.out);
	rig__run(decap__prog(), &once, 0, &run);
	check__same(&once, &want, &run.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_no_tunnel),
		cmocka_unit_test(test_outer_options),
		cmocka_unit_test(test_encapsulation_limit),
		cmocka_unit_test(test_other_outer_headers),
		cmocka_unit_test(test_outer_fragments),
		cmocka_unit_test(test_every_inner_length),
		cmocka_unit_test(test_every_outer_length),
		cmocka_unit_test(test_inner_version),
		cmocka_unit_test(test_one_header_at_a_time),
	};

	return _cmocka_run_group_tests("packet_decap", tests, COUNT(tests), NULL, decap__teardown);
}
