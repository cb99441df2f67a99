/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ECN at the tunnel's end (RFC 6040 4.2), and lb and decap back to back. */
#include "change.h"
#include "decap.h"

#include <stdlib.h>
#include <string.h>

#define NOT_ECT 0
#define ECT_1 1
#define ECT_0 2
#define CE 3
#define DROPPED 0xff

/* Figure 4, row by row as it stands there. */
static const struct {
	uint8_t inner;
	uint8_t outer_not_ect, outer_ect_0, outer_ect_1, outer_ce;
} figure_4[] = {
	{NOT_ECT, NOT_ECT, NOT_ECT, NOT_ECT, DROPPED},
	{ECT_0, ECT_0, ECT_0, ECT_1, CE},
	{ECT_1, ECT_1, ECT_1, ECT_1, CE},
	{CE, CE, CE, CE, CE},
};

static void one_cell(uint8_t inner, uint8_t outer, uint8_t merged)
{
	static const uint8_t dscps[] = {0, 1 << 2, 46 << 2, 63 << 2};

	for (int pair = 0; pair < 4; pair++) {
		for (size_t i = 0; i < COUNT(dscps); i++) {
			struct spec s = build__tcp(pair & 1 ? 6 : 4), want;

			s.ip.tos = dscps[i] | inner;
			s.tunnel = decap__outer(pair & 2 ? 6 : 4);
			/* RFC 2983 3.1: the inner DSCP is kept, whatever the tunnel's became. */
			s.tunnel.tos = dscps[COUNT(dscps) - 1 - i] | outer;
			want = s;
			want.tunnel.version = 0;
			want.ip.tos = dscps[i] | merged;
			if (merged == DROPPED)
				decap__drops(&s);
			else
				decap__becomes(&s, &want);
		}
	}
}

static void test_figure_4(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(figure_4); i++) {
		one_cell(figure_4[i].inner, NOT_ECT, figure_4[i].outer_not_ect);
		one_cell(figure_4[i].inner, ECT_0, figure_4[i].outer_ect_0);
		one_cell(figure_4[i].inner, ECT_1, figure_4[i].outer_ect_1);
		one_cell(figure_4[i].inner, CE, figure_4[i].outer_ce);
	}
}

/* The inner checksum is updated, not computed again: all of its values, with every carry. */
static void test_checksum_of_every_value(void **state)
{
	struct spec s = build__udp(4), want;

	(void)state;
	s.tunnel = decap__outer(4);
	for (uint32_t id = 0; id < 65536; id++) {
		s.ip.id = (uint16_t)id;
		s.ip.tos = id & 1 ? ECT_0 : ECT_1;
		s.tunnel.tos = id & 2 ? CE : ECT_1;
		want = s;
		want.tunnel.version = 0;
		want.ip.tos = s.tunnel.tos;
		decap__becomes(&s, &want);
	}
}

static void (*const changes[])(struct spec *) = {
	change__df,	change__tag,   change__qinq,	change__two_c_tags,
	change__option, change__empty, change__padded,	change__large,
	change__tos,	change__ttl_2, change__ttl_255, change__all_options,
};

static void round_trip(struct rig *r, const struct spec *s, uint32_t tunnel)
{
	static struct frame in, want;
	static struct run out, back;
	struct spec expected = *s;

	build__frame(s, &in);
	memcpy(expected.dmac, r->be[tunnel].hop.dmac, 6);
	memcpy(expected.smac, r->be[tunnel].hop.smac, 6);
	memset(expected.tags, 0, sizeof(expected.tags));
	expected.ip.ttl--;
	build__frame(&expected, &want);
	rig__run(r->lb, &in, 0, &out);
	assert_int_equal(out.action, XDP_TX);
	assert_true(out.out.len > in.len);
	rig__run(decap__prog(), &out.out, 0, &back);
	assert_int_equal(back.action, XDP_PASS);
	check__same(&in, &want, &back.out);
}

/* What the balancer wraps, the backend unwraps to what was sent, one hop older. */
static void test_round_trip(void **state)
{
	static const uint32_t tunnels[] = {RIG_IPIP4, RIG_IPIP6};
	struct rig *r = rig__plain();

	(void)state;
	srand(3);
	for (size_t t = 0; t < COUNT(tunnels); t++) {
		rig__point(r, (uint16_t)tunnels[t]);
		for (int i = 0; i < 8000; i++) {
			uint8_t version = i & 1 ? 6 : 4;
			struct spec s = i & 2 ? build__tcp(version) : build__udp(version);

			s.sport = (uint16_t)rand();
			s.ip.id = (uint16_t)rand();
			s.ip.src[3] = (uint8_t)rand();
			s.ip.tos = (uint8_t)rand();
			changes[i / 4 % (int)COUNT(changes)](&s);
			round_trip(r, &s, tunnels[t]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figure_4),
		cmocka_unit_test(test_checksum_of_every_value),
		cmocka_unit_test_teardown(test_round_trip, rig__teardown),
	};

	return _cmocka_run_group_tests("packet_decap_ecn", tests, COUNT(tests), NULL,
				       decap__teardown);
}
