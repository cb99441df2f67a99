/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limits.c - the map `limits`. */
#include "plane/internal.h"

#include <errno.h>
#include <string.h>

/*
 * The kernel copies the entry word by word, so a packet in that moment may meter by an old gap and a
 * new burst, which is no worse than having come a moment earlier.
 */
int plane__limits_set(struct plane *p, uint32_t id, const struct fl_limits *l, struct err *err)
{
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.limits), &id, l, BPF_ANY))
		return err__set(err, -errno, "cannot write the limits of service '%s': %s",
				p->services[id].name, strerror(errno));
	return 0;
}
