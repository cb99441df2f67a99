/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lookup.h - the service of a packet: one bucket of fingerprints, then the full key. */
#ifndef FAIRLEAD_BPF_SERVICE_LOOKUP_H
#define FAIRLEAD_BPF_SERVICE_LOOKUP_H

#include "fairlead/flowhash.h"
#include "maps.h"
#include "pkt.h"

/* What a service is found by, in words that hash and compare in a few instructions. */
struct key_words {
	__u64 a[2]; /* the VIP as it lies in fl_service_key.addr */
	__be16 port;
	__u8 proto;
};

static __always_inline int key_of(struct xdp_md *ctx, const struct pkt *p, struct key_words *k)
{
	void *ip = frame(ctx) + p->l3, *end = frame_end(ctx);
	__be16 ports[2];

	if (p->v6) {
		struct ipv6hdr *h = ip;

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		__builtin_memcpy(k->a, &h->daddr, 16);
		/* The form in which the keys hold IPv4 addresses is no address on the wire. */
		if (!k->a[0] && h->daddr.in6_u.u6_addr32[2] == bpf_htonl(0xffff))
			return FL_V_PASS_NOT_SERVICE;
	} else {
		struct iphdr *h = ip;
		__be32 mapped[2] = {bpf_htonl(0xffff), 0};

		if ((void *)(h + 1) > end)
			return FL_V_DROP_BUG;
		mapped[1] = h->daddr;
		k->a[0] = 0;
		__builtin_memcpy(&k->a[1], mapped, 8);
	}
	__builtin_memcpy(ports, &p->ports, sizeof(ports));
	k->port = ports[1];
	k->proto = p->proto;
	return GO_ON;
}

static __always_inline int key_equal(const struct fl_service *s, const struct key_words *k)
{
	const __u64 *a = (const __u64 *)s->key.addr;

	return a[0] == k->a[0] && a[1] == k->a[1] && s->key.port == k->port &&
	       s->key.proto == k->proto;
}

/* GO_ON with *out and *id, or PASS_NOT_SERVICE. */
static __always_inline int find_service(struct xdp_md *ctx, const struct pkt *p,
					struct fl_service **out, __u32 *id)
{
	struct key_words k = {};
	struct fl_bucket *bucket;
	__u32 hash, at;
	int v;

	v = key_of(ctx, p, &k);
	if (v != GO_ON)
		return v;
	hash = fl_service_hash(k.a[0], k.a[1], k.port, k.proto);
	at = hash & (FL_INDEX_BUCKETS - 1);
	bucket = bpf_map_lookup_elem(&svc_index, &at);
	if (!bucket)
		return FL_V_DROP_BUG;
	for (int i = 0; i < FL_BUCKET_WAYS; i++) {
		__u32 way = *(volatile __u32 *)&bucket->way[i];
		struct fl_service *s;

		if (!way)
			break;
		if ((way ^ hash) >> 16)
			continue;
		*id = way & 0xffff;
		s = bpf_map_lookup_elem(&services, id);
		if (s && key_equal(s, &k)) {
			*out = s;
			return GO_ON;
		}
	}
	return FL_V_PASS_NOT_SERVICE;
}

#endif
