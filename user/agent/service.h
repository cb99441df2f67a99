/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.h - a service as packets find it. */
#ifndef FAIRLEAD_AGENT_SERVICE_H
#define FAIRLEAD_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "agent/member.h"
#include "health/enough.h"
#include "health/pool.h"
#include "move/move.h"
#include "table/seats.h"
#include "table/table.h"

struct agent;

/* What tells one service from another: the key, and where a range of ports ends. */
struct service_key {
	struct fl_service_key key;
	uint16_t port_last; /* host order */
};

/* A service as packets find it. */
struct service {
	TAILQ_ENTRY(service) entry;
	LIST_ENTRY(service) by_key;
	struct agent *agent;
	struct service_key key;
	char name[FL_NAME_LEN];
	enum fl_slot_class slot_class;
	enum config_forward forward;
	const struct config_service
		*config; /* of agent.config; NULL: adopted, not configured yet; or dismissed */
	uint32_t id; /* in `services` */
	struct table_seats *seats; /* of `members`; adopted, and not configured yet: of nobody */
	struct table_base *base; /* ordinals are places in `seats` */
	struct health_rules rules; /* as configured, likewise */
	struct config_health health;
	struct pool_state pool; /* what was decided last */
	struct enough enough; /* whether its VIP may be here */
	struct member **members;
	size_t n_members;
	TAILQ_HEAD(member_list, member)
	retired; /* to be released once no slot and no record names them */
	uint16_t *slots; /* the live table, as packets read it */
	uint32_t *words; /* its move table, NULL before the first transition */
	uint64_t *pins; /* slots that are to be PINNED for records of peers; NULL: none */
	uint64_t pinned_ns; /* when that was done last, uv_hrtime() */
	struct move_sums sums; /* of slots that are not clean */
	uint32_t settle_s; /* when the last that is MOVING will be PINNED, agent__coarse_s() */
	uint32_t due_s; /* when one of them is to change by itself, agent__coarse_s() */
	uint32_t changed_s; /* when one changed last */
	uint32_t records; /* in `flows`, as the last pass found them */
	double per_slot; /* records of a slot that moves, as measured; 0: not yet */
	double expected; /* records that its slots are expected to need */
	uint32_t dismissed_s; /* when no packet found it any more; 0: packets do */
	uint64_t first_up_ns; /* when its first backend came up, to be waited for by the others */
	uint32_t unserved; /* slots without a backend */
	uint64_t generation; /* swaps since the agent started */
	struct passive_watch *watch; /* NULL: it is not watched */
	struct timing probe_times; /* of probes of its backends: how long they took */
	bool named; /* an apply is running: the next configuration has it */
	bool dirty; /* the table must be computed again */
	bool shared; /* a peer has had the same table: flows may be established by it there */
	bool stale; /* and before it, who takes how much */
	bool unruled; /* and before that, what holds of its backends: peers have said something new */
	bool contested; /* some of them are disputed */
	bool settling; /* the idle table may still be read by packets */
	bool making; /* its move table is being installed */
	uint8_t told; /* to the journal, as of a member */
	struct rate rate;
};

TAILQ_HEAD(service_list, service);
LIST_HEAD(service_bucket, service);

/* A member as tables see it. */
struct service_taker {
	uint16_t index; /* in `backends` */
	uint8_t parts; /* as struct member has it */
};

/*
 * The owner of each slot, by index, or FL_SLOT_NONE, when these are the members that the seats were made
 * for. Any thread. -ENOMEM.
 */
int service__owners(const struct table_seats *seats, const struct table_base *base,
		    const struct service_taker *takers, uint16_t *out);
struct service *service__new(struct agent *a, const struct service_key *key, const char *name,
			     enum fl_slot_class slot_class);
void service__free(struct service *s);
/* The table is to be computed again before the loop waits; or before that, who takes how much. */
void service__touch(struct service *s);
/*
 * Computes the table and makes it live, now if the idle one is free, else after the grace period. True:
 * it has to wait, and wants to be asked in the loop's next turn; what fails is tried again in a second.
 */
bool service__flush(struct service *s);
/* Puts it at the end of the agent's list, or takes it off. */
void service__enlist(struct service *s);
void service__delist(struct service *s);
/* The one of the list that has the key, NULL: none has. */
struct service *service__find(const struct agent *a, const struct service_key *key);
/* Its table is computed over these from now on; takes them over. */
struct layout;
void service__lay_out(struct service *s, struct layout *layout);
/* Ends the probes of its members. */
void service__quiet(struct service *s);
/* Puts a member on the list of those that are left over; its probe goes on. */
void service__retire(struct service *s, struct member *m);
/*
 * After the entry can no longer be found: releases its members after a grace period, its id when no
 * record names it.
 */
void service__dismiss(struct service *s);
/* How many of its backends can take new flows from here. */
uint32_t service__usable(const struct service *s);
/* Whether enough of them can, by its `min_up`: follows what they are now. */
bool service__has_enough(struct service *s);
/* When it will have enough if nothing changes, uv_hrtime(); UINT64_MAX: it takes more. */
uint64_t service__enough_due_ns(const struct service *s);
/* No packet and no record knows it: frees its id. */
void service__release(struct service *s);
/* Seconds that records of such a service live without a packet. */
uint32_t service__idle_s(const struct config_service *c);
/* Writes what may change while packets find it. */
void service__tune(struct service *s, const struct config_service *c);
/* What tells a configured service from others. */
struct service_key service__key(const struct config_service *c);

#endif
