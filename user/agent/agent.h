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
#include "agent/member.h"
#include "agent/moves.h"
#include "agent/nat_sweep.h"
#include "agent/neighbors.h"
#include "agent/peers.h"
#include "peer/accord.h"
#include "agent/seating.h"
#include "agent/service.h"
#include "agent/sources.h"
#include "agent/status_answers.h"
#include "agent/track.h"
#include "api/api.h"
#include "core/event.h"
#include "config/config.h"
#include "core/jtext.h"
#include "core/log.h"
#include "core/timing.h"
#include "plane/plane.h"
#include "plane/snat.h"
#include "vip/rt.h"

struct alerts;
struct peer_accord;
struct chronicle;
struct target;

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
	struct peer_accord
		*accord; /* one configuration for all of them; NULL: there never were any */
	struct accord_text common; /* what the running configuration has in common with peers */
	struct accord_text
		common_before; /* and what the one before it had that had something else */
	struct lease *lease;
	struct neighbors neighbors; /* BFD */
	struct anycast anycast;
	struct failover failover;
	struct track track;
	struct handover *handover; /* a planned failover that is under way; NULL: none is */
	void *hops; /* tsearch(3) tree of struct hop */
	void *targets; /* of struct target */
	struct service_list services;
	struct service_bucket by_key[FL_INDEX_BUCKETS]; /* the same, as service__find() wants it */
	struct service *by_id[FL_MAX_SERVICES];
	struct target *by_index[FL_MAX_BACKENDS];
	struct nat_state nat;
	struct plane_link *links; /* where the program is attached */
	bool pins_failing; /* pins that somebody has removed cannot be made again */
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
	struct scrape *scrape; /* metrics in the making; NULL: none are */
	size_t metrics_len; /* of the last text */
	struct status_answers status_answers; /* in the making */
	struct explain explain;
	struct capture *capture; /* NULL: none runs */
	struct paths *paths; /* NULL: nothing is probed by the clients' path */
	uint64_t lapses_before; /* the maps' count of lapses when this agent began */
	uint64_t lapses_seen;
	uint64_t late_max_ns; /* worst wake-up of the real-time thread in the last second */
	size_t late_told; /* groups and sessions that it is too late for, as the log says */
	bool renew_failing;
	bool probes_starved; /* they could not be tried, and the log says so */
	uint32_t starved_s; /* when that was so last, agent__coarse_s() */
	struct timing turns; /* of the loop, but for its waiting */
	uint64_t turn_ns, waited_ns; /* when this one began; all waiting up to then */
	unsigned long pages; /* in memory when free ones were given back last, or fewer */
	uv_prepare_t flush; /* rebuilds dirty tables once a turn of the loop */
	bool flush_due; /* some service is dirty, stale or unruled: else none is looked at */
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
	/*
	 * It comes with all peers (peer_accord.h), which is told how it ended, instead of a request: rc and a sentence.
	 * What was read is in the apply's order then, for `ended` to take.
	 */
	void (*ended)(struct agent *a, struct apply_order *order, int rc, const char *sentence);
	bool all; /* it is proposed to all peers */
	bool rehearse; /* all that may fail is tried, and nothing comes into force */
	const char *
		shared; /* what peers have in common, in place of the running text's; NULL: see `text` */
	size_t shared_len;
	bool now; /* the connections of backends that are no longer in it are given up */
	uint32_t uid; /* who asks, or JOURNAL_NOBODY */
	const char *origin; /* of struct store_config */
	char reason[JOURNAL_DETAIL_LEN];
	uint32_t confirm_ms; /* it is to be confirmed by then; 0: it stays */
	char *text; /* malloc'd, is taken over: instead of the file, which gets it; NULL: the file's */
	size_t len;
	int64_t version; /* of `text`, in the history; 0: it is from elsewhere */
	struct accord_text
		common; /* filled: what `text` has in common with peers; len 0: nothing */
};

/* Starts to apply it; `request` (may be NULL) gets the outcome. */
void apply__start(struct agent *a, const struct apply_order *order, struct api_request *request);
/* The agent's own file, as at a start ("start") or by a signal ("reload"). */
void apply__file(struct agent *a, const char *origin);
/* The file, if a signal asked for it when that could not be. */
void apply__again(struct agent *a);

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
/* The ports that are this machine's, of those that it shares with its peers. */
struct snat_part nat__part(const struct config *c);

/* ports.c */

/* Lets packets leave by what they may need: VLAN devices, with NAT every interface. */
void ports__sync(struct agent *a, const struct config *c);

/* links.c */
/* Attaches to all interfaces of `c`; on failure detaches those that are new. */
int links__attach(struct agent *a, const struct config *c, struct err *err);
/* Detaches from interfaces that `c` no longer names. */
void links__prune(struct agent *a, const struct config *c);
/* Once a second: puts the program and its pin back where somebody has taken them off. */
void links__tick(struct agent *a);
/* Is the program on this interface? Of one that is not of the configuration: true. */
bool links__attached(const struct agent *a, const char *ifname);
/* Lets go of the links; the program stays where it is pinned. */
void links__free(struct plane_link *links, size_t n);
/* An interface came, went, or changed its index. */
void links__changed(void *agent, const struct net_link *l, bool present);
/* Whether an interface of `c` has an MTU for which frames need more than one buffer. */
bool links__jumbo(const struct config *c);

/* status.c, ops.c, rates.c */
/* Of the status document what is neither of services nor of single packets. */
json_t *status__frame(struct agent *a);
/* Of it what stands behind its services. */
json_t *status__totals(struct agent *a);
/* A service as it is in there, but for its backends. */
json_t *status__service_frame(struct agent *a, const struct service *s);
/* The port that NAT gives to its packets, host order; 0: they keep theirs. */
uint16_t status__port(const struct member *m);
/* status_backend.c: backends of services, as they are in there */
struct status_pen {
	struct jtext out;
	uint32_t ifindex; /* of the interface that was asked for last; 0: none was */
	char ifname[16]; /* its name; "": it has none any more */
};
void status__write_member(struct status_pen *pen, const struct agent *a, const struct member *m);
/* The same as an object; NULL: out of memory. */
json_t *status__member(const struct agent *a, const struct member *m);
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
