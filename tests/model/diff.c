/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diff.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "scenario.h"

#define SHOWN 4 /* differences of a scenario that are shown whole */
#define NS_PER_S 1000000000ULL
#define REFILL_LEN 130 /* frames shorter than this are never too big */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t xdp_action(enum model_action action)
{
	static const uint32_t actions[] = {XDP_PASS, XDP_DROP, XDP_TX, XDP_REDIRECT};

	return actions[action];
}

static void dump(const char *what, const struct frame *f)
{
	fprintf(stderr, "  %s, %u bytes:", what, f->len);
	for (uint32_t i = 0; i < f->len && i < 192; i++)
		fprintf(stderr, "%s%02x", i % 32 ? " " : "\n    ", f->b[i]);
	fputc('\n', stderr);
}

/* The verdict that the program counted; FL_VERDICTS: none, or the one that was expected. */
static enum fl_verdict counted(const struct diff *d)
{
	for (uint32_t v = 0; v < FL_VERDICTS; v++)
		if (real__verdict(d->real, (enum fl_verdict)v).packets > d->w.verdicts[v].packets)
			return (enum fl_verdict)v;
	return FL_VERDICTS;
}

static void show(struct diff *d, const struct frame *in, uint32_t ingress,
		 const struct outcome *want, uint32_t action, const struct frame *got)
{
	enum fl_verdict v = counted(d);
	uint32_t at = 0;

	while (at < want->out.len && at < got->len && want->out.b[at] == got->b[at])
		at++;
	if (d->differences > SHOWN)
		return;
	fprintf(stderr,
		"FL_SEED=%llu scenario %u packet %llu, ingress %u: model %s action %u, program %s "
		"action %u, frames differ at %u\n",
		(unsigned long long)d->seed, d->scenario, (unsigned long long)d->packets, ingress,
		model__name(want->verdict), xdp_action(want->action),
		v == FL_VERDICTS ? "the same" : model__name(v), action, at);
	fprintf(stderr, "  service %u, backend %u\n", want->service, want->backend);
	dump("in", in);
	dump("model", &want->out);
	dump("program", got);
}

/* The model starts the next packet from the program's sums, so that one difference is one. */
static void take_counts(struct diff *d)
{
	for (uint32_t v = 0; v < FL_VERDICTS; v++)
		d->w.verdicts[v] = real__verdict(d->real, (enum fl_verdict)v);
}

static bool may_be_answered(const struct diff *d, const struct frame *in)
{
	struct packet p;

	return in->len > REFILL_LEN || (parse__packet(&d->w, in, &p) == GO_ON &&
					(p.proto == PROTO_ICMP || p.proto == PROTO_ICMP6));
}

/* What only the program could choose: the port of a new full NAT flow. */
static void learn(struct diff *d, const struct frame *in, uint32_t action, struct moment *at)
{
	struct fl_nat_key key = {};
	struct fl_nat_flow f;
	struct packet p;

	if (!d->w.gates.nat || parse__packet(&d->w, in, &p) != GO_ON)
		return;
	if (action == XDP_DROP)
		at->snat_tried = real__verdict(d->real, FL_V_DROP_NAT_FULL).packets >
				 d->w.verdicts[FL_V_DROP_NAT_FULL].packets;
	memcpy(key.saddr, p.saddr, 16);
	memcpy(key.daddr, p.daddr, 16);
	key.sport = htons(p.sport);
	key.dport = htons(p.dport);
	key.proto = p.proto;
	if (real__get_nat_flow(d->real, &key, &f))
		at->snat_port = ntohs(f.sport);
}

/*
 * The model is told the time after the program has looked at its clock. Sightings and records know one
 * second from the next, so none begins in between. The second that it is.
 */
static uint64_t away_from_the_seconds_end(void)
{
	uint64_t now = now_ns();

	for (; now % NS_PER_S >= 950000000; now = now_ns())
		usleep(2000);
	return now / NS_PER_S;
}

static int step(struct diff *d)
{
	static struct frame in, got;
	static struct outcome want;
	struct moment at = {};
	struct fl_count count;
	uint64_t second;
	uint32_t action;
	int rc;

	gen__next(&d->gen, &in, &at.ingress);
	if (may_be_answered(d, &in))
		real__refill(d->real);
	if (rng__below(&d->rng, 200) == 0)
		diff__event(d, (uint32_t)(now_ns() / NS_PER_S));
	second = away_from_the_seconds_end();
	rc = told__before(d->told, &in, at.ingress);
	if (rc)
		return rc;
	rc = real__run(d->real, &in, at.ingress, &action, &got);
	if (rc)
		return rc;
	at.now_ns = now_ns();
	d->late = at.now_ns / NS_PER_S != second;
	if (d->late)
		return 0;
	learn(d, &in, action, &at);
	model__run(&d->w, &in, &at, &want);
	count = real__verdict(d->real, want.verdict);
	if (action == xdp_action(want.action) &&
	    memcmp(&count, &d->w.verdicts[want.verdict], sizeof(count)) == 0 &&
	    (action == XDP_DROP ||
	     (got.len == want.out.len && memcmp(got.b, want.out.b, got.len) == 0))) {
		if (told__agrees(d->told, &in, &want, action))
			return 0;
		fprintf(stderr, "what explain or capture say of it differs:\n");
	}
	d->differences++;
	show(d, &in, at.ingress, &want, action, &got);
	take_counts(d);
	return 0;
}

void diff__free(struct diff *d)
{
	told__free(d->told);
	real__free(d->real);
	world__free(&d->w);
}

int diff__scenario(struct diff *d, uint64_t seed, uint32_t scenario, uint64_t packets, int cpu,
		   int cpus)
{
	int rc = 0;

	memset(d, 0, sizeof(*d));
	d->seed = seed;
	d->scenario = scenario;
	d->rng.state = seed * 0x2545f4914f6cdd1dULL + scenario;
	scenario__make(&d->w, scenario, &d->rng, cpu, cpus);
	d->gen.w = &d->w;
	d->gen.rng = &d->rng;
	d->real = real__load(&d->w);
	if (!d->real)
		return -EINVAL;
	d->told = told__new(d->real, &d->w);
	if (!d->told)
		return -EINVAL;
	for (; d->packets < packets && !rc && !d->late; d->packets++)
		rc = step(d);
	return rc;
}
