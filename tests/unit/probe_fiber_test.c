/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "probe/fiber.h"

#define FIBERS 100

struct work {
	unsigned int pauses, done;
	uint64_t sum;
};

/* Uses some stack that must survive the pauses, and calls between them. */
static uint64_t count(struct work *w)
{
	volatile uint8_t room[4096];
	uint64_t sum = 0;

	for (unsigned int i = 0; i < w->pauses; i++) {
		for (size_t k = 0; k < sizeof(room); k++)
			room[k] = (uint8_t)(w->pauses + i);
		fiber__pause();
		assert_ptr_equal(fiber__arg(), w);
		for (size_t k = 0; k < sizeof(room); k++)
			sum += room[k];
		w->done++;
	}
	return sum;
}

static void run(void *arg)
{
	struct work *w = arg;

	w->sum = count(w);
}

static uint64_t expected(unsigned int pauses)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < pauses; i++)
		sum += 4096 * (uint64_t)(uint8_t)(pauses + i);
	return sum;
}

static void test_interleaved(void **state)
{
	static struct work work[FIBERS];
	struct fiber *fibers[FIBERS];
	bool over[FIBERS] = {false};
	unsigned int left = FIBERS;

	(void)state;
	for (unsigned int i = 0; i < FIBERS; i++) {
		work[i].pauses = i;
		assert_int_equal(fiber__new(run, &work[i], &fibers[i]), 0);
	}
	for (unsigned int turn = 0; left; turn++) {
		for (unsigned int i = 0; i < FIBERS; i++) {
			if (over[i])
				continue;
			over[i] = fiber__resume(fibers[i]);
			assert_null(fiber__arg());
			assert_int_equal(work[i].done, turn);
			assert_int_equal(over[i], turn == i);
			left -= over[i];
		}
	}
	for (unsigned int i = 0; i < FIBERS; i++) {
		assert_int_equal(work[i].sum, expected(i));
		fiber__free(fibers[i]);
	}
}

static void deep(void *arg)
{
	volatile uint8_t room[192 * 1024];

	for (size_t i = 0; i < sizeof(room); i += 64)
		room[i] = 1;
	*(unsigned int *)arg = room[0];
}

/* What libraries for TLS and names need is there. One that never runs is freed like others. */
static void test_depth(void **state)
{
	unsigned int seen = 0;
	struct fiber *f, *never;

	(void)state;
	assert_int_equal(fiber__new(deep, &seen, &f), 0);
	assert_int_equal(fiber__new(deep, &seen, &never), 0);
	assert_true(fiber__resume(f));
	assert_int_equal(seen, 1);
	fiber__free(f);
	fiber__free(never);
	fiber__free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
