/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent.h - the running agent: what its files share.
 *
 * All of it belongs to the loop's thread. Two other kinds of thread exist: the real-time thread
 * (vip/rt.c), which the loop calls and is told by, and libuv's workers, which build tables (apply.c)
 * and wait for grace periods (grace.c) and hand their results back to the loop.
 *
 *   probe result -> member.c (health) -> service.c (table, swap) -> plane
 *   netlink      -> hops.c -> target.c (next hop) -> plane
 *   file         -> apply.c (prepare on a worker) -> stage.c, commit.c (on the loop) -> all of these
 *
 * A service has members, its backends; members of several services that are reached in the same way
 * share a target, an entry of `backends`.
 */
#ifndef FAIRLEAD_AGENT_AGENT_H
#define FAIRLEAD_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <uv.h>

#include "agent/anycast.h"
#include "agent/capture.h"
#include "agent/explain.h"
#include "agent/grace.h"
#include "agent/failover.h"
#include "agent/flow_sweep.h"
#include "agent/lease.h"
#include "agent/listener.h"
#include "agent/macs.h"
#include "agent/nat_sweep.h"
#include "agent/neighbors.h"
#include "agent/passive.h"
#include "agent/path.h"
#include "agent/peers.h"
#include "agent/seating.h"
#include "agent/sources.h"
#include "agent/track.h"
#include "api/api.h"
#include "core/event.h"
#include "config/config.h"
#include "core/log.h"
#include "core/timing.h"
#include "health/enough.h"
#include "health/health.h"
#include "health/pool.h"
#include "move/move.h"
#include "net/net.h"
#include "plane/plane.h"
#include "probe/probe.h"
#include "table/seats.h"
#include "table/table.h"
#include "vip/rt.h"

struct alerts;
struct chronicle;
struct member;
struct target;

/* A counter and its rate over the last tick. */
struct rate {
	struct fl_count last; /* absolute */
	double packets_per_s, bytes_per_s;
	uint64_t at_ns; /* when `last` was read, 0: never */
};

/* The way to an address, watched once however many entries of `backends` have the address. */
struct hop {
	struct addr address; /* first: the tree's key */
	struct net_hop net;
	unsigned int holds; /* targets, and who is about to make one */
	LIST_HEAD(, target) targets;
};

/*
 * An entry of `backends`, shared by all members that are reached in the same way. After its last member
 * has left it stays until no record can name it (flow_sweep.c), and a member that comes meanwhile finds
 * it again.
 */
struct target {
	struct fl_backend entry; /* first: the tree's key; next hop and flags are zero here */
	uint32_t index; /* in `backends` */
	bool listed; /* in the tree */
	bool record; /* FL_BE_RECORD is set */
	bool gone; /* FL_BE_GONE is set */
	bool used; /* slots have named it, so that records may */
	bool settling; /* the entry's hop was flipped less than a grace period ago */
	bool dirty; /* and must be flipped again then */
	bool releasing; /* a grace period is under way after which it goes, if nobody has it */
	unsigned int clear; /* SWEPT_*: passes that have found no record of it since it was left */
	uint32_t left_s; /* when its last member left, agent__coarse_s() */
	struct hop *hop; /* NULL: adopted, not watched yet */
	LIST_ENTRY(target) hop_entry; /* in its hop's list */
	LIST_HEAD(, member) members;
	char *labels; /* metrics_services.c; NULL: nobody has asked for metrics yet */
	struct passive_trail *trail; /* of its new connections; NULL: never watched */
	uint32_t trail_ms; /* of the last step */
	struct rate rate;
};

/* One backend of one service. There may be millions, so what is rare is not in here. */
struct member {
	TAILQ_ENTRY(member) retired_entry; /* in service.retired */
	LIST_ENTRY(member) target_entry; /* in target.members */
	struct service *service;
	struct target *target;
	struct health health;
	struct probe_sub *sub; /* NULL: not probed (yet) */
	struct passive_member *passive; /* NULL: it was never watched */
	struct path *path; /* NULL: it is not probed by the clients' path */
	char *probe_detail; /* of the last probe; NULL: nothing to say */
	char *probe_warning; /* likewise: what is well still, but not for long */
	uint64_t probe_latency_ns, probe_at_ns; /* CLOCK_REALTIME; 0: not probed yet */
	uint64_t probes_ok, probes_failed; /* how many there were, since the agent began */
	uint32_t weight;
	uint32_t slots; /* that it owns */
	uint32_t leaving; /* slots that are MOVING away from it */
	uint32_t lost_s; /* while its connections are given up: since when, agent__coarse_s() */
	uint32_t retired_s; /* while retired: likewise */
	uint16_t probe_port; /* that `sub` probes */
	uint8_t parts; /* of TABLE_PARTS: how much of its weight it takes now */
	uint8_t percent; /* of its weight that the operator gives it */
	uint8_t word; /* number of what operators have said of it last, here or at a peer */
	uint8_t asked; /* percent of its weight that it asks for by its probe */
	uint8_t cap; /* of TABLE_PARTS: the most that its limit of new connections leaves it */
	bool full; /* at its limit of connections */
	bool backup; /* for when the others do not do */
	bool disputed; /* balancers say that it is up, and that it is down */
	bool dispute_told; /* and that was logged */
	uint32_t disputed_s; /* since when, agent__coarse_s() */
	uint8_t told; /* to the journal: a word of chronicle.c */
	uint32_t capped_s; /* when `cap` was looked at, agent__coarse_s() */
	bool probe_ok;
	bool kept; /* an apply is running: the next configuration has it too */
	bool retired; /* in service.retired: no longer configured, but for its connections */
	bool dropped; /* and they are given up, like those of a backend that is down */
};

/* What tells one service from another: the key, and where a range of ports ends. */
struct service_key {
	struct fl_service_key key;
	uint16_t port_last; /* host order */
};

/* A service as packets find it. */
struct service {
	TAILQ_ENTRY(service) entry;
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
	bool stale; /* and before it, who takes how much */
	bool unruled; /* and before that, what holds of its backends: peers have said something new */
	bool contested; /* some of them are disputed */
	bool settling; /* the idle table may still be read by packets */
	bool making; /* its move table is being installed */
	uint8_t told; /* to the journal, as of a member */
	struct rate rate;
};

TAILQ_HEAD(service_list, service);

/* Which packets are told of: rates that a command has set in place of the file's. */
struct sampling {
	bool set;
	uint32_t flows, drops; /* one in so many; 0: none */
};

/* An endpoint whose replies may still belong to another service, so that they need records. */
struct nat_pause {
	struct fl_endpoint endpoint;
	uint64_t until_ns; /* CLOCK_MONOTONIC */
};

struct nat_state {
	bool dirty, failed;
	struct nat_pause *pauses;
	size_t n_pauses;
};

/* Slots that change owner, of all services (moves.c). */
struct moves {
	struct move_fact *facts; /* by index; all zero between two uses */
	uint32_t *owned, *leaving; /* by index, scratch */
	double expected; /* sum of the services' */
	struct fl_pressure pressure; /* as it was looked at last */
	uv_work_t work; /* installs move tables */
	uint32_t *ids; /* FL_MAX_SERVICES: of the services whose are next */
	uint32_t n, busy; /* how many wait; how many of them, the first ones, the worker has */
	int rc;
	struct err err;
	uint64_t planned_ns; /* uv_hrtime(): of the last turn, when it was known what changes, */
	uint64_t swapped_ns; /* and when packets found it */
};

struct agent {
	uv_loop_t loop;
	const char *config_path; /* absolute */
	enum log_sink log_sink;
	struct config *config; /* what runs; NULL before the first commit */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t started_at_ns; /* CLOCK_REALTIME */
	uint64_t loaded_at_ns; /* CLOCK_REALTIME of the last commit */
	char *config_text; /* what was committed, as it was written: config_len bytes */
	size_t config_len;
	uint64_t applies, refusals; /* configurations applied and refused since it began */
	bool last_refused;
	struct plane *plane;
	struct net *net;
	struct prober *prober;
	struct api *api;
	struct listener listener; /* of the API, beside its socket */
	struct grace *grace;
	struct rt *rt;
	struct peers *peers; /* NULL: there are none */
	struct seating seating; /* that peers have */
	struct lease *lease;
	struct neighbors neighbors; /* BFD */
	struct anycast anycast;
	struct failover failover;
	struct track track;
	struct handover *handover; /* a planned failover that is under way; NULL: none is */
	void *hops; /* tsearch(3) tree of struct hop */
	void *targets; /* of struct target */
	struct service_list services;
	struct service *by_id[FL_MAX_SERVICES];
	struct target *by_index[FL_MAX_BACKENDS];
	struct nat_state nat;
	struct plane_link *links; /* where the program is attached */
	size_t n_links;
	struct macs macs; /* that frames for this machine are sent to */
	struct apply *applying; /* an apply between prepare and commit */
	bool apply_again; /* SIGHUP came meanwhile */
	struct diff *diff; /* an answer on what an apply would do, in the making; NULL: none */
	struct rate verdicts[FL_VERDICTS], notes[FL_NOTES];
	struct sources sources; /* who may send */
	struct sampling sampling;
	struct events *events;
	struct chronicle *chronicle; /* NULL: there is no journal */
	struct alerts *alerts;
	struct moves moves;
	struct timing compute; /* of tables that went live: until it was known what they hold, */
	struct timing commit; /* and from then on until packets found them */
	struct nat_sweep nat_sweep;
	struct flow_sweep flow_sweep;
	struct passive passive;
	size_t metrics_len; /* of the last text */
	struct explain explain;
	struct capture *capture; /* NULL: none runs */
	struct paths *paths; /* NULL: nothing is probed by the clients' path */
	uint64_t lapses_before; /* the maps' count of lapses when this agent began */
	uint64_t lapses_seen;
	uint64_t late_max_ns; /* worst wake-up of the real-time thread in the last second */
	bool renew_failing;
	unsigned long pages; /* in memory when free ones were given back last, or fewer */
	uv_prepare_t flush; /* rebuilds dirty tables once a turn of the loop */
	uv_timer_t tick; /* rates, retries; 1 s */
	uv_timer_t patience; /* wakes the loop for services that wait for their first verdicts */
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
struct health_time agent__now(void);
/* CLOCK_MONOTONIC_COARSE, seconds: what the program writes to records. */
uint32_t agent__coarse_s(void);
/* Turns the loop after that time, if nothing else does before. */
void agent__wake_in(struct agent *a, uint64_t ms);
/* Ends the loop; the data plane stays. */
void agent__stop(struct agent *a, int exit_code);
/* A configuration is committed: takes over its settings; after the first one, API up and ready. */
void agent__configured(struct agent *a);

/* apply.c: from a configuration file to the running state */

/* Which configuration is to be applied, and by whose word. */
struct apply_order {
	bool now; /* the connections of backends that are no longer in it are given up */
	uint32_t uid; /* who asks, or JOURNAL_NOBODY */
	const char *origin; /* of struct store_config */
	char reason[JOURNAL_DETAIL_LEN];
	uint32_t confirm_ms; /* it is to be confirmed by then; 0: it stays */
	char *text; /* malloc'd, is taken over: instead of the file, which gets it; NULL: the file's */
	size_t len;
	int64_t version; /* of `text` */
};

/* Starts to apply it; `request` (may be NULL) gets the outcome. */
void apply__start(struct agent *a, const struct apply_order *order, struct api_request *request);
/* The agent's own file, as at a start ("start") or by a signal ("reload"). */
void apply__file(struct agent *a, const char *origin);

/* commit.c: what the plane must know of a configuration */
struct plane_options commit__options(const struct config *c);

/* adopt.c: the state that an earlier agent left in the maps */
int adopt__all(struct agent *a, struct err *err);

/* verdict.c: who takes how much */

/* Decides anew, at once. */
void verdict__judge(struct service *s);
/* What has changed speaks of who takes flows: before the next table it is decided anew. */
void verdict__touch(struct service *s);
/* What changes by time or load: slow starts, limits. Once a second. */
void verdict__tick(struct agent *a);
json_t *verdict__json(const struct service *s);
/* What is known of a member, for pool__decide(). */
struct pool_member verdict__seen(const struct member *m, uint64_t mono_ns);

/* service.c */

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
/* Computes the table and makes it live, now if the idle one is free, else after the grace period. */
void service__flush(struct service *s);
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
bool service__has_key(const struct service *s, const struct service_key *key);

/* moves.c: slots that change owner */

int moves__init(struct agent *a, struct err *err);
void moves__free(struct agent *a);
/*
 * Brings the slots towards `want` (NULL: owners stay) from what moves__age() would make of them, those
 * without records to CLEAN (`count`, may be NULL). -EINPROGRESS: the move table is being made, and the service is flushed again then.
 */
int moves__turn(struct service *s, const uint16_t *want, const struct move_count *count,
		struct err *err);
/* What a turn goes by: of the service now, by those facts. */
struct move_table moves__table(const struct service *s, const struct move_fact *facts);
struct move_fact moves__fact(const struct member *m);
/* Whether no packet has come for it, so that nothing is established at the owners of its slots. */
bool moves__is_fresh(const struct service *s);
/* Slots that may begin to move, if all services' moving slots are expected to need so many records. */
uint32_t moves__budget(const struct service *s, double expected);
/* Goes on with what an earlier agent left. */
void moves__adopt(struct service *s);
/* From now on packets may read either half, until a grace period has passed. */
void moves__settle(struct service *s);
/* A peer's record of the slot is in `flows`: packets are to find it; and counts of before say nothing of it. */
void moves__pin(struct service *s, uint32_t slot);
/* Does that where it is still to be done and can be now. True: there is more. Once a turn of the loop. */
bool moves__pin_all(struct agent *a);
/* MOVING becomes PINNED where its time is over; the words follow what is known of the members. */
void moves__age(struct service *s);
/* Counts the slots of all members anew. */
void moves__recount(struct service *s);
/* A pass has counted the service's records. */
void moves__measure(struct service *s, uint32_t records);
/* What is due by time, not by a change: MOVING becomes PINNED, more slots may move. Once a second. */
void moves__tick(struct agent *a);
/* Seconds until slots that wait for others have moved, about. */
uint32_t moves__ramp_s(const struct service *s);

/* member.c */

/* NULL: out of memory. */
struct member *member__new(struct service *s, struct target *t);
/* Leaves its target. */
void member__free(struct member *m);
/* The same, and what a restart would know of it. */
void member__drop(struct member *m);
const char *member__id(const struct member *m);
struct addr member__address(const struct member *m);
/* Takes over verdict, the operator's word and the last probe of the one in whose place it comes. */
void member__inherit(struct member *m, const struct member *from);
/* Ends its probe. */
void member__quiet(struct member *m);
/* (Re)starts its probe with the service's present arguments. */
int member__probe(struct member *m, const struct config_backend *b, struct err *err);
/* Goes to another target as soon as the slots do. */
int member__move(struct member *m, struct target *to);
/* Of one that has left: its connections are treated as those of a backend that went down now. */
void member__give_up(struct member *m);
/* Writes what a restart must know. */
void member__remember(const struct member *m);
/* Too many of its new connections saw no answer: `text` says how many. */
void member__alarmed(const struct member *m, const char *text);
/* What is wrong with the clients' path to it. */
void member__diagnosed(const struct member *m, const char *text);
/* Whose word it was: a user's, or what was said at a peer (NULL: here). */
struct member_word {
	uint32_t uid; /* or JOURNAL_NOBODY */
	const char *peer;
};
/* The operator's word; `percent` of its weight. True if it changed anything. */
bool member__set_admin(struct member *m, enum fl_admin admin, const struct member_word *said);
bool member__set_percent(struct member *m, uint8_t percent, const struct member_word *said);
void member__log(const struct member *m, enum log_level level, const char *text);
/* What holds of it from now on: what follows from that is done. */
enum health_change member__rule(struct member *m, enum fl_health ruled);
/* If it is up, then by this balancer's own probes too. */
bool member__is_reached(const struct member *m);
/* Its connections are given up. */
bool member__is_lost(const struct member *m);

/* target.c */

/*
 * The target for a backend of a service under configuration `c`: one that is there, or a new one.
 * `like` (may be NULL) is the one that it had so far, whose source address it keeps while the route's
 * is not known. The caller's member joins it before anything else happens, or target__put().
 */
int target__get(struct agent *a, const struct config *c, const struct config_service *s,
		const struct config_backend *b, const struct target *like, struct target **out,
		struct err *err);
/* The one that it would be, NULL: one that there is not yet. Changes nothing. */
const struct target *target__foresee(struct agent *a, const struct config *c,
				     const struct config_service *s, const struct config_backend *b,
				     const struct target *like);
/* The target of an adopted entry; -ENOMEM. */
int target__adopt(struct agent *a, uint32_t index);
void target__join(struct target *t, struct member *m);
void target__leave(struct member *m);
/* Nobody has it: it goes after a grace period, unless somebody comes. */
void target__put(struct agent *a, struct target *t);
/* The next hop has changed (or is to be written for the first time). */
void target__hop_changed(struct agent *a, struct target *t);
/* Ends all watches; the entries stay. */
/* FL_BE_GONE follows the members: set once none of them may get its connections back. */
void target__judge(struct agent *a, struct target *t);
/* What has become of each target, by index: FL_MAX_BACKENDS of them. */
void target__losses(const struct agent *a, struct fate_loss *out);
/*
 * A pass over records (SWEPT_*) that began at began_s has found `n` that name the target: if it has no
 * members, that may have been what it still waited for.
 */
void target__counted(struct agent *a, struct target *t, unsigned int swept, uint32_t began_s,
		     uint32_t n);
void target__quiet_all(struct agent *a);
void target__free_all(struct agent *a);

/* hops.c */

/* The way to an address, watched from now on; each hold needs one drop. */
int hops__hold(struct agent *a, const struct addr *address, struct hop **out, struct err *err);
void hops__drop(struct agent *a, struct hop *h);
/* NULL: the address is not watched. */
const struct hop *hops__find(struct agent *a, const struct addr *address);
void hops__changed(void *agent, const struct addr *address, const struct net_hop *hop);

/* nat.c: whose the replies of backends are */

/* Something that has to do with NAT changed: nat__sync() is due. */
void nat__touch(struct agent *a);
/*
 * Brings `nat_back` and FL_BE_RECORD to what all services that may have flows want. -errno: the map
 * is as it was, and the next call tries again.
 */
int nat__sync(struct agent *a, struct err *err);
/* The same if it is due, from the loop; errors go to the log. */
void nat__flush(struct agent *a);
/* Once a second: names that may be given by now. */
void nat__tick(struct agent *a);
void nat__free(struct agent *a);
/* The pool of full NAT; warns of addresses that are not this machine's. */
int nat__pool(struct agent *a, const struct config *c, struct err *err);

/* ports.c */

/* Lets packets leave by what they may need: VLAN devices, with NAT every interface. */
void ports__sync(struct agent *a, const struct config *c);

/* links.c */
/* Attaches to all interfaces of `c`; on failure detaches those that are new. */
int links__attach(struct agent *a, const struct config *c, struct err *err);
/* Detaches from interfaces that `c` no longer names. */
void links__prune(struct agent *a, const struct config *c);
/* An interface came, went, or changed its index. */
void links__changed(void *agent, const struct net_link *l, bool present);
/* Whether an interface of `c` has an MTU for which frames need more than one buffer. */
bool links__jumbo(const struct config *c);

/* status.c, ops.c, rates.c */
/* `service`, `backend` (NULL: all): of the services and their backends only those. */
json_t *status__json(struct agent *a, const char *service, const char *backend);
/* Of it what is neither of services nor of single packets. */
json_t *status__frame(struct agent *a);
/* The port that NAT gives to its packets, host order; 0: they keep theirs. */
uint16_t status__port(const struct member *m);
/* A backend of a service, as it is in there. */
json_t *status__member(struct agent *a, const struct member *m);
/* What a configured service is, without its backends and counters. */
json_t *status__service(const struct service *s);

/* overview.c: in short; `service` as of api_ops */
int overview__text(struct agent *a, const char *service, char **text, size_t *len, struct err *err);

/* timings.c: "loop", "probes" and "tables" */
json_t *timings__json(const struct agent *a);
/* How a service's slots move; when they will have done. */
json_t *transition__json(const struct service *s);
/* What backends of that id still have in a service; NULL: none has it there. */
json_t *transition__backend(const struct service *s, const char *id);
extern const struct api_ops ops;
void rates__tick(struct agent *a);

#endif
