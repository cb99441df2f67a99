/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two or three routers on a network that delays, loses and cuts, with crashes and machines that stand
 * still, from a seed (FL_SEED=, FL_SEQUENCES=). Two promises, whatever was done to them before:
 *
 *   healed, no two of them are active for longer than one advert interval and the network's delay;
 *   each part of the network has an active router once its down interval is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vip/vrrp_group.h"

#define MS 1000000ULL
#define MAX_ROUTERS 3
#define MAX_MESSAGES 4096
#define STEPS_A_INTERVAL 50 /* the world's clock turns that often in an advert interval */

struct router {
	struct vrrp_group group;
	bool alive, still; /* still: it runs nothing, but its socket fills */
};

struct message {
	struct vrrp_advert advert;
	uint64_t at;
	unsigned int from, to;
};

static struct world {
	uint64_t seed, now, interval, step, max_delay;
	unsigned int n, loss_percent;
	uint16_t interval_cs;
	struct router routers[MAX_ROUTERS];
	bool cut[MAX_ROUTERS][MAX_ROUTERS];
	struct message messages
		[MAX_MESSAGES]; /* on their way, or in the socket of one that stands still */
	size_t n_messages;
} w;

static unsigned int chance(unsigned int below)
{
	w.seed ^= w.seed << 13;
	w.seed ^= w.seed >> 7;
	w.seed ^= w.seed << 17;
	return (unsigned int)((w.seed >> 20) % below);
}

static void send_advert(unsigned int from, uint8_t priority)
{
	for (unsigned int to = 0; to < w.n; to++) {
		struct message *m = &w.messages[w.n_messages];

		if (to == from || w.cut[from][to] || !w.routers[to].alive ||
		    chance(100) < w.loss_percent)
			continue;
		assert_true(w.n_messages < MAX_MESSAGES);
		m->advert = (struct vrrp_advert){.version = 3,
						 .vrid = 1,
						 .priority = priority,
						 .interval_cs = w.interval_cs,
						 .n = 1};
		m->from = from;
		m->to = to;
		m->at = w.now + chance((unsigned int)(w.max_delay / 1000) + 1) * 1000ULL;
		w.n_messages++;
	}
}

static void act(unsigned int i, unsigned int what)
{
	struct router *r = &w.routers[i];

	if (what & VRRP_DO_STOP)
		send_advert(i, VRRP_PRIORITY_STOP);
	if (what & VRRP_DO_SEND)
		send_advert(i, r->group.priority);
	/* What is done goes with the state. */
	assert_true(!(what & VRRP_DO_TAKE) || r->group.state == VRRP_ACTIVE);
	assert_true(!(what & VRRP_DO_GIVE) || r->group.state != VRRP_ACTIVE);
}

/* As the real thread does: what has arrived comes before what is due. */
static void turn(void)
{
	w.now += w.step;
	for (size_t k = 0; k < w.n_messages;) {
		struct message m = w.messages[k];
		struct router *to = &w.routers[m.to];

		if (m.at > w.now || (to->still && to->alive)) {
			k++;
			continue;
		}
		w.messages[k] = w.messages[--w.n_messages];
		if (to->alive)
			act(m.to, vrrp_group__advert(&to->group, w.now, &m.advert,
						     &w.routers[m.from].group.local));
	}
	for (unsigned int i = 0; i < w.n; i++) {
		struct router *r = &w.routers[i];

		if (r->alive && !r->still && r->group.timer_ns <= w.now)
			act(i, vrrp_group__timer(&r->group, w.now));
	}
}

static void start_router(unsigned int i)
{
	struct router *r = &w.routers[i];
	struct vrrp_group old = r->group;

	r->alive = true;
	vrrp_group__init(&r->group, &old.set, old.priority, &old.local, w.now);
	act(i, vrrp_group__start(&r->group, w.now));
}

static void make_world(uint64_t seed)
{
	static const uint16_t intervals[] = {1, 10, 100};

	memset(&w, 0, sizeof(w));
	w.seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	w.now = 1000 * MS;
	w.n = 2 + chance(2);
	w.interval_cs = intervals[chance(3)];
	w.interval = w.interval_cs * 10 * MS;
	w.step = w.interval / STEPS_A_INTERVAL;
	w.max_delay = w.interval / (4 + chance(50));
	for (unsigned int i = 0; i < w.n; i++) {
		struct vrrp_group *g = &w.routers[i].group;

		g->set.interval_cs = w.interval_cs;
		g->set.preempt = chance(3) != 0;
		g->set.preempt_delay_ms = chance(2) ? 0 : chance(10) * w.interval_cs * 10;
		g->priority = (uint8_t)(chance(3) ? 100 + chance(3) : 1 + chance(255));
		g->local.b[15] = (uint8_t)(10 + i);
	}
	for (unsigned int i = 0; i < w.n; i++)
		start_router(i);
}

static unsigned int count_active(unsigned int part)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < w.n; i++)
		n += (part >> i & 1) && w.routers[i].alive &&
		     w.routers[i].group.state == VRRP_ACTIVE;
	return n;
}

/* All that are alive and run, of each part of the network. */
static void check_served(uint64_t seed, unsigned int part, const char *when)
{
	unsigned int here = 0;

	for (unsigned int i = 0; i < w.n; i++)
		if ((part >> i & 1) && w.routers[i].alive && !w.routers[i].still)
			here |= 1U << i;
	if (here && !count_active(here))
		fail_msg("seed %llu: %s, none of %x is active", (unsigned long long)seed, when,
			 here);
}

/* Until every patience is over: three intervals and a skew, one more for one that was late, delays. */
static unsigned int patience(void)
{
	return 6 * STEPS_A_INTERVAL;
}

/* Cuts, crashes, standstills and losses for a while. */
static void disturb(uint64_t seed)
{
	unsigned int part = (1U << w.n) - 1, lost;

	if (chance(2)) {
		part = 1 + chance((1U << w.n) - 1);
		for (unsigned int i = 0; i < w.n; i++)
			for (unsigned int k = 0; k < w.n; k++)
				w.cut[i][k] = (part >> i & 1) != (part >> k & 1);
	}
	for (unsigned int i = 0; i < w.n; i++) {
		if (!chance(4) && w.routers[i].alive)
			w.routers[i].alive = false;
		else if (!w.routers[i].alive && chance(2))
			start_router(i);
		w.routers[i].still = w.routers[i].alive && !chance(4);
	}
	lost = chance(2) ? 0 : chance(40);
	w.loss_percent = lost;
	for (unsigned int t = 0, end = chance(2) ? chance(patience()) : 2 * patience(); t < end;
	     t++) {
		turn();
		if (!lost && t > patience()) {
			check_served(seed, part, "cut");
			check_served(seed, ~part, "cut, the other part");
		}
	}
}

/* The best of all, if nobody minds that it preempts. */
static bool is_best(unsigned int i)
{
	const struct vrrp_group *a = &w.routers[i].group;

	for (unsigned int k = 0; k < w.n; k++)
		if (w.routers[k].group.priority > a->priority)
			return false;
	return true;
}

static void heal(uint64_t seed)
{
	/* Preemption may be delayed by 10 intervals and is over within a patience then. */
	unsigned int settled = 10 * STEPS_A_INTERVAL + 3 * patience(), twice = 0;
	bool preempt = true;

	memset(w.cut, 0, sizeof(w.cut));
	w.loss_percent = 0;
	for (unsigned int i = 0; i < w.n; i++) {
		w.routers[i].still = false;
		if (!w.routers[i].alive)
			start_router(i);
		preempt = preempt && w.routers[i].group.set.preempt;
	}
	for (unsigned int t = 0; t < settled; t++) {
		turn();
		twice = count_active(~0U) > 1 ? twice + 1 : 0;
		if (twice * w.step > w.interval + 2 * w.max_delay + 2 * w.step)
			fail_msg("seed %llu: %u are active %u steps after healing",
				 (unsigned long long)seed, count_active(~0U), t);
		if (t > patience())
			check_served(seed, ~0U, "healed");
	}
	assert_int_equal(count_active(~0U), 1);
	for (unsigned int i = 0; i < w.n && preempt; i++)
		if (w.routers[i].group.state == VRRP_ACTIVE && !is_best(i))
			fail_msg("seed %llu: router %u is active, and not the best",
				 (unsigned long long)seed, i);
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void test_random(void **state)
{
	unsigned long first = from_env("FL_SEED", 1), n = from_env("FL_SEQUENCES", 400);

	(void)state;
	for (unsigned long seed = first; seed < first + n; seed++) {
		make_world(seed);
		heal(seed);
		for (int k = 0; k < 8; k++) {
			disturb(seed);
			heal(seed);
		}
	}
}

/* A calm network: nobody ever takes over from a router that lives, whatever the delays. */
static void test_calm(void **state)
{
	uint32_t before[MAX_ROUTERS];

	(void)state;
	for (uint64_t seed = 1; seed < 50; seed++) {
		make_world(seed);
		heal(seed);
		for (unsigned int i = 0; i < w.n; i++)
			before[i] = w.routers[i].group.transitions;
		for (unsigned int t = 0; t < 100 * STEPS_A_INTERVAL; t++)
			turn();
		for (unsigned int i = 0; i < w.n; i++)
			assert_int_equal(before[i], w.routers[i].group.transitions);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_calm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
