/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/vrrp_frame.h"

#include <string.h>

#define IPV4_LEN 20
#define TRAFFIC_CLASS 0xc0 /* CS6, as vrrp_port.c */

static uint8_t *put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* RFC 1112 6.4: the lower 23 bits; RFC 2464 7: the lower 32. */
static uint8_t *put_ether(uint8_t *p, const uint8_t mac[6], const struct addr *to)
{
	size_t len;
	const uint8_t *raw = addr__bytes(to, &len);
	const uint8_t four[8] = {0x01, 0x00, 0x5e, raw[1] & 0x7f, raw[2], raw[3], 0x08, 0x00};
	const uint8_t six[8] = {0x33,	      0x33,	    raw[len - 4], raw[len - 3],
				raw[len - 2], raw[len - 1], 0x86,	  0xdd};
	const uint8_t *head = len == 4 ? four : six;

	return put(put(put(p, head, 6), mac, 6), head + 6, 2);
}

static uint8_t *put_ipv4(uint8_t *p, const struct vrrp_envelope *e, size_t len)
{
	const size_t total = IPV4_LEN + len;
	/* It is not to be fragmented, so that it needs no number (RFC 6864 4.1). */
	const uint8_t head[12] = {
		0x45, TRAFFIC_CLASS, (uint8_t)(total >> 8), (uint8_t)total, 0, 0, 0x40,
		0,    VRRP_TTL,	     VRRP_PROTOCOL};
	uint32_t sum = 0;
	size_t n;

	put(put(put(p, head, sizeof(head)), addr__bytes(&e->from, &n), 4), addr__bytes(&e->to, &n),
	    4);
	for (size_t i = 0; i < IPV4_LEN; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p[10] = (uint8_t)(~sum >> 8);
	p[11] = (uint8_t)~sum;
	return p + IPV4_LEN;
}

static uint8_t *put_ipv6(uint8_t *p, const struct vrrp_envelope *e, size_t len)
{
	const uint8_t head[8] = {0x60 | TRAFFIC_CLASS >> 4,
				 (TRAFFIC_CLASS & 0xf) << 4,
				 0,
				 0,
				 (uint8_t)(len >> 8),
				 (uint8_t)len,
				 VRRP_PROTOCOL,
				 VRRP_TTL};

	return put(put(put(p, head, sizeof(head)), &e->from, 16), &e->to, 16);
}

size_t vrrp_frame__write(uint8_t *out, const uint8_t mac[6], const struct vrrp_envelope *e,
			 const uint8_t *message, size_t len)
{
	uint8_t *p = put_ether(out, mac, &e->to);

	p = addr__is4(&e->to) ? put_ipv4(p, e, len) : put_ipv6(p, e, len);
	return (size_t)(put(p, message, len) - out);
}
