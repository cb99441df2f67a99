/* SPDX-License-Identifier: GPL-2.0-or-later */
/* slots.c - the two inner maps of each service: made, pinned, filled, swapped. */
#include "plane/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint32_t sizes[FL_SLOT_CLASSES] = {
	[FL_SLOTS_4K] = FL_SLOTS_4K_N,
	[FL_SLOTS_64K] = FL_SLOTS_64K_N,
	[FL_SLOTS_1M] = FL_SLOTS_1M_N,
};

uint32_t plane__slots(enum fl_slot_class slot_class)
{
	return sizes[slot_class];
}

static struct bpf_map *outer(const struct plane *p, enum fl_slot_class slot_class)
{
	switch (slot_class) {
	case FL_SLOTS_4K:
		return p->skel->maps.slots_4k;
	case FL_SLOTS_1M:
		return p->skel->maps.slots_1m;
	default:
		return p->skel->maps.slots_64k;
	}
}

void plane_slots__path(const struct plane *p, uint32_t id, int half, char *buf)
{
	char name[32];

	snprintf(name, sizeof(name), "%u_%d", id, half);
	plane_pins__path(buf, PLANE_PATH_LEN, p->instance, PLANE_SLOTS, name);
}

/* The inner map carries the object's BTF, so that `bpftool map dump` prints it typed. */
int plane_slots__inner(const struct plane *p, const struct bpf_map *outer, const char *name,
		       uint32_t size, uint32_t flags)
{
	struct bpf_map *def = bpf_map__inner_map((struct bpf_map *)outer);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags,
		    .btf_fd = (__u32)bpf_object__btf_fd(p->skel->obj),
		    .btf_key_type_id = bpf_map__btf_key_type_id(def),
		    .btf_value_type_id = bpf_map__btf_value_type_id(def));

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), size, 1, &opts);
}

int plane_slots__make(struct plane *p, uint32_t id, enum fl_slot_class slot_class, struct err *err)
{
	uint16_t *none = malloc(sizes[slot_class] * sizeof(*none));
	char path[PLANE_PATH_LEN], name[16];
	__u32 zero = 0;
	int rc = 0;

	if (!none)
		return err__set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < sizes[slot_class]; i++)
		none[i] = FL_SLOT_NONE;
	for (int half = 0; half < 2; half++) {
		__u32 key = 2 * id + (__u32)half;
		int fd;

		snprintf(name, sizeof(name), "s%u_%d", id, half);
		fd = plane_slots__inner(p, outer(p, slot_class), name,
					sizes[slot_class] * (uint32_t)sizeof(*none), 0);
		if (fd < 0) {
			rc = err__set(err, fd, "cannot make a slot table of %u slots: %s",
				      sizes[slot_class], strerror(-fd));
			goto cleanup;
		}
		p->slot_fds[id][half] = fd;
		plane_slots__path(p, id, half, path);
		/* Left by an agent that was killed before the service's entry was written. */
		unlink(path);
		if (bpf_map_update_elem(fd, &zero, none, BPF_ANY) || bpf_obj_pin(fd, path) ||
		    bpf_map_update_elem(bpf_map__fd(outer(p, slot_class)), &key, &fd, BPF_ANY)) {
			rc = err__set(err, -errno, "cannot install the slot table %s: %s", path,
				      strerror(errno));
			goto cleanup;
		}
	}
cleanup:
	if (rc)
		plane_slots__free(p, id, slot_class);
	free(none);
	return rc;
}

int plane_slots__adopt(struct plane *p, uint32_t id, enum fl_slot_class slot_class, struct err *err)
{
	char path[PLANE_PATH_LEN];

	for (int half = 0; half < 2; half++) {
		int fd;

		plane_slots__path(p, id, half, path);
		fd = bpf_obj_get(path);
		if (fd < 0) {
			fd = -errno;
			plane_slots__free(p, id, slot_class);
			return err__set(err, fd, "cannot adopt the pinned slot table %s: %s", path,
					strerror(-fd));
		}
		p->slot_fds[id][half] = fd;
	}
	return 0;
}

void plane_slots__forget(struct plane *p, uint32_t id)
{
	for (int c = 0; c < FL_SLOT_CLASSES; c++) {
		for (__u32 half = 0; half < 2; half++) {
			__u32 key = 2 * id + half;

			bpf_map_delete_elem(bpf_map__fd(outer(p, (enum fl_slot_class)c)), &key);
		}
	}
}

void plane_slots__free(struct plane *p, uint32_t id, enum fl_slot_class slot_class)
{
	char path[PLANE_PATH_LEN];

	for (int half = 0; half < 2; half++) {
		__u32 key = 2 * id + (__u32)half;

		if (p->slot_fds[id][half] < 0)
			continue;
		bpf_map_delete_elem(bpf_map__fd(outer(p, slot_class)), &key);
		plane_slots__path(p, id, half, path);
		unlink(path);
		close(p->slot_fds[id][half]);
		p->slot_fds[id][half] = -1;
	}
}

int plane__slots_write(struct plane *p, uint32_t id, const uint16_t *slots, struct err *err)
{
	__u32 zero = 0;
	int idle = !(p->services[id].live & 1);

	if (bpf_map_update_elem(p->slot_fds[id][idle], &zero, slots, BPF_ANY))
		return err__set(err, -errno, "cannot write the slot table of service '%s': %s",
				p->services[id].name, strerror(errno));
	return 0;
}

void plane__slots_swap(struct plane *p, uint32_t id)
{
	__u32 live = p->services[id].live;

	__atomic_store_n(&p->services[id].live, live ^ 1, __ATOMIC_RELEASE);
}

int plane__slots_read(const struct plane *p, uint32_t id, uint16_t *slots, struct err *err)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(p->slot_fds[id][p->services[id].live & 1], &zero, slots))
		return err__set(err, -errno, "cannot read the slot table of service '%s': %s",
				p->services[id].name, strerror(errno));
	return 0;
}
