/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/neighbors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/chronicle.h"
#include "agent/names.h"
#include "core/log.h"

#define LABEL_LEN (ADDR_STRLEN + 1 + IF_NAMESIZE)

/* "192.0.2.1" or "fe80::1%eth0". */
static const char *label(const struct bfd_peer *p, char buf[LABEL_LEN])
{
	addr__format(&p->peer, buf);
	if (p->interface[0]) {
		strcat(buf, "%");
		strcat(buf, p->interface);
	}
	return buf;
}

static void log_session(const struct agent *a, enum log_level level, const struct bfd_view *v,
			const char *text)
{
	char name[LABEL_LEN];
	const struct log_field fields[] = {
		{"BFD_PEER", label(&v->config, name)},
		{"STATE", bfd_state__name(v->session.state)},
		{NULL, NULL},
	};

	log__write(level, fields, "BFD: the session with %s %s", name, text);
	chronicle__tell(a, JOURNAL_BFD, name, NULL, level == LOG_LV_WARN ? "down" : "up",
			JOURNAL_NOBODY, "%s", text);
}

static void tell_down(const struct agent *a, const struct bfd_view *now, uint64_t times)
{
	char text[200], more[40] = "";

	if (times > 1)
		snprintf(more, sizeof(more), ", %" PRIu64 " times by now", times);
	snprintf(text, sizeof(text), "went down: %s%s%s%s", bfd_diag__text(now->session.down_diag),
		 now->session.remote_diag ? "; the peer says: " : "",
		 now->session.remote_diag ? bfd_diag__text(now->session.remote_diag) : "", more);
	log_session(a, LOG_LV_WARN, now, text);
}

/* What has changed since it was told of last; `before` NULL: it is new. */
static void tell(const struct agent *a, const struct bfd_view *now, const struct bfd_view *before)
{
	uint64_t downs = now->session.downs - (before ? before->session.downs : 0);
	uint64_t ups = now->session.ups - (before ? before->session.ups : 0);
	const char *trouble = before ? before->trouble.text : "";
	char text[160];

	if (now->trouble.text[0] && strcmp(now->trouble.text, trouble) != 0)
		log_warn("%s; it is tried again every second", now->trouble.text);
	if (downs)
		tell_down(a, now, downs);
	if (!ups || now->session.state != BFD_UP)
		return;
	snprintf(text, sizeof(text), "is up: its death is seen within %" PRIu64 " ms",
		 bfd_session__detection_ns(&now->session) / 1000000);
	log_session(a, LOG_LV_INFO, now, text);
}

static const struct bfd_view *find_seen(const struct neighbors *n, const struct bfd_view *v)
{
	/* A session that was ended and began anew has another discriminator. */
	for (size_t i = 0; i < n->n_seen; i++)
		if (n->seen[i].session.mine == v->session.mine)
			return &n->seen[i];
	return NULL;
}

/* Tells of all that has changed. */
static void look(struct agent *a)
{
	struct neighbors *n = &a->neighbors;
	struct bfd_view *views = calloc(BFD_MAX_SESSIONS, sizeof(*views));
	size_t count;

	if (!views)
		return; /* told of at the next change */
	count = bfd__view(n->bfd, views, BFD_MAX_SESSIONS);
	for (size_t i = 0; i < count; i++)
		tell(a, &views[i], find_seen(n, &views[i]));
	free(n->seen);
	n->seen = views;
	n->n_seen = count;
}

static void on_change(void *ctx)
{
	look(ctx);
	failover__refresh(ctx);
}

bool neighbors__is_up(const struct agent *a, const struct addr *peer)
{
	for (size_t i = 0; i < a->neighbors.n_seen; i++) {
		const struct bfd_view *v = &a->neighbors.seen[i];

		if (addr__equal(&v->config.peer, peer) && v->session.state == BFD_UP)
			return true;
	}
	return false;
}

int neighbors__start(struct agent *a, struct err *err)
{
	return bfd__new(a->rt, on_change, a, &a->neighbors.bfd, err);
}

void neighbors__configured(struct agent *a)
{
	const struct config *c = a->config;
	struct bfd_peer peers[BFD_MAX_SESSIONS] = {0};
	struct err err;

	_Static_assert(CONFIG_MAX_BFD <= BFD_MAX_SESSIONS, "all of them fit");
	for (size_t i = 0; i < c->n_bfd; i++) {
		const struct config_bfd *b = &c->bfd[i];

		peers[i] = (struct bfd_peer){
			.peer = b->peer,
			.has_local = b->has_local,
			.local = b->local,
			.times = {b->min_tx_ms * 1000, b->min_rx_ms * 1000, b->multiplier},
		};
		memcpy(peers[i].interface, b->interface, sizeof(peers[i].interface));
	}
	if (bfd__configure(a->neighbors.bfd, peers, c->n_bfd, &err))
		log_error("%s: the BFD sessions stay as they were", err.text);
	look(a);
}

void neighbors__tick(struct agent *a)
{
	if (!a->neighbors.n_seen)
		return;
	bfd__tick(a->neighbors.bfd);
	look(a);
}

static json_t *session_json(const struct bfd_view *v)
{
	const struct bfd_session *s = &v->session;
	uint64_t age = rt__now_ns() - s->since_ns;
	char peer[ADDR_STRLEN], local[ADDR_STRLEN] = "";
	json_t *o;

	if (v->config.has_local)
		addr__format(&v->config.local, local);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "peer",
		      addr__format(&v->config.peer, peer), "local", local, "interface",
		      v->config.interface, "state", bfd_state__name(s->state), "reason",
		      bfd_diag__text(s->diag), "remote_state", bfd_state__name(s->remote_state),
		      "remote_reason", bfd_diag__text(s->remote_diag), "since",
		      names__time(agent__realtime_ns() - age));
	json_object_set_new(o, "interval_ms", json_real((double)bfd_session__interval_ns(s) / 1e6));
	json_object_set_new(o, "detection_ms",
			    json_real((double)bfd_session__detection_ns(s) / 1e6));
	json_object_set_new(o, "ups", json_integer((json_int_t)s->ups));
	json_object_set_new(o, "downs", json_integer((json_int_t)s->downs));
	json_object_set_new(o, "received", json_integer((json_int_t)v->received));
	json_object_set_new(o, "sent", json_integer((json_int_t)v->sent));
	json_object_set_new(o, "send_errors", json_integer((json_int_t)v->send_errors));
	json_object_set_new(o, "trouble", json_string(v->trouble.text));
	return o;
}

json_t *neighbors__json(const struct agent *a)
{
	const struct neighbors *n = &a->neighbors;
	struct bfd_view *views = calloc(BFD_MAX_SESSIONS, sizeof(*views));
	json_t *sessions = json_array(), *refused = json_object();
	size_t count = views ? bfd__view(n->bfd, views, BFD_MAX_SESSIONS) : 0;
	uint64_t counts[BFD_REFUSALS];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(sessions, session_json(&views[i]));
	free(views);
	bfd__refused(n->bfd, counts);
	for (int r = BFD_ACCEPTED + 1; r < BFD_REFUSALS; r++)
		json_object_set_new(refused, bfd_refusal__name((enum bfd_refusal)r),
				    json_integer((json_int_t)counts[r]));
	return json_pack("{s:o, s:o, s:I}", "sessions", sessions, "refused", refused, "dropped",
			 (json_int_t)bfd__dropped(n->bfd));
}

void neighbors__stop(struct agent *a)
{
	bfd__free(a->neighbors.bfd);
	a->neighbors.bfd = NULL;
	free(a->neighbors.seen);
	a->neighbors.seen = NULL;
}
