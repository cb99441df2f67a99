/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrrp_fuzz.c - any bytes as an advertisement. What is accepted is held to the header's promise, and
 * what it says is written again: the same bytes, but for what is ignored.
 *
 * The first byte of an input says the family and whether the checksum is mended, without which nothing
 * but the checksum would be tested.
 */
#include <stdlib.h>
#include <string.h>

#include "vip/vrrp_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int yes)
{
	if (!yes)
		abort();
}

static struct vrrp_envelope envelope(int v6)
{
	struct vrrp_envelope e = {.ttl = VRRP_TTL};

	must(addr__parse(v6 ? "fe80::1" : "10.0.0.1", &e.from) == 0);
	must(addr__parse(v6 ? "ff02::12" : "224.0.0.18", &e.to) == 0);
	return e;
}

static void write_again(const uint8_t *m, size_t len, const struct vrrp_envelope *e,
			const struct vrrp_advert *a)
{
	static struct addr addresses[VRRP_MAX_ADDRESSES];
	static uint8_t out[VRRP_MAX_LEN];
	int family = addr__family(&e->from);
	size_t each = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < a->n; i++)
		addresses[i] = addr__from_bytes(family, a->addresses + i * each);
	/* An IPv6 list may hold ::ffff:a.b.c.d, which is an IPv4 address here. */
	for (size_t i = 0; i < a->n; i++)
		if (addr__family(&addresses[i]) != family)
			return;
	must(vrrp_wire__lists(a, addresses, a->n));
	must(vrrp_wire__write(out, a->vrid, a->priority, a->interval_cs, addresses, a->n, e,
			      a->bare) == len);
	must(memcmp(out, m, 4) == 0 && memcmp(out + 8, m + 8, len - 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vrrp_envelope e;
	struct vrrp_advert a;
	enum vrrp_refusal r;
	uint8_t *m;

	if (size < 1)
		return 0;
	e = envelope(data[0] & 1);
	/* Of its own size, so that what is read beyond it is seen. */
	m = malloc(size - 1 ? size - 1 : 1);
	must(m != NULL);
	memcpy(m, data + 1, size - 1);
	r = vrrp_wire__read(m, size - 1, &e, &a);
	if (r == VRRP_CHECKSUM && data[0] & 2) {
		uint32_t sum = 0;

		m[6] = m[7] = 0;
		for (size_t i = 0; i + 1 < size; i++)
			sum += i % 2 ? m[i] : (uint32_t)m[i] << 8;
		if (data[0] & 1) {
			for (size_t i = 0; i < 16; i++)
				sum += (uint32_t)(e.from.b[i] + e.to.b[i]) << (i % 2 ? 0 : 8);
			sum += VRRP_PROTOCOL + (uint32_t)size - 1;
		}
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		m[6] = (uint8_t)(~sum >> 8);
		m[7] = (uint8_t)~sum;
		r = vrrp_wire__read(m, size - 1, &e, &a);
		must(r != VRRP_CHECKSUM);
	}
	must(r < VRRP_REFUSALS);
	if (r == VRRP_ACCEPTED) {
		must(a.vrid && a.n && a.interval_cs && (a.version == 3 || a.version == 2));
		must(a.addresses == m + 8 && 8 + a.n * (data[0] & 1 ? 16U : 4U) <= size - 1);
		if (a.version == 3)
			write_again(m, size - 1, &e, &a);
	}
	free(m);
	return 0;
}
