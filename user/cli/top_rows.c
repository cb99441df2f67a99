/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/format.h"

static void print(char *out, const char *text)
{
	snprintf(out, TOP_CELL, "%s", text);
}

/* --- services -------------------------------------------------------------------------------------- */

static void service_name(const struct top_row *r, char *out)
{
	print(out, r->service->name);
}

static void service_address(const struct top_row *r, char *out)
{
	const struct top_service *s = r->service;

	snprintf(out, TOP_CELL, strchr(s->vip, ':') ? "[%s]:%s/%s" : "%s:%s/%s", s->vip, s->ports,
		 s->protocol);
}

static void service_forward(const struct top_row *r, char *out)
{
	print(out, r->service->forward);
}

static void service_up(const struct top_row *r, char *out)
{
	snprintf(out, TOP_CELL, "%u/%u", r->service->up, r->service->of);
}

/* The part that is not up: the worst first. */
static double service_missing(const struct top_row *r)
{
	const struct top_service *s = r->service;

	return s->of ? 1 - (double)s->up / s->of : 0;
}

/* The one thing that is most wrong with it. */
static void service_note(const struct top_row *r, char *out)
{
	const struct top_service *s = r->service;

	if (s->unserved)
		print(out, s->unserved == s->slots ? "no backend" : "unserved slots");
	else if (s->panic)
		print(out, "panic");
	else if (s->moving)
		snprintf(out, TOP_CELL, "%u moving", s->moving);
	else if (s->pinned)
		snprintf(out, TOP_CELL, "%u pinned", s->pinned);
	else
		print(out, "ok");
}

static double service_packets(const struct top_row *r)
{
	return r->service->packets;
}

static double service_bits(const struct top_row *r)
{
	return 8 * r->service->bytes;
}

static double service_new(const struct top_row *r)
{
	return r->service->connections;
}

static const struct top_trail *service_trail(const struct top_row *r)
{
	return &r->service->packets_trail;
}

static double service_worry(const struct top_row *r)
{
	const struct top_service *s = r->service;

	return s->unserved ? 4 : s->panic ? 3 : s->moving ? 2 : s->pinned ? 1 : 0;
}

static const struct top_column service_columns[] = {
	{.title = "SERVICE", .width = 16, .left = true, .rank = 0, .text = service_name},
	{.title = "ADDRESS", .width = 22, .left = true, .rank = 6, .text = service_address},
	{.title = "FORWARD", .width = 7, .left = true, .rank = 8, .text = service_forward},
	{.title = "UP", .width = 9, .rank = 1, .text = service_up, .number = service_missing},
	{.title = "STATE",
	 .width = 14,
	 .left = true,
	 .rank = 5,
	 .text = service_note,
	 .number = service_worry,
	 .state = true},
	{.title = "PKT/S", .width = 6, .rank = 2, .number = service_packets},
	{.title = "BIT/S", .width = 6, .rank = 3, .number = service_bits},
	{.title = "NEW/S", .width = 6, .rank = 7, .number = service_new},
	{.title = "LAST MINUTE", .left = true, .rank = 4, .trail = service_trail},
};

/* --- backends -------------------------------------------------------------------------------------- */

static void backend_id(const struct top_row *r, char *out)
{
	print(out, r->backend->id);
}

static void backend_address(const struct top_row *r, char *out)
{
	const struct top_backend *b = r->backend;

	if (b->port)
		snprintf(out, TOP_CELL, strchr(b->address, ':') ? "[%s]:%d" : "%s:%d", b->address,
			 b->port);
	else
		print(out, b->address);
}

static void backend_state(const struct top_row *r, char *out)
{
	print(out, r->backend->state);
}

static double backend_worry(const struct top_row *r)
{
	static const char *const worst_last[] = {"up",	     "starting", "unknown", "draining",
						 "disabled", "leaving",	 "suspect", "down"};
	size_t i = 0;

	while (i < sizeof(worst_last) / sizeof(*worst_last) &&
	       strcmp(worst_last[i], r->backend->state) != 0)
		i++;
	return (double)i;
}

static void backend_since(const struct top_row *r, char *out)
{
	format__duration(r->backend->age_s, out);
}

static double backend_age(const struct top_row *r)
{
	return -(double)r->backend->age_s; /* the youngest first */
}

static void backend_share(const struct top_row *r, char *out)
{
	format__percent(r->service->slots ? (double)r->backend->slots / r->service->slots : 0, out);
}

static double backend_slots(const struct top_row *r)
{
	return r->service->slots ? (double)r->backend->slots / r->service->slots : 0;
}

static void backend_probe(const struct top_row *r, char *out)
{
	if (r->backend->probe_us < 0)
		print(out, "-");
	else
		snprintf(out, TOP_CELL, "%.1f ms", (double)r->backend->probe_us / 1000);
}

static double backend_latency(const struct top_row *r)
{
	return (double)r->backend->probe_us;
}

static double backend_packets(const struct top_row *r)
{
	return r->backend->packets;
}

static double backend_bits(const struct top_row *r)
{
	return 8 * r->backend->bytes;
}

static double backend_new(const struct top_row *r)
{
	return r->backend->connections;
}

static const struct top_trail *backend_trail(const struct top_row *r)
{
	return &r->backend->packets_trail;
}

static const struct top_column backend_columns[] = {
	{.title = "BACKEND", .width = 16, .left = true, .rank = 0, .text = backend_id},
	{.title = "SERVICE",
	 .width = 12,
	 .left = true,
	 .rank = 4,
	 .text = service_name,
	 .of_all = true},
	{.title = "ADDRESS", .width = 18, .left = true, .rank = 9, .text = backend_address},
	{.title = "STATE",
	 .width = 8,
	 .left = true,
	 .rank = 1,
	 .text = backend_state,
	 .number = backend_worry,
	 .state = true},
	{.title = "SINCE", .width = 7, .rank = 7, .text = backend_since, .number = backend_age},
	{.title = "SHARE", .width = 6, .rank = 8, .text = backend_share, .number = backend_slots},
	{.title = "PKT/S", .width = 6, .rank = 2, .number = backend_packets},
	{.title = "BIT/S", .width = 6, .rank = 3, .number = backend_bits},
	{.title = "NEW/S", .width = 6, .rank = 10, .number = backend_new},
	{.title = "PROBE", .width = 9, .rank = 6, .text = backend_probe, .number = backend_latency},
	{.title = "LAST MINUTE", .left = true, .rank = 5, .trail = backend_trail},
};

/* --- counters -------------------------------------------------------------------------------------- */

static void count_name(const struct top_row *r, char *out)
{
	print(out, r->count->name);
}

static void count_kind(const struct top_row *r, char *out)
{
	print(out, r->count->note ? "note" : "drop");
}

static double count_packets(const struct top_row *r)
{
	return r->count->packets;
}

static double count_total(const struct top_row *r)
{
	return (double)r->count->total;
}

static void count_text(const struct top_row *r, char *out)
{
	print(out, r->count->text);
}

static const struct top_trail *count_trail(const struct top_row *r)
{
	return &r->count->trail;
}

static const struct top_column count_columns[] = {
	{.title = "REASON", .width = 22, .left = true, .rank = 0, .text = count_name},
	{.title = "KIND", .width = 4, .left = true, .rank = 5, .text = count_kind},
	{.title = "PKT/S", .width = 6, .rank = 1, .number = count_packets},
	{.title = "TOTAL", .width = 6, .rank = 2, .number = count_total},
	{.title = "LAST MINUTE", .left = true, .rank = 4, .trail = count_trail},
	{.title = "WHAT HAPPENED", .left = true, .rank = 3, .text = count_text},
};

const struct top_column *top_rows__columns(enum top_page page, size_t *n)
{
	switch (page) {
	case TOP_SERVICES:
		*n = sizeof(service_columns) / sizeof(*service_columns);
		return service_columns;
	case TOP_BACKENDS:
		*n = sizeof(backend_columns) / sizeof(*backend_columns);
		return backend_columns;
	case TOP_COUNTS:
		*n = sizeof(count_columns) / sizeof(*count_columns);
		return count_columns;
	default:
		*n = 0;
		return NULL;
	}
}

void top_column__text(const struct top_column *c, const struct top_row *r, char *out)
{
	double value;

	if (c->text) {
		c->text(r, out);
		return;
	}
	value = c->number ? c->number(r) : NAN;
	if (isnan(value))
		print(out, "-");
	else
		format__si(value, out);
}

/* --- rows ------------------------------------------------------------------------------------------ */

static int append(struct top_rows *r, const struct top_row *row)
{
	if (r->n == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct top_row *list = reallocarray(r->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		r->list = list;
		r->room = room;
	}
	r->list[r->n++] = *row;
	return 0;
}

/* Whether the filter occurs in one of the row's columns of letters. */
static bool matches(const struct top_row *row, const struct top_query *q)
{
	char text[TOP_CELL];
	size_t n;
	const struct top_column *columns = top_rows__columns(q->page, &n);

	for (size_t i = 0; i < n; i++) {
		if (!columns[i].left || !columns[i].text)
			continue;
		columns[i].text(row, text);
		if (strcasestr(text, q->filter))
			return true;
	}
	return false;
}

static int consider(struct top_rows *r, const struct top_row *row, const struct top_query *q)
{
	r->of++;
	return !*q->filter || matches(row, q) ? append(r, row) : 0;
}

static int consider_services(struct top_rows *r, const struct top_model *m,
			     const struct top_query *q)
{
	int rc = 0;

	for (size_t i = 0; i < m->n_services && !rc; i++) {
		struct top_row row = {.service = &m->services[i]};

		if (q->page == TOP_SERVICES) {
			rc = consider(r, &row, q);
			continue;
		}
		if (*q->service && strcmp(q->service, row.service->name) != 0)
			continue;
		for (size_t k = 0; k < row.service->n && !rc; k++) {
			row.backend = &row.service->backends[k];
			rc = consider(r, &row, q);
		}
	}
	return rc;
}

/* A reason that has never been is not among them. */
static int consider_counts(struct top_rows *r, const struct top_model *m, const struct top_query *q)
{
	int rc = 0;

	for (size_t i = 0; i < m->n_counts && !rc; i++) {
		const struct top_row row = {.count = &m->counts[i]};

		if (row.count->total && (row.count->drop || row.count->note))
			rc = consider(r, &row, q);
	}
	return rc;
}

static int by_text(const struct top_column *c, const struct top_row *a, const struct top_row *b)
{
	char left[TOP_CELL], right[TOP_CELL];

	top_column__text(c, a, left);
	top_column__text(c, b, right);
	return strcasecmp(left, right);
}

/* Unknown figures come after all others, either way. */
static int by_number(double a, double b, bool reverse)
{
	if (isnan(a) || isnan(b))
		return !!isnan(a) - !!isnan(b);
	return reverse ? (a > b) - (a < b) : (a < b) - (a > b);
}

static const void *place(const struct top_row *r)
{
	if (r->count)
		return r->count;
	return r->backend ? (const void *)r->backend : (const void *)r->service;
}

/* Equal ones stay in the order of the file, and so where they are from second to second. */
static int compare(const void *left, const void *right, void *ctx)
{
	const struct top_row *a = left, *b = right;
	const struct top_query *q = ctx;
	size_t n;
	const struct top_column *c = &top_rows__columns(q->page, &n)[q->sort];
	int d = c->number    ? by_number(c->number(a), c->number(b), q->reverse)
		: !c->text   ? 0
		: q->reverse ? by_text(c, b, a)
			     : by_text(c, a, b);

	if (d)
		return d;
	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	return place(a) < place(b) ? -1 : place(a) > place(b);
}

int top_rows__fill(struct top_rows *r, const struct top_model *m, const struct top_query *q)
{
	struct top_query ctx = *q;
	size_t n;
	int rc;

	r->n = r->of = 0;
	top_rows__columns(q->page, &n);
	if (!n)
		return 0;
	rc = q->page == TOP_COUNTS ? consider_counts(r, m, q) : consider_services(r, m, q);
	if (rc) {
		r->n = 0;
		return rc;
	}
	if (r->n)
		qsort_r(r->list, r->n, sizeof(*r->list), compare, &ctx);
	return 0;
}

void top_rows__free(struct top_rows *r)
{
	free(r->list);
}

const char *top_row__name(const struct top_row *r)
{
	if (r->count)
		return r->count->name;
	return r->backend ? r->backend->id : "";
}

bool top_row__has_name(const struct top_row *r, const char *service, const char *name)
{
	return !strcmp(r->service ? r->service->name : "", service) &&
	       !strcmp(top_row__name(r), name);
}
