/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * moves.c - the move table of a service: made at its first transition, pinned as the slots are.
 *
 * Making and pinning it is quick and done on the loop. Hanging it into the outer map waits for a grace
 * period of the kernel, so a worker does that, for all services that are due at once. The agent makes
 * no slot dirty before.
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct bpf_map *outer(const struct plane *p, enum fl_slot_class slot_class)
{
	switch (slot_class) {
	case FL_SLOTS_4K:
		return p->skel->maps.moves_4k;
	case FL_SLOTS_1M:
		return p->skel->maps.moves_1m;
	default:
		return p->skel->maps.moves_64k;
	}
}

static size_t size_of(enum fl_slot_class slot_class)
{
	return plane__slots(slot_class) * sizeof(uint32_t);
}

void plane_moves__path(const struct plane *p, uint32_t id, char *buf)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", id);
	plane_pins__path(buf, PLANE_PATH_LEN, p->instance, PLANE_MOVES, name);
}

static int keep(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return copy < 0 ? -errno : copy;
}

int plane_moves__open(struct plane *p, struct err *err)
{
	int rc = 0;

	for (int c = 0; c < FL_SLOT_CLASSES && rc >= 0; c++)
		rc = p->moves_fd[c] = keep(bpf_map__fd(outer(p, (enum fl_slot_class)c)));
	if (rc >= 0)
		rc = p->flows_fd = keep(bpf_map__fd(p->skel->maps.flows));
	if (rc >= 0)
		rc = p->sweep_fd = keep(bpf_program__fd(p->skel->progs.flow_sweep));
	if (rc >= 0)
		rc = p->take_fd = keep(bpf_program__fd(p->skel->progs.flow_take));
	return rc < 0 ? err__set(err, rc, "cannot keep the maps of moves and their sweeper: %s",
				 strerror(-rc))
		      : 0;
}

static int map_words(struct plane *p, uint32_t id, enum fl_slot_class slot_class, int fd,
		     const char *path, struct err *err)
{
	void *at = mmap(NULL, size_of(slot_class), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return err__set(err, -errno, "cannot map the move table %s into memory: %s", path,
				strerror(errno));
	p->moves[id] = (struct plane_moves){.words = at, .fd = fd};
	return 0;
}

int plane__moves_make(struct plane *p, uint32_t id, struct err *err)
{
	enum fl_slot_class slot_class = (enum fl_slot_class)p->services[id].slot_class;
	char path[PLANE_PATH_LEN], name[16];
	int fd, rc;

	if (p->moves[id].words)
		return 0;
	plane_moves__path(p, id, path);
	snprintf(name, sizeof(name), "m%u", id);
	fd = plane_slots__inner(p, outer(p, slot_class), name, (uint32_t)size_of(slot_class),
				BPF_F_MMAPABLE);
	if (fd < 0)
		return err__set(err, fd, "cannot make the move table of service '%s': %s",
				p->services[id].name, strerror(-fd));
	/* Left by an agent that was killed before the table was in use. */
	unlink(path);
	rc = bpf_obj_pin(fd, path) ? err__set(err, -errno, "cannot pin the move table %s: %s", path,
					      strerror(errno))
				   : map_words(p, id, slot_class, fd, path, err);
	if (rc) {
		unlink(path);
		close(fd);
	}
	return rc;
}

static int install(const struct plane *p, enum fl_slot_class slot_class, const uint32_t *ids,
		   const int *fds, uint32_t n)
{
	/* Since 6.8 one grace period for all of them; some kernels have no batch for such maps. */
	if (n > 1 && !bpf_map_update_batch(p->moves_fd[slot_class], ids, fds, &n, NULL))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		if (bpf_map_update_elem(p->moves_fd[slot_class], &ids[i], &fds[i], BPF_ANY))
			return -errno;
	}
	return 0;
}

int plane__moves_install(struct plane *p, const uint32_t *ids, uint32_t n, struct err *err)
{
	uint32_t *mine = calloc(n + 1, sizeof(*mine));
	int *fds = calloc(n + 1, sizeof(*fds)), rc = mine && fds ? 0 : -ENOMEM;

	for (int c = 0; c < FL_SLOT_CLASSES && !rc; c++) {
		uint32_t count = 0;

		for (uint32_t i = 0; i < n; i++) {
			if (p->services[ids[i]].slot_class != c)
				continue;
			mine[count] = ids[i];
			fds[count++] = p->moves[ids[i]].fd;
		}
		rc = install(p, (enum fl_slot_class)c, mine, fds, count);
	}
	free(mine);
	free(fds);
	return rc ? err__set(err, rc, "cannot install %u move tables: %s", n, strerror(-rc)) : 0;
}

uint32_t *plane__moves(const struct plane *p, uint32_t id)
{
	return p->moves[id].words;
}

int plane_moves__adopt(struct plane *p, uint32_t id, enum fl_slot_class slot_class, struct err *err)
{
	char path[PLANE_PATH_LEN];
	__u32 inner;
	int fd, rc;

	plane_moves__path(p, id, path);
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return err__set(err, -errno, "cannot adopt the move table %s: %s", path,
				strerror(errno));
	if (bpf_map_lookup_elem(p->moves_fd[slot_class], &id, &inner)) {
		/* Its maker was killed before any packet could find it: the service has none. */
		unlink(path);
		close(fd);
		return 0;
	}
	rc = map_words(p, id, slot_class, fd, path, err);
	if (rc)
		close(fd);
	return rc;
}

void plane_moves__free(struct plane *p, uint32_t id, enum fl_slot_class slot_class)
{
	char path[PLANE_PATH_LEN];

	if (!p->moves[id].words)
		return;
	bpf_map_delete_elem(p->moves_fd[slot_class], &id);
	plane_moves__path(p, id, path);
	unlink(path);
	munmap(p->moves[id].words, size_of(slot_class));
	close(p->moves[id].fd);
	p->moves[id] = (struct plane_moves){0};
}

void plane_moves__close(struct plane *p)
{
	for (uint32_t id = 0; p->moves && id < FL_MAX_SERVICES; id++) {
		const struct plane_moves *m = &p->moves[id];

		if (!m->words)
			continue;
		munmap(m->words, size_of((enum fl_slot_class)p->services[id].slot_class));
		close(m->fd);
	}
	free(p->moves);
	for (int c = 0; c < FL_SLOT_CLASSES; c++) {
		if (p->moves_fd[c] >= 0)
			close(p->moves_fd[c]);
	}
	if (p->flows_fd >= 0)
		close(p->flows_fd);
	if (p->sweep_fd >= 0)
		close(p->sweep_fd);
	if (p->take_fd >= 0)
		close(p->take_fd);
}
