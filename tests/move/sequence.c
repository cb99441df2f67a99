/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sequence.h"

#include <stdio.h>
#include <string.h>

#include "rng.h"

enum profile { ALL, NO_ATTACKS, SWEEPS, PROFILES };

/* How often each kind of operation comes, of 256. */
static const uint8_t weights[OP_KINDS] = {
	[OP_ADVANCE] = 44,    [OP_SPEAK] = 84,	  [OP_CLOSE] = 6,	[OP_ABORT] = 3,
	[OP_VANISH] = 3,      [OP_VERDICT] = 8,	  [OP_DRAIN] = 8,	[OP_REWEIGHT] = 5,
	[OP_STEP] = 38,	      [OP_KILL] = 4,	  [OP_SWEEP_READ] = 11, [OP_SWEEP_APPLY] = 9,
	[OP_SWEEP_ERASE] = 7, [OP_CRASH] = 1,	  [OP_CHURN] = 4,	[OP_EVICT] = 1,
	[OP_SPOOF_SYN] = 6,   [OP_SPOOF_ACK] = 6, [OP_SPOOF_PAIR] = 8,
};

static uint8_t pick_kind(struct rng *r, enum profile profile)
{
	uint32_t at = rng__below(r, 256), kind = 0;

	while (kind < OP_KINDS - 1 && at >= weights[kind])
		at -= weights[kind++];
	if (profile == NO_ATTACKS && kind >= OP_CRASH)
		return at & 1 ? OP_SPEAK : OP_STEP;
	if (profile == SWEEPS && kind >= OP_CHURN)
		return at & 1 ? OP_SWEEP_READ : OP_SWEEP_APPLY;
	return (uint8_t)kind;
}

static uint8_t pick_seconds(struct rng *r)
{
	static const uint8_t much[] = {3, 5, 9, 12, 29, 31, 45, 61};

	return rng__percent(r, 70) ? (uint8_t)(1 + rng__below(r, 2))
				   : much[rng__below(r, sizeof(much))];
}

void mv_sequence__make(struct mv_sequence *s, uint64_t seed)
{
	struct rng r = {.state = seed * 0x2545f4914f6cdd1dULL};
	enum profile profile;
	uint32_t flows;

	s->settings = (uint32_t)rng__next(&r);
	profile = (enum profile)rng__below(&r, PROFILES);
	s->n = 40 + rng__below(&r, MV_OPS_MAX - 39);
	/* With few flows much happens to each. */
	flows = 1 + rng__below(&r, MV_FLOWS);
	for (uint32_t i = 0; i < s->n; i++) {
		struct mv_op *op = &s->ops[i];

		op->kind = pick_kind(&r, profile);
		op->a = (uint8_t)rng__next(&r);
		op->b = (uint8_t)rng__next(&r);
		op->c = (uint8_t)rng__next(&r);
		if (op->kind == OP_ADVANCE)
			op->a = pick_seconds(&r);
		else if (op->kind == OP_SPEAK || op->kind >= OP_EVICT)
			op->a = (uint8_t)(op->a % flows);
	}
}

bool mv_sequence__run(const struct mv_sequence *s, enum mv_broken broken, struct mv_net *net)
{
	mv_net__init(net, s->settings, broken);
	for (uint32_t i = 0; i < s->n; i++) {
		if (!mv_net__run(net, &s->ops[i]))
			return false;
	}
	return true;
}

static bool breaks_without(const struct mv_sequence *s, uint32_t at, uint32_t n,
			   enum mv_broken broken, struct mv_sequence *out)
{
	struct mv_net net;

	*out = *s;
	memmove(out->ops + at, out->ops + at + n, (s->n - at - n) * sizeof(out->ops[0]));
	out->n -= n;
	return !mv_sequence__run(out, broken, &net);
}

void mv_sequence__shrink(struct mv_sequence *s, enum mv_broken broken)
{
	struct mv_sequence less;
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t n = s->n / 2; n; n /= 2) {
			for (uint32_t at = 0; at + n <= s->n;) {
				if (!breaks_without(s, at, n, broken, &less)) {
					at += n;
					continue;
				}
				*s = less;
				again = true;
			}
		}
	}
}

static void show_packet(void *arg, const struct mv_packet *p, uint8_t backend)
{
	static const char *const kinds[] = {"SYN", "ACK", "FIN", "RST", "LONG", "UDP"};

	(void)arg;
	fprintf(stderr, "      flow %u %s %u -> %u\n", p->flow, kinds[p->kind], p->seq, backend);
}

static void show_state(const struct mv_net *net)
{
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		struct mv_slot l = mv__live(&net->m, s);
		const struct mv_word *w = &net->m.word[s];

		fprintf(stderr, "  [%u: cur %u%s prev %u %s]", s, l.cur, l.dirty ? " dirty" : "",
			w->prev, w->pinned ? "pinned" : "moving");
	}
	fprintf(stderr, " t=%u\n", net->m.now);
}

void mv_sequence__show(const struct mv_sequence *s, enum mv_broken broken)
{
	static const char *const names[] = {
		"advance",  "speak", "close",	  "abort",     "vanish",    "verdict", "drain",
		"reweight", "step",  "kill",	  "read",      "apply",	    "erase",   "crash",
		"churn",    "evict", "forge SYN", "forge ACK", "forge both"};
	static const char *const protos[] = {"TCP", "UDP", "QUIC"};
	static const char *const affinities[] = {"flow", "source", "source and port"};
	struct mv_net net;

	mv_net__init(&net, s->settings, broken);
	net.watch = show_packet;
	fprintf(stderr, "%s, by %s: hold %u idle %u down_hold %u flows %u\n", protos[net.m.proto],
		affinities[net.m.affinity], net.m.hold, net.m.idle, net.m.down_hold,
		net.m.flows_max);
	for (uint32_t i = 0; i < s->n; i++) {
		const struct mv_op *op = &s->ops[i];

		fprintf(stderr, "%3u %s %u %u %u\n", i, names[op->kind], op->a, op->b, op->c);
		if (!mv_net__run(&net, op))
			break;
		show_state(&net);
	}
}
