/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tag of the next hop or none, whatever the frame came with; the priority is kept in a tag. */
#include "check.h"
#include "change.h"
#include "maps.h"
#include "net.h"

#include <arpa/inet.h>
#include <string.h>

#define VLAN 0x7c5

static const struct rig_gates gates = {.nat = true};

static const struct {
	uint32_t backend;
	enum fl_verdict verdict;
	uint8_t only;
} modes[] = {
	{RIG_L2, FL_V_SEND_L2, 0},	{RIG_IPIP4, FL_V_SEND_IPIP, 0},
	{RIG_IPIP6, FL_V_SEND_IPIP, 0}, {RIG_GUE4, FL_V_SEND_GUE, 0},
	{RIG_GUE6, FL_V_SEND_GUE, 0},	{RIG_NAT4, FL_V_SEND_NAT, 4},
	{RIG_NAT6, FL_V_SEND_NAT, 6},
};

static void untagged(struct spec *s)
{
	memset(s->tags, 0, sizeof(s->tags));
}

static void all_priorities(struct spec *s)
{
	s->tags[0] = (struct tag){TYPE_QINQ, 0xf001};
	s->tags[1] = (struct tag){TYPE_VLAN, 0x2002};
}

static void priority_tag(struct spec *s)
{
	s->tags[0] = (struct tag){TYPE_VLAN, 0xa000};
}

static void (*const ways_in[])(struct spec *) = {untagged,	     change__tag,    change__qinq,
						 change__two_c_tags, all_priorities, priority_tag};

/* check__sent() says what is right: see tagged() there. */
static void run_all(struct rig *r, size_t m)
{
	for (size_t i = 0; i < 2 * COUNT(ways_in); i++) {
		uint8_t version = i & 1 ? 6 : 4;
		struct spec s = i & 2 ? build__tcp(version) : build__udp(version);

		if (modes[m].only && modes[m].only != version)
			continue;
		ways_in[i / 2](&s);
		s.trailer = i % 3 ? 0 : 5;
		check__spec(r, &s, modes[m].backend, modes[m].verdict);
		s.payload = 0;
		check__spec(r, &s, modes[m].backend, modes[m].verdict);
	}
}

static void test_tag_of_the_hop(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	for (size_t m = 0; m < COUNT(modes); m++) {
		static const uint16_t ids[] = {VLAN, 1, 4094};

		rig__reset_backends(r);
		rig__point(r, (uint16_t)modes[m].backend);
		for (size_t i = 0; i < COUNT(ids); i++) {
			struct rig_backend b = r->be[modes[m].backend];

			b.hop.vlan = FL_HOP_TAG | ids[i];
			rig__backend(r, modes[m].backend, &b);
			run_all(r, m);
		}
	}
	rig__reset_backends(r);
}

/* On a device that is no VLAN device: none, be it the port that the frame came by with one or two. */
static void test_no_tag_of_the_hop(void **state)
{
	struct rig *r = rig__get(gates);

	(void)state;
	rig__reset_backends(r);
	for (size_t m = 0; m < COUNT(modes); m++) {
		rig__point(r, (uint16_t)modes[m].backend);
		run_all(r, m);
	}
}

/* By another port, with a tag: the trunk below a VLAN device. */
static void test_by_another_port(void **state)
{
	struct rig *r = rig__get(gates);
	struct rig_backend b = r->be[RIG_IPIP4];
	struct spec s = build__tcp(4), out;

	(void)state;
	b.hop.vlan = FL_HOP_TAG | VLAN;
	b.hop.ifindex = r->port;
	rig__backend(r, RIG_IPIP4, &b);
	rig__point(r, RIG_IPIP4);
	change__tag(&s);
	out = check__sent(r, &s, RIG_IPIP4);
	check__becomes(r, &s, &out,
		       (struct want){.verdict = FL_V_SEND_IPIP,
				     .service = RIG_TCP4,
				     .backend = RIG_IPIP4,
				     .redirect = true});
	rig__reset_backends(r);
}

/* The kernel's routes name the VLAN device: the reply leaves by the one below, with its tag. */
static void test_reply(void **state)
{
	struct rig *r = rig__get(gates);
	const struct fl_vlan_port below = {.ifindex = RIG_LO, .vlan = FL_HOP_TAG | VLAN};

	(void)state;
	maps__vlan_port(r, r->port, &below);
	for (size_t i = 0; i < 2 * COUNT(ways_in); i++) {
		uint8_t version = i & 1 ? 6 : 4;
		uint32_t b = version == 6 ? RIG_NAT6 : RIG_NAT4;
		struct spec s = build__tcp(version), back, out;
		struct fl_nat_back e = {.port = htons(RIG_PORT), .backend = b};

		e.service = (__u16)rig__service_of(&s);
		memcpy(e.vip, r->services[e.service].key.addr, 16);
		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, &e);
		s.dport = RIG_NAT_PORT;
		memcpy(s.ip.dst, r->be[b].tunnel.dst, 16);
		back = build__reply(&s);
		ways_in[i / 2](&back);
		out = back;
		memcpy(out.ip.src, version == 6 ? rig_vip6 : rig_vip4, version == 6 ? 16 : 4);
		out.sport = RIG_PORT;
		out.ip.ttl--;
		memcpy(out.dmac, net_router, 6);
		memcpy(out.smac, net_mac, 6);
		memset(out.tags, 0, sizeof(out.tags));
		out.tags[0] = (struct tag){
			TYPE_VLAN,
			(uint16_t)(VLAN | (back.tags[0].tpid ? back.tags[0].tci & 0xf000 : 0)),
		};
		check__becomes(r, &back, &out,
			       (struct want){.verdict = FL_V_SEND_REPLY, .ingress = RIG_LO});
		check__becomes(r, &back, &out,
			       (struct want){.verdict = FL_V_SEND_REPLY,
					     .ingress = r->port,
					     .redirect = true});
		maps__nat_back(r, b, PROTO_TCP, RIG_NAT_PORT, NULL);
	}
	maps__vlan_port(r, r->port, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tag_of_the_hop),
		cmocka_unit_test(test_no_tag_of_the_hop),
		cmocka_unit_test(test_by_another_port),
		cmocka_unit_test(test_reply),
	};

	return check__table("packet_vlan", NULL, 0, tests, COUNT(tests));
}
