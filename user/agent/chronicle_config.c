/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chronicle_config.c - configurations that were applied: kept, shown, brought back.
 *
 * One that is to be confirmed is written down as such, durably, before it comes into force: so an agent
 * that is killed in the middle finds it, and brings the one before back when the time is over. That one
 * is what ran when the first of them was applied, and it is in the history by then.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/peer_accord.h"
#include "core/log.h"

#define RETRY_NS UINT64_C(10000000000)

enum errand_kind { KEEP, ARM, LOOK, CONFIRM, CLEAR, FETCH };

/* Something to be done with the journal's file; whatever it needs is in here. */
struct errand {
	struct journal_job job; /* first */
	enum errand_kind kind;
	struct chronicle *chronicle;
	struct api_request *request; /* NULL: nobody waits */
	struct apply_order order; /* ARM: to be applied after; FETCH: filled */
	struct store_config config; /* KEEP, ARM: about `text` */
	char *text; /* KEEP, ARM: what runs */
	size_t len;
	uint64_t bytes; /* that all texts may have */
	bool settles; /* KEEP: what waited is settled by it */
	int64_t version, left_ms;
	bool any;
	int rc;
	struct err err;
};

static void run_errand(struct journal_job *job, struct store *s, const char *why);
static void errand_done(struct journal_job *job);

static void answer(struct api_request *request, unsigned int status, const char *text)
{
	if (request)
		api_request__reply(request, status, json_pack("{s:s}", "error", text));
}

/* NULL, and the request is answered: there is no journal, or no memory. */
static struct errand *new_errand(struct agent *a, enum errand_kind kind,
				 struct api_request *request)
{
	struct errand *e;

	if (!a->chronicle) {
		if (request)
			chronicle_ask__none(request);
		return NULL;
	}
	e = calloc(1, sizeof(*e));
	if (!e) {
		answer(request, 500, "out of memory");
		return NULL;
	}
	e->kind = kind;
	e->chronicle = a->chronicle;
	e->request = request;
	e->job.work = run_errand;
	e->job.done = errand_done;
	return e;
}

static void submit(struct errand *e)
{
	journal__submit(e->chronicle->journal, &e->job);
}

/* What runs, to be kept unless it is. */
static int take_running(struct errand *e)
{
	const struct agent *a = e->chronicle->agent;

	e->bytes = ((uint64_t)a->config->journal_mib << 20) / 2;
	e->config.at_ms = (int64_t)(a->loaded_at_ns / 1000000);
	e->len = a->config_len;
	e->text = malloc(a->config_len + 1);
	if (!e->text)
		return -ENOMEM;
	memcpy(e->text, a->config_text, a->config_len);
	return 0;
}

/* --- on the journal's thread ------------------------------------------------------------------------ */

static struct store_time now(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct store_time){
		.at_ms = (int64_t)real.tv_sec * 1000 + real.tv_nsec / 1000000,
		.mono_ms = (int64_t)boot.tv_sec * 1000 + boot.tv_nsec / 1000000,
	};
}

static int arm(struct errand *e, struct store *s)
{
	struct store_time t = now();
	int rc = store__config_add(s, &e->config, e->text, e->len, e->bytes, &e->version, &e->err);

	return rc ? rc : store__pending_set(s, e->version, e->order.confirm_ms, &t, &e->err);
}

static int keep(struct errand *e, struct store *s)
{
	int rc = store__config_add(s, &e->config, e->text, e->len, e->bytes, &e->version, &e->err);

	return !rc && e->settles ? store__pending_clear(s, &e->err) : rc;
}

static void run_errand(struct journal_job *job, struct store *s, const char *why)
{
	struct errand *e = (struct errand *)job;
	struct store_time t = now();

	if (!s) {
		e->rc = err__set(&e->err, -EIO, "%s", why);
		return;
	}
	switch (e->kind) {
	case KEEP:
		e->rc = keep(e, s);
		break;
	case ARM:
		e->rc = arm(e, s);
		break;
	case LOOK:
		e->rc = store__pending_get(s, &t, &e->any, &e->left_ms, &e->err);
		break;
	case CONFIRM:
	case CLEAR:
		e->rc = store__pending_clear(s, &e->err);
		break;
	case FETCH:
		e->rc = store__config_get(s, &e->order.version, &e->order.text, &e->order.len,
					  &e->err);
		break;
	}
}

/* --- on the loop ------------------------------------------------------------------------------------ */

static void wait_for_word(struct chronicle *c, int64_t ms)
{
	c->pending = true;
	c->until_ns = uv_hrtime() + (uint64_t)ms * 1000000;
}

/* What is written down as waiting is so no longer, or never came into force. */
static void forget_waiting(struct chronicle *c)
{
	struct errand *e = new_errand(c->agent, CLEAR, NULL);

	c->pending = false;
	peer_accord__settled(c->agent);
	if (e)
		submit(e);
}

static void confirmed(struct errand *e)
{
	struct chronicle *c = e->chronicle;

	c->pending = false;
	peer_accord__settled(c->agent);
	log_info("the configuration is confirmed, and stays");
	chronicle__tell(c->agent, JOURNAL_CONFIG, "confirm", NULL, "confirmed", e->order.uid,
			"the configuration stays");
	api_request__reply(e->request, 200, json_pack("{s:b}", "confirmed", 1));
	e->request = NULL;
}

/* Whether all peers are about to have another one; the request is answered then. */
static bool is_bound(const struct agent *a, struct api_request *request)
{
	char why[ERR_LEN];

	if (!peer_accord__is_bound(a, why))
		return false;
	if (request)
		api_request__reply(request, 409,
				   json_pack("{s:s+}", "error", why,
					     ": try again when that is over; fairlead status says "
					     "how far it is"));
	else
		log_warn("the configuration before can't come back yet: %s", why);
	return true;
}

/* Takes the order's text over. */
static void bring(struct agent *a, const struct apply_order *order, struct api_request *request)
{
	/* It may be so by now. */
	if (is_bound(a, request)) {
		chronicle__refused(a, order);
		free(order->text);
	} else if (order->all) {
		peer_accord__propose(a, order, request);
	} else {
		apply__start(a, order, request);
	}
}

static void start_apply(struct errand *e)
{
	struct chronicle *c = e->chronicle;

	/* What was to come back by itself has been overtaken meanwhile. */
	if (e->kind == FETCH && !e->request && !c->pending) {
		c->rolling_back = false;
		return;
	}
	if (e->kind == ARM && !c->agent->applying)
		wait_for_word(c, e->order.confirm_ms);
	else if (e->kind == ARM)
		forget_waiting(c);
	bring(c->agent, &e->order, e->request);
	e->order.text = NULL;
	e->request = NULL;
}

static void succeeded(struct errand *e)
{
	switch (e->kind) {
	case KEEP:
		e->chronicle->version = e->version;
		break;
	case ARM:
	case FETCH:
		start_apply(e);
		break;
	case LOOK:
		if (e->any) {
			log_warn(
				"a configuration waits for its confirmation: in %.0f s the one before "
				"comes back",
				(double)e->left_ms / 1e3);
			wait_for_word(e->chronicle, e->left_ms);
		} else {
			peer_accord__settled(e->chronicle->agent);
		}
		break;
	case CONFIRM:
		confirmed(e);
		break;
	case CLEAR:
		break;
	}
}

static void errand_done(struct journal_job *job)
{
	struct errand *e = (struct errand *)job;
	struct chronicle *c = e->chronicle;

	if (!e->rc && !c->stopping)
		succeeded(e);
	else if (!e->rc)
		answer(e->request, 503, "fairleadd is stopping");
	else
		answer(e->request, e->rc == -ENOENT ? 404 : 503, e->err.text);
	if (e->rc && !e->request && e->kind != LOOK)
		log_error("the history of configurations: %s", e->err.text);
	if (e->rc && e->kind == FETCH && c->rolling_back) {
		c->rolling_back = false;
		c->until_ns = uv_hrtime() + RETRY_NS;
	}
	free(e->order.text);
	free(e->text);
	free(e);
}

void chronicle__applied(struct agent *a, const struct apply_order *order)
{
	struct chronicle *c = a->chronicle;
	struct errand *e = c ? new_errand(a, KEEP, NULL) : NULL;

	if (!e)
		return;
	/* A rollback whose file could not be written is one all the same: it must not come back again. */
	e->settles = order->version != 0;
	if (e->settles)
		c->pending = c->rolling_back = false;
	e->config.uid = order->uid;
	e->config.origin = order->origin;
	e->config.always = order->reason[0] || order->version;
	snprintf(e->order.reason, sizeof(e->order.reason), "%s", order->reason);
	e->config.reason = e->order.reason;
	if (take_running(e)) {
		log_error("out of memory: the history lacks the configuration that runs");
		free(e);
		return;
	}
	submit(e);
}

void chronicle__refused(struct agent *a, const struct apply_order *order)
{
	struct chronicle *c = a->chronicle;

	if (!c)
		return;
	if (order->version && c->pending) {
		log_error("the configuration before can't be brought back; next try in %.0f s",
			  (double)RETRY_NS / 1e9);
		c->until_ns = uv_hrtime() + RETRY_NS;
	}
	c->rolling_back = false;
	/* What runs is what ran. */
	if (order->confirm_ms)
		forget_waiting(c);
}

bool chronicle__waits(const struct agent *a)
{
	return a->chronicle && a->chronicle->pending;
}

void chronicle__overtaken(struct agent *a, uint64_t epoch)
{
	if (!chronicle__waits(a))
		return;
	log_warn(
		"what waited for its confirmation no longer runs: epoch %llu of all peers has taken its "
		"place",
		(unsigned long long)epoch);
	forget_waiting(a->chronicle);
}

void chronicle__apply(struct agent *a, const struct api_apply *what, struct api_request *request)
{
	struct apply_order order = {
		.now = what->now,
		.uid = what->uid,
		.origin = "apply",
		.confirm_ms = what->confirm_ms,
		.all = what->all,
	};
	struct errand *e;

	journal__copy(order.reason, sizeof(order.reason), what->reason);
	if (a->chronicle && a->chronicle->pending) {
		answer(request, 409,
		       "a configuration waits for its confirmation: fairlead config confirm, or "
		       "fairlead config rollback, first");
		return;
	}
	if (is_bound(a, request))
		return;
	if (what->all && what->now) {
		answer(request, 400,
		       "'now' is said on each machine, and does not go with 'peers': connections "
		       "would be given up on this one alone");
		return;
	}
	if (!a->chronicle && what->reason[0]) {
		chronicle_ask__none(request);
		return;
	}
	if (!what->confirm_ms) {
		bring(a, &order, request);
		return;
	}
	e = new_errand(a, ARM, request);
	if (!e)
		return;
	e->order = order;
	e->config.uid = JOURNAL_NOBODY;
	e->config.origin = "start";
	e->config.reason = "";
	if (take_running(e)) {
		answer(request, 500, "out of memory");
		free(e);
		return;
	}
	submit(e);
}

static void roll_back(struct agent *a, const struct api_history *what, struct api_request *request)
{
	struct errand *e;

	if (request && is_bound(a, request))
		return;
	e = new_errand(a, FETCH, request);
	if (!e)
		return;
	/* Whoever was to confirm it was to do so for all. */
	e->order.all = what->all || (a->chronicle->pending && peer_accord__is_unconfirmed(a));
	e->order.uid = what->uid;
	e->order.origin = "rollback";
	e->order.version = what->version;
	journal__copy(e->order.reason, sizeof(e->order.reason), what->reason);
	submit(e);
}

/* False: the request is answered. */
static bool may_confirm(const struct agent *a, struct api_request *request)
{
	if (!a->chronicle->pending)
		answer(request, 409, "no configuration waits for its confirmation");
	else if (a->chronicle->rolling_back)
		answer(request, 409,
		       "it was not confirmed in time: the one before is on its way back");
	else if (!peer_accord__proposes(a) || !is_bound(a, request))
		return true;
	return false;
}

void chronicle__history(struct agent *a, const struct api_history *what,
			struct api_request *request)
{
	struct errand *e;

	if (what->verb == API_ROLLBACK) {
		roll_back(a, what, request);
		return;
	}
	if (what->verb != API_CONFIRM) {
		chronicle_versions__look(a, what, request);
		return;
	}
	e = new_errand(a, CONFIRM, request);
	if (!e)
		return;
	if (!may_confirm(a, request)) {
		free(e);
		return;
	}
	e->order.uid = what->uid;
	submit(e);
}

void chronicle_config__opened(struct chronicle *c)
{
	struct errand *e = new_errand(c->agent, LOOK, NULL);

	if (e)
		submit(e);
}

void chronicle_config__tick(struct chronicle *c)
{
	static const struct api_history late = {
		.verb = API_ROLLBACK,
		.uid = JOURNAL_NOBODY,
		.reason = "it was not confirmed in time",
	};

	if (!c->pending || c->rolling_back || c->agent->applying || !c->agent->ready ||
	    peer_accord__is_bound(c->agent, NULL) || uv_hrtime() < c->until_ns)
		return;
	log_warn("the configuration was not confirmed in time: the one before comes back");
	c->rolling_back = true;
	roll_back(c->agent, &late, NULL);
}

void chronicle__add_config(const struct agent *a, json_t *config)
{
	const struct chronicle *c = a->chronicle;
	uint64_t t = uv_hrtime();

	json_object_set_new(config, "version", json_integer(c ? c->version : 0));
	json_object_set_new(config, "unconfirmed", json_boolean(c && c->pending));
	json_object_set_new(config, "confirm_in_s",
			    json_real(c && c->pending && c->until_ns > t
					      ? (double)(c->until_ns - t) / 1e9
					      : 0));
}
