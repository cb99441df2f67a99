/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * services.c - entries of `services`, the buckets of `svc_index` through which packets find those of one
 * address and port, and `vips` for the rest.
 *
 * A bucket's way is one aligned word, so each change below is one store that a packet sees whole or
 * not at all. A withdrawn way becomes a tombstone (fingerprint 0xffff, id 0): the scan goes on past
 * it, entry 0 of `services` matches no packet, and the next service of the bucket takes its place.
 */
#include "plane/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fairlead/flowhash.h"

#define TOMBSTONE 0xffff0000U

const struct fl_service *plane__service(const struct plane *p, uint32_t id)
{
	if (id == 0 || id >= FL_MAX_SERVICES || p->services[id].slot_mask == 0)
		return NULL;
	return &p->services[id];
}

static uint64_t hash_of(const struct fl_service_key *key)
{
	__u64 a[2];

	memcpy(a, key->addr, sizeof(a));
	return fl_service_hash(a[0], a[1], key->port, key->proto);
}

static __u32 *bucket_of(const struct plane *p, const struct fl_service_key *key, __u32 *fingerprint)
{
	__u64 h = hash_of(key);

	*fingerprint = fl_service_fingerprint(h);
	return p->index[fl_service_bucket(h)].way;
}

/* Found by svc_index; others by `vips`. */
static bool is_exact(const struct fl_service *s)
{
	return s->key.prefix == 128 && s->key.port == s->port_last;
}

int plane__service_new(struct plane *p, const struct plane_service *want, uint32_t *id,
		       struct err *err)
{
	struct fl_service s = {
		.key = want->key,
		.slot_mask = plane__slots(want->slot_class) - 1,
		.slot_class = (__u8)want->slot_class,
		.port_last = htons(want->port_last),
		.flags = want->flags,
	};
	uint32_t at = 0;
	int rc;

	for (uint32_t i = 0; i < FL_MAX_SERVICES - 1 && !at; i++) {
		uint32_t candidate = 1 + (p->service_hint - 1 + i) % (FL_MAX_SERVICES - 1);

		if (p->services[candidate].slot_mask == 0)
			at = candidate;
	}
	if (!at)
		return err__set(err, -ENOSPC,
				"cannot add service '%s': the map 'services' is full (%d services)",
				want->name, FL_MAX_SERVICES - 1);
	rc = plane_slots__make(p, at, want->slot_class, err);
	if (rc)
		return err__prefix(err, rc, "cannot add service '%s'", want->name);
	snprintf(s.name, sizeof(s.name), "%s", want->name);
	s.live = 2 * at;
	p->services[at] = s;
	p->service_hint = at + 1;
	*id = at;
	return 0;
}

void plane__service_tune(struct plane *p, uint32_t id, const struct plane_tune *t)
{
	struct fl_service *s = &p->services[id];

	__atomic_store_n(&s->affinity, (__u8)t->affinity, __ATOMIC_RELAXED);
	__atomic_store_n(&s->idle_s, t->idle_s, __ATOMIC_RELAXED);
	__atomic_store_n(&s->udp_grace_s, t->udp_grace_s, __ATOMIC_RELAXED);
	plane__service_flags(p, id, t->quic ? FL_SVC_QUIC : 0, t->quic ? 0 : FL_SVC_QUIC);
}

void plane__service_flags(struct plane *p, uint32_t id, uint32_t set, uint32_t clear)
{
	struct fl_service *s = &p->services[id];

	if (plane__service(p, id))
		__atomic_store_n(&s->flags, (s->flags | set) & ~clear, __ATOMIC_RELEASE);
}

int plane__service_publish(struct plane *p, uint32_t id, struct err *err)
{
	const struct fl_service_key *key = &p->services[id].key;
	__u32 fingerprint, *way = bucket_of(p, key, &fingerprint);
	int place = -1;

	if (!is_exact(&p->services[id]))
		return 0;
	for (int i = 0; i < FL_BUCKET_WAYS; i++) {
		__u32 old = way[i] & 0xffff;

		if (old && memcmp(&p->services[old].key, key, sizeof(*key)) == 0) {
			place = i;
			break;
		}
		if (!old && place < 0)
			place = i;
		if (way[i] == 0)
			break;
	}
	if (place < 0)
		return err__set(
			err, -ENOSPC,
			"cannot add service '%s': its bucket of the map 'svc_index' holds %d "
			"services already; give the VIP or the port another value",
			p->services[id].name, FL_BUCKET_WAYS);
	__atomic_store_n(&way[place], fingerprint | id, __ATOMIC_RELEASE);
	return 0;
}

static __u32 *find_way(const struct plane *p, uint32_t id)
{
	__u32 fingerprint, *way = bucket_of(p, &p->services[id].key, &fingerprint);

	if (!is_exact(&p->services[id]))
		return NULL;
	for (int i = 0; i < FL_BUCKET_WAYS; i++) {
		if (way[i] == (fingerprint | id))
			return &way[i];
	}
	return NULL;
}

static bool in_vips(const struct plane *p, uint32_t id)
{
	const struct vip_entry *e = p->vips.list;

	for (size_t i = 0; i < p->vips.n; i++) {
		for (size_t r = 0; r < FL_VIP_RANGES && e[i].value.ranges[r].service; r++) {
			if (e[i].value.ranges[r].service == id)
				return true;
		}
	}
	return false;
}

bool plane__service_published(const struct plane *p, uint32_t id)
{
	return is_exact(&p->services[id]) ? find_way(p, id) != NULL : in_vips(p, id);
}

int plane__vips(struct plane *p, const struct vip_entry *want, size_t n, struct err *err)
{
	p->vips.fd = bpf_map__fd(p->skel->maps.vips);
	return plane_table__apply(&p->vips, want, n, err);
}

void plane__service_withdraw(struct plane *p, uint32_t id)
{
	__u32 *way = find_way(p, id);

	if (way)
		__atomic_store_n(way, TOMBSTONE, __ATOMIC_RELEASE);
}

void plane__service_release(struct plane *p, uint32_t id)
{
	enum fl_slot_class slot_class = (enum fl_slot_class)p->services[id].slot_class;

	/*
	 * The entry first: an agent that is killed in between leaves tables that nobody names, which its
	 * successor sweeps. An entry without tables could not be adopted.
	 */
	memset(&p->services[id], 0, sizeof(p->services[id]));
	plane_slots__free(p, id, slot_class);
	plane_moves__free(p, id, slot_class);
	plane_seats__free(p, id);
	/* The next owner of the entry starts to count at zero. */
	plane_memory__zero(p, PLANE_SERVICE, id);
	plane_passive__zero(p, FL_PASSIVE_SERVICES + id);
}
