/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench/live.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/feed.skel.h"
#include "bench/host.h"
#include "bench/world.h"

#define BATCH 64
#define BACKENDS 64
#define SERVICE_PORT 80
#define GROW 20

enum place { LB, SWAP, DROP, PLACES };

static const struct {
	const char *name;
	struct flows flows;
} cases[] = {
#define FLOWS(n, tcp)                                             \
	{                                                         \
		4, IPPROTO_TCP, tcp, false, SERVICE_PORT, n, 1, 0 \
	}
	{"1 flow", FLOWS(1, TCP_ACK)},
	{"16k flows", FLOWS(1 << 14, TCP_ACK)},
	{"1M flows", FLOWS(1 << 20, TCP_ACK)},
	{"SYN flood", FLOWS(RANDOM_SOURCES, TCP_SYN)},
	{"ACK flood", FLOWS(RANDOM_SOURCES, TCP_ACK)},
#undef FLOWS
};
#define N_CASES (sizeof(cases) / sizeof(*cases))

struct live {
	struct bench *b;
	struct world *world;
	uint32_t gen, lb; /* ifindex */
	int gen_link, lb_link;
	int prog[PLACES];
	double mpps[PLACES][N_CASES][MAX_ROUNDS];
};

/* The kernel's own packets, such as router solicitations, would be counted. */
static int no_ipv6(const char *ifname, struct err *err)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0; /* a kernel without IPv6 */
	if (fd < 0)
		return err__set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	if (write(fd, "1", 1) != 1)
		rc = err__set(err, -errno, "cannot write %s: %s", path, strerror(errno));
	close(fd);
	return rc;
}

static int make_cable(struct live *l, struct err *err)
{
	static const char *const add[] = {"ip",	  "link", "add",  "gen", "type",
					  "veth", "peer", "name", "lb",	 NULL};
	static const char *const up[][6] = {{"ip", "link", "set", "gen", "up", NULL},
					    {"ip", "link", "set", "lb", "up", NULL}};
	int rc;

	rc = host__command(add, err);
	if (!rc)
		rc = no_ipv6("gen", err);
	if (!rc)
		rc = no_ipv6("lb", err);
	for (int i = 0; i < 2 && !rc; i++)
		rc = host__command(up[i], err);
	if (rc)
		return rc;
	l->gen = if_nametoindex("gen");
	l->lb = if_nametoindex("lb");
	return 0;
}

static int attach(uint32_t ifindex, int prog, int *link, struct err *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);

	*link = bpf_link_create(prog, (int)ifindex, BPF_XDP, &opts);
	return *link < 0 ? err__set(err, *link, "cannot attach a program to a veth device: %s",
				    strerror(-*link))
			 : 0;
}

static int fill_world(struct live *l, struct err *err)
{
	struct addr vip = frames__vip(4, 0);
	uint16_t indices[BACKENDS];
	int rc;

	rc = world__backends(l->world, FL_FWD_IPIP4, l->lb, BACKENDS, indices, err);
	return rc ? rc
		  : world__service(l->world, &vip, IPPROTO_TCP, SERVICE_PORT, FL_SLOTS_64K, indices,
				   BACKENDS, err);
}

/* Sends frames from `gen`. -EOPNOTSUPP: the kernel has no live frames. */
static int send_frames(const struct live *l, const struct flows *flows, uint32_t packets,
		       struct err *err)
{
	struct feed *feed = &l->b->feed->bss->feed;
	struct xdp_md ctx = {.ingress_ifindex = l->gen};
	uint64_t at = feed->at;
	uint8_t in[FEED_FRAME6];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	int rc;

	frames__fill(flows, feed);
	feed->at |= at;
	feed->slice = l->b->slice;
	memcpy(in, feed->frame, sizeof(in));
	opts.data_size_in = ctx.data_end = feed->len;
	rc = bpf_prog_test_run_opts(bpf_program__fd(l->b->feed->progs.generator), &opts);
	if (host__stopped(err))
		return -EINTR;
	if (rc == -EINVAL)
		return -EOPNOTSUPP;
	return rc ? err__set(err, rc, "the kernel refused to send frames: %s", strerror(-rc)) : 0;
}

/* Waits for the last frames, when the kernel has put them off to a thread. */
static uint64_t settle(const volatile struct feed_seen *seen, uint64_t expected)
{
	for (int i = 0; seen->packets < expected && i < 100; i++)
		usleep(1000);
	return seen->packets;
}

/* One program, one case: the rate of the fastest slice. */
static int run(struct live *l, enum place place, size_t c, double *mpps, struct err *err)
{
	struct feed_bpf__bss *bss = l->b->feed->bss;
	struct feed_seen *seen = place == DROP ? &bss->dropped : &bss->sunk;
	uint64_t n, sent = SLICES * (uint64_t)l->b->slice, verdicts;
	uint32_t len;
	int rc;

	*seen = (struct feed_seen){.best = UINT64_MAX};
	verdicts = world__verdict(l->world, FL_V_SEND_IPIP);
	rc = send_frames(l, &cases[c].flows, (uint32_t)sent, err);
	if (rc)
		return rc;
	n = settle(seen, sent);
	len = bss->feed.len + (place == LB ? GROW : 0);
	if (n != sent || seen->bytes != n * len)
		return err__set(err, -EPROTO,
				"of %llu frames %llu arrived, with %llu bytes instead of %u each",
				(unsigned long long)sent, (unsigned long long)n,
				(unsigned long long)seen->bytes, len);
	verdicts = world__verdict(l->world, FL_V_SEND_IPIP) - verdicts;
	if (place == LB && verdicts != n)
		return err__set(err, -EPROTO, "lb has sent %llu frames and %llu arrived",
				(unsigned long long)verdicts, (unsigned long long)n);
	*mpps = (double)l->b->slice * 1000 / (double)seen->best;
	return 0;
}

static int run_round(struct live *l, uint32_t round, struct err *err)
{
	int rc = 0;

	for (size_t c = 0; c < N_CASES && !rc; c++) {
		for (int place = 0; place < PLACES && !rc; place++) {
			rc = bpf_link_update(l->lb_link, l->prog[place], NULL);
			if (rc)
				return err__set(err, rc, "cannot change the program of a link: %s",
						strerror(-rc));
			rc = run(l, (enum place)place, c, &l->mpps[place][c][round], err);
		}
		if (rc && rc != -EOPNOTSUPP)
			err__prefix(err, rc, "%s", cases[c].name);
	}
	return rc;
}

static void report_case(struct live *l, size_t c)
{
	static const struct goal none = {NO_GOAL, 0}, goal = {AT_LEAST, 0.75};
	static const char *const who[PLACES] = {"fairlead", "MAC swap", "drop"};
	double ratio[MAX_ROUNDS], more[MAX_ROUNDS];
	uint32_t n = l->b->rounds;
	char name[96];

	for (uint32_t r = 0; r < n; r++) {
		ratio[r] = l->mpps[LB][c][r] / l->mpps[SWAP][c][r];
		more[r] = 1000 / l->mpps[LB][c][r] - 1000 / l->mpps[SWAP][c][r];
	}
	for (int place = 0; place < PLACES; place++) {
		snprintf(name, sizeof(name), "live: %s, %s", who[place], cases[c].name);
		result__add(l->b->result, name, "Mpps", l->mpps[place][c], n, none);
		if (place == LB)
			result__add(l->b->result, name, "x MAC swap", ratio, n, goal);
	}
	snprintf(name, sizeof(name), "live: fairlead over MAC swap, %s", cases[c].name);
	result__add(l->b->result, name, "ns", more, n, none);
}

static int measure(struct live *l, struct err *err)
{
	int rc;

	host__quiet(true);
	/* The first round warms up; it is written over. */
	rc = run_round(l, 0, err);
	for (uint32_t round = 0; round < l->b->rounds && !rc; round++) {
		rc = run_round(l, round, err);
		if (!rc)
			bench__tell(l->b, "live", round + 1);
	}
	host__quiet(false);
	for (size_t c = 0; c < N_CASES && !rc; c++)
		report_case(l, c);
	return rc;
}

int live__run(struct bench *b, struct err *err)
{
	static struct live l;
	int rc;

	l = (struct live){.b = b, .gen_link = -1, .lb_link = -1};
	rc = make_cable(&l, err);
	if (!rc)
		rc = world__open(WORLD_PLAIN, &l.world, err);
	if (rc)
		return rc;
	rc = fill_world(&l, err);
	if (rc)
		goto cleanup;
	l.prog[LB] = world__lb(l.world);
	l.prog[SWAP] = bpf_program__fd(b->feed->progs.mac_swap);
	l.prog[DROP] = bpf_program__fd(b->feed->progs.drop);
	/* The sink also makes `gen` take frames back as XDP frames: veth needs a program there. */
	rc = attach(l.gen, bpf_program__fd(b->feed->progs.sink), &l.gen_link, err);
	if (!rc)
		rc = attach(l.lb, l.prog[LB], &l.lb_link, err);
	if (!rc)
		rc = bench__keep(b, b->feed->progs.generator, err);
	if (!rc)
		rc = measure(&l, err);
	if (rc == -EOPNOTSUPP) {
		fputs("live path: left out, this kernel has no live frames "
		      "(BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18)\n",
		      stderr);
		rc = 0;
	}
cleanup:
	if (l.lb_link >= 0)
		close(l.lb_link);
	if (l.gen_link >= 0)
		close(l.gen_link);
	world__close(l.world);
	return rc;
}
