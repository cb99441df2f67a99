/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.c - the maps of NAT that the agent writes: `nat_back` and `snat`. */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plane/snat.h"

int plane__nat_back(struct plane *p, const struct nat_entry *want, size_t n, struct err *err)
{
	p->nat_back.fd = bpf_map__fd(p->skel->maps.nat_back);
	return plane_table__apply(&p->nat_back, want, n, err);
}

static int compare(const void *key, const void *entry)
{
	return memcmp(key, entry, sizeof(struct fl_endpoint));
}

const struct fl_nat_back *plane__nat_name(const struct plane *p, const struct fl_endpoint *e)
{
	const struct nat_entry *found = NULL;

	if (p->nat_back.n)
		found = bsearch(e, p->nat_back.list, p->nat_back.n, sizeof(*found), compare);
	return found ? &found->value : NULL;
}

int plane__snat(struct plane *p, const struct plane_snat *snat, struct err *err)
{
	int cpus = libbpf_num_possible_cpus();
	struct fl_snat value;
	__u32 zero = 0;

	if (cpus < 1)
		return err__set(err, cpus, "cannot learn the number of CPUs: %s", strerror(-cpus));
	value = snat__fill(snat, (unsigned int)cpus);
	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.snat), &zero, &value, BPF_ANY))
		return err__set(err, -errno, "cannot write the map 'snat': %s", strerror(errno));
	return 0;
}
