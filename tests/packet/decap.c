/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decap.h"

#include <bpf/libbpf.h>
#include <string.h>

#include "decap.skel.h"

static struct decap_bpf *skel;

int decap__prog(void)
{
	if (!skel)
		skel = decap_bpf__open_and_load();
	if (!skel)
		fail_msg("cannot load decap.bpf.o (root?)");
	return bpf_program__fd(skel->progs.decap);
}

int decap__teardown(void **state)
{
	(void)state;
	decap_bpf__destroy(skel);
	skel = NULL;
	return 0;
}

struct ip decap__outer(uint8_t version)
{
	static const struct ip v4 = {.version = 4,
				     .ttl = 61,
				     .frag = FRAG_DF,
				     .src = {10, 0, 0, 1},
				     .dst = {10, 0, 0, 9}};
	static const struct ip v6 = {.version = 6,
				     .ttl = 60,
				     .label = 0xabcde,
				     .src = {0xfd, 1, [15] = 1},
				     .dst = {0xfd, 1, [15] = 9}};

	return version == 6 ? v6 : v4;
}

static void check(const struct frame *in, uint32_t action, const struct frame *want)
{
	static struct run run;

	rig__run(decap__prog(), in, 0, &run);
	if (run.action != action)
		fail_msg("action %u, wanted %u", run.action, action);
	check__same(in, want, &run.out);
}

void decap__becomes(const struct spec *in, const struct spec *want)
{
	static struct frame f, out;

	build__frame(in, &f);
	build__frame(want, &out);
	check(&f, XDP_PASS, &out);
}

void decap__leaves_frame(const struct frame *in)
{
	check(in, XDP_PASS, in);
}

void decap__leaves(const struct spec *in)
{
	static struct frame f;

	build__frame(in, &f);
	decap__leaves_frame(&f);
}

void decap__drops(const struct spec *in)
{
	static struct frame f;

	build__frame(in, &f);
	check(&f, XDP_DROP, &f);
}
