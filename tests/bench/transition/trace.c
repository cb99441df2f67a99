/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "table/table.h"

#define BUCKETS (TRACE_S * TRACE_TICKS)
#define NONE 0xffffffffU
#define SWEEP_S 10 /* between passes over `flows` */

/* Of 10 000 handshakes: the answer is lost, or comes after the SYN was sent again. */
#define LOST_10K 100
#define LATE_10K 5

enum step { SYN, SYN_AGAIN, DATA };
enum handshake { PROMPT, LOST, LATE };

struct flow {
	uint32_t next; /* in its bucket */
	uint32_t seq;
	uint32_t end; /* tick of its FIN */
	uint16_t gap; /* ticks between two packets, on average */
	uint8_t step, handshake;
	uint8_t bound[TRACE_SCHEMES]; /* who has it; 0: nobody yet, 255: broken */
};

#define BROKEN 255

struct trace {
	struct rng rng;
	struct flow *flows;
	uint32_t *buckets;
	uint32_t now; /* tick */
	uint32_t alive;
	struct mv *m;
	struct mv_agent *agent;
	struct table_base *base;
	bool accepts[MV_BACKENDS]; /* by ordinal */
	uint16_t *filled;
	uint8_t *maglev, *cur, *prev; /* of the other two schemes, by slot */
	struct trace_result *result;
};

static int build(const bool *accepts, struct table_base **out, struct err *err)
{
	struct table_member members[MV_BACKENDS];
	static char ids[MV_BACKENDS][8];
	size_t n = 0;

	for (size_t i = 0; i < MV_BACKENDS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "b%zu", i);
		if (!accepts || accepts[i])
			members[n++] = (struct table_member){.id = ids[i], .weight = 100};
	}
	return table_base__new(members, n, MV_SLOTS, out, err);
}

/* Maglev builds its table anew from those that accept (Eisenbud et al., NSDI 2016, 3.4). */
static int fill_maglev(struct trace *t, struct err *err)
{
	uint8_t index[MV_BACKENDS], n = 0;
	uint8_t all[MV_BACKENDS];
	struct table_base *b;
	int rc = build(t->accepts, &b, err);

	if (rc)
		return rc;
	for (uint8_t i = 0; i < MV_BACKENDS; i++) {
		if (t->accepts[i])
			index[n++] = i + 1;
	}
	memset(all, TABLE_PARTS, sizeof(all));
	table__fill(b, all, t->filled);
	for (uint32_t s = 0; s < MV_SLOTS; s++)
		t->maglev[s] = index[t->filled[s]];
	table_base__free(b);
	return 0;
}

/* Owners by user/table, for the two schemes that move only what must. */
static int fill(struct trace *t, struct err *err)
{
	uint8_t parts[MV_BACKENDS];
	int rc = fill_maglev(t, err);

	if (rc)
		return rc;
	for (uint8_t i = 0; i < MV_BACKENDS; i++)
		parts[i] = t->accepts[i] ? TABLE_PARTS : 0;
	table__fill(t->base, parts, t->filled);
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		uint8_t owner = (uint8_t)(t->filled[s] + 1);

		t->agent->known.order[s][0] = owner;
		if (owner == t->cur[s])
			continue;
		t->prev[s] = t->cur[s];
		t->cur[s] = owner;
	}
	return 0;
}

static void settle(struct trace *t)
{
	/* A change, and what time alone brings about. */
	do
		mv_agent__step(t->agent, t->m);
	while (t->agent->stage != MV_IDLE);
}

static void schedule(struct trace *t, uint32_t flow, uint32_t at)
{
	if (at >= BUCKETS)
		return;
	t->flows[flow].next = t->buckets[at];
	t->buckets[at] = flow;
}

/* Around the average, by no pattern. */
static uint32_t about(struct trace *t, uint32_t average)
{
	return 1 + rng__below(&t->rng, 2 * average - 1);
}

static void make_flow(struct trace *t, uint32_t flow)
{
	struct flow *f = &t->flows[flow];
	uint32_t kind = rng__below(&t->rng, 1000), luck = rng__below(&t->rng, 10000);
	uint32_t begin = rng__below(&t->rng, BUCKETS), length;

	if (kind < 5) {
		f->gap = 60 * TRACE_TICKS;
		length = about(t, 1200 * TRACE_TICKS);
	} else if (kind < 200) {
		f->gap = 2 * TRACE_TICKS;
		length = about(t, 120 * TRACE_TICKS);
	} else {
		f->gap = TRACE_TICKS / 2;
		length = about(t, 5 * TRACE_TICKS);
	}
	f->end = begin + length;
	f->handshake = luck < LATE_10K ? LATE : luck < LATE_10K + LOST_10K ? LOST : PROMPT;
	f->seq = (uint32_t)rng__next(&t->rng);
	schedule(t, flow, begin);
}

static uint8_t route(struct trace *t, enum trace_scheme scheme, uint32_t flow, enum mv_kind kind)
{
	const struct mv_packet p = {.flow = flow, .kind = kind, .seq = t->flows[flow].seq};
	uint32_t slot = mv__slot(flow);

	switch (scheme) {
	case TRACE_FAIRLEAD:
		return mv__packet(t->m, &p);
	case TRACE_MAGLEV:
		return t->maglev[slot];
	default:
		if (kind != MV_SYN && t->flows[flow].bound[scheme] == t->prev[slot])
			return t->prev[slot];
		return t->cur[slot];
	}
}

/* One packet, by each scheme that has not broken the connection yet. */
static void packet(struct trace *t, uint32_t flow, enum mv_kind kind)
{
	struct flow *f = &t->flows[flow];

	t->result->packets++;
	for (int s = 0; s < TRACE_SCHEMES; s++) {
		uint8_t to;

		if (f->bound[s] == BROKEN)
			continue;
		to = route(t, (enum trace_scheme)s, flow, kind);
		if (kind == MV_SYN) {
			/* A late answer is the first server's. */
			if (f->step == SYN || f->handshake == LOST)
				f->bound[s] = to;
		} else if (to != f->bound[s]) {
			f->bound[s] = BROKEN;
			if (f->handshake == LATE)
				t->result->twice[s]++;
			else
				t->result->broken[s]++;
		}
	}
}

static void event(struct trace *t, uint32_t flow)
{
	struct flow *f = &t->flows[flow];
	uint32_t wait = 1 + rng__below(&t->rng, 4); /* round trip: 20 to 80 ms */

	switch (f->step) {
	case SYN:
		t->alive++;
		t->result->flows++;
		packet(t, flow, MV_SYN);
		f->step = f->handshake == PROMPT ? DATA : SYN_AGAIN;
		schedule(t, flow, t->now + (f->handshake == PROMPT ? wait : TRACE_TICKS));
		f->seq += f->handshake == PROMPT;
		break;
	case SYN_AGAIN:
		packet(t, flow, MV_SYN);
		f->step = DATA;
		f->seq++;
		schedule(t, flow, t->now + wait);
		break;
	default:
		if (t->now >= f->end) {
			packet(t, flow, MV_FIN);
			t->alive--;
			break;
		}
		packet(t, flow, MV_ACK);
		f->seq += 500;
		schedule(t, flow,
			 t->now + (f->gap >= 60 * TRACE_TICKS ? f->gap : about(t, f->gap)));
		break;
	}
}

static void drain(struct trace *t, uint32_t backend, bool on)
{
	t->accepts[backend] = !on;
	t->agent->known.drained[backend + 1] = on;
}

static void flap(struct trace *t, uint32_t backend, bool down)
{
	t->accepts[backend] = !down;
	mv_agent__verdict(t->agent, t->m, (uint8_t)(backend + 1), down);
}

/* What the scenario has in store for this second; true if owners may have changed. */
static bool change(struct trace *t, enum trace_scenario scenario, uint32_t second)
{
	uint32_t turn;

	switch (scenario) {
	case TRACE_FLAPS: /* every 20 s a backend is DOWN for 3 s */
		turn = second / 20;
		if (second % 20 == 5 || second % 20 == 8)
			flap(t, turn * 37 % MV_BACKENDS, second % 20 == 5);
		return second % 20 == 5 || second % 20 == 8;
	case TRACE_DRAINS: /* one after another, 15 s each, back when the next one goes */
		turn = second / 15;
		if (second % 15 || turn > MV_BACKENDS)
			return false;
		if (turn)
			drain(t, turn - 1, false);
		if (turn < MV_BACKENDS)
			drain(t, turn, true);
		return true;
	case TRACE_CHANGES: /* somebody goes or comes back */
		if (second % 5)
			return false;
		turn = rng__below(&t->rng, MV_BACKENDS);
		drain(t, turn, t->accepts[turn]);
		return true;
	default:
		if (second == 600)
			drain(t, 42, true);
		return second == 600;
	}
}

/* What happens at the beginning of a second, before its packets. */
static int tick_second(struct trace *t, enum trace_scenario scenario, struct err *err)
{
	uint32_t second = t->now / TRACE_TICKS;
	int rc = 0;

	t->m->now = 100000 + second;
	if (change(t, scenario, second))
		rc = fill(t, err);
	settle(t);
	if (second % SWEEP_S == 0) {
		mv_sweep__read(t->agent, t->m);
		mv_sweep__apply(t->agent, t->m);
		mv_sweep__erase(t->agent, t->m);
	}
	if (t->m->records > t->result->peak_records) {
		t->result->peak_records = t->m->records;
		t->result->flows_then = t->alive;
	}
	return rc;
}

static int prepare(struct trace *t, uint64_t seed, struct err *err)
{
	int rc;

	t->flows = calloc(MV_FLOWS, sizeof(*t->flows));
	t->buckets = malloc(BUCKETS * sizeof(*t->buckets));
	t->m = calloc(1, sizeof(*t->m));
	t->agent = calloc(1, sizeof(*t->agent));
	t->filled = calloc(MV_SLOTS, sizeof(*t->filled));
	t->maglev = calloc(MV_SLOTS, 1);
	t->cur = calloc(MV_SLOTS, 1);
	t->prev = calloc(MV_SLOTS, 1);
	if (!t->flows || !t->buckets || !t->m || !t->agent || !t->filled || !t->maglev || !t->cur ||
	    !t->prev)
		return err__set(err, -ENOMEM, "out of memory");
	rc = build(NULL, &t->base, err);
	if (rc)
		return rc;
	t->rng.state = seed;
	memset(t->buckets, 0xff, BUCKETS * sizeof(*t->buckets));
	memset(t->accepts, true, sizeof(t->accepts));
	t->m->hold = t->m->idle = 900;
	t->m->down_hold = 10;
	t->m->flows_max = 262144;
	rc = fill(t, err);
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		t->prev[s] = t->cur[s];
		t->m->half[0][s].cur = t->m->half[1][s].cur = t->cur[s];
	}
	for (uint32_t i = 0; i < MV_FLOWS; i++)
		make_flow(t, i);
	return rc;
}

static void release(struct trace *t)
{
	table_base__free(t->base);
	free(t->flows);
	free(t->buckets);
	free(t->m);
	free(t->agent);
	free(t->filled);
	free(t->maglev);
	free(t->cur);
	free(t->prev);
}

int trace__run(enum trace_scenario scenario, uint64_t seed, struct trace_result *out,
	       struct err *err)
{
	struct trace t = {.result = out};
	int rc = prepare(&t, seed, err);

	memset(out, 0, sizeof(*out));
	for (; t.now < BUCKETS && !rc; t.now++) {
		if (t.now % TRACE_TICKS == 0)
			rc = tick_second(&t, scenario, err);
		for (uint32_t f = t.buckets[t.now]; f != NONE;) {
			uint32_t next = t.flows[f].next;

			event(&t, f);
			f = next;
		}
	}
	release(&t);
	return rc;
}
