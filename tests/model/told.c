/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "told.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb.skel.h"

struct told {
	const struct world *w;
	struct lb_bpf *explain; /* NULL: packets are not explained */
	struct fl_explained explained; /* what the steps have said */
	struct frame said; /* the frame, as it would leave */
	uint32_t said_action;
	struct ring_buffer *captured; /* NULL: packets are not copied */
	uint32_t n_records;
	struct {
		struct fl_captured head;
		uint8_t bytes[2 * FL_CAPTURE_SNAP];
	} record; /* the last one */
};

/* As user/plane/explain.c has it: what the explaining object does not share. */
static bool is_own(const struct bpf_map *map)
{
	static const char *const own[] = {"svc_stats", "be_stats", "verdicts", "notes",
					  "picked",    "steps",	   "explained"};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (strcmp(bpf_map__name(map), own[i]) == 0)
			return true;
	return bpf_map__is_internal(map);
}

static int load_explain(struct told *t, const struct real *r)
{
	struct bpf_map *map;
	int rc;

	t->explain = lb_bpf__open();
	if (!t->explain)
		return -errno;
	real__set_gates(t->explain, t->w);
	t->explain->rodata->gate_explain = t->explain->rodata->gate_told = 1;
	t->explain->rodata->gate_passive = 0;
	bpf_object__for_each_map(map, t->explain->obj)
	{
		const struct bpf_map *live =
			bpf_object__find_map_by_name(real__skel(r)->obj, bpf_map__name(map));

		rc = is_own(map) ? 0 : bpf_map__reuse_fd(map, bpf_map__fd(live));
		if (rc)
			return rc;
	}
	return lb_bpf__load(t->explain);
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct told *t = ctx;

	if (size > sizeof(t->record))
		return -E2BIG;
	memcpy(&t->record, data, size);
	t->n_records++;
	return 0;
}

/* All packets, whole, however many come. */
static int start_capture(struct told *t, const struct real *r)
{
	const struct fl_capture all = {
		.verdicts = UINT64_MAX, .snap = FL_CAPTURE_SNAP, .flags = FL_CAPTURE_SENT};
	const struct lb_bpf *skel = real__skel(r);
	uint32_t zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(skel->maps.capture), &zero, &all, BPF_ANY))
		return -errno;
	t->captured = ring_buffer__new(bpf_map__fd(skel->maps.captured), on_record, t, NULL);
	return t->captured ? 0 : -errno;
}

struct told *told__new(const struct real *r, const struct world *w)
{
	struct told *t = calloc(1, sizeof(*t));
	int rc = 0;

	if (!t)
		return NULL;
	t->w = w;
	if (w->gates.explain)
		rc = load_explain(t, r);
	if (w->gates.capture)
		rc = start_capture(t, r);
	if (!rc)
		return t;
	fprintf(stderr, "cannot explain or capture: %s\n", strerror(-rc));
	told__free(t);
	return NULL;
}

void told__free(struct told *t)
{
	if (!t)
		return;
	ring_buffer__free(t->captured);
	lb_bpf__destroy(t->explain);
	free(t);
}

static int run(const struct bpf_program *prog, const struct frame *in, uint32_t ingress,
	       uint32_t *action, struct frame *out)
{
	struct xdp_md ctx = {.data_end = in->len, .ingress_ifindex = ingress};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->b, .data_size_in = in->len,
		    .data_out = out->b, .data_size_out = sizeof(out->b), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -errno;
	*action = opts.retval;
	out->len = opts.data_size_out;
	return 0;
}

int told__before(struct told *t, const struct frame *in, uint32_t ingress)
{
	const struct fl_explained none = {0};
	static struct frame steps;
	uint32_t zero = 0, action;
	int map, rc;

	t->n_records = 0;
	if (!t->explain)
		return 0;
	map = bpf_map__fd(t->explain->maps.explained);
	/* The straight way, which says nothing but what it does; then the steps. */
	rc = run(t->explain->progs.lb, in, ingress, &t->said_action, &t->said);
	if (rc || bpf_map_update_elem(map, &zero, &none, BPF_ANY))
		return rc ? rc : -errno;
	rc = run(t->explain->progs.lb_fast, in, ingress, &action, &steps);
	return rc || !bpf_map_lookup_elem(map, &zero, &t->explained) ? rc : -errno;
}

static bool same(const struct frame *a, const uint8_t *b, uint32_t len)
{
	return a->len == len && memcmp(a->b, b, len) == 0;
}

static bool explain_agrees(const struct told *t, const struct outcome *want, uint32_t action)
{
	return t->explained.told && t->explained.verdict == (uint32_t)want->verdict &&
	       t->said_action == action &&
	       (action == XDP_DROP || same(&want->out, t->said.b, t->said.len));
}

/* One record, of the packet as it came and as it left; of what is no IP packet, or while the lease has lapsed, none. */
static bool capture_agrees(struct told *t, const struct frame *in, const struct outcome *want,
			   uint32_t action)
{
	const struct fl_captured *h = &t->record.head;
	uint32_t kept = in->len < FL_CAPTURE_SNAP ? in->len : FL_CAPTURE_SNAP;
	uint32_t left = want->out.len < FL_CAPTURE_SNAP ? want->out.len : FL_CAPTURE_SNAP;
	bool sent = action == XDP_TX || action == XDP_REDIRECT;

	if (ring_buffer__consume(t->captured) < 0)
		return false;
	if (!t->n_records)
		return t->w->lapsed || !sent;
	return t->n_records == 1 && h->verdict == want->verdict && h->action == action &&
	       h->len == in->len && h->kept == kept && !memcmp(t->record.bytes, in->b, kept) &&
	       (!sent || (h->out_len == want->out.len && h->out_kept == left &&
			  !memcmp(t->record.bytes + kept, want->out.b, left)));
}

bool told__agrees(struct told *t, const struct frame *in, const struct outcome *want,
		  uint32_t action)
{
	return (!t->explain || explain_agrees(t, want, action)) &&
	       (!t->captured || capture_agrees(t, in, want, action));
}
