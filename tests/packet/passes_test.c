/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is not for a service, or can't be told to be: it leaves untouched, and is counted as such. */
#include "check.h"
#include "change.h"

#include <string.h>

#define L3 14 /* offset of IP in the frames that are spoilt */
#define L4_V4 (L3 + 20)

static void arp(struct spec *s)
{
	s->type = 0x0806;
}

static void lldp(struct spec *s)
{
	s->type = 0x88cc;
}

static void tagged_arp(struct spec *s)
{
	change__tag(s);
	arp(s);
}

/* IEEE 802.3: a length where the type stands. */
static void llc(struct spec *s)
{
	s->type = 100;
}

static void other_address(struct spec *s)
{
	s->ip.dst[s->ip.version == 6 ? 15 : 3] ^= 1;
}

static void other_first_byte(struct spec *s)
{
	s->ip.dst[0] ^= 1;
}

static void other_middle(struct spec *s)
{
	s->ip.dst[s->ip.version == 6 ? 7 : 2] ^= 1;
}

static void other_port(struct spec *s)
{
	s->dport ^= 1;
}

static void other_port_high(struct spec *s)
{
	s->dport ^= 0x100;
}

/* The service's address and port as the source: a backend's or the balancer's own traffic. */
static void from_service(struct spec *s)
{
	struct ip ip = s->ip;

	memcpy(s->ip.src, ip.dst, sizeof(ip.dst));
	memcpy(s->ip.dst, ip.src, sizeof(ip.src));
	s->sport = RIG_PORT;
	s->dport = 40001;
}

/* The form in which an IPv4 VIP's key is kept: on the wire it is nobody's address. */
static void mapped_address(struct spec *s)
{
	memset(s->ip.dst, 0, sizeof(s->ip.dst));
	s->ip.dst[10] = s->ip.dst[11] = 0xff;
	memcpy(s->ip.dst + 12, rig_vip4, 4);
}

static void unspecified(struct spec *s)
{
	memset(s->ip.dst, 0, sizeof(s->ip.dst));
}

/* The same of a datagram for nobody here: fragments_test.c has those for a VIP. */
static void first_fragment(struct spec *s)
{
	other_address(s);
	build__first(s, 0x1234);
}

static void middle_fragment(struct spec *s)
{
	other_address(s);
	build__later(s, 0x1234, 185);
	if (s->ip.version == 6)
		s->ip.ext[0].frag |= 1;
	else
		s->ip.frag |= FRAG_MF;
}

static void last_fragment(struct spec *s)
{
	other_address(s);
	build__later(s, 0x1234, 185);
}

static void shortest_offset(struct spec *s)
{
	other_address(s);
	build__later(s, 0x1234, 1);
}

static void highest_offset_bit(struct spec *s)
{
	other_address(s);
	build__later(s, 0x1234, 0x1000);
}

static void longest_offset(struct spec *s)
{
	other_address(s);
	build__later(s, 0x1234, 0x1fff);
}

static void first_to_vip(struct spec *s)
{
	build__first(s, 0x1234);
}

static void later_to_vip(struct spec *s)
{
	build__later(s, 0x1234, 100);
}

/* RFC 1812 5.3.4. */
static void group_address(struct spec *s)
{
	s->dmac[0] |= 1;
}

static void broadcast(struct spec *s)
{
	memset(s->dmac, 0xff, 6);
}

/* The "land" attack. */
static void to_itself(struct spec *s)
{
	memcpy(s->ip.src, s->ip.dst, sizeof(s->ip.src));
}

/* RFC 6946: it is whole, and looked at as such. */
static void atomic_fragment6(struct spec *s)
{
	other_address(s);
	s->ip.ext[0] = (struct ext){.type = PROTO_FRAGMENT, .len = 8};
}

static void fragment_after_options6(struct spec *s)
{
	first_fragment(s);
	s->ip.ext[1] = s->ip.ext[0];
	s->ip.ext[0] = (struct ext){.type = PROTO_HOP, .len = 8};
}

/* A first fragment that holds 16 bytes of its TCP header; RFC 1858, RFC 7112. */
static void tiny_fragment(struct spec *s)
{
	build__first(s, 0x1234);
	s->payload = 0;
	s->ip.len_lie = -4;
}

static void version_5(struct frame *f)
{
	f->b[L3] = (uint8_t)(5 << 4 | (f->b[L3] & 15));
}

static void version_of_the_other(struct frame *f)
{
	f->b[L3] ^= (4 ^ 6) << 4;
}

static void header_of_16(struct frame *f)
{
	f->b[L3] = 0x44;
}

static void header_of_0(struct frame *f)
{
	f->b[L3] = 0x40;
}

/* A header length that runs over the whole packet: 4 * 15 of 20 + 20 + 0. */
static void header_over_the_end(struct frame *f)
{
	f->b[L3] = 0x4f;
}

static void total_below_header(struct frame *f)
{
	f->b[L3 + 2] = 0;
	f->b[L3 + 3] = 19;
}

static void total_zero(struct frame *f)
{
	f->b[L3 + 2] = f->b[L3 + 3] = 0;
}

/* All the frame holds is there, but its upper header would start after the packet's end. */
static void total_of_header(struct frame *f)
{
	f->b[L3 + 2] = 0;
	f->b[L3 + 3] = 20;
}

static void payload_zero6(struct frame *f)
{
	f->b[L3 + 4] = f->b[L3 + 5] = 0;
}

static void zeros(struct frame *f)
{
	memset(f->b + L3, 0, f->len - L3);
}

static void ones(struct frame *f)
{
	memset(f->b + L3, 0xff, f->len - L3);
}

static void zero_ports(struct frame *f)
{
	memset(f->b + L4_V4, 0, 4);
}

#define PASS_SPEC(name, version, proto, change, verdict)                   \
	{                                                                  \
		name, version, proto, change, NULL, FL_V_PASS_##verdict, 0 \
	}
#define PASS_BYTES(name, version, proto, change, spoil, verdict)            \
	{                                                                   \
		name, version, proto, change, spoil, FL_V_PASS_##verdict, 0 \
	}

static const struct packet_case rows[] = {
	PASS_SPEC("ARP", 4, PROTO_TCP, arp, NOT_IP),
	PASS_SPEC("ARP under a VLAN tag", 4, PROTO_TCP, tagged_arp, NOT_IP),
	PASS_SPEC("LLDP", 4, PROTO_TCP, lldp, NOT_IP),
	PASS_SPEC("802.3 length instead of a type", 4, PROTO_TCP, llc, NOT_IP),
	PASS_SPEC("three VLAN tags, IPv4", 4, PROTO_TCP, change__three_tags, NOT_IP),
	PASS_SPEC("three VLAN tags, IPv6", 6, PROTO_UDP, change__three_tags, NOT_IP),

	EVERY("another address", other_address, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("first byte of the address", other_first_byte, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("middle of the address", other_middle, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("another port", other_port, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("another port, high byte", other_port_high, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("from the service", from_service, FL_V_PASS_NOT_SERVICE, 0),
	EVERY("unspecified address", unspecified, FL_V_PASS_NOT_SERVICE, 0),
	PASS_SPEC("IPv4-mapped VIP on the wire, TCP", 6, PROTO_TCP, mapped_address, NOT_SERVICE),
	PASS_SPEC("IPv4-mapped VIP on the wire, UDP", 6, PROTO_UDP, mapped_address, NOT_SERVICE),
	PASS_SPEC("ICMP echo to the VIP", 4, PROTO_ICMP, NULL, NOT_SERVICE),
	PASS_SPEC("ICMPv6 echo to the VIP", 6, PROTO_ICMP6, NULL, NOT_SERVICE),
	PASS_SPEC("ICMP in IPv6", 6, PROTO_ICMP, NULL, NOT_SERVICE),
	PASS_SPEC("SCTP to another port, IPv4", 4, PROTO_SCTP, other_port, NOT_SERVICE),
	PASS_SPEC("SCTP to another port, IPv6", 6, PROTO_SCTP, other_port, NOT_SERVICE),
	PASS_SPEC("protocol 255", 4, 255, NULL, NOT_SERVICE),
	PASS_SPEC("protocol 0 is no IPv4 extension", 4, 0, NULL, NOT_SERVICE),
	PASS_SPEC("AH in IPv4", 4, PROTO_AH, NULL, NOT_SERVICE),
	PASS_SPEC("no next header", 6, PROTO_NONE, NULL, NOT_SERVICE),
	PASS_SPEC("IP-in-IP to the VIP", 4, PROTO_IPV4, NULL, NOT_SERVICE),
	PASS_BYTES("ports of zero", 4, PROTO_TCP, NULL, zero_ports, NOT_SERVICE),

	EVERY("first fragment", first_fragment, FL_V_PASS_FRAGMENT, 0),
	EVERY("middle fragment", middle_fragment, FL_V_PASS_FRAGMENT, 0),
	EVERY("last fragment", last_fragment, FL_V_PASS_FRAGMENT, 0),
	EVERY("fragment offset 1", shortest_offset, FL_V_PASS_FRAGMENT, 0),
	EVERY("fragment offset 4096", highest_offset_bit, FL_V_PASS_FRAGMENT, 0),
	EVERY("greatest fragment offset", longest_offset, FL_V_PASS_FRAGMENT, 0),
	PASS_SPEC("first fragment, ICMP", 4, PROTO_ICMP, first_to_vip, FRAGMENT),
	PASS_SPEC("later fragment, ICMP", 4, PROTO_ICMP, later_to_vip, FRAGMENT),
	PASS_SPEC("first fragment, ICMPv6", 6, PROTO_ICMP6, first_to_vip, FRAGMENT),
	PASS_SPEC("later fragment, ICMPv6", 6, PROTO_ICMP6, later_to_vip, FRAGMENT),
	PASS_SPEC("first fragment, protocol 255", 4, 255, first_to_vip, FRAGMENT),
	PASS_SPEC("tiny first fragment", 4, PROTO_TCP, tiny_fragment, MALFORMED),
	PASS_SPEC("tiny first fragment, IPv6", 6, PROTO_TCP, tiny_fragment, MALFORMED),
	PASS_SPEC("atomic fragment, IPv6", 6, PROTO_UDP, atomic_fragment6, NOT_SERVICE),
	PASS_SPEC("options, then a fragment", 6, PROTO_TCP, fragment_after_options6, FRAGMENT),

	EVERY("group address", group_address, FL_V_PASS_GROUP, 0),
	EVERY("broadcast", broadcast, FL_V_PASS_GROUP, 0),
	EVERY("source is destination", to_itself, FL_V_PASS_SELF, 0),

	PASS_BYTES("version 5", 4, PROTO_TCP, NULL, version_5, MALFORMED),
	PASS_BYTES("version 5, IPv6", 6, PROTO_TCP, NULL, version_5, MALFORMED),
	PASS_BYTES("IPv6 under the type of IPv4", 4, PROTO_TCP, NULL, version_of_the_other,
		   MALFORMED),
	PASS_BYTES("IPv4 under the type of IPv6", 6, PROTO_TCP, NULL, version_of_the_other,
		   MALFORMED),
	PASS_BYTES("header of 16 bytes", 4, PROTO_TCP, NULL, header_of_16, MALFORMED),
	PASS_BYTES("header of 0 bytes", 4, PROTO_TCP, NULL, header_of_0, MALFORMED),
	PASS_BYTES("header over the packet's end", 4, PROTO_TCP, change__empty, header_over_the_end,
		   MALFORMED),
	PASS_BYTES("total length below the header", 4, PROTO_TCP, NULL, total_below_header,
		   MALFORMED),
	PASS_BYTES("total length zero", 4, PROTO_TCP, NULL, total_zero, MALFORMED),
	PASS_BYTES("total length of the header", 4, PROTO_TCP, NULL, total_of_header, MALFORMED),
	PASS_BYTES("payload length zero", 6, PROTO_UDP, NULL, payload_zero6, MALFORMED),
	PASS_BYTES("all zeros, IPv4", 4, PROTO_TCP, NULL, zeros, MALFORMED),
	PASS_BYTES("all zeros, IPv6", 6, PROTO_TCP, NULL, zeros, MALFORMED),
	PASS_BYTES("all ones, IPv4", 4, PROTO_TCP, NULL, ones, MALFORMED),
	PASS_BYTES("all ones, IPv6", 6, PROTO_TCP, NULL, ones, MALFORMED),
};

int main(void)
{
	return check__table("packet_passes", rows, COUNT(rows), NULL, 0);
}
