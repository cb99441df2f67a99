/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sources.h - who may send: lists of prefixes for the whole instance and for a service. */
#ifndef FAIRLEAD_BPF_ADMIT_SOURCES_H
#define FAIRLEAD_BPF_ADMIT_SOURCES_H

#include "gates.h"
#include "maps.h"
#include "observe/count.h"
#include "service/key.h"

#define SCOPE_BITS 32
#define SCOPE_ALL 0

/* GO_ON or DROP_DENIED, by the longest prefix in a scope. */
RARE int check_scope(const struct addr_words *src, __u32 scope)
{
	struct fl_source_key k = {.prefixlen = SCOPE_BITS + 128, .scope = bpf_htonl(scope)};
	const struct fl_source *s;

	if (!src)
		return FL_V_DROP_BUG;
	copy16(k.addr, src->a);
	s = bpf_map_lookup_elem(&sources, &k);
	if (!s || !(s->flags & FL_SRC_DENY))
		return GO_ON;
	if (!(s->flags & FL_SRC_MONITOR))
		return FL_V_DROP_DENIED;
	count_note(FL_N_DENIED);
	return GO_ON;
}

/* `s` may be NULL: what is not for a service, but would be answered. */
static __always_inline int admit_source(const struct addr_words *src, const struct fl_service *s,
					__u32 id)
{
	int v;

	if (!gate_sources)
		return GO_ON;
	v = check_scope(src, SCOPE_ALL);
	if (v != GO_ON || !s || !(s->flags & FL_SVC_SOURCES))
		return v;
	return check_scope(src, id);
}

#endif
