/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.c - the programs that copy packets, for as long as a capture runs.
 *
 * They are loaded beside those that packets meet, over the same pinned maps, and then take their place in
 * the links: a packet meets the one or the other, and what it finds is the same. Their own are what is
 * copied, and the table by which they call each other. That is pinned, since the kernel would empty it
 * when the agent is killed while packets still meet them.
 */
#include "plane/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct plane_capture {
	struct lb_bpf *skel;
	char path[PLANE_PATH_LEN]; /* of the table's pin; "": it has none */
};

int plane_capture__path(const struct plane *p, char path[PLANE_PATH_LEN])
{
	return plane_pins__path(path, PLANE_PATH_LEN, p->instance, NULL, "steps_copy");
}

static int set_maps(const struct plane *p, struct plane_capture *c, struct err *err)
{
	static const char *const own[] = {"capture", "caught", "captured", "steps"};
	struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, c->skel->obj)
	{
		bool mine = bpf_map__is_internal(map) || !bpf_map__autocreate(map);

		for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
			mine |= !strcmp(bpf_map__name(map), own[i]);
		if (!mine)
			rc = plane_program__share_map(p, map, err);
		if (rc)
			return rc;
	}
	rc = plane_capture__path(p, c->path);
	if (!rc) {
		unlink(c->path); /* what a killed agent has left */
		rc = bpf_map__set_pin_path(c->skel->maps.steps, c->path);
	}
	return rc ? err__set(err, rc, "cannot set the pin of map 'steps': %s", strerror(-rc)) : 0;
}

int plane__capture_load(const struct plane *p, struct plane_gates gates, struct plane_capture **out,
			struct err *err)
{
	struct plane_capture *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err__set(err, -ENOMEM, "out of memory");
	plane_program__forget_warning();
	c->skel = lb_bpf__open();
	if (!c->skel) {
		rc = err__set(err, -errno, "cannot open the built-in BPF object: %s",
			      strerror(errno));
		goto cleanup;
	}
	/* Probes are not captured: they begin elsewhere. */
	gates.path = false;
	gates.capture = true;
	plane_program__set_gates(p, &gates, c->skel);
	plane_program__share_hook(c->skel);
	bpf_program__set_autoload(c->skel->progs.lb, false);
	bpf_program__set_autoload(c->skel->progs.lease_arm, false);
	bpf_program__set_autoload(c->skel->progs.flow_sweep, false);
	bpf_program__set_autoload(c->skel->progs.nat_take, false);
	bpf_program__set_autoload(c->skel->progs.nat_sweep, false);
	bpf_program__set_autoload(c->skel->progs.flow_take, false);
	rc = set_maps(p, c, err);
	if (rc)
		goto cleanup;
	rc = lb_bpf__load(c->skel);
	if (rc) {
		err__set(err, rc,
			 "cannot load the programs that copy packets: %s (libbpf says: %s)",
			 strerror(-rc), plane_program__warning());
		goto cleanup;
	}
	*out = c;
	return 0;
cleanup:
	plane__capture_free(c);
	return rc;
}

bool plane__capture_attached(const struct plane *p, const struct plane_capture *c)
{
	return p->copying == c->skel;
}

int plane__capture_attach(struct plane *p, struct plane_capture *c, struct err *err)
{
	int rc;

	p->copying = c->skel;
	rc = plane_attach__replace_all(p, err);
	if (rc) {
		p->copying = NULL;
		plane_attach__replace_all(p, NULL);
	}
	return rc;
}

int plane__capture_detach(struct plane *p, struct plane_capture *c, struct err *err)
{
	if (!plane__capture_attached(p, c))
		return 0;
	p->copying = NULL;
	return plane_attach__replace_all(p, err);
}

void plane__capture_free(struct plane_capture *c)
{
	if (!c)
		return;
	if (c->path[0])
		unlink(c->path);
	lb_bpf__destroy(c->skel);
	free(c);
}

int plane__capture_set(struct plane_capture *c, const struct fl_capture *what, struct err *err)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(c->skel->maps.capture), &zero, what, BPF_ANY))
		return err__set(err, -errno, "cannot write map 'capture': %s", strerror(errno));
	return 0;
}

int plane__capture_counts(const struct plane_capture *c, struct plane_capture_counts *out)
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
	if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.caught), &zero, all))
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

int plane__ring_open_captured(struct plane_capture *c, plane_ring_cb *cb, void *ctx,
			      struct plane_ring **out, struct err *err)
{
	return plane_ring__open(c->skel->maps.captured, sizeof(struct fl_captured), cb, ctx, out,
				err);
}
