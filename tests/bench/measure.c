/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measure.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "feed.skel.h"
#include "host.h"
#include "world.h"

enum { EMPTY, FLOOR, FIRST_CASE };

struct outcome {
	uint32_t action; /* of the last packet */
	uint32_t len;
	uint8_t frame[256];
	double ns; /* per packet */
};

static const char *action_name(uint32_t action)
{
	static const char *const names[] = {"XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX",
					    "XDP_REDIRECT"};

	return action < sizeof(names) / sizeof(*names) ? names[action] : "an unknown action";
}

int bench__open(struct bench *b, struct err *err)
{
	struct bpf_program *prog;
	int rc;

	b->feed = feed_bpf__open();
	if (!b->feed)
		return err__set(err, -errno, "cannot open feed.bpf.o: %s", strerror(errno));
	/* As the plane loads lb: a program array takes programs of one attach type only. */
	bpf_object__for_each_program(prog, b->feed->obj)
	{
		bpf_program__set_expected_attach_type(prog, 0);
	}
	rc = feed_bpf__load(b->feed);
	return rc ? err__set(err, rc, "cannot load feed.bpf.o: %s", strerror(-rc)) : 0;
}

void bench__close(struct bench *b)
{
	feed_bpf__destroy(b->feed);
}

static int set_target(const struct bench *b, uint32_t slot, int prog, struct err *err)
{
	if (bpf_map_update_elem(bpf_map__fd(b->feed->maps.targets), &slot, &prog, BPF_ANY))
		return err__set(err, -errno,
				"cannot put a program into the program array of the feeder: %s",
				strerror(errno));
	return 0;
}

/* Feeds packets to a target. CPU time of the thread: another task's is not counted. */
static int run(const struct bench *b, const struct flows *flows, uint32_t target, uint32_t packets,
	       struct outcome *out, struct err *err)
{
	struct feed *feed = &b->feed->bss->feed;
	uint8_t in[FEED_FRAME6];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_out = out->frame,
		    .data_size_out = sizeof(out->frame), .repeat = (int)packets);
	uint64_t began;
	int rc;

	frames__fill(flows, feed);
	feed->target = target;
	memcpy(in, feed->frame, sizeof(in));
	opts.data_size_in = feed->len;
	began = host__cpu_ns();
	rc = bpf_prog_test_run_opts(bpf_program__fd(b->feed->progs.feeder), &opts);
	out->ns = (double)(host__cpu_ns() - began) / packets;
	if (host__stopped(err))
		return -EINTR;
	if (rc)
		return err__set(err, rc, "the kernel refused a test run: %s", strerror(-rc));
	out->action = opts.retval;
	out->len = opts.data_size_out;
	return 0;
}

static int check_packet(const struct measured *m, const struct outcome *o, uint32_t fed,
			struct err *err)
{
	uint32_t len = fed + (uint32_t)m->expect.grow;

	if (o->action != m->expect.action || o->len != len)
		return err__set(
			err, -EPROTO,
			"a packet of %u bytes came back as %s with %u bytes, not as %s with %u",
			fed, action_name(o->action), o->len, action_name(m->expect.action), len);
	if (m->expect.world && o->action == XDP_TX &&
	    memcmp(o->frame, world_hop_mac, sizeof(world_hop_mac)) != 0)
		return err__set(err, -EPROTO, "a packet does not go to the next hop's MAC address");
	return 0;
}

/* Does the target do what is to be measured: for one packet, then for a whole walk? */
static int verify(const struct bench *b, const struct measured *m, uint32_t target, struct err *err)
{
	const struct expect *e = &m->expect;
	struct outcome o;
	uint64_t before;
	int rc;

	rc = run(b, &m->flows, target, 1, &o, err);
	if (!rc)
		rc = check_packet(m, &o, b->feed->bss->feed.len, err);
	if (rc)
		return rc;
	before = e->world ? world__verdict(e->world, e->verdict) : 0;
	rc = run(b, &m->flows, target, b->packets, &o, err);
	if (!rc)
		rc = check_packet(m, &o, b->feed->bss->feed.len, err);
	if (rc || !e->world)
		return rc;
	before = world__verdict(e->world, e->verdict) - before;
	if (before != b->packets)
		return err__set(err, -EPROTO, "%llu of %u packets did not get verdict %u",
				(unsigned long long)(b->packets - before), b->packets, e->verdict);
	return 0;
}

/* One case in one round; `shared` has the figures of the case before it, of the same flows. */
static int measure_one(const struct bench *b, struct measured *m, size_t target,
		       const struct measured *shared, uint32_t round, struct err *err)
{
	struct outcome o;
	int rc;

	if (shared) {
		m->empty[round] = shared->empty[round];
		m->floor[round] = shared->floor[round];
	} else {
		rc = run(b, &m->flows, EMPTY, b->packets, &o, err);
		if (rc)
			return rc;
		m->empty[round] = o.ns;
		rc = run(b, &m->flows, FLOOR, b->packets, &o, err);
		if (rc)
			return rc;
		m->floor[round] = o.ns - m->empty[round];
	}
	rc = run(b, &m->flows, (uint32_t)target, b->packets, &o, err);
	if (!rc)
		m->net[round] = o.ns - m->empty[round];
	return rc;
}

static int prepare(struct bench *b, const struct measured *cases, size_t n, struct err *err)
{
	int rc;

	if (n > FEED_TARGETS - FIRST_CASE)
		return err__set(err, -E2BIG, "%zu cases side by side, at most %d", n,
				FEED_TARGETS - FIRST_CASE);
	rc = set_target(b, EMPTY, bpf_program__fd(b->feed->progs.empty), err);
	if (!rc)
		rc = set_target(b, FLOOR, bpf_program__fd(b->feed->progs.encap_floor), err);
	for (size_t i = 0; i < n && !rc; i++) {
		rc = set_target(b, (uint32_t)i + FIRST_CASE, cases[i].prog, err);
		if (!rc)
			rc = verify(b, &cases[i], (uint32_t)i + FIRST_CASE, err);
		if (rc)
			err__prefix(err, rc, "case %zu", i);
	}
	return rc;
}

int measure__all(struct bench *b, struct measured *cases, size_t n, struct err *err)
{
	int rc;

	host__quiet(true);
	rc = prepare(b, cases, n, err);
	for (uint32_t round = 0; round < b->rounds && !rc; round++) {
		for (size_t i = 0; i < n && !rc; i++) {
			bool same = i && frames__equal(&cases[i].flows, &cases[i - 1].flows);

			rc = measure_one(b, &cases[i], i + FIRST_CASE, same ? &cases[i - 1] : NULL,
					 round, err);
		}
	}
	host__quiet(false);
	return rc;
}
