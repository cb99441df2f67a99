/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 *  0                   1                   2                   3
 * +-------+-------+---------------+---------------+---------------+
 * |Version| Type  | Virtual Rtr ID|   Priority    |Count IPvX Addr|   RFC 9568 5.2
 * +-------+-------+---------------+---------------+---------------+
 * |Reserve| Max Advertise Interval|          Checksum             |   version 2: Auth Type (8), Adver Int (8),
 * +-------+-----------------------+-------------------------------+   and 8 bytes of Authentication Data at the end
 * |                       IPvX Address(es)                        |
 */
#include "vip/vrrp_wire.h"

#include <string.h>

#define HEADER 8
#define ADVERTISEMENT 1
#define V2_AUTH_DATA 8
#define V2_AUTH_NONE 0
#define V2_AUTH_TEXT 1 /* RFC 2338 5.3.6; keepalived's auth_pass. RFC 3768 says: ignored */

const char *vrrp_refusal__name(enum vrrp_refusal r)
{
	static const char *const names[] = {
		[VRRP_ACCEPTED] = "accepted",
		[VRRP_TTL_LOW] = "ttl",
		[VRRP_SHORT] = "short",
		[VRRP_VERSION] = "version",
		[VRRP_TYPE] = "type",
		[VRRP_LENGTH] = "length",
		[VRRP_CHECKSUM] = "checksum",
		[VRRP_VRID] = "vrid",
		[VRRP_NO_ADDRESS] = "no-address",
		[VRRP_INTERVAL] = "interval",
		[VRRP_AUTH] = "auth",
	};

	return names[r];
}

/* The 16-bit one's complement sum, not folded (RFC 1071); an odd byte counts as the upper one. */
static uint32_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)(p[0] << 8 | p[1]);
	return len ? sum + (uint32_t)(p[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint32_t sum_address(const struct addr *a, uint32_t sum)
{
	size_t n;
	const uint8_t *b = addr__bytes(a, &n);

	return sum16(b, n, sum);
}

/* RFC 8200 8.1, and what RFC 5798 makes of it for IPv4: addresses, length, protocol. */
static uint32_t pseudo_sum(const struct vrrp_envelope *e, size_t len)
{
	return sum_address(&e->to, sum_address(&e->from, VRRP_PROTOCOL + (uint32_t)len));
}

/* The checksum of a message in which it stands comes out as 0. */
static bool sound(const uint8_t *bytes, size_t len, const struct vrrp_envelope *in, bool *bare)
{
	uint32_t sum = sum16(bytes, len, 0);
	bool alone = fold(sum) == 0;

	*bare = false;
	if (bytes[0] >> 4 == 2)
		return alone;
	if (fold(sum + pseudo_sum(in, len)) == 0)
		return true;
	*bare = alone && addr__is4(&in->from);
	return *bare;
}

enum vrrp_refusal vrrp_wire__read(const uint8_t *bytes, size_t len, const struct vrrp_envelope *in,
				  struct vrrp_advert *out)
{
	bool v4 = addr__is4(&in->from), bare;
	size_t want;
	uint8_t version;
	uint16_t interval;

	if (in->ttl != VRRP_TTL)
		return VRRP_TTL_LOW;
	if (len < HEADER)
		return VRRP_SHORT;
	version = bytes[0] >> 4;
	if (version != 3 && (version != 2 || !v4))
		return VRRP_VERSION;
	if ((bytes[0] & 0xf) != ADVERTISEMENT)
		return VRRP_TYPE;
	want = HEADER + (size_t)bytes[3] * (v4 ? 4 : 16) + (version == 2 ? V2_AUTH_DATA : 0);
	if (len != want)
		return VRRP_LENGTH;
	if (!sound(bytes, len, in, &bare))
		return VRRP_CHECKSUM;
	if (!bytes[1])
		return VRRP_VRID;
	if (!bytes[3])
		return VRRP_NO_ADDRESS;
	interval = version == 2 ? (uint16_t)(bytes[5] * 100)
				: (uint16_t)((bytes[4] & 0xf) << 8 | bytes[5]);
	if (!interval)
		return VRRP_INTERVAL;
	if (version == 2 && bytes[4] != V2_AUTH_NONE && bytes[4] != V2_AUTH_TEXT)
		return VRRP_AUTH;
	*out = (struct vrrp_advert){
		.version = version,
		.vrid = bytes[1],
		.priority = bytes[2],
		.interval_cs = interval,
		.addresses = bytes + HEADER,
		.n = bytes[3],
		.bare = bare,
	};
	return VRRP_ACCEPTED;
}

bool vrrp_wire__lists(const struct vrrp_advert *a, const struct addr *addresses, size_t n)
{
	size_t i, k, size = 0;

	if (a->n != n)
		return false;
	/* Configured ones are all different, so if each of them is listed, nothing else is. */
	for (i = 0; i < n; i++) {
		const uint8_t *b = addr__bytes(&addresses[i], &size);

		for (k = 0; k < n && memcmp(a->addresses + k * size, b, size) != 0; k++)
			;
		if (k == n)
			return false;
	}
	return true;
}

size_t vrrp_wire__write(uint8_t *out, uint8_t vrid, uint8_t priority, uint16_t interval_cs,
			const struct addr *addresses, size_t n, const struct vrrp_envelope *e,
			bool bare)
{
	size_t len = HEADER, size;
	uint16_t sum;

	out[0] = 3 << 4 | ADVERTISEMENT;
	out[1] = vrid;
	out[2] = priority;
	out[3] = (uint8_t)n;
	out[4] = (uint8_t)(interval_cs >> 8 & 0xf);
	out[5] = (uint8_t)interval_cs;
	out[6] = out[7] = 0;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *b = addr__bytes(&addresses[i], &size);

		memcpy(out + len, b, size);
		len += size;
	}
	sum = fold(sum16(out, len, bare && addr__is4(&e->from) ? 0 : pseudo_sum(e, len)));
	out[6] = (uint8_t)(sum >> 8);
	out[7] = (uint8_t)sum;
	return len;
}
