/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "moves.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lb.skel.h"
#include "maps.h"

#define IDLE_S 900
#define UDP_GRACE_S 30
#define NS_PER_S 1000000000ULL

static uint64_t noted[FL_NOTES];

uint32_t moves__now(void)
{
	return (uint32_t)(maps__clock() / NS_PER_S);
}

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

/* Calls `each` for every element of a hash. */
static uint32_t walk(const struct bpf_map *map, size_t key_size,
		     void (*each)(const struct bpf_map *map, const void *key))
{
	uint8_t key[64], next[64];
	uint32_t n = 0;
	int rc = bpf_map_get_next_key(bpf_map__fd(map), NULL, next);

	assert_in_range(key_size, 1, sizeof(key));
	while (!rc) {
		memcpy(key, next, key_size);
		rc = bpf_map_get_next_key(bpf_map__fd(map), key, next);
		if (each)
			each(map, key);
		n++;
	}
	return n;
}

static void erase(const struct bpf_map *map, const void *key)
{
	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(map), key), 0);
}

static uint32_t older_by;

static void age_flow(const struct bpf_map *map, const void *key)
{
	struct fl_flow f;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), key, &f), 0);
	f.seen_s -= older_by;
	f.born_s -= older_by;
	put(map, key, &f);
}

static void age_tentative(const struct bpf_map *map, const void *key)
{
	struct fl_tentative t;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), key, &t), 0);
	t.seen_s -= older_by;
	put(map, key, &t);
}

/* All values of an array at once: of those with many, a call each would take seconds. */
static void *array_of(const struct bpf_map *map, size_t size, bool write, void *values)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t n = bpf_map__max_entries(map), out = 0, *keys = malloc(n * sizeof(*keys));
	void *to = values ? values : calloc(n, size);

	assert_non_null(keys);
	assert_non_null(to);
	for (uint32_t i = 0; i < n; i++)
		keys[i] = i;
	if (write)
		assert_int_equal(bpf_map_update_batch(bpf_map__fd(map), keys, to, &n, &opts), 0);
	else
		assert_int_equal(
			bpf_map_lookup_batch(bpf_map__fd(map), NULL, &out, keys, to, &n, &opts), 0);
	assert_int_equal(n, bpf_map__max_entries(map));
	free(keys);
	return to;
}

static void clear_array(const struct bpf_map *map, size_t size)
{
	void *zero = calloc(bpf_map__max_entries(map), size);

	assert_non_null(zero);
	free(array_of(map, size, true, zero));
}

static uint32_t used_in(const struct bpf_map *map, size_t size)
{
	static const uint8_t zero[8];
	uint8_t *values = array_of(map, size, false, NULL);
	uint32_t n = 0;

	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		n += memcmp(values + i * size, zero, size) != 0;
	free(values);
	return n;
}

/* The words of one service; since is what they have, or now. */
static void write_words(struct rig *r, uint32_t id, uint32_t word, uint32_t since)
{
	static uint32_t words[FL_SLOTS_4K_N];
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "moves", sizeof(__u32), sizeof(words), 1,
				&(struct bpf_map_create_opts){
					.sz = sizeof(struct bpf_map_create_opts),
					.map_flags = BPF_F_MMAPABLE,
				});
	uint32_t zero = 0;

	assert_true(fd >= 0);
	for (uint32_t i = 0; i < FL_SLOTS_4K_N; i++)
		words[i] = word | since << FL_MOVE_SINCE_SHIFT;
	assert_int_equal(bpf_map_update_elem(fd, &zero, words, BPF_ANY), 0);
	put(r->skel->maps.moves_4k, &id, &fd);
	close(fd);
}

static uint32_t the_word, the_since;

static void write_all_words(struct rig *r)
{
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		write_words(r, id, the_word, the_since);
}

void moves__words(struct rig *r, uint32_t word)
{
	the_word = word;
	the_since = moves__now();
	write_all_words(r);
}

void moves__slots(struct rig *r, uint16_t slot)
{
	rig__point(r, slot);
}

void moves__no_tables(struct rig *r)
{
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		bpf_map_delete_elem(bpf_map__fd(r->skel->maps.moves_4k), &id);
}

static void make_backend(struct rig *r, uint32_t index)
{
	const struct rig_backend b = {
		.mode = FL_FWD_L2,
		.hop = {.dmac = {2, 7, 7, 7, 0, (uint8_t)index},
			.smac = {2, 7, 7, 8, 0, (uint8_t)index},
			.ifindex = RIG_LO},
	};

	rig__backend(r, index, &b);
}

static uint64_t count_of(struct rig *r, enum fl_note note)
{
	static struct counters c;

	rig__counters(r, &c);
	return c.note[note].packets;
}

struct rig *moves__rig(struct rig_gates gates)
{
	struct rig *r = rig__get(gates);
	struct fl_pressure none = {0};

	rig__reset_backends(r);
	for (uint32_t i = MOVES_PREV; i < MOVES_END; i++)
		make_backend(r, i);
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++) {
		r->services[id].idle_s = IDLE_S;
		r->services[id].udp_grace_s = UDP_GRACE_S;
		r->services[id].affinity = FL_AFF_FLOW;
		r->services[id].flags = 0;
	}
	moves__slots(r, MOVES_PREV);
	moves__no_tables(r);
	walk(r->skel->maps.flows, sizeof(struct fl_flow_key), erase);
	walk(r->skel->maps.tentative, sizeof(struct fl_flow_key), erase);
	clear_array(r->skel->maps.sighted, sizeof(uint64_t));
	moves__set_old_flows(r, 0);
	moves__set_pressure(r, &none);
	moves__set_churn(r, FL_CHURN_TENTATIVE, 0);
	moves__set_churn(r, FL_CHURN_PROMOTED, 0);
	maps__no_frags(r);
	for (uint32_t i = 0; i < FL_NOTES; i++)
		noted[i] = count_of(r, (enum fl_note)i);
	return r;
}

void moves__start(struct rig *r)
{
	moves__words(r, MOVES_PREV);
	moves__slots(r, FL_SLOT_DIRTY | MOVES_CUR);
}

struct rig *moves__moving(bool nat)
{
	struct rig *r = moves__rig((struct rig_gates){.nat = nat});

	moves__start(r);
	return r;
}

struct spec moves__tcp(uint8_t version, uint8_t flags, uint32_t seq)
{
	struct spec s = build__tcp(version);

	s.flags = flags;
	s.seq = seq;
	return s;
}

void moves__gone(struct rig *r, uint32_t backend, bool gone)
{
	r->backends[backend].flags = gone ? FL_BE_GONE : 0;
}

void moves__later(struct rig *r, uint32_t seconds)
{
	uint64_t *cells = array_of(r->skel->maps.sighted, sizeof(*cells), false, NULL);
	struct fl_pressure p = moves__pressure(r);

	older_by = seconds;
	walk(r->skel->maps.flows, sizeof(struct fl_flow_key), age_flow);
	walk(r->skel->maps.tentative, sizeof(struct fl_flow_key), age_tentative);
	for (uint32_t i = 0; i < FL_SIGHTED; i++)
		if (cells[i])
			cells[i] =
				(cells[i] >> 32 << 32) | (uint32_t)((uint32_t)cells[i] - seconds);
	free(array_of(r->skel->maps.sighted, sizeof(*cells), true, cells));
	p.full_s -= p.full_s ? seconds : 0;
	p.frozen_s -= p.frozen_s ? seconds : 0;
	moves__set_pressure(r, &p);
	the_since -= seconds;
	if (the_word)
		write_all_words(r);
}

uint32_t moves__frame_goes_to(struct rig *r, const struct frame *f)
{
	static struct run run;

	rig__run(r->lb, f, 0, &run);
	if (run.action == XDP_DROP)
		return 0;
	assert_int_equal(run.action, XDP_TX);
	assert_memory_equal(run.out.b, "\2\7\7\7\0", 5);
	return run.out.b[5];
}

uint32_t moves__goes_to(struct rig *r, const struct spec *s)
{
	static struct frame in;

	build__frame(s, &in);
	return moves__frame_goes_to(r, &in);
}

uint64_t moves__noted(struct rig *r, enum fl_note note)
{
	return count_of(r, note) - noted[note];
}

struct fl_flow_key moves__key(const struct spec *s)
{
	struct fl_flow_key k = {
		.sport = htons(s->sport),
		.dport = htons(s->dport),
		.service = (__u16)rig__service_of(s),
		.proto = s->proto,
	};

	maps__addr(s->ip.version, s->ip.src, k.saddr);
	maps__addr(s->ip.version, s->ip.dst, k.daddr);
	return k;
}

bool moves__record(struct rig *r, const struct spec *s, struct fl_flow *out)
{
	struct fl_flow_key k = moves__key(s);

	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.flows), &k, out);
}

void moves__set_record(struct rig *r, const struct spec *s, const struct fl_flow *f)
{
	struct fl_flow_key k = moves__key(s);

	put(r->skel->maps.flows, &k, f);
}

bool moves__tentative(struct rig *r, const struct spec *s, struct fl_tentative *out)
{
	struct fl_flow_key k = moves__key(s);

	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.tentative), &k, out);
}

void moves__set_tentative(struct rig *r, const struct spec *s, const struct fl_tentative *t)
{
	struct fl_flow_key k = moves__key(s);

	put(r->skel->maps.tentative, &k, t);
}

bool moves__client(struct rig *r, const struct spec *s, enum fl_affinity a, struct fl_flow *out)
{
	struct fl_flow_key k = moves__key(s);

	memset(k.daddr, 0, sizeof(k.daddr));
	k.dport = 0;
	k.proto = 0;
	if (a == FL_AFF_SOURCE)
		k.sport = 0;
	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.flows), &k, out);
}

uint32_t moves__records(struct rig *r)
{
	return walk(r->skel->maps.flows, sizeof(struct fl_flow_key), NULL);
}

uint32_t moves__tentatives(struct rig *r)
{
	return walk(r->skel->maps.tentative, sizeof(struct fl_flow_key), NULL);
}

uint32_t moves__sightings(struct rig *r)
{
	return used_in(r->skel->maps.sighted, sizeof(uint64_t));
}

uint32_t moves__old_flows(struct rig *r)
{
	uint32_t *cells = array_of(r->skel->maps.src_flows, sizeof(*cells), false, NULL), sum = 0;

	for (uint32_t i = 0; i < FL_SRC_CELLS; i++)
		sum += cells[i];
	free(cells);
	return sum;
}

void moves__set_old_flows(struct rig *r, uint32_t n)
{
	uint32_t *cells = calloc(FL_SRC_CELLS, sizeof(*cells));

	assert_non_null(cells);
	for (uint32_t i = 0; i < FL_SRC_CELLS; i++)
		cells[i] = n;
	free(array_of(r->skel->maps.src_flows, sizeof(*cells), true, cells));
}

struct fl_pressure moves__pressure(struct rig *r)
{
	struct fl_pressure p;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.pressure), &zero, &p), 0);
	return p;
}

void moves__set_pressure(struct rig *r, const struct fl_pressure *p)
{
	uint32_t zero = 0;

	put(r->skel->maps.pressure, &zero, p);
}

void moves__set_churn(struct rig *r, enum fl_churn what, uint64_t tat)
{
	uint32_t key = what;

	put(r->skel->maps.churn, &key, &tat);
}

struct fl_flow moves__a_record(uint32_t state)
{
	uint32_t now = moves__now();

	return (struct fl_flow){.state = state, .backend = MOVES_CUR, .seen_s = now, .born_s = now};
}
