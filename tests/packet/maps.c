/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lb.skel.h"

#define NS_PER_S 1000000000ULL

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
}

static void put_or_delete(const struct bpf_map *map, const void *key, const void *value)
{
	if (value)
		put(map, key, value);
	else
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

/* The same value for every CPU. */
static void put_percpu(const struct rig *r, const struct bpf_map *map, uint32_t index)
{
	void *zero = calloc((size_t)r->cpus, 8);

	assert_non_null(zero);
	put(map, &index, zero);
	free(zero);
}

void maps__addr(uint8_t version, const uint8_t *addr, uint8_t out[16])
{
	memset(out, 0, 16);
	if (version == 6) {
		memcpy(out, addr, 16);
	} else {
		out[10] = out[11] = 0xff;
		memcpy(out + 12, addr, 4);
	}
}

void maps__vip(struct rig *r, uint8_t version, uint32_t flags)
{
	const struct fl_vip v = {.flags = flags};
	uint8_t addr[16];

	maps__addr(version, version == 6 ? rig_vip6 : rig_vip4, addr);
	maps__vip_range(r, addr, 128, &v);
}

void maps__vip_range(struct rig *r, const uint8_t addr[16], uint32_t bits, const struct fl_vip *v)
{
	struct fl_vip_key k = {.prefixlen = bits};

	memcpy(k.addr, addr, 16);
	put_or_delete(r->skel->maps.vips, &k, v);
}

void maps__source(struct rig *r, uint32_t scope, uint8_t version, const uint8_t *addr,
		  uint32_t bits, uint32_t flags)
{
	struct fl_source_key k = {
		.prefixlen = 32 + bits + (version == 6 ? 0 : 96),
		.scope = htonl(scope),
	};
	const struct fl_source s = {.flags = flags};

	maps__addr(version, addr, k.addr);
	put_or_delete(r->skel->maps.sources, &k, flags ? &s : NULL);
}

void maps__limits(struct rig *r, uint32_t id, const struct fl_limits *l)
{
	put(r->skel->maps.limits, &id, l);
	maps__rest(r);
}

void maps__rest(struct rig *r)
{
	static uint32_t cells[2 * FL_METERS];
	static const __u64 none[2 * FL_METERS];
	const struct fl_svc_meter zero = {0};
	uint32_t n = 2 * FL_METERS;

	for (uint32_t id = 0; id < RIG_COUNTED; id++)
		put(r->skel->maps.svc_meters, &id, &zero);
	for (uint32_t i = 0; i < n; i++)
		cells[i] = i;
	assert_int_equal(
		bpf_map_update_batch(bpf_map__fd(r->skel->maps.meters), cells, none, &n, NULL), 0);
}

void maps__icmp_rest(struct rig *r)
{
	put_percpu(r, r->skel->maps.icmp_meters, 0);
	put_percpu(r, r->skel->maps.icmp_meters, 1);
}

void maps__nat_back(struct rig *r, uint32_t backend, uint8_t proto, uint16_t port,
		    const struct fl_nat_back *e)
{
	struct fl_endpoint k = {.port = htons(port), .proto = proto};

	memcpy(k.addr, r->backends[backend].addr, 16);
	put_or_delete(r->skel->maps.nat_back, &k, e);
}

void maps__snat(struct rig *r, const struct fl_snat *pool)
{
	uint32_t zero = 0;

	put(r->skel->maps.snat, &zero, pool);
	put_percpu(r, r->skel->maps.snat_next, 0);
	maps__no_flows(r);
}

struct fl_nat_key maps__nat_key(const struct spec *s)
{
	struct fl_nat_key k = {
		.sport = htons(s->sport),
		.dport = htons(s->dport),
		.proto = s->proto,
	};

	maps__addr(s->ip.version, s->ip.src, k.saddr);
	maps__addr(s->ip.version, s->ip.dst, k.daddr);
	return k;
}

bool maps__flow(struct rig *r, const struct spec *s, struct fl_nat_flow *out)
{
	struct fl_nat_key k = maps__nat_key(s);

	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.nat_flows), &k, out) == 0;
}

void maps__set_flow(struct rig *r, const struct spec *s, const struct fl_nat_flow *f)
{
	struct fl_nat_key k = maps__nat_key(s);

	put_or_delete(r->skel->maps.nat_flows, &k, f);
}

static void empty(const struct bpf_map *map, void *key)
{
	while (bpf_map_get_next_key(bpf_map__fd(map), NULL, key) == 0)
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

void maps__no_flows(struct rig *r)
{
	struct fl_nat_key k;

	empty(r->skel->maps.nat_flows, &k);
}

uint32_t maps__flows(struct rig *r)
{
	int fd = bpf_map__fd(r->skel->maps.nat_flows);
	struct fl_nat_key k, next;
	uint32_t n = 0;

	for (void *at = NULL; bpf_map_get_next_key(fd, at, &next) == 0; at = &k) {
		k = next;
		n++;
	}
	return n;
}

static struct fl_frag_key frag_key(const struct spec *s)
{
	struct fl_frag_key k = {.proto = s->ip.version == 4 ? s->proto : 0};

	maps__addr(s->ip.version, s->ip.src, k.saddr);
	maps__addr(s->ip.version, s->ip.dst, k.daddr);
	if (s->ip.version == 4) {
		k.id = htons(s->ip.id);
		return k;
	}
	for (int i = 0; i < MAX_EXTS; i++)
		if (s->ip.ext[i].type == PROTO_FRAGMENT && s->ip.ext[i].len)
			k.id = htonl(s->ip.ext[i].id);
	return k;
}

bool maps__frag(struct rig *r, const struct spec *s, struct fl_frag *out)
{
	struct fl_frag_key k = frag_key(s);

	return bpf_map_lookup_elem(bpf_map__fd(r->skel->maps.frags), &k, out) == 0;
}

void maps__set_frag(struct rig *r, const struct spec *s, const struct fl_frag *f)
{
	struct fl_frag_key k = frag_key(s);

	put_or_delete(r->skel->maps.frags, &k, f);
}

void maps__no_frags(struct rig *r)
{
	struct fl_frag_key k;

	empty(r->skel->maps.frags, &k);
}

void maps__vlan_port(struct rig *r, uint32_t ifindex, const struct fl_vlan_port *p)
{
	put_or_delete(r->skel->maps.vlan_ports, &ifindex, p);
}

struct events {
	struct fl_event *out;
	uint32_t max, n;
};

static int take_event(void *ctx, void *data, size_t len)
{
	struct events *e = ctx;

	if (e->n < e->max && len == sizeof(*e->out))
		memcpy(&e->out[e->n], data, len);
	e->n++;
	return 0;
}

uint32_t maps__events(struct rig *r, struct fl_event *out, uint32_t max)
{
	struct events e = {.out = out, .max = max};
	struct ring_buffer *rb =
		ring_buffer__new(bpf_map__fd(r->skel->maps.events), take_event, &e, NULL);

	assert_non_null(rb);
	assert_true(ring_buffer__consume(rb) >= 0);
	ring_buffer__free(rb);
	return e.n;
}

uint64_t maps__clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}
