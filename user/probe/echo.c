/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/echo.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "probe/wire.h"

#define HEADER_LEN 8 /* of ICMP and ICMPv6: type, code, checksum, id, sequence */
#define IP6_LEN 40

/* RFC 1071, of an even number of bytes. */
static uint16_t checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += wire__get16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void echo__request(int family, const struct echo *e, uint8_t out[ECHO_LEN])
{
	memset(out, 0, ECHO_LEN);
	out[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	wire__put16(out + 4, e->id);
	wire__put16(out + 6, e->seq);
	memcpy(out + HEADER_LEN, &e->token, sizeof(e->token));
	if (family == AF_INET)
		wire__put16(out + 2, checksum(out, ECHO_LEN));
}

/* Goes past an IPv4 header. False: it is none, or what it carries is not the first fragment. */
static bool skip_ip4(const uint8_t **p, size_t *len)
{
	size_t n = *len >= 20 ? (size_t)((*p)[0] & 15) * 4 : 0;

	if (n < 20 || n > *len || (*p)[0] >> 4 != 4 || (*p)[9] != IPPROTO_ICMP ||
	    wire__get16(*p + 6) & 0x1fff)
		return false;
	*p += n;
	*len -= n;
	return true;
}

/* The id, sequence and token of an echo message. */
static bool read_echo(const uint8_t *p, size_t len, uint8_t type, uint16_t id,
		      struct echo_news *out)
{
	if (len < HEADER_LEN || p[0] != type || p[1] || wire__get16(p + 4) != id)
		return false;
	out->seq = (uint16_t)wire__get16(p + 6);
	out->has_token = len >= HEADER_LEN + sizeof(out->token);
	if (out->has_token)
		memcpy(&out->token, p + HEADER_LEN, sizeof(out->token));
	return true;
}

static bool parse4(const uint8_t *p, size_t len, uint16_t id, struct echo_news *out)
{
	const uint8_t *inner;

	if (!skip_ip4(&p, &len) || len < HEADER_LEN)
		return false;
	out->reply = p[0] == ICMP_ECHOREPLY;
	out->code = p[1];
	if (out->reply)
		return read_echo(p, len, ICMP_ECHOREPLY, id, out);
	if (p[0] != ICMP_DEST_UNREACH)
		return false;
	p += HEADER_LEN;
	len -= HEADER_LEN;
	inner = p;
	if (!skip_ip4(&p, &len))
		return false;
	out->target = addr__from_bytes(AF_INET, inner + 16);
	return read_echo(p, len, ICMP_ECHO, id, out);
}

/* We send no extension headers, so none is between the two. */
static bool parse6(const uint8_t *p, size_t len, uint16_t id, struct echo_news *out)
{
	const uint8_t *inner = p + HEADER_LEN;

	if (len < HEADER_LEN)
		return false;
	out->reply = p[0] == ICMP6_ECHO_REPLY;
	out->code = p[1];
	if (out->reply)
		return read_echo(p, len, ICMP6_ECHO_REPLY, id, out);
	if (p[0] != ICMP6_DST_UNREACH || len < HEADER_LEN + IP6_LEN || inner[0] >> 4 != 6 ||
	    inner[6] != IPPROTO_ICMPV6)
		return false;
	out->target = addr__from_bytes(AF_INET6, inner + 24);
	return read_echo(inner + IP6_LEN, len - HEADER_LEN - IP6_LEN, ICMP6_ECHO_REQUEST, id, out);
}

bool echo__parse(int family, const uint8_t *msg, size_t len, uint16_t id, struct echo_news *out)
{
	struct echo_news news = {.reply = false};

	if (!(family == AF_INET ? parse4 : parse6)(msg, len, id, &news))
		return false;
	*out = news;
	return true;
}

const char *echo__clause(int family, uint8_t code)
{
	if (family == AF_INET) {
		switch (code) {
		case ICMP_NET_UNREACH:
		case ICMP_NET_UNKNOWN:
			return "network unreachable";
		case ICMP_HOST_UNREACH:
		case ICMP_HOST_UNKNOWN:
			return "host unreachable";
		case ICMP_PROT_UNREACH:
		case ICMP_PORT_UNREACH:
			return "it does not take echo requests";
		case ICMP_FRAG_NEEDED:
			return "the way to it is too narrow";
		default:
			return "forbidden on the way to it";
		}
	}
	switch (code) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return "network unreachable";
	case ICMP6_DST_UNREACH_ADDR:
		return "host unreachable";
	case ICMP6_DST_UNREACH_NOPORT:
		return "it does not take echo requests";
	default:
		return "forbidden on the way to it";
	}
}
