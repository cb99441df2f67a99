/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "real.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fairlead/flowhash.h"
#include "lb.skel.h"

#define CPUS_MAX 1024

struct real {
	struct lb_bpf *skel;
	int prog;
	int cpus;
};

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "cannot %s: %s\n", what, strerror(errno));
		abort();
	}
}

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	must(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), bpf_map__name(map));
}

static const struct bpf_map *outer_map(const struct real *r, uint8_t slot_class)
{
	switch (slot_class) {
	case FL_SLOTS_4K:
		return r->skel->maps.slots_4k;
	case FL_SLOTS_64K:
		return r->skel->maps.slots_64k;
	default:
		return r->skel->maps.slots_1m;
	}
}

/*
 * The live tables of a class; those that are not live hold nothing that a packet may reach. All at
 * once, because the kernel waits for a grace period after each update of an outer map.
 */
static void fill_slots(const struct real *r, const struct world *w, uint8_t slot_class)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t keys[WORLD_SERVICES], n = 0, zero = 0;
	int fds[WORLD_SERVICES];

	for (uint32_t id = 1; id < w->n_services; id++) {
		const struct fl_service *s = &w->services[id];
		uint32_t bytes = (s->slot_mask + 1) * (uint32_t)sizeof(uint16_t);

		if (s->slot_class != slot_class)
			continue;
		keys[n] = s->live;
		fds[n] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "slots", sizeof(__u32), bytes, 1, NULL);
		must(fds[n], "make a slot table");
		must(bpf_map_update_elem(fds[n++], &zero, w->slots[id], BPF_ANY), "fill slots");
	}
	if (n)
		must(bpf_map_update_batch(bpf_map__fd(outer_map(r, slot_class)), keys, fds, &n,
					  &opts),
		     "fill the outer map of slots");
	while (n--)
		close(fds[n]);
}

static const struct bpf_map *move_map(const struct real *r, uint8_t slot_class)
{
	switch (slot_class) {
	case FL_SLOTS_4K:
		return r->skel->maps.moves_4k;
	case FL_SLOTS_64K:
		return r->skel->maps.moves_64k;
	default:
		return r->skel->maps.moves_1m;
	}
}

/* The move tables of a class, all at once as the slot tables are. */
static void fill_moves(const struct real *r, const struct world *w, uint8_t slot_class)
{
	LIBBPF_OPTS(bpf_map_create_opts, create, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t keys[WORLD_SERVICES], n = 0, zero = 0;
	int fds[WORLD_SERVICES];

	for (uint32_t id = 1; id < w->n_services; id++) {
		const struct fl_service *s = &w->services[id];
		uint32_t bytes = (s->slot_mask + 1) * (uint32_t)sizeof(uint32_t);

		if (s->slot_class != slot_class || !w->moves[id])
			continue;
		keys[n] = id;
		fds[n] = bpf_map_create(BPF_MAP_TYPE_ARRAY, "moves", sizeof(__u32), bytes, 1,
					&create);
		must(fds[n], "make a move table");
		must(bpf_map_update_elem(fds[n++], &zero, w->moves[id], BPF_ANY), "fill moves");
	}
	if (n)
		must(bpf_map_update_batch(bpf_map__fd(move_map(r, slot_class)), keys, fds, &n,
					  &opts),
		     "fill the outer map of moves");
	while (n--)
		close(fds[n]);
}

static void fill_index(const struct real *r, const struct world *w)
{
	static struct fl_bucket buckets[FL_INDEX_BUCKETS];

	memset(buckets, 0, sizeof(buckets));
	for (uint32_t id = 1; id < w->n_services; id++) {
		const struct fl_service_key *key = &w->services[id].key;
		struct fl_bucket *b;
		uint64_t a[2];
		uint64_t hash;
		uint32_t way = 0;

		if (!w->indexed[id])
			continue;
		memcpy(a, key->addr, 16);
		hash = fl_service_hash(a[0], a[1], key->port, key->proto);
		b = &buckets[fl_service_bucket(hash)];
		while (b->way[way])
			way++;
		b->way[way] = fl_service_fingerprint(hash) | id;
	}
	for (uint32_t i = 0; i < FL_INDEX_BUCKETS; i++)
		if (buckets[i].way[0])
			put(r->skel->maps.svc_index, &i, &buckets[i]);
}

static void fill_services(const struct real *r, const struct world *w)
{
	for (uint32_t id = 1; id < w->n_services; id++) {
		put(r->skel->maps.services, &id, &w->services[id]);
		put(r->skel->maps.limits, &id, &w->limits[id]);
	}
	for (uint8_t slot_class = 0; slot_class < FL_SLOT_CLASSES; slot_class++) {
		fill_slots(r, w, slot_class);
		fill_moves(r, w, slot_class);
	}
	fill_index(r, w);
	for (uint32_t i = 0; i < w->n_vips; i++)
		put(r->skel->maps.vips, &w->vips[i].key, &w->vips[i].value);
}

static void fill_port(const struct real *r, const struct world_port *p)
{
	const struct fl_vlan_port vlan = {.ifindex = p->below, .vlan = p->vlan};

	if (p->tx)
		put(r->skel->maps.tx_ports, &p->ifindex, &p->ifindex);
	if (p->below)
		put(r->skel->maps.vlan_ports, &p->ifindex, &vlan);
}

static void fill(const struct real *r, const struct world *w)
{
	uint32_t zero = 0;

	fill_services(r, w);
	for (uint32_t i = 1; i < w->n_backends; i++)
		put(r->skel->maps.backends, &i, &w->backends[i]);
	for (uint32_t i = 0; i < w->n_sources; i++)
		put(r->skel->maps.sources, &w->sources[i].key, &w->sources[i].value);
	for (uint32_t i = 0; i < w->n_nat_back; i++)
		put(r->skel->maps.nat_back, &w->nat_back[i].key, &w->nat_back[i].value);
	for (uint32_t i = 0; i < w->n_ports; i++)
		fill_port(r, &w->ports[i]);
	put(r->skel->maps.snat, &zero, &w->snat);
	put(r->skel->maps.settings, &zero, &w->settings);
	put(r->skel->maps.ours, &zero, &w->ours);
}

void real__set_gates(struct lb_bpf *skel, const struct world *w)
{
	struct bpf_program *whole[] = {skel->progs.lb, skel->progs.lb_copy, skel->progs.lb_fast,
				       skel->progs.lb_full, skel->progs.lb_icmp};

	skel->rodata->gate_wild = w->gates.wild;
	skel->rodata->gate_nat = w->gates.nat;
	skel->rodata->gate_sources = w->gates.sources;
	skel->rodata->gate_limits = w->gates.limits;
	skel->rodata->gate_lease = w->gates.lease;
	skel->rodata->gate_passive = w->gates.passive;
	skel->rodata->gate_peers = w->gates.peers;
	skel->rodata->gate_events = w->gates.events;
	skel->rodata->gate_jumbo = w->gates.jumbo;
	memcpy((void *)skel->rodata->flow_key, w->settings.flow_key, sizeof(w->settings.flow_key));
	for (size_t i = 0; w->gates.jumbo && i < sizeof(whole) / sizeof(*whole); i++)
		bpf_program__set_flags(whole[i], BPF_F_XDP_HAS_FRAGS);
}

static int load(struct real *r, const struct world *w)
{
	int rc;

	r->skel = lb_bpf__open();
	if (!r->skel)
		return -errno;
	real__set_gates(r->skel, w);
	r->skel->rodata->gate_capture = r->skel->rodata->gate_told = w->gates.capture;
	rc = bpf_map__set_max_entries(r->skel->maps.nat_flows, w->nat_flows.max);
	if (!rc)
		rc = bpf_map__set_max_entries(r->skel->maps.flows, w->flows.max);
	return rc ? rc : lb_bpf__load(r->skel);
}

struct lb_bpf *real__skel(const struct real *r)
{
	return r->skel;
}

struct real *real__load(const struct world *w)
{
	struct real *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->cpus = libbpf_num_possible_cpus();
	if (load(r, w)) {
		fprintf(stderr, "cannot load lb.bpf.o (root?)\n");
		real__free(r);
		return NULL;
	}
	r->prog = bpf_program__fd(w->gates.capture ? r->skel->progs.lb_copy : r->skel->progs.lb);
	fill(r, w);
	return r;
}

void real__free(struct real *r)
{
	if (!r)
		return;
	lb_bpf__destroy(r->skel);
	free(r);
}

int real__run(struct real *r, const struct frame *in, uint32_t ingress, uint32_t *action,
	      struct frame *out)
{
	struct xdp_md ctx = {.data_end = in->len, .ingress_ifindex = ingress};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->b, .data_size_in = in->len,
		    .data_out = out->b, .data_size_out = sizeof(out->b), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(r->prog, &opts))
		return -errno;
	*action = opts.retval;
	out->len = opts.data_size_out;
	return 0;
}

static struct fl_count sum_of(const struct real *r, const struct bpf_map *map, uint32_t index)
{
	static struct fl_count each[CPUS_MAX];
	struct fl_count sum = {};

	must(bpf_map_lookup_elem(bpf_map__fd(map), &index, each), bpf_map__name(map));
	for (int i = 0; i < r->cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
	}
	return sum;
}

struct fl_count real__verdict(const struct real *r, enum fl_verdict verdict)
{
	return sum_of(r, r->skel->maps.verdicts, verdict);
}

uint64_t real__note(const struct real *r, enum fl_note note)
{
	return sum_of(r, r->skel->maps.notes, note).packets;
}

struct fl_count real__svc_stat(const struct real *r, uint32_t id)
{
	return sum_of(r, r->skel->maps.svc_stats, id);
}

struct fl_count real__be_stat(const struct real *r, uint32_t index)
{
	return sum_of(r, r->skel->maps.be_stats, index);
}

void real__refill(struct real *r)
{
	static const __u64 zero[CPUS_MAX];

	for (uint32_t i = 0; i < bpf_map__max_entries(r->skel->maps.icmp_meters); i++)
		put(r->skel->maps.icmp_meters, &i, zero);
}

void real__lapse(struct real *r, bool lapsed)
{
	struct fl_lease l;
	uint32_t zero = 0;

	must(bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.lease), &zero, &l), "read the lease");
	l.lapsed = lapsed;
	put(r->skel->maps.lease, &zero, &l);
}

void real__ours(struct real *r, const struct fl_ours *o)
{
	uint32_t zero = 0;

	put(r->skel->maps.ours, &zero, o);
}

void real__backend(struct real *r, uint32_t index, const struct fl_backend *b)
{
	put(r->skel->maps.backends, &index, b);
}

void real__nat_flow(struct real *r, const struct fl_nat_key *key, const struct fl_nat_flow *f)
{
	put(r->skel->maps.nat_flows, key, f);
}

void real__frag(struct real *r, const struct fl_frag_key *key, const struct fl_frag *f)
{
	put(r->skel->maps.frags, key, f);
}

bool real__get_nat_flow(const struct real *r, const struct fl_nat_key *key, struct fl_nat_flow *f)
{
	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.nat_flows), key, f);
}

bool real__get_frag(const struct real *r, const struct fl_frag_key *key, struct fl_frag *f)
{
	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.frags), key, f);
}

/* Both kinds of keys have 40 bytes. */
static uint32_t entries(const struct bpf_map *map)
{
	uint8_t key[40], next[40];
	void *from = NULL;
	uint32_t n = 0;

	_Static_assert(sizeof(struct fl_nat_key) == 40 && sizeof(struct fl_flow_key) == 40, "keys");
	while (!bpf_map_get_next_key(bpf_map__fd(map), from, next)) {
		memcpy(key, next, sizeof(key));
		from = key;
		n++;
	}
	return n;
}

uint32_t real__nat_flows(const struct real *r)
{
	return entries(r->skel->maps.nat_flows);
}

void real__flow(struct real *r, const struct fl_flow_key *key, const struct fl_flow *f)
{
	put(r->skel->maps.flows, key, f);
}

void real__tentative(struct real *r, const struct fl_flow_key *key, const struct fl_tentative *t)
{
	put(r->skel->maps.tentative, key, t);
}

bool real__get_flow(const struct real *r, const struct fl_flow_key *key, struct fl_flow *f)
{
	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.flows), key, f);
}

bool real__get_tentative(const struct real *r, const struct fl_flow_key *key,
			 struct fl_tentative *t)
{
	return !bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.tentative), key, t);
}

uint32_t real__flows(const struct real *r)
{
	return entries(r->skel->maps.flows);
}

static void all_sightings(const struct real *r, uint64_t *cells, bool write)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	static uint32_t keys[FL_SIGHTED];
	uint32_t n = FL_SIGHTED, out = 0;
	int fd = bpf_map__fd(r->skel->maps.sighted);

	for (uint32_t i = 0; i < n; i++)
		keys[i] = i;
	must(write ? bpf_map_update_batch(fd, keys, cells, &n, &opts)
		   : bpf_map_lookup_batch(fd, NULL, &out, keys, cells, &n, &opts),
	     "read or write all sightings");
}

void real__sighted(const struct real *r, uint64_t *cells)
{
	all_sightings(r, cells, false);
}

void real__set_sighted(struct real *r, const uint64_t *cells)
{
	static uint64_t copy[FL_SIGHTED];

	memcpy(copy, cells, sizeof(copy));
	all_sightings(r, copy, true);
}
