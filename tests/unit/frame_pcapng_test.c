/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of pcapng, read back by a reader of its own: lengths, padding, options, and no half block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frame/pcapng.h"

#define OPTIONS 8

struct option {
	uint16_t code, len;
	const uint8_t *value;
};

/* A block and what stands behind its fixed part. */
struct block {
	uint32_t type, len;
	const uint8_t *body;
	struct option options[OPTIONS];
	size_t n;
};

static uint32_t word(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t number(const struct option *o)
{
	uint64_t v;

	assert_int_equal(o->len, sizeof(v));
	memcpy(&v, o->value, sizeof(v));
	return v;
}

/* The block at *at, whose options begin `fixed` bytes into it; *at goes on to the next. */
static struct block read_block(const struct pcapng *p, size_t *at, size_t fixed)
{
	const uint8_t *from = p->at + *at, *o = from + fixed, *last;
	struct block b = {.type = word(from), .len = word(from + 4), .body = from + 8};

	assert_true(b.len >= 12 && b.len <= p->len - *at);
	assert_int_equal(b.len % 4, 0);
	assert_int_equal(word(from + b.len - 4), b.len);
	last = from + b.len - 4;
	for (;;) {
		struct option *to = &b.options[b.n];

		assert_true(last - o >= 4);
		memcpy(&to->code, o, 2);
		memcpy(&to->len, o + 2, 2);
		to->value = o + 4;
		o += 4;
		if (!to->code)
			break;
		assert_true(last - o >= to->len + (-to->len & 3));
		for (size_t i = to->len; i % 4; i++)
			assert_int_equal(o[i], 0);
		o += (to->len + 3u) & ~3u;
		assert_true(++b.n < OPTIONS);
	}
	assert_int_equal(b.options[b.n].len, 0);
	assert_ptr_equal(o, last);
	*at += b.len;
	return b;
}

static void is_text(const struct option *o, uint16_t code, const char *text)
{
	assert_int_equal(o->code, code);
	assert_int_equal(o->len, strlen(text));
	assert_memory_equal(o->value, text, o->len);
}

static void test_head(void **state)
{
	uint8_t room[512];
	struct pcapng p = {.at = room, .room = sizeof(room)};
	size_t at = 0;
	struct block b;

	(void)state;
	assert_int_equal(pcapng__section(&p, "fairlead 1", "what is in it"), 0);
	assert_int_equal(pcapng__interface(&p, "in", "as packets came", 256), 0);
	b = read_block(&p, &at, 24);
	assert_int_equal(b.type, 0x0a0d0d0a);
	assert_int_equal(word(b.body), 0x1a2b3c4d);
	assert_int_equal(word(b.body + 4), 1);
	assert_int_equal(word(b.body + 8), 0xffffffff);
	assert_int_equal(word(b.body + 12), 0xffffffff);
	assert_int_equal(b.n, 2);
	is_text(&b.options[0], 1, "what is in it");
	is_text(&b.options[1], 4, "fairlead 1");
	b = read_block(&p, &at, 16);
	assert_int_equal(b.type, 1);
	assert_int_equal(word(b.body), 1);
	assert_int_equal(word(b.body + 4), 256);
	assert_int_equal(b.n, 3);
	is_text(&b.options[0], 2, "in");
	is_text(&b.options[1], 3, "as packets came");
	assert_int_equal(b.options[2].code, 9);
	assert_int_equal(b.options[2].len, 1);
	assert_int_equal(b.options[2].value[0], 9);
	assert_int_equal(at, p.len);
}

/* Of every length modulo four, packet and comment alike. */
static void test_packets(void **state)
{
	static const char *const comments[] = {"", "a", "ab", "abc", "abcd"};
	uint8_t data[70], room[512];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i + 1);
	for (uint32_t kept = 60; kept <= 64; kept++) {
		struct pcapng_packet packet = {.interface = 1,
					       .time_ns = 0x1122334455667788,
					       .data = data,
					       .kept = kept,
					       .len = 1514,
					       .direction = PCAPNG_OUTBOUND,
					       .id = 77,
					       .action = 3,
					       .comment = comments[kept - 60]};
		struct pcapng p = {.at = room, .room = sizeof(room)};
		size_t at = 0;
		struct block b;

		memset(room, 0xee, sizeof(room));
		assert_int_equal(pcapng__packet(&p, &packet), 0);
		assert_true(p.len <= PCAPNG_PACKET_MAX(kept));
		b = read_block(&p, &at, 28 + ((kept + 3) & ~3u));
		assert_int_equal(at, p.len);
		assert_int_equal(b.type, 6);
		assert_int_equal(word(b.body), 1);
		assert_int_equal(word(b.body + 4), 0x11223344);
		assert_int_equal(word(b.body + 8), 0x55667788);
		assert_int_equal(word(b.body + 12), kept);
		assert_int_equal(word(b.body + 16), 1514);
		assert_memory_equal(b.body + 20, data, kept);
		for (uint32_t i = kept; i % 4; i++)
			assert_int_equal(b.body[20 + i], 0);
		assert_int_equal(b.n, 4);
		is_text(&b.options[0], 1, comments[kept - 60]);
		assert_int_equal(b.options[1].code, 2);
		assert_int_equal(b.options[1].len, 4);
		assert_int_equal(word(b.options[1].value), 2);
		assert_int_equal(b.options[2].code, 5);
		assert_int_equal(number(&b.options[2]), 77);
		assert_int_equal(b.options[3].code, 7);
		assert_int_equal(b.options[3].len, 9);
		assert_memory_equal(b.options[3].value, "\x02\x03\0\0\0\0\0\0\0", 9);
	}
}

static void test_statistics(void **state)
{
	const struct pcapng_statistics s = {.interface = 0,
					    .begin_ns = 0x100000002,
					    .end_ns = 0x300000004,
					    .accepted = 10,
					    .dropped = 4,
					    .delivered = 6};
	uint8_t room[PCAPNG_STATISTICS_MAX];
	struct pcapng p = {.at = room, .room = sizeof(room)};
	size_t at = 0;
	struct block b;

	(void)state;
	assert_int_equal(pcapng__statistics(&p, &s), 0);
	b = read_block(&p, &at, 20);
	assert_int_equal(b.type, 5);
	assert_int_equal(word(b.body), 0);
	assert_int_equal(word(b.body + 4), 3);
	assert_int_equal(word(b.body + 8), 4);
	assert_int_equal(b.n, 5);
	assert_int_equal(b.options[0].code, 2);
	assert_int_equal(word(b.options[0].value), 1);
	assert_int_equal(word(b.options[0].value + 4), 2);
	assert_int_equal(b.options[1].code, 3);
	assert_int_equal(word(b.options[1].value), 3);
	assert_int_equal(word(b.options[1].value + 4), 4);
	assert_int_equal(b.options[2].code, 6);
	assert_int_equal(number(&b.options[2]), 10);
	assert_int_equal(b.options[3].code, 7);
	assert_int_equal(number(&b.options[3]), 4);
	assert_int_equal(b.options[4].code, 8);
	assert_int_equal(number(&b.options[4]), 6);
}

/* One byte too few: nothing of the block, whatever the byte. */
static void test_no_room(void **state)
{
	static const uint8_t data[61];
	const struct pcapng_packet packet = {
		.data = data, .kept = 61, .len = 61, .comment = "of 3"};
	uint8_t room[256];
	struct pcapng p = {.at = room, .room = sizeof(room)};
	size_t before, whole;

	(void)state;
	assert_int_equal(pcapng__interface(&p, "in", "", 60), 0);
	before = p.len;
	assert_int_equal(pcapng__packet(&p, &packet), 0);
	whole = p.len;
	for (p.room = before; p.room < whole; p.room++) {
		p.len = before;
		assert_int_equal(pcapng__packet(&p, &packet), -ENOSPC);
		assert_int_equal(p.len, before);
	}
	assert_int_equal(pcapng__packet(&p, &packet), 0);
	assert_int_equal(p.len, whole);
}

/* Cut, and not in the middle of a character. */
static void test_long_text(void **state)
{
	static uint8_t room[2 * PCAPNG_TEXT];
	struct pcapng p = {.at = room, .room = sizeof(room)};
	char text[PCAPNG_TEXT + 8] = "x";
	size_t at = 0;
	struct block b;

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa4", 3);
	assert_int_equal(pcapng__section(&p, "", text), 0);
	b = read_block(&p, &at, 24);
	assert_int_equal(b.options[0].len, PCAPNG_TEXT - 1);
	assert_memory_equal(b.options[0].value, text, PCAPNG_TEXT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),	   cmocka_unit_test(test_packets),
		cmocka_unit_test(test_statistics), cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests_name("frame_pcapng", tests, NULL, NULL);
}
