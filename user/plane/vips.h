/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vips.h - the content of `vips` as a function of the services: pure, see struct fl_vip in abi.h. */
#ifndef FAIRLEAD_PLANE_VIPS_H
#define FAIRLEAD_PLANE_VIPS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/addr.h"
#include "fairlead/abi.h"

/* A service, as far as `vips` is concerned. */
struct vip_use {
	struct addr_prefix vip;
	uint16_t first, last; /* ports in host order, both included */
	uint8_t proto;
	bool wild; /* found by its prefix and range; else by `svc_index` */
	bool echo; /* echo requests are answered */
	bool group; /* it is an address of a VRRP group */
	uint16_t service; /* id, never 0 */
};

/* One element of the map. */
struct vip_entry {
	struct fl_vip_key key;
	struct fl_vip value;
};
_Static_assert(sizeof(struct vip_entry) == sizeof(struct fl_vip_key) + sizeof(struct fl_vip),
	       "vip_entry has no padding");

/*
 * Makes the entries of all prefixes that `uses` name, one each, sorted by key as memcmp() does; the
 * caller frees *out. An entry has the ranges of its own prefix and of those around it, longer prefixes
 * first, then fewer ports, then the lower first port; echo is what the services of this very prefix
 * say. `uses` is sorted on the way. -ENOMEM; -E2BIG: more than FL_VIP_RANGES apply to one prefix.
 */
int vips__build(struct vip_use *uses, size_t n, struct vip_entry **out, size_t *n_out);

#endif
