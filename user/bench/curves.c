/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/cases.h"
#include "bench/world.h"

#define PORT 80
#define FLOWS (1u << 20)
#define BACKENDS 64
#define BACKENDS_MAX 32000

#define MEMORY_SERVICES 1000
#define MEMORY_BACKENDS 4096
#define MEMORY_MAX 400e6 /* bytes */

/*
 * One row a point. The planes of a curve are all there at once, so that their points are measured in the
 * same rounds; the first one is what the others are compared with.
 */
struct point {
	uint32_t services; /* a power of two */
	uint32_t backends;
	enum fl_slot_class slot_class;
	bool spread; /* over all services evenly, else all packets are for the first one */
	double goal; /* at most so many times the first point; 0: none */
};

static const struct point by_services[] = {
	{1, BACKENDS, FL_SLOTS_4K, false, 0},	   {16, BACKENDS, FL_SLOTS_4K, false, 1.25},
	{256, BACKENDS, FL_SLOTS_4K, false, 1.25}, {4096, BACKENDS, FL_SLOTS_4K, false, 1.25},
	{16, BACKENDS, FL_SLOTS_4K, true, 4},	   {256, BACKENDS, FL_SLOTS_4K, true, 4},
	{4096, BACKENDS, FL_SLOTS_4K, true, 4},
};

static const struct point by_backends[] = {
	{1, 3, FL_SLOTS_64K, false, 0},
	{1, 64, FL_SLOTS_64K, false, 1.25},
	{1, 1024, FL_SLOTS_64K, false, 1.25},
	{1, 4096, FL_SLOTS_64K, false, 1.25},
	{1, BACKENDS_MAX, FL_SLOTS_1M, false, 2.5},
};

#define MAX_POINTS 8

static int fill(struct world *w, uint32_t services, uint32_t backends,
		enum fl_slot_class slot_class, struct err *err)
{
	static uint16_t indices[BACKENDS_MAX];
	int rc;

	rc = world__backends(w, FL_FWD_IPIP4, LO_IFINDEX, backends, indices, err);
	for (uint32_t i = 0; i < services && !rc; i++) {
		struct addr vip = frames__vip(4, i);

		rc = world__service(w, &vip, IPPROTO_TCP, PORT, slot_class, indices, backends, err);
	}
	return rc;
}

/* The world of a point: that of an earlier one with the same configuration, or a new one. */
static int world_of(const struct point *points, size_t i, struct world **worlds, struct err *err)
{
	const struct point *p = &points[i];
	int rc;

	for (size_t j = 0; j < i; j++) {
		if (points[j].services == p->services && points[j].backends == p->backends) {
			worlds[i] = worlds[j];
			return 0;
		}
	}
	rc = world__open(WORLD_PLAIN, &worlds[i], err);
	return rc ? rc : fill(worlds[i], p->services, p->backends, p->slot_class, err);
}

static void name_point(const struct point *p, bool of_services, char *buf, size_t len)
{
	if (!of_services)
		snprintf(buf, len, "curve: %u backends", p->backends);
	else if (p->services == 1)
		snprintf(buf, len, "curve: 1 service");
	else
		snprintf(buf, len, "curve: %u services, %s", p->services,
			 p->spread ? "all busy" : "one busy");
}

static void report(struct bench *b, const struct point *points, const struct measured *m, size_t n)
{
	double ratio[MAX_ROUNDS];
	char unit[32];

	snprintf(unit, sizeof(unit), "x %s", m[0].name + strlen("curve: "));
	for (size_t i = 0; i < n; i++) {
		struct goal goal = {AT_MOST, points[i].goal};

		result__add(b->result, m[i].name, "ns", m[i].net, b->rounds,
			    (struct goal){NO_GOAL, 0});
		if (!i)
			continue;
		for (uint32_t r = 0; r < b->rounds; r++)
			ratio[r] = m[i].net[r] / m[0].net[r];
		result__add(b->result, m[i].name, unit, ratio, b->rounds, goal);
	}
}

static int measure_curve(struct bench *b, const struct point *points, size_t n, bool of_services,
			 struct err *err)
{
	struct measured *m = calloc(n, sizeof(*m));
	struct world *worlds[MAX_POINTS] = {0};
	int rc = 0;

	if (!m)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !rc; i++) {
		rc = world_of(points, i, worlds, err);
		if (rc)
			break;
		name_point(&points[i], of_services, m[i].name, sizeof(m[i].name));
		m[i].flows = (struct flows){
			.version = 4,
			.proto = IPPROTO_TCP,
			.tcp_flags = TCP_ACK,
			.port = PORT,
			.flows = FLOWS,
			.vips = points[i].spread ? points[i].services : 1,
		};
		m[i].expect = (struct expect){XDP_TX, 20, FL_V_SEND_IPIP, worlds[i]};
		m[i].prog = world__lb(worlds[i]);
	}
	if (!rc)
		rc = measure__all(b, m, n, err);
	if (!rc)
		report(b, points, m, n);
	for (size_t i = 0; i < n; i++) {
		bool shared = false;

		for (size_t j = 0; j < i; j++)
			shared |= worlds[i] == worlds[j];
		if (!shared)
			world__close(worlds[i]);
	}
	free(m);
	return rc;
}

int curves__run(struct bench *b, struct err *err)
{
	int rc;

	rc = measure_curve(b, by_services, sizeof(by_services) / sizeof(*by_services), true, err);
	if (!rc)
		rc = measure_curve(b, by_backends, sizeof(by_backends) / sizeof(*by_backends),
				   false, err);
	return rc;
}

int memory__run(struct bench *b, struct err *err)
{
	uint64_t bytes = 0;
	char name[96];
	struct world *w;
	int rc;

	rc = world__open(WORLD_PLAIN, &w, err);
	if (rc)
		return rc;
	rc = fill(w, MEMORY_SERVICES, MEMORY_BACKENDS, FL_SLOTS_64K, err);
	if (!rc)
		rc = world__memory(w, &bytes, err);
	world__close(w);
	if (rc)
		return err__prefix(err, rc, "the memory of a large configuration");
	snprintf(name, sizeof(name), "memory: %d services, %d backends", MEMORY_SERVICES,
		 MEMORY_BACKENDS);
	result__add_one(b->result, name, "MB", (double)bytes / 1e6,
			(struct goal){AT_MOST, MEMORY_MAX / 1e6});
	return 0;
}
