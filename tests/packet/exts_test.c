/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IPv6 extension headers in front of TCP and UDP: which are walked, how far, and which lies end it. */
#include "check.h"
#include "change.h"

#include <string.h>

static const uint8_t walked[] = {PROTO_HOP, PROTO_ROUTING, PROTO_DEST, PROTO_AH};
static const uint8_t protos[] = {PROTO_TCP, PROTO_UDP};
static const uint32_t backends[] = {RIG_L2, RIG_IPIP4, RIG_IPIP6};

#define MAX_CHAIN 6
#define MAX_BYTES 1024

/* The packet goes to each kind of backend. */
static void sent_by_all(const struct spec *s)
{
	struct rig *r = rig__plain();

	for (size_t i = 0; i < COUNT(backends); i++) {
		rig__point(r, (uint16_t)backends[i]);
		check__spec(r, s, backends[i], i ? FL_V_SEND_IPIP : FL_V_SEND_L2);
	}
}

static void passes_with(const struct spec *s, enum fl_verdict verdict)
{
	struct rig *r = rig__plain();

	rig__point(r, RIG_IPIP6);
	check__spec(r, s, RIG_IPIP6, verdict);
}

static void test_one_header(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	for (size_t p = 0; p < COUNT(protos); p++) {
		s.proto = protos[p];
		for (size_t i = 0; i < COUNT(walked); i++) {
			for (uint16_t len = 8; len <= 64; len += 8) {
				s.ip.ext[0] = (struct ext){.type = walked[i], .len = len};
				sent_by_all(&s);
			}
		}
	}
}

/* RFC 4302 2.2: its length counts words of 4 bytes, so it may end between two of 8. */
static void test_auth_header_lengths(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	for (uint16_t len = 12; len <= 128; len += 4) {
		s.ip.ext[0] = (struct ext){.type = PROTO_AH, .len = len};
		sent_by_all(&s);
	}
}

static void test_every_pair(void **state)
{
	struct spec s = build__udp(6);

	(void)state;
	for (size_t i = 0; i < COUNT(walked); i++) {
		for (size_t k = 0; k < COUNT(walked); k++) {
			s.ip.ext[0] = (struct ext){.type = walked[i], .len = 16};
			s.ip.ext[1] = (struct ext){.type = walked[k], .len = 24};
			sent_by_all(&s);
		}
	}
}

static void test_under_vlan_tags(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	s.ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = 8};
	change__tag(&s);
	sent_by_all(&s);
	change__qinq(&s);
	sent_by_all(&s);
}

static void chain(struct spec *s, int n)
{
	memset(s->ip.ext, 0, sizeof(s->ip.ext));
	for (int i = 0; i < n; i++)
		s->ip.ext[i] = (struct ext){.type = walked[i % (int)COUNT(walked)], .len = 16};
}

static void test_longest_chain(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	for (int n = 0; n <= MAX_CHAIN; n++) {
		chain(&s, n);
		sent_by_all(&s);
	}
	for (int n = MAX_CHAIN + 1; n < MAX_EXTS; n++) {
		chain(&s, n);
		passes_with(&s, FL_V_PASS_NOT_SERVICE);
	}
}

static void test_most_bytes(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	s.ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = MAX_BYTES};
	sent_by_all(&s);
	s.ip.ext[0].len = MAX_BYTES + 8;
	passes_with(&s, FL_V_PASS_NOT_SERVICE);
	s.ip.ext[0].len = 2048;
	passes_with(&s, FL_V_PASS_NOT_SERVICE);
	s.ip.ext[0].len = MAX_BYTES / 2;
	s.ip.ext[1] = (struct ext){.type = PROTO_AH, .len = MAX_BYTES / 2};
	sent_by_all(&s);
	s.ip.ext[1].len += 4;
	passes_with(&s, FL_V_PASS_NOT_SERVICE);
}

/*
 * The fragment header of a first fragment is not counted, neither among the six nor in the bytes. What
 * stands behind it is.
 */
static void test_fragment_in_a_chain(void **state)
{
	const struct ext first = {.type = PROTO_FRAGMENT, .len = 8, .frag = 1, .id = 7};
	struct spec s = build__tcp(6);

	(void)state;
	for (int n = 0; n <= MAX_CHAIN; n++) {
		chain(&s, n);
		s.ip.ext[n] = first;
		sent_by_all(&s);
		s.ip.ext[n + 1] = (struct ext){.type = PROTO_DEST, .len = 8};
		if (n < MAX_CHAIN)
			sent_by_all(&s);
		else
			passes_with(&s, FL_V_PASS_NOT_SERVICE);
	}
	chain(&s, MAX_CHAIN + 1);
	s.ip.ext[MAX_CHAIN + 1] = first;
	passes_with(&s, FL_V_PASS_NOT_SERVICE);
	chain(&s, 0);
	s.ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = MAX_BYTES};
	s.ip.ext[1] = first;
	sent_by_all(&s);
}

/* RFC 6946: a fragment header that says "whole" is skipped, and counted, like the others. */
static void test_atomic_fragments(void **state)
{
	const struct ext atomic = {.type = PROTO_FRAGMENT, .len = 8, .id = 7};
	struct spec s = build__udp(6);

	(void)state;
	for (int n = 0; n <= MAX_CHAIN; n++) {
		chain(&s, n);
		s.ip.ext[n] = atomic;
		if (n < MAX_CHAIN)
			sent_by_all(&s);
		else
			passes_with(&s, FL_V_PASS_NOT_SERVICE);
	}
	for (int n = 0; n < MAX_CHAIN; n++) {
		chain(&s, MAX_CHAIN);
		s.ip.ext[n] = atomic;
		sent_by_all(&s);
	}
	/* Its two reserved bits mean nothing (RFC 8200 4.5). */
	chain(&s, 0);
	s.ip.ext[0] = atomic;
	s.ip.ext[0].frag = 6;
	sent_by_all(&s);
}

/* ESP, mobility, HIP, shim6, experiments: not walked, whatever stands behind them. */
static void test_unknown_headers(void **state)
{
	static const uint8_t others[] = {50, 135, 139, 140, 253, 254, PROTO_NONE, PROTO_ICMP6};
	struct spec s = build__tcp(6);

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		s.ip.ext[0] = (struct ext){.type = others[i], .len = 8};
		passes_with(&s, FL_V_PASS_NOT_SERVICE);
		s.ip.ext[1] = s.ip.ext[0];
		s.ip.ext[0].type = PROTO_DEST;
		passes_with(&s, FL_V_PASS_NOT_SERVICE);
		s.ip.ext[1] = (struct ext){0};
	}
}

/* A length field that says more or less than is there: other bytes than the ports are read. */
static void test_lying_lengths(void **state)
{
	struct spec s = build__tcp(6);
	uint32_t whole;

	(void)state;
	s.ip.ext[0] = (struct ext){.type = PROTO_DEST, .len = 64};
	whole = build__l3_len(&s) - 40;
	for (uint16_t claim = 8; claim <= MAX_BYTES; claim += 8) {
		if (claim == 64)
			continue;
		s.ip.ext[0].claim = claim;
		passes_with(&s, claim + 20U > whole ? FL_V_PASS_MALFORMED : FL_V_PASS_NOT_SERVICE);
	}
	s.ip.ext[0].claim = 2048;
	passes_with(&s, FL_V_PASS_MALFORMED);
}

/* The packet ends with its extension headers. */
static void test_nothing_behind(void **state)
{
	struct spec s = build__tcp(6);

	(void)state;
	s.ip.ext[0] = (struct ext){.type = PROTO_HOP, .len = 16};
	s.payload = 0;
	for (int missing = 1; missing <= 20; missing++) {
		s.ip.len_lie = -missing;
		passes_with(&s, FL_V_PASS_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_header),
		cmocka_unit_test(test_auth_header_lengths),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_under_vlan_tags),
		cmocka_unit_test(test_longest_chain),
		cmocka_unit_test(test_most_bytes),
		cmocka_unit_test(test_fragment_in_a_chain),
		cmocka_unit_test(test_atomic_fragments),
		cmocka_unit_test(test_unknown_headers),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_nothing_behind),
	};

	return check__table("packet_exts", NULL, 0, tests, COUNT(tests));
}
