/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/measure.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/feed.skel.h"
#include "bench/host.h"
#include "bench/world.h"

enum { EMPTY, FLOOR, FIRST_CASE };

struct outcome {
	uint32_t action; /* of the last packet */
	uint32_t len;
	uint8_t frame[FEED_FRAME_MAX + 128];
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
	if (rc)
		return err__set(err, rc, "cannot load feed.bpf.o: %s", strerror(-rc));
	return bench__keep(b, b->feed->progs.feeder, err);
}

void bench__close(struct bench *b)
{
	if (b->kept >= 0)
		close(b->kept);
	feed_bpf__destroy(b->feed);
}

int bench__keep(struct bench *b, const struct bpf_program *prog, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	int fd = bpf_program__fd(prog), rc;

	if (b->kept >= 0) {
		rc = bpf_link_update(b->kept, fd, NULL);
	} else {
		b->kept = bpf_link_create(fd, LO_IFINDEX, BPF_XDP, &opts);
		rc = b->kept < 0 ? b->kept : 0;
	}
	return rc ? err__set(err, rc, "cannot attach %s to lo: %s", bpf_program__name(prog),
			     strerror(-rc))
		  : 0;
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
	uint8_t in[FEED_FRAME_MAX] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_out = out->frame,
		    .data_size_out = sizeof(out->frame), .repeat = (int)packets);
	uint64_t began, at = feed->at;
	int rc;

	frames__fill(flows, feed);
	/* The walk goes on where the last run's ended: its flows are more than one run's packets. */
	feed->at |= at;
	feed->target = target;
	memcpy(in, feed->frame, sizeof(feed->frame));
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

/* Does the target do what is to be measured: to one packet, then to as many as a round has? */
static int verify(const struct bench *b, const struct measured *m, uint32_t target, struct err *err)
{
	const struct expect *e = &m->expect;
	uint32_t packets = SLICES * b->slice;
	struct outcome o;
	uint64_t before;
	int rc;

	rc = run(b, &m->flows, target, 1, &o, err);
	if (!rc)
		rc = check_packet(m, &o, b->feed->bss->feed.len, err);
	if (rc)
		return rc;
	before = e->world ? world__verdict(e->world, e->verdict) : 0;
	rc = run(b, &m->flows, target, packets, &o, err);
	if (!rc)
		rc = check_packet(m, &o, b->feed->bss->feed.len, err);
	if (rc || !e->world)
		return rc;
	before = world__verdict(e->world, e->verdict) - before;
	if (before != packets)
		return err__set(err, -EPROTO, "%llu of %u packets did not get verdict %u",
				(unsigned long long)(packets - before), packets, e->verdict);
	return 0;
}

/* One turn of a target; *best becomes its time per packet if that is less. */
static int take_turn(const struct bench *b, const struct flows *flows, size_t target, double *best,
		     struct err *err)
{
	struct outcome o;
	int rc = 0;

	for (int i = 0; i < SLICES_A_TURN && !rc; i++) {
		rc = run(b, flows, (uint32_t)target, b->slice, &o, err);
		if (!rc && o.ns < *best)
			*best = o.ns;
	}
	return rc;
}

/* n cases of equal flows in one round; the first one's target is `first`. */
static int measure_some(const struct bench *b, struct measured *cases, size_t n, size_t first,
			uint32_t round, struct err *err)
{
	double best[FEED_TARGETS];
	int rc = 0;

	for (size_t i = 0; i < n + FIRST_CASE; i++)
		best[i] = HUGE_VAL;
	for (int turn = 0; turn < SLICES / SLICES_A_TURN; turn++) {
		for (size_t i = 0; i < n + FIRST_CASE && !rc; i++)
			rc = take_turn(b, &cases->flows,
				       i < FIRST_CASE ? i : first + i - FIRST_CASE, &best[i], err);
	}
	for (size_t i = 0; i < n; i++) {
		cases[i].empty[round] = best[EMPTY];
		cases[i].floor[round] = best[FLOOR] - best[EMPTY];
		cases[i].net[round] = best[i + FIRST_CASE] - best[EMPTY];
	}
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
			err__prefix(err, rc, "%s", cases[i].name);
	}
	return rc;
}

void bench__tell(const struct bench *b, const char *what, uint32_t done)
{
	if (b->told)
		b->told(b->ctx, what, done, b->rounds);
}

static size_t count_equal(const struct measured *cases, size_t n)
{
	size_t i = 1;

	while (i < n && frames__equal(&cases[i].flows, &cases[0].flows))
		i++;
	return i;
}

int measure__all(struct bench *b, struct measured *cases, size_t n, struct err *err)
{
	char what[sizeof(cases->name)];
	size_t some;
	int rc;

	/* The section of its rows. */
	snprintf(what, sizeof(what), "%.*s", (int)strcspn(cases->name, ":"), cases->name);
	host__quiet(true);
	rc = prepare(b, cases, n, err);
	for (uint32_t round = 0; round < b->rounds && !rc; round++) {
		for (size_t i = 0; i < n && !rc; i += some) {
			some = count_equal(cases + i, n - i);
			rc = measure_some(b, cases + i, some, i + FIRST_CASE, round, err);
		}
		if (!rc)
			bench__tell(b, what, round + 1);
	}
	host__quiet(false);
	return rc;
}
