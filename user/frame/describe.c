/* SPDX-License-Identifier: GPL-2.0-or-later */
/* describe.c - the headers of a frame in words, one line each. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "frame/frame.h"
#include "frame/internal.h"

struct page {
	const uint8_t *frame;
	size_t len;
	uint16_t gue_port;
	char (*lines)[FRAME_LINE];
	size_t n;
};

static void say(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct page *p, const char *fmt, ...)
{
	va_list ap;

	if (p->n == FRAME_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(p->lines[p->n++], FRAME_LINE, fmt, ap);
	va_end(ap);
}

/* Whether that many bytes are there; else it says that the frame ends. */
static bool whole(struct page *p, size_t at, size_t n, const char *what)
{
	if (at <= p->len && p->len - at >= n)
		return true;
	say(p, "%s, cut off", what);
	return false;
}

const char *frame__tcp_flags(uint8_t flags, char *buf)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (flags & 1u << i)
			n += (size_t)snprintf(buf + n, FRAME_FLAGS_LEN - n, "%s%s", n ? "," : "",
					      names[i]);
	}
	return buf;
}

static const char *protocol_name(uint8_t proto, char buf[8])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	case IPPROTO_IPIP:
		return "IPv4";
	case IPPROTO_IPV6:
		return "IPv6";
	default:
		snprintf(buf, 8, "%u", (unsigned int)proto);
		return buf;
	}
}

static const char *icmp_name(bool v6, uint8_t type, uint8_t code)
{
	if (v6)
		return type == 128   ? "echo request"
		       : type == 129 ? "echo reply"
		       : type == 1   ? "destination unreachable"
		       : type == 2   ? "packet too big"
		       : type == 3   ? "time exceeded"
				     : "message";
	return type == 8		? "echo request"
	       : type == 0		? "echo reply"
	       : type == 3 && code == 4 ? "fragmentation needed"
	       : type == 3		? "destination unreachable"
	       : type == 11		? "time exceeded"
					: "message";
}

static void describe_icmp(struct page *p, const struct frame_ip *ip)
{
	const uint8_t *b = p->frame + ip->payload;
	bool v6 = ip->proto == IPPROTO_ICMPV6;

	if (whole(p, ip->payload, 8, v6 ? "ICMPv6" : "ICMP"))
		say(p, "%s %s, type %u, code %u", v6 ? "ICMPv6" : "ICMP", icmp_name(v6, b[0], b[1]),
		    b[0], b[1]);
}

static void describe_tcp(struct page *p, size_t at)
{
	const uint8_t *b = p->frame + at;
	char flags[FRAME_FLAGS_LEN];

	if (whole(p, at, 20, "TCP"))
		say(p, "TCP %u > %u [%s], seq %u, ack %u, window %u", frame_u16(b),
		    frame_u16(b + 2), frame__tcp_flags(b[13], flags), frame_u32(b + 4),
		    frame_u32(b + 8), frame_u16(b + 14));
}

static void describe_sctp(struct page *p, size_t at)
{
	const uint8_t *b = p->frame + at;

	if (whole(p, at, 13, "SCTP"))
		say(p, "SCTP %u > %u, tag %08x, first chunk of type %u", frame_u16(b),
		    frame_u16(b + 2), frame_u32(b + 4), b[12]);
}

/* *type: of the IP packet that follows GUE; 0: none does. Where it begins. */
static size_t describe_udp(struct page *p, size_t at, uint16_t *type)
{
	const uint8_t *b = p->frame + at;
	size_t options;

	*type = 0;
	if (!whole(p, at, 8, "UDP"))
		return 0;
	say(p, "UDP %u > %u, %u bytes", frame_u16(b), frame_u16(b + 2), frame_u16(b + 4));
	if (!p->gue_port || frame_u16(b + 2) != p->gue_port || !whole(p, at + 8, FRAME_GUE, "GUE"))
		return 0;
	b += 8;
	options = (size_t)(b[0] & 0x1f) * 4;
	say(p, "GUE version %u, protocol %u", b[0] >> 6, b[1]);
	if (b[0] >> 6 == 0 && !(b[0] & 0x20))
		*type = b[1] == IPPROTO_IPIP ? FRAME_IPV4 : b[1] == IPPROTO_IPV6 ? FRAME_IPV6 : 0;
	return at + 8 + FRAME_GUE + options;
}

static void describe_ip_header(struct page *p, const struct frame_ip *ip)
{
	const uint8_t *b = p->frame + ip->at;
	char source[ADDR_STRLEN], destination[ADDR_STRLEN], name[8];
	bool v4 = ip->version == 4;
	struct addr from = addr__from_bytes(v4 ? AF_INET : AF_INET6, b + (v4 ? 12 : 8));
	struct addr to = addr__from_bytes(v4 ? AF_INET : AF_INET6, b + (v4 ? 16 : 24));

	say(p, "IPv%u %s > %s, %s, %s %u, %u bytes%s%s", ip->version, addr__format(&from, source),
	    addr__format(&to, destination), protocol_name(ip->proto, name),
	    v4 ? "TTL" : "hop limit", (unsigned int)(v4 ? b[8] : b[7]),
	    v4 ? frame_u16(b + 2) : frame_u16(b + 4) + 40u,
	    v4 && b[6] & 0x40 ? ", don't fragment" : "",
	    ip->later	   ? ", a later fragment"
	    : ip->fragment ? ", the first fragment"
			   : "");
}

/* IP packets, one in the other; the offset and type of an inner one, 0: there is none. */
static size_t describe_ip(struct page *p, size_t at, uint16_t *type)
{
	struct frame_ip ip;

	if (!frame_ip__read(p->frame, p->len, at, *type, &ip)) {
		say(p, "no whole IPv%u header follows", *type == FRAME_IPV4 ? 4u : 6u);
		return 0;
	}
	describe_ip_header(p, &ip);
	*type = 0;
	if (ip.later)
		return 0;
	switch (ip.proto) {
	case IPPROTO_IPIP:
		*type = FRAME_IPV4;
		return ip.payload;
	case IPPROTO_IPV6:
		*type = FRAME_IPV6;
		return ip.payload;
	case IPPROTO_UDP:
		return describe_udp(p, ip.payload, type);
	case IPPROTO_TCP:
		describe_tcp(p, ip.payload);
		return 0;
	case IPPROTO_SCTP:
		describe_sctp(p, ip.payload);
		return 0;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		describe_icmp(p, &ip);
		return 0;
	default:
		return 0;
	}
}

size_t frame__describe(const uint8_t *frame, size_t len, uint16_t gue_port,
		       char lines[FRAME_LINES][FRAME_LINE])
{
	struct page p = {.frame = frame, .len = len, .gue_port = gue_port, .lines = lines};
	const uint8_t *b = frame;
	uint16_t type = 0;
	size_t at = frame_eth__skip(frame, len, &type);
	char tags[48] = "";

	if (!at) {
		say(&p, "Ethernet, cut off");
		return p.n;
	}
	for (size_t i = FRAME_ETH; i < at; i += 4) {
		size_t n = strlen(tags);

		snprintf(tags + n, sizeof(tags) - n, ", VLAN %u", frame_u16(frame + i) & 0xfffu);
	}
	say(&p,
	    "Ethernet %02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x%s, type %04x",
	    b[6], b[7], b[8], b[9], b[10], b[11], b[0], b[1], b[2], b[3], b[4], b[5], tags, type);
	while (type == FRAME_IPV4 || type == FRAME_IPV6) {
		at = describe_ip(&p, at, &type);
		if (!at || p.n == FRAME_LINES)
			break;
	}
	return p.n;
}
