/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admit.h - whether a packet for a service goes on: the lease, source lists, limits (docs/datapath.md, 3). */
#ifndef FAIRLEAD_BPF_ADMIT_ADMIT_H
#define FAIRLEAD_BPF_ADMIT_ADMIT_H

#include "admit/lease.h"
#include "admit/limits.h"
#include "admit/sources.h"

/* GO_ON or a verdict. */
static __always_inline int admit(struct xdp_md *ctx, const struct pkt *p,
				 const struct addr_words *src, const struct fl_service *s, __u32 id)
{
	int v = admit_lease(s->flags & FL_SVC_GROUP);

	if (v == GO_ON)
		v = admit_source(src, s, id);
	if (v == GO_ON)
		v = admit_rate(ctx, p, src, s, id);
	return v;
}

#endif
