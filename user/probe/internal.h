/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - between prober.c (when to ask, whom to tell) and the kinds (how to ask). */
#ifndef FAIRLEAD_PROBE_INTERNAL_H
#define FAIRLEAD_PROBE_INTERNAL_H

#include <curl/curl.h>
#include <sys/queue.h>

#include "probe/probe.h"

struct probe_sub {
	TAILQ_ENTRY(probe_sub) entry;
	struct probe *probe;
	probe_cb *cb;
	void *ctx;
	bool settled;
	bool cancelled; /* during a delivery: freed after it */
};

/* One question to one target, asked again and again. */
struct probe {
	TAILQ_ENTRY(probe) entry; /* in prober.probes */
	struct prober *prober;
	struct addr address;
	uint16_t port;
	struct config_probe args; /* strings are the probe's own */
	TAILQ_HEAD(, probe_sub) subs;
	uv_timer_t timer; /* in flight: the timeout; else the next start */
	uint64_t started_ns; /* of the last try, uv_hrtime() */
	bool in_flight;
	bool delivering;
	void *attempt; /* the kind's own, while in flight */
	CURL *easy; /* http: kept from try to try */
	TAILQ_HEAD(, probe) urged; /* tries beside its pace (urge.c) */
	struct probe *of; /* such a try: the probe whose result it finds; else NULL */
};

struct prober {
	uv_loop_t *loop;
	TAILQ_HEAD(, probe) probes;
	void *tree; /* tsearch(3) of probes, by target and arguments */
	size_t n;
	uint64_t random; /* state of the jitter's generator */
	CURLM *multi;
	uv_timer_t curl_timer;
	size_t handles; /* open ones; the last one to close frees the prober */
	bool closing;
};

/* How a kind asks. */
struct probe_kind {
	/* Begins a try; ends it by probe__finish() or probe__skip(), not from within this call unless
	 * it returns non-zero. Non-zero: could not even begin, *why says so. */
	int (*start)(struct probe *p, const char **why);
	/* Gives a try up without a result. */
	void (*abort)(struct probe *p);
};

extern const struct probe_kind probe_tcp, probe_http;

/* The try has an answer about the target. */
void probe__finish(struct probe *p, enum probe_outcome outcome, const char *detail);
/* The try failed on this machine's side and says nothing about the target: it is made again. */
void probe__skip(struct probe *p);
/* Errors of this machine: out of descriptors, ports or memory. */
bool probe__is_local(int err);
/* What a connection that ended with `err` (0: it did not) says of the target. */
enum probe_outcome probe__outcome(int err);

/* prober.c, for urge.c */

/* The caller's own strings; -ENOMEM. */
int probe__copy_args(const struct config_probe *from, struct config_probe *to);
/* Begins a try after that time. */
void probe__start_in(struct probe *p, uint64_t ms);
/* A result for all subscribers, found by a try beside the probe's own. */
void probe__tell(struct probe *p, const struct probe_result *r);
/* Gives a try up, closes the handles; the memory goes with them. */
void probe__close(struct probe *p);

/* urge.c */

/* A try beside a probe's own has ended; `r` NULL: on this machine's side, without a result. */
void probe_urge__end(struct probe *p, const struct probe_result *r);
void probe_urge__drop(struct probe *p);

/* A handle of the prober's has been opened; on_close is what uv_close() gets for it. */
void prober__hold(struct prober *p);
void prober__release(struct prober *p);

int probe_http__init(struct prober *p, struct err *err);
void probe_http__close(struct prober *p);
void probe_http__forget(struct probe *p);

#endif
