/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VRRP on the wire, byte by byte; the checksums were computed by other programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vip/vrrp_wire.h"

static struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr__parse(text, &a), 0);
	return a;
}

static struct vrrp_envelope from4(void)
{
	return (struct vrrp_envelope){addr("10.77.0.2"), addr("224.0.0.18"), 255};
}

static struct vrrp_envelope from6(void)
{
	return (struct vrrp_envelope){addr("fe80::1"), addr("ff02::12"), 255};
}

/* vrid 51, priority 100, every second, 192.0.2.10 and .11; checksum with the pseudo-header. */
static const uint8_t v4[] = {0x31, 0x33, 0x64, 0x02, 0x00, 0x64, 0xfb, 0x6d,
			     192,  0,	 2,    10,   192,  0,	 2,    11};
/* The same, checksum of the message alone. */
static const uint8_t v4_bare[] = {0x31, 0x33, 0x64, 0x02, 0x00, 0x64, 0xe6, 0x4f,
				  192,	0,    2,    10,	  192,	0,    2,    11};
/* vrid 7, priority 255, every 10 ms, 2001:db8:77::10. */
static const uint8_t v6[] = {0x31, 0x07, 0xff, 0x01, 0x00, 0x01, 0xa3, 0x96,
			     0x20, 0x01, 0x0d, 0xb8, 0x00, 0x77, 0,    0,
			     0,	   0,	 0,    0,    0,	   0,	 0,    0x10};
/* Version 2, vrid 51, priority 100, every second, 192.0.2.10, password "1234". */
static const uint8_t v2[] = {0x21, 0x33, 0x64, 0x01, 0x01, 0x01, 0x53, 0x59, 192, 0,
			     2,	   10,	 '1',  '2',  '3',  '4',	 0,    0,    0,	  0};

static void test_write(void **state)
{
	const struct addr two[] = {addr("192.0.2.10"), addr("192.0.2.11")};
	const struct addr one = addr("2001:db8:77::10");
	const struct vrrp_envelope e4 = from4(), e6 = from6();
	uint8_t out[VRRP_MAX_LEN];

	(void)state;
	assert_int_equal(vrrp_wire__write(out, 51, 100, 100, two, 2, &e4, false), sizeof(v4));
	assert_memory_equal(out, v4, sizeof(v4));
	assert_int_equal(vrrp_wire__write(out, 51, 100, 100, two, 2, &e4, true), sizeof(v4_bare));
	assert_memory_equal(out, v4_bare, sizeof(v4_bare));
	assert_int_equal(vrrp_wire__write(out, 7, 255, 1, &one, 1, &e6, false), sizeof(v6));
	assert_memory_equal(out, v6, sizeof(v6));
	/* Without the pseudo-header is a way of IPv4 alone. */
	assert_int_equal(vrrp_wire__write(out, 7, 255, 1, &one, 1, &e6, true), sizeof(v6));
	assert_memory_equal(out, v6, sizeof(v6));
}

static void test_read(void **state)
{
	const struct vrrp_envelope e4 = from4(), e6 = from6();
	struct vrrp_advert a;

	(void)state;
	assert_int_equal(vrrp_wire__read(v4, sizeof(v4), &e4, &a), VRRP_ACCEPTED);
	assert_int_equal(a.version, 3);
	assert_int_equal(a.vrid, 51);
	assert_int_equal(a.priority, 100);
	assert_int_equal(a.interval_cs, 100);
	assert_int_equal(a.n, 2);
	assert_ptr_equal(a.addresses, v4 + 8);
	assert_false(a.bare);
	assert_int_equal(vrrp_wire__read(v4_bare, sizeof(v4_bare), &e4, &a), VRRP_ACCEPTED);
	assert_true(a.bare);
	assert_int_equal(vrrp_wire__read(v6, sizeof(v6), &e6, &a), VRRP_ACCEPTED);
	assert_int_equal(a.vrid, 7);
	assert_int_equal(a.priority, 255);
	assert_int_equal(a.interval_cs, 1);
	assert_int_equal(vrrp_wire__read(v2, sizeof(v2), &e4, &a), VRRP_ACCEPTED);
	assert_int_equal(a.version, 2);
	assert_int_equal(a.interval_cs, 100);
	assert_int_equal(a.n, 1);
}

static void test_longest(void **state)
{
	struct addr many[VRRP_MAX_ADDRESSES];
	const struct vrrp_envelope e6 = from6();
	uint8_t out[VRRP_MAX_LEN];
	struct vrrp_advert a;

	(void)state;
	for (size_t i = 0; i < VRRP_MAX_ADDRESSES; i++) {
		many[i] = addr("2001:db8::");
		many[i].b[15] = (uint8_t)i;
	}
	assert_int_equal(vrrp_wire__write(out, 1, 1, VRRP_MAX_INTERVAL_CS, many, VRRP_MAX_ADDRESSES,
					  &e6, false),
			 VRRP_MAX_LEN);
	assert_int_equal(vrrp_wire__read(out, VRRP_MAX_LEN, &e6, &a), VRRP_ACCEPTED);
	assert_int_equal(a.interval_cs, VRRP_MAX_INTERVAL_CS);
	assert_true(vrrp_wire__lists(&a, many, VRRP_MAX_ADDRESSES));
	many[254].b[0] ^= 1;
	assert_false(vrrp_wire__lists(&a, many, VRRP_MAX_ADDRESSES));
}

static void test_lists(void **state)
{
	const struct addr turned[] = {addr("192.0.2.11"), addr("192.0.2.10")};
	const struct addr other[] = {addr("192.0.2.11"), addr("192.0.2.12")};
	const struct vrrp_envelope e4 = from4();
	struct vrrp_advert a;

	(void)state;
	assert_int_equal(vrrp_wire__read(v4, sizeof(v4), &e4, &a), VRRP_ACCEPTED);
	assert_true(vrrp_wire__lists(&a, turned, 2));
	assert_false(vrrp_wire__lists(&a, turned, 1));
	assert_false(vrrp_wire__lists(&a, other, 2));
}

/* Mends the checksum after a change, so that the change itself is what is refused. */
static void mend(uint8_t *m, size_t len, const struct vrrp_envelope *e, bool pseudo)
{
	uint32_t sum = 0;
	size_t n;

	m[6] = m[7] = 0;
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? m[i] : (uint32_t)m[i] << 8;
	if (pseudo) {
		const uint8_t *b;

		for (int k = 0; k < 2; k++) {
			b = addr__bytes(k ? &e->to : &e->from, &n);
			for (size_t i = 0; i < n; i++)
				sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
		}
		sum += 112 + (uint32_t)len;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	m[6] = (uint8_t)(~sum >> 8);
	m[7] = (uint8_t)~sum;
}

/* One byte of v4, v6 or v2 changed, the checksum mended: what is said of it. */
static const struct {
	const uint8_t *m;
	size_t len, cut; /* cut: bytes that are left away */
	size_t at;
	uint8_t value;
	enum vrrp_refusal refusal;
} changed[] = {
	{v4, sizeof(v4), 0, 2, 0, VRRP_ACCEPTED}, /* priority 0: the active gives up */
	{v4, sizeof(v4), 0, 4, 0xf0, VRRP_ACCEPTED}, /* reserved bits are ignored */
	{v4, sizeof(v4), 9, 0, 0x31, VRRP_SHORT},
	{v4, sizeof(v4), 0, 0, 0x41, VRRP_VERSION},
	{v4, sizeof(v4), 0, 0, 0x11, VRRP_VERSION},
	{v6, sizeof(v6), 0, 0, 0x21, VRRP_VERSION}, /* version 2 knows no IPv6 */
	{v4, sizeof(v4), 0, 0, 0x32, VRRP_TYPE},
	{v4, sizeof(v4), 0, 0, 0x30, VRRP_TYPE},
	{v4, sizeof(v4), 0, 3, 1, VRRP_LENGTH},
	{v4, sizeof(v4), 0, 3, 3, VRRP_LENGTH},
	{v4, sizeof(v4), 0, 3, 255, VRRP_LENGTH},
	{v4, sizeof(v4), 1, 3, 2, VRRP_LENGTH},
	{v4, sizeof(v4), 8, 0, 0x31, VRRP_LENGTH}, /* header only */
	{v4, sizeof(v4), 8, 3, 0, VRRP_NO_ADDRESS},
	{v6, sizeof(v6), 4, 3, 1, VRRP_LENGTH},
	{v4, sizeof(v4), 0, 1, 0, VRRP_VRID},
	{v4, sizeof(v4), 0, 5, 0, VRRP_INTERVAL},
	{v2, sizeof(v2), 0, 5, 0, VRRP_INTERVAL},
	{v2, sizeof(v2), 0, 4, 0, VRRP_ACCEPTED},
	{v2, sizeof(v2), 0, 4, 2, VRRP_AUTH}, /* RFC 2338's authentication header */
	{v2, sizeof(v2), 0, 4, 255, VRRP_AUTH},
	{v2, sizeof(v2), 8, 3, 1, VRRP_LENGTH}, /* without the authentication data */
};

static void test_refused(void **state)
{
	const struct vrrp_envelope e4 = from4(), e6 = from6();
	struct vrrp_advert a, before;

	(void)state;
	memset(&before, 0xa5, sizeof(before));
	for (size_t i = 0; i < sizeof(changed) / sizeof(*changed); i++) {
		const struct vrrp_envelope *e = changed[i].m == v6 ? &e6 : &e4;
		/* Of its own size, so that reading beyond it is seen by ASan. */
		size_t len = changed[i].len - changed[i].cut;
		uint8_t *m = malloc(len);

		memcpy(m, changed[i].m, len);
		if (changed[i].at < len)
			m[changed[i].at] = changed[i].value;
		if (len >= 8)
			mend(m, len, e, changed[i].m != v2);
		a = before;
		if (vrrp_wire__read(m, len, e, &a) != changed[i].refusal)
			fail_msg("change %zu: %s, not %s", i,
				 vrrp_refusal__name(vrrp_wire__read(m, len, e, &a)),
				 vrrp_refusal__name(changed[i].refusal));
		if (changed[i].refusal != VRRP_ACCEPTED)
			assert_memory_equal(&a, &before, sizeof(a));
		free(m);
	}
}

/* Every bit of a message and of its addresses is covered, but for the TTL, which is checked. */
static void test_checksum(void **state)
{
	const struct vrrp_envelope e6 = from6();
	struct vrrp_envelope e;
	struct vrrp_advert a;
	uint8_t m[sizeof(v6)];

	(void)state;
	for (size_t bit = 0; bit < sizeof(v6) * 8; bit++) {
		memcpy(m, v6, sizeof(v6));
		m[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(vrrp_wire__read(m, sizeof(m), &e6, &a), VRRP_ACCEPTED);
	}
	for (size_t bit = 0; bit < 128; bit++) {
		e = e6;
		e.from.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(vrrp_wire__read(v6, sizeof(v6), &e, &a), VRRP_CHECKSUM);
	}
	/* Over IPv6 the pseudo-header is no choice. */
	memcpy(m, v6, sizeof(v6));
	mend(m, sizeof(m), &e6, false);
	assert_int_equal(vrrp_wire__read(m, sizeof(m), &e6, &a), VRRP_CHECKSUM);
	/* Version 2 has none. */
	e = from4();
	memcpy(m, v2, sizeof(v2));
	mend(m, sizeof(v2), &e, true);
	assert_int_equal(vrrp_wire__read(m, sizeof(v2), &e, &a), VRRP_CHECKSUM);
}

static void test_ttl(void **state)
{
	struct vrrp_envelope e = from4();
	struct vrrp_advert a;

	(void)state;
	for (e.ttl = -1; e.ttl < 256; e.ttl++)
		assert_int_equal(vrrp_wire__read(v4, sizeof(v4), &e, &a),
				 e.ttl == 255 ? VRRP_ACCEPTED : VRRP_TTL_LOW);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < VRRP_REFUSALS; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_string_not_equal(vrrp_refusal__name(i), vrrp_refusal__name(k));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write),	cmocka_unit_test(test_read),
		cmocka_unit_test(test_longest), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_ttl),	cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
