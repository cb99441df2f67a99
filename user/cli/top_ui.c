/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_ui.h"

#include <curses.h>
#include <stdio.h>
#include <string.h>

/* The column with that title, which is there. */
static size_t column(enum top_page page, const char *title)
{
	size_t n, i = 0;
	const struct top_column *c = top_rows__columns(page, &n);

	while (i + 1 < n && strcmp(c[i].title, title) != 0)
		i++;
	return i;
}

void top_ui__init(struct top_ui *ui)
{
	*ui = (struct top_ui){.page = TOP_SERVICES, .height = 1};
	ui->tables[TOP_SERVICES].sort = column(TOP_SERVICES, "PKT/S");
	ui->tables[TOP_BACKENDS].sort = column(TOP_BACKENDS, "STATE");
	ui->tables[TOP_COUNTS].sort = column(TOP_COUNTS, "PKT/S");
}

void top_ui__free(struct top_ui *ui)
{
	top_rows__free(&ui->rows);
}

struct top_table *top_ui__table(struct top_ui *ui)
{
	return ui->page < TOP_TABLES ? &ui->tables[ui->page] : NULL;
}

/* --- rows ------------------------------------------------------------------------------------------ */

/* Remembers which row is chosen. */
static void hold(struct top_ui *ui, struct top_table *t)
{
	const struct top_row *r;

	if (t->at >= ui->rows.n)
		return;
	r = &ui->rows.list[t->at];
	t->held = true;
	snprintf(t->service, sizeof(t->service), "%s", r->service ? r->service->name : "");
	snprintf(t->name, sizeof(t->name), "%s", top_row__name(r));
}

static void find(const struct top_ui *ui, struct top_table *t)
{
	for (size_t i = 0; t->held && i < ui->rows.n; i++) {
		if (top_row__has_name(&ui->rows.list[i], t->service, t->name)) {
			t->at = i;
			return;
		}
	}
	/* It is not there (any more): whatever stands in its place. */
	if (t->at >= ui->rows.n)
		t->at = ui->rows.n ? ui->rows.n - 1 : 0;
}

static void bring_in(const struct top_ui *ui, struct top_table *t)
{
	size_t last = ui->rows.n > ui->height ? ui->rows.n - ui->height : 0;

	if (t->first > t->at)
		t->first = t->at;
	if (t->at >= t->first + ui->height)
		t->first = t->at - ui->height + 1;
	if (t->first > last)
		t->first = last;
}

int top_ui__update(struct top_ui *ui, const struct top_model *m)
{
	struct top_table *t = top_ui__table(ui);
	struct top_query q;
	int rc;

	if (!t)
		return 0;
	q = (struct top_query){
		.page = ui->page,
		.service = ui->service,
		.filter = t->filter,
		.sort = t->sort,
		.reverse = t->reverse,
	};
	rc = top_rows__fill(&ui->rows, m, &q);
	find(ui, t);
	bring_in(ui, t);
	return rc;
}

/* --- keys ------------------------------------------------------------------------------------------ */

/* Rows of another page are no longer those of this one. */
static void go(struct top_ui *ui, enum top_page page)
{
	ui->page = page;
	ui->rows.n = ui->rows.of = 0;
}

/* A table that is entered anew begins at its top, with all rows. */
static void open_backends(struct top_ui *ui, const char *service)
{
	struct top_table *t = &ui->tables[TOP_BACKENDS];

	if (strcmp(ui->service, service) != 0 || ui->page == TOP_SERVICES) {
		t->filter[0] = '\0';
		t->at = t->first = 0;
		t->held = false;
	}
	snprintf(ui->service, sizeof(ui->service), "%s", service);
	go(ui, TOP_BACKENDS);
}

static void enter(struct top_ui *ui)
{
	struct top_table *t = top_ui__table(ui);
	const struct top_row *r;
	char service[FL_NAME_LEN];

	if (!t || t->at >= ui->rows.n)
		return;
	r = &ui->rows.list[t->at];
	if (ui->page == TOP_SERVICES) {
		hold(ui, t);
		snprintf(service, sizeof(service), "%s", r->service->name);
		open_backends(ui, service);
	} else if (ui->page == TOP_BACKENDS) {
		hold(ui, t);
		ui->all = !ui->service[0];
		snprintf(ui->backend, sizeof(ui->backend), "%s", r->backend->id);
		snprintf(service, sizeof(service), "%s", r->service->name);
		memcpy(ui->service, service, sizeof(service));
		go(ui, TOP_BACKEND);
	}
}

static void back(struct top_ui *ui)
{
	struct top_table *t = top_ui__table(ui);

	if (t && t->filter[0]) {
		t->filter[0] = '\0';
	} else if (ui->page == TOP_BACKEND) {
		if (ui->all)
			ui->service[0] = '\0';
		go(ui, TOP_BACKENDS);
	} else {
		go(ui, TOP_SERVICES);
	}
}

static void step(struct top_ui *ui, long by)
{
	struct top_table *t = top_ui__table(ui);
	long at;

	if (!t || !ui->rows.n)
		return;
	at = (long)t->at + by;
	t->at = at < 0 ? 0 : at >= (long)ui->rows.n ? ui->rows.n - 1 : (size_t)at;
	hold(ui, t);
}

/* Trails can't be sorted by. */
static void sort(struct top_ui *ui, int by)
{
	struct top_table *t = top_ui__table(ui);
	const struct top_column *c;
	size_t n;

	if (!t)
		return;
	c = top_rows__columns(ui->page, &n);
	do
		t->sort = (t->sort + n + (size_t)by) % n;
	while (c[t->sort].trail);
	t->reverse = false;
	t->held = false;
	t->at = 0;
}

static void edit(struct top_ui *ui, struct top_table *t, int key)
{
	size_t len = strlen(t->filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		ui->editing = false;
	} else if (key == TOP_ESCAPE) {
		ui->editing = false;
		t->filter[0] = '\0';
	} else if (key == KEY_BACKSPACE || key == 0x7f || key == '\b') {
		t->filter[len ? len - 1 : 0] = '\0';
	} else if (key >= ' ' && key < 0x7f && len + 1 < sizeof(t->filter)) {
		t->filter[len] = (char)key;
		t->filter[len + 1] = '\0';
	}
}

static bool moves(struct top_ui *ui, int key)
{
	long page = ui->height > 1 ? (long)ui->height - 1 : 1;

	switch (key) {
	case KEY_UP:
	case 'k':
		step(ui, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		step(ui, 1);
		return true;
	case KEY_PPAGE:
		step(ui, -page);
		return true;
	case KEY_NPAGE:
	case ' ':
		step(ui, page);
		return true;
	case KEY_HOME:
	case 'g':
		step(ui, -(long)ui->rows.n);
		return true;
	case KEY_END:
	case 'G':
		step(ui, (long)ui->rows.n);
		return true;
	default:
		return false;
	}
}

static void command(struct top_ui *ui, int key)
{
	struct top_table *t = top_ui__table(ui);

	switch (key) {
	case '\n':
	case '\r':
	case KEY_ENTER:
	case KEY_RIGHT:
		enter(ui);
		break;
	case TOP_ESCAPE:
	case KEY_LEFT:
	case KEY_BACKSPACE:
	case 0x7f:
		back(ui);
		break;
	case '/':
		ui->editing = t != NULL;
		break;
	case '<':
		sort(ui, -1);
		break;
	case '>':
		sort(ui, 1);
		break;
	case 'r':
		if (t)
			t->reverse = !t->reverse;
		break;
	case 's':
		go(ui, TOP_SERVICES);
		break;
	case 'b':
		open_backends(ui, "");
		break;
	case 'd':
		go(ui, TOP_COUNTS);
		break;
	default:
		break;
	}
}

bool top_ui__key(struct top_ui *ui, int key)
{
	struct top_table *t = top_ui__table(ui);

	if (ui->help) {
		ui->help = false;
		return key == 'q';
	}
	if (ui->editing && t && key != KEY_UP && key != KEY_DOWN && key != KEY_PPAGE &&
	    key != KEY_NPAGE) {
		edit(ui, t, key);
		return false;
	}
	if (key == 'q')
		return true;
	if (key == '?' || key == 'h')
		ui->help = true;
	else if (!moves(ui, key))
		command(ui, key);
	return false;
}
