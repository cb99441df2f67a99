/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"

static void vip(uint8_t version, uint8_t out[16])
{
	static const uint8_t vip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 0x80};

	if (version == 4)
		addr_map4(out, (uint8_t[4]){203, 0, 113, 80});
	else
		memcpy(out, vip6, 16);
}

uint32_t fixture__index(enum fl_forward mode, uint8_t version)
{
	return 4 * (mode - FL_FWD_L2) + (version == 6 ? 2 : 0) + 1;
}

static uint16_t service_port(enum fl_forward mode)
{
	return (uint16_t)(8000 + mode);
}

static void make_backend(struct world *w, enum fl_forward mode, uint8_t version)
{
	uint32_t index = fixture__index(mode, version);
	struct fl_backend *b = &w->backends[index];
	bool outer6 = mode == FL_FWD_IPIP6 || mode == FL_FWD_GUE6;
	bool nat = mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT;
	struct fl_hop *hop = &b->hop[0];

	b->mode = (__u8)mode;
	put32(hop->dmac, 0x02000000U | mode);
	put32(hop->smac, 0x02000001);
	hop->ifindex = w->ports[NET_B].ifindex;
	hop->mtu = FIXTURE_MTU;
	if (mode == FL_FWD_L2 || mode == FL_FWD_IPIP6)
		hop->vlan = FL_HOP_TAG | FIXTURE_VLAN;
	b->port = htons(nat ? FIXTURE_NAT_PORT : FIXTURE_GUE_PORT);
	if (nat ? version == 6 : outer6) {
		put32(b->addr, 0xfd090000);
		b->addr[15] = (uint8_t)mode;
		put32(b->src6, 0xfd010000);
		b->src_mask = htonl(0xffffffff);
		return;
	}
	addr_map4(b->addr, (uint8_t[4]){10, 0, 4, (uint8_t)mode});
	memcpy(&b->dst4, b->addr + 12, 4);
	b->src4 = htonl(0x0a4d0000);
	b->src_mask = htonl(0xffff);
	b->sum4 = world__sum4(b);
}

static void make_service(struct world *w, enum fl_forward mode, uint8_t version, uint8_t proto)
{
	uint32_t index = fixture__index(mode, version), id = index + (proto == PROTO_UDP);
	struct fl_service *s = &w->services[id];

	vip(version, s->key.addr);
	s->key.port = s->port_last = htons(service_port(mode));
	s->key.proto = proto;
	s->key.prefix = 128;
	s->live = 2 * id;
	s->slot_mask = FL_SLOTS_4K_N - 1;
	s->idle_s = 60;
	s->flags = mode == FL_FWD_FULLNAT ? FL_SVC_NAT | FL_SVC_FULLNAT
		   : mode == FL_FWD_NAT	  ? FL_SVC_NAT
					  : 0;
	w->indexed[id] = true;
	w->slots[id] = calloc(FL_SLOTS_4K_N, sizeof(uint16_t));
	if (!w->slots[id])
		abort();
	for (uint32_t i = 0; i < FL_SLOTS_4K_N; i++)
		w->slots[id][i] = (uint16_t)index;
	if (mode == FL_FWD_NAT) {
		struct fl_endpoint *e = &w->nat_back[w->n_nat_back].key;

		if (proto == PROTO_TCP) {
			memcpy(e->addr, w->backends[index].addr, 16);
			e = &w->nat_back[++w->n_nat_back].key;
		}
		struct fl_nat_back *back = &w->nat_back[w->n_nat_back++].value;

		memcpy(e->addr, w->backends[index].addr, 16);
		e->port = htons(FIXTURE_NAT_PORT);
		e->proto = proto;
		memcpy(back->vip, s->key.addr, 16);
		back->port = s->key.port;
		back->service = (__u16)id;
		back->backend = index;
	}
}

void fixture__make(struct world *w)
{
	static const __u64 key[4] = {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL,
				     0xa4093822299f31d0ULL, 0x082efa98ec4e6c89ULL};

	world__init(w, 1024, WORLD_FLOWS);
	net__describe(w);
	w->gates = (struct world_gates){.nat = true, .sources = true, .limits = true};
	memcpy(w->settings.flow_key, key, sizeof(key));
	w->n_services = w->n_backends = fixture__index(FL_FWD_FULLNAT, 6) + 2;
	w->snat = (struct fl_snat){.n4 = 1,
				   .n6 = 1,
				   .port_first = 20000,
				   .port_last = 20999,
				   .span = 1000,
				   .addr4 = {htonl(0x0a090001)}};
	put32(w->snat.addr6[0], 0xfd0a0000);
	w->snat.addr6[0][15] = 1;
	for (uint8_t version = 4; version <= 6; version += 2) {
		for (enum fl_forward mode = FL_FWD_L2; mode <= FL_FWD_FULLNAT; mode++) {
			make_backend(w, mode, version);
			make_service(w, mode, version, PROTO_TCP);
			make_service(w, mode, version, PROTO_UDP);
		}
		w->vips[w->n_vips].key.prefixlen = 128;
		vip(version, w->vips[w->n_vips].key.addr);
		w->vips[w->n_vips++].value.flags = FL_VIP_ECHO;
	}
}

struct desc fixture__to(enum fl_forward mode, uint8_t version, uint8_t proto)
{
	struct desc d = desc__new(version, proto);

	vip(version, d.daddr);
	d.dport = service_port(mode);
	return d;
}

struct desc fixture__answer(const struct world *w, enum fl_forward mode, uint8_t version,
			    uint8_t proto)
{
	struct desc d = desc__new(version, proto);

	memcpy(d.daddr, d.saddr, 16);
	memcpy(d.saddr, w->backends[fixture__index(mode, version)].addr, 16);
	d.dport = d.sport;
	d.sport = FIXTURE_NAT_PORT;
	d.flags = 0x12;
	if (mode == FL_FWD_FULLNAT) {
		if (version == 4)
			addr_map4(d.daddr, (const uint8_t *)&w->snat.addr4[0]);
		else
			memcpy(d.daddr, w->snat.addr6[0], 16);
		d.dport = w->snat.port_first;
	}
	return d;
}

void fixture__run(struct world *w, const struct frame *in, struct outcome *out)
{
	const struct moment at = {.now_ns = FIXTURE_NOW_S * 1000000000ULL,
				  .ingress = w->ports[NET_A].ifindex};

	model__run(w, in, &at, out);
}
