/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent.c - the agent's life: wiring, signals, timers, and an end that leaves traffic flowing. */
#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/alerts.h"
#include "agent/chronicle.h"
#include "agent/events.h"
#include "agent/handover.h"
#include "agent/lateness.h"
#include "agent/peer_accord.h"
#include "agent/peer_quorum.h"
#include "agent/peer_words.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "core/log.h"

#define TICK_MS 1000
#define TRIM_PAGES 2048 /* more than before, and what is free of them is given back */
#define HEARTBEATS_PER_LEASE 8
#define STARVED_S 5 /* without such a second, it is over */

uint64_t agent__realtime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

struct health_time agent__now(void)
{
	return (struct health_time){.mono_ns = uv_hrtime(), .real_ns = agent__realtime_ns()};
}

uint32_t agent__coarse_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint32_t)t.tv_sec;
}

static void flush_services(struct agent *a, bool waits)
{
	struct service *s;

	if (!a->flush_due)
		return;
	a->flush_due = waits;
	TAILQ_FOREACH (s, &a->services, entry) {
		if (service__flush(s))
			a->flush_due = true;
	}
}

/* From one look at what has come in to the next, without the waiting: so long did anything else wait. */
static void count_turn(struct agent *a)
{
	uint64_t now_ns = uv_hrtime(), waited_ns = uv_metrics_idle_time(&a->loop);

	if (a->turn_ns)
		timing__add(&a->turns, now_ns - a->turn_ns - (waited_ns - a->waited_ns));
	a->turn_ns = now_ns;
	a->waited_ns = waited_ns;
}

static void on_flush(uv_prepare_t *h)
{
	struct agent *a = h->data;
	bool waits;

	count_turn(a);
	peer_words__flush(a);
	waits = peer_quorum__flush(a);
	seating__flush(a);
	flush_services(a, waits);
	nat__flush(a);
	peer_accord__flush(a);
	apply__again(a);
	peers__flush(a);
	anycast__flush(a);
	failover__flush(a);
}

/* Pages of the agent's own in memory, proc(5); 0: not known. */
static unsigned long own_pages(void)
{
	unsigned long resident = 0, shared = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return 0;
	if (fscanf(f, "%*u %lu %lu", &resident, &shared) != 2)
		resident = shared = 0;
	fclose(f);
	return resident - shared;
}

/*
 * A configuration, a status, thousands of probes at once use memory for a moment, among which some bytes
 * stay: their pages are the kernel's again only when malloc is told so.
 */
static void give_back(struct agent *a)
{
	unsigned long pages = own_pages();

	if (pages > a->pages + TRIM_PAGES) {
		malloc_trim(0);
		pages = own_pages();
	} else if (pages > a->pages) {
		return;
	}
	a->pages = pages;
}

/* What is not asked says nothing of its target, so no verdict changes: only the log can tell. */
static void tell_starved(struct agent *a)
{
	size_t n = prober__take_skipped(a->prober);
	uint32_t now_s = agent__coarse_s();

	if (n) {
		a->starved_s = now_s;
		if (!a->probes_starved)
			log_error(
				"%zu probes of the last second could not be tried: this machine "
				"lacks descriptors, ports or memory; backends keep the state that "
				"they have; see 'fairlead doctor'",
				n);
		a->probes_starved = true;
	} else if (a->probes_starved && now_s - a->starved_s >= STARVED_S) {
		a->probes_starved = false;
		log_info("probes can be tried again");
	}
}

static void on_tick(uv_timer_t *h)
{
	struct agent *a = h->data;
	struct fl_lease lease;

	rates__tick(a);
	api__tick(a->api);
	verdict__tick(a);
	moves__tick(a);
	give_back(a);
	nat_sweep__tick(a);
	flow_sweep__tick(a);
	nat__tick(a);
	peers__tick(a);
	seating__tick(a);
	grace__retry(a->grace);
	neighbors__tick(a);
	lateness__tick(a);
	anycast__tick(a);
	links__tick(a);
	failover__refresh(a);
	chronicle__tick(a);
	tell_starved(a);
	/* What failed is tried again. */
	a->flush_due = true;
	a->late_max_ns = rt__take_lateness(a->rt);
	if (lease__last_error(a->lease) && !a->renew_failing)
		log_error("cannot renew the lease: %s", strerror(-lease__last_error(a->lease)));
	a->renew_failing = lease__last_error(a->lease) != 0;
	if (plane__lease(a->plane, &lease) == 0 && lease.lapses != a->lapses_seen) {
		log_warn("the lease lapsed %" PRIu64 " times: the agent or the machine stood still "
			 "for longer than `lease`",
			 (uint64_t)lease.lapses - a->lapses_seen);
		a->lapses_seen = lease.lapses;
	}
}

/* That the loop turns is all that is wanted. */
static void on_patience(uv_timer_t *h)
{
	(void)h;
}

void agent__wake_in(struct agent *a, uint64_t ms)
{
	/* A millisecond more than asked for: the loop's clock is a little behind. */
	if (!uv_is_active((uv_handle_t *)&a->patience) ||
	    uv_timer_get_due_in(&a->patience) > ms + 1)
		uv_timer_start(&a->patience, on_patience, ms + 1, 0);
}

static void on_heartbeat(uv_timer_t *h)
{
	struct agent *a = h->data;

	lease__beat(a->lease);
	if (!lease__lost(a->lease))
		return;
	failover__stood_still(a);
	lease__regain(a->lease);
}

static void on_watchdog(uv_timer_t *h)
{
	(void)h;
	sd_notify(0, "WATCHDOG=1");
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct agent *a = h->data;

	if (signum == SIGHUP) {
		log_info("SIGHUP: reading %s again", a->config_path);
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, uv_hrtime() / 1000);
		apply__file(a, "reload");
		return;
	}
	log_info("stopping; the data plane stays and traffic goes on with the present tables");
	agent__stop(a, 0);
}

static void start_watchdog(struct agent *a)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) > 0)
		uv_timer_start(&a->watchdog, on_watchdog, 0, usec / 2000);
}

void agent__configured(struct agent *a)
{
	const struct config *c = a->config;
	uint64_t beat = c->lease_ms / HEARTBEATS_PER_LEASE;
	struct err warning, err;

	log__setup(c->log_level, a->log_sink);
	plane__drop_unused(a->plane);
	passive__configured(a);
	explain__configured(a);
	capture__configured(a);
	neighbors__configured(a);
	anycast__configured(a);
	alerts__configured(a);
	chronicle__configured(a);
	lease__set(a->lease, c->lease_ms);
	if (!a->ready) {
		lease__beat(a->lease);
		lease__regain(a->lease);
	}
	uv_timer_start(&a->heartbeat, on_heartbeat, 0, beat);
	if (a->ready) {
		listener__configured(a);
		sd_notify(0, "READY=1");
		return;
	}
	if (api__new(&a->loop, c->api_socket, c->api_group, &ops, a, &a->api, &warning, &err)) {
		log_error("%s", err.text);
		agent__stop(a, 1);
		return;
	}
	if (warning.text[0])
		log_warn("%s", warning.text);
	listener__configured(a);
	a->ready = true;
	start_watchdog(a);
	sd_notifyf(0, "READY=1\nSTATUS=%zu services on %zu interfaces", c->n_services, a->n_links);
	for (size_t i = 0; i < a->n_links; i++)
		log_info("attached to %s (%s%s)", a->links[i].ifname,
			 a->links[i].native ? "native" : "generic",
			 a->links[i].dispatched ? ", shared through libxdp's dispatcher"
						: ", alone on the hook");
}

void agent__stop(struct agent *a, int exit_code)
{
	struct service *s;

	if (a->stopping)
		return;
	a->stopping = true;
	a->exit_code = exit_code;
	sd_notify(0, "STOPPING=1");
	capture__close(a);
	handover__stop(a);
	/* Peers take over while the data plane still steers what comes. */
	failover__stop(a);
	/* Whatever is still dirty is computed again by the next agent from the same verdicts. */
	TAILQ_FOREACH (s, &a->services, entry)
		service__quiet(s);
	target__quiet_all(a);
	track__stop(a);
	status_answers__stop(a);
	api__free(a->api);
	prober__free(a->prober);
	events__free(a->events);
	net__free(a->net);
	peers__close(a);
	anycast__stop(a);
	neighbors__stop(a);
	rt__quiet(a->rt);
	alerts__stop(a);
	chronicle__stop(a);
	uv_close((uv_handle_t *)&a->flush, NULL);
	uv_close((uv_handle_t *)&a->tick, NULL);
	uv_close((uv_handle_t *)&a->patience, NULL);
	passive__close(a);
	uv_close((uv_handle_t *)&a->heartbeat, NULL);
	uv_close((uv_handle_t *)&a->watchdog, NULL);
	for (size_t i = 0; i < sizeof(a->signals) / sizeof(*a->signals); i++)
		uv_close((uv_handle_t *)&a->signals[i], NULL);
}

static void init_handles(struct agent *a)
{
	static const int signums[] = {SIGHUP, SIGTERM, SIGINT};

	uv_prepare_init(&a->loop, &a->flush);
	uv_timer_init(&a->loop, &a->tick);
	uv_timer_init(&a->loop, &a->patience);
	passive__init(a);
	status_answers__init(a);
	uv_timer_init(&a->loop, &a->heartbeat);
	uv_timer_init(&a->loop, &a->watchdog);
	a->flush.data = a->tick.data = a->heartbeat.data = a;
	uv_prepare_start(&a->flush, on_flush);
	uv_timer_start(&a->tick, on_tick, TICK_MS, TICK_MS);
	for (size_t i = 0; i < sizeof(signums) / sizeof(*signums); i++) {
		uv_signal_init(&a->loop, &a->signals[i]);
		a->signals[i].data = a;
		uv_signal_start(&a->signals[i], on_signal, signums[i]);
	}
}

static int open_plane(struct agent *a, const struct config *c, struct err *err)
{
	struct plane_options o = admission__options(a, c);
	struct fl_lease lease;
	struct err warning;
	int rc;

	rc = plane__open(&o, &a->plane, err);
	if (!rc)
		rc = grace__new(&a->loop, a->plane, &a->grace, err);
	if (!rc)
		rc = rt__start(&a->loop, &a->rt, &warning, err);
	if (!rc)
		rc = lease__start(a->rt, a->plane, c->lease_ms, &a->lease, err);
	if (!rc)
		rc = neighbors__start(a, err);
	if (!rc)
		rc = anycast__start(a, err);
	if (rc)
		return rc;
	if (warning.text[0])
		log_warn("%s", warning.text);
	/* Lapses before this agent's time are not its news. */
	if (plane__lease(a->plane, &lease) == 0)
		a->lapses_before = a->lapses_seen = lease.lapses;
	return 0;
}

static int start(struct agent *a, const struct config *c, struct err *err)
{
	int rc = alerts__start(a, c, err);

	if (!rc)
		rc = chronicle__start(a, c, err);
	if (!rc)
		rc = moves__init(a, err);
	if (!rc)
		rc = nat_sweep__init(a, err);
	if (!rc)
		rc = flow_sweep__init(a, err);
	if (!rc)
		rc = open_plane(a, c, err);
	if (!rc)
		rc = prober__new(&a->loop, &a->prober, err);
	if (!rc)
		rc = net__new(&a->loop, hops__changed, links__changed, a, &a->net, err);
	if (!rc)
		rc = events__new(a, &a->events, err);
	if (!rc && plane__adopted(a->plane))
		rc = adopt__all(a, err);
	if (!rc && plane__adopted(a->plane))
		rc = sources__adopt(a, err);
	if (rc)
		return rc;
	apply__file(a, "start");
	return 0;
}

static void free_agent(struct agent *a)
{
	struct service *s;

	/* Services withdrawn but not released yet are found through by_id. */
	for (uint32_t id = 0; id < FL_MAX_SERVICES; id++) {
		s = a->by_id[id];
		if (s)
			service__free(s);
	}
	peer_accord__free(a);
	sources__free(a);
	passive__free(a);
	explain__free(a);
	paths__free(a);
	nat_sweep__free(a);
	flow_sweep__free(a);
	moves__free(a);
	target__free_all(a);
	nat__free(a);
	lease__stop(a->lease);
	rt__stop(a->rt);
	grace__free(a->grace);
	links__free(a->links, a->n_links);
	plane__close(a->plane);
	config__free(a->config);
	free(a->config_text);
	free(a);
}

/* Reads the file once before anything is opened: its instance names the lock and the pins. */
static struct config *first_config(const char *path)
{
	struct config_problems problems = {0};
	struct config *c = NULL;
	char line[ERR_LEN];

	if (config__load(path, &c, &problems)) {
		for (size_t i = 0; i < problems.n; i++)
			log_error("%s", config_problems__format(&problems, i, line, sizeof(line)));
	}
	config_problems__free(&problems);
	return c;
}

int agent__run(const char *config_path, enum log_sink sink)
{
	struct config *c;
	struct agent *a;
	struct err err;
	int code;

	log__setup(LOG_LV_INFO, sink); /* until the file has said how much */
	c = first_config(config_path);
	if (!c)
		return 1;
	a = calloc(1, sizeof(*a));
	if (!a) {
		config__free(c);
		return 1;
	}
	log__setup(c->log_level, sink);
	a->config_path = config_path;
	a->log_sink = sink;
	a->started_ns = uv_hrtime();
	a->started_at_ns = agent__realtime_ns();
	TAILQ_INIT(&a->services);
	track__init(a);
	explain__init(a);
	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&a->loop);
	uv_loop_configure(&a->loop, UV_METRICS_IDLE_TIME);
	init_handles(a);
	if (start(a, c, &err)) {
		log_error("%s", err.text);
		agent__stop(a, 1);
	}
	config__free(c);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	/* A first start that failed leaves nothing behind. */
	if (a->plane && !a->ready)
		plane__rollback(a->plane);
	chronicle__free(a);
	alerts__free(a);
	uv_loop_close(&a->loop);
	code = a->exit_code;
	free_agent(a);
	return code;
}
