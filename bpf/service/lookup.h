/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lookup.h - the service of an address, port and protocol.
 *
 * First exactly: one bucket of fingerprints, then the full key. Then, where such services exist, by
 * the longest prefix that holds the address and the first of its ranges that holds the port.
 */
#ifndef FAIRLEAD_BPF_SERVICE_LOOKUP_H
#define FAIRLEAD_BPF_SERVICE_LOOKUP_H

#include "gates.h"
#include "fairlead/flowhash.h"
#include "maps.h"
#include "service/key.h"

#define WHOLE_ADDR 128

/* Port, protocol and prefix as one word, as they lie in the key. */
static __always_inline __u32 key_tail(__be16 port, __u8 proto)
{
	return port | (__u32)proto << 16 | (__u32)WHOLE_ADDR << 24;
}

static __always_inline int key_equal(const struct fl_service *s, const struct addr_words *vip,
				     __u32 tail)
{
	const __u64 *a = (const __u64 *)s->key.addr;

	return a[1] == vip->a[1] && *(const __u32 *)&s->key.port == tail && a[0] == vip->a[0];
}

static __always_inline struct fl_service *find_exact(const struct addr_words *vip, __be16 port,
						     __u8 proto, __u32 *id)
{
	__u64 hash = fl_service_hash(vip->a[0], vip->a[1], port, proto);
	__u32 at = fl_service_bucket(hash), fingerprint = fl_service_fingerprint(hash);
	struct fl_bucket *bucket = bpf_map_lookup_elem(&svc_index, &at);

	if (!bucket)
		return NULL;
	for (int i = 0; i < FL_BUCKET_WAYS; i++) {
		__u32 way = *(volatile __u32 *)&bucket->way[i];
		struct fl_service *s;

		if (!way)
			break;
		if ((way ^ fingerprint) >> 16)
			continue;
		*id = way & 0xffff;
		s = bpf_map_lookup_elem(&services, id);
		if (s && key_equal(s, vip, key_tail(port, proto)))
			return s;
	}
	return NULL;
}

/* What is known of an address that is, or lies in, a VIP; NULL: it is none. */
static __always_inline struct fl_vip *find_vip(const struct addr_words *addr)
{
	struct fl_vip_key k = {.prefixlen = WHOLE_ADDR};

	copy16(k.addr, addr->a);
	return bpf_map_lookup_elem(&vips, &k);
}

/* The id of the service by prefix and range, 0: there is none. */
RARE __u32 find_wild(__u64 vip0, __u64 vip1, __u32 port, __u32 proto)
{
	struct addr_words vip = {{vip0, vip1}};
	__u16 host_port = bpf_ntohs((__u16)port);
	struct fl_vip *v = find_vip(&vip);

	if (!v)
		return 0;
#pragma clang loop unroll(disable)
	for (int i = 0; i < FL_VIP_RANGES; i++) {
		const struct fl_range *r = &v->ranges[i];

		if (!r->service)
			return 0;
		if (r->proto == proto && host_port >= r->first && host_port <= r->last)
			return r->service;
	}
	return 0;
}

/* The service of a destination, and its id; NULL: none has it. */
static __always_inline struct fl_service *find_service(const struct addr_words *vip, __be16 port,
						       __u8 proto, __u32 *id)
{
	struct fl_service *s = find_exact(vip, port, proto, id);

	if (s || !gate_wild)
		return s;
	*id = find_wild(vip->a[0], vip->a[1], port, proto);
	return *id ? bpf_map_lookup_elem(&services, id) : NULL;
}

#endif
