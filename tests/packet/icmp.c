/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "icmp.h"

#include <string.h>

#define QUOTE4 548 /* RFC 1812 4.3.2.3 */
#define QUOTE6 1232 /* RFC 4443 2.4 (c) */

/* An ICMP message that quotes `s`, with its tags and no other of its parts. */
static struct spec quoting(const struct spec *s)
{
	struct spec out = {
		.ip = {.version = s->ip.version, .ttl = 64},
		.proto = s->ip.version == 6 ? PROTO_ICMP6 : PROTO_ICMP,
		.quote = s,
	};

	memcpy(out.tags, s->tags, sizeof(out.tags));
	memcpy(out.dmac, s->smac, 6);
	memcpy(out.smac, s->dmac, 6);
	return out;
}

struct spec icmp__too_big(const struct spec *s, uint32_t mtu)
{
	bool v6 = s->ip.version == 6;
	struct spec out = quoting(s);
	uint16_t most = v6 ? QUOTE6 : QUOTE4;

	if (build__l3_len(s) > most)
		out.payload = most;
	memcpy(out.ip.src, s->ip.dst, 16);
	memcpy(out.ip.dst, s->ip.src, 16);
	out.ip.frag = v6 ? 0 : FRAG_DF;
	out.icmp.type = v6 ? 2 : 3;
	out.icmp.code = v6 ? 0 : 4;
	out.icmp.rest = mtu;
	return out;
}

struct spec icmp__error(const struct spec *quoted, uint16_t bytes)
{
	bool v6 = quoted->ip.version == 6;
	struct spec router = build__tcp(quoted->ip.version), out = quoting(quoted);

	memcpy(out.dmac, router.dmac, 6);
	memcpy(out.smac, router.smac, 6);
	memset(out.tags, 0, sizeof(out.tags));
	memcpy(out.ip.src, router.ip.src, 16);
	out.ip.src[v6 ? 15 : 3] = 0xfe;
	memcpy(out.ip.dst, quoted->ip.src, 16);
	out.ip.ttl = 61;
	out.ip.tos = 0xc0;
	out.ip.id = 0x7777;
	out.icmp.type = v6 ? 3 : 11;
	out.payload = bytes;
	return out;
}
