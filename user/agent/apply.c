/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply.c - from a configuration file to the running state.
 *
 * A worker reads and checks the file, seats the backends and builds the base tables; the loop commits
 * the result between two events. A file that is wrong, or that does not fit the maps, leaves everything as it is.
 */
#include "agent/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "agent/chronicle.h"
#include "agent/config_file.h"
#include "agent/peer_accord.h"
#include "config/share.h"
#include "core/log.h"
#include "peer/seats.h"

static void free_apply(struct apply *ap)
{
	for (size_t i = 0; i < ap->n_layouts; i++) {
		table_seats__free(ap->layouts[i].seats);
		table_base__free(ap->layouts[i].base);
	}
	free(ap->layouts);
	seating__free_offers(ap->offers, ap->n_offers);
	config__free(ap->next);
	config_problems__free(&ap->problems);
	free(ap->order.text);
	free(ap);
}

/*
 * Of the service in whose place this one comes. The worker may look: services come and go, and change
 * their seats, with a commit only, and this is the one apply that is under way.
 */
static const struct table_seats *seats_before(const struct agent *a, const struct config_service *c)
{
	struct service_key key = service__key(c);
	const struct service *s = service__find(a, &key);

	return s ? s->seats : NULL;
}

struct table_member *apply__members(const struct config_service *s)
{
	struct table_member *members = calloc(s->n_backends + 1, sizeof(*members));

	for (size_t i = 0; members && i < s->n_backends; i++) {
		members[i].id = s->backends[i].id;
		members[i].weight = s->backends[i].weight;
	}
	return members;
}

int apply__lay_out(const struct table_seats *before, const struct config_service *s,
		   struct ledger *const *offers, size_t n_offers, struct layout *out,
		   struct err *err)
{
	struct table_member *members = apply__members(s);
	uint32_t slots = plane__slots(s->slot_class);
	int rc;

	if (!members)
		return err__set(err, -ENOMEM, "out of memory");
	rc = peer_seats__next(before, members, s->n_backends, slots, s->name, offers, n_offers,
			      &out->seats, err);
	if (!rc)
		rc = table_seats__base(out->seats, slots, &out->base, err);
	free(members);
	if (rc)
		return err__prefix(err, rc, "service '%s'", s->name);
	return 0;
}

static int lay_out(struct apply *ap, const struct config_service *s, struct layout *out)
{
	return apply__lay_out(seats_before(ap->agent, s), s, ap->offers, ap->n_offers, out,
			      &ap->err);
}

/* The text that is to be in force. What runs is this apply's to change, so the worker may read it. */
static int get_text(struct apply *ap)
{
	const struct agent *a = ap->agent;
	struct apply_order *o = &ap->order;

	if (o->shared)
		return config_share__put(a->config_text, a->config_len, o->shared, o->shared_len,
					 &o->text, &o->len, &ap->err);
	if (o->text)
		return 0;
	return config__read(a->config_path, &o->text, &o->len, &ap->problems);
}

/* What it has in common with peers, if it has any. */
static void find_common(struct apply *ap)
{
	struct err ignored;
	char *text;
	size_t len;

	if (!ap->next->n_peers ||
	    config_share__take(ap->order.text, ap->order.len, &text, &len, &ignored))
		return;
	peer_accord__name(text, len, &ap->order.common);
	free(text);
}

static void prepare_on_worker(uv_work_t *work)
{
	struct apply *ap = work->data;
	const char *path = ap->agent->config_path;
	bool given = ap->order.text || ap->order.shared;

	ap->rc = get_text(ap);
	if (!ap->rc)
		ap->rc = config__parse(path, ap->order.text, ap->order.len, &ap->next,
				       &ap->problems);
	if (ap->rc)
		return;
	find_common(ap);
	ap->writes = given && !ap->order.rehearse &&
		     !config_file__holds(path, ap->order.text, ap->order.len);
	if (ap->writes)
		config_file__prepare(path, ap->order.text, ap->order.len, &ap->file);
	ap->layouts = calloc(ap->next->n_services + 1, sizeof(*ap->layouts));
	if (!ap->layouts) {
		ap->rc = err__set(&ap->err, -ENOMEM, "out of memory");
		return;
	}
	ap->n_layouts = ap->next->n_services;
	for (size_t i = 0; i < ap->n_layouts && !ap->rc; i++)
		ap->rc = lay_out(ap, &ap->next->services[i], &ap->layouts[i]);
}

static json_t *problems_json(const struct config_problems *p)
{
	json_t *list = json_array();
	char line[ERR_LEN];

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(
			list, json_string(config_problems__format(p, i, line, sizeof(line))));
	return list;
}

/* Says what is wrong to the log and to who asked. */
static void report_failure(struct apply *ap)
{
	const char *kept = ap->agent->config ? "; the running configuration stays" : "";
	char line[ERR_LEN];
	json_t *object;

	for (size_t i = 0; i < ap->problems.n; i++)
		log_error("%s", config_problems__format(&ap->problems, i, line, sizeof(line)));
	if (ap->problems.n)
		err__set(&ap->err, ap->rc, "%zu problem%s in %s", ap->problems.n,
			 ap->problems.n == 1 ? "" : "s", ap->agent->config_path);
	log_error("%s%s", ap->err.text, kept);
	/* What a peer wants is refused to that one. */
	if (ap->order.rehearse && !ap->request)
		return;
	ap->agent->refusals++;
	ap->agent->last_refused = true;
	chronicle__tell(ap->agent, JOURNAL_CONFIG, NULL, NULL, "refused", ap->order.uid, "%s",
			ap->err.text);
	if (!ap->request)
		return;
	object = json_pack("{s:s+}", "error", ap->err.text, kept);
	if (ap->problems.n)
		json_object_set_new(object, "problems", problems_json(&ap->problems));
	api_request__reply(ap->request, ap->rc == -EINVAL ? 400 : 500, object);
}

/* What whoever asked has to know beside that it is in force; NULL: nothing. */
static json_t *warning(const struct apply *ap)
{
	const char *file = ap->file.text;
	char left[ERR_LEN] = "";

	if (!peer_accord__has_left(ap->agent, left) && !*file)
		return NULL;
	return json_sprintf("%s%s%s", file, *file && *left ? "; " : "", left);
}

static void report_success(struct apply *ap)
{
	const struct config *c = ap->agent->config;
	size_t backends = 0;
	json_t *object, *warns;

	for (size_t i = 0; i < c->n_services; i++)
		backends += c->services[i].n_backends;
	ap->agent->applies++;
	ap->agent->last_refused = false;
	log_info("configuration %s applied: %zu services, %zu backends", ap->agent->config_path,
		 c->n_services, backends);
	if (ap->file.text[0])
		log_error("%s", ap->file.text);
	chronicle__tell(ap->agent, JOURNAL_CONFIG, ap->order.origin, NULL, "applied", ap->order.uid,
			"%zu services, %zu backends%s%s", c->n_services, backends,
			ap->order.reason[0] ? ": " : "", ap->order.reason);
	if (!ap->request)
		return;
	object = json_pack("{s:b, s:I, s:I}", "applied", 1, "services", (json_int_t)c->n_services,
			   "backends", (json_int_t)backends);
	if (ap->order.version)
		json_object_set_new(object, "version", json_integer(ap->order.version));
	warns = warning(ap);
	if (warns)
		json_object_set_new(object, "warning", warns);
	api_request__reply(ap->request, 200, object);
}

/* It is in force: the file says so, too, and the history. */
static void keep(struct apply *ap)
{
	struct agent *a = ap->agent;

	if (ap->writes && !ap->file.text[0])
		config_file__commit(a->config_path, &ap->file);
	if (!accord_text__equal(&a->common, &ap->order.common))
		a->common_before = a->common;
	a->common = ap->order.common;
	free(a->config_text);
	a->config_text = ap->order.text;
	a->config_len = ap->order.len;
	ap->order.text = NULL;
	chronicle__applied(a, &ap->order);
}

/* Whoever it was for is told, in words of one line. */
static void end(struct apply *ap)
{
	const char *why = ap->problems.n ? ap->problems.list[0].text : ap->err.text;

	if (ap->order.ended)
		ap->order.ended(ap->agent, &ap->order, ap->rc, ap->rc ? why : ap->file.text);
}

static void after_prepare(uv_work_t *work, int status)
{
	struct apply *ap = work->data;
	struct agent *a = ap->agent;

	a->applying = NULL;
	if (status == UV_ECANCELED || a->stopping)
		ap->rc = err__set(&ap->err, -ECANCELED, "fairleadd is stopping");
	if (!ap->rc)
		ap->rc = commit__run(ap, &ap->err);
	if (ap->order.rehearse && !ap->rc) {
		end(ap);
	} else if (ap->rc) {
		report_failure(ap);
		if (!ap->order.rehearse)
			chronicle__refused(a, &ap->order);
		end(ap);
		if (!a->config)
			agent__stop(a, 1);
		else
			sd_notify(0, "READY=1"); /* the reload is over, though in vain */
	} else {
		keep(ap);
		report_success(ap);
		agent__configured(a);
		end(ap);
	}
	free_apply(ap);
	apply__again(a);
}

static void refuse(struct agent *a, struct apply_order order, struct api_request *request,
		   unsigned int status, const char *text)
{
	if (order.ended)
		order.ended(a, &order, -EBUSY, text);
	free(order.text);
	if (request)
		api_request__reply(request, status, json_pack("{s:s}", "error", text));
	else
		log_error("the configuration is not applied: %s", text);
}

void apply__start(struct agent *a, const struct apply_order *order, struct api_request *request)
{
	struct apply *ap;

	if (a->applying) {
		refuse(a, *order, request, 409,
		       "another apply is running: try again when it is done");
		return;
	}
	ap = calloc(1, sizeof(*ap));
	if (!ap || seating__offers(a, &ap->offers, &ap->n_offers)) {
		free(ap);
		refuse(a, *order, request, 500, "out of memory");
		return;
	}
	ap->agent = a;
	ap->request = request;
	ap->order = *order;
	ap->now = order->now;
	ap->work.data = ap;
	a->applying = ap;
	if (uv_queue_work(&a->loop, &ap->work, prepare_on_worker, after_prepare))
		after_prepare(&ap->work, UV_ECANCELED);
}

void apply__file(struct agent *a, const char *origin)
{
	const struct apply_order order = {.uid = JOURNAL_NOBODY, .origin = origin};
	char why[ERR_LEN];

	/* Nobody could be told to try again. */
	if (peer_accord__is_bound(a, why)) {
		a->apply_again = true;
		log_warn("%s is read when that is over: %s", a->config_path, why);
	} else if (a->applying) {
		a->apply_again = true;
	} else {
		apply__start(a, &order, NULL);
	}
}

void apply__again(struct agent *a)
{
	if (!a->apply_again || a->applying || a->stopping || peer_accord__is_bound(a, NULL))
		return;
	a->apply_again = false;
	apply__file(a, "reload");
}
