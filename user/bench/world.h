/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h - a plane of the benchmark's own: the real object, loaded and filled as fairleadd does it.
 *
 * This is the one file of the benchmark that knows user/plane.
 */
#ifndef FAIRLEAD_BENCH_WORLD_H
#define FAIRLEAD_BENCH_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include <stdbool.h>

#include "core/addr.h"
#include "core/err.h"
#include "fairlead/abi.h"

struct world;
struct bpf_object;

/* First byte of every next hop's MAC address but for the last one, which tells backends apart. */
extern const uint8_t world_hop_mac[6];

#define WORLD_MTU 1500 /* of the way to every backend */

/* The program as it is by default, or with one gate open. */
enum world_gate { WORLD_PLAIN, WORLD_NAT, WORLD_PASSIVE, WORLD_GATES };

/* A plane of its own. */
int world__open(enum world_gate gate, struct world **out, struct err *err);
void world__close(struct world *w);

/* n backends of a mode behind interface `ifindex`; their indices go to `indices`. */
int world__backends(struct world *w, enum fl_forward mode, uint32_t ifindex, uint32_t n,
		    uint16_t *indices, struct err *err);

/* Lets replies of these backends of `nat` not tell their service: each flow needs a record. */
void world__records(struct world *w, const uint16_t *indices, uint32_t n);

/* A service whose slots are spread evenly over the backends. */
int world__service(struct world *w, const struct addr *vip, uint8_t proto, uint16_t port,
		   enum fl_slot_class slot_class, const uint16_t *indices, uint32_t n,
		   struct err *err);

/* So many of the flows of the service that was made last are watched, out of FL_PASSIVE_ALL. */
void world__watch(struct world *w, uint32_t flows);

/* All slots of the service that was made last become MOVING, away from the backend of that index. */
int world__move(struct world *w, uint16_t prev, struct err *err);

/* The program. */
int world__lb(const struct world *w);

/* How many packets have got that verdict. */
uint64_t world__verdict(const struct world *w, enum fl_verdict verdict);
uint64_t world__note(const struct world *w, enum fl_note note);

/* Bytes of kernel memory of all maps, the slot tables included (memlock in /proc/PID/fdinfo). */
int world__memory(const struct world *w, uint64_t *bytes, struct err *err);

/* Lets an object that is not loaded yet have the plane's maps and settings, and lb's attach type. */
int world__share(const struct world *w, struct bpf_object *obj, struct err *err);

/* The first thing that libbpf had to say since the last plane was opened; "" if nothing. */
const char *world__libbpf_said(void);

#endif
