/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fairlead/flowhash.h"
#include "lb.skel.h"

#define VIP 0xc0000201 /* 192.0.2.1 */
#define PORT 80
#define CLIENT 0x0a000001
#define LO 1 /* where test runs arrive, and leave */
#define OTHER 255
#define FRAME 64
#define KINDS 9 /* of services: what the model's mv.proto says, times mv.affinity */

/* A service of a kind of its own, and where its slots and flows are. */
struct kind {
	uint32_t id;
	uint8_t proto;
	enum mv_affinity affinity;
	struct fl_service service;
	uint32_t at[MV_SLOTS]; /* number of each slot of the model's */
	uint16_t sport[MV_FLOWS]; /* of each flow, host order */
	uint32_t cell[MV_FLOWS]; /* of `sighted` */
};

struct replay {
	struct lb_bpf *skel;
	int halves[2], words; /* of all services, of which one is used at a time */
	uint16_t slots[2][FL_SLOTS_4K_N];
	uint32_t word[FL_SLOTS_4K_N];
	struct mv was; /* what the maps hold of the model's agent */
	uint32_t runs;
	struct kind kinds[KINDS], *k; /* k: of the sequence that runs */
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

/* The source: with an affinity flows of one slot are of one client, else each has its own. */
static uint32_t source_of(const struct kind *k, uint32_t flow)
{
	return htonl(CLIENT + (k->affinity == MV_BY_SOURCE ? flow % MV_SLOTS : flow));
}

/* Flows, and the clients of the kind: two names for one would be looked at twice. */
static uint32_t records_of(const struct kind *k)
{
	return k->affinity == MV_BY_FLOW     ? MV_FLOWS
	       : k->affinity == MV_BY_SOURCE ? MV_FLOWS + MV_SLOTS
					     : MV_RECORDS;
}

/* The key of a record: of a flow's, or of a client's. */
static struct fl_flow_key key_of(const struct replay *r, uint32_t record)
{
	uint32_t flow = record % MV_FLOWS, saddr = source_of(r->k, flow), daddr = htonl(VIP);
	struct fl_flow_key k = {.service = (__u16)r->k->id};

	k.saddr[10] = k.saddr[11] = 0xff;
	memcpy(k.saddr + 12, &saddr, 4);
	if (record < MV_FLOWS || r->k->affinity == MV_BY_PORT)
		k.sport = htons(r->k->sport[flow]);
	if (record >= MV_FLOWS)
		return k;
	k.daddr[10] = k.daddr[11] = 0xff;
	memcpy(k.daddr + 12, &daddr, 4);
	k.dport = r->k->service.key.port;
	k.proto = r->k->proto;
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
	for (int h = 0; h < 2; h++)
		r->halves[h] = inner_map(sizeof(r->slots[0]), 0);
	r->words = inner_map(sizeof(r->word), BPF_F_MMAPABLE);
	for (uint32_t id = 1; id <= KINDS; id++) {
		uint32_t keys[] = {2 * id, 2 * id + 1};

		for (int h = 0; h < 2; h++)
			put(r->skel->maps.slots_4k, &keys[h], &r->halves[h]);
		put(r->skel->maps.moves_4k, &id, &r->words);
	}
}

static void make_service(struct replay *r, struct kind *k, enum mv_proto proto)
{
	static const uint8_t affinities[] = {FL_AFF_FLOW, FL_AFF_SOURCE, FL_AFF_SOURCE_PORT};
	const uint32_t daddr = htonl(VIP);
	struct fl_service *s = &k->service;
	struct fl_bucket bucket = {};
	uint64_t a[2], hash;
	uint32_t at;

	*s = (struct fl_service){
		.key = {.port = htons((uint16_t)(PORT + k->id)), .proto = k->proto, .prefix = 128},
		.slot_mask = FL_SLOTS_4K_N - 1,
		.slot_class = FL_SLOTS_4K,
		.affinity = affinities[k->affinity],
		.flags = proto == MV_QUIC ? FL_SVC_QUIC : 0,
		.name = "replay",
	};
	s->port_last = s->key.port;
	s->key.addr[10] = s->key.addr[11] = 0xff;
	memcpy(s->key.addr + 12, &daddr, 4);
	memcpy(a, s->key.addr, 16);
	hash = fl_service_hash(a[0], a[1], s->key.port, k->proto);
	at = fl_service_bucket(hash);
	must(bpf_map_lookup_elem(fd_of(r->skel->maps.svc_index), &at, &bucket), "read a bucket");
	for (int way = 0; way < 2; way++) {
		if (bucket.way[way])
			continue;
		bucket.way[way] = fl_service_fingerprint(hash) | k->id;
		put(r->skel->maps.svc_index, &at, &bucket);
		return;
	}
	fprintf(stderr, "no room in a bucket of services\n");
	abort();
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

static uint32_t slot_of(const struct replay *r, uint32_t flow, uint16_t sport)
{
	const struct kind *k = r->k;
	uint16_t ports[2] = {htons(sport), k->service.key.port};
	uint32_t both, daddr = htonl(VIP), proto = k->proto;
	__u64 key[4];

	if (k->affinity != MV_BY_FLOW) {
		daddr = proto = 0;
		ports[1] = 0;
	}
	if (k->affinity == MV_BY_SOURCE)
		ports[0] = 0;
	memcpy(key, r->skel->rodata->flow_key, sizeof(key));
	memcpy(&both, ports, 4);
	return fl_flow_hash4(key, source_of(k, flow), daddr, both, proto) & (FL_SLOTS_4K_N - 1);
}

/* Ports such that flows share slots as the model's do. */
static void choose_ports(struct replay *r)
{
	for (uint32_t f = 0; f < MV_FLOWS; f++) {
		for (uint16_t port = (uint16_t)(1024 + f);; port++) {
			uint32_t slot = slot_of(r, f, port);

			if (f < MV_SLOTS)
				r->k->at[f] = slot;
			else if (slot != r->k->at[mv__slot(f)])
				continue;
			r->k->sport[f] = port;
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
		const struct mv_packet p = {.flow = f,
					    .kind = r->k->proto == IPPROTO_TCP ? MV_ACK : MV_UDP};

		replay__packet(r, &p);
		r->k->cell[f] = find_cell(r);
	}
}

/* The service that a model is of, from now on. */
static void choose_kind(struct replay *r, enum mv_proto proto, enum mv_affinity affinity)
{
	r->k = &r->kinds[proto * 3 + affinity];
	memset(&r->was, 0xff, sizeof(r->was));
}

static void make_kinds(struct replay *r)
{
	for (uint32_t i = 0; i < KINDS; i++) {
		choose_kind(r, (enum mv_proto)(i / 3), (enum mv_affinity)(i % 3));
		r->k->id = i + 1;
		r->k->proto = i < 3 ? IPPROTO_TCP : IPPROTO_UDP;
		r->k->affinity = (enum mv_affinity)(i % 3);
		make_service(r, r->k, (enum mv_proto)(i / 3));
		choose_ports(r);
		find_cells(r);
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
	make_backends(r);
	make_kinds(r);
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

			r->slots[h][r->k->at[s]] = (uint16_t)((slot->cur ? slot->cur : FL_SLOT_NONE) |
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

		r->word[r->k->at[s]] = (w->prev ? w->prev : FL_SLOT_NONE) |
				    (w->pinned ? FL_MOVE_PINNED : 0) |
				    (w->accepts ? FL_MOVE_ACCEPTS : 0) |
				    (since & FL_MOVE_SINCE_MASK) << FL_MOVE_SINCE_SHIFT;
	}
	must(bpf_map_update_elem(r->words, &zero, r->word, BPF_ANY), "write the move table");
}

void replay__write(struct replay *r, const struct mv *m)
{
	struct fl_service *service = &r->k->service;

	write_halves(r, m);
	write_words(r, m);
	if (m->live != r->was.live || m->idle != r->was.idle) {
		service->live = 2 * r->k->id + m->live;
		service->idle_s = m->idle;
		service->udp_grace_s = (__u16)m->udp_grace;
		put(r->skel->maps.services, &r->k->id, service);
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

	choose_kind(r, m->proto, m->affinity);
	for (uint32_t f = 0; f < records_of(r->k); f++) {
		struct fl_flow_key k = key_of(r, f);

		bpf_map_delete_elem(fd_of(r->skel->maps.flows), &k);
		bpf_map_delete_elem(fd_of(r->skel->maps.tentative), &k);
		if (f < MV_FLOWS)
			put(r->skel->maps.sighted, &r->k->cell[f], &empty);
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
	for (uint32_t f = 0; f < records_of(r->k); f++) {
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
		if (f >= MV_FLOWS)
			continue;
		must(bpf_map_lookup_elem(fd_of(r->skel->maps.sighted), &r->k->cell[f], &cell),
		     "read a sighting");
		if (!cell)
			continue;
		cell -= seconds;
		put(r->skel->maps.sighted, &r->k->cell[f], &cell);
	}
}

/* --- packets ---------------------------------------------------------------------------------- */

static void make_tcp(const struct mv_packet *p, struct tcphdr *tcp)
{
	tcp->seq = htonl(p->seq);
	tcp->doff = 5;
	tcp->syn = p->kind == MV_SYN;
	tcp->fin = p->kind == MV_FIN;
	tcp->rst = p->kind == MV_RST;
	tcp->ack = !tcp->syn;
}

/* RFC 9000 17.2: a long header with the client's connection id, of version 1 or 2; or a short one. */
static void make_quic(const struct mv_packet *p, uint8_t *h)
{
	bool second = p->seq & 1;
	const uint32_t version = htonl(second ? 0x6b3343cf : 1), id = htonl(p->seq);
	uint8_t initial = second ? 1 : 0, handshake = second ? 3 : 2;

	if (p->kind == MV_UDP) {
		h[0] = 0x40;
		return;
	}
	h[0] = (uint8_t)(0xc0 | (p->kind == MV_SYN ? initial : handshake) << 4);
	memcpy(h + 1, &version, 4);
	h[5] = 3; /* the server's id, of no interest */
	h[9] = sizeof(id);
	memcpy(h + 10, &id, sizeof(id));
}

static void make_frame(const struct replay *r, const struct mv_packet *p, uint8_t *frame)
{
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *ip = (struct iphdr *)(eth + 1);
	uint16_t *ports = (uint16_t *)(ip + 1);
	struct udphdr *udp = (struct udphdr *)ports;

	memset(frame, 0, FRAME);
	eth->h_proto = htons(ETH_P_IP);
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = r->k->proto;
	ip->tot_len = htons(FRAME - sizeof(*eth));
	ip->saddr = source_of(r->k, p->flow);
	ip->daddr = htonl(VIP);
	ports[0] = htons(r->k->sport[p->flow]);
	ports[1] = r->k->service.key.port;
	if (r->k->proto == IPPROTO_TCP) {
		make_tcp(p, (struct tcphdr *)ports);
		return;
	}
	udp->len = htons(FRAME - sizeof(*eth) - sizeof(*ip));
	if (r->k->service.flags & FL_SVC_QUIC)
		make_quic(p, (uint8_t *)(udp + 1));
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
	const bool *const which[] = {[FL_SWEEP_MARK] = a->marks,
				     [FL_SWEEP_DELETE] = a->deletes,
				     [FL_SWEEP_END] = a->ends};

	for (uint32_t op = FL_SWEEP_MARK; op <= FL_SWEEP_END; op++) {
		struct fl_sweep s = {.op = op};
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &s, .data_size_in = sizeof(s));

		for (uint32_t f = 0; f < records_of(r->k); f++) {
			if (!which[op][f])
				continue;
			s.keys[s.n].key = key_of(r, f);
			s.keys[s.n].backend = a->mark_backend[f];
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

static bool is_same(struct replay *r, const struct mv *m, uint32_t flow)
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
	    (want->young && r->k->proto == IPPROTO_TCP && (got.fit.isn != want->fit.isn || got.fit.seq != want->fit.seq))) {
		show("seen or numbers differ", flow, want, &got);
		return false;
	}
	return true;
}

bool replay__same(struct replay *r, const struct mv *m, uint32_t flow)
{
	return is_same(r, m, flow) &&
	       (m->affinity == MV_BY_FLOW || is_same(r, m, mv__client(m, flow)));
}
