/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leftovers.c - what an agent that was killed while it made or released a service has left behind.
 *
 * A service's entry is written after its tables and cleared before them, so what is pinned under the
 * id of an empty entry is nobody's: it would hold its memory until the id is given again.
 */
#include "plane/internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* An inner map lives as long as its pin or the outer map holds it. */
static void forget(struct plane *p, uint32_t id)
{
	plane_slots__forget(p, id);
	for (int c = 0; c < FL_SLOT_CLASSES; c++)
		bpf_map_delete_elem(p->moves_fd[c], &id);
}

void plane_leftovers__sweep(struct plane *p)
{
	static const char *const folders[] = {PLANE_SLOTS, PLANE_MOVES, PLANE_SEATS};
	char path[PLANE_PATH_LEN];

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		const struct dirent *e;
		DIR *d;

		plane_pins__path(path, sizeof(path), p->instance, folders[i], NULL);
		d = opendir(path);
		while (d && (e = readdir(d))) {
			unsigned long id = strtoul(e->d_name, NULL, 10);

			if (id == 0 || id >= FL_MAX_SERVICES || plane__service(p, (uint32_t)id))
				continue;
			forget(p, (uint32_t)id);
			plane_pins__path(path, sizeof(path), p->instance, folders[i], e->d_name);
			unlink(path);
		}
		if (d)
			closedir(d);
	}
}
