/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One backend of one service: its figures of the last minute, and what its status says. */
#include "cli/top_view.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/top_spark.h"
#include "cli/view_json.h"

#define LABEL 14 /* cells */

struct pen {
	const struct top_view *v;
	int y;
};

__attribute__((format(printf, 3, 4))) static void line(struct pen *p, const char *label,
						       const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	top_view__put(p->v, p->y, 0, LABEL, label);
	top_view__put(p->v, p->y, LABEL, getmaxx(p->v->window) - LABEL, text);
	p->y++;
}

/* A trail and its range; `scale` makes the unit of what the trail has. */
static void trail(struct pen *p, const struct top_model *m, const char *label,
		  const struct top_trail *t, double scale)
{
	char text[128], low[FORMAT_LEN], middle[FORMAT_LEN], high[FORMAT_LEN];
	int width = getmaxx(p->v->window) - LABEL,
	    cells = width < TOP_SECONDS ? width : TOP_SECONDS;
	double least, mean, most;
	float values[TOP_SECONDS];

	top_model__trail(m, t, values);
	if (!spark__range(values, TOP_SECONDS, &least, &mean, &most)) {
		line(p, label, "nothing yet");
		return;
	}
	top_view__put(p->v, p->y, 0, LABEL, label);
	top_view__put_trail(p->v, m, p->y, LABEL, cells, t);
	snprintf(text, sizeof(text), " %s..%s, mean %s", format__si(least * scale, low),
		 format__si(most * scale, high), format__si(mean * scale, middle));
	top_view__put(p->v, p->y, LABEL + cells, width - cells, text);
	p->y++;
}

static void draw_state(struct pen *p, const struct top_service *s, const struct top_backend *b)
{
	char since[FORMAT_LEN], share[FORMAT_LEN], address[96];
	attr_t attributes = top_view__state(p->v, b->state);

	if (b->port)
		snprintf(address, sizeof(address), strchr(b->address, ':') ? "[%s]:%d" : "%s:%d",
			 b->address, b->port);
	else
		snprintf(address, sizeof(address), "%s", b->address);
	wattron(p->v->window, attributes);
	line(p, "state", "%s for %s", b->state, format__duration(b->age_s, since));
	wattroff(p->v->window, attributes);
	line(p, "address", "%s, by %s", address, s->forward);
	line(p, "slots", "%u of %u, %s", b->slots, s->slots,
	     format__percent(s->slots ? (double)b->slots / s->slots : 0, share));
}

static void draw_minute(struct pen *p, const struct top_model *m, const struct top_backend *b)
{
	float values[TOP_SECONDS];
	size_t failures;

	p->y++;
	line(p, "last minute", "from the least to the most");
	trail(p, m, "packets/s", &b->packets_trail, 1);
	trail(p, m, "bits/s", &b->bytes_trail, 8);
	trail(p, m, "probe, ms", &b->probe_trail, 1e-3);
	top_model__trail(m, &b->probe_trail, values);
	failures = spark__failures(values, TOP_SECONDS);
	if (failures)
		line(p, "", "probes failed in %zu of these seconds (%s)", failures,
		     p->v->blocks ? "×" : "x");
	p->y++;
}

static void draw_probe(struct pen *p, const json_t *o)
{
	const json_t *probe = json_object_get(o, "probe");
	const char *warning = text_of(probe, "warning");
	const char *diagnosis = text_of(json_object_get(probe, "diagnosis"), "text");

	if (!json_is_object(probe)) {
		line(p, "last probe", "none has ended yet");
		return;
	}
	line(p, "last probe", "%s after %.1f ms, at %s: %s",
	     json_is_true(json_object_get(probe, "ok")) ? "well" : "failed",
	     number_of(probe, "latency_us") / 1000, string_of(probe, "at"),
	     string_of(probe, "detail"));
	if (*warning)
		line(p, "", "but %s", warning);
	if (*diagnosis)
		line(p, "clients' path", "%s", diagnosis);
	line(p, "probes", "%lld well, %lld failed since the agent began",
	     integer_of(o, "probes_ok"), integer_of(o, "probes_failed"));
}

static void draw_hop(struct pen *p, const json_t *hop)
{
	if (!json_is_object(hop))
		return;
	if (!json_is_true(json_object_get(hop, "resolved")))
		line(p, "next hop", "its MAC address is not known: see ip route get and ip neigh");
	else
		line(p, "next hop", "%s, %s, by %s", string_of(hop, "via"), string_of(hop, "mac"),
		     string_of(hop, "interface"));
}

static void draw_connections(struct pen *p, const json_t *o)
{
	const json_t *passive = json_object_get(o, "passive");
	char rate[FORMAT_LEN], share[FORMAT_LEN];

	if (!json_is_object(passive))
		return;
	line(p, "connections", "%s new a second, %s of %lld watched ones completed in the last 5 s",
	     format__si(number_of(passive, "connections_per_s"), rate),
	     format__percent(number_of(passive, "completion"), share),
	     integer_of(passive, "judged"));
	if (*text_of(passive, "alarm"))
		line(p, "alarm", "%s: %s", string_of(passive, "alarm_at"),
		     string_of(passive, "alarm"));
}

static void draw_quorum(struct pen *p, const json_t *quorum)
{
	if (!json_is_object(quorum))
		return;
	line(p, "balancers", "%lld say up, %lld suspect, %lld down, %lld nothing%s",
	     integer_of(quorum, "up"), integer_of(quorum, "suspect"), integer_of(quorum, "down"),
	     integer_of(quorum, "mute"),
	     json_is_true(json_object_get(quorum, "disputed")) ? ": disputed" : "");
}

static void draw_status(struct pen *p, const json_t *o)
{
	double hold_s = number_of(o, "flap_hold_s");
	char hold[FORMAT_LEN];

	draw_probe(p, o);
	line(p, "weight", "%lld, of which it takes %.0f %% now%s", integer_of(o, "weight"),
	     100 * number_of(o, "parts"),
	     json_is_true(json_object_get(o, "backup")) ? "; it is a backup" : "");
	line(p, "records",
	     "%lld of its connections are on record, %lld slots are moving away from it",
	     integer_of(o, "records"), integer_of(o, "slots_leaving"));
	line(p, "sent", "%lld packets, %lld bytes", integer_of(o, "packets"),
	     integer_of(o, "bytes"));
	draw_hop(p, json_object_get(o, "nexthop"));
	draw_connections(p, o);
	draw_quorum(p, json_object_get(o, "quorum"));
	if (hold_s > 0)
		line(p, "flaps", "it fell %lld times of late, and must be well for %s",
		     integer_of(o, "flaps"), format__duration(hold_s, hold));
}

/* The backend of that name in a status of one service; NULL: it is of another one, or none came. */
static const json_t *status_of(const json_t *status, const struct top_ui *ui)
{
	const json_t *service = json_array_get(json_object_get(status, "services"), 0);
	const json_t *backend = json_array_get(json_object_get(service, "backends"), 0);

	return strcmp(text_of(service, "name"), ui->service) == 0 &&
			       strcmp(text_of(backend, "id"), ui->backend) == 0
		       ? backend
		       : NULL;
}

void top_view__backend(const struct top_view *v, const struct top_model *m, const struct top_ui *ui,
		       int y)
{
	const struct top_service *s = top_model__service(m, ui->service);
	const struct top_backend *b = s ? top_service__backend(s, ui->backend) : NULL;
	const json_t *status = status_of(v->detail, ui);
	struct pen p = {.v = v, .y = y};

	if (!b) {
		line(&p, "state", "it is no longer there: Esc goes back");
		return;
	}
	draw_state(&p, s, b);
	draw_minute(&p, m, b);
	if (status)
		draw_status(&p, status);
}
