/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commit.c - from the running state to the next configuration, whole or not at all.
 *
 * First what may fail and be undone: entries for new services and backends are written where no packet
 * finds them (stage.c), the names of NAT's replies are settled, then new services are published, the
 * exact ones each by a store, then all others with the one content of `vips`. Finish, where nothing may
 * fail: kept services get their new members and tables, what is no longer named is withdrawn and
 * released after a grace period.
 */
#include "agent/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/chronicle.h"
#include "agent/lateness.h"
#include "core/log.h"

/* Once a packet may have found a staged service, its entries need a grace period like any others. */
static void unpublish(struct agent *a, struct stage *stages, size_t n)
{
	struct err ignored;

	for (size_t i = 0; i < n; i++) {
		struct stage *st = &stages[i];

		if (!st->published)
			continue;
		if (st->old)
			plane__service_publish(a->plane, st->old->id, &ignored);
		else
			plane__service_withdraw(a->plane, st->service->id);
		service__dismiss(st->service);
		st->service = NULL;
	}
}

/* What `vips` is to say; ids are those of the stages. */
static int publish_vips(struct agent *a, const struct config *c, const struct stage *stages,
			struct err *err)
{
	struct vip_use *uses = calloc(c->n_services + 1, sizeof(*uses));
	struct vip_entry *list = NULL;
	size_t n = 0;
	int rc;

	if (!uses)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		uses[i] = (struct vip_use){
			.vip = s->vip,
			.first = s->port,
			.last = s->port_last,
			.proto = s->proto,
			.wild = config_service__wild(s),
			.echo = s->echo,
			.group = config__in_group(c, s),
			.service = (uint16_t)stages[i].service->id,
		};
	}
	rc = vips__build(uses, c->n_services, &list, &n);
	if (rc)
		err__set(err, rc, "cannot work out the content of the map 'vips': %s",
			 strerror(-rc));
	else
		rc = plane__vips(a->plane, list, n, err);
	free(list);
	free(uses);
	return rc;
}

/* New services are complete before the first packet finds them. */
static int publish(struct agent *a, struct apply *ap, struct stage *stages, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < ap->next->n_services && !rc; i++) {
		struct stage *st = &stages[i];

		if (!stage__is_new(st))
			continue;
		stage__equip(st, &ap->next->services[i], &ap->layouts[i]);
		service__flush(st->service);
		lease__beat(a->lease);
		rc = plane__service_publish(a->plane, st->service->id, err);
		if (!rc)
			st->published = true;
	}
	return rc ? rc : publish_vips(a, ap->next, stages, err);
}

/* `now`: with those that have left earlier, and are not done yet. */
static void retire_missing(struct service *s, bool now)
{
	struct member *m;

	for (size_t i = 0; i < s->n_members; i++) {
		if (s->members[i]->kept)
			continue;
		chronicle__left(s->members[i]);
		service__retire(s, s->members[i]);
	}
	TAILQ_FOREACH (m, &s->retired, retired_entry) {
		if (now && !m->dropped)
			member__give_up(m);
	}
}

/* Probes and hops under the new configuration; a->config is already the new one. */
static void start_members(struct service *s, const struct config_service *c)
{
	bool same = s->config && config_probe__compare(&s->config->probe, &c->probe) == 0;
	struct err err;

	s->config = c;
	service__tune(s, c);
	for (size_t i = 0; i < s->n_members; i++) {
		const struct config_backend *b = &c->backends[i];
		struct member *m = s->members[i];

		bool probed = same && m->sub && m->probe_port == config_service__probe_port(c, b);

		if (!probed && member__probe(m, b, &err))
			log_error(
				"service '%s': backend '%s' is not probed and keeps its state: %s",
				s->name, b->id, err.text);
		target__hop_changed(s->agent, m->target);
	}
}

static void finish_service(struct apply *ap, struct stage *st, size_t i)
{
	struct service *s = st->service;

	if (st->old && s == st->old) {
		retire_missing(s, ap->now);
		stage__equip(st, &ap->next->services[i], &ap->layouts[i]);
		service__delist(s);
	} else if (st->old) {
		service__delist(st->old);
		service__dismiss(st->old);
	}
	s->named = true;
	/* The list follows the file's order, as status prints it. */
	service__enlist(s);
}

static void finish(struct apply *ap, struct stage *stages, size_t n)
{
	struct agent *a = ap->agent;
	struct config *old_config = a->config;
	struct service *s, *next;

	for (size_t i = 0; i < n; i++)
		finish_service(ap, &stages[i], i);
	a->config = ap->next;
	ap->next = NULL;
	for (size_t i = 0; i < n; i++)
		start_members(stages[i].service, &a->config->services[i]);
	for (s = TAILQ_FIRST(&a->services); s; s = next) {
		next = TAILQ_NEXT(s, entry);
		if (!s->named) {
			service__delist(s);
			plane__service_withdraw(a->plane, s->id);
			service__dismiss(s);
		}
		s->named = false;
	}
	links__prune(a, a->config);
	macs__sync(a, a->config);
	ports__sync(a, a->config);
	failover__commit(a);
	config__free(old_config);
	a->loaded_at_ns = agent__realtime_ns();
}

/* What the services need of the program. */
static void add_gates(const struct config *c, struct plane_gates *g)
{
	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];

		g->wild |= config_service__wild(s);
		g->sources |= config_sources__any(&s->sources);
		g->limits |= config_limits__any(&s->limits);
		g->nat |= config_service__translates(s);
		g->passive |= s->passive;
		g->path |= s->probe.by_path;
	}
}

struct plane_options commit__options(const struct config *c)
{
	struct plane_options o = {
		.instance = c->instance,
		.has_flow_key = c->has_flow_key,
		.gates.lease = c->on_agent_loss != FL_LOSS_KEEP,
		.gates.sources = config_sources__any(&c->sources),
		.gates.jumbo = links__jumbo(c),
		.gates.events = c->flow_event_every != 0,
		.gates.peers = c->n_peers != 0,
		.on_agent_loss = c->on_agent_loss,
		.lease_ms = c->lease_ms,
		.flow_event_every = c->flow_event_every,
		.drop_event_every = c->drop_event_every,
	};

	add_gates(c, &o.gates);
	memcpy(o.flow_key, c->flow_key, sizeof(o.flow_key));
	return o;
}

/* What cannot change while the agent runs. */
static int check_fixed(const struct config *have, const struct config *next, struct err *err)
{
	const char *what = strcmp(have->instance, next->instance)	    ? "instance"
			   : strcmp(have->api_socket, next->api_socket)	    ? "api.socket"
			   : strcmp(have->api_group, next->api_group)	    ? "api.group"
			   : have->journal != next->journal		    ? "journal.enabled"
			   : strcmp(have->journal_path, next->journal_path) ? "journal.path"
									    : NULL;

	if (!what)
		return 0;
	return err__set(err, -EINVAL, "%s cannot change while fairleadd runs: restart it instead",
			what);
}

int commit__check(const struct agent *a, const struct config *next, struct err *err)
{
	return a->config ? check_fixed(a->config, next, err) : 0;
}

static int stage_admission(struct agent *a, const struct config *next, const struct stage *stages,
			   struct admission **out, struct err *err)
{
	struct admitted *list = calloc(next->n_services + 1, sizeof(*list));
	int rc;

	if (!list)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < next->n_services; i++)
		list[i] = (struct admitted){
			.config = &next->services[i],
			.id = stages[i].service->id,
			.old_id = stages[i].old ? stages[i].old->id : 0,
		};
	rc = admission__stage(a, next, list, next->n_services, out, err);
	free(list);
	return rc;
}

/*
 * A feature's gate opens before the first service that needs it is there, and closes after the last one
 * is gone: meanwhile the program has what either configuration needs.
 */
static struct plane_options between(const struct plane_options *before,
				    const struct plane_options *next)
{
	struct plane_options o = *next;

	o.gates.lease |= before->gates.lease;
	o.gates.wild |= before->gates.wild;
	o.gates.sources |= before->gates.sources;
	o.gates.limits |= before->gates.limits;
	o.gates.nat |= before->gates.nat;
	o.gates.jumbo |= before->gates.jumbo;
	o.gates.events |= before->gates.events;
	o.gates.passive |= before->gates.passive;
	o.gates.path |= before->gates.path;
	o.gates.peers |= before->gates.peers;
	return o;
}

static void close_gates(struct agent *a, const struct plane_options *o)
{
	struct err err;

	if (admission__load(a, o, &err))
		log_warn("%s; the program keeps features that the configuration no longer needs",
			 err.text);
}

int commit__run(struct apply *ap, struct err *err)
{
	struct agent *a = ap->agent;
	struct plane_options before = {0}, o = admission__options(a, ap->next), wide;
	struct admission *admission = NULL;
	struct peers_stage *peers = NULL;
	struct stage *stages;
	size_t n, staged = 0;
	int rc = commit__check(a, ap->next, err), listener = -1;
	struct err ignored;

	if (!rc && !lateness__is_return(a, &ap->order))
		rc = lateness__check(a, ap->next, err);
	if (rc)
		return rc;
	if (a->config)
		before = admission__options(a, a->config);
	n = ap->next->n_services;
	stages = calloc(n + 1, sizeof(*stages));
	if (!stages)
		return err__set(err, -ENOMEM, "out of memory");
	wide = between(&before, &o);
	rc = peers__stage(a, ap->next, &peers, err);
	if (!rc)
		rc = listener__stage(a, ap->next, &listener, err);
	if (!rc)
		rc = admission__load(a, &wide, err);
	macs__sync(a, ap->next);
	if (!rc)
		rc = links__attach(a, ap->next, err);
	if (!rc)
		rc = nat__pool(a, ap->next, err);
	if (!rc && wide.gates.path)
		rc = paths__sync(a, ap->next, err);
	if (!rc)
		rc = failover__prepare(a, ap->next, err);
	while (!rc && staged < n) {
		struct stage *st = &stages[staged];

		rc = stage__service(a, st, &ap->next->services[staged], ap->next, err);
		if (!rc)
			rc = stage__seats(a, st, ap->layouts[staged].seats, err);
		staged++;
		/* A large configuration takes its time, and the loop stands no more still than this. */
		lease__beat(a->lease);
	}
	/* Before packets find what is new, and what it shares with what is old. */
	if (!rc && a->nat.dirty)
		rc = nat__sync(a, err);
	if (!rc)
		rc = stage_admission(a, ap->next, stages, &admission, err);
	if (!rc && !ap->order.rehearse)
		rc = publish(a, ap, stages, err);
	if (!rc && !ap->order.rehearse) {
		listener__commit(a, ap->next, listener);
		finish(ap, stages, n);
		admission__commit(a, admission);
		peers__commit(a, peers);
		paths__sync(a, a->config, &ignored);
		o = admission__options(a, a->config);
		close_gates(a, &o);
	} else {
		unpublish(a, stages, staged);
		admission__undo(a, admission);
		peers__undo(peers);
		listener__undo(listener);
		failover__discard(a);
		for (size_t i = 0; i < staged; i++)
			stage__undo(a, &stages[i]);
		paths__sync(a, a->config, &ignored);
		if (a->config) {
			admission__load(a, &before, &ignored);
			nat__pool(a, a->config, &ignored);
			links__attach(a, a->config, &ignored);
			links__prune(a, a->config);
			plane__drop_unused(a->plane);
			macs__sync(a, a->config);
		}
	}
	stage__free(stages, n);
	return rc;
}
