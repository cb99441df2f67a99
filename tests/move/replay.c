/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "replay.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "replay_kinds.h"

#define OTHER 255
#define FRAME 64

static uint32_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint32_t)t.tv_sec;
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

			r->slots[h][r->k->at[s]] =
				(uint16_t)((slot->cur ? slot->cur : FL_SLOT_NONE) |
					   (slot->dirty ? FL_SLOT_DIRTY : 0));
		}
		replay__must(bpf_map_update_elem(r->halves[h], &zero, r->slots[h], BPF_ANY),
			     "write slots");
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
	replay__must(bpf_map_update_elem(r->words, &zero, r->word, BPF_ANY),
		     "write the move table");
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
		replay__put(r->skel->maps.services, &r->k->id, service);
	}
	for (uint32_t i = 1; i <= MV_BACKENDS; i++) {
		if (m->gone[i] == r->was.gone[i])
			continue;
		r->backend[i].flags = m->gone[i] ? FL_BE_GONE : 0;
		replay__put(r->skel->maps.backends, &i, &r->backend[i]);
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

	replay__choose(r, m->proto, m->affinity);
	for (uint32_t f = 0; f < replay__records(r->k); f++) {
		struct fl_flow_key k = replay__key(r, f);

		bpf_map_delete_elem(replay__fd(r->skel->maps.flows), &k);
		bpf_map_delete_elem(replay__fd(r->skel->maps.tentative), &k);
		if (f < MV_FLOWS)
			replay__put(r->skel->maps.sighted, &r->k->cell[f], &empty);
	}
	replay__put(r->skel->maps.pressure, &zero, &calm);
	/* What was deleted here is counted there still. */
	if (r->runs++ % 256 == 0) {
		uint32_t n = FL_SRC_CELLS;

		for (uint32_t i = 0; i < n; i++)
			keys[i] = i;
		replay__must(bpf_map_update_batch(replay__fd(r->skel->maps.src_flows), keys,
						  sources, &n, NULL),
			     "reset the sources");
	}
	replay__write(r, m);
}

/* --- time ------------------------------------------------------------------------------------- */

void replay__advance(struct replay *r, uint32_t seconds)
{
	for (uint32_t f = 0; f < replay__records(r->k); f++) {
		struct fl_flow_key k = replay__key(r, f);
		struct fl_tentative t;
		struct fl_flow v;
		uint64_t cell;

		if (!bpf_map_lookup_elem(replay__fd(r->skel->maps.flows), &k, &v)) {
			v.seen_s -= seconds;
			v.born_s -= seconds;
			replay__put(r->skel->maps.flows, &k, &v);
		}
		if (!bpf_map_lookup_elem(replay__fd(r->skel->maps.tentative), &k, &t)) {
			t.seen_s -= seconds;
			replay__put(r->skel->maps.tentative, &k, &t);
		}
		if (f >= MV_FLOWS)
			continue;
		replay__must(bpf_map_lookup_elem(replay__fd(r->skel->maps.sighted), &r->k->cell[f],
						 &cell),
			     "read a sighting");
		if (!cell)
			continue;
		cell -= seconds;
		replay__put(r->skel->maps.sighted, &r->k->cell[f], &cell);
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
	ip->saddr = replay__source(r->k, p->flow);
	ip->daddr = htonl(REPLAY_VIP);
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
	struct xdp_md ctx = {.data_end = FRAME, .ingress_ifindex = REPLAY_LO};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = FRAME, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = 1);

	make_frame(r, p, in);
	replay__must(bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.lb), &opts), "run lb");
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

		for (uint32_t f = 0; f < replay__records(r->k); f++) {
			if (!which[op][f])
				continue;
			s.keys[s.n].key = replay__key(r, f);
			s.keys[s.n].backend = a->mark_backend[f];
			s.keys[s.n++].seen_s = now_s() - (r->was.now - a->mark_seen_s[f]);
		}
		if (s.n)
			replay__must(bpf_prog_test_run_opts(
					     bpf_program__fd(r->skel->progs.flow_sweep), &opts),
				     "run flow_sweep");
	}
}

void replay__evict(struct replay *r, uint32_t flow)
{
	struct fl_flow_key k = replay__key(r, flow);

	bpf_map_delete_elem(replay__fd(r->skel->maps.tentative), &k);
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
	struct fl_flow_key k = replay__key(r, flow);
	struct fl_flow got = {};
	uint32_t state = lives[want->life] | (want->young ? FL_FLOW_YOUNG : 0) |
			 (want->fin ? FL_FLOW_FIN : 0) | (want->rst ? FL_FLOW_RST : 0) |
			 (want->passed ? FL_FLOW_PASSED : 0);

	if (bpf_map_lookup_elem(replay__fd(r->skel->maps.flows), &k, &got))
		memset(&got, 0, sizeof(got));
	got.state &= FL_FLOW_STATE | FL_FLOW_YOUNG | FL_FLOW_FIN | FL_FLOW_RST | FL_FLOW_PASSED;
	if (want->life == MV_NONE && !got.state)
		return true;
	if (got.state != state || got.backend != want->backend) {
		show("records differ", flow, want, &got);
		return false;
	}
	if (m->now - want->seen_s != now_s() - got.seen_s ||
	    (want->young && r->k->proto == IPPROTO_TCP &&
	     (got.fit.isn != want->fit.isn || got.fit.seq != want->fit.seq))) {
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
