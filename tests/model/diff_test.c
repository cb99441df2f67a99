/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model and the real program get the same packets: verdict, action, every byte that leaves, every
 * counter and every record must be the same. FL_SEED and FL_PACKETS choose another run; FL_SCENARIO
 * runs one scenario alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/libbpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "diff.h"
#include "fixture.h"
#include "net.h"
#include "scenario.h"

#define PACKETS 1000000
#define SEED 1
#define TRIES 20 /* of one scenario */

static uint64_t seed, packets;
static int cpu;
static uint64_t seen[FL_VERDICTS], noted[FL_NOTES], edges[FL_FWD_FULLNAT + 1][2];

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value ? strtoull(value, NULL, 0) : otherwise;
}

static void scenario(void **state)
{
	uint32_t n = (uint32_t)(uintptr_t)*state, in_state;
	static struct diff d;
	int rc, cpus = libbpf_num_possible_cpus(), tries = 0;

	do {
		if (tries)
			diff__free(&d);
		rc = diff__scenario(&d, seed, n, packets / SCENARIOS, cpu, cpus);
		assert_int_equal(rc, 0);
		assert_in_range(++tries, 1, TRIES);
	} while (d.late);
	for (int v = 0; v < FL_VERDICTS; v++)
		seen[v] += d.w.verdicts[v].packets;
	for (int i = 0; i < FL_NOTES; i++)
		noted[i] += d.w.notes[i];
	for (int mode = FL_FWD_L2; mode <= FL_FWD_FULLNAT; mode++) {
		edges[mode][0] += d.w.edges[mode][0];
		edges[mode][1] += d.w.edges[mode][1];
	}
	in_state = diff__state(&d);
	if (d.differences || in_state)
		fprintf(stderr, "scenario %u: %llu packets and %u sums or records differ\n", n,
			(unsigned long long)d.differences, in_state);
	diff__free(&d);
	assert_int_equal(d.differences, 0);
	assert_int_equal(in_state, 0);
}

/*
 * Every verdict was met, every note, and the MTU of every mode to the byte: but a test run always has headroom, nobody reads the events, no
 * source has 4096 old flows, and there are no peers.
 */
static void coverage(void **state)
{
	uint32_t missing = 0;

	(void)state;
	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		fprintf(stderr, "%9llu %s\n", (unsigned long long)seen[v],
			model__name((enum fl_verdict)v));
		if (!seen[v] && v != FL_V_DROP_HEADROOM)
			missing++;
	}
	for (uint32_t i = 0; i < FL_NOTES; i++) {
		fprintf(stderr, "%9llu note %u\n", (unsigned long long)noted[i], i);
		if (!noted[i] && i != FL_N_EVENT_LOST && i != FL_N_SOURCE_FULL &&
		    i != FL_N_PROMOTION_WAITS && i != FL_N_UNTOLD)
			missing++;
	}
	for (int mode = FL_FWD_L2; mode <= FL_FWD_FULLNAT; mode++) {
		fprintf(stderr, "%9llu of the MTU, %llu of a byte more, by mode %d\n",
			(unsigned long long)edges[mode][0], (unsigned long long)edges[mode][1],
			mode);
		missing += !edges[mode][0] + !edges[mode][1];
	}
	assert_int_equal(missing, 0);
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Answers are given, and not more than `rate` of them in any second, `otherwise` beyond. */
static void check_rate(struct real *r, const struct desc *d, uint32_t ingress, uint32_t rate,
		       enum fl_verdict answer, enum fl_verdict otherwise)
{
	uint64_t start = clock_ms(), sent, not_sent, seconds;
	static struct frame in, out;
	struct layout at;
	uint32_t action;

	write__frame(d, &in, &at);
	for (uint32_t i = 0; i < 3 * rate; i++)
		assert_int_equal(real__run(r, &in, ingress, &action, &out), 0);
	seconds = (clock_ms() - start) / 1000 + 1;
	sent = real__verdict(r, answer).packets;
	not_sent = real__verdict(r, otherwise).packets;
	assert_int_equal(sent + not_sent, 3 * rate);
	assert_in_range(sent, 1, rate * seconds);
	/* On a machine that is slower than the limit there is nothing to limit. */
	if (seconds < 3)
		assert_int_not_equal(not_sent, 0);
}

static void rates(void **state)
{
	struct desc echo = fixture__to(FL_FWD_L2, 4, PROTO_ICMP);
	struct desc big = fixture__to(FL_FWD_GUE4, 4, PROTO_TCP);
	static struct world w;
	uint32_t ingress;
	struct real *r;

	(void)state;
	fixture__make(&w);
	ingress = w.ports[NET_A].ifindex;
	r = real__load(&w);
	assert_non_null(r);
	echo.type = 8;
	big.payload = FIXTURE_MTU - 40;
	check_rate(r, &big, ingress, 1000, FL_V_SEND_TOO_BIG, FL_V_DROP_TOO_BIG);
	check_rate(r, &echo, ingress, 10000, FL_V_SEND_ECHO, FL_V_PASS_NOT_SERVICE);
	real__free(r);
	world__free(&w);
}

static int setup(void **state)
{
	cpu_set_t set;

	(void)state;
	/* Ports of full NAT and the rates of answers are each CPU's own. */
	cpu = sched_getcpu();
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return -1;
	return net__make();
}

int main(void)
{
	static struct CMUnitTest tests[SCENARIOS + 2];
	static char names[SCENARIOS][32];
	uint64_t only = number("FL_SCENARIO", SCENARIOS);
	size_t n = 0;

	seed = number("FL_SEED", SEED);
	packets = number("FL_PACKETS", PACKETS);
	fprintf(stderr, "FL_SEED=%llu FL_PACKETS=%llu\n", (unsigned long long)seed,
		(unsigned long long)packets);
	for (size_t i = 0; i < SCENARIOS; i++) {
		if (only < SCENARIOS && i != only)
			continue;
		snprintf(names[i], sizeof(names[i]), "scenario %zu", i);
		tests[n++] = (struct CMUnitTest){
			.name = names[i], .test_func = scenario, .initial_state = (void *)i};
	}
	if (only >= SCENARIOS) {
		tests[n++] = (struct CMUnitTest){.name = "coverage", .test_func = coverage};
		tests[n++] = (struct CMUnitTest){.name = "rates", .test_func = rates};
	}
	return _cmocka_run_group_tests("model", tests, n, setup, NULL);
}
