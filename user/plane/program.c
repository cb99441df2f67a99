/* SPDX-License-Identifier: GPL-2.0-or-later */
/* program.c - loading the BPF object over the instance's pinned maps. */
#include "plane/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static _Thread_local char first_warning[512];

void plane_program__keep_warning(const char *fmt, va_list ap)
{
	if (first_warning[0])
		return;
	vsnprintf(first_warning, sizeof(first_warning), fmt, ap);
	first_warning[strcspn(first_warning, "\n")] = '\0';
}

void plane_program__forget_warning(void)
{
	first_warning[0] = '\0';
}

const char *plane_program__warning(void)
{
	return first_warning;
}

/*
 * The kernel adds a flag of its own to devmaps (BPF_F_RDONLY_PROG), which libbpf 1.1 takes for a
 * difference when it compares a pinned one with its definition: such a map is handed to it open.
 */
static int reuse_devmap(struct bpf_map *map, const char *path)
{
	int fd = bpf_obj_get(path), rc;

	if (fd < 0)
		return errno == ENOENT ? bpf_map__set_pin_path(map, path) : -errno;
	rc = bpf_map__reuse_fd(map, fd);
	close(fd);
	return rc;
}

/*
 * Maps in the object that are not the program's own data get a pin named like the map. The kernel lets
 * programs with and without support for frames of several buffers not share a program array.
 */
const char *plane_program__pin_name(const struct bpf_map *map, const struct plane_gates *gates)
{
	bool programs = bpf_map__type(map) == BPF_MAP_TYPE_PROG_ARRAY;

	return programs && gates->jumbo ? "steps_jumbo" : bpf_map__name(map);
}

static int set_pins(const struct plane *p, const struct plane_gates *gates, struct lb_bpf *skel,
		    struct err *err)
{
	char path[PLANE_PATH_LEN];
	struct bpf_map *map;
	int rc;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		rc = plane_pins__path(path, sizeof(path), p->instance, NULL,
				      plane_program__pin_name(map, gates));
		if (!rc && bpf_map__type(map) == BPF_MAP_TYPE_DEVMAP_HASH)
			rc = reuse_devmap(map, path);
		else if (!rc)
			rc = bpf_map__set_pin_path(map, path);
		if (rc)
			return err__set(err, rc, "cannot set the pin of map '%s': %s",
					bpf_map__name(map), strerror(-rc));
	}
	return 0;
}

static int explain_load(int rc, struct err *err)
{
	const char *why = plane_program__warning();

	if (rc == -ENOMEM || rc == -E2BIG)
		return err__set(
			err, rc,
			"cannot load the BPF program: %s (%s); raise the memory limit of the "
			"service (systemd: LimitMEMLOCK=infinity)",
			strerror(-rc), why);
	if (rc == -EINVAL && strstr(why, "parameter mismatch"))
		return err__set(
			err, rc,
			"the pinned maps of this instance do not fit this fairleadd (%s): remove "
			"them with `fairleadd --detach -c FILE`, which stops its traffic, and start "
			"again",
			why);
	return err__set(
		err, rc,
		"cannot load the BPF program: %s (libbpf says: %s); `fairleadd --version` and "
		"`uname -r` tell whether this kernel is supported",
		strerror(-rc), why);
}

/* What is off costs neither code nor memory: the maps of NAT records and of meters are large. */
void plane_program__set_gates(const struct plane *p, const struct plane_gates *gates,
			      struct lb_bpf *skel)
{
	skel->rodata->gate_lease = gates->lease;
	skel->rodata->gate_wild = gates->wild;
	skel->rodata->gate_sources = gates->sources;
	skel->rodata->gate_limits = gates->limits;
	skel->rodata->gate_nat = gates->nat;
	skel->rodata->gate_jumbo = gates->jumbo;
	skel->rodata->gate_events = gates->events;
	skel->rodata->gate_passive = gates->passive;
	skel->rodata->gate_peers = gates->peers;
	skel->rodata->gate_explain = gates->explain;
	skel->rodata->gate_capture = gates->capture;
	skel->rodata->gate_told = gates->explain || gates->capture;
	for (size_t i = 0; i < 4; i++)
		skel->rodata->flow_key[i] = p->flow_key[i];
	bpf_map__set_autocreate(skel->maps.nat_flows, gates->nat);
	bpf_map__set_autocreate(skel->maps.meters, gates->limits);
	bpf_map__set_autocreate(skel->maps.passive, gates->passive);
	bpf_map__set_autocreate(skel->maps.passive_count, gates->passive);
	bpf_map__set_autocreate(skel->maps.told, gates->peers);
	bpf_map__set_autocreate(skel->maps.explained, gates->explain);
	bpf_map__set_autocreate(skel->maps.capture, gates->capture);
	bpf_map__set_autocreate(skel->maps.caught, gates->capture);
	bpf_map__set_autocreate(skel->maps.captured, gates->capture);
	bpf_program__set_autoload(skel->progs.lb_copy, gates->capture);
	bpf_program__set_autoload(skel->progs.nat_take, gates->nat && gates->peers);
	bpf_program__set_autoload(skel->progs.nat_sweep, gates->nat);
	bpf_map__set_autocreate(skel->maps.probes, gates->path);
	bpf_map__set_autocreate(skel->maps.probe_flows, gates->path);
	bpf_program__set_autoload(skel->progs.probe_out, gates->path);
	if (gates->jumbo) {
		bpf_program__set_flags(skel->progs.lb, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_copy, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_fast, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_full, BPF_F_XDP_HAS_FRAGS);
		bpf_program__set_flags(skel->progs.lb_icmp, BPF_F_XDP_HAS_FRAGS);
	}
}

/*
 * The trampoline extends the dispatcher and so has no attach type; since 6.18 and its stable backports
 * (commit 4540aed51b12) what it tail-calls may have none either.
 */
void plane_program__share_hook(struct lb_bpf *skel)
{
	bpf_program__set_expected_attach_type(skel->progs.lb, 0);
	bpf_program__set_expected_attach_type(skel->progs.lb_copy, 0);
	bpf_program__set_expected_attach_type(skel->progs.lb_fast, 0);
	bpf_program__set_expected_attach_type(skel->progs.lb_full, 0);
	bpf_program__set_expected_attach_type(skel->progs.lb_icmp, 0);
}

int plane_program__load(const struct plane *p, const struct plane_gates *gates, struct lb_bpf **out,
			struct err *err)
{
	struct lb_bpf *skel;
	int rc;

	plane_program__forget_warning();
	skel = lb_bpf__open();
	if (!skel)
		return err__set(err, -errno, "cannot open the built-in BPF object: %s",
				strerror(errno));
	plane_program__set_gates(p, gates, skel);
	plane_program__share_hook(skel);
	rc = set_pins(p, gates, skel, err);
	if (rc)
		goto cleanup;
	rc = lb_bpf__load(skel);
	if (rc) {
		explain_load(rc, err);
		goto cleanup;
	}
	*out = skel;
	return 0;
cleanup:
	lb_bpf__destroy(skel);
	return rc;
}

/* What is not there was taken away by a reload, and the gates fit no more. */
int plane_program__share_map(const struct plane *p, struct bpf_map *map, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int fd, rc;

	rc = plane_pins__path(path, sizeof(path), p->instance, NULL, bpf_map__name(map));
	fd = rc ? -1 : bpf_obj_get(path);
	if (!rc && fd < 0)
		rc = -errno;
	if (!rc)
		rc = bpf_map__reuse_fd(map, fd);
	if (fd >= 0)
		close(fd);
	return rc ? err__set(err, rc, "cannot share the map '%s': %s", bpf_map__name(map),
			     strerror(-rc))
		  : 0;
}
