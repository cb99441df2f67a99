/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fairlead/flowhash.h"
#include "lb.skel.h"

#define SERVICE 1
#define VIP 0xc0000201 /* 192.0.2.1 */
#define PORT 80
#define CLIENT 0x0a000001
#define LO 1 /* where test runs arrive, and leave */
#define OTHER 255
#define FRAME 64

struct replay {
	struct lb_bpf *skel;
	int halves[2], words;
	uint16_t slots[2][FL_SLOTS_4K_N];
	uint32_t word[FL_SLOTS_4K_N];
	uint32_t at[MV_SLOTS]; /* number of each slot of the model's */
	uint16_t sport[MV_FLOWS]; /* of each flow, host order */
	uint32_t cell[MV_FLOWS]; /* of `sighted` */
	struct mv was; /* what the maps hold of the model's agent */
	uint32_t runs;
	struct fl_service service;
	struct fl_backend backend[MV_BACKENDS + 1];
};

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "cannot %s: %s\n", what, strerror(errno));
		abort();
	}
}

static int fd_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	must(bpf_map_update_elem(fd_of(map), key, value, BPF_ANY), bpf_map__name(map));
}

static uint32_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint32_t)t.tv_sec;
}

static struct fl_flow_key key_of(const struct replay *r, uint32_t flow)
{
	const uint32_t saddr = htonl(CLIENT + flow), daddr = htonl(VIP);
	struct fl_flow_key k = {.service = SERVICE,
				.proto = IPPROTO_TCP,
				.sport = htons(r->sport[flow]),
				.dport = htons(PORT)};

	k.saddr[10] = k.saddr[11] = k.daddr[10] = k.daddr[11] = 0xff;
	memcpy(k.saddr + 12, &saddr, 4);
	memcpy(k.daddr + 12, &daddr, 4);
	return k;
}

/* --- making it -------------------------------------------------------------------------------- */

static int inner_map(uint32_t value, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "replay", 4, value, 1, &opts);

	must(fd, "make a table");
	return fd;
}

static void make_tables(struct replay *r)
{
	uint32_t keys[] = {2 * SERVICE, 2 * SERVICE + 1, SERVICE};

	for (int h = 0; h < 2; h++) {
		r->halves[h] = inner_map(sizeof(r->slots[0]), 0);
		put(r->skel->maps.slots_4k, &keys[h], &r->halves[h]);
	}
	r->words = inner_map(sizeof(r->word), BPF_F_MMAPABLE);
	put(r->skel->maps.moves_4k, &keys[2], &r->words);
}

static void make_service(struct replay *r)
{
	const uint32_t id = SERVICE, daddr = htonl(VIP);
	struct fl_bucket bucket = {};
	uint64_t a[2], hash;
	uint32_t at;

	r->service = (struct fl_service){
		.key = {.port = htons(PORT), .proto = IPPROTO_TCP, .prefix = 128},
		.slot_mask = FL_SLOTS_4K_N - 1,
		.slot_class = FL_SLOTS_4K,
		.port_last = htons(PORT),
		.name = "replay",
	};
	r->service.key.addr[10] = r->service.key.addr[11] = 0xff;
	memcpy(r->service.key.addr + 12, &daddr, 4);
	memcpy(a, r->service.key.addr, 16);
	hash = fl_service_hash(a[0], a[1], r->service.key.port, IPPROTO_TCP);
	bucket.way[0] = fl_service_fingerprint(hash) | id;
	at = fl_service_bucket(hash);
	put(r->skel->maps.svc_index, &at, &bucket);
}

static void make_backends(struct replay *r)
{
	for (uint32_t i = 1; i <= MV_BACKENDS; i++) {
		struct fl_backend *b = &r->backend[i];

		b->mode = FL_FWD_L2;
		b->hop[0] = (struct fl_hop){.dmac = {2, 0, 0, 0, 0, (uint8_t)i}, .ifindex = LO};
		b->addr[10] = b->addr[11] = 0xff;
		b->addr[15] = (uint8_t)i;
		put(r->skel->maps.backends, &i, b);
	}
}

/* Ports such that flows share slots as the model's do. */
static void choose_ports(struct replay *r)
{
	__u64 key[4];

	memcpy(key, r->skel->rodata->flow_key, sizeof(key));
	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		for (uint16_t port = 1024;; port++) {
			uint16_t ports[2] = {htons(port), htons(PORT)};
			uint32_t both, slot;

			memcpy(&both, ports, 4);
			slot = fl_flow_hash4(key, htonl(CLIENT + f), htonl(VIP), both,
					     IPPROTO_TCP) &
			       (FL_SLOTS_4K_N - 1);
			if (f < MV_SLOTS)
				r->at[f] = slot;
			else if (slot != r->at[mv__slot(f)])
				continue;
			r->sport[f] = port;
			break;
		}
	}
}

/* The one cell that is not empty, once a packet of the flow has been sighted. */
static uint32_t find_cell(struct replay *r)
{
	static uint64_t cells[FL_SIGHTED];
	static uint32_t keys[FL_SIGHTED];
	uint32_t n = FL_SIGHTED, out, at = 0;
	const uint64_t empty = 0;

	must(bpf_map_lookup_batch(fd_of(r->skel->maps.sighted), NULL, &out, keys, cells, &n, NULL),
	     "read the sightings");
	while (at < n && !cells[at])
		at++;
	if (at == n) {
		fprintf(stderr, "a packet to a MOVING slot was not sighted\n");
		abort();
	}
	put(r->skel->maps.sighted, &keys[at], &empty);
	return keys[at];
}

static void find_cells(struct replay *r)
{
	struct mv m = {};

	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		m.half[0][s] = m.half[1][s] = (struct mv_slot){.cur = 1, .dirty = true};
		m.word[s].prev = 2;
	}
	replay__write(r, &m);
	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		const struct mv_packet p = {.flow = f, .kind = MV_ACK};

		replay__packet(r, &p);
		r->cell[f] = find_cell(r);
	}
}

struct replay *replay__new(void)
{
	const uint64_t key[4] = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
				 0x082efa98ec4e6c89};
	struct replay *r = calloc(1, sizeof(*r));
	const uint32_t lo = LO;

	if (!r)
		return NULL;
	r->skel = lb_bpf__open();
	if (!r->skel)
		goto fail;
	memcpy((void *)r->skel->rodata->flow_key, key, sizeof(key));
	if (lb_bpf__load(r->skel))
		goto fail;
	put(r->skel->maps.tx_ports, &lo, &lo);
	make_tables(r);
	make_service(r);
	make_backends(r);
	choose_ports(r);
	memset(&r->was, 0xff, sizeof(r->was));
	find_cells(r);
	return r;
fail:
	fprintf(stderr, "cannot load lb.bpf.o (root?)\n");
	replay__free(r);
	return NULL;
}

void replay__free(struct replay *r)
{
	if (!r)
		return;
	lb_bpf__destroy(r->skel);
	free(r);
}

/* --- the agent's part ------------------------------------------------------------------------- */

static void write_halves(struct replay *r, const struct mv *m)
{
	const uint32_t zero = 0;

	for (int h = 0; h < 2; h++) {
		if (!memcmp(m->half[h], r->was.half[h], sizeof(m->half[h])))
			continue;
		for (uint32_t s = 0; s < MV_SLOTS; s++) {
			const struct mv_slot *slot = &m->half[h][s];

			r->slots[h][r->at[s]] = (uint16_t)((slot->cur ? slot->cur : FL_SLOT_NONE) |
							   (slot->dirty ? FL_SLOT_DIRTY : 0));
		}
		must(bpf_map_update_elem(r->halves[h], &zero, r->slots[h], BPF_ANY), "write slots");
	}
}

static void write_words(struct replay *r, const struct mv *m)
{
	const uint32_t zero = 0, now = now_s();

	if (!memcmp(m->word, r->was.word, sizeof(m->word)) && m->now == r->was.now)
		return;
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		const struct mv_word *w = &m->word[s];
		uint32_t since = now - (m->now - w->since);

		r->word[r->at[s]] = (w->prev ? w->prev : FL_SLOT_NONE) |
				    (w->pinned ? FL_MOVE_PINNED : 0) |
				    (w->accepts ? FL_MOVE_ACCEPTS : 0) |
				    (since & FL_MOVE_SINCE_MASK) << FL_MOVE_SINCE_SHIFT;
	}
	must(bpf_map_update_elem(r->words, &zero, r->word, BPF_ANY), "write the move table");
}

void replay__write(struct replay *r, const struct mv *m)
{
	const uint32_t id = SERVICE;

	write_halves(r, m);
	write_words(r, m);
	if (m->live != r->was.live || m->idle != r->was.idle) {
		r->service.live = 2 * SERVICE + m->live;
		r->service.idle_s = m->idle;
		put(r->skel->maps.services, &id, &r->service);
	}
	for (uint32_t i = 1; i <= MV_BACKENDS; i++) {
		if (m->gone[i] == r->was.gone[i])
			continue;
		r->backend[i].flags = m->gone[i] ? FL_BE_GONE : 0;
		put(r->skel->maps.backends, &i, &r->backend[i]);
	}
	memcpy(r->was.half, m->half, sizeof(m->half));
	memcpy(r->was.word, m->word, sizeof(m->word));
	memcpy(r->was.gone, m->gone, sizeof(m->gone));
	r->was.live = m->live;
	r->was.idle = m->idle;
	r->was.now = m->now;
}

void replay__reset(struct replay *r, const struct mv *m)
{
	static const uint32_t sources[FL_SRC_CELLS];
	static uint32_t keys[FL_SRC_CELLS];
	const struct fl_pressure calm = {};
	const uint64_t empty = 0;
	const uint32_t zero = 0;

	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		struct fl_flow_key k = key_of(r, f);

		bpf_map_delete_elem(fd_of(r->skel->maps.flows), &k);
		bpf_map_delete_elem(fd_of(r->skel->maps.tentative), &k);
		put(r->skel->maps.sighted, &r->cell[f], &empty);
	}
	put(r->skel->maps.pressure, &zero, &calm);
	/* What was deleted here is counted there still. */
	if (r->runs++ % 256 == 0) {
		uint32_t n = FL_SRC_CELLS;

		for (uint32_t i = 0; i < n; i++)
			keys[i] = i;
		must(bpf_map_update_batch(fd_of(r->skel->maps.src_flows), keys, sources, &n, NULL),
		     "reset the sources");
	}
	replay__write(r, m);
}

/* --- time ------------------------------------------------------------------------------------- */

void replay__advance(struct replay *r, uint32_t seconds)
{
	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		struct fl_flow_key k = key_of(r, f);
		struct fl_tentative t;
		struct fl_flow v;
		uint64_t cell;

		if (!bpf_map_lookup_elem(fd_of(r->skel->maps.flows), &k, &v)) {
			v.seen_s -= seconds;
			v.born_s -= seconds;
			put(r->skel->maps.flows, &k, &v);
		}
		if (!bpf_map_lookup_elem(fd_of(r->skel->maps.tentative), &k, &t)) {
			t.seen_s -= seconds;
			put(r->skel->maps.tentative, &k, &t);
		}
		must(bpf_map_lookup_elem(fd_of(r->skel->maps.sighted), &r->cell[f], &cell),
		     "read a sighting");
		if (!cell)
			continue;
		cell -= seconds;
		put(r->skel->maps.sighted, &r->cell[f], &cell);
	}
}

/* --- packets ---------------------------------------------------------------------------------- */

static void make_frame(const struct replay *r, const struct mv_packet *p, uint8_t *frame)
{
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	struct tcphdr *tcp = (struct tcphdr *)(ip + 1);

	memset(frame, 0, FRAME);
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_TCP;
	ip->tot_len = htons(FRAME - sizeof(*eth));
	ip->saddr = htonl(CLIENT + p->flow);
	ip->daddr = htonl(VIP);
	tcp->source = htons(r->sport[p->flow]);
	tcp->dest = htons(PORT);
	tcp->seq = htonl(p->seq);
	tcp->doff = 5;
	tcp->syn = p->kind == MV_SYN;
	tcp->fin = p->kind == MV_FIN;
	tcp->rst = p->kind == MV_RST;
	tcp->ack = !tcp->syn;
}

uint8_t replay__packet(struct replay *r, const struct mv_packet *p)
{
	uint8_t in[FRAME], out[2 * FRAME];
	struct xdp_md ctx = {.data_end = FRAME, .ingress_ifindex = LO};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = FRAME, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = 1);

	make_frame(r, p, in);
	must(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.lb), &opts), "run lb");
	if (opts.retval == XDP_DROP)
		return 0;
	if (opts.retval != XDP_TX || opts.data_size_out != FRAME || out[5] > MV_BACKENDS)
		return OTHER;
	return out[5];
}

/* --- the sweeper ------------------------------------------------------------------------------ */

void replay__sweep(struct replay *r, const struct mv_agent *a)
{
	for (uint32_t op = FL_SWEEP_MARK; op <= FL_SWEEP_DELETE; op++) {
		struct fl_sweep s = {.op = op};
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &s, .data_size_in = sizeof(s));

		for (uint32_t f = 0; f < MV_FLOWS; f++) {
			if (!(op == FL_SWEEP_MARK ? a->marks : a->deletes)[f])
				continue;
			s.keys[s.n].key = key_of(r, f);
			s.keys[s.n++].seen_s = now_s() - (r->was.now - a->mark_seen_s[f]);
		}
		if (s.n)
			must(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.flow_sweep),
						    &opts),
			     "run flow_sweep");
	}
}

void replay__evict(struct replay *r, uint32_t flow)
{
	struct fl_flow_key k = key_of(r, flow);

	bpf_map_delete_elem(fd_of(r->skel->maps.tentative), &k);
}

/* --- the same? -------------------------------------------------------------------------------- */

static void show(const char *what, uint32_t flow, const struct mv_record *want,
		 const struct fl_flow *got)
{
	fprintf(stderr,
		"flow %u: %s: model: state %u backend %u%s%s%s%s; program: state %#x backend %u\n",
		flow, what, want->life, want->backend, want->young ? " young" : "",
		want->fin ? " fin" : "", want->rst ? " rst" : "", want->passed ? " passed" : "",
		got->state, got->backend);
}

bool replay__same(struct replay *r, const struct mv *m, uint32_t flow)
{
	static const uint32_t lives[] = {0, FL_FLOW_ACTIVE, FL_FLOW_DYING, FL_FLOW_DEAD};
	const struct mv_record *want = &m->record[flow];
	struct fl_flow_key k = key_of(r, flow);
	struct fl_flow got = {};
	uint32_t state = lives[want->life] | (want->young ? FL_FLOW_YOUNG : 0) |
			 (want->fin ? FL_FLOW_FIN : 0) | (want->rst ? FL_FLOW_RST : 0) |
			 (want->passed ? FL_FLOW_PASSED : 0);

	if (bpf_map_lookup_elem(fd_of(r->skel->maps.flows), &k, &got))
		memset(&got, 0, sizeof(got));
	got.state &= FL_FLOW_STATE | FL_FLOW_YOUNG | FL_FLOW_FIN | FL_FLOW_RST | FL_FLOW_PASSED;
	if (want->life == MV_NONE && !got.state)
		return true;
	if (got.state != state || got.backend != want->backend) {
		show("records differ", flow, want, &got);
		return false;
	}
	if (m->now - want->seen_s != now_s() - got.seen_s ||
	    (want->young && (got.fit.isn != want->fit.isn || got.fit.seq != want->fit.seq))) {
		show("seen or numbers differ", flow, want, &got);
		return false;
	}
	return true;
}
