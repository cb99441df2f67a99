/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two machines with sync groups, to which things happen from a seed (FL_SEED=, FL_SEQUENCES=): adverts of one
 * family are lost, agents die, hang and start, priorities and holds change, groups become other routers. Two
 * promises, whatever was done before:
 *
 *   however things are, as long as they stay so nothing flaps;
 *   all healed, one machine is active in all of its groups, and the other one in none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "vrrp_world.h"

static uint64_t seed;

static unsigned int chance(unsigned int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)((seed >> 20) % below);
}

static uint8_t any_priority(void)
{
	static const uint8_t some[] = {1, 60, 100, 100, 101, 150, 254, 255};

	return some[chance(sizeof(some))];
}

static void make_machine(struct rt *m, bool v6)
{
	add_group(m, "a", 1, false, any_priority(), "all");
	add_group(m, "b", 2, true, any_priority(), "all");
	add_group(m, "c", 3, v6, any_priority(), "all");
	for (size_t i = 0; i < m->n_groups; i++) {
		m->groups[i].preempt = chance(4) != 0;
		m->groups[i].preempt_delay_ms = chance(3) ? 0 : 10 * chance(20);
	}
}

static void happen(struct rt *m)
{
	struct outlook *o = &m->outlooks[chance(GROUPS)];
	struct config_vrrp *c = &m->groups[chance(GROUPS)];

	switch (chance(8)) {
	case 0:
		w.cut4 = chance(2);
		break;
	case 1:
		w.cut6 = chance(2);
		break;
	case 2:
		if (m->alive)
			kill_machine(m);
		else
			boot(m);
		break;
	case 3:
		m->fit = chance(2);
		break;
	case 4:
		o->hold = chance(2) ? "it is told to" : NULL;
		break;
	case 5:
		/* The same addresses, from another one of its own. */
		if (m->alive && m->fit) {
			c->has_source = !c->has_source;
			c->source = m->own[addr__is4(&c->addresses[0]) ? 0 : 1];
			apply(m);
		}
		break;
	default:
		o->priority = chance(2) ? any_priority() : 0;
		break;
	}
	if (m->alive && m->fit && chance(2))
		refresh(m);
}

static unsigned int changes(void)
{
	return w.machines[0].changes + w.machines[1].changes;
}

/* However long holds, delays and looks once a second take. */
static void check_calm(unsigned long first)
{
	unsigned int before;

	pass(2500 * MS);
	before = changes();
	pass(1500 * MS);
	if (changes() != before)
		fail_msg("seed %lu: %u changes in 1.5 s, cut %d %d", first, changes() - before,
			 w.cut4, w.cut6);
}

static void heal(unsigned long first)
{
	char a[GROUPS + 1], b[GROUPS + 1];

	w.cut4 = w.cut6 = false;
	for (size_t i = 0; i < MACHINES; i++) {
		struct rt *m = &w.machines[i];

		memset(m->outlooks, 0, sizeof(m->outlooks));
		m->fit = true;
		if (!m->alive)
			boot(m);
	}
	check_calm(first);
	strcpy(a, states(&w.machines[0]));
	strcpy(b, states(&w.machines[1]));
	if ((strcmp(a, "AAA") != 0 || strcmp(b, "bbb") != 0) &&
	    (strcmp(a, "bbb") != 0 || strcmp(b, "AAA") != 0))
		fail_msg("seed %lu: healed, they are %s and %s", first, a, b);
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void test_random(void **state)
{
	unsigned long first = from_env("FL_SEED", 1), n = from_env("FL_SEQUENCES", 60);

	bool v6;

	(void)state;
	for (unsigned long s = first; s < first + n; s++) {
		new_world();
		seed = s * 0x9e3779b97f4a7c15ULL + 1;
		if (chance(2))
			w.machines[0].own[1].b[15] = 0xff;
		v6 = chance(2);
		for (size_t i = 0; i < MACHINES; i++) {
			make_machine(&w.machines[i], v6);
			boot(&w.machines[i]);
		}
		heal(s);
		for (int k = 0; k < 4; k++) {
			for (unsigned int t = chance(6); t > 0; t--) {
				happen(&w.machines[chance(MACHINES)]);
				pass(chance(60) * MS);
			}
			check_calm(s);
			if (chance(2))
				heal(s);
		}
		end_world();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
