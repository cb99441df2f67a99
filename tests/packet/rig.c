/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "explain.h"
#include "fairlead/flowhash.h"
#include "lb.skel.h"
#include "maps.h"
#include "net.h"

const uint8_t rig_vip4[4] = {203, 0, 113, 80};
const uint8_t rig_vip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x80};

const uint64_t rig_flow_key[4] = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL,
				  0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL};

/* Reachable at exit, so that the leak checker sees what libbpf holds. */
static struct rig *the_rig;
static uint64_t the_key[4];

static const uint32_t slot_counts[FL_SLOT_CLASSES] = {
	[FL_SLOTS_4K] = FL_SLOTS_4K_N,
	[FL_SLOTS_64K] = FL_SLOTS_64K_N,
	[FL_SLOTS_1M] = FL_SLOTS_1M_N,
};

static const struct rig_backend defaults[RIG_BACKENDS] = {
	[RIG_L2] = {.mode = FL_FWD_L2,
		    .hop = {.dmac = {2, 0, 0, 1, 1, 1},
			    .smac = {2, 0, 0, 1, 1, 2},
			    .ifindex = RIG_LO}},
	[RIG_IPIP4] = {.mode = FL_FWD_IPIP4,
		       .hop = {.dmac = {2, 0, 0, 4, 4, 1},
			       .smac = {2, 0, 0, 4, 4, 2},
			       .ifindex = RIG_LO},
		       .tunnel = {.version = 4,
				  .ttl = 64,
				  .frag = FRAG_DF,
				  .src = {10, 77, 0, 0},
				  .dst = {10, 0, 4, 9}},
		       .src_mask = 0xffff},
	[RIG_IPIP6] = {.mode = FL_FWD_IPIP6,
		       .hop = {.dmac = {2, 0, 0, 6, 6, 1},
			       .smac = {2, 0, 0, 6, 6, 2},
			       .ifindex = RIG_LO},
		       .tunnel = {.version = 6,
				  .ttl = 64,
				  .src = {0xfd, 1, [7] = 2, [11] = 3},
				  .dst = {0xfd, 9, [15] = 0x44}},
		       .src_mask = 0xffffffff},
	[RIG_GUE4] = {.mode = FL_FWD_GUE4,
		      .hop = {.dmac = {2, 0, 0, 4, 5, 1},
			      .smac = {2, 0, 0, 4, 5, 2},
			      .ifindex = RIG_LO},
		      .tunnel = {.version = 4,
				 .ttl = 64,
				 .frag = FRAG_DF,
				 .src = {10, 78, 0, 0},
				 .dst = {10, 0, 4, 10}},
		      .src_mask = 0xff,
		      .port = RIG_GUE_PORT},
	[RIG_GUE6] = {.mode = FL_FWD_GUE6,
		      .hop = {.dmac = {2, 0, 0, 6, 5, 1},
			      .smac = {2, 0, 0, 6, 5, 2},
			      .ifindex = RIG_LO},
		      .tunnel = {.version = 6,
				 .ttl = 64,
				 .src = {0xfd, 1, [7] = 4},
				 .dst = {0xfd, 9, [15] = 0x45}},
		      .src_mask = 0xffff,
		      .port = RIG_GUE_PORT + 1},
	[RIG_NAT4] = {.mode = FL_FWD_NAT,
		      .hop = {.dmac = {2, 0, 0, 4, 6, 1},
			      .smac = {2, 0, 0, 4, 6, 2},
			      .ifindex = RIG_LO},
		      .tunnel = {.version = 4, .dst = {10, 0, 4, 11}},
		      .port = RIG_NAT_PORT},
	[RIG_NAT6] = {.mode = FL_FWD_NAT,
		      .hop = {.dmac = {2, 0, 0, 6, 6, 3},
			      .smac = {2, 0, 0, 6, 6, 4},
			      .ifindex = RIG_LO},
		      .tunnel = {.version = 6, .dst = {0xfd, 9, [15] = 0x46}},
		      .port = RIG_NAT_PORT},
	[RIG_FULL4] = {.mode = FL_FWD_FULLNAT,
		       .hop = {.dmac = {2, 0, 0, 4, 7, 1},
			       .smac = {2, 0, 0, 4, 7, 2},
			       .ifindex = RIG_LO},
		       .tunnel = {.version = 4, .dst = {10, 0, 4, 12}},
		       .port = RIG_NAT_PORT},
	[RIG_FULL6] = {.mode = FL_FWD_FULLNAT,
		       .hop = {.dmac = {2, 0, 0, 6, 7, 1},
			       .smac = {2, 0, 0, 6, 7, 2},
			       .ifindex = RIG_LO},
		       .tunnel = {.version = 6, .dst = {0xfd, 9, [15] = 0x47}},
		       .port = RIG_NAT_PORT},
};

uint32_t rig__slot_count(enum fl_slot_class slot_class)
{
	return slot_counts[slot_class];
}

static void *map_array(const struct bpf_map *map, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

struct fl_service_key rig__key(uint8_t version, uint8_t proto, uint16_t port)
{
	struct fl_service_key key = {.port = htons(port), .proto = proto, .prefix = 128};

	if (version == 6) {
		memcpy(key.addr, rig_vip6, 16);
	} else {
		key.addr[10] = key.addr[11] = 0xff;
		memcpy(key.addr + 12, rig_vip4, 4);
	}
	return key;
}

uint64_t rig__key_hash(const struct fl_service_key *key)
{
	uint64_t a[2];

	memcpy(a, key->addr, sizeof(a));
	return fl_service_hash(a[0], a[1], key->port, key->proto);
}

static const struct bpf_map *outer_map(const struct rig *r, enum fl_slot_class slot_class)
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

void rig__slots_at(struct rig *r, uint32_t outer, const uint16_t *slots)
{
	const struct bpf_map *map =
		outer_map(r, (enum fl_slot_class)r->services[outer / 2].slot_class);
	uint32_t inner_id, zero = 0;
	int fd;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &outer, &inner_id), 0);
	fd = bpf_map_get_fd_by_id(inner_id);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, slots, BPF_ANY), 0);
	close(fd);
}

void rig__slots(struct rig *r, uint32_t id, const uint16_t *slots)
{
	rig__slots_at(r, r->services[id].live, slots);
}

static void fill_slots(struct rig *r, uint32_t outer, uint32_t n, uint16_t slot)
{
	uint16_t *slots = malloc(n * sizeof(*slots));

	assert_non_null(slots);
	for (uint32_t i = 0; i < n; i++)
		slots[i] = slot;
	rig__slots_at(r, outer, slots);
	free(slots);
}

void rig__service(struct rig *r, uint32_t id, const struct fl_service_key *key,
		  enum fl_slot_class slot_class)
{
	uint64_t hash = rig__key_hash(key);
	uint32_t n = slot_counts[slot_class];
	struct fl_bucket *bucket = &r->index[fl_service_bucket(hash)];
	int way = 0;

	r->services[id] = (struct fl_service){
		.key = *key,
		.live = 2 * id,
		.slot_mask = n - 1,
		.slot_class = (__u8)slot_class,
		.name = "test",
	};
	for (uint32_t outer = 2 * id; outer <= 2 * id + 1; outer++) {
		int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "slots", sizeof(__u32),
					n * (uint32_t)sizeof(uint16_t), 1, NULL);

		assert_true(fd >= 0);
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer_map(r, slot_class)), &outer,
						     &fd, BPF_ANY),
				 0);
		close(fd);
		fill_slots(r, outer, n, FL_SLOT_NONE);
	}
	while (way < FL_BUCKET_WAYS && bucket->way[way])
		way++;
	assert_true(way < FL_BUCKET_WAYS);
	bucket->way[way] = fl_service_fingerprint(hash) | id;
}

void rig__point_one(struct rig *r, uint32_t id, uint16_t slot)
{
	uint32_t index = slot & FL_SLOT_INDEX;
	uint8_t mode = index < FL_MAX_BACKENDS ? r->backends[index].mode : FL_FWD_NONE;

	/* A service has one way of forwarding, and says so if it is NAT. */
	if (mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT)
		r->services[id].flags |= FL_SVC_NAT;
	else if (mode != FL_FWD_NONE)
		r->services[id].flags &= ~FL_SVC_NAT;
	fill_slots(r, r->services[id].live, slot_counts[r->services[id].slot_class], slot);
}

void rig__point(struct rig *r, uint16_t slot)
{
	for (uint32_t id = RIG_TCP4; id < RIG_SERVICES; id++)
		rig__point_one(r, id, slot);
}

/* What is constant in the outer header, as abi.h describes it. */
static void fill_outer(const struct rig_backend *b, struct fl_backend *e)
{
	const struct ip *t = &b->tunnel;
	uint8_t header[20] = {0x45, [6] = 0x40, [8] = 64};

	e->src_mask = htonl(b->src_mask);
	if (t->version == 4) {
		e->addr[10] = e->addr[11] = 0xff;
		memcpy(e->addr + 12, t->dst, 4);
		memcpy(&e->src4, t->src, 4);
		memcpy(&e->dst4, t->dst, 4);
		memcpy(header + 12, t->src, 4);
		memcpy(header + 16, t->dst, 4);
		e->sum4 = htons((uint16_t)~build__checksum(header, sizeof(header)));
	} else if (t->version == 6) {
		memcpy(e->src6, t->src, 16);
		memcpy(e->addr, t->dst, 16);
	}
}

void rig__backend(struct rig *r, uint32_t index, const struct rig_backend *b)
{
	struct fl_backend e = {
		.mode = (__u8)b->mode,
		.flags = b->flags,
		.port = htons(b->port),
		.hop = {b->hop},
	};

	if (b->mtu)
		e.hop[0].mtu = b->mtu;
	fill_outer(b, &e);
	r->backends[index] = e;
	if (index < RIG_BACKENDS)
		r->be[index] = *b;
}

void rig__reset_backends(struct rig *r)
{
	for (uint32_t i = RIG_L2; i < RIG_BACKENDS; i++)
		rig__backend(r, i, &defaults[i]);
}

void rig__settings(struct rig *r, const struct fl_settings *s)
{
	uint32_t zero = 0;

	r->settings = *s;
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(r->skel->maps.settings), &zero, s, BPF_ANY), 0);
}

void rig__tx_port(struct rig *r, uint32_t ifindex, bool there)
{
	int fd = bpf_map__fd(r->skel->maps.tx_ports);

	if (there)
		assert_int_equal(bpf_map_update_elem(fd, &ifindex, &ifindex, BPF_ANY), 0);
	else
		bpf_map_delete_elem(fd, &ifindex);
}

void rig__set_gates(const struct rig *r, struct lb_bpf *skel)
{
	const struct rig_gates *g = &r->gates;

	skel->rodata->gate_lease = g->lease;
	skel->rodata->gate_wild = g->wild;
	skel->rodata->gate_sources = g->sources;
	skel->rodata->gate_limits = g->limits;
	skel->rodata->gate_nat = g->nat;
	skel->rodata->gate_jumbo = g->jumbo;
	skel->rodata->gate_events = g->events;
	skel->rodata->gate_passive = g->passive;
	skel->rodata->gate_peers = g->peers;
	for (size_t i = 0; i < 4; i++)
		skel->rodata->flow_key[i] = the_key[i];
	/* As the agent does it: what no gate needs is not made. */
	bpf_map__set_autocreate(skel->maps.nat_flows, g->nat);
	bpf_map__set_autocreate(skel->maps.meters, g->limits);
	bpf_map__set_autocreate(skel->maps.told, g->peers);
	bpf_program__set_autoload(skel->progs.nat_take, g->nat && g->peers);
	bpf_program__set_autoload(skel->progs.nat_sweep, g->nat);
	bpf_map__set_autocreate(skel->maps.passive, g->passive);
	bpf_map__set_autocreate(skel->maps.passive_count, g->passive);
	if (g->jumbo) {
		bpf_program__set_flags(skel->progs.lb, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_copy, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_fast, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_full, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_icmp, BPF_F_XDP_HAS_FRAGS);
	}
}

struct rig *rig__of(int prog)
{
	return the_rig && the_rig->lb == prog ? the_rig : NULL;
}

static void load(struct rig *r)
{
	const struct rig_gates *g = &r->gates;

	r->skel = lb_bpf__open();
	assert_non_null(r->skel);
	rig__set_gates(r, r->skel);
	bpf_map__set_max_entries(r->skel->maps.nat_flows,
				 g->nat_flows ? g->nat_flows : RIG_NAT_FLOWS);
	bpf_map__set_max_entries(r->skel->maps.told, g->told ? g->told : FL_TOLD_SIZE);
	if (lb_bpf__load(r->skel))
		fail_msg("cannot load lb.bpf.o (root?)");
	r->lb = bpf_program__fd(r->skel->progs.lb);
	r->arm = bpf_program__fd(r->skel->progs.lease_arm);
	r->services =
		map_array(r->skel->maps.services, sizeof(struct fl_service) * FL_MAX_SERVICES);
	r->index = map_array(r->skel->maps.svc_index, sizeof(struct fl_bucket) * FL_INDEX_BUCKETS);
	r->backends =
		map_array(r->skel->maps.backends, sizeof(struct fl_backend) * FL_MAX_BACKENDS);
}

static void fill(struct rig *r)
{
	struct fl_settings settings = {.lease_ns = 1000000000};
	static const struct {
		enum rig_service id;
		uint8_t version, proto;
	} services[] = {{RIG_TCP4, 4, PROTO_TCP},   {RIG_UDP4, 4, PROTO_UDP},
			{RIG_TCP6, 6, PROTO_TCP},   {RIG_UDP6, 6, PROTO_UDP},
			{RIG_SCTP4, 4, PROTO_SCTP}, {RIG_SCTP6, 6, PROTO_SCTP}};

	memcpy(settings.flow_key, the_key, sizeof(the_key));
	rig__settings(r, &settings);
	for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++) {
		struct fl_service_key key =
			rig__key(services[i].version, services[i].proto, RIG_PORT);

		rig__service(r, services[i].id, &key, FL_SLOTS_4K);
	}
	maps__vip(r, 4, 0);
	maps__vip(r, 6, 0);
	rig__reset_backends(r);
	rig__point(r, RIG_L2);
	rig__tx_port(r, RIG_LO, true);
	rig__tx_port(r, r->port, true);
}

static void rig_free(struct rig *r)
{
	if (!r)
		return;
	munmap(r->services, sizeof(struct fl_service) * FL_MAX_SERVICES);
	munmap(r->index, sizeof(struct fl_bucket) * FL_INDEX_BUCKETS);
	munmap(r->backends, sizeof(struct fl_backend) * FL_MAX_BACKENDS);
	explain__free(r->explain);
	lb_bpf__destroy(r->skel);
	free(r);
}

struct rig *rig__get(struct rig_gates gates)
{
	return rig__get_with_key(gates, rig_flow_key);
}

struct rig *rig__plain(void)
{
	return rig__get((struct rig_gates){0});
}

static bool same_gates(const struct rig_gates *a, const struct rig_gates *b)
{
	return a->lease == b->lease && a->wild == b->wild && a->sources == b->sources &&
	       a->limits == b->limits && a->nat == b->nat && a->jumbo == b->jumbo &&
	       a->events == b->events && a->passive == b->passive && a->peers == b->peers &&
	       a->nat_flows == b->nat_flows && a->told == b->told;
}

struct rig *rig__get_with_key(struct rig_gates gates, const uint64_t key[4])
{
	if (the_rig && same_gates(&the_rig->gates, &gates) &&
	    memcmp(the_key, key, sizeof(the_key)) == 0) {
		the_rig->unexplained = false;
		return the_rig;
	}
	rig_free(the_rig);
	the_rig = calloc(1, sizeof(*the_rig));
	assert_non_null(the_rig);
	the_rig->gates = gates;
	memcpy(the_key, key, sizeof(the_key));
	the_rig->cpus = libbpf_num_possible_cpus();
	the_rig->port = net__own_namespace();
	load(the_rig);
	fill(the_rig);
	return the_rig;
}

struct explain *rig__explain(struct rig *r)
{
	if (!r->explain)
		r->explain = explain__new(r);
	return r->explain;
}

/* FL_ONLY: a pattern of the names of the tests that are run (* and ?). */
__attribute__((constructor)) static void only(void)
{
	cmocka_set_test_filter(getenv("FL_ONLY"));
}

int rig__teardown(void **state)
{
	(void)state;
	rig_free(the_rig);
	the_rig = NULL;
	return 0;
}

uint64_t rig__hash_for(const struct rig *r, const struct spec *s, enum fl_affinity affinity)
{
	const __u64 *key = r->settings.flow_key;
	uint16_t pair[2] = {htons(s->sport), htons(s->dport)};
	__u64 src[2], dst[2] = {0, 0};
	uint32_t ports, src4, dst4 = 0, proto = s->proto;

	if (affinity != FL_AFF_FLOW) {
		pair[1] = 0;
		proto = 0;
	} else {
		memcpy(dst, s->ip.dst, 16);
		memcpy(&dst4, s->ip.dst, 4);
	}
	if (affinity == FL_AFF_SOURCE)
		pair[0] = 0;
	memcpy(&ports, pair, sizeof(ports));
	memcpy(src, s->ip.src, 16);
	memcpy(&src4, s->ip.src, 4);
	if (s->ip.version == 6)
		return fl_flow_hash6(key, src, dst, ports, proto);
	return fl_flow_hash4(key, src4, dst4, ports, proto);
}

uint64_t rig__hash(const struct rig *r, const struct spec *s)
{
	return rig__hash_for(r, s, FL_AFF_FLOW);
}

enum rig_service rig__service_of(const struct spec *s)
{
	switch (s->proto) {
	case PROTO_TCP:
		return s->ip.version == 6 ? RIG_TCP6 : RIG_TCP4;
	case PROTO_SCTP:
		return s->ip.version == 6 ? RIG_SCTP6 : RIG_SCTP4;
	default:
		return s->ip.version == 6 ? RIG_UDP6 : RIG_UDP4;
	}
}
