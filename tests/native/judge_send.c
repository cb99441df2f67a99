/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "judge_send.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "scene.h"
#include "scene_links.h"
#include "wire.h"

#define GUE_LEN 12

/* A frame that was sent, beside the one that came. */
struct pair {
	const struct judged *j;
	struct wire in, out;
};

static void that(const struct pair *p, bool holds, const char *rule)
{
	judge_that(p->j, holds, rule);
}

static bool same_tags(const struct pair *p)
{
	return p->out.tags == p->in.tags && !memcmp(p->in.b + 12, p->out.b + 12, 4 * p->in.tags);
}

/* There is none, or one of the hop's id with the priority of the outermost. */
static void check_tags(const struct pair *p, uint16_t vlan)
{
	uint16_t priority = p->in.tags ? wire__get16(p->in.b + 14) & 0xf000 : 0;

	if (!vlan) {
		that(p, p->out.tags == 0, "a tag of another network");
		return;
	}
	that(p, p->out.tags == 1 && wire__get16(p->out.b + 12) == 0x8100, "no single tag");
	that(p, wire__get16(p->out.b + 14) == (priority | (vlan & 0xfff)), "another tag");
}

static void check_macs(const struct pair *p)
{
	that(p, p->out.b[0] == 2 && p->out.b[1] == 0xbe && p->out.b[6] == 2 && p->out.b[7] == 0xbe,
	     "MAC addresses are not those of a hop");
}

/* From the IP header on `more` bytes longer, nothing lost of what stood behind it. */
static void check_length(const struct pair *p, uint32_t more)
{
	that(p, p->out.len - p->out.l3 == p->in.len - p->in.l3 + more, "bytes lost or won");
	that(p, p->out.l3_len == p->in.l3_len + more, "the IP length does not go with the frame's");
	that(p,
	     !memcmp(p->out.b + p->out.l3 + p->out.l3_len, p->in.b + p->in.l3 + p->in.l3_len,
		     p->in.len - p->in.l3 - p->in.l3_len),
	     "what stands behind the packet changed");
}

/* What the path needs of a transport header lies within the packet, not only within the frame. */
static void check_steered(const struct pair *p)
{
	uint32_t header = p->in.proto == IPPROTO_TCP ? 20 : p->in.proto == IPPROTO_SCTP ? 12 : 8;

	that(p, p->in.later || p->in.l4 + header <= p->in.l3 + p->in.l3_len,
	     "steered by what lies behind the packet");
}

static void check_way_out(const struct pair *p, const struct fl_hop *hop)
{
	uint32_t left_by = p->j->action == XDP_TX ? p->j->ingress : p->j->redirect_to;

	that(p, left_by == hop->ifindex, "left by another port than the hop's");
	check_macs(p);
	check_tags(p, hop->vlan);
}

static void check_l2(const struct pair *p)
{
	check_length(p, 0);
	that(p, !memcmp(p->in.b + p->in.l3, p->out.b + p->out.l3, p->in.l3_len),
	     "l2 changed the IP packet");
}

/* The same packet one hop on: TTL one less, the header's checksum right if it was. */
static void check_hop_taken(const struct pair *p, const struct wire *now)
{
	that(p, now->ttl == p->in.ttl - 1, "TTL is not one less");
	that(p, !wire__header_right(&p->in) || wire__header_right(now),
	     "the IPv4 checksum was right, and is not");
}

static void check_inner(const struct pair *p, const struct wire *inner)
{
	const uint8_t *a = p->in.b + p->in.l3, *b = inner->b + inner->l3;
	uint32_t from = p->in.version == 4 ? 12 : 8; /* behind TTL and checksum */

	check_hop_taken(p, inner);
	that(p, inner->l3_len == p->in.l3_len, "the inner packet has another length");
	if (p->in.version == 4)
		that(p, !memcmp(a, b, 8) && a[9] == b[9], "the inner header changed");
	else
		that(p, !memcmp(a, b, 7), "the inner header changed");
	that(p, !memcmp(a + from, b + from, p->in.l3_len - from), "the inner packet changed");
}

static void check_gue(const struct pair *p, const struct wire *inner)
{
	const uint8_t *udp = p->out.b + p->out.l4;

	that(p, wire__get16(udp) >= 0xc000 && wire__get16(udp + 2) == 6080, "GUE's ports");
	that(p, wire__get16(udp + 4) == p->in.l3_len + GUE_LEN, "the length of GUE's UDP");
	that(p, !udp[8] && udp[9] == (p->in.version == 4 ? 4 : 41) && !udp[10] && !udp[11],
	     "the GUE header");
	if (p->out.version == 4) {
		that(p, !wire__get16(udp + 6), "a UDP checksum over IPv4");
		return;
	}
	/* None, or a right one; but what was wrong inside may be wrong outside. */
	that(p,
	     !wire__get16(udp + 6) || wire__transport_right(&p->out) ||
		     !wire__transport_right(inner) || !wire__header_right(inner),
	     "GUE's UDP checksum is wrong");
}

static void check_tunnel(const struct pair *p, const struct fl_backend *b, bool gue)
{
	bool v4 = b->mode == FL_FWD_IPIP4 || b->mode == FL_FWD_GUE4;
	uint32_t header = v4 ? 20 : 40, more = header + (gue ? GUE_LEN : 0);
	uint8_t proto = p->in.version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6;
	struct wire inner;

	that(p, p->out.version == (v4 ? 4 : 6), "an outer header of the other family");
	check_length(p, more);
	that(p, wire__header_right(&p->out), "the outer header's checksum is wrong");
	that(p, p->out.ttl == 64 && p->out.tos == p->in.tos && !p->out.fragment, "outer header");
	that(p, p->out.b[p->out.l3 + (v4 ? 9 : 6)] == (gue ? IPPROTO_UDP : proto),
	     "the outer header's protocol");
	that(p, wire__ip(&inner, p->out.b, p->out.len, p->out.l3 + more), "no inner packet");
	check_inner(p, &inner);
	if (gue)
		check_gue(p, &inner);
}

/* Bytes of a transport header that NAT may change, in pairs of offset and length, up to 0, 0. */
static void check_payload(const struct pair *p)
{
	uint32_t len = p->in.l3 + p->in.l3_len - p->in.l4, from = 0;
	const uint8_t *a = p->in.b + p->in.l4, *b = p->out.b + p->out.l4;

	if (!p->in.later) {
		switch (p->in.proto) {
		case IPPROTO_TCP:
			that(p, !memcmp(a + 4, b + 4, 12), "NAT changed a TCP header");
			from = 18;
			break;
		case IPPROTO_UDP:
			that(p, !memcmp(a + 4, b + 4, 2), "NAT changed a UDP length");
			from = 8;
			break;
		case IPPROTO_SCTP:
			that(p, !memcmp(a, b, 4), "NAT changed a port of SCTP");
			break;
		default: /* an ICMP error: type, code; what it quotes is changed too */
			that(p, !memcmp(a, b, 2) && !memcmp(a + 4, b + 4, 5),
			     "NAT changed an ICMP header");
			return;
		}
	}
	that(p, len <= from || !memcmp(a + from, b + from, len - from), "NAT changed the payload");
}

static void check_nat(const struct pair *p)
{
	check_length(p, 0);
	check_hop_taken(p, &p->out);
	that(p,
	     p->out.version == p->in.version && p->out.proto == p->in.proto &&
		     p->out.l4 - p->out.l3 == p->in.l4 - p->in.l3 && p->out.tos == p->in.tos,
	     "NAT changed the IP header");
	that(p, !wire__transport_right(&p->in) || wire__transport_right(&p->out),
	     "the transport's checksum was right, and is not");
	check_payload(p);
}

static void check_to_backend_of_nat(const struct pair *p, const struct fl_backend *b)
{
	uint32_t n = wire__addr_len(&p->out);
	const uint8_t *src = wire__src(&p->out);

	check_nat(p);
	that(p, !memcmp(wire__dst(&p->out), b->addr + 16 - n, n), "not the backend's address");
	if (b->mode == FL_FWD_NAT)
		that(p, !memcmp(src, wire__src(&p->in), n), "nat changed the source");
	else
		that(p,
		     p->in.version == 4 ? src[0] == 10 && src[1] == 9
					: src[0] == 0xfd && src[15] == 9,
		     "not a source of the pool");
}

static void check_reply(const struct pair *p)
{
	const uint8_t *src = wire__src(&p->out);
	uint32_t left_by = p->j->action == XDP_TX ? p->j->ingress : p->j->redirect_to;

	check_macs(p);
	/* The port below the VLAN device is reached by its tag, and by nothing else in the scene. */
	check_tags(p, left_by == SCENE_LOWER ? TAG_77 : 0);
	check_nat(p);
	if (p->in.proto != IPPROTO_ICMP && p->in.proto != IPPROTO_ICMPV6)
		that(p, p->in.version == 4 ? src[0] == 203 : src[0] == 0x20 && src[1] == 1,
		     "not in the VIP's name");
}

/* Answers go to addresses of hosts: RFC 1122 3.2.2, RFC 4443 2.4 (e.6). */
static bool is_host(const uint8_t *addr, uint32_t n)
{
	static const uint8_t zero[15];

	if (n == 4)
		return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
	return addr[0] != 0xff && (addr[15] > 1 || memcmp(addr, zero, 15) != 0);
}

static void check_turned(const struct pair *p)
{
	uint32_t n = wire__addr_len(&p->in);

	that(p, is_host(wire__dst(&p->out), n), "an answer to what is no host");

	that(p, p->j->action == XDP_TX, "an answer left by another port");
	that(p, !memcmp(p->in.b, p->out.b + 6, 6) && !memcmp(p->in.b + 6, p->out.b, 6),
	     "an answer to another MAC address");
	that(p, same_tags(p), "an answer by another network");
	that(p,
	     !memcmp(wire__src(&p->in), wire__dst(&p->out), n) &&
		     !memcmp(wire__dst(&p->in), wire__src(&p->out), n),
	     "an answer to another address");
	that(p, p->out.ttl == 64, "an answer's TTL");
}

static void check_echo(const struct pair *p)
{
	const uint8_t *a = p->in.b + p->in.l4, *b = p->out.b + p->out.l4;

	check_turned(p);
	check_length(p, 0);
	that(p, b[0] == (p->in.version == 4 ? 0 : 129) && !b[1], "no echo reply");
	that(p, !memcmp(a + 4, b + 4, p->in.l3 + p->in.l3_len - p->in.l4 - 4), "an echo changed");
	that(p, !wire__header_right(&p->in) || wire__header_right(&p->out), "echo: IPv4 checksum");
	that(p, !wire__transport_right(&p->in) || wire__transport_right(&p->out),
	     "echo: ICMP checksum");
}

static void check_too_big(const struct pair *p)
{
	const uint8_t *icmp = p->out.b + p->out.l4;
	uint32_t quoted = p->out.l3_len - (p->out.l4 - p->out.l3) - 8;
	bool v4 = p->in.version == 4;

	check_turned(p);
	that(p, p->out.len == p->out.l3 + p->out.l3_len, "an error with padding");
	that(p, p->out.l3_len <= (v4 ? 576 : 1280), "an error that is too long");
	that(p, wire__header_right(&p->out) && wire__transport_right(&p->out),
	     "an error's checksum");
	that(p, v4 ? icmp[0] == 3 && icmp[1] == 4 : icmp[0] == 2 && !icmp[1], "another error");
	that(p,
	     quoted >= 28 && quoted <= p->in.l3_len &&
		     !memcmp(p->in.b + p->in.l3, icmp + 8, quoted),
	     "an error quotes another packet");
}

void judge__sent(const struct judged *j, int v, int backend)
{
	const struct fl_backend *b = backend < 0 ? NULL : scene__backend((uint32_t)backend);
	struct pair p = {.j = j};

	that(&p, wire__frame(&p.in, j->in, j->in_len) && !p.in.broken,
	     "sent what was no IP packet");
	that(&p, wire__frame(&p.out, j->out, j->out_len), "what was sent is no IP packet");
	if (b)
		check_way_out(&p, &b->hop[b->hop_live]);
	check_steered(&p);
	switch (v) {
	case FL_V_SEND_L2:
		check_l2(&p);
		break;
	case FL_V_SEND_IPIP:
	case FL_V_SEND_GUE:
		check_tunnel(&p, b, v == FL_V_SEND_GUE);
		break;
	case FL_V_SEND_NAT:
	case FL_V_SEND_FULLNAT:
		check_to_backend_of_nat(&p, b);
		break;
	case FL_V_SEND_REPLY:
		check_reply(&p);
		break;
	case FL_V_SEND_ECHO:
		check_echo(&p);
		break;
	case FL_V_SEND_TOO_BIG:
		check_too_big(&p);
		break;
	default:
		that(&p, false, "a SEND verdict that has no rules here");
	}
}
