/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plane.h - the data plane as the agent handles it: programs, links, maps, pins.
 *
 * Everything is pinned under /sys/fs/bpf/fairlead/<instance>/v<FL_ABI_VERSION>/ and outlives the
 * agent; opening the plane adopts what is there. The agent decides what the maps say, the plane
 * knows how it is said without a packet ever reading half of it:
 *
 *   - entries of `services` and `backends` are written before they can be found and reused only
 *     after plane__grace();
 *   - a slot table is written to the idle one of the service's two inner maps, then one aligned
 *     store makes it live; the table just left may be written again only after plane__grace().
 *
 * All functions belong to the loop's thread except plane__grace() (the worker's) and
 * plane__lease_renew() (any thread's).
 */
#ifndef FAIRLEAD_PLANE_PLANE_H
#define FAIRLEAD_PLANE_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/err.h"
#include "fairlead/abi.h"

struct plane;

struct plane_options {
	const char *instance;
	bool has_flow_key; /* else the pinned key is kept, or a random one made */
	uint64_t flow_key[4];
	enum fl_agent_loss on_agent_loss;
	uint32_t lease_ms;
};

/* How the program sits on an interface. */
struct plane_link {
	char ifname[16];
	uint32_t ifindex;
	bool native; /* false: generic, in the stack and much slower */
	bool dispatched; /* shares the hook through libxdp's dispatcher */
};

/*
 * Locks the instance, loads the programs, adopts or makes the maps. Nothing is attached yet and, on
 * failure, nothing new stays behind. -EBUSY: another agent runs; -EPERM: a capability is missing;
 * -ENOTSUP: no bpffs, no BTF, or a kernel that is too old; other errno from the kernel.
 */
int plane__open(const struct plane_options *o, struct plane **out, struct err *err);

/* Lets go of everything and leaves pins and links as they are: traffic goes on. */
void plane__close(struct plane *p);

/* Detaches the instance's program everywhere and removes its pins. -EBUSY while an agent runs. */
int plane__remove(const char *instance, struct err *err);

/* True when the maps were there already: the agent must adopt their content. */
bool plane__adopted(const struct plane *p);

/* Undoes a first start that failed later on: removes links and pins unless they were adopted. */
void plane__rollback(struct plane *p);

/*
 * Settings of a reload. When the choice of gates changes, the program is replaced in place on all
 * links. -EINVAL when flow_key differs from the one in use.
 */
int plane__configure(struct plane *p, const struct plane_options *o, struct err *err);

/*
 * Attaches the program to an interface, or replaces the one that an earlier agent left there.
 * *warning: why generic mode was taken although native was asked for; "" otherwise.
 */
int plane__attach(struct plane *p, const char *ifname, bool generic, struct plane_link *out,
		  struct err *warning, struct err *err);

/* Detaches from an interface that an earlier configuration named; no error if it was not attached. */
void plane__detach(struct plane *p, const char *ifname);

/* Names of all interfaces with a pinned link of this instance; frees with free(). */
int plane__attached(struct plane *p, char (**names)[16], size_t *n);

/* Waits until no packet uses what was replaced before the call (15-27 ms). Worker thread. */
int plane__grace(struct plane *p, struct err *err);

/* Renews the lease. Any thread. 0 or -errno. */
int plane__lease_renew(struct plane *p);

/* The lease as the program sees it. */
int plane__lease(const struct plane *p, struct fl_lease *out);

/* --- services ---------------------------------------------------------------------------------- */

/* The entry of a service id, NULL when it is not in use. */
const struct fl_service *plane__service(const struct plane *p, uint32_t id);

/*
 * Makes a service with two slot tables that send nothing anywhere; no packet finds it yet. -ENOSPC:
 * `services` is full.
 */
int plane__service_new(struct plane *p, const struct fl_service_key *key, const char *name,
		       enum fl_slot_class slot_class, uint32_t *id, struct err *err);

/* Lets packets find it, in place of the service that had the same key. -ENOSPC: its bucket is full. */
int plane__service_publish(struct plane *p, uint32_t id, struct err *err);

/* No packet finds it from now on. Release it after a grace period. */
void plane__service_withdraw(struct plane *p, uint32_t id);

/* Frees the id and its slot tables. */
void plane__service_release(struct plane *p, uint32_t id);

/* True when packets find the service (adoption: a start that was cut short leaves some unfound). */
bool plane__service_published(const struct plane *p, uint32_t id);

/* Number of slots of a class. */
uint32_t plane__slots(enum fl_slot_class slot_class);

/* Writes the idle slot table: indices into `backends` or FL_SLOT_NONE, one per slot. */
int plane__slots_write(struct plane *p, uint32_t id, const uint16_t *slots, struct err *err);

/* Makes the idle table the live one: one store. */
void plane__slots_swap(struct plane *p, uint32_t id);

/* Reads the live table. */
int plane__slots_read(const struct plane *p, uint32_t id, uint16_t *slots, struct err *err);

/* --- backends ---------------------------------------------------------------------------------- */

struct plane_backend {
	const char *id;
	struct addr address;
	enum fl_forward mode;
	struct addr source; /* outer source; ignored for L2 */
	uint8_t source_len; /* its first bits are fixed, the rest follows the flow; 128: one address */
};

/* The entry of an index, NULL when it is not in use. */
const struct fl_backend *plane__backend(const struct plane *p, uint32_t index);

/* Makes an entry without a next hop. -ENOSPC: `backends` is full. */
int plane__backend_new(struct plane *p, const struct plane_backend *b, uint32_t *index,
		       struct err *err);

/* True when the entry says the same as `b` would. */
bool plane__backend_same(const struct plane *p, uint32_t index, const struct plane_backend *b);

/*
 * Next hop of an entry (ifindex 0: none) and the largest packet of its link. One call per grace
 * period and entry.
 */
int plane__backend_hop(struct plane *p, uint32_t index, const struct fl_hop *hop, uint16_t mtu,
		       struct err *err);

/* Frees an index that no slot table has named for a grace period. */
void plane__backend_release(struct plane *p, uint32_t index);

/* --- members: what a restart must know ---------------------------------------------------------- */

int plane__member_set(struct plane *p, uint32_t service, uint32_t backend,
		      const struct fl_member *m, struct err *err);
void plane__member_delete(struct plane *p, uint32_t service, uint32_t backend);

/* Calls `each` for all members. */
int plane__members(const struct plane *p,
		   void (*each)(void *ctx, const struct fl_member_key *k,
				const struct fl_member *m),
		   void *ctx);

/* --- counters ----------------------------------------------------------------------------------- */

enum plane_counter { PLANE_SERVICE, PLANE_BACKEND, PLANE_VERDICT };

/* Sum over the CPUs of one counter. */
int plane__count(const struct plane *p, enum plane_counter kind, uint32_t index,
		 struct fl_count *out);

#endif
