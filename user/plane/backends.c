/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends.c - entries of `backends`: the outer header's template and the next hop. */
#include "plane/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plane/outer.h"

const struct fl_backend *plane__backend(const struct plane *p, uint32_t index)
{
	if (index >= FL_MAX_BACKENDS || p->backends[index].mode == FL_FWD_NONE)
		return NULL;
	return &p->backends[index];
}

struct fl_backend plane_backend__entry(const struct plane_backend *b)
{
	struct fl_backend e;

	memset(&e, 0, sizeof(e));
	e.mode = (__u8)b->mode;
	memcpy(e.addr, b->address.b, sizeof(e.addr));
	snprintf(e.id, sizeof(e.id), "%s", b->id);
	e.port = htons(b->port);
	if (b->mode == FL_FWD_IPIP4 || b->mode == FL_FWD_GUE4)
		outer__fill4(&e, &b->source, b->source_len);
	else if (b->mode == FL_FWD_IPIP6 || b->mode == FL_FWD_GUE6)
		outer__fill6(&e, &b->source, b->source_len);
	return e;
}

int plane__backend_new(struct plane *p, const struct fl_backend *entry, uint32_t *index,
		       struct err *err)
{
	/* Index 0 stays free: a slot table that was never written must not name a backend. */
	for (uint32_t i = 0; i < FL_MAX_BACKENDS - 1; i++) {
		uint32_t at = 1 + (p->backend_hint - 1 + i) % (FL_MAX_BACKENDS - 1);

		if (p->backends[at].mode != FL_FWD_NONE)
			continue;
		p->backends[at] = *entry;
		p->backend_hint = at + 1;
		*index = at;
		return 0;
	}
	return err__set(err, -ENOSPC,
			"cannot add backend '%s': the map 'backends' is full (%d of them; services "
			"that reach the same backend in the same way share one)",
			entry->id, FL_MAX_BACKENDS - 1);
}

void plane__backend_flag(struct plane *p, uint32_t index, uint8_t flag, bool on)
{
	uint8_t flags = p->backends[index].flags;

	flags = (uint8_t)(on ? flags | flag : flags & ~flag);
	__atomic_store_n(&p->backends[index].flags, flags, __ATOMIC_RELEASE);
}

int plane__backend_hop(struct plane *p, uint32_t index, const struct fl_hop *hop, struct err *err)
{
	struct fl_backend *b = &p->backends[index];
	__u32 idle = !b->hop_live;
	int rc;

	/* A redirect needs its port in the devmap before the first packet takes this hop. */
	rc = hop->ifindex ? plane__port_add(p, hop->ifindex, err) : 0;
	if (rc)
		return err__prefix(err, rc, "backend '%s'", b->id);
	b->hop[idle] = *hop;
	__atomic_store_n(&b->hop_live, idle, __ATOMIC_RELEASE);
	return 0;
}

void plane__backend_release(struct plane *p, uint32_t index)
{
	memset(&p->backends[index], 0, sizeof(p->backends[index]));
	/* The next owner of the entry starts to count at zero. */
	plane_memory__zero(p, PLANE_BACKEND, index);
	plane_passive__zero(p, index);
}
