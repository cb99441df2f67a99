/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdict_names[] = {
#define FL_VERDICT(name, action, text) #name,
#include "fairlead/reasons.def"
};

static const char *const note_names[] = {
#define FL_NOTE(name, text) #name,
#include "fairlead/reasons.def"
};

struct rig_gates check__gates;

enum verdict_action check__action(enum fl_verdict verdict)
{
	static const enum verdict_action actions[] = {
#define FL_VERDICT(name, action, text) CHECK_##action,
#include "fairlead/reasons.def"
	};

	return actions[verdict];
}

static uint32_t xdp_action(const struct want *want)
{
	switch (check__action(want->verdict)) {
	case CHECK_PASS:
		return XDP_PASS;
	case CHECK_SEND:
		return want->redirect ? XDP_REDIRECT : XDP_TX;
	default:
		return XDP_DROP;
	}
}

void check__dump(const char *what, const struct frame *f)
{
	fprintf(stderr, "%s, %u bytes:", what, f->len);
	for (uint32_t i = 0; i < f->len && i < 128; i++)
		fprintf(stderr, "%s%02x", i % 16 ? " " : "\n\t", f->b[i]);
	fputc('\n', stderr);
}

void check__same(const struct frame *in, const struct frame *want, const struct frame *got)
{
	uint32_t at = 0;

	if (want->len == got->len && memcmp(want->b, got->b, want->len) == 0)
		return;
	while (at < want->len && at < got->len && want->b[at] == got->b[at])
		at++;
	check__dump("in", in);
	check__dump("wanted", want);
	check__dump("got", got);
	fail_msg("the frame differs at byte %u (%u bytes wanted, %u got)", at, want->len, got->len);
}

/* `moved` says whether the counter had to count this packet. */
static void compare_count(const char *what, const char *name, const struct fl_count *before,
			  const struct fl_count *after, bool moved, uint32_t bytes)
{
	uint64_t packets = after->packets - before->packets;
	uint64_t counted = after->bytes - before->bytes;

	if (packets != moved || counted != (moved ? bytes : 0))
		fail_msg("%s %s counted %llu packets, %llu bytes of a frame of %u, wanted %d", what,
			 name, (unsigned long long)packets, (unsigned long long)counted, bytes,
			 moved);
}

static void compare_counters(const struct counters *before, const struct counters *after,
			     const struct want *want, uint32_t bytes)
{
	bool sent = check__action(want->verdict) == CHECK_SEND;
	char name[16];

	for (uint32_t i = 0; i < FL_VERDICTS; i++)
		compare_count("verdict", verdict_names[i], &before->verdict[i], &after->verdict[i],
			      i == want->verdict, bytes);
	for (uint32_t i = 0; i < RIG_COUNTED; i++) {
		snprintf(name, sizeof(name), "%u", i);
		compare_count("service", name, &before->service[i], &after->service[i],
			      want->service && i == want->service, bytes);
		compare_count("backend", name, &before->backend[i], &after->backend[i],
			      sent && want->backend && i == want->backend, bytes);
	}
	for (uint32_t i = 0; i < FL_NOTES; i++)
		compare_count("note", note_names[i], &before->note[i], &after->note[i],
			      i + 1 == want->note, 0);
}

void check__frame(struct rig *r, const struct frame *in, const struct want *want)
{
	static struct counters before, after;
	static struct run run;

	rig__counters(r, &before);
	rig__run(r->lb, in, want->ingress, &run);
	rig__counters(r, &after);
	compare_counters(&before, &after, want, in->len);
	if (run.action != xdp_action(want))
		fail_msg("action %u, wanted %u", run.action, xdp_action(want));
	if (!want->spoilt)
		check__same(in, want->out ? want->out : in, &run.out);
}

/* The bits of the outer source that follow the flow. */
static void vary_source(uint8_t *last32, uint32_t mask, uint64_t hash)
{
	uint8_t flow[4];
	uint32_t high = (uint32_t)(hash >> 32);

	memcpy(flow, &high, sizeof(flow));
	for (int i = 0; i < 4; i++)
		last32[i] |= flow[i] & (uint8_t)(mask >> (24 - 8 * i));
}

/* Has the inner packet a checksum from which that of an outer UDP header follows? */
static bool has_checksum(const struct spec *s)
{
	bool fragment = s->ip.version == 4 && s->ip.frag & (uint16_t)~FRAG_DF;

	if (fragment || s->no_upper || (s->ip.version == 6 && s->ip.ext[0].len))
		return false;
	return s->proto == PROTO_TCP || (s->proto == PROTO_UDP && !s->no_check);
}

static void tunnelled(const struct rig_backend *b, struct spec *out, uint64_t hash)
{
	uint16_t tos = out->ip.tos;

	out->tunnel = b->tunnel;
	out->tunnel.tos = (uint8_t)tos;
	out->tunnel.len_lie = out->ip.len_lie;
	out->tunnel.label = (uint32_t)(hash >> 44);
	vary_source(out->tunnel.src + (b->tunnel.version == 6 ? 12 : 0), b->src_mask, hash);
	if (b->mode == FL_FWD_GUE4 || b->mode == FL_FWD_GUE6)
		out->gue = (struct gue){
			.sport = 0xc000 | (hash >> 48 & 0x3fff),
			.dport = b->port,
			.check = b->mode == FL_FWD_GUE6 && has_checksum(out),
		};
}

/* IEEE 802.1Q: the hop's tag, with the priority of the outermost that there was; or none. */
static void tagged(const struct fl_hop *hop, struct spec *out)
{
	uint16_t priority = out->tags[0].tpid ? out->tags[0].tci & 0xf000 : 0;

	memset(out->tags, 0, sizeof(out->tags));
	if (hop->vlan & FL_HOP_TAG)
		out->tags[0] = (struct tag){TYPE_VLAN, (uint16_t)(priority | (hop->vlan & 0xfff))};
}

struct spec check__sent_by(const struct rig *r, const struct spec *s, uint32_t index, uint64_t hash)
{
	const struct rig_backend *b = &r->be[index];
	struct spec out = *s;

	memcpy(out.dmac, b->hop.dmac, 6);
	memcpy(out.smac, b->hop.smac, 6);
	tagged(&b->hop, &out);
	if (b->mode == FL_FWD_L2)
		return out;
	out.ip.ttl--;
	if (b->mode == FL_FWD_NAT || b->mode == FL_FWD_FULLNAT) {
		memcpy(out.ip.dst, b->tunnel.dst, 16);
		out.dport = b->port ? b->port : s->dport;
	} else {
		tunnelled(b, &out, hash);
	}
	return out;
}

struct spec check__sent(const struct rig *r, const struct spec *s, uint32_t index)
{
	return check__sent_by(r, s, index, rig__hash(r, s));
}

void check__becomes(struct rig *r, const struct spec *in, const struct spec *out, struct want want)
{
	static struct frame from, to;

	build__frame(in, &from);
	if (out) {
		build__frame(out, &to);
		want.out = &to;
	}
	check__frame(r, &from, &want);
}

void check__spec(struct rig *r, const struct spec *s, uint32_t index, enum fl_verdict verdict)
{
	struct want want = {.verdict = verdict, .backend = index};
	struct spec sent;

	if (check__action(verdict) != CHECK_PASS)
		want.service = rig__service_of(s);
	if (check__action(verdict) == CHECK_SEND)
		sent = check__sent(r, s, index);
	check__becomes(r, s, check__action(verdict) == CHECK_SEND ? &sent : NULL, want);
}

void check__case(void **state)
{
	const struct packet_case *c = *state;
	struct want want = {.verdict = c->verdict};
	struct rig *r = rig__get(check__gates);
	uint32_t backend = c->backend ? c->backend : RIG_L2;
	static struct frame in;
	struct spec s = build__tcp(c->version);

	/* NAT stays in its family. */
	if (c->version == 6 && (backend == RIG_NAT4 || backend == RIG_FULL4))
		backend++;
	s.proto = c->proto;
	if (c->change)
		c->change(&s);
	rig__point(r, (uint16_t)backend);
	if (!c->spoil) {
		check__spec(r, &s, backend, c->verdict);
		return;
	}
	assert_int_equal(check__action(c->verdict), CHECK_PASS);
	build__frame(&s, &in);
	c->spoil(&in);
	check__frame(r, &in, &want);
}

int check__table(const char *group, const struct packet_case *rows, size_t n,
		 const struct CMUnitTest *others, size_t n_others)
{
	struct CMUnitTest *tests = calloc(n + n_others, sizeof(*tests));
	int rc;

	if (!tests)
		return 1;
	for (size_t i = 0; i < n; i++) {
		tests[i].name = rows[i].name;
		tests[i].test_func = check__case;
		tests[i].initial_state = (void *)(uintptr_t)&rows[i];
	}
	if (n_others)
		memcpy(tests + n, others, n_others * sizeof(*tests));
	rc = _cmocka_run_group_tests(group, tests, n + n_others, NULL, rig__teardown);
	free(tests);
	return rc;
}
