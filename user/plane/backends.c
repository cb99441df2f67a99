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

static void fill(const struct plane_backend *b, struct fl_backend *out)
{
	memset(out, 0, sizeof(*out));
	out->mode = (__u8)b->mode;
	memcpy(out->addr, b->address.b, sizeof(out->addr));
	snprintf(out->id, sizeof(out->id), "%s", b->id);
	out->flags = b->flags;
	out->port = htons(b->port);
	if (b->mode == FL_FWD_IPIP4 || b->mode == FL_FWD_GUE4)
		outer__fill4(out, &b->source, b->source_len);
	else if (b->mode == FL_FWD_IPIP6 || b->mode == FL_FWD_GUE6)
		outer__fill6(out, &b->source, b->source_len);
}

bool plane__backend_same(const struct plane *p, uint32_t index, const struct plane_backend *b)
{
	const struct fl_backend *have = plane__backend(p, index);
	struct fl_backend want;

	if (!have)
		return false;
	fill(b, &want);
	return have->mode == want.mode && have->flags == want.flags && have->port == want.port &&
	       have->src_mask == want.src_mask && have->src4 == want.src4 &&
	       memcmp(have->src6, want.src6, sizeof(want.src6)) == 0 &&
	       memcmp(have->addr, want.addr, sizeof(want.addr)) == 0 &&
	       strcmp(have->id, want.id) == 0;
}

int plane__backend_new(struct plane *p, const struct plane_backend *b, uint32_t *index,
		       struct err *err)
{
	struct fl_backend entry;

	/* Index 0 stays free: a slot table that was never written must not name a backend. */
	for (uint32_t i = 0; i < FL_MAX_BACKENDS - 1; i++) {
		uint32_t at = 1 + (p->backend_hint - 1 + i) % (FL_MAX_BACKENDS - 1);

		if (p->backends[at].mode != FL_FWD_NONE)
			continue;
		fill(b, &entry);
		p->backends[at] = entry;
		p->backend_hint = at + 1;
		*index = at;
		return 0;
	}
	return err__set(err, -ENOSPC,
			"cannot add backend '%s': the map 'backends' is full (%d backends of all "
			"services together)",
			b->id, FL_MAX_BACKENDS - 1);
}

int plane__backend_hop(struct plane *p, uint32_t index, const struct fl_hop *hop, struct err *err)
{
	struct fl_backend *b = &p->backends[index];
	__u32 idle = !b->hop_live;
	int fd = bpf_map__fd(p->skel->maps.tx_ports);

	/* A redirect needs its port in the devmap before the first packet takes this hop. */
	if (hop->ifindex && bpf_map_update_elem(fd, &hop->ifindex, &hop->ifindex, BPF_ANY))
		return err__set(
			err, -errno,
			"cannot send through interface %u to backend '%s': adding it to the map "
			"'tx_ports' (%d interfaces) failed: %s",
			hop->ifindex, b->id, FL_MAX_PORTS, strerror(errno));
	b->hop[idle] = *hop;
	__atomic_store_n(&b->hop_live, idle, __ATOMIC_RELEASE);
	return 0;
}

void plane__backend_release(struct plane *p, uint32_t index)
{
	memset(&p->backends[index], 0, sizeof(p->backends[index]));
	/* The next owner of the entry starts to count at zero. */
	plane_memory__zero(p, PLANE_BACKEND, index);
}
