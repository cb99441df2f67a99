/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/events.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/asked.h"
#include "agent/names.h"
#include "core/log.h"
#include "frame/frame.h"

#define KEPT 1024
/* A flood is looked at in steps: so many at once, then others have their turn. */
#define TURN 256
#define PAUSE_MS 10

struct seen {
	struct fl_event e;
	uint64_t at_ns; /* CLOCK_REALTIME */
	/* As they were called then: an id or an index may be another's later. */
	char service[FL_NAME_LEN];
	char backend[FL_ID_LEN];
};

struct events {
	struct agent *agent;
	struct plane_ring *source;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned int open_handles;
	uint64_t next; /* number of the next one */
	struct seen kept[KEPT]; /* number n is in kept[n % KEPT] */
	struct asked asked;
};

static uint64_t coarse_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void want_neighbour(struct events *ev, const struct fl_event *e)
{
	struct addr address;

	memcpy(address.b, e->daddr, sizeof(address.b));
	if (asked__due(&ev->asked, &address, uv_hrtime()))
		net__resolve(ev->agent->net, &address);
}

static void keep(struct events *ev, const struct fl_event *e)
{
	const struct agent *a = ev->agent;
	const struct fl_backend *b = e->backend ? plane__backend(a->plane, e->backend) : NULL;
	const struct service *s = e->service < FL_MAX_SERVICES ? a->by_id[e->service] : NULL;
	struct seen *seen = &ev->kept[ev->next++ % KEPT];
	uint64_t now = coarse_ns();

	seen->e = *e;
	seen->at_ns = agent__realtime_ns() - (now > e->time_ns ? now - e->time_ns : 0);
	snprintf(seen->service, sizeof(seen->service), "%s", s ? s->name : "");
	snprintf(seen->backend, sizeof(seen->backend), "%s", b ? b->id : "");
}

static void on_event(void *ctx, const void *sample, size_t size)
{
	const struct fl_event *e = sample;
	struct events *ev = ctx;

	(void)size;
	if (e->kind == FL_EVENT_NEIGH)
		want_neighbour(ev, e);
	else
		keep(ev, e);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct events *ev = timer->data;

	uv_poll_start(&ev->poll, UV_READABLE, on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct events *ev = poll->data;

	(void)status;
	(void)events;
	if (!plane__ring_take(ev->source, TURN))
		return;
	uv_poll_stop(poll);
	uv_timer_start(&ev->pause, on_pause_over, PAUSE_MS, 0);
}

int events__new(struct agent *a, struct events **out, struct err *err)
{
	struct events *ev = calloc(1, sizeof(*ev));
	int rc;

	if (!ev)
		return err__set(err, -ENOMEM, "out of memory");
	ev->agent = a;
	rc = plane__ring_open(a->plane, PLANE_EVENTS, on_event, ev, &ev->source, err);
	if (rc) {
		free(ev);
		return rc;
	}
	rc = uv_poll_init(&a->loop, &ev->poll, plane__ring_fd(ev->source));
	if (rc) {
		plane__ring_close(ev->source);
		free(ev);
		return err__set(err, rc, "cannot watch the map 'events': %s", uv_strerror(rc));
	}
	uv_timer_init(&a->loop, &ev->pause);
	ev->poll.data = ev->pause.data = ev;
	ev->open_handles = 2;
	uv_poll_start(&ev->poll, UV_READABLE, on_poll);
	*out = ev;
	return 0;
}

static void on_close(uv_handle_t *h)
{
	struct events *ev = h->data;

	if (--ev->open_handles)
		return;
	plane__ring_close(ev->source);
	free(ev);
}

void events__free(struct events *ev)
{
	if (!ev)
		return;
	uv_close((uv_handle_t *)&ev->poll, on_close);
	uv_close((uv_handle_t *)&ev->pause, on_close);
}

/* --- API ---------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *seen_json(const struct seen *s, uint64_t number)
{
	char source[ADDR_STRLEN], dest[ADDR_STRLEN], word[NAMES_LEN], name[IF_NAMESIZE] = "";
	const struct fl_event *e = &s->e;
	struct addr from, to;
	json_t *o;

	memcpy(from.b, e->saddr, sizeof(from.b));
	memcpy(to.b, e->daddr, sizeof(to.b));
	o = json_pack("{s:I, s:o, s:s, s:s, s:s, s:i, s:s, s:i, s:I}", "seq", (json_int_t)number,
		      "time", names__time(s->at_ns), "kind",
		      e->kind == FL_EVENT_DROP ? "drop" : "flow", "protocol",
		      names__protocol(e->proto, word), "source", addr__format(&from, source),
		      "source_port", (int)ntohs(e->sport), "destination", addr__format(&to, dest),
		      "destination_port", (int)ntohs(e->dport), "bytes", (json_int_t)e->len);
	json_object_set_new(o, "tcp_flags",
			    e->proto == IPPROTO_TCP
				    ? json_string(frame__tcp_flags(e->tcp_flags, word))
				    : json_null());
	json_object_set_new(o, "verdict",
			    e->kind == FL_EVENT_DROP ? json_string(names__verdict(e->verdict, word))
						     : json_null());
	if_indextoname(e->ifindex, name);
	json_object_set_new(o, "interface", text_or_null(name));
	json_object_set_new(o, "service", text_or_null(s->service));
	json_object_set_new(o, "backend", text_or_null(s->backend));
	return o;
}

static void add_sampling(json_t *o, const struct agent *a)
{
	struct plane_options p = admission__options(a, a->config);

	json_object_set_new(o, "flows", json_integer(p.flow_event_every));
	json_object_set_new(o, "drops", json_integer(p.drop_event_every));
}

json_t *events__json(const struct agent *a, const uint64_t *since, uint32_t n)
{
	const struct events *ev = a->events;
	uint64_t oldest = ev->next > KEPT ? ev->next - KEPT : 0, from, missed = 0, to;
	json_t *list, *o;

	from = since ? *since : ev->next - (n < ev->next ? n : ev->next);
	/* A number that has not come yet was another agent's. */
	if (from > ev->next)
		from = oldest;
	if (from < oldest) {
		missed = since ? oldest - from : 0;
		from = oldest;
	}
	to = ev->next - from > n ? from + n : ev->next;
	list = json_array();
	for (uint64_t i = from; i < to; i++)
		json_array_append_new(list, seen_json(&ev->kept[i % KEPT], i));
	o = json_pack("{s:o, s:I, s:I}", "packets", list, "next", (json_int_t)to, "missed",
		      (json_int_t)missed);
	add_sampling(o, a);
	return o;
}

int events__set_sampling(struct agent *a, const uint32_t *flows, const uint32_t *drops,
			 json_t **out, struct err *err)
{
	struct plane_options now = admission__options(a, a->config);
	struct sampling was = a->sampling;
	int rc;

	a->sampling = (struct sampling){
		.set = true,
		.flows = flows ? *flows : now.flow_event_every,
		.drops = drops ? *drops : now.drop_event_every,
	};
	rc = admission__reconfigure(a, err);
	if (rc) {
		a->sampling = was;
		return rc;
	}
	log_info("a command has set that one in %u first packets and one in %u drops is told of",
		 a->sampling.flows, a->sampling.drops);
	*out = json_object();
	add_sampling(*out, a);
	return 0;
}
