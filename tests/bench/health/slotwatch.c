/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slotwatch.c - when a service's slots no longer name a backend, as packets see it.
 *
 * usage: slotwatch PINS SERVICE BACKEND SECONDS
 *
 * PINS is where an instance's maps are pinned. Prints "watching" once the live table names the backend,
 * and CLOCK_MONOTONIC in nanoseconds once it no longer does; exit 1 if that takes longer. It looks some
 * thousand times a second.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fairlead/abi.h"

#define PAUSE_NS 100000

struct watch {
	int services, slots[2];
	uint32_t service, backend; /* id, index */
	uint16_t *table;
};

static void die(const char *what)
{
	fprintf(stderr, "slotwatch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_map(const char *pins, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path);
	return fd;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct fl_service service(const struct watch *w, uint32_t id)
{
	struct fl_service s;

	if (bpf_map_lookup_elem(w->services, &id, &s))
		die("services");
	return s;
}

static void find_service(struct watch *w, const char *name)
{
	for (w->service = 1; w->service < FL_MAX_SERVICES; w->service++) {
		struct fl_service s = service(w, w->service);

		if (strcmp(s.name, name) == 0)
			return;
	}
	errno = ENOENT;
	die(name);
}

static void find_backend(struct watch *w, const char *pins, const char *id)
{
	int fd = open_map(pins, "backends");
	struct fl_backend b;

	for (w->backend = 1; w->backend < FL_MAX_BACKENDS; w->backend++) {
		if (bpf_map_lookup_elem(fd, &w->backend, &b))
			die("backends");
		if (strcmp(b.id, id) == 0)
			break;
	}
	close(fd);
	errno = ENOENT;
	if (w->backend == FL_MAX_BACKENDS)
		die(id);
}

static bool is_named(struct watch *w)
{
	struct fl_service s = service(w, w->service);
	__u32 zero = 0;

	if (bpf_map_lookup_elem(w->slots[s.live & 1], &zero, w->table))
		die("slots");
	for (uint32_t i = 0; i <= s.slot_mask; i++) {
		if ((w->table[i] & FL_SLOT_INDEX) == w->backend)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct watch w = {0};
	uint64_t until;
	char name[32];

	if (argc != 5) {
		fprintf(stderr, "usage: slotwatch PINS SERVICE BACKEND SECONDS\n");
		return 2;
	}
	w.services = open_map(argv[1], "services");
	find_service(&w, argv[2]);
	find_backend(&w, argv[1], argv[3]);
	for (int half = 0; half < 2; half++) {
		snprintf(name, sizeof(name), "slots/%u_%d", w.service, half);
		w.slots[half] = open_map(argv[1], name);
	}
	w.table = malloc((service(&w, w.service).slot_mask + 1) * sizeof(*w.table));
	if (!w.table)
		die("memory");
	until = now_ns() + (uint64_t)(atof(argv[4]) * 1e9);
	while (!is_named(&w) && now_ns() < until)
		nanosleep(&pause, NULL);
	printf("watching\n");
	fflush(stdout);
	while (is_named(&w)) {
		if (now_ns() >= until)
			return 1;
		nanosleep(&pause, NULL);
	}
	printf("%llu\n", (unsigned long long)now_ns());
	return 0;
}
