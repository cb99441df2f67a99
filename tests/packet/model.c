/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <string.h>

struct seen {
	uint32_t l3, len, l4; /* offsets of IP and of the ports, bytes of the IP packet */
	uint16_t type;
	struct spec flow; /* version, addresses, ports, protocol, TOS and TTL as read */
};

static uint32_t get16(const struct frame *f, uint32_t at)
{
	return (uint32_t)f->b[at] << 8 | f->b[at + 1];
}

static void put16(struct frame *f, uint32_t at, uint32_t v)
{
	f->b[at] = (uint8_t)(v >> 8);
	f->b[at + 1] = (uint8_t)v;
}

/* Where IP starts; false when the frame ends in its tags. */
static bool see_link(const struct frame *f, struct seen *s)
{
	uint32_t at = 12;

	for (int tags = 0; tags <= 2; tags++, at += 4) {
		if (at + 2 > f->len)
			return false;
		s->type = (uint16_t)get16(f, at);
		if (s->type != TYPE_VLAN && s->type != TYPE_QINQ)
			break;
		if (tags == 2)
			break;
	}
	s->l3 = at + 2;
	return s->l3 <= f->len;
}

static enum fl_verdict see_ipv4(const struct frame *f, struct seen *s)
{
	uint32_t ip = s->l3, header;

	if (ip + 20 > f->len || f->b[ip] >> 4 != 4)
		return FL_V_PASS_MALFORMED;
	header = (f->b[ip] & 15U) * 4;
	s->len = get16(f, ip + 2);
	if (header < 20 || s->len < header || ip + s->len > f->len)
		return FL_V_PASS_MALFORMED;
	if (get16(f, ip + 6) % 0x4000)
		return FL_V_PASS_FRAGMENT;
	s->l4 = ip + header;
	s->flow.ip.version = 4;
	s->flow.ip.tos = f->b[ip + 1];
	s->flow.ip.ttl = f->b[ip + 8];
	s->flow.proto = f->b[ip + 9];
	memcpy(s->flow.ip.src, f->b + ip + 12, 4);
	memcpy(s->flow.ip.dst, f->b + ip + 16, 4);
	return FL_VERDICTS;
}

/* Bytes of the outer header, 0 for a frame that is no tunnel's; what it carries and its ECN. */
static uint32_t see_outer(const struct frame *f, const struct seen *s, uint32_t *carried,
			  uint32_t *proto, uint32_t *ecn)
{
	struct seen outer = *s;
	uint32_t header = 40, ip = s->l3;

	if (s->type == TYPE_IPV4) {
		if (see_ipv4(f, &outer) != FL_VERDICTS)
			return 0;
		*proto = outer.flow.proto;
		*ecn = f->b[ip + 1] % 4;
		*carried = outer.len - (outer.l4 - ip);
		return outer.l4 - ip;
	}
	if (s->type != TYPE_IPV6 || ip + 40 > f->len || f->b[ip] >> 4 != 6 ||
	    ip + 40 + get16(f, ip + 4) > f->len)
		return 0;
	*carried = get16(f, ip + 4);
	*proto = f->b[ip + 6];
	*ecn = f->b[ip + 1] >> 4 & 3;
	if (*proto == PROTO_DEST) {
		if (*carried < 8 || f->b[ip + 41])
			return 0;
		*proto = f->b[ip + 40];
		header += 8;
		*carried -= 8;
	}
	return header;
}

bool model__decap(const struct frame *in, struct frame *out)
{
	/* RFC 6040 figure 4, by the values of the fields: Not-ECT, ECT(1), ECT(0), CE; 9: drop. */
	static const uint8_t merged[4][4] = {
		{0, 0, 0, 9}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
	uint32_t header, carried = 0, proto = 0, ecn = 0, at, old, sum;
	struct seen s = {};

	out->len = in->len;
	memcpy(out->b, in->b, in->len);
	if (!see_link(in, &s))
		return true;
	header = see_outer(in, &s, &carried, &proto, &ecn);
	at = s.l3 + header;
	if (!header || (proto != PROTO_IPV4 && proto != PROTO_IPV6))
		return true;
	if (proto == PROTO_IPV4) {
		if (at + 20 > in->len || in->b[at] >> 4 != 4 || get16(in, at + 2) > carried ||
		    in->b[at] % 16 < 5 || get16(in, at + 2) < in->b[at] % 16 * 4)
			return true;
		old = in->b[at + 1] % 4;
	} else {
		if (at + 40 > in->len || in->b[at] >> 4 != 6 || 40 + get16(in, at + 4) > carried)
			return true;
		old = in->b[at + 1] >> 4 & 3;
	}
	if (merged[old][ecn] == 9)
		return false;
	out->len = in->len - header;
	memmove(out->b + s.l3, in->b + at, in->len - at);
	put16(out, s.l3 - 2, proto == PROTO_IPV6 ? TYPE_IPV6 : TYPE_IPV4);
	if (proto == PROTO_IPV6) {
		out->b[s.l3 + 1] = (uint8_t)((in->b[at + 1] & 0xcf) | merged[old][ecn] << 4);
	} else if (merged[old][ecn] != old) {
		out->b[s.l3 + 1] = (uint8_t)(in->b[at + 1] - old + merged[old][ecn]);
		/* RFC 1624 3: the sum without the old field, with the new one. */
		sum = (0xffff - get16(in, at + 10)) + (0xffff - old) + merged[old][ecn];
		while (sum > 0xffff)
			sum = sum % 0x10000 + sum / 0x10000;
		put16(out, s.l3 + 10, 0xffff - sum);
	}
	return true;
}
