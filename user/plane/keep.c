/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep.c - pins that somebody has removed are made again.
 *
 * All that they held is held by the agent's descriptors, too, so packets do not notice. But what is loaded next, by
 * another configuration or another agent, finds the maps by their pins, and where there are none makes empty ones.
 */
#include "plane/internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* 1: it was pinned; 0: it is already; -errno. */
static int keep(int fd, const char *path)
{
	if (access(path, F_OK) == 0)
		return 0;
	return bpf_obj_pin(fd, path) ? -errno : 1;
}

/* calls keep() until one fails */
static void add(int *n, int fd, const char *path)
{
	int rc = *n < 0 ? 0 : keep(fd, path);

	*n = rc < 0 ? rc : *n + rc;
}

static bool is_gone(const struct plane *p, const struct bpf_map *map, char *path)
{
	return !bpf_map__is_internal(map) && bpf_map__fd(map) >= 0 &&
	       !plane_pins__path(path, PLANE_PATH_LEN, p->instance, NULL,
				 plane_program__pin_name(map, &p->gates)) &&
	       access(path, F_OK);
}

static bool is_any_gone(const struct plane *p)
{
	char path[PLANE_PATH_LEN];
	struct bpf_map *map;

	bpf_object__for_each_map(map, p->skel->obj)
	{
		if (is_gone(p, map, path))
			return true;
	}
	return false;
}

int plane__keep(struct plane *p, struct err *err)
{
	char path[PLANE_PATH_LEN];
	struct bpf_map *map;
	int n = 0;

	/* Those of services are many, and are looked at when another one is gone. */
	if (!is_any_gone(p))
		return 0;
	n = plane_open__folders(p, err);
	if (n < 0)
		return n;
	bpf_object__for_each_map(map, p->skel->obj)
	{
		if (is_gone(p, map, path))
			add(&n, bpf_map__fd(map), path);
	}
	for (uint32_t id = 0; id < FL_MAX_SERVICES; id++) {
		for (int half = 0; half < 2 && p->slot_fds[id][half] >= 0; half++) {
			plane_slots__path(p, id, half, path);
			add(&n, p->slot_fds[id][half], path);
		}
		if (p->moves[id].words) {
			plane_moves__path(p, id, path);
			add(&n, p->moves[id].fd, path);
		}
	}
	return n < 0 ? err__set(err, n, "cannot pin the maps again below %s: %s", p->dir,
				strerror(-n))
		     : n;
}

int plane_link__keep(struct plane *p, const struct plane_link *l, struct err *err)
{
	char path[PLANE_PATH_LEN];
	int rc;

	plane_pins__path(path, sizeof(path), p->instance, PLANE_LINKS, l->ifname);
	if (l->fd < 0 || access(path, F_OK) == 0)
		return 0;
	rc = plane_open__folders(p, err);
	if (rc)
		return rc;
	rc = keep(l->fd, path);
	return rc < 0 ? err__set(err, rc, "cannot pin the program on interface %s again at %s: %s",
				 l->ifname, path, strerror(-rc))
		      : rc;
}
