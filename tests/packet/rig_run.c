/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rig_run.c - a packet through a program of the rig, and what was counted. */
#include "rig.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "lb.skel.h"

int rig__run_meta(int prog, const struct frame *in, uint32_t ingress, uint32_t meta,
		  struct run *out)
{
	static uint8_t data[256 + FRAME_MAX];
	struct xdp_md ctx = {.data = meta, .data_end = in->len + meta, .ingress_ifindex = ingress};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = in->len + meta,
		    .data_out = out->out.b, .data_size_out = sizeof(out->out.b), .repeat = 1);

	memset(data, 0, meta);
	memcpy(data + meta, in->b, in->len);
	if (ingress || meta) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(prog, &opts))
		return -errno;
	out->action = opts.retval;
	out->out.len = opts.data_size_out;
	return 0;
}

void rig__run(int prog, const struct frame *in, uint32_t ingress, struct run *out)
{
	struct rig *r = rig__of(prog);
	struct fl_explained told;
	static struct run said;
	int rc;

	if (r && (r->unexplained || getenv("FL_UNEXPLAINED")))
		r = NULL;
	if (r)
		explain__run(rig__explain(r), in, ingress, &said, &told);
	rc = rig__run_meta(prog, in, ingress, 0, out);
	if (rc)
		fail_msg("test run of %u bytes: %s", in->len, strerror(-rc));
	if (r)
		explain__compare(&said, out);
}

static struct fl_count sum_of(const struct rig *r, const struct bpf_map *map, uint32_t index)
{
	static struct fl_count each[1024];
	struct fl_count sum = {};

	assert_in_range(r->cpus, 1, 1024);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &index, each), 0);
	for (int i = 0; i < r->cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
	}
	return sum;
}

struct fl_count rig__verdict(const struct rig *r, enum fl_verdict verdict)
{
	return sum_of(r, r->skel->maps.verdicts, verdict);
}

void rig__verdicts(const struct rig *r, struct fl_count out[FL_VERDICTS])
{
	for (uint32_t i = 0; i < FL_VERDICTS; i++)
		out[i] = rig__verdict(r, (enum fl_verdict)i);
}

void rig__counters(const struct rig *r, struct counters *out)
{
	rig__verdicts(r, out->verdict);
	for (uint32_t i = 0; i < RIG_COUNTED; i++) {
		out->service[i] = sum_of(r, r->skel->maps.svc_stats, i);
		out->backend[i] = sum_of(r, r->skel->maps.be_stats, i);
	}
	for (uint32_t i = 0; i < FL_NOTES; i++)
		out->note[i] = sum_of(r, r->skel->maps.notes, i);
}
