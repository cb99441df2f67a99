/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the model makes of packets of each kind, as files: each frame that comes in is followed by the
 * one that leaves. The files are in git, so a change of a byte is seen in review; tcpdump, which
 * shares no code with us, has to find every length and checksum right. FL_GOLDEN=write writes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "pcap.h"

#define FOLDER "tests/model/golden/"

struct golden {
	struct world w;
	struct pcap file;
};

/* One frame in, which has to be sent, and what leaves. */
static void pass_frame(struct golden *g, const struct frame *in)
{
	static struct outcome out;

	fixture__run(&g->w, in, &out);
	if (out.egress == 0)
		fail_msg("the model says %s", model__name(out.verdict));
	pcap__add(&g->file, in);
	pcap__add(&g->file, &out.out);
}

static void pass(struct golden *g, const struct desc *d)
{
	static struct frame in;
	struct layout at;

	write__frame(d, &in, &at);
	pass_frame(g, &in);
}

static void both_protocols(struct golden *g, enum fl_forward mode)
{
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct desc d = fixture__to(mode, version, PROTO_TCP);

		pass(g, &d);
		d = fixture__to(mode, version, PROTO_UDP);
		d.tos = 0xba;
		d.payload = 33;
		pass(g, &d);
		if (mode != FL_FWD_NAT && mode != FL_FWD_FULLNAT)
			continue;
		d = fixture__answer(&g->w, mode, version, PROTO_TCP);
		pass(g, &d);
		d = fixture__answer(&g->w, mode, version, PROTO_UDP);
		pass(g, &d);
	}
}

static void tagged(struct golden *g)
{
	struct desc d = fixture__to(FL_FWD_L2, 4, PROTO_TCP);

	pass(g, &d);
	d.tags = 2;
	d.tpid[0] = TYPE_QINQ;
	d.tci[0] = 0xb007;
	d.tpid[1] = TYPE_VLAN;
	d.tci[1] = 0x0021;
	pass(g, &d);
	d.dport = fixture__to(FL_FWD_GUE4, 4, PROTO_TCP).dport;
	pass(g, &d);
	d = fixture__to(FL_FWD_IPIP6, 6, PROTO_UDP);
	d.tags = 1;
	d.tpid[0] = TYPE_VLAN;
	d.tci[0] = 0x6001;
	pass(g, &d);
}

static void odd_headers(struct golden *g)
{
	struct desc d = fixture__to(FL_FWD_NAT, 4, PROTO_TCP);

	d.options = 12;
	d.trailer = 6;
	pass(g, &d);
	d = fixture__to(FL_FWD_NAT, 6, PROTO_UDP);
	d.exts = 3;
	d.ext[0] = PROTO_HOP;
	d.ext_len[0] = 8;
	d.ext[1] = PROTO_DEST;
	d.ext_len[1] = 24;
	d.ext[2] = PROTO_FRAGMENT;
	d.ext_len[2] = 8;
	pass(g, &d);
	d.dport = fixture__to(FL_FWD_IPIP4, 6, PROTO_UDP).dport;
	pass(g, &d);
}

/* A datagram in fragments of 48 bytes. */
static void pass_pieces(struct golden *g, struct desc *d)
{
	static struct frame whole, in;
	struct layout at;

	d->fragment = true;
	d->df = false;
	write__frame(d, &whole, &at);
	for (uint32_t from = 0; from < at.end - at.part; from += 48) {
		uint32_t left = at.end - at.part - from;

		write__fragment(&whole, &at, d->version, from, from + (left < 48 ? left : 48), &in);
		pass_frame(g, &in);
	}
}

static void fragments(struct golden *g)
{
	static const enum fl_forward modes[] = {FL_FWD_IPIP4, FL_FWD_NAT, FL_FWD_FULLNAT};

	for (size_t i = 0; i < 3; i++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct desc d = fixture__to(modes[i], version, PROTO_UDP);

			d.payload = 100;
			pass_pieces(g, &d);
			if (version == 4)
				continue;
			d.id++;
			d.exts = d.behind = 1;
			d.ext[0] = PROTO_DEST;
			d.ext_len[0] = 8;
			pass_pieces(g, &d);
		}
	}
}

static void echo(struct golden *g)
{
	struct desc d = fixture__to(FL_FWD_L2, 4, PROTO_ICMP);

	d.type = 8;
	d.rest = 0x12340001;
	pass(g, &d);
	d = fixture__to(FL_FWD_L2, 6, PROTO_ICMP6);
	d.type = 128;
	d.rest = 0x12340001;
	pass(g, &d);
}

static void too_big(struct golden *g)
{
	for (uint8_t version = 4; version <= 6; version += 2) {
		struct desc d = fixture__to(FL_FWD_GUE6, version, PROTO_TCP);

		d.payload = FIXTURE_MTU - 60;
		pass(g, &d);
	}
}

/* An error from a router about `offender`, with the header and 8 bytes of it. */
static void router_error(struct golden *g, const struct desc *offender)
{
	static struct frame quoted;
	uint8_t version = offender->version;
	struct desc d = desc__new(version, version == 4 ? PROTO_ICMP : PROTO_ICMP6);
	struct layout at;

	write__frame(offender, &quoted, &at);
	memcpy(d.daddr, offender->saddr, 16);
	d.saddr[15] = 77;
	d.type = version == 4 ? 3 : 2;
	d.code = version == 4 ? 4 : 0;
	d.rest = 1400;
	d.body = quoted.b + at.l3;
	d.payload = at.l4 - at.l3 + 8;
	pass(g, &d);
}

static void errors(struct golden *g)
{
	static const enum fl_forward modes[] = {FL_FWD_IPIP4, FL_FWD_NAT, FL_FWD_FULLNAT};
	uint8_t swap[16];

	for (size_t i = 0; i < 3; i++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct desc d = fixture__to(modes[i], version, PROTO_TCP);
			uint16_t port = d.sport;

			pass(g, &d); /* full NAT: a record */
			memcpy(swap, d.saddr, 16);
			memcpy(d.saddr, d.daddr, 16);
			memcpy(d.daddr, swap, 16);
			d.sport = d.dport;
			d.dport = port;
			router_error(g, &d);
			if (modes[i] == FL_FWD_IPIP4)
				continue;
			d = fixture__answer(&g->w, modes[i], version, PROTO_TCP);
			port = d.sport;
			memcpy(swap, d.saddr, 16);
			memcpy(d.saddr, d.daddr, 16);
			memcpy(d.daddr, swap, 16);
			d.sport = d.dport;
			d.dport = port;
			router_error(g, &d);
		}
	}
}

static void l2(struct golden *g)
{
	both_protocols(g, FL_FWD_L2);
}

static void ipip4(struct golden *g)
{
	both_protocols(g, FL_FWD_IPIP4);
}

static void ipip6(struct golden *g)
{
	both_protocols(g, FL_FWD_IPIP6);
}

static void gue4(struct golden *g)
{
	both_protocols(g, FL_FWD_GUE4);
}

static void gue6(struct golden *g)
{
	both_protocols(g, FL_FWD_GUE6);
}

static void nat(struct golden *g)
{
	both_protocols(g, FL_FWD_NAT);
}

static void fullnat(struct golden *g)
{
	both_protocols(g, FL_FWD_FULLNAT);
}

static const struct row {
	const char *name;
	void (*fill)(struct golden *g);
} rows[] = {
	{"l2", l2},
	{"ipip4", ipip4},
	{"ipip6", ipip6},
	{"gue4", gue4},
	{"gue6", gue6},
	{"nat", nat},
	{"fullnat", fullnat},
	{"vlan", tagged},
	{"options", odd_headers},
	{"fragments", fragments},
	{"echo", echo},
	{"toobig", too_big},
	{"errors", errors},
};

/* tcpdump reads the file to its end and finds nothing wrong in it. */
static void check_by_tcpdump(const char *path, uint32_t frames)
{
	static const char *const complaints[] = {"bad ",    "incorrect", "wrong",
						 "invalid", "truncated", "missing"};
	char command[256], line[4096];
	uint32_t n = 0;
	FILE *f;

	snprintf(command, sizeof(command), "tcpdump -ttnvvr %s 2>/dev/null", path);
	f = popen(command, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		for (size_t i = 0; i < sizeof(complaints) / sizeof(*complaints); i++)
			if (strstr(line, complaints[i]))
				fail_msg("tcpdump about %s: %s", path, line);
		/* Only a TCP header that an ICMP error quotes may end early. */
		if (strstr(line, "[|") && !strstr(line, "[|tcp]"))
			fail_msg("tcpdump about %s: %s", path, line);
		n += line[0] >= '0' && line[0] <= '9';
	}
	assert_int_equal(pclose(f), 0);
	assert_int_equal(n, frames);
}

static void golden(void **state)
{
	static struct golden g;
	static struct pcap there;
	const struct row *row = *state;
	const char *write = getenv("FL_GOLDEN");
	char path[128];

	snprintf(path, sizeof(path), FOLDER "%s.pcap", row->name);
	fixture__make(&g.w);
	pcap__init(&g.file);
	row->fill(&g);
	world__free(&g.w);
	if (write && strcmp(write, "write") == 0)
		assert_int_equal(pcap__write(&g.file, path), 0);
	assert_int_equal(pcap__read(&there, path), 0);
	assert_int_equal(there.len, g.file.len);
	assert_memory_equal(there.b, g.file.b, g.file.len);
	check_by_tcpdump(path, g.file.frames);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(rows) / sizeof(*rows)];
	size_t n = sizeof(rows) / sizeof(*rows);

	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = golden,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return _cmocka_run_group_tests("golden", tests, n, NULL, NULL);
}
