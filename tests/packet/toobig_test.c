/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that do not fit: who is told what, to the byte, and who is not. */
#include "check.h"
#include "change.h"
#include "icmp.h"
#include "maps.h"

#include <string.h>

#define RATE_BURST 21 /* answers at once: 20 ms of 1000 a second, and one */

static const struct rig_gates gates = {.nat = true};

static const struct {
	uint32_t backend;
	uint32_t overhead;
	uint8_t only; /* version that it can have; 0: both */
} modes[] = {{RIG_L2, 0, 0},	{RIG_IPIP4, 20, 0}, {RIG_IPIP6, 40, 0}, {RIG_GUE4, 32, 0},
	     {RIG_GUE6, 52, 0}, {RIG_NAT4, 0, 4},   {RIG_NAT6, 0, 6}};

static struct rig *with_mtu(uint32_t backend, uint32_t mtu)
{
	struct rig *r = rig__get(gates);
	struct rig_backend b;

	rig__reset_backends(r);
	b = r->be[backend];
	b.mtu = (uint16_t)mtu;
	rig__backend(r, backend, &b);
	rig__point(r, (uint16_t)backend);
	maps__icmp_rest(r);
	return r;
}

static void told(struct rig *r, const struct spec *s, uint32_t mtu)
{
	struct spec out = icmp__too_big(s, mtu);

	check__becomes(r, s, &out,
		       (struct want){.verdict = FL_V_SEND_TOO_BIG, .service = rig__service_of(s)});
}

static void dropped(struct rig *r, const struct spec *s)
{
	check__becomes(r, s, NULL,
		       (struct want){.verdict = FL_V_DROP_TOO_BIG, .service = rig__service_of(s)});
}

static struct spec with_df(uint8_t version, uint8_t proto)
{
	struct spec s = build__udp(version);

	s.proto = proto;
	s.flags = proto == PROTO_TCP ? 0x10 : 0;
	s.chunk = 0;
	s.ip.frag = version == 4 ? FRAG_DF : 0;
	return s;
}

static enum fl_verdict sent_by(uint32_t backend)
{
	if (backend == RIG_L2)
		return FL_V_SEND_L2;
	if (backend == RIG_GUE4 || backend == RIG_GUE6)
		return FL_V_SEND_GUE;
	return backend == RIG_NAT4 || backend == RIG_NAT6 ? FL_V_SEND_NAT : FL_V_SEND_IPIP;
}

/* The last size that fits, and the first that does not, for every mode and protocol. */
static void test_every_mode(void **state)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP, PROTO_SCTP};

	(void)state;
	for (size_t m = 0; m < COUNT(modes); m++) {
		struct rig *r = with_mtu(modes[m].backend, 1500);
		struct rig_backend b = r->be[modes[m].backend];

		b.port = sent_by(modes[m].backend) == FL_V_SEND_NAT ? 0 : b.port;
		rig__backend(r, modes[m].backend, &b);
		for (uint8_t version = 4; version <= 6; version += 2) {
			if (modes[m].only && modes[m].only != version)
				continue;
			for (size_t p = 0; p < COUNT(protos); p++) {
				struct spec s = with_df(version, protos[p]);
				uint32_t fits = 1500 - modes[m].overhead;

				s.payload = 0;
				s.payload = (uint16_t)(fits - build__l3_len(&s));
				check__spec(r, &s, modes[m].backend, sent_by(modes[m].backend));
				s.payload++;
				told(r, &s, fits);
			}
		}
	}
}

/* Is the packet long enough for what an answer quotes? */
static bool quotable(const struct spec *s)
{
	return build__l3_len(s) >= (s->ip.version == 6 ? 1232 : 68);
}

/* What is quoted: no more than is allowed, of a short IPv4 packet the least; else there is no answer. */
static void test_quotes(void **state)
{
	struct rig *r = with_mtu(RIG_IPIP4, 60);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (uint32_t payload = 60; payload < 1400; payload += payload < 80 ? 1 : 13) {
			struct spec s = with_df(version, PROTO_UDP);

			s.payload = (uint16_t)payload;
			maps__icmp_rest(r);
			if (quotable(&s))
				told(r, &s, version == 6 ? 1280 : 68);
			else
				dropped(r, &s);
		}
		for (uint16_t extra = 0; extra < 9; extra++) {
			struct spec s = with_df(version, PROTO_UDP);

			/* Around 548 and 1232 bytes. */
			s.payload = (uint16_t)((version == 6 ? 1232 - 48 : 548 - 28) - 4 + extra);
			maps__icmp_rest(r);
			if (quotable(&s))
				told(r, &s, version == 6 ? 1280 : 68);
			else
				dropped(r, &s);
		}
	}
}

/* Padding is not quoted, tags stay, options are quoted. */
static void test_frames(void **state)
{
	static void (*const changes[])(struct spec *) = {
		change__tag,	     change__qinq, change__two_c_tags,
		change__all_options, change__tos,  change__tag_and_options,
		change__padded,
	};

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (size_t i = 0; i < COUNT(changes); i++) {
			struct rig *r = with_mtu(RIG_GUE6, 1400);
			struct spec s = with_df(version, PROTO_TCP);

			changes[i](&s);
			s.payload = 1400;
			told(r, &s, version == 6 ? 1348 : 1348);
			s.payload = 1340;
			told(r, &s, 1348);
		}
	}
}

/* An IPv6 host takes nothing below 1280 for true (RFC 8201 4), nor an IPv4 one below 68. */
static void test_least_mtu(void **state)
{
	struct rig *r = with_mtu(RIG_IPIP6, 1300);
	struct spec s = with_df(6, PROTO_UDP);

	(void)state;
	s.payload = 1280 - 48;
	told(r, &s, 1280);
	r = with_mtu(RIG_IPIP6, 1320);
	s.payload++;
	told(r, &s, 1280);
	r = with_mtu(RIG_IPIP6, 1321);
	check__spec(r, &s, RIG_IPIP6, FL_V_SEND_IPIP);
	s.payload++;
	told(r, &s, 1281);
	s = with_df(4, PROTO_UDP);
	s.payload = 100;
	r = with_mtu(RIG_IPIP6, 30);
	told(r, &s, 68);
	r = with_mtu(RIG_IPIP6, 109);
	told(r, &s, 69);
}

/* IPv4 without DF: a router would fragment, here it is dropped and nobody told. */
static void test_not_told(void **state)
{
	struct rig *r = with_mtu(RIG_IPIP4, 200);

	(void)state;
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct spec s = with_df(version, PROTO_UDP), first;

		s.payload = 400;
		first = s;
		build__first(&first, 77);
		if (version == 4)
			first.ip.frag |= FRAG_DF;
		dropped(r, &first);
		if (version == 4) {
			s.ip.frag = 0;
			dropped(r, &s);
		}
	}
}

static void test_rate(void **state)
{
	struct rig *r = with_mtu(RIG_IPIP4, 1400);
	struct spec s = with_df(6, PROTO_TCP);
	static struct run run;
	static struct frame in;
	uint32_t told_n = 0, tick = 0;
	uint64_t start;

	(void)state;
	r->unexplained = true;
	s.payload = 1400;
	build__frame(&s, &in);
	start = maps__clock();
	for (int i = 0; i < 200; i++) {
		rig__run(r->lb, &in, 0, &run);
		assert_true(run.action == XDP_TX || run.action == XDP_DROP);
		told_n += run.action == XDP_TX;
	}
	/* The coarse clock may go on by some milliseconds, each worth one more. */
	tick = (uint32_t)((maps__clock() - start) / 1000000) + 1;
	assert_in_range(told_n, RATE_BURST, RATE_BURST + tick);
	maps__icmp_rest(r);
	told(r, &s, 1380);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_mode), cmocka_unit_test(test_quotes),
		cmocka_unit_test(test_frames),	   cmocka_unit_test(test_least_mtu),
		cmocka_unit_test(test_not_told),   cmocka_unit_test(test_rate),
	};

	return check__table("packet_toobig", NULL, 0, tests, COUNT(tests));
}
