/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/frames.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#define SOURCE_PORT 0x9c40
#define TTL 64
#define UDP_CHECK 0x4321 /* there is one, as in most packets */

/* 203.0.112.0/20 and 2001:db8:1::/116 hold the VIPs; the hosts after them are nobody's. */
static const uint8_t vip4[4] = {203, 0, 112, 0};
static const uint8_t vip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1};
/* 16.0.0.0/4 and 2001:db8:2::/100 hold the clients. */
static const uint8_t client4[4] = {16, 0, 0, 0};
static const uint8_t client6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 2};
const uint8_t frames_dmac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t smac[6] = {2, 0, 0, 0, 0, 2};

struct addr frames__vip(uint8_t version, uint32_t i)
{
	const uint8_t *first = version == 4 ? vip4 : vip6;
	struct addr a = addr__from_bytes(version == 4 ? AF_INET : AF_INET6, first);

	a.b[14] += (uint8_t)(i >> 8);
	a.b[15] += (uint8_t)i;
	return a;
}

bool frames__equal(const struct flows *a, const struct flows *b)
{
	return a->version == b->version && a->proto == b->proto && a->tcp_flags == b->tcp_flags &&
	       a->elsewhere == b->elsewhere && a->port == b->port && a->flows == b->flows &&
	       a->vips == b->vips && a->length == b->length;
}

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *b = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t word;

		memcpy(&word, b + i, sizeof(word));
		sum += ntohs(word);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void put_ip4(uint8_t *at, const struct flows *f, const struct addr *to, uint32_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)len),
		.frag_off = htons(IP_DF),
		.ttl = TTL,
		.protocol = f->proto,
	};

	memcpy(&ip.saddr, client4, 4);
	memcpy(&ip.daddr, to->b + 12, 4);
	ip.check = checksum(&ip, sizeof(ip));
	memcpy(at, &ip, sizeof(ip));
}

static void put_ip6(uint8_t *at, const struct flows *f, const struct addr *to, uint32_t len)
{
	struct ip6_hdr ip = {.ip6_hlim = TTL, .ip6_nxt = f->proto};

	ip.ip6_vfc = 6 << 4;
	ip.ip6_plen = htons((uint16_t)(len - sizeof(ip)));
	memcpy(&ip.ip6_src, client6, 16);
	memcpy(&ip.ip6_dst, to->b, 16);
	memcpy(at, &ip, sizeof(ip));
}

/* `len`: bytes of header and payload. */
static void put_transport(uint8_t *at, const struct flows *f, size_t len)
{
	struct tcphdr tcp = {.source = htons(SOURCE_PORT), .dest = htons(f->port), .doff = 5};
	struct udphdr udp = {.source = htons(SOURCE_PORT), .dest = htons(f->port)};

	if (f->proto == IPPROTO_TCP) {
		tcp.th_flags = f->tcp_flags;
		tcp.window = htons(1024);
		memcpy(at, &tcp, sizeof(tcp));
	} else {
		udp.len = htons((uint16_t)len);
		udp.check = htons(UDP_CHECK);
		memcpy(at, &udp, sizeof(udp));
	}
}

void frames__fill(const struct flows *f, struct feed *out)
{
	struct addr to = frames__vip(f->version, f->elsewhere ? MAX_VIPS : 0);
	const __be16 type = htons(f->version == 4 ? ETH_P_IP : ETH_P_IPV6);
	uint8_t *l3 = out->frame + ETH_HLEN;
	uint32_t l4, len;

	memset(out, 0, sizeof(*out));
	out->len = f->version == 4 ? FEED_FRAME4 : FEED_FRAME6;
	if (f->length)
		out->len = ETH_HLEN + f->length;
	len = out->len - ETH_HLEN;
	out->v6 = f->version == 6;
	out->random = f->flows == RANDOM_SOURCES;
	out->flow_mask = f->flows - 1;
	out->service_mask = f->vips - 1;
	out->at = out->random;
	memcpy(out->frame, frames_dmac, sizeof(frames_dmac));
	memcpy(out->frame + sizeof(smac), smac, sizeof(smac));
	memcpy(out->frame + 2 * sizeof(smac), &type, sizeof(type));
	if (f->version == 4) {
		put_ip4(l3, f, &to, len);
		l4 = sizeof(struct iphdr);
	} else {
		put_ip6(l3, f, &to, len);
		l4 = sizeof(struct ip6_hdr);
	}
	put_transport(l3 + l4, f, len - l4);
}
