/* SPDX-License-Identifier: GPL-2.0-or-later */
/* replay_kinds.c - loads the program, and writes the services and backends that it is to find. */
#include "replay_kinds.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fairlead/flowhash.h"

#define PORT 80
#define CLIENT 0x0a000001

void replay__must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "cannot %s: %s\n", what, strerror(errno));
		abort();
	}
}

int replay__fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

void replay__put(const struct bpf_map *map, const void *key, const void *value)
{
	replay__must(bpf_map_update_elem(replay__fd(map), key, value, BPF_ANY), bpf_map__name(map));
}

uint32_t replay__source(const struct kind *k, uint32_t flow)
{
	return htonl(CLIENT + (k->affinity == MV_BY_SOURCE ? flow % MV_SLOTS : flow));
}

uint32_t replay__records(const struct kind *k)
{
	return k->affinity == MV_BY_FLOW     ? MV_FLOWS
	       : k->affinity == MV_BY_SOURCE ? MV_FLOWS + MV_SLOTS
					     : MV_RECORDS;
}

struct fl_flow_key replay__key(const struct replay *r, uint32_t record)
{
	uint32_t flow = record % MV_FLOWS, saddr = replay__source(r->k, flow),
		 daddr = htonl(REPLAY_VIP);
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

static int inner_map(uint32_t value, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "replay", 4, value, 1, &opts);

	replay__must(fd, "make a table");
	return fd;
}

static void make_tables(struct replay *r)
{
	for (int h = 0; h < 2; h++)
		r->halves[h] = inner_map(sizeof(r->slots[0]), 0);
	r->words = inner_map(sizeof(r->word), BPF_F_MMAPABLE);
	for (uint32_t id = 1; id <= REPLAY_KINDS; id++) {
		uint32_t keys[] = {2 * id, 2 * id + 1};

		for (int h = 0; h < 2; h++)
			replay__put(r->skel->maps.slots_4k, &keys[h], &r->halves[h]);
		replay__put(r->skel->maps.moves_4k, &id, &r->words);
	}
}

static void make_service(struct replay *r, struct kind *k, enum mv_proto proto)
{
	static const uint8_t affinities[] = {FL_AFF_FLOW, FL_AFF_SOURCE, FL_AFF_SOURCE_PORT};
	const uint32_t daddr = htonl(REPLAY_VIP);
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
	replay__must(bpf_map_lookup_elem(replay__fd(r->skel->maps.svc_index), &at, &bucket),
		     "read a bucket");
	for (int way = 0; way < 2; way++) {
		if (bucket.way[way])
			continue;
		bucket.way[way] = fl_service_fingerprint(hash) | k->id;
		replay__put(r->skel->maps.svc_index, &at, &bucket);
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
		b->hop[0] =
			(struct fl_hop){.dmac = {2, 0, 0, 0, 0, (uint8_t)i}, .ifindex = REPLAY_LO};
		b->addr[10] = b->addr[11] = 0xff;
		b->addr[15] = (uint8_t)i;
		replay__put(r->skel->maps.backends, &i, b);
	}
}

static uint32_t slot_of(const struct replay *r, uint32_t flow, uint16_t sport)
{
	const struct kind *k = r->k;
	uint16_t ports[2] = {htons(sport), k->service.key.port};
	uint32_t both, daddr = htonl(REPLAY_VIP), proto = k->proto;
	__u64 key[4];

	if (k->affinity != MV_BY_FLOW) {
		daddr = proto = 0;
		ports[1] = 0;
	}
	if (k->affinity == MV_BY_SOURCE)
		ports[0] = 0;
	memcpy(key, r->skel->rodata->flow_key, sizeof(key));
	memcpy(&both, ports, 4);
	return fl_flow_hash4(key, replay__source(k, flow), daddr, both, proto) &
	       (FL_SLOTS_4K_N - 1);
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

	replay__must(bpf_map_lookup_batch(replay__fd(r->skel->maps.sighted), NULL, &out, keys,
					  cells, &n, NULL),
		     "read the sightings");
	while (at < n && !cells[at])
		at++;
	if (at == n) {
		fprintf(stderr, "a packet to a MOVING slot was not sighted\n");
		abort();
	}
	replay__put(r->skel->maps.sighted, &keys[at], &empty);
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

void replay__choose(struct replay *r, enum mv_proto proto, enum mv_affinity affinity)
{
	r->k = &r->kinds[proto * 3 + affinity];
	memset(&r->was, 0xff, sizeof(r->was));
}

static void make_kinds(struct replay *r)
{
	for (uint32_t i = 0; i < REPLAY_KINDS; i++) {
		replay__choose(r, (enum mv_proto)(i / 3), (enum mv_affinity)(i % 3));
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
	const uint32_t lo = REPLAY_LO;

	if (!r)
		return NULL;
	r->skel = lb_bpf__open();
	if (!r->skel)
		goto fail;
	memcpy((void *)r->skel->rodata->flow_key, key, sizeof(key));
	if (lb_bpf__load(r->skel))
		goto fail;
	replay__put(r->skel->maps.tx_ports, &lo, &lo);
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
