/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/handover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/peer_vrrp.h"
#include "core/log.h"

#define LOOK_MS 5
#define READY_MS 2000 /* how long a peer has to be ready */

struct handover {
	struct agent *agent;
	struct api_request *request;
	uv_timer_t timer;
	uint64_t began_ms;
	json_t *groups; /* names of those that are active here */
	char to[CONFIG_PEER_LEN]; /* "": whoever */
	bool asked;
};

static void on_closed(uv_handle_t *timer)
{
	struct handover *h = timer->data;

	json_decref(h->groups);
	free(h);
}

/* Replies (the object is taken over), and ends. */
static void finish(struct handover *h, unsigned int status, json_t *reply)
{
	h->agent->handover = NULL;
	api_request__reply(h->request, status, reply);
	uv_close((uv_handle_t *)&h->timer, on_closed);
}

static void refuse(struct handover *h, unsigned int status, const char *text)
{
	log_warn("failover on request: %s", text);
	finish(h, status, json_pack("{s:s}", "error", text));
}

/* --- which groups, and what has become of them ------------------------------------------------------ */

struct active {
	json_t *names;
	struct err *err; /* of one that is never handed over */
};

static void add_active(void *ctx, const struct vrrp_status *s)
{
	struct active *l = ctx;

	if (s->group.state != VRRP_ACTIVE)
		return;
	json_array_append_new(l->names, json_string(s->config->name));
	if (s->group.priority == VRRP_PRIORITY_OWNER)
		err__set(l->err, -EINVAL,
			 "VRRP group '%s' owns its addresses (priority 255), and would take them "
			 "back at once: give it a lower priority",
			 s->config->name);
}

struct outcome {
	const json_t *groups; /* that were meant */
	json_t *moved;
	bool pending;
	char kept[FL_NAME_LEN]; /* one that nobody has taken over */
};

static bool is_meant(const json_t *groups, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach (groups, i, one) {
		if (strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

static void judge(void *ctx, const struct vrrp_status *s)
{
	struct outcome *o = ctx;
	char address[ADDR_STRLEN];

	if (!is_meant(o->groups, s->config->name))
		return;
	if (s->group.handing_ns)
		o->pending = true;
	else if (s->group.state == VRRP_ACTIVE)
		memcpy(o->kept, s->config->name, sizeof(o->kept));
	else
		json_array_append_new(o->moved,
				      json_pack("{s:s, s:s, s:i}", "name", s->config->name,
						"active", addr__format(&s->group.active, address),
						"active_priority", s->group.active_priority));
}

static void look(struct handover *h)
{
	struct outcome o = {.groups = h->groups, .moved = json_array()};
	struct err err;

	vrrp__status(h->agent->failover.vrrp, judge, &o);
	if (o.pending) {
		json_decref(o.moved);
	} else if (o.kept[0]) {
		json_decref(o.moved);
		err__set(&err, -EAGAIN,
			 "nobody has taken over VRRP group '%s': it goes on being active here",
			 o.kept);
		refuse(h, 409, err.text);
	} else {
		finish(h, 200, json_pack("{s:o}", "groups", o.moved));
	}
}

/* --- the steps --------------------------------------------------------------------------------------- */

static void ask(struct handover *h)
{
	struct agent *a = h->agent;
	struct err err;
	int rc = peer_vrrp__ready(a, h->groups, h->to[0] ? h->to : NULL, &err);

	if (rc == -EAGAIN && uv_now(&a->loop) - h->began_ms < READY_MS)
		return;
	if (rc) {
		refuse(h, rc == -ENOENT ? 404 : 409, err.text);
		return;
	}
	h->asked = true;
	vrrp__hand_over(a->failover.vrrp);
}

static void on_timer(uv_timer_t *timer)
{
	struct handover *h = timer->data;

	if (!h->asked)
		ask(h);
	else
		look(h);
}

static void reject(struct api_request *request, unsigned int status, const char *text)
{
	api_request__reply(request, status, json_pack("{s:s}", "error", text));
}

void handover__start(struct agent *a, const char *to, struct api_request *request)
{
	struct err err = {0};
	struct active active = {.names = json_array(), .err = &err};
	struct handover *h;

	if (a->failover.vrrp)
		vrrp__status(a->failover.vrrp, add_active, &active);
	if (a->handover || err.text[0] || !json_array_size(active.names)) {
		json_decref(active.names);
		reject(request, 409,
		       a->handover   ? "a failover is under way already"
		       : err.text[0] ? err.text
				     : "no VRRP group is active here");
		return;
	}
	h = calloc(1, sizeof(*h));
	if (!h) {
		json_decref(active.names);
		reject(request, 500, "out of memory");
		return;
	}
	h->agent = a;
	h->request = request;
	h->groups = active.names;
	h->began_ms = uv_now(&a->loop);
	strncpy(h->to, to ? to : "", sizeof(h->to) - 1);
	h->timer.data = h;
	a->handover = h;
	uv_timer_init(&a->loop, &h->timer);
	uv_timer_start(&h->timer, on_timer, 0, LOOK_MS);
}

json_t *handover__undo(struct agent *a)
{
	size_t n = a->failover.vrrp ? vrrp__take_back(a->failover.vrrp) : 0;

	if (n)
		log_info("%zu VRRP group%s that %s handed over may be taken back", n,
			 n == 1 ? "" : "s", n == 1 ? "was" : "were");
	return json_pack("{s:I}", "groups", (json_int_t)n);
}

void handover__stop(struct agent *a)
{
	if (a->handover)
		refuse(a->handover, 503, "fairleadd is stopping");
}
