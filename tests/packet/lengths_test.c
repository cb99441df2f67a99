/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets that are shorter than they say, or longer: at every byte where a frame can end, and with
 * every length that the IP header can claim. (A test run takes no frame without an Ethernet header.)
 */
#include "check.h"
#include "change.h"

#include <string.h>

#define SHORTEST 14

static const uint32_t backends[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6};

static enum fl_verdict sent_by(uint32_t backend)
{
	return backend == RIG_L2 ? FL_V_SEND_L2 : FL_V_SEND_IPIP;
}

static void add_exts(struct spec *s)
{
	s->ip.ext[0] = (struct ext){.type = PROTO_HOP, .len = 8};
	s->ip.ext[1] = (struct ext){.type = PROTO_ROUTING, .len = 24};
	s->ip.ext[2] = (struct ext){.type = PROTO_AH, .len = 12};
}

/* Calls `each` for both families and protocols, plain and with all that stands before the ports. */
static void for_all(void (*each)(struct rig *r, const struct spec *s, uint32_t backend))
{
	static void (*const changes[])(struct spec *) = {
		change__empty, change__tag, change__qinq, change__all_options, add_exts,
	};
	struct rig *r = rig__plain();

	for (size_t b = 0; b < COUNT(backends); b++) {
		rig__point(r, (uint16_t)backends[b]);
		for (size_t i = 0; i < 4 * COUNT(changes); i++) {
			struct spec s =
				i & 1 ? build__tcp(i & 2 ? 4 : 6) : build__udp(i & 2 ? 4 : 6);

			changes[i / 4](&s);
			each(r, &s, backends[b]);
		}
	}
}

static void truncate_frame(struct rig *r, const struct spec *s, uint32_t backend)
{
	const struct want want = {.verdict = FL_V_PASS_MALFORMED};
	static struct frame f;
	uint32_t whole;

	build__frame(s, &f);
	whole = f.len;
	for (f.len = SHORTEST; f.len < whole; f.len++)
		check__frame(r, &f, &want);
	check__spec(r, s, backend, sent_by(backend));
}

static void test_truncated_at_every_byte(void **state)
{
	(void)state;
	for_all(truncate_frame);
}

/* Padding may end anywhere: the packet is whole. */
static void truncate_padding(struct rig *r, const struct spec *s, uint32_t backend)
{
	struct spec padded = *s;

	for (padded.trailer = 0; padded.trailer < 50; padded.trailer++)
		check__spec(r, &padded, backend, sent_by(backend));
}

static void test_padding_of_every_length(void **state)
{
	(void)state;
	for_all(truncate_padding);
}

static uint32_t upper_offset(const struct spec *s)
{
	uint32_t off = 40;

	if (s->ip.version == 4)
		return 20U + s->ip.options;
	for (int i = 0; i < MAX_EXTS; i++)
		off += s->ip.ext[i].len;
	return off;
}

/* Every length from none to more than is there, with 16 bytes of padding that a lie may reach into. */
static void claim_lengths(struct rig *r, const struct spec *s, uint32_t backend)
{
	uint32_t needed = upper_offset(s) + (s->proto == PROTO_TCP ? 20 : 8);
	uint32_t least = s->ip.version == 6 ? 40 : 0; /* IPv6 does not count its header */
	struct spec lie = *s;
	uint32_t length;

	lie.trailer = 16;
	length = build__l3_len(&lie);
	for (uint32_t claim = least; claim < length + 32; claim++) {
		bool ok = claim >= needed && claim <= length + lie.trailer;

		lie.ip.len_lie = (int)claim - (int)length;
		check__spec(r, &lie, backend, ok ? sent_by(backend) : FL_V_PASS_MALFORMED);
	}
	lie.ip.len_lie = 65535 - (int)length;
	check__spec(r, &lie, backend, FL_V_PASS_MALFORMED);
}

static void test_every_claimed_length(void **state)
{
	(void)state;
	for_all(claim_lengths);
}

/* The IPv4 header's own length: 4 bits, all of them. */
static void test_every_header_length(void **state)
{
	struct rig *r = rig__plain();
	struct want want = {.verdict = FL_V_PASS_MALFORMED};
	struct spec s = build__tcp(4);
	static struct frame f;

	(void)state;
	rig__point(r, RIG_IPIP4);
	for (uint32_t words = 0; words < 16; words++) {
		build__frame(&s, &f);
		f.b[14] = (uint8_t)(0x40 | words);
		if (words == 5)
			continue;
		/* With more words the ports are read further on, where there are others. */
		want.verdict = words > 5 && words * 4 + 20 <= build__l3_len(&s)
				       ? FL_V_PASS_NOT_SERVICE
				       : FL_V_PASS_MALFORMED;
		check__frame(r, &f, &want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_padding_of_every_length),
		cmocka_unit_test(test_every_claimed_length),
		cmocka_unit_test(test_every_header_length),
	};

	return check__table("packet_lengths", NULL, 0, tests, COUNT(tests));
}
