/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scene.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "fairlead/flowhash.h"
#include "helpers.h"
#include "map.h"
#include "scene_links.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define PROTOS 3
#define GUE_PORT 6080
#define WILD_ID 110 /* ids of services with ranges and prefixes start here */
#define START_NS 1000000000000ULL
#define SINCE_S 995 /* when the slots that move began to */

static const uint64_t key[4] = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL, 0xa4093822299f31d0ULL,
				0x082efa98ec4e6c89ULL};

static const uint8_t protos[PROTOS] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
static const uint8_t vip4[16] = {[10] = 0xff, 0xff, 203, 0, 113, 80};
static const uint8_t vip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x80};

/* A way of forwarding: a service and its backends. */
struct way {
	enum fl_forward mode;
	uint32_t ifindex;
	uint16_t vlan, mtu;
	uint16_t be_port;
	uint8_t be_flags;
	uint8_t affinity, slot_class;
	uint8_t shares; /* 1: its backends are those of the way before it */
	uint32_t flags; /* FL_SVC_*, but for those that follow from the mode */
};

#define NO_BACKEND 12 /* row of the service none of whose backends accepts */

static const struct way ways[] = {
	{.mode = FL_FWD_L2, .ifindex = SCENE_LINK},
	{.mode = FL_FWD_L2, .ifindex = SCENE_OTHER, .vlan = TAG_77, .mtu = 1200},
	{.mode = FL_FWD_IPIP4, .ifindex = SCENE_LINK, .flags = FL_SVC_LIMITS | FL_SVC_GROUP},
	{.mode = FL_FWD_IPIP6,
	 .ifindex = SCENE_OTHER,
	 .mtu = 1500,
	 .flags = FL_SVC_LIMITS | FL_SVC_SOURCES},
	{.mode = FL_FWD_GUE4, .ifindex = SCENE_LINK, .mtu = 1400, .slot_class = FL_SLOTS_64K},
	{.mode = FL_FWD_GUE6,
	 .ifindex = SCENE_OTHER,
	 .vlan = TAG_77,
	 .mtu = 1480,
	 .affinity = FL_AFF_SOURCE},
	{.mode = FL_FWD_NAT, .ifindex = SCENE_LINK, .mtu = 1500, .be_port = 80},
	{.mode = FL_FWD_NAT, .ifindex = SCENE_OTHER, .be_flags = FL_BE_RECORD},
	{.mode = FL_FWD_NAT, .ifindex = SCENE_LINK, .be_port = 80, .be_flags = FL_BE_RECORD},
	{.mode = FL_FWD_NAT,
	 .ifindex = SCENE_LINK,
	 .be_port = 80,
	 .be_flags = FL_BE_RECORD,
	 .shares = 1},
	{.mode = FL_FWD_FULLNAT, .ifindex = SCENE_LINK, .mtu = 1300, .be_port = 80},
	{.mode = FL_FWD_FULLNAT, .ifindex = SCENE_OTHER, .vlan = TAG_77},
	[NO_BACKEND] = {.mode = FL_FWD_L2, .ifindex = SCENE_LINK},
	{.mode = FL_FWD_L2, .ifindex = 0},
	{.mode = FL_FWD_IPIP4, .ifindex = SCENE_GONE},
	{.mode = FL_FWD_L2,
	 .ifindex = SCENE_LINK,
	 .affinity = FL_AFF_SOURCE_PORT,
	 .slot_class = FL_SLOTS_1M},
	{.mode = FL_FWD_L2, .ifindex = SCENE_LINK, .flags = FL_SVC_QUIC},
};

#define WAY_L2 0
#define WAY_IPIP4 2
#define WAY_GUE6 5
#define WAY_NAT_ANY 7
#define WAY_FULLNAT_ANY 11

_Static_assert(1 + COUNT(ways) * 2 * PROTOS <= WILD_ID, "ids of services overlap");
_Static_assert(1 + COUNT(ways) * 4 <= SCENE_BACKENDS, "SCENE_BACKENDS");

/* A service with a prefix of addresses or a range of ports, which goes one of the ways. */
struct wild {
	uint8_t addr[16];
	uint8_t prefix;
	uint8_t proto;
	uint16_t first, last;
	uint8_t way;
};

static const struct wild wilds[] = {
	{{[10] = 0xff, 0xff, 203, 0, 113, 81}, 128, IPPROTO_UDP, 5000, 6000, WAY_IPIP4},
	{{[10] = 0xff, 0xff, 198, 18, 0, 0}, 120, IPPROTO_TCP, 0, 65535, WAY_L2},
	{{0x20, 0x01, 0x0d, 0xb8, 0, 2}, 64, IPPROTO_UDP, 0, 65535, WAY_GUE6},
	{{[10] = 0xff, 0xff, 203, 0, 113, 82}, 128, IPPROTO_TCP, 9000, 9010, WAY_NAT_ANY},
	{{0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x82},
	 128,
	 IPPROTO_UDP,
	 9000,
	 9010,
	 WAY_FULLNAT_ANY},
};

static uint32_t service_id(size_t way, bool v6, size_t proto)
{
	return (uint32_t)(1 + (way * 2 + v6) * PROTOS + proto);
}

/* Two backends a way and family: a flow's hash says which. */
static uint16_t backend_index(size_t way, bool v6, unsigned int second)
{
	return (uint16_t)(1 + ((way - ways[way].shares) * 2 + v6) * 2 + second);
}

static void backend_addr(uint8_t addr[16], size_t way, bool v6, unsigned int second)
{
	const uint8_t v4_mapped[16] = {[10] = 0xff, 0xff, 10, 0}, v6_prefix[16] = {0xfd};

	memcpy(addr, v6 ? v6_prefix : v4_mapped, 16);
	addr[14] = (uint8_t)(way - ways[way].shares);
	addr[15] = (uint8_t)(10 + second);
}

static uint16_t sum4_of(const struct fl_backend *b)
{
	uint32_t sum = 0x4500 + 0x4000 + 0x4000; /* version and length, DF, TTL */

	sum += (ntohl(b->src4) >> 16) + (ntohl(b->src4) & 0xffff);
	sum += (ntohl(b->dst4) >> 16) + (ntohl(b->dst4) & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)((sum & 0xffff) + (sum >> 16)));
}

static void add_backend(size_t way, bool v6, unsigned int second)
{
	const struct way *w = &ways[way];
	struct fl_backend *b = map__value(map__named("backends"), backend_index(way, v6, second));
	struct fl_hop hop = {.dmac = {2, 0xbe, 0, 0, (uint8_t)way, (uint8_t)second},
			     .smac = {2, 0xbe, 0xff, 0, 0, 1},
			     .ifindex = w->ifindex,
			     .vlan = w->vlan,
			     .mtu = w->mtu};

	b->mode = (uint8_t)w->mode;
	b->flags = w->be_flags;
	b->port = htons(w->mode == FL_FWD_GUE4 || w->mode == FL_FWD_GUE6 ? GUE_PORT : w->be_port);
	b->hop_live = second;
	b->hop[second] = hop;
	if (second && (hop.ifindex == SCENE_LINK || hop.ifindex == SCENE_OTHER))
		b->hop[second].ifindex = SCENE_LINK + SCENE_OTHER - hop.ifindex;
	b->src_mask = htonl(0xffff);
	switch (w->mode) {
	case FL_FWD_IPIP4:
	case FL_FWD_GUE4:
		b->src4 = htonl(0x0a4d0000);
		b->dst4 = htonl(0x0a000409 + second);
		b->sum4 = sum4_of(b);
		break;
	case FL_FWD_IPIP6:
	case FL_FWD_GUE6:
		b->src6[0] = 0xfd;
		b->src6[5] = 0x77;
		backend_addr(b->addr, way, true, second);
		break;
	default:
		backend_addr(b->addr, way, v6, second);
	}
}

static uint16_t slot_owner(uint32_t slot, size_t way, bool v6)
{
	return way == NO_BACKEND ? FL_SLOT_NONE : backend_index(way, v6, slot % 4 == 3);
}

/* Half of the slots are not clean; full NAT's always are. */
static bool is_dirty(uint32_t slot, size_t way)
{
	return slot & 4 && ways[way].mode != FL_FWD_FULLNAT;
}

static void add_slots(const struct fl_service *s, size_t way, bool v6)
{
	static const char *const outers[] = {"slots_4k", "slots_64k", "slots_1m"};
	struct map *inner = map__inner(map__named(outers[s->slot_class]), s->live);
	uint16_t *slots = map__value(inner, 0);

	for (uint32_t i = 0; i <= s->slot_mask; i++)
		slots[i] = slot_owner(i, way, v6) | (is_dirty(i, way) ? FL_SLOT_DIRTY : 0);
	map__seal(inner);
}

/* The words of all slots: one in four is PINNED, the others come from the way's other backend. */
static void add_moves(const struct fl_service *s, uint32_t id, size_t way, bool v6)
{
	static const char *const outers[] = {"moves_4k", "moves_64k", "moves_1m"};
	struct map *inner = map__inner(map__named(outers[s->slot_class]), id);
	uint32_t *words = map__value(inner, 0);

	for (uint32_t i = 0; i <= s->slot_mask; i++)
		words[i] = backend_index(way, v6, i % 4 != 3) |
			   (i % 32 >= 24 ? FL_MOVE_PINNED : 0) | (i & 8 ? FL_MOVE_ACCEPTS : 0) |
			   SINCE_S << FL_MOVE_SINCE_SHIFT;
	map__seal(inner);
}

static struct fl_service *add_service(uint32_t id, const struct fl_service_key *k, size_t way,
				      bool v6)
{
	static const uint32_t counts[] = {FL_SLOTS_4K_N, FL_SLOTS_64K_N, FL_SLOTS_1M_N};
	struct fl_service *s = map__value(map__named("services"), id);
	const struct way *w = &ways[way];

	s->key = *k;
	s->live = 2 * id + id % 2;
	s->slot_class = w->slot_class;
	s->slot_mask = counts[w->slot_class] - 1;
	s->affinity = w->affinity;
	s->port_last = k->port;
	s->flags = w->flags;
	if (w->mode == FL_FWD_NAT || w->mode == FL_FWD_FULLNAT)
		s->flags |= FL_SVC_NAT;
	if (w->mode == FL_FWD_FULLNAT)
		s->flags |= FL_SVC_FULLNAT;
	s->idle_s = 60;
	s->udp_grace_s = 30;
	/* Of one in eight the agent samples less than a moment ago. */
	if (k->proto == IPPROTO_TCP) {
		s->watched = FL_PASSIVE_ALL;
		s->sampled = id % 8 ? FL_PASSIVE_ALL : FL_PASSIVE_ALL / 4;
	}
	add_slots(s, way, v6);
	/* Some have no table of moves, which harms nobody. */
	if (id % 5)
		add_moves(s, id, way, v6);
	return s;
}

static void add_to_index(uint32_t id, const struct fl_service_key *k)
{
	struct fl_bucket *bucket;
	uint64_t a[2];
	uint64_t hash;
	int i = 0;

	memcpy(a, k->addr, sizeof(a));
	hash = fl_service_hash(a[0], a[1], k->port, k->proto);
	bucket = map__value(map__named("svc_index"), fl_service_bucket(hash));
	while (bucket->way[i])
		i++;
	bucket->way[i] = fl_service_fingerprint(hash) | id;
}

/* What the replies of a `nat` service's backend come from. */
static void add_endpoint(const struct fl_service_key *k, size_t way, bool v6, unsigned int second)
{
	struct fl_endpoint from = {};
	struct fl_nat_back to = {};

	backend_addr(from.addr, way, v6, second);
	map__update(map__named("nat_back"), &from, &to, BPF_ANY);
	from.port = ways[way].be_port ? htons(ways[way].be_port) : k->port;
	from.proto = k->proto;
	to = (struct fl_nat_back){.port = k->port,
				  .service = (uint16_t)service_id(way, v6, 0),
				  .backend = backend_index(way, v6, second)};
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i] == k->proto)
			to.service = (uint16_t)service_id(way, v6, i);
	if (ways[way].be_flags & FL_BE_RECORD)
		to.service = 0;
	memcpy(to.vip, k->addr, 16);
	map__update(map__named("nat_back"), &from, &to, BPF_ANY);
}

static void add_way(size_t way, bool v6)
{
	for (size_t i = 0; i < PROTOS; i++) {
		struct fl_service_key k = {.port = htons((uint16_t)(SCENE_PORT + way)),
					   .proto = protos[i],
					   .prefix = 128};

		/* Ports of SCTP are never mapped: its checksum is over them. */
		if (k.proto == IPPROTO_SCTP &&
		    (ways[way].be_port || ways[way].mode == FL_FWD_FULLNAT))
			continue;
		memcpy(k.addr, v6 ? vip6 : vip4, 16);
		add_service(service_id(way, v6, i), &k, way, v6);
		add_to_index(service_id(way, v6, i), &k);
		for (unsigned int second = 0; second < 2 && ways[way].mode == FL_FWD_NAT; second++)
			add_endpoint(&k, way, v6, second);
	}
}

static void add_vip(const uint8_t addr[16], uint32_t prefix, struct fl_vip vip)
{
	struct fl_vip_key k = {.prefixlen = prefix};

	memcpy(k.addr, addr, 16);
	map__update(map__named("vips"), &k, &vip, BPF_ANY);
}

static void add_wilds(void)
{
	for (size_t i = 0; i < COUNT(wilds); i++) {
		const struct wild *w = &wilds[i];
		uint32_t id = (uint32_t)(WILD_ID + i);
		struct fl_service_key k = {
			.port = htons(w->first), .proto = w->proto, .prefix = w->prefix};
		struct fl_vip vip = {.ranges = {{.first = w->first,
						 .last = w->last,
						 .service = (uint16_t)id,
						 .proto = w->proto}}};

		memcpy(k.addr, w->addr, 16);
		add_service(id, &k, w->way, w->addr[10] == 0)->port_last = htons(w->last);
		add_vip(w->addr, w->prefix, vip);
	}
}

static void add_source(uint32_t scope, uint32_t bits, const uint8_t addr[16], uint32_t flags)
{
	struct fl_source_key k = {.prefixlen = 32 + bits, .scope = htonl(scope)};
	struct fl_source s = {.flags = flags};

	memcpy(k.addr, addr, 16);
	map__update(map__named("sources"), &k, &s, BPF_ANY);
}

static void add_sources(void)
{
	static const uint8_t net4[16] = {[10] = 0xff, 0xff, 192, 0, 2, 0};
	static const uint8_t high4[16] = {[10] = 0xff, 0xff, 192, 0, 2, 128};
	static const uint8_t friends4[16] = {[10] = 0xff, 0xff, 198, 51, 100, 0};
	static const uint8_t net6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xbad >> 8, 0xad};
	size_t limited = 3; /* the way with FL_SVC_SOURCES */

	add_source(0, 96 + 24, net4, FL_SRC_DENY);
	add_source(0, 96 + 25, high4, FL_SRC_DENY | FL_SRC_MONITOR);
	add_source(0, 48, net6, FL_SRC_DENY);
	for (size_t i = 0; i < PROTOS; i++) {
		add_source(service_id(limited, false, i), 0, net4, FL_SRC_DENY);
		add_source(service_id(limited, false, i), 96 + 24, friends4, FL_SRC_ALLOW);
	}
}

/* At once: seven packets and three connections of a service, three and two of a source. */
static void add_limits(void)
{
	static const struct fl_limit limits[FL_METERS_N] = {
		[FL_METER_SVC_PACKETS] = {5000000, 30000000},
		[FL_METER_SVC_NEW] = {10000000, 20000000},
		[FL_METER_SRC_PACKETS] = {10000000, 20000000},
		[FL_METER_SRC_NEW] = {10000000, 10000000},
	};

	for (size_t way = 0; way < COUNT(ways); way++) {
		for (size_t i = 0; i < 2 * PROTOS; i++) {
			uint32_t id = service_id(way, i >= PROTOS, i % PROTOS);
			struct fl_limits *l = map__value(map__named("limits"), id);

			if (!(ways[way].flags & FL_SVC_LIMITS))
				continue;
			l->flags = ways[way].flags & FL_SVC_SOURCES ? FL_LIMIT_MONITOR : 0;
			/* The last protocol is metered without limits. */
			if (i % PROTOS < 2)
				memcpy(l->limit, limits, sizeof(limits));
		}
	}
}

static void add_snat(void)
{
	struct fl_snat *s = map__value(map__named("snat"), 0);

	s->n4 = 2;
	s->n6 = 1;
	s->port_first = 20000;
	s->port_last = 20003;
	s->span = 4;
	s->addr4[0] = htonl(0x0a090901);
	s->addr4[1] = htonl(0x0a090902);
	s->addr6[0][0] = 0xfd;
	s->addr6[0][15] = 9;
}

static void build(void)
{
	static const char *const constant[] = {"svc_index", "services", "backends", "limits",
					       "snat"};
	struct fl_vip echo = {.flags = FL_VIP_ECHO};

	path__define_maps();
	path__set_key(key);
	for (size_t way = 0; way < COUNT(ways); way++) {
		for (unsigned int i = 0; i < 4 && !ways[way].shares; i++)
			add_backend(way, i / 2, i % 2);
		add_way(way, false);
		add_way(way, true);
	}
	add_vip(vip4, 128, echo);
	add_vip(vip6, 128, echo);
	add_wilds();
	add_sources();
	add_limits();
	add_snat();
	scene_links__add();
	for (size_t i = 0; i < COUNT(constant); i++)
		map__seal(map__named(constant[i]));
}

/* Of the frames in seeds.py; a lapse leaves the services of groups without their backends. */
static void add_groups(void)
{
	static const uint8_t mac[8] = {0, 0, 2, 0, 0, 0, 0xaa, 1};
	struct fl_ours *o = map__value(map__named("ours"), 0);

	for (size_t i = 0; i < FL_MACS; i++)
		memcpy(&o->mac[i], mac, sizeof(mac));
	o->groups = 1;
}

void scene__begin(const struct scene_state *state)
{
	static const char *const written[] = {
		"settings",  "lease",	  "svc_meters", "meters",	 "flows",	"tentative",
		"sighted",   "src_flows", "pressure",	"kept_second",	 "churn",	"frags",
		"nat_flows", "snat_next", "notes",	"events",	 "icmp_meters", "svc_stats",
		"be_stats",  "verdicts",  "passive",	"passive_count", "told",	"ours"};
	static struct map *maps[COUNT(written)];
	static struct fl_settings *settings;
	struct xdp_md none = {};

	if (!maps[0]) {
		build();
		for (size_t i = 0; i < COUNT(written); i++)
			maps[i] = map__named(written[i]);
		settings = map__value(maps[0], 0);
	}
	for (size_t i = 0; i < COUNT(written); i++)
		map__reset(maps[i]);
	kernel.now_ns = START_NS;
	kernel.random = 1;
	kernel.ring_full = state->ring_full;
	*settings = (struct fl_settings){.lease_ns = 1000000000,
					 .on_agent_loss = state->on_agent_loss,
					 .flow_event_every = state->events,
					 .drop_event_every = state->events};
	memcpy(settings->flow_key, key, sizeof(key));
	map__limit(map__named("nat_flows"), state->nat_full ? 3 : FL_MAX_NAT_FLOWS);
	map__limit(map__named("flows"), state->flows_full ? 2 : FL_MAX_FLOWS);
	if (state->promotions_wait)
		*(__u64 *)map__value(map__named("churn"), FL_CHURN_PROMOTED) = INT64_MAX;
	path__set_gates(&state->gates);
	if (state->groups)
		add_groups();
	if (kernel__run(lease_arm, &none) == XDP_PASS && state->lapsed)
		kernel__fire_timer();
}

bool scene__is_tx_port(uint32_t ifindex)
{
	return ifindex == SCENE_LINK || ifindex == SCENE_OTHER || ifindex == SCENE_LOWER;
}

const struct fl_backend *scene__backend(uint32_t index)
{
	return map__value(map__named("backends"), index);
}

const struct fl_count *scene__count(const char *map, uint32_t index)
{
	return map__value(map__named(map), index);
}
