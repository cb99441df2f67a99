/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scenario.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net.h"

#define SERVICES 14
#define HOUR_NS 3600000000000ULL /* an event an hour: certain to be over */
#define SNAT_FIRST 20000
#define NAT_FLOWS 16384
#define NAT_FLOWS_FEW 64
#define FLOWS_FEW 100

static const uint32_t slot_counts[FL_SLOT_CLASSES] = {FL_SLOTS_4K_N, FL_SLOTS_64K_N, FL_SLOTS_1M_N};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct maker {
	struct world *w;
	struct rng *rng;
	int cpus;
};

static uint32_t below(struct maker *m, uint32_t n)
{
	return rng__below(m->rng, n);
}

static bool percent(struct maker *m, uint32_t p)
{
	return rng__percent(m->rng, p);
}

/* Family of an address by a number, in the prefix 203.0.net or 2001:db8:net. */
static void net_addr(uint8_t version, uint8_t net, uint8_t host, uint8_t out[16])
{
	if (version == 4) {
		addr_map4(out, (uint8_t[4]){203, 0, net, host});
		return;
	}
	memset(out, 0, 16);
	put32(out, 0x20010db8);
	out[5] = net;
	out[15] = host;
}

static void make_hop(struct maker *m, struct fl_hop *hop)
{
	static const uint8_t ports[] = {NET_A, NET_A, NET_A, NET_A, NET_B, NET_B, NET_B, NET_C};
	static const uint16_t mtus[] = {1500, 1400, 1280, 1000, 600, 200, 9000};
	uint32_t port = ports[below(m, sizeof(ports))];

	for (int i = 0; i < 6; i++) {
		hop->dmac[i] = (uint8_t)below(m, 256);
		hop->smac[i] = (uint8_t)below(m, 256);
	}
	hop->dmac[0] &= 0xfe;
	hop->ifindex = percent(m, 4) ? 0 : m->w->ports[percent(m, 6) ? NET_LO : port].ifindex;
	hop->vlan = (uint16_t)(percent(m, 30) ? FL_HOP_TAG | below(m, 4096) : 0);
	hop->mtu = percent(m, 40) ? 0 : mtus[below(m, sizeof(mtus) / sizeof(*mtus))];
}

static void make_outer(struct maker *m, struct fl_backend *b, uint8_t host)
{
	static const uint32_t masks[] = {0, 0xff, 0xffff, 0xffffff, 0xffff0000};
	uint32_t mask = masks[below(m, sizeof(masks) / sizeof(*masks))];
	bool outer6 = b->mode == FL_FWD_IPIP6 || b->mode == FL_FWD_GUE6;

	b->src_mask = htonl(mask);
	if (outer6) {
		put32(b->src6, 0xfd000000 | below(m, 0x10000));
		put32(b->src6 + 12, (uint32_t)rng__next(m->rng) & ~mask);
		put32(b->addr, 0xfd090000);
		b->addr[15] = host;
		return;
	}
	b->src4 = htonl((0x0a4d0000 | below(m, 0x10000)) & ~mask);
	addr_map4(b->addr, (uint8_t[4]){10, 0, 4, host});
	memcpy(&b->dst4, b->addr + 12, 4);
	b->sum4 = world__sum4(b);
}

static struct fl_backend *new_backend(struct maker *m, uint8_t mode)
{
	struct fl_backend *b = &m->w->backends[m->w->n_backends++];

	*b = (struct fl_backend){.mode = mode, .hop_live = below(m, 2)};
	if (percent(m, 10))
		b->flags = FL_BE_GONE;
	make_hop(m, &b->hop[0]);
	make_hop(m, &b->hop[1]);
	return b;
}

static struct fl_nat_back *endpoint(struct maker *m, const uint8_t addr[16], __be16 port,
				    uint8_t proto)
{
	struct world *w = m->w;
	struct fl_endpoint key = {.port = port, .proto = proto};
	uint32_t i = 0;

	memcpy(key.addr, addr, 16);
	while (i < w->n_nat_back && memcmp(&w->nat_back[i].key, &key, sizeof(key)) != 0)
		i++;
	if (i < w->n_nat_back) {
		w->nat_back[i].value.service = 0;
	} else {
		w->nat_back[i].key = key;
		w->nat_back[i].value.service = UINT16_MAX;
		w->n_nat_back++;
	}
	return &w->nat_back[i].value;
}

/* Endpoints meet now and then, so that some replies do not tell their service. */
static void make_nat(struct maker *m, struct fl_backend *b, uint32_t id)
{
	const struct fl_service *s = &m->w->services[id];
	uint8_t version = addr_is4(s->key.addr) ? 4 : 6, proto = s->key.proto;
	bool wide = s->key.port != s->port_last;
	struct fl_nat_back *back;

	if (version == 4) {
		addr_map4(b->addr, (uint8_t[4]){10, 0, 5, (uint8_t)(1 + below(m, 5))});
	} else {
		put32(b->addr, 0xfd050000);
		b->addr[15] = (uint8_t)(1 + below(m, 5));
	}
	if (!wide && proto != PROTO_SCTP && percent(m, 60))
		b->port = htons((uint16_t)(8000 + below(m, 4)));
	if (b->mode == FL_FWD_FULLNAT)
		return;
	endpoint(m, b->addr, 0, 0)->service = 0;
	if (wide) {
		b->flags |= FL_BE_RECORD;
		return;
	}
	back = endpoint(m, b->addr, b->port ? b->port : s->key.port, proto);
	back->backend = m->w->n_backends - 1;
	if (back->service == UINT16_MAX)
		back->service = (__u16)(s->key.prefix == 128 ? id : 0);
	if (back->service) {
		memcpy(back->vip, s->key.addr, 16);
		back->port = s->key.port;
	}
}

/* Every `nat` backend whose endpoint names no service needs records. */
static void mark_records(struct world *w)
{
	for (uint32_t i = 1; i < w->n_backends; i++) {
		struct fl_backend *b = &w->backends[i];

		for (uint32_t e = 0; b->mode == FL_FWD_NAT && e < w->n_nat_back; e++)
			if (w->nat_back[e].key.proto && !w->nat_back[e].value.service &&
			    memcmp(w->nat_back[e].key.addr, b->addr, 16) == 0)
				b->flags |= FL_BE_RECORD;
	}
}

static void make_slots(struct maker *m, uint32_t id, uint32_t first, uint32_t n)
{
	struct world *w = m->w;
	uint32_t slots = w->services[id].slot_mask + 1;
	uint32_t none = percent(m, 20) ? 10 : 0, bug = percent(m, 8) ? 10 : 0;

	w->slots[id] = calloc(slots, sizeof(uint16_t));
	if (!w->slots[id])
		abort();
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t index = first + below(m, n);

		if (none && percent(m, none))
			index = FL_SLOT_NONE;
		else if (bug && percent(m, bug))
			index = WORLD_BACKENDS - 1; /* an entry that is not in use */
		w->slots[id][i] = (uint16_t)index;
	}
}

/* Slots that are not clean: most of a service's, few, or none; and of some services no word is there. */
static void make_moves(struct maker *m, uint32_t id, uint32_t first, uint32_t n)
{
	struct world *w = m->w;
	uint32_t slots = w->services[id].slot_mask + 1, now = (uint32_t)(now_ns() / 1000000000);
	uint32_t dirty = percent(m, 30) ? 0 : percent(m, 50) ? 90 : 20;
	bool table = percent(m, 90);

	if (!dirty)
		return;
	if (table)
		w->moves[id] = calloc(slots, sizeof(uint32_t));
	if (table && !w->moves[id])
		abort();
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t since = now - (percent(m, 50) ? below(m, 60) : 0);
		uint32_t prev = percent(m, 3) ? FL_SLOT_NONE : first + below(m, n);

		if (percent(m, dirty))
			w->slots[id][i] |= FL_SLOT_DIRTY;
		if (table)
			w->moves[id][i] = prev | (percent(m, 25) ? FL_MOVE_PINNED : 0) |
					  (percent(m, 50) ? FL_MOVE_ACCEPTS : 0) |
					  since << FL_MOVE_SINCE_SHIFT;
	}
}

static void make_backends(struct maker *m, uint32_t id)
{
	static const uint8_t modes[] = {FL_FWD_L2,   FL_FWD_IPIP4,   FL_FWD_IPIP6,
					FL_FWD_GUE4, FL_FWD_GUE6,    FL_FWD_NAT,
					FL_FWD_NAT,  FL_FWD_FULLNAT, FL_FWD_FULLNAT};
	uint8_t mode = modes[below(m, m->w->gates.nat ? sizeof(modes) : 5)];
	uint32_t n = 1 + below(m, 4), first = m->w->n_backends;

	if (mode == FL_FWD_FULLNAT && m->w->services[id].key.proto == PROTO_SCTP)
		mode = FL_FWD_NAT;
	if (mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT)
		m->w->services[id].flags |= FL_SVC_NAT;
	if (mode == FL_FWD_FULLNAT)
		m->w->services[id].flags |= FL_SVC_FULLNAT;
	for (uint32_t i = 0; i < n; i++) {
		struct fl_backend *b = new_backend(m, mode);

		if (mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT)
			make_nat(m, b, id);
		else if (mode != FL_FWD_L2)
			make_outer(m, b, (uint8_t)m->w->n_backends);
		if (mode == FL_FWD_GUE4 || mode == FL_FWD_GUE6)
			b->port = htons((uint16_t)(percent(m, 70) ? 6080 : 1024 + below(m, 60000)));
	}
	make_slots(m, id, first, n);
	make_moves(m, id, first, n);
	if (m->w->services[id].key.proto == PROTO_UDP && percent(m, 40))
		m->w->services[id].flags |= FL_SVC_QUIC;
	if (id % 4 == 1)
		m->w->services[id].flags |= FL_SVC_GROUP;
}

/* Sometimes it is not known; the one that packets are sent to is any of them. */
static void make_ours(struct maker *m)
{
	static const uint8_t sent_to[6] = {2, 0, 0, 0, 0xaa, 1};
	uint32_t n = below(m, FL_MACS + 1), known = n ? below(m, n) : 0;

	for (uint32_t i = 0; i < FL_MACS && n; i++) {
		uint8_t mac[6] = {2, 0xee, 0, 0, 0, (uint8_t)(i < n ? i : 0)};

		m->w->ours.mac[i] = world__cell(i % n == known ? sent_to : mac);
	}
}

/* What the services of a world are found by. */
static struct fl_service_key make_key(struct maker *m, uint32_t id, uint16_t *last)
{
	static const uint8_t protos[] = {PROTO_TCP, PROTO_TCP, PROTO_TCP, PROTO_UDP,
					 PROTO_UDP, PROTO_UDP, PROTO_SCTP};
	struct fl_service_key key = {.proto = protos[below(m, sizeof(protos))], .prefix = 128};
	uint8_t version = id % 2 ? 4 : 6;
	uint32_t wide = m->w->gates.wild ? below(m, 8) : 0;

	switch (wide) {
	case 1: /* a range */
		net_addr(version, 113, (uint8_t)(11 + below(m, 2)), key.addr);
		key.port = htons((uint16_t)(1000 + 100 * below(m, 4)));
		*last = (uint16_t)(ntohs(key.port) + 50 + 100 * below(m, 4));
		return key;
	case 2: /* any port */
		net_addr(version, 113, (uint8_t)(11 + below(m, 3)), key.addr);
		*last = 65535;
		return key;
	case 3: /* any port of a prefix */
	case 4: /* a port of a prefix, perhaps inside that of case 3 */
		net_addr(version, 114, wide == 3 ? 0 : 64, key.addr);
		key.prefix = (uint8_t)(wide == 3 ? (version == 4 ? 96 + 24 : 64)
						 : (version == 4 ? 96 + 28 : 122));
		key.port = htons(wide == 3 ? 0 : (uint16_t)(80 + below(m, 3)));
		*last = wide == 3 ? 65535 : ntohs(key.port);
		return key;
	default:
		net_addr(version, wide == 5 ? 114 : 113,
			 (uint8_t)(wide == 5 ? 70 : 1 + below(m, 3)), key.addr);
		key.port = htons((uint16_t)(80 + id));
		*last = ntohs(key.port);
		return key;
	}
}

static void make_limits(struct maker *m, struct fl_limits *l)
{
	static const uint32_t bursts[] = {0, 1, 5, 50, 500};

	for (int i = 0; i < FL_METERS_N; i++) {
		if (percent(m, 40))
			continue;
		if (percent(m, 40)) {
			l->limit[i] = (struct fl_limit){.gap_ns = 1, .burst_ns = 20000000};
			continue;
		}
		l->limit[i].gap_ns = HOUR_NS;
		l->limit[i].burst_ns = HOUR_NS * bursts[below(m, 5)];
	}
	if (percent(m, 30))
		l->flags = FL_LIMIT_MONITOR;
}

static void make_service(struct maker *m)
{
	struct world *w = m->w;
	uint32_t id = w->n_services++;
	struct fl_service *s = &w->services[id];
	uint8_t slot_class = percent(m, 15) ? FL_SLOTS_64K : FL_SLOTS_4K;
	uint16_t last = 0;

	s->key = make_key(m, id, &last);
	for (uint32_t other = 1; other < id; other++)
		if (memcmp(&s->key, &w->services[other].key, sizeof(s->key)) == 0 &&
		    w->services[other].port_last == htons(last)) {
			w->n_services--;
			return;
		}
	s->port_last = htons(last);
	s->live = 2 * id + below(m, 2);
	s->slot_class = slot_class;
	s->slot_mask = slot_counts[slot_class] - 1;
	s->affinity = (__u8)below(m, 3);
	s->idle_s = 60;
	s->udp_grace_s = 30;
	w->indexed[id] = s->key.prefix == 128 && s->key.port == s->port_last;
	if (w->gates.sources && percent(m, 50))
		s->flags |= FL_SVC_SOURCES;
	if (w->gates.limits && percent(m, 60)) {
		s->flags |= FL_SVC_LIMITS;
		make_limits(m, &w->limits[id]);
	}
	if (w->gates.passive && s->key.proto == IPPROTO_TCP)
		s->sampled = s->watched = id % 3 ? FL_PASSIVE_ALL : FL_PASSIVE_ALL / 2;
	memcpy(s->name, "model", 6);
	make_backends(m, id);
}

/* More specific first: longer prefix, then fewer ports. */
static int by_width(const void *a, const void *b)
{
	const struct fl_service *x = *(const struct fl_service *const *)a;
	const struct fl_service *y = *(const struct fl_service *const *)b;
	int wx = ntohs(x->port_last) - ntohs(x->key.port);
	int wy = ntohs(y->port_last) - ntohs(y->key.port);

	if (x->key.prefix != y->key.prefix)
		return y->key.prefix - x->key.prefix;
	return wx - wy;
}

static void fill_vip(struct world *w, const struct fl_vip_key *key, struct fl_vip *vip)
{
	const struct fl_service *in[WORLD_SERVICES];
	uint32_t n = 0;

	for (uint32_t id = 1; id < w->n_services; id++) {
		const struct fl_service_key *k = &w->services[id].key;

		if (!w->indexed[id] && k->prefix <= key->prefixlen &&
		    addr_in(key->addr, k->addr, k->prefix))
			in[n++] = &w->services[id];
	}
	qsort(in, n, sizeof(*in), by_width);
	for (uint32_t i = 0; i < n && i < FL_VIP_RANGES; i++)
		vip->ranges[i] = (struct fl_range){.first = ntohs(in[i]->key.port),
						   .last = ntohs(in[i]->port_last),
						   .service = (__u16)(in[i] - w->services),
						   .proto = in[i]->key.proto};
}

static void make_vips(struct maker *m)
{
	struct world *w = m->w;

	for (uint32_t id = 1; id < w->n_services; id++) {
		struct fl_vip_key key = {.prefixlen = w->services[id].key.prefix};
		uint32_t i = 0;

		memcpy(key.addr, w->services[id].key.addr, 16);
		while (i < w->n_vips && memcmp(&w->vips[i].key, &key, sizeof(key)) != 0)
			i++;
		if (i < w->n_vips)
			continue;
		w->vips[i].key = key;
		w->vips[i].value.flags =
			(percent(m, 50) ? FL_VIP_ECHO : 0) | (i & 1 ? FL_VIP_GROUP : 0);
		fill_vip(w, &key, &w->vips[i].value);
		w->n_vips++;
	}
}

static void add_source(struct maker *m, uint32_t scope, const uint8_t addr[16], uint32_t bits,
		       uint32_t flags)
{
	struct world *w = m->w;
	struct fl_source_key key = {.prefixlen = 32 + bits, .scope = htonl(scope)};

	if (w->n_sources == WORLD_SOURCES)
		return;
	for (uint32_t bit = 0; bit < bits; bit++)
		key.addr[bit / 8] |= addr[bit / 8] & (0x80 >> bit % 8);
	for (uint32_t i = 0; i < w->n_sources; i++)
		if (memcmp(&w->sources[i].key, &key, sizeof(key)) == 0)
			return;
	w->sources[w->n_sources].key = key;
	w->sources[w->n_sources++].value.flags = flags;
}

static void make_sources(struct maker *m)
{
	static const uint32_t flags[] = {FL_SRC_DENY, FL_SRC_DENY, FL_SRC_DENY | FL_SRC_MONITOR,
					 FL_SRC_ALLOW, FL_SRC_DENY | FL_SRC_RUNTIME};
	uint8_t addr[16] = {};

	for (uint32_t scope = 0; scope < m->w->n_services; scope++) {
		if (scope && !(m->w->services[scope].flags & FL_SVC_SOURCES))
			continue;
		if (scope && percent(m, 30)) /* an `allow` list */
			add_source(m, scope, addr, 0, FL_SRC_DENY);
		for (uint32_t n = 1 + below(m, 3); n; n--) {
			static const uint8_t lengths4[] = {96 + 16, 96 + 30, 128, 96};
			static const uint8_t lengths6[] = {48, 64, 126, 128};
			uint8_t version = percent(m, 50) ? 4 : 6;

			net__client((enum net_client)below(m, 3), version,
				    (uint16_t)(1 + below(m, 12)), addr);
			add_source(m, scope, addr,
				   version == 4 ? lengths4[below(m, 4)] : lengths6[below(m, 4)],
				   flags[below(m, 5)]);
		}
	}
}

static void make_snat(struct maker *m, struct fl_snat *s)
{
	s->n4 = percent(m, 4) ? 0 : 1 + below(m, 3);
	s->n6 = percent(m, 4) ? 0 : 1 + below(m, 3);
	s->span = percent(m, 25) ? 16 : 2000;
	s->port_first = SNAT_FIRST;
	s->port_last = (__u16)(SNAT_FIRST + s->span * m->cpus - 1);
	for (uint8_t i = 0; i < FL_SNAT_ADDRS; i++) {
		s->addr4[i] = htonl(0x0a090000U + i + 1);
		put32(s->addr6[i], 0xfd0a0000);
		s->addr6[i][15] = (__u8)(i + 1);
	}
}

void scenario__make(struct world *w, uint32_t number, struct rng *rng, int cpu, int cpus)
{
	struct maker m = {.w = w, .rng = rng, .cpus = cpus};

	world__init(w, rng__percent(rng, 15) ? NAT_FLOWS_FEW : NAT_FLOWS,
		    rng__percent(rng, 25) ? FLOWS_FEW : WORLD_FLOWS);
	net__describe(w);
	w->cpu = cpu;
	w->gates = scenario__gates(number);
	for (int i = 0; i < 4; i++)
		w->settings.flow_key[i] = rng__next(rng);
	w->settings.lease_ns = 1000000000;
	if (w->gates.events)
		w->settings.flow_event_every = w->settings.drop_event_every = 2;
	w->settings.on_agent_loss = w->gates.lease ? FL_LOSS_PASS + rng__below(rng, 2) : 0;
	w->n_services = w->n_backends = 1;
	make_snat(&m, &w->snat);
	for (int i = 0; i < SERVICES; i++)
		make_service(&m);
	mark_records(w);
	make_vips(&m);
	if (w->gates.sources)
		make_sources(&m);
	make_ours(&m);
}
