/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.c - packets that are copied while the gate `capture` is on. */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int plane__capture_set(struct plane *p, const struct fl_capture *what, struct err *err)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.capture), &zero, what, BPF_ANY))
		return err__set(err, -errno, "cannot write map 'capture': %s", strerror(errno));
	return 0;
}

int plane__capture_counts(const struct plane *p, struct plane_capture_counts *out)
{
	struct plane_capture_counts sum = {0};
	int cpus = libbpf_num_possible_cpus();
	struct fl_caught *all;
	__u32 zero = 0;
	int rc = 0;

	if (cpus < 0)
		return cpus;
	all = calloc((size_t)cpus, sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.caught), &zero, all))
		rc = -errno;
	for (int i = 0; i < cpus; i++) {
		sum.seen += all[i].seen;
		sum.skipped += all[i].skipped;
		sum.lost += all[i].lost;
	}
	free(all);
	if (!rc)
		*out = sum;
	return rc;
}
