/* SPDX-License-Identifier: GPL-2.0-or-later */
/* internal.h - between prober.c (when to ask, whom to tell) and the kinds (how to ask). */
#ifndef FAIRLEAD_PROBE_INTERNAL_H
#define FAIRLEAD_PROBE_INTERNAL_H

#include <sys/queue.h>

#include "config/probe.h"
#include "probe/probe.h"
#include "probe/watch.h"
#include "probe/web_loop.h"

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
	struct probe_way way; /* all zero: straight */
	struct config_probe args; /* strings are the probe's own */
	TAILQ_HEAD(, probe_sub) subs;
	const struct probe_kind *kind;
	uv_timer_t timer; /* in flight: the timeout; else the next start */
	uint64_t started_ns; /* of the last try, uv_hrtime() */
	uint64_t due_ns; /* of the next one, likewise */
	bool in_flight;
	bool delivering;
	bool phased; /* it has its own place in the interval, or will be given one */
	void *attempt; /* the kind's own, while in flight */
	void *kept; /* the kind's own, from try to try */
	char why[PROBE_DETAIL_LEN]; /* room for the *why of a start that failed */
	char warning[96]; /* of the try, set by the kind; "": none */
	int weight_pct; /* of the try, set by the kind; -1: none */
	TAILQ_HEAD(, probe) urged; /* tries beside its pace (urge.c) */
	struct probe *of; /* such a try: the probe whose result it finds; else NULL */
};

struct pinger;
struct exec_attempt;

/* Programs of probes of "type: exec". */
struct exec_pool {
	TAILQ_HEAD(, exec_attempt) waiting, running;
	unsigned int n_running;
};

struct postgres_try;

/* Logins of probes of "type: postgres" that need a thread for a while. */
struct login_pool {
	TAILQ_HEAD(, postgres_try) waiting;
	unsigned int working;
};

struct prober {
	uv_loop_t *loop;
	TAILQ_HEAD(, probe) probes;
	struct tls_store *tls; /* what TLS connections share */
	void *tree; /* tsearch(3) of probes, by target and arguments */
	size_t n;
	uint64_t random; /* state of the jitter's generator */
	uint64_t soon_ns; /* uv_hrtime() before which no first try of a target begins */
	struct timing late; /* tries that began, after their time */
	size_t skipped; /* tries that said nothing of their target, since they were asked for */
	char why[PROBE_DETAIL_LEN]; /* what *why of start() points to, when it is no constant */
	struct pinger *icmp; /* what probes of that kind share; NULL: there was none yet */
	struct exec_pool exec;
	struct login_pool logins;
	struct web_loop web;
	struct watches watches; /* sockets of stream.c */
	size_t handles; /* open ones; the last one to close frees the prober */
	bool closing;
};

struct talk_kind;
struct web_kind;

/* How a kind asks. */
struct probe_kind {
	/* Before the first try of a target: what all probes of the kind need. NULL: nothing. */
	int (*prepare)(struct prober *p, const struct addr *address, struct err *err);
	/* Begins a try; ends it by probe__finish() or probe__skip(), not from within this call unless
	 * it returns non-zero. Non-zero: could not even begin, *why says so. */
	int (*start)(struct probe *p, const char **why);
	/* Gives a try up without a result. */
	void (*abort)(struct probe *p);
	/* The time of a try is over: the verdict, and what to say; abort() follows. NULL: a failure. */
	enum probe_outcome (*late)(struct probe *p, char *detail, size_t size);
	/* Frees p->kept, when the probe ends; NULL: nothing is kept. */
	void (*forget)(struct probe *p);
	const struct talk_kind *talk; /* of stream.c, datagram.c: what is said; NULL: nothing */
	const struct web_kind *web; /* of web.c: what is asked */
};

/* How that is asked, or NULL if this build cannot. */
const struct probe_kind *probe_kind__find(const struct config_probe *args);

/* stream.c: kinds of one TCP connection */
int stream__start(struct probe *p, const char **why);
void stream__abort(struct probe *p);
enum probe_outcome stream__late(struct probe *p, char *detail, size_t size);

/* datagram.c: kinds that ask by one UDP datagram */
int datagram__start(struct probe *p, const char **why);
void datagram__abort(struct probe *p);
enum probe_outcome datagram__late(struct probe *p, char *detail, size_t size);

/* The try has an answer about the target. */
void probe__finish(struct probe *p, enum probe_outcome outcome, const char *detail);
/* The try failed on this machine's side and says nothing about the target: it is made again. */
void probe__skip(struct probe *p);
/* Errors of this machine: out of descriptors, ports or memory. */
bool probe__is_local(int err);
/* What a connection that ended with `err` (0: it did not) says of the target. */
enum probe_outcome probe__outcome(int err);

/* The same as a clause for people: "connection refused". */
const char *probe__clause(int err);

/*
 * The verdict of a server that lives and has that role: OK if the probe wants it, and else a failure
 * that says what is wanted: "is a replica; a master is wanted". `more` (may be "") goes behind the
 * role: "replica, 0.2 s behind".
 */
enum probe_outcome probe__judge_role(const struct config_probe *args, enum config_role role,
				     const char *more, char *detail, size_t size);

/* Sets the try's warning if a certificate ends in `left_s` seconds and that is too soon. */
void probe__judge_certificate(struct probe *p, int64_t left_s);

/*
 * A non-blocking socket towards that address, SOCK_STREAM or SOCK_DGRAM; -errno. Towards the target's own
 * it is bound to its way, and connects to probe__peer().
 */
int probe__socket(const struct probe *p, const struct addr *to, int type);
/* Where a socket towards the target connects to. */
const struct addr *probe__peer(const struct probe *p);

/* way.c: the clients' path */

bool probe_way__any(const struct probe_way *w);
/* Binds a new socket to the address from which probes by `w` of `target` come. 0 or -errno. */
int probe_way__bind(const struct probe_way *w, const struct addr *target, int fd);

/* prober.c, for urge.c */

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

/*
 * The time of a try in flight is counted from now on, and not from its start; or not at all until
 * then, when it waits for something of this machine's.
 */
void probe__restart_clock(struct probe *p);
void probe__stop_clock(struct probe *p);

/* A number that nobody can guess, talk.token. */
uint64_t probe__token(void);

void probe_icmp__close(struct prober *p);
void probe_exec__init(struct prober *p);
void probe_exec__close(struct prober *p);
void probe_postgres__init(struct prober *p);
extern const struct probe_kind probe_udp, probe_dns, probe_icmp, probe_exec, probe_redis,
	probe_mysql, probe_postgres;

#endif
