/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read.c - where the headers of a frame are. */
#include <errno.h>
#include <string.h>

#include "frame/frame.h"
#include "frame/internal.h"

#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8
#define MAX_TAGS 2
#define IPV6_HEADER 40
#define MAX_EXTENSIONS 8

size_t frame_eth__skip(const uint8_t *frame, size_t len, uint16_t *type)
{
	size_t at = FRAME_ETH;

	if (len < at)
		return 0;
	*type = frame_u16(frame + 12);
	for (int i = 0; i < MAX_TAGS && (*type == TYPE_VLAN || *type == TYPE_QINQ); i++) {
		if (len < at + 4)
			return 0;
		*type = frame_u16(frame + at + 2);
		at += 4;
	}
	return at;
}

static bool read4(const uint8_t *b, size_t len, struct frame_ip *ip)
{
	uint16_t frag;

	if (len < 20 || b[0] >> 4 != 4 || (b[0] & 15) < 5 || len < (size_t)(b[0] & 15) * 4)
		return false;
	frag = frame_u16(b + 6);
	ip->version = 4;
	ip->proto = b[9];
	ip->payload = ip->at + (size_t)(b[0] & 15) * 4;
	ip->fragment = frag & 0x3fff;
	ip->later = frag & 0x1fff;
	return true;
}

/* Bytes of an extension header (RFC 8200 4, RFC 4302 2.2); 0: it is none. */
static size_t extension_len(uint8_t type, const uint8_t *b)
{
	switch (type) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (size_t)(b[1] + 1) * 8;
	case IPPROTO_FRAGMENT:
		return 8;
	case IPPROTO_AH:
		return (size_t)(b[1] + 2) * 4;
	default:
		return 0;
	}
}

static bool read6(const uint8_t *b, size_t len, struct frame_ip *ip)
{
	size_t at = IPV6_HEADER;

	if (len < at || b[0] >> 4 != 6)
		return false;
	ip->version = 6;
	ip->proto = b[6];
	for (int i = 0; i < MAX_EXTENSIONS && len >= at + 8 && !ip->later; i++) {
		size_t n = extension_len(ip->proto, b + at);

		if (!n)
			break;
		if (ip->proto == IPPROTO_FRAGMENT) {
			ip->fragment = true;
			ip->later = frame_u16(b + at + 2) & 0xfff8;
		}
		ip->proto = b[at];
		at += n;
	}
	ip->payload = ip->at + at;
	return true;
}

bool frame_ip__read(const uint8_t *frame, size_t len, size_t at, uint16_t type,
		    struct frame_ip *out)
{
	*out = (struct frame_ip){.at = at};
	if (at > len)
		return false;
	if (type == FRAME_IPV4)
		return read4(frame + at, len - at, out);
	return type == FRAME_IPV6 && read6(frame + at, len - at, out);
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

int frame__flow(const uint8_t *frame, size_t len, struct frame_flow *out)
{
	struct frame_flow f = {0};
	uint16_t type = 0;
	size_t at = frame_eth__skip(frame, len, &type);
	const uint8_t *l4;
	struct frame_ip ip;

	if (!at || !frame_ip__read(frame, len, at, type, &ip))
		return -EINVAL;
	if (ip.version == 4) {
		f.source = addr__from_bytes(AF_INET, frame + at + 12);
		f.destination = addr__from_bytes(AF_INET, frame + at + 16);
	} else {
		f.source = addr__from_bytes(AF_INET6, frame + at + 8);
		f.destination = addr__from_bytes(AF_INET6, frame + at + 24);
	}
	f.proto = ip.proto;
	l4 = frame + ip.payload;
	if (has_ports(ip.proto) && !ip.later && ip.payload + 4 <= len) {
		f.sport = frame_u16(l4);
		f.dport = frame_u16(l4 + 2);
	}
	if (ip.proto == IPPROTO_TCP && !ip.later && ip.payload + 14 <= len) {
		f.seq = frame_u32(l4 + 4);
		f.tcp_flags = l4[13];
	}
	*out = f;
	return 0;
}
