/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that are built, read back and told in words; and what is cut off anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame/frame.h"

static const uint8_t here[6] = {2, 0, 0, 0, 0, 1}, there[6] = {2, 0, 0, 0, 0, 2};

static struct frame_flow flow(const char *from, const char *to, uint8_t proto)
{
	struct frame_flow f = {.proto = proto};

	assert_int_equal(addr__parse(from, &f.source), 0);
	assert_int_equal(addr__parse(to, &f.destination), 0);
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		f.sport = 40000;
		f.dport = 80;
	}
	if (proto == IPPROTO_TCP) {
		f.tcp_flags = FRAME_TCP_SYN | FRAME_TCP_ACK;
		f.seq = 0xfedcba98;
	}
	return f;
}

/* RFC 1071: 0xffff over what has a right checksum in it. */
static uint16_t sum(uint32_t total, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		total += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static void check_frame(const struct frame_flow *f, size_t header, size_t want)
{
	bool v6 = !addr__is4(&f->source);
	uint8_t b[FRAME_BUILT_MAX];
	size_t l4 = 14 + (v6 ? 40 : 20), n = frame__build(f, here, there, b);
	struct frame_flow back;
	uint32_t pseudo = 0;

	assert_int_equal(n, want);
	assert_memory_equal(b, here, 6);
	assert_memory_equal(b + 6, there, 6);
	if (!v6)
		assert_int_equal(sum(0, b + 14, 20), 0xffff);
	if (f->proto != IPPROTO_ICMP)
		pseudo = sum(0, v6 ? b + 22 : b + 26, v6 ? 32 : 8) + f->proto + (uint32_t)header;
	assert_int_equal(sum(pseudo, b + l4, header), 0xffff);
	assert_int_equal(frame__flow(b, n, &back), 0);
	assert_memory_equal(&back, f, sizeof(back));
}

static void test_built(void **state)
{
	static const struct {
		uint8_t proto4, proto6;
		size_t header, len4, len6;
	} rows[] = {{IPPROTO_TCP, IPPROTO_TCP, 20, 60, 74},
		    {IPPROTO_UDP, IPPROTO_UDP, 8, 60, 62},
		    {IPPROTO_ICMP, IPPROTO_ICMPV6, 8, 60, 62}};
	struct frame_flow f = flow("192.0.2.1", "192.0.2.2", IPPROTO_GRE);
	uint8_t b[FRAME_BUILT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame_flow v4 = flow("198.51.100.7", "192.0.2.10", rows[i].proto4);
		struct frame_flow v6 = flow("2001:db8::7", "2001:db8:1::80", rows[i].proto6);

		check_frame(&v4, rows[i].header, rows[i].len4);
		check_frame(&v6, rows[i].header, rows[i].len6);
	}
	assert_int_equal(frame__build(&f, here, there, b), 0);
}

/* A client's first datagram: the fields that RFC 9000 17.2.2 has, one by one, and the size that 14.1 wants. */
static void test_quic(void **state)
{
	static const uint8_t head[] = {0xc0, 0, 0, 0, 1, 8, 1, 1, 1, 1, 1, 1,	 1,
				       1,    8, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0x44, 0x96};
	struct frame_flow f = flow("2001:db8::7", "2001:db8:1::80", IPPROTO_UDP);
	uint8_t b[FRAME_BUILT_MAX];

	(void)state;
	f.opens = true;
	assert_int_equal(frame__build(&f, here, there, b), 14 + 40 + 8 + 1200);
	assert_memory_equal(b + 14 + 40 + 8, head, sizeof(head));
	/* What its length says is all that follows. */
	assert_int_equal(0x0496, 1200 - sizeof(head));
	assert_int_equal(b[14 + 40 + 4] << 8 | b[14 + 40 + 5], 1208);
	assert_int_equal(sum(sum(0, b + 22, 32) + IPPROTO_UDP + 1208, b + 54, 1208), 0xffff);
}

/* The residue over all of a packet whose CRC32c is zero is that of the packet's bytes: told by a table of its own. */
static void check_sctp(const uint8_t *b, size_t len)
{
	uint32_t crc = 0xffffffff, table[16], told;

	/* Four bits at a time. */
	for (uint32_t i = 0; i < 16; i++) {
		table[i] = i;
		for (int bit = 0; bit < 4; bit++)
			table[i] = table[i] & 1 ? table[i] >> 1 ^ 0x82f63b78 : table[i] >> 1;
	}
	for (size_t i = 0; i < len; i++) {
		crc ^= i >= 8 && i < 12 ? 0 : b[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	told = (uint32_t)b[8] | (uint32_t)b[9] << 8 | (uint32_t)b[10] << 16 | (uint32_t)b[11] << 24;
	assert_int_equal(told, crc ^ 0xffffffff);
}

static void test_sctp(void **state)
{
	struct frame_flow f = flow("192.0.2.1", "192.0.2.2", IPPROTO_SCTP), back;
	static const uint8_t init[] = {1, 0, 0, 20, 0, 0, 0, 1}, data[] = {0, 3, 0, 17};
	uint8_t b[FRAME_BUILT_MAX];

	(void)state;
	f.sport = 5000;
	f.dport = 36412;
	f.seq = 1;
	f.opens = true;
	assert_int_equal(frame__build(&f, here, there, b), 14 + 20 + 32);
	/* An INIT's own tag is in the chunk, the packet's is 0 (RFC 9260 8.5.1). */
	assert_memory_equal(b + 34 + 4, "\0\0\0", 4);
	assert_memory_equal(b + 34 + 12, init, sizeof(init));
	check_sctp(b + 34, 32);
	f.opens = false;
	assert_int_equal(frame__build(&f, here, there, b), 14 + 20 + 32);
	assert_memory_equal(b + 34 + 12, data, sizeof(data));
	check_sctp(b + 34, 32);
	assert_int_equal(frame__flow(b, 14 + 20 + 32, &back), 0);
	assert_int_equal(back.sport, 5000);
	assert_int_equal(back.dport, 36412);
}

/* --- words ------------------------------------------------------------------------------------------ */

static const uint8_t gue[] = {
	2,    0,	0,    0,    0,	  1,  2,    0, 0,	    0,	0,	  2,
	0x81, 0,	0x20, 7,    0x08, 0, /* VLAN 7 */
	0x45, 0,	0,    60,   0,	  0,  0x40, 0, 64,	    17, 0,	  0,
	10,   0,	0,    1,    10,	  0,  0,    2, /* IPv4, UDP */
	0xc0, 0,	0x17, 0xc0, 0,	  40, 0,    0, 0,	    41, 0,	  0, /* GUE, IPv6 */
	0x60, 0,	0,    0,    0,	  8,  58,   9, [58] = 0x20, 1,	[73] = 1, 0x20,
	1,    [89] = 2, /* ICMPv6 */
	2,    0,	0,    0,    0,	  0,  5,    0,
};

static char lines[FRAME_LINES][FRAME_LINE];

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(frame__describe(gue, sizeof(gue), 6080, lines), 6);
	assert_string_equal(lines[0],
			    "Ethernet 02:00:00:00:00:02 > 02:00:00:00:00:01, VLAN 7, type 0800");
	assert_string_equal(lines[1],
			    "IPv4 10.0.0.1 > 10.0.0.2, UDP, TTL 64, 60 bytes, don't fragment");
	assert_string_equal(lines[2], "UDP 49152 > 6080, 40 bytes");
	assert_string_equal(lines[3], "GUE version 0, protocol 41");
	assert_string_equal(lines[4], "IPv6 2001::1 > 2001::2, ICMPv6, hop limit 9, 48 bytes");
	assert_string_equal(lines[5], "ICMPv6 packet too big, type 2, code 0");
	/* Without the port it is UDP, whatever is in it. */
	assert_int_equal(frame__describe(gue, sizeof(gue), 0, lines), 3);
}

static void test_flags(void **state)
{
	char buf[FRAME_FLAGS_LEN];

	(void)state;
	assert_string_equal(frame__tcp_flags(0, buf), "");
	assert_string_equal(frame__tcp_flags(0x12, buf), "syn,ack");
	assert_string_equal(frame__tcp_flags(0xff, buf), "fin,syn,rst,psh,ack,urg,ece,cwr");
}

/* In a block of its own for each length, so that a sanitizer sees what is read beyond it. */
static void cut(const uint8_t *frame, size_t len)
{
	for (size_t n = 0; n <= len; n++) {
		uint8_t *part = malloc(n ? n : 1);
		struct frame_flow f;

		assert_non_null(part);
		memcpy(part, frame, n);
		assert_in_range(frame__describe(part, n, 6080, lines), 1, FRAME_LINES);
		frame__flow(part, n, &f);
		free(part);
	}
}

static void test_cut_off(void **state)
{
	struct frame_flow f = flow("2001:db8::7", "2001:db8:1::80", IPPROTO_TCP);
	uint8_t b[FRAME_BUILT_MAX];
	struct frame_flow out;

	(void)state;
	cut(gue, sizeof(gue));
	cut(b, frame__build(&f, here, there, b));
	assert_int_equal(frame__flow(gue, 20, &out), -EINVAL);
	assert_int_equal(frame__describe(gue, 30, 0, lines), 2);
	assert_string_equal(lines[1], "no whole IPv4 header follows");
}

/* Random bytes behind headers that lead far: lengths, extension headers, packets in packets. */
static void test_anything(void **state)
{
	static const uint8_t protos[] = {4, 41, 0, 43, 44, 51, 60, 17, 6, 1, 58, 132};
	unsigned int seed = 7;
	uint8_t b[200];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t *part = malloc(sizeof(b));
		struct frame_flow f;

		assert_non_null(part);
		for (size_t at = 0; at < sizeof(b); at++)
			part[at] = (uint8_t)rand_r(&seed);
		part[12] = i & 1 ? 0x08 : 0x86;
		part[13] = i & 1 ? 0 : 0xdd;
		part[14] = i & 1 ? (uint8_t)(0x45 + (i >> 4 & 3)) : 0x60;
		part[i & 1 ? 23 : 20] = protos[(size_t)(i >> 1) % sizeof(protos)];
		frame__describe(part, sizeof(b), (uint16_t)rand_r(&seed), lines);
		frame__flow(part, sizeof(b), &f);
		free(part);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_built),	 cmocka_unit_test(test_quic),
		cmocka_unit_test(test_sctp),	 cmocka_unit_test(test_words),
		cmocka_unit_test(test_flags),	 cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_anything),
	};

	return cmocka_run_group_tests_name("frame_words", tests, NULL, NULL);
}
