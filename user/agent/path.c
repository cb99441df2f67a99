/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "core/log.h"
#include "health/diagnosis.h"
#include "net/pair.h"
#include "probe/fit.h"

/*
 * Stand-ins of an instance: 32768 addresses of 240.0.0.0/4, which RFC 1112 4 reserves and nobody
 * routes, and as many of fd66:6c70::/32, unique local ones (RFC 4193). A backend has two of them in a
 * row: for the VIP, and for its own address.
 */
#define NUMBERS 32768
#define FIRST 2 /* the first address of a network is for nobody */
#define DEVICE_MTU 1500 /* bytes: where the route says none */
#define FIT_PACE_MS 60000 /* between two looks at the sizes that arrive, while all is well */
#define FIT_FAILED_PACE_MS 5000 /* and while it is not */

struct path {
	struct member *member;
	uint32_t number;
	struct addr vip;
	struct probe_way way; /* to the VIP */
	struct probe_way own; /* through the tunnel, to the backend's own address */
	struct probe_sub *direct; /* while the path's probe fails */
	struct fit *fit, *own_fit;
	uint64_t fit_at_ms; /* when the last look began, uv_now(); 0: never */
	struct path_facts facts;
	enum diagnosis diagnosis;
	char text[DIAGNOSIS_LEN];
};

struct paths {
	struct net_pair pair;
	char near[16], far[16];
	bool routed4, routed6;
	uint8_t taken[NUMBERS / 2]; /* pairs of stand-ins */
	uint32_t hint, used;
};

/* --- the instance's devices and addresses --------------------------------------------------------- */

static void name_devices(const char *instance, char near[16], char far[16])
{
	unsigned int number = plane__instance_number(instance);

	snprintf(near, 16, "fl-probe-%03x", number);
	snprintf(far, 16, "fl-path-%03x", number);
}

/* The address of that number; `instance` of several on a machine have different ones. */
static struct addr stand_in(const char *instance, bool v4, uint32_t number)
{
	uint32_t low = (uint32_t)plane__instance_number(instance) << 15 | number;
	uint8_t b4[4] = {(uint8_t)(240 | low >> 24), (uint8_t)(low >> 16), (uint8_t)(low >> 8),
			 (uint8_t)low};
	uint8_t b6[16] = {0xfd, 0x66, 0x6c, 0x70};

	if (v4)
		return addr__from_bytes(AF_INET, b4);
	memcpy(b6 + 12, b4, sizeof(b4));
	return addr__from_bytes(AF_INET6, b6);
}

static int route(struct paths *p, const char *instance, bool v4, struct err *err)
{
	struct addr_prefix to = {.addr = stand_in(instance, v4, 0), .len = 113};
	bool *done = v4 ? &p->routed4 : &p->routed6;
	int rc = *done ? 0 : net_pair__route(&p->pair, &to, err);

	*done |= !rc;
	return rc;
}

static bool wants(const struct config *c, bool v4)
{
	for (size_t i = 0; c && i < c->n_services; i++) {
		if (c->services[i].probe.by_path && addr__is4(&c->services[i].vip.addr) == v4)
			return true;
	}
	return false;
}

static int make(struct agent *a, const struct config *c, struct err *err)
{
	static const uint8_t mac[6] = FL_PROBE_MAC;
	struct paths *p = calloc(1, sizeof(*p));
	int rc;

	if (!p) {
		err__set(err, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	name_devices(c->instance, p->near, p->far);
	p->pair = (struct net_pair){.near = p->near, .far = p->far, .mac = mac};
	p->hint = FIRST;
	rc = net_pair__make(&p->pair, err);
	if (!rc)
		rc = plane__probe_open(a->plane, p->pair.near_ifindex, p->pair.far_ifindex, err);
	if (rc) {
		free(p);
		return rc;
	}
	a->paths = p;
	return 0;
}

/* What this agent has made, or one before it, of which it knows by the name. */
static void unmake(struct agent *a, const struct config *c)
{
	char near[16] = "", far[16];
	struct err err;

	if (a->paths)
		snprintf(near, sizeof(near), "%s", a->paths->near);
	else if (c)
		name_devices(c->instance, near, far);
	if (!near[0] || !if_nametoindex(near))
		return;
	for (size_t i = 0; i < a->n_links; i++)
		plane__probe_ignore(a->plane, a->links[i].ifname);
	plane__probe_close(a->plane);
	if (net_pair__remove(near, &err))
		log_warn("%s", err.text);
	paths__free(a);
}

bool paths__used(const struct agent *a)
{
	return a->paths && a->paths->used;
}

int paths__sync(struct agent *a, const struct config *c, struct err *err)
{
	bool v4 = wants(c, true), v6 = wants(c, false);
	int rc = 0;

	if (!v4 && !v6) {
		/* Backends that have left are probed until their connections have. */
		if (!paths__used(a))
			unmake(a, c);
		return 0;
	}
	if (!a->paths)
		rc = make(a, c, err);
	if (!rc && v4)
		rc = route(a->paths, c->instance, true, err);
	if (!rc && v6)
		rc = route(a->paths, c->instance, false, err);
	for (size_t i = 0; i < a->n_links && !rc; i++)
		rc = plane__probe_listen(a->plane, a->links[i].ifindex, err);
	return rc;
}

void paths__listen(struct agent *a, uint32_t ifindex)
{
	struct err err;

	if (a->paths && plane__probe_listen(a->plane, ifindex, &err))
		log_error("%s; probes with `via: path` get no answers there", err.text);
}

void paths__free(struct agent *a)
{
	free(a->paths);
	a->paths = NULL;
}

int paths__remove(const char *instance, struct err *err)
{
	char near[16], far[16];

	name_devices(instance, near, far);
	return net_pair__remove(near, err);
}

/* --- one backend's ------------------------------------------------------------------------------- */

static uint32_t overhead(enum fl_forward mode)
{
	switch (mode) {
	case FL_FWD_IPIP4:
		return 20;
	case FL_FWD_IPIP6:
		return 40;
	case FL_FWD_GUE4:
		return 20 + 8 + 4;
	case FL_FWD_GUE6:
		return 40 + 8 + 4;
	default:
		return 0;
	}
}

static enum fl_forward mode_of(const struct member *m)
{
	return (enum fl_forward)m->target->entry.mode;
}

/* The largest packet of a client that the balancer sends on whole. */
static uint32_t full_size(const struct member *m)
{
	const struct hop *h = m->target->hop;
	uint32_t mtu = h && h->net.mtu ? h->net.mtu : DEVICE_MTU;

	return mtu - overhead(mode_of(m));
}

/* Whether an echo to the backend's own address can go through its tunnel. */
static bool has_own(const struct path *p)
{
	return overhead(mode_of(p->member)) && addr__is4(&p->way.backend) == addr__is4(&p->vip);
}

static int point(struct path *p, struct err *err)
{
	struct member *m = p->member;
	struct agent *a = m->service->agent;
	int rc = plane__probe_set(a->plane, &p->way.stand_in, &p->vip, m->service->id,
				  m->target->index, err);

	if (!rc && has_own(p))
		rc = plane__probe_set(a->plane, &p->own.stand_in, &p->way.backend, m->service->id,
				      m->target->index, err);
	return rc;
}

/* Two stand-ins that nobody has; 0: none is left. */
static uint32_t take_number(struct paths *p)
{
	for (uint32_t i = 0; i < NUMBERS / 2; i++) {
		uint32_t at = (p->hint / 2 + i) % (NUMBERS / 2);

		/* Neither the network's first nor its last address. */
		if (at * 2 < FIRST || at == NUMBERS / 2 - 1 || p->taken[at])
			continue;
		p->taken[at] = 1;
		p->hint = (at + 1) * 2 % NUMBERS;
		return at * 2;
	}
	return 0;
}

int path__open(struct member *m, struct probe_way *way, struct err *err)
{
	struct agent *a = m->service->agent;
	const struct addr *vip = &m->service->config->vip.addr;
	const char *instance = a->config->instance;
	struct path *p = calloc(1, sizeof(*p));
	bool v4 = addr__is4(vip);
	int rc;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->number = take_number(a->paths);
	if (!p->number) {
		free(p);
		return err__set(err, -ENOSPC,
				"all %d addresses of probes with `via: path` are in use",
				NUMBERS / 2 - 2);
	}
	a->paths->used++;
	p->member = m;
	p->vip = *vip;
	p->way = (struct probe_way){.stand_in = stand_in(instance, v4, p->number),
				    .backend = member__address(m)};
	p->own = (struct probe_way){.stand_in = stand_in(instance, v4, p->number + 1),
				    .backend = p->way.backend};
	m->path = p;
	rc = point(p, err);
	if (rc)
		path__close(m);
	else
		*way = p->way;
	return rc;
}

/* What is asked because the path's probe fails, or is looked at from time to time. */
static void stop_asking(struct path *p)
{
	probe_sub__cancel(p->direct);
	fit__cancel(p->fit);
	fit__cancel(p->own_fit);
	p->direct = NULL;
	p->fit = p->own_fit = NULL;
}

void path__close(struct member *m)
{
	struct agent *a = m->service->agent;
	struct path *p = m->path;

	if (!p)
		return;
	m->path = NULL;
	stop_asking(p);
	if (a->paths) {
		plane__probe_forget(a->plane, &p->way.stand_in);
		plane__probe_forget(a->plane, &p->own.stand_in);
		a->paths->taken[p->number / 2] = 0;
		a->paths->used--;
	}
	free(p);
}

void path__moved(struct member *m)
{
	struct err err;

	if (m->path && m->target && point(m->path, &err))
		log_error("%s; backend %s is probed by its old way", err.text, member__id(m));
}

/* --- the diagnosis -------------------------------------------------------------------------------- */

static void conclude(struct path *p)
{
	enum diagnosis before = p->diagnosis;

	p->facts.mode = mode_of(p->member);
	p->diagnosis = diagnosis__of(&p->facts, p->text);
	if (p->diagnosis != before && p->diagnosis != DIAGNOSIS_NONE)
		member__diagnosed(p->member, p->text);
}

static enum finding found(bool yes)
{
	return yes ? FINDING_YES : FINDING_NO;
}

static bool on_direct(void *ctx, const struct probe_result *r)
{
	struct path *p = ctx;

	p->facts.direct = found(r->outcome == PROBE_OK);
	conclude(p);
	/* From now on at the slow pace: it is no verdict. */
	return true;
}

static void on_fit(void *ctx, bool small, bool full)
{
	struct path *p = ctx;

	p->fit = NULL;
	p->facts.echo = found(small);
	p->facts.full = found(full);
	conclude(p);
}

static void on_own_fit(void *ctx, bool small, bool full)
{
	struct path *p = ctx;

	(void)full;
	p->own_fit = NULL;
	p->facts.own = found(small);
	conclude(p);
}

static void look_at_sizes(struct path *p, bool failed)
{
	struct member *m = p->member;
	struct agent *a = m->service->agent;
	uint64_t now = uv_now(&a->loop), pace = failed ? FIT_FAILED_PACE_MS : FIT_PACE_MS;
	struct err err;

	if (p->fit || p->own_fit || (p->fit_at_ms && now - p->fit_at_ms < pace))
		return;
	p->fit_at_ms = now;
	p->facts.full_size = full_size(m);
	if (prober__fit(a->prober, &p->way, &p->vip, p->facts.full_size, on_fit, p, &p->fit, &err))
		log_warn("backend %s: %s", member__id(m), err.text);
	else if (failed && has_own(p))
		prober__fit(a->prober, &p->own, &p->vip, 0, on_own_fit, p, &p->own_fit, &err);
}

static void ask_directly(struct path *p)
{
	struct member *m = p->member;
	const struct config_service *c = m->service->config;
	struct addr address = member__address(m);
	uint16_t port = ntohs(m->target->entry.port);
	struct err err;

	if (p->direct)
		return;
	if (mode_of(m) != FL_FWD_NAT && mode_of(m) != FL_FWD_FULLNAT)
		port = 0;
	if (prober__subscribe(m->service->agent->prober, &address, port ? port : m->probe_port,
			      NULL, &c->probe, false, on_direct, p, &p->direct, &err))
		log_warn("backend %s: %s", member__id(m), err.text);
}

void path__result(struct member *m, const struct probe_result *r)
{
	enum health_result path = r->outcome == PROBE_OK	? HEALTH_OK
				  : r->outcome == PROBE_REFUSED ? HEALTH_REFUSED
								: HEALTH_FAILED;
	struct path *p = m->path;
	bool failed = path != HEALTH_OK;

	if (!p || !m->service->config)
		return;
	if (failed != (p->facts.path != HEALTH_OK)) {
		stop_asking(p);
		p->facts = (struct path_facts){0};
		p->fit_at_ms = 0;
	}
	p->facts.path = path;
	if (failed)
		ask_directly(p);
	look_at_sizes(p, failed);
	conclude(p);
}

void path__write(struct jtext *out, const char *key, const struct member *m)
{
	const struct path *p = m->path;

	if (!p || p->diagnosis == DIAGNOSIS_NONE) {
		jtext__null(out, key);
		return;
	}
	jtext__open(out, key, '{');
	jtext__string(out, "code", diagnosis__name(p->diagnosis));
	jtext__string(out, "text", p->text);
	jtext__mark(out, '}');
}
