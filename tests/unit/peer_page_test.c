/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text in pages: what is asked, answered, lost, late and forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "peer/page.h"

static struct accord_text text_of(uint32_t len)
{
	return (struct accord_text){.digest = {1, 2, 3}, .len = len};
}

static void test_messages(void **state)
{
	const struct accord_text text = text_of(PEER_PAGE_BYTES + 5);
	uint8_t out[PEER_PAGE_MAX + 1];
	char bytes[PEER_PAGE_BYTES + 5];
	struct peer_page p;
	size_t len;

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	memset(bytes + PEER_PAGE_BYTES, 'b', 5);
	len = peer_page__ask(&text, 1, out);
	assert_int_equal(len, PEER_PAGE_HEAD);
	assert_true(peer_page__read(out, len, &p));
	assert_true(p.is_question && p.number == 1);
	assert_memory_equal(p.digest, text.digest, ACCORD_DIGEST);
	assert_false(peer_page__read(out, len + 1, &p));
	assert_false(peer_page__read(out, len - 1, &p));
	len = peer_page__answer(&text, bytes, 1, out);
	assert_int_equal(len, PEER_PAGE_HEAD + 5);
	assert_true(peer_page__read(out, len, &p));
	assert_true(!p.is_question && p.number == 1 && p.len == 5);
	assert_memory_equal(p.bytes, "bbbbb", 5);
	assert_false(peer_page__read(out, PEER_PAGE_HEAD, &p));
	len = peer_page__answer(&text, bytes, 0, out);
	assert_int_equal(len, PEER_PAGE_MAX);
	assert_true(peer_page__read(out, len, &p));
	assert_false(peer_page__read(out, len + 1, &p));
	out[0] = 3;
	assert_false(peer_page__read(out, len, &p));
	assert_int_equal(peer_page__ask(&text, 2, out), 0);
	assert_int_equal(peer_page__answer(&text, bytes, UINT32_MAX, out), 0);
}

/* Of all that is sent, one in `loss` gets lost; 0: nothing. */
static void fetch(uint32_t len, unsigned int loss)
{
	const struct accord_text text = text_of(len);
	char *bytes = malloc(len);
	struct peer_fetch f = {0};
	uint64_t now_us = 1000;
	unsigned int n = 0, asked = 0;
	bool done = false;

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + i / 1024);
	assert_int_equal(peer_fetch__begin(&f, &text, now_us), 0);
	for (int turn = 0; turn < 20000 && !done; turn++, now_us += 5000) {
		uint32_t number, at_a_time = 0;

		while (!done && peer_fetch__next(&f, now_us, 1000, &number)) {
			uint8_t out[PEER_PAGE_MAX];
			struct peer_page p;
			size_t size = peer_page__answer(&text, bytes, number, out);

			asked++;
			assert_true(++at_a_time <= 2 * PEER_PAGE_WINDOW || !loss || loss > 1);
			assert_true(peer_page__read(out, size, &p));
			if (loss && ++n % loss == 0)
				continue;
			done = peer_fetch__take(&f, now_us, &p);
			/* Twice is once. */
			assert_false(peer_fetch__take(&f, now_us, &p));
		}
	}
	assert_true(done);
	assert_memory_equal(f.bytes, bytes, len);
	if (!loss)
		assert_int_equal(asked, (len + PEER_PAGE_BYTES - 1) / PEER_PAGE_BYTES);
	peer_fetch__end(&f);
	free(bytes);
}

static void test_fetch(void **state)
{
	(void)state;
	fetch(1, 0);
	fetch(PEER_PAGE_BYTES, 0);
	fetch(PEER_PAGE_BYTES * 40 + 1, 0);
	fetch(PEER_PAGE_BYTES * 40 + 1, 3);
	fetch(PEER_PAGE_BYTES * 100, 2);
}

static void test_forged(void **state)
{
	const struct accord_text text = text_of(3 * PEER_PAGE_BYTES), none = text_of(0),
				 large = text_of(ACCORD_TEXT_MAX + 1);
	static const uint8_t bytes[PEER_PAGE_BYTES];
	struct peer_page p = {.bytes = bytes, .len = PEER_PAGE_BYTES};
	struct peer_fetch f = {0};

	(void)state;
	assert_false(peer_fetch__take(&f, 1, &p));
	assert_int_equal(peer_fetch__begin(&f, &none, 1), -EINVAL);
	assert_int_equal(peer_fetch__begin(&f, &large, 1), -EINVAL);
	assert_int_equal(peer_fetch__begin(&f, &text, 1), 0);
	/* Of another text, of another length, beyond its end. */
	assert_false(peer_fetch__take(&f, 1, &p));
	assert_int_equal(f.got | f.base, 0);
	memcpy(p.digest, text.digest, sizeof(p.digest));
	p.len--;
	peer_fetch__take(&f, 1, &p);
	p.len++;
	p.number = 3;
	peer_fetch__take(&f, 1, &p);
	p.number = UINT32_MAX;
	peer_fetch__take(&f, 1, &p);
	assert_int_equal(f.got | f.base, 0);
	p.number = 0;
	peer_fetch__take(&f, 1, &p);
	assert_int_equal(f.base, 1);
	peer_fetch__end(&f);
}

/* Asking again is no progress: only what came is. */
static void test_silence(void **state)
{
	const struct accord_text text = text_of(3 * PEER_PAGE_BYTES);
	static const uint8_t bytes[PEER_PAGE_BYTES];
	struct peer_page p = {.bytes = bytes, .len = PEER_PAGE_BYTES};
	struct peer_fetch f = {0};
	uint32_t number;

	(void)state;
	memcpy(p.digest, text.digest, sizeof(p.digest));
	assert_int_equal(peer_fetch__begin(&f, &text, 1000), 0);
	assert_int_equal(f.came_us, 1000);
	assert_true(peer_fetch__next(&f, 5000000, 1000, &number));
	assert_int_equal(f.came_us, 1000);
	assert_false(peer_fetch__take(&f, 6000000, &p));
	assert_int_equal(f.came_us, 6000000);
	peer_fetch__end(&f);
}

static void test_rate(void **state)
{
	struct peer_pages_rate r = {0};
	unsigned int n = 0;

	(void)state;
	while (peer_pages_rate__take(&r, 10000000))
		n++;
	assert_int_equal(n, PEER_PAGES_PER_S);
	assert_false(peer_pages_rate__take(&r, 10000050));
	assert_true(peer_pages_rate__take(&r, 10000500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_fetch),
		cmocka_unit_test(test_forged),	 cmocka_unit_test(test_silence),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
