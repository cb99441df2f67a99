/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom the balancer answers itself: hosts, and no source that stands for none or for many (RFC 1122 3.2.2,
 * RFC 4443 2.4 e.6). What is only forwarded may come from anywhere: odd_test.c.
 */
#include "check.h"
#include "icmp.h"
#include "maps.h"

#include <string.h>

#define MTU 1400

static const struct source {
	uint8_t version;
	uint8_t addr[16];
	bool host;
} sources[] = {
	{4, {0, 0, 0, 0}, false},
	{4, {0, 0, 0, 1}, false},
	{4, {0, 255, 255, 255}, false},
	{4, {1, 0, 0, 0}, true},
	{4, {10, 0, 0, 1}, true},
	{4, {126, 255, 255, 255}, true},
	{4, {127, 0, 0, 0}, false},
	{4, {127, 0, 0, 1}, false},
	{4, {127, 255, 255, 255}, false},
	{4, {128, 0, 0, 0}, true},
	{4, {223, 255, 255, 255}, true},
	{4, {224, 0, 0, 1}, false},
	{4, {239, 255, 255, 255}, false},
	{4, {240, 0, 0, 1}, false},
	{4, {255, 255, 255, 255}, false},
	{6, {0}, false},
	{6, {[15] = 1}, false},
	{6, {[15] = 2}, true},
	{6, {[12] = 1, [15] = 1}, true},
	{6, {[11] = 1}, true},
	{6, {[4] = 1}, true},
	{6, {0x01}, true},
	{6, {0xfe, 0x80, [15] = 1}, true},
	{6, {0xfe, 0xff}, true},
	{6, {0xff, [15] = 1}, false},
	{6, {0xff, 0x02, [15] = 1}, false},
	{6, {0xff, 0xff, 0xff, 0xff}, false},
};

static struct spec from(struct spec s, const struct source *source)
{
	memcpy(s.ip.src, source->addr, source->version == 4 ? 4 : 16);
	return s;
}

static void test_echo(void **state)
{
	struct rig *r = rig__plain();

	(void)state;
	maps__vip(r, 4, FL_VIP_ECHO);
	maps__vip(r, 6, FL_VIP_ECHO);
	for (size_t i = 0; i < COUNT(sources); i++) {
		const struct spec s = from(build__echo(sources[i].version), &sources[i]);
		struct spec out = build__reply(&s);

		maps__icmp_rest(r);
		memcpy(out.dmac, s.smac, 6);
		memcpy(out.smac, s.dmac, 6);
		out.ip.ttl = 64;
		out.icmp.type = s.ip.version == 6 ? 129 : 0;
		if (sources[i].host)
			check__becomes(r, &s, &out, (struct want){.verdict = FL_V_SEND_ECHO});
		else
			check__becomes(r, &s, NULL,
				       (struct want){.verdict = FL_V_PASS_NOT_SERVICE});
	}
}

/* With the MTU of the way to a backend. */
static struct rig *narrow(void)
{
	struct rig *r = rig__plain();
	struct rig_backend b;

	rig__reset_backends(r);
	b = r->be[RIG_L2];
	b.mtu = MTU;
	rig__backend(r, RIG_L2, &b);
	rig__point(r, RIG_L2);
	maps__icmp_rest(r);
	return r;
}

static struct spec large(const struct source *source)
{
	struct spec s = from(build__tcp(source->version), source);

	s.ip.frag = source->version == 4 ? FRAG_DF : 0;
	s.payload = MTU;
	return s;
}

static void test_too_big(void **state)
{
	struct rig *r = narrow();

	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++) {
		const struct spec s = large(&sources[i]), out = icmp__too_big(&s, MTU);
		struct want want = {.verdict = FL_V_DROP_TOO_BIG, .service = rig__service_of(&s)};

		maps__icmp_rest(r);
		if (sources[i].host)
			want.verdict = FL_V_SEND_TOO_BIG;
		check__becomes(r, &s, sources[i].host ? &out : NULL, want);
	}
	rig__reset_backends(r);
}

/* Those that are not answered take none of the answers that a CPU may give. */
static void test_rates(void **state)
{
	static const struct source nobody = {4, {127, 0, 0, 1}, false},
				   somebody = {4, {10, 0, 0, 1}, true};
	struct rig *r = narrow();
	struct spec s = large(&somebody), out = icmp__too_big(&s, MTU), odd = large(&nobody);
	static struct frame in;
	static struct run run;

	(void)state;
	r->unexplained = true;
	build__frame(&odd, &in);
	for (int i = 0; i < 300; i++)
		rig__run(r->lb, &in, 0, &run);
	check__becomes(r, &s, &out,
		       (struct want){.verdict = FL_V_SEND_TOO_BIG, .service = RIG_TCP4});
	maps__vip(r, 4, FL_VIP_ECHO);
	odd = from(build__echo(4), &nobody);
	build__frame(&odd, &in);
	for (int i = 0; i < 3000; i++)
		rig__run(r->lb, &in, 0, &run);
	s = from(build__echo(4), &somebody);
	build__frame(&s, &in);
	rig__run(r->lb, &in, 0, &run);
	assert_int_equal(run.action, XDP_TX);
	rig__reset_backends(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_too_big),
		cmocka_unit_test(test_rates),
	};

	return check__table("packet_strangers", NULL, 0, tests, COUNT(tests));
}
