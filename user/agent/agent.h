/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent.h - the running agent: what its files share.
 *
 * All of it belongs to the loop's thread. Two other kinds of thread exist: the real-time thread
 * (rt.c), which shares only atomics, and libuv's workers, which build tables (apply.c) and wait for
 * grace periods (grace.c) and hand their results back to the loop.
 *
 *   probe result -> member.c (health) -> service.c (table, swap) -> plane
 *   netlink      -> hops.c -> member.c (next hop) -> plane
 *   file         -> apply.c (prepare on a worker, commit on the loop) -> service.c, member.c
 */
#ifndef FAIRLEAD_AGENT_AGENT_H
#define FAIRLEAD_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "agent/grace.h"
#include "agent/nat_sweep.h"
#include "agent/rt.h"
#include "agent/sources.h"
#include "api/api.h"
#include "config/config.h"
#include "health/health.h"
#include "net/net.h"
#include "plane/plane.h"
#include "probe/probe.h"
#include "table/table.h"

/* A counter and its rate over the last tick. */
struct rate {
	struct fl_count last; /* absolute */
	double packets_per_s, bytes_per_s;
	uint64_t at_ns; /* when `last` was read, 0: never */
};

/* One backend of one service. */
struct member {
	TAILQ_ENTRY(member) retired_entry; /* in service.retired */
	LIST_ENTRY(member) hop_entry; /* in its hop's list */
	struct service *service;
	char id[FL_ID_LEN];
	struct addr address;
	uint32_t weight;
	uint32_t index; /* in `backends` */
	bool indexed; /* index is valid */
	struct health health;
	struct probe_sub *sub; /* NULL: not probed (yet) */
	struct hop *hop; /* what netlink says, NULL: not watched (yet) */
	bool hop_settling; /* the entry's hop was flipped less than a grace period ago */
	bool hop_dirty; /* and must be flipped again then */
	bool kept; /* an apply is running: the next configuration has it too */
	bool releasing; /* retired, its index is released after the present grace period */
	/* the last probe, for status */
	bool probed, probe_ok;
	uint64_t probe_latency_ns, probe_at_ns; /* CLOCK_REALTIME */
	char probe_detail[160];
	struct rate rate;
};

/* A service as packets find it. */
struct service {
	TAILQ_ENTRY(service) entry;
	struct agent *agent;
	struct fl_service_key key;
	char name[FL_NAME_LEN];
	enum fl_slot_class slot_class;
	enum config_forward forward;
	const struct config_service
		*config; /* of agent.config; NULL: adopted, not configured yet */
	uint32_t id; /* in `services` */
	struct table_base *base; /* ordinals are places in `members` */
	struct member **members;
	size_t n_members;
	TAILQ_HEAD(, member) retired; /* to be released once no slot names them */
	uint16_t *slots; /* the live table */
	uint32_t *counts; /* slots of each ordinal */
	uint32_t unserved; /* slots without a backend */
	uint64_t generation; /* swaps since the agent started */
	bool named; /* an apply is running: the next configuration has it */
	bool dirty; /* the table must be computed again */
	bool settling; /* the idle table may still be read by packets */
	struct rate rate;
};

TAILQ_HEAD(service_list, service);

/* Which packets are told of: rates that a command has set in place of the file's. */
struct sampling {
	bool set;
	uint32_t flows, drops; /* one in so many; 0: none */
};

struct agent {
	uv_loop_t loop;
	const char *config_path; /* absolute */
	enum log_sink log_sink;
	struct config *config; /* what runs; NULL before the first commit */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t loaded_at_ns; /* CLOCK_REALTIME of the last commit */
	struct plane *plane;
	struct net *net;
	struct prober *prober;
	struct api *api;
	struct grace *grace;
	struct rt *rt;
	void *hops; /* tsearch(3) tree of struct hop */
	struct service_list services;
	struct service *by_id[FL_MAX_SERVICES];
	struct member *by_index[FL_MAX_BACKENDS];
	struct plane_link *links; /* where the program is attached */
	size_t n_links;
	struct apply *applying; /* an apply between prepare and commit */
	bool apply_again; /* SIGHUP came meanwhile */
	struct rate verdicts[FL_VERDICTS];
	struct sources sources; /* who may send */
	struct sampling sampling;
	struct events *events;
	struct nat_sweep nat;
	uint64_t lapses_before; /* the maps' count of lapses when this agent began */
	uint64_t lapses_seen;
	uint64_t late_max_ns; /* worst wake-up of the real-time thread in the last second */
	bool renew_failing;
	uv_prepare_t flush; /* rebuilds dirty tables once a turn of the loop */
	uv_timer_t tick; /* rates, retries; 1 s */
	uv_timer_t heartbeat; /* tells the real-time thread that the loop turns */
	uv_timer_t watchdog; /* tells systemd */
	uv_signal_t signals[3];
	bool ready; /* the first configuration is in force */
	bool stopping;
	int exit_code;
};

/* agent.c */

/* Runs an agent until it is told to stop; returns the process's exit code. */
int agent__run(const char *config_path, enum log_sink sink);
uint64_t agent__realtime_ns(void);
/* Ends the loop; the data plane stays. */
void agent__stop(struct agent *a, int exit_code);
/* A configuration is committed: takes over its settings; after the first one, API up and ready. */
void agent__configured(struct agent *a);

/* apply.c: from a configuration file to the running state */

/* Starts to load and apply the agent's file; `request` (may be NULL) gets the outcome. */
void apply__start(struct agent *a, struct api_request *request);

/* What the plane must know of a configuration. */
struct plane_options commit__options(const struct config *c);

/* adopt.c: the state that an earlier agent left in the maps */
int adopt__all(struct agent *a, struct err *err);

/* service.c */
struct service *service__new(struct agent *a, const struct fl_service_key *key, const char *name,
			     enum fl_slot_class slot_class);
void service__free(struct service *s);
/* Computes the table and makes it live, now if the idle one is free, else after the grace period. */
void service__flush(struct service *s);
/* Puts a member on the list of those to be released. */
void service__retire(struct service *s, struct member *m);
/* After the entry can no longer be found: releases id and members after a grace period. */
void service__dismiss(struct service *s);
/* The key by which packets find a configured service. */
struct fl_service_key service__key(const struct config_service *c);

/* member.c */
struct member *member__new(struct service *s, const char *id, const struct addr *address);
void member__free(struct member *m);
/* Ends its probe and its watch; its entry in `backends` stays. */
void member__quiet(struct member *m);
/* Gives it an entry in `backends` that fits its hop's source address. */
int member__index(struct member *m, const struct config *c, struct err *err);
/* Watches its next hop. */
int member__watch(struct member *m, struct err *err);
/* (Re)starts its probe with the service's present arguments. */
int member__probe(struct member *m, struct err *err);
/* The next hop has changed (or is to be written for the first time). */
void member__hop_changed(struct member *m);
/* Writes what a restart must know. */
void member__remember(const struct member *m);
/* The operator's word. True if it changed anything. */
bool member__drain(struct member *m, bool drain);

/* hops.c: one watch for each address, however many members have it */
struct hop {
	struct addr address; /* first: the tree's key */
	struct net_hop net;
	LIST_HEAD(, member) members;
};
int hops__join(struct agent *a, struct member *m, struct err *err);
void hops__leave(struct agent *a, struct member *m);
void hops__changed(void *agent, const struct addr *address, const struct net_hop *hop);

/* links.c */
/* Attaches to all interfaces of `c`; on failure detaches those that are new. */
int links__attach(struct agent *a, const struct config *c, struct err *err);
/* Detaches from interfaces that `c` no longer names. */
void links__prune(struct agent *a, const struct config *c);
/* An interface came, went, or changed its index. */
void links__changed(void *agent, uint32_t ifindex, const char *name, bool present, bool up);

/* status.c, ops.c, rates.c */
json_t *status__json(struct agent *a);
extern const struct api_ops ops;
void rates__tick(struct agent *a);

#endif
