/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c - what the maps remember and count: members, counters, the lease. */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int plane__member_set(struct plane *p, uint32_t service, uint32_t backend,
		      const struct fl_member *m, struct err *err)
{
	struct fl_member_key k = {.service = service, .backend = backend};

	if (bpf_map_update_elem(bpf_map__fd(p->skel->maps.members), &k, m, BPF_ANY))
		return err__set(err, -errno,
				"cannot remember backend %u of service %u in the map 'members': %s",
				backend, service, strerror(errno));
	return 0;
}

void plane__member_delete(struct plane *p, uint32_t service, uint32_t backend)
{
	struct fl_member_key k = {.service = service, .backend = backend};

	bpf_map_delete_elem(bpf_map__fd(p->skel->maps.members), &k);
}

int plane__members(const struct plane *p,
		   void (*each)(void *ctx, const struct fl_member_key *k,
				const struct fl_member *m),
		   void *ctx)
{
	int fd = bpf_map__fd(p->skel->maps.members);
	struct fl_member_key k, *prev = NULL;
	struct fl_member m;

	while (bpf_map_get_next_key(fd, prev, &k) == 0) {
		if (bpf_map_lookup_elem(fd, &k, &m) == 0)
			each(ctx, &k, &m);
		prev = &k;
	}
	return errno == ENOENT ? 0 : -errno;
}

static int counter_fd(const struct plane *p, enum plane_counter kind)
{
	switch (kind) {
	case PLANE_SERVICE:
		return bpf_map__fd(p->skel->maps.svc_stats);
	case PLANE_BACKEND:
		return bpf_map__fd(p->skel->maps.be_stats);
	case PLANE_NOTE:
		return bpf_map__fd(p->skel->maps.notes);
	default:
		return bpf_map__fd(p->skel->maps.verdicts);
	}
}

void plane_memory__zero(struct plane *p, enum plane_counter kind, uint32_t index)
{
	int cpus = libbpf_num_possible_cpus();
	struct fl_count *each = cpus < 1 ? NULL : calloc((size_t)cpus, sizeof(*each));

	if (each)
		bpf_map_update_elem(counter_fd(p, kind), &index, each, BPF_ANY);
	free(each);
}

int plane__count(const struct plane *p, enum plane_counter kind, uint32_t index,
		 struct fl_count *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct fl_count sum = {0}, *each;
	int rc = 0;

	if (cpus < 1)
		return cpus;
	each = calloc((size_t)cpus, sizeof(*each));
	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(counter_fd(p, kind), &index, each)) {
		rc = -errno;
		goto cleanup;
	}
	for (int i = 0; i < cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
	}
	*out = sum;
cleanup:
	free(each);
	return rc;
}

int plane__lease_renew(struct plane *p)
{
	/* XDP test runs want a frame of at least an Ethernet header; lease_arm does not read it. */
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);

	if (bpf_prog_test_run_opts(p->arm_fd, &opts))
		return -errno;
	return 0;
}

int plane__pressure(const struct plane *p, struct fl_pressure *out)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.pressure), &zero, out) ? -errno : 0;
}

int plane__lease(const struct plane *p, struct fl_lease *out)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.lease), &zero, out) ? -errno : 0;
}
