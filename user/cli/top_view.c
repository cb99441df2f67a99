/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "cli/format.h"
#include "cli/top_spark.h"

#define HEAD 3 /* lines above a table's own */
#define GAP 2 /* cells between two columns */
#define LEAST_TRAIL 11 /* cells; a column that may be wider gets no less, and its title fits */
#define MOST_COLUMNS 16

static const char *const help[] = {
	"Up Down PgUp PgDn Home End   choose a row (k j g G)",
	"Enter Right                  into it: a service's backends, then one backend",
	"Esc Left                     back; first the filter goes",
	"/                            filter: rows in whose words this occurs; Enter keeps it, Esc ends it",
	"< >                          sort by the column to the left or right",
	"r                            turn the order round",
	"s                            services",
	"b                            backends of all services",
	"d                            drops and notes, by reason",
	"q Ctrl-C                     leave",
	"",
	"PKT/S BIT/S                  of the last second, Ethernet headers included",
	"NEW/S                        new connections a second, of services with `passive`",
	"LAST MINUTE                  packets a second: the most of the row's own is a full block",
	"",
	"Any key goes back.",
};

/* --- cells ----------------------------------------------------------------------------------------- */

static void put(const struct top_view *v, int y, int x, int width, const char *text, int used)
{
	mbstate_t state = {0};
	size_t left = strlen(text);

	if (y < 0 || y >= getmaxy(v->window) || wmove(v->window, y, x) == ERR)
		return;
	if (width > getmaxx(v->window) - x)
		width = getmaxx(v->window) - x;
	while (left) {
		wchar_t c = 0;
		size_t n = mbrtowc(&c, text, left, &state);
		int cells = n && n <= left ? wcwidth(c) : -1;

		if (n > left) {
			n = 1;
			memset(&state, 0, sizeof(state));
		}
		if (cells < 0) {
			c = L'?';
			cells = 1;
		}
		if (used + cells > width)
			break;
		waddnwstr(v->window, &c, 1);
		used += cells;
		text += n;
		left -= n;
	}
	for (; used < width; used++)
		waddch(v->window, ' ');
}

void top_view__put(const struct top_view *v, int y, int x, int width, const char *text)
{
	put(v, y, x, width, text, 0);
}

void top_view__put_right(const struct top_view *v, int y, int x, int width, const char *text)
{
	int len = (int)strlen(text); /* figures, so a byte is a cell */

	if (len < width) {
		top_view__put(v, y, x, width - len, "");
		x += width - len;
		width = len;
	}
	top_view__put(v, y, x, width, text);
}

void top_view__put_trail(const struct top_view *v, const struct top_model *m, int y, int x,
			 int width, const struct top_trail *t)
{
	float values[TOP_SECONDS];
	char line[SPARK_LEN];

	if (width < 1)
		return;
	top_model__trail(m, t, values);
	spark__draw(values, TOP_SECONDS, (size_t)width, v->blocks, line);
	top_view__put(v, y, x, width, line);
}

/* --- colours --------------------------------------------------------------------------------------- */

void top_view__init_colours(void)
{
	start_color();
	use_default_colors();
	init_pair(TOP_GOOD, COLOR_GREEN, -1);
	init_pair(TOP_BAD, COLOR_RED, -1);
	init_pair(TOP_CHANGING, COLOR_YELLOW, -1);
}

static attr_t paint(const struct top_view *v, enum top_colour colour)
{
	return v->colours && colour != TOP_PLAIN ? COLOR_PAIR(colour) : A_NORMAL;
}

attr_t top_view__state(const struct top_view *v, const char *state)
{
	if (!strcmp(state, "up") || !strcmp(state, "ok"))
		return paint(v, TOP_GOOD);
	if (!strcmp(state, "down") || !strcmp(state, "disabled") || !strcmp(state, "no backend") ||
	    !strcmp(state, "unserved slots") || !strcmp(state, "panic"))
		return paint(v, TOP_BAD) | A_BOLD;
	return paint(v, TOP_CHANGING);
}

/* --- a table --------------------------------------------------------------------------------------- */

/* Where each column stands; 0 cells: there is no room for it. */
struct layout {
	int x[MOST_COLUMNS], width[MOST_COLUMNS];
};

static int least(const struct top_column *c)
{
	return c->width ? c->width : LEAST_TRAIL;
}

static bool is_shown(const struct top_column *c, int rank, bool all)
{
	return c->rank <= rank && (all || !c->of_all);
}

/* Columns whose rank is up to `rank`: what they need at least, and how many of them would take more. */
static int needed(const struct top_column *c, size_t n, int rank, bool all, int *elastic)
{
	int cells = 0;

	*elastic = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_shown(&c[i], rank, all))
			continue;
		cells += (cells ? GAP : 0) + least(&c[i]);
		*elastic += !c[i].width;
	}
	return cells;
}

/* `all`: rows are of several services. */
static void lay_out(const struct top_column *c, size_t n, int room, bool all, struct layout *l)
{
	int rank = 0, elastic, spare, x = 0;

	/* As many as there is room for, in the order of their ranks. */
	while (rank < MOST_COLUMNS && needed(c, n, rank + 1, all, &elastic) <= room)
		rank++;
	spare = room - needed(c, n, rank, all, &elastic);
	for (size_t i = 0; i < n; i++) {
		l->width[i] = is_shown(&c[i], rank, all) ? least(&c[i]) : 0;
		if (!l->width[i])
			continue;
		if (!c[i].width && spare > 0) {
			int more = spare / elastic--;

			/* A trail has no more than its seconds. */
			if (c[i].trail && l->width[i] + more > TOP_SECONDS)
				more = TOP_SECONDS - l->width[i];
			l->width[i] += more;
			spare -= more;
		}
		l->x[i] = x;
		x += l->width[i] + GAP;
	}
	/* The names get what nobody else takes. */
	if (spare <= 0)
		return;
	l->width[0] += spare;
	for (size_t i = 1; i < n; i++)
		l->x[i] += spare;
}

static void draw_titles(const struct top_view *v, const struct top_column *c, size_t n,
			const struct layout *l, const struct top_table *t)
{
	char title[32];

	wattron(v->window, A_REVERSE);
	top_view__put(v, HEAD, 0, getmaxx(v->window), "");
	for (size_t i = 0; i < n; i++) {
		if (!l->width[i])
			continue;
		/* The arrow shows which way it runs. */
		snprintf(title, sizeof(title), "%s%s", c[i].title,
			 i != t->sort			       ? ""
			 : t->reverse == (c[i].number != NULL) ? "^"
							       : "v");
		if (i == t->sort)
			wattron(v->window, A_BOLD);
		if (c[i].left)
			top_view__put(v, HEAD, l->x[i], l->width[i] + 1, title);
		else
			top_view__put_right(v, HEAD, l->x[i] - 1, l->width[i] + 1, title);
		wattroff(v->window, A_BOLD);
	}
	wattroff(v->window, A_REVERSE);
}

static void draw_row(const struct top_view *v, const struct top_model *m, int y,
		     const struct top_row *r, bool chosen, enum top_page page,
		     const struct layout *l)
{
	size_t n;
	const struct top_column *c = top_rows__columns(page, &n);
	char text[TOP_CELL];

	if (chosen) {
		wattron(v->window, A_REVERSE);
		top_view__put(v, y, 0, getmaxx(v->window), "");
	}
	for (size_t i = 0; i < n; i++) {
		attr_t state;

		if (!l->width[i])
			continue;
		if (c[i].trail) {
			top_view__put_trail(v, m, y, l->x[i], l->width[i], c[i].trail(r));
			continue;
		}
		top_column__text(&c[i], r, text);
		state = c[i].state && !chosen ? top_view__state(v, text) : A_NORMAL;
		wattron(v->window, state);
		if (c[i].left)
			top_view__put(v, y, l->x[i], l->width[i], text);
		else
			top_view__put_right(v, y, l->x[i], l->width[i], text);
		wattroff(v->window, state);
	}
	wattroff(v->window, A_REVERSE);
}

static void draw_table(const struct top_view *v, const struct top_model *m, struct top_ui *ui)
{
	const struct top_table *t = top_ui__table(ui);
	struct layout l = {0};
	size_t n;
	const struct top_column *c = top_rows__columns(ui->page, &n);

	lay_out(c, n, getmaxx(v->window), !ui->service[0], &l);
	draw_titles(v, c, n, &l, t);
	for (size_t i = 0; i < ui->height && t->first + i < ui->rows.n; i++)
		draw_row(v, m, HEAD + 1 + (int)i, &ui->rows.list[t->first + i],
			 t->first + i == t->at, ui->page, &l);
	if (!ui->rows.n)
		top_view__put(v, HEAD + 1, 0, getmaxx(v->window),
			      ui->rows.of ? "no row has that: Esc ends the filter"
			      : ui->page == TOP_COUNTS
				      ? "no packet was dropped, and nothing was noted"
				      : "there is none");
}

/* --- around it ------------------------------------------------------------------------------------- */

static void draw_head(const struct top_view *v, const struct top_model *m)
{
	char line[512], uptime[FORMAT_LEN], sent[FORMAT_LEN], bits[FORMAT_LEN], dropped[FORMAT_LEN];
	int width = getmaxx(v->window), trail = width >= 130 ? 30 : width >= 110 ? 20 : 10, at;

	snprintf(line, sizeof(line),
		 "fairlead top  %s %s  up %s  %zu service%s, %zu backend%s: %zu up, %zu not",
		 m->instance, m->version, format__duration(m->uptime_s, uptime), m->n_services,
		 m->n_services == 1 ? "" : "s", m->n_backends, m->n_backends == 1 ? "" : "s",
		 m->n_up, m->n_backends - m->n_up);
	wattron(v->window, A_BOLD);
	top_view__put(v, 0, 0, width, line);
	wattroff(v->window, A_BOLD);
	snprintf(line, sizeof(line), "to backends %5s pkt/s %5s bit/s ", format__si(m->sent, sent),
		 format__si(8 * m->sent_bytes, bits));
	at = (int)strlen(line);
	top_view__put(v, 1, 0, width, line);
	top_view__put_trail(v, m, 1, at, trail, &m->sent_trail);
	snprintf(line, sizeof(line), "  dropped %5s pkt/s ", format__si(m->dropped, dropped));
	top_view__put(v, 1, at + trail, width - at - trail, line);
	at += trail + (int)strlen(line);
	if (at + trail <= width)
		top_view__put_trail(v, m, 1, at, trail, &m->dropped_trail);
}

static void draw_title(const struct top_view *v, struct top_ui *ui)
{
	const struct top_table *t = top_ui__table(ui);
	char line[512];
	int n;

	if (ui->page == TOP_SERVICES)
		n = snprintf(line, sizeof(line), "services");
	else if (ui->page == TOP_COUNTS)
		n = snprintf(line, sizeof(line), "drops and notes");
	else if (ui->page == TOP_BACKEND)
		n = snprintf(line, sizeof(line), "backend %s of %s", ui->backend, ui->service);
	else if (ui->service[0])
		n = snprintf(line, sizeof(line), "backends of %s", ui->service);
	else
		n = snprintf(line, sizeof(line), "backends of all services");
	if (t)
		n += snprintf(line + n, sizeof(line) - (size_t)n, ": %zu", ui->rows.n);
	if (t && t->filter[0])
		snprintf(line + n, sizeof(line) - (size_t)n, " of %zu, filter /%s", ui->rows.of,
			 t->filter);
	wattron(v->window, A_BOLD);
	top_view__put(v, HEAD - 1, 0, getmaxx(v->window), line);
	wattroff(v->window, A_BOLD);
}

static void draw_foot(const struct top_view *v, struct top_ui *ui)
{
	const struct top_table *t = top_ui__table(ui);
	int y = getmaxy(v->window) - 1, width = getmaxx(v->window);
	char line[TOP_FILTER_LEN + 8];

	if (ui->editing && t) {
		snprintf(line, sizeof(line), "/%s", t->filter);
		top_view__put(v, y, 0, width, line);
		wmove(v->window, y, (int)strlen(line) < width ? (int)strlen(line) : width - 1);
		return;
	}
	if (v->trouble) {
		wattron(v->window, paint(v, TOP_BAD) | A_BOLD);
		top_view__put(v, y, 0, width, v->trouble);
		wattroff(v->window, paint(v, TOP_BAD) | A_BOLD);
		return;
	}
	top_view__put(v, y, 0, width,
		      "q leave  ? help  Enter into  Esc back  / filter  < > r sort  s services  "
		      "b backends  d drops");
}

static void draw_help(const struct top_view *v)
{
	for (size_t i = 0; i < sizeof(help) / sizeof(*help); i++)
		top_view__put(v, HEAD + (int)i, 0, getmaxx(v->window), help[i]);
}

size_t top_view__height(const struct top_view *v)
{
	int height = getmaxy(v->window) - HEAD - 2; /* the titles and the foot */

	return height > 1 ? (size_t)height : 1;
}

void top_view__draw(const struct top_view *v, const struct top_model *m, struct top_ui *ui)
{
	werase(v->window);
	draw_head(v, m);
	draw_title(v, ui);
	if (ui->help)
		draw_help(v);
	else if (ui->page == TOP_BACKEND)
		top_view__backend(v, m, ui, HEAD);
	else
		draw_table(v, m, ui);
	draw_foot(v, ui);
	curs_set(ui->editing);
}
