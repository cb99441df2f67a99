/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - asks backends whether they live, and tells who wants to know.
 *
 * One prober runs on the agent's loop. A subscription asks for one target to be probed in one way;
 * subscriptions with equal target and arguments (config_probe__compare() and the same address and
 * port) share one probe, whose result goes to all of them. Probes of different targets start at
 * different phases, and each interval is varied by the jitter, so that they do not march in step.
 */
#ifndef FAIRLEAD_PROBE_PROBE_H
#define FAIRLEAD_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "config/config.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/timing.h"

enum probe_outcome {
	PROBE_OK,
	PROBE_FAILED,
	PROBE_REFUSED, /* failed, because the network said so: RST, ICMP unreachable */
};

#define PROBE_DETAIL_LEN 200 /* bytes of a detail, the closing NUL included */

struct probe_result {
	enum probe_outcome outcome;
	uint64_t latency_ns; /* from the start of the probe to its result */
	const char *detail; /* one clause for people: "connection refused", "status 503 is not in
			     * 200..399"; valid during the callback */
	const char *warning; /* what is well still, but not for long: "its certificate expires in 6
			      * days"; NULL: nothing; valid during the callback */
	int weight_pct; /* the share of its weight that the backend asks for, 0..100; -1: it doesn't */
};

/*
 * A result. Returns whether the subscriber is settled: while any subscriber of a probe is not, the
 * probe runs at its fast interval. May subscribe and unsubscribe (itself included).
 */
typedef bool probe_cb(void *ctx, const struct probe_result *result);

/*
 * The clients' path to a backend (`via: path`): the target is the VIP, and what is sent to the stand-in
 * goes there by way of that backend. Without one, a probe goes straight to its target.
 */
struct probe_way {
	struct addr stand_in; /* of the target's family */
	struct addr
		backend; /* probes come from the address that this machine has on the way to it */
};

struct prober; /* all probes of an agent */
struct probe_sub; /* one subscription */

/* Starts a prober on `loop`. -errno and a sentence on failure. */
int prober__new(uv_loop_t *loop, struct prober **out, struct err *err);

/*
 * Ends all probes and closes all handles; subscriptions still open are dropped without a callback.
 * The caller runs the loop afterwards (uv_run until it has no handles), which frees the memory.
 */
void prober__free(struct prober *p);

/*
 * Subscribes to probes of address:port (port in host order, never 0), by `way`, or straight if that is
 * NULL. The arguments are copied.
 * `settled`: whether the subscriber already has a verdict (else the first probe starts at once and
 * the fast interval is used). First result: never from within this call.
 */
int prober__subscribe(struct prober *p, const struct addr *address, uint16_t port,
		      const struct probe_way *way, const struct config_probe *args, bool settled,
		      probe_cb *cb, void *ctx, struct probe_sub **out, struct err *err);
void probe_sub__cancel(struct probe_sub *s);

/*
 * Asks at once, `tries` times, starting gap_ms apart: the tries overlap, so that a target which does not
 * answer has failed all of them one timeout later. Their results go to all subscribers, as any; the pace
 * follows from what they make of them. Nothing happens while tries of an earlier call are under way.
 */
void probe_sub__urge(struct probe_sub *s, uint32_t tries, uint32_t gap_ms);

/* How many distinct probes run (for status and tests). */
size_t prober__count(const struct prober *p);

/* How many tries came to nothing for want of this machine's own means, since this was asked last. */
size_t prober__take_skipped(struct prober *p);

/* How long after their time tries have begun, all that did; valid as long as the prober. */
const struct timing *prober__late(const struct prober *p);

#endif
