/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `fairlead top` makes of answers and of keys, without a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curses.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/top_spark.h"
#include "cli/top_ui.h"

#define NAMES_OF_TWO                                                                                \
	"\"layout\": \"a\", \"names\": {\"instance\": \"main\", \"version\": \"1\","                \
	" \"states\": [\"up\", \"down\"], \"services\": ["                                          \
	"  {\"name\": \"web\", \"vip\": \"192.0.2.1\", \"ports\": \"80\", \"protocol\": \"tcp\","   \
	"   \"forward\": \"l2\", \"slots\": 100, \"backends\": {\"id\": [\"b1\", \"b2\", \"b3\"],"  \
	"   \"address\": [\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"], \"port\": [0, 0, 8080]}},"     \
	"  {\"name\": \"dns\", \"vip\": \"2001:db8::1\", \"ports\": \"53\", \"protocol\": \"udp\"," \
	"   \"forward\": \"nat\", \"slots\": 100, \"backends\": {\"id\": [\"b1\"],"                 \
	"   \"address\": [\"2001:db8::2\"], \"port\": [0]}}],"                                      \
	" \"verdicts\": [{\"name\": \"sent\", \"action\": \"send\", \"text\": \"was sent\"},"       \
	"  {\"name\": \"drop_a\", \"action\": \"drop\", \"text\": \"of a\"},"                       \
	"  {\"name\": \"drop_b\", \"action\": \"drop\", \"text\": \"of b\"},"                       \
	"  {\"name\": \"pass_c\", \"action\": \"pass\", \"text\": \"of c\"}],"                      \
	" \"notes\": [{\"name\": \"note_n\", \"text\": \"of n\"}]}"

#define STATES_OF_TWO                                                                   \
	"\"known\": \"s\", \"states\": ["                                               \
	" {\"state\": [0, 1, 0], \"since_s\": [900, 990, 995], \"slots\": [60, 0, 40]," \
	"  \"probes_failed\": [0, 5, 0]},"                                              \
	" {\"state\": [0], \"since_s\": [900], \"slots\": [100], \"probes_failed\": [0]}]"

#define RATES(packets)                                                                                 \
	"\"now_s\": 1000, \"uptime_s\": 12.5, \"services\": ["                                         \
	" {\"packets_per_s\": 30, \"bytes_per_s\": 3000, \"usable\": 2, \"slots_unserved\": 0,"        \
	"  \"moving\": 7, \"pinned\": 0, \"panic\": false, \"backends\": {\"packets_per_s\": " packets \
	", \"bytes_per_s\": [1000, 0, 2000], \"connections_per_s\": [1, 0, 2],"                        \
	"  \"probe_us\": [500, 900, -1]}},"                                                            \
	" {\"packets_per_s\": 5, \"bytes_per_s\": 500, \"usable\": 1, \"slots_unserved\": 100,"        \
	"  \"moving\": 0, \"pinned\": 0, \"panic\": false, \"backends\": {\"packets_per_s\": [5],"     \
	"  \"bytes_per_s\": [500], \"connections_per_s\": null, \"probe_us\": [100]}}],"               \
	"\"verdicts\": {\"packets\": [100, 7, 0, 9], \"packets_per_s\": [35, 2, 0, 1],"                \
	" \"bytes_per_s\": [3500, 200, 0, 100]},"                                                      \
	"\"notes\": {\"packets\": [3], \"packets_per_s\": [1], \"bytes_per_s\": [0]}"

#define FIRST "{" NAMES_OF_TWO ", " STATES_OF_TWO ", " RATES("[10, 0, 20]") "}"
#define SAME "\"layout\": \"a\", \"names\": null"
#define SECOND "{" SAME ", \"known\": \"s\", \"states\": null, " RATES("[40, 0, 50]") "}"

static int take(struct top_model *m, const char *text)
{
	json_error_t error;
	json_t *answer = json_loads(text, 0, &error);
	struct err err = {0};
	int rc;

	if (!answer)
		fail_msg("%s in %s", error.text, text);
	rc = top_model__take(m, answer, &err);
	json_decref(answer);
	if (rc)
		assert_string_not_equal(err.text, "");
	return rc;
}

static struct top_model model(const char *text)
{
	struct top_model m;

	top_model__init(&m);
	assert_int_equal(take(&m, text), 0);
	return m;
}

static float last(const struct top_model *m, const struct top_trail *t, unsigned int ago)
{
	float values[TOP_SECONDS];

	top_model__trail(m, t, values);
	return values[TOP_SECONDS - 1 - ago];
}

static void test_figures(void **state)
{
	struct top_model m = model(FIRST);
	const struct top_service *web = top_model__service(&m, "web"),
				 *dns = top_model__service(&m, "dns");
	const struct top_backend *b2 = top_service__backend(web, "b2");

	(void)state;
	assert_string_equal(m.layout, "a");
	assert_string_equal(m.known, "s");
	assert_int_equal(m.n_backends, 4);
	assert_int_equal(m.n_up, 3);
	assert_true(m.sent == 35 && m.sent_bytes == 3500 && m.dropped == 2);
	assert_int_equal(web->up, 2);
	assert_int_equal(web->of, 3);
	assert_int_equal(web->moving, 7);
	assert_true(web->connections == 3);
	assert_true(isnan(dns->connections) && isnan(dns->backends[0].connections));
	assert_string_equal(b2->state, "down");
	assert_int_equal(b2->age_s, 10);
	assert_int_equal(web->backends[2].port, 8080);
	assert_null(top_model__service(&m, "we"));
	assert_null(top_service__backend(dns, "b2"));
	top_model__free(&m);
}

/* What is not told of again stays, and ages; a second without an answer is a hole. */
static void test_trails(void **state)
{
	struct top_model m = model(FIRST);
	const struct top_backend *b1 = &m.services[0].backends[0], *b2 = b1 + 1;

	(void)state;
	assert_true(isnan(last(&m, &b1->packets_trail, 1)));
	assert_int_equal(take(&m, SECOND), 0);
	assert_string_equal(b2->state, "down");
	top_model__miss(&m);
	assert_true(last(&m, &b1->packets_trail, 2) == 10);
	assert_true(last(&m, &b1->packets_trail, 1) == 40);
	assert_true(isnan(last(&m, &b1->packets_trail, 0)));
	assert_true(b1->packets == 40);
	assert_true(last(&m, &b1->probe_trail, 1) == 500);
	assert_true(isnan(last(&m, &m.services[0].backends[2].probe_trail, 1)));
	for (int i = 0; i < TOP_SECONDS; i++)
		assert_int_equal(take(&m, SECOND), 0);
	assert_true(last(&m, &b1->packets_trail, TOP_SECONDS - 1) == 40);
	top_model__free(&m);
}

/* Only a count that rose while it was looked at is a failure of that second. */
static void test_failures(void **state)
{
	struct top_model m = model(FIRST);
	const struct top_backend *b = m.services[0].backends;

	(void)state;
	assert_true(last(&m, &b[1].probe_trail, 0) == 900);
	assert_int_equal(take(&m,
			      "{" SAME ", \"known\": \"t\", \"states\": ["
			      "{\"state\": [0, 0, 0], \"since_s\": [1, 1, 1], \"slots\": [1, 1, 1],"
			      " \"probes_failed\": [1, 5, 0]}, {\"state\": [0], \"since_s\": [1],"
			      " \"slots\": [1], \"probes_failed\": [0]}], " RATES("[0, 0, 0]") "}"),
			 0);
	assert_true(last(&m, &b[0].probe_trail, 0) < 0);
	assert_true(last(&m, &b[1].probe_trail, 0) == 900);
	assert_string_equal(b[1].state, "up");
	assert_int_equal(take(&m, SECOND), 0);
	assert_true(last(&m, &b[0].probe_trail, 0) == 500);
	assert_true(last(&m, &b[0].probe_trail, 1) < 0);
	top_model__free(&m);
}

/* Other services and backends: who was there before is the same still. */
static void test_layout(void **state)
{
	struct top_model m = model(FIRST);
	const struct top_service *web;

	(void)state;
	assert_int_equal(
		take(&m,
		     "{\"layout\": \"b\", \"names\": {\"instance\": \"main\", \"version\": \"1\","
		     " \"states\": [\"up\", \"down\"], \"services\": [{\"name\": \"new\"}, "
		     "{\"name\": \"web\", \"slots\": 100, \"backends\": {\"id\": [\"b4\", \"b3\"],"
		     " \"address\": [\"10.0.0.4\", \"10.0.0.3\"], \"port\": [0, 0]}}],"
		     " \"verdicts\": [{\"name\": \"drop_b\", \"action\": \"drop\", \"text\": \"\"},"
		     " {\"name\": \"drop_a\", \"action\": \"drop\", \"text\": \"\"}], \"notes\": []},"
		     " \"known\": \"u\", \"states\": [{}, {\"state\": [1, 0], \"since_s\": [1, 1],"
		     " \"slots\": [1, 1], \"probes_failed\": [3, 0]}], \"services\": [{}, "
		     "{\"packets_per_s\": 9, \"backends\": {\"packets_per_s\": [4, 5]}}],"
		     " \"verdicts\": {\"packets\": [8, 8], \"packets_per_s\": [1, 6]}}"),
		0);
	assert_int_equal(m.n_services, 2);
	web = top_model__service(&m, "web");
	assert_true(last(&m, &web->packets_trail, 1) == 30);
	assert_true(last(&m, &web->backends[1].packets_trail, 1) == 20);
	assert_true(last(&m, &web->backends[1].packets_trail, 0) == 5);
	assert_true(isnan(last(&m, &web->backends[0].packets_trail, 1)));
	assert_true(last(&m, &m.counts[1].trail, 1) == 2);
	assert_true(last(&m, &m.counts[0].trail, 1) == 0);
	top_model__free(&m);
}

static void test_strangers(void **state)
{
	static const char *const wrong[] = {
		"{}",
		"{" SAME ", \"known\": \"s\", \"services\": []}",
		"{" SAME ", \"known\": \"s\", \"services\": [{}, {}]}",
		"{" SAME ", \"known\": \"s\", \"states\": [{}], " RATES("[1, 2, 3]") "}",
		"{" SAME ", \"known\": \"s\", " RATES("[1, 2]") "}",
		"{\"layout\": \"b\", \"names\": {\"services\": [{\"backends\": {\"id\": [1]}}]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct top_model m = model(FIRST);

		assert_int_equal(take(&m, wrong[i]), -EBADMSG);
		assert_string_equal(m.layout, "");
		assert_int_equal(take(&m, FIRST), 0);
		assert_true(last(&m, &m.services[0].packets_trail, 1) == 30);
		top_model__free(&m);
	}
}

/* --- rows ------------------------------------------------------------------------------------------ */

static size_t column(enum top_page page, const char *title)
{
	size_t n, i = 0;
	const struct top_column *c = top_rows__columns(page, &n);

	while (i < n && strcmp(c[i].title, title) != 0)
		i++;
	assert_true(i < n);
	return i;
}

/* The names of the rows, with spaces between them. */
static void check_rows(const struct top_model *m, enum top_page page, const char *service,
		       const char *filter, const char *sort, bool reverse, const char *expected)
{
	const struct top_query q = {.page = page,
				    .service = service,
				    .filter = filter,
				    .sort = column(page, sort),
				    .reverse = reverse};
	struct top_rows r = {0};
	char got[256] = "";

	assert_int_equal(top_rows__fill(&r, m, &q), 0);
	for (size_t i = 0; i < r.n; i++) {
		const struct top_row *row = &r.list[i];
		size_t at = strlen(got);

		snprintf(got + at, sizeof(got) - at, "%s%s%s%s", i ? " " : "",
			 row->service ? row->service->name : "", row->backend ? "/" : "",
			 top_row__name(row));
	}
	assert_string_equal(got, expected);
	top_rows__free(&r);
}

static void test_rows(void **state)
{
	struct top_model m = model(FIRST);

	(void)state;
	check_rows(&m, TOP_SERVICES, "", "", "PKT/S", false, "web dns");
	check_rows(&m, TOP_SERVICES, "", "", "PKT/S", true, "dns web");
	check_rows(&m, TOP_SERVICES, "", "", "SERVICE", false, "dns web");
	check_rows(&m, TOP_SERVICES, "", "", "UP", false, "web dns");
	check_rows(&m, TOP_SERVICES, "", "", "STATE", false, "dns web");
	check_rows(&m, TOP_SERVICES, "", "", "NEW/S", false, "web dns");
	check_rows(&m, TOP_SERVICES, "", "", "NEW/S", true, "web dns");
	check_rows(&m, TOP_SERVICES, "", "", "SERVICE", true, "web dns");
	check_rows(&m, TOP_SERVICES, "", "moving", "PKT/S", false, "web");
	check_rows(&m, TOP_SERVICES, "", "NO BACK", "PKT/S", false, "dns");
	check_rows(&m, TOP_SERVICES, "", "2001:DB8", "PKT/S", false, "dns");
	check_rows(&m, TOP_SERVICES, "", "nobody", "PKT/S", false, "");
	check_rows(&m, TOP_BACKENDS, "web", "", "STATE", false, "web/b2 web/b1 web/b3");
	check_rows(&m, TOP_BACKENDS, "web", "", "PKT/S", false, "web/b3 web/b1 web/b2");
	check_rows(&m, TOP_BACKENDS, "web", "", "SHARE", false, "web/b1 web/b3 web/b2");
	check_rows(&m, TOP_BACKENDS, "web", "", "SINCE", false, "web/b3 web/b2 web/b1");
	check_rows(&m, TOP_BACKENDS, "web", "", "PROBE", false, "web/b2 web/b1 web/b3");
	check_rows(&m, TOP_BACKENDS, "", "", "NEW/S", false, "web/b3 web/b1 web/b2 dns/b1");
	check_rows(&m, TOP_BACKENDS, "", "b1", "BACKEND", false, "web/b1 dns/b1");
	check_rows(&m, TOP_BACKENDS, "", "down", "BACKEND", false, "web/b2");
	check_rows(&m, TOP_BACKENDS, "web", "10.0.0.3:8080", "BACKEND", false, "web/b3");
	/* drop_b has never been, and pass_c is no drop. */
	check_rows(&m, TOP_COUNTS, "", "", "PKT/S", false, "drop_a note_n");
	check_rows(&m, TOP_COUNTS, "", "", "TOTAL", true, "note_n drop_a");
	check_rows(&m, TOP_COUNTS, "", "of n", "PKT/S", false, "note_n");
	top_model__free(&m);
}

static void test_cells(void **state)
{
	static const struct {
		enum top_page page;
		const char *title, *text;
	} cells[] = {
		{TOP_BACKENDS, "ADDRESS", "10.0.0.3:8080"},
		{TOP_BACKENDS, "SHARE", "40.0%"},
		{TOP_BACKENDS, "SINCE", "5s"},
		{TOP_BACKENDS, "PROBE", "-"},
		{TOP_BACKENDS, "PKT/S", "20"},
		{TOP_BACKENDS, "BIT/S", "16.0k"},
		{TOP_SERVICES, "ADDRESS", "192.0.2.1:80/tcp"},
		{TOP_SERVICES, "UP", "2/3"},
		{TOP_SERVICES, "STATE", "7 moving"},
	};
	struct top_model m = model(FIRST);
	const struct top_row r = {.service = &m.services[0], .backend = &m.services[0].backends[2]};
	const struct top_row dns = {.service = &m.services[1]};
	char text[TOP_CELL];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
		const struct top_column *c = top_rows__columns(cells[i].page, &n);

		top_column__text(&c[column(cells[i].page, cells[i].title)], &r, text);
		assert_string_equal(text, cells[i].text);
	}
	top_column__text(&top_rows__columns(TOP_SERVICES, &n)[column(TOP_SERVICES, "NEW/S")], &dns,
			 text);
	assert_string_equal(text, "-");
	top_column__text(&top_rows__columns(TOP_SERVICES, &n)[column(TOP_SERVICES, "ADDRESS")],
			 &dns, text);
	assert_string_equal(text, "[2001:db8::1]:53/udp");
	top_model__free(&m);
}

/* --- keys ------------------------------------------------------------------------------------------ */

/* Presses them one after the other; true: one of them leaves. */
static bool press(struct top_ui *ui, const struct top_model *m, const char *keys)
{
	bool ends = false;

	for (; *keys; keys++) {
		int key = *keys == 'U'	 ? KEY_UP
			  : *keys == 'D' ? KEY_DOWN
			  : *keys == '$' ? TOP_ESCAPE
					 : *keys;

		ends |= top_ui__key(ui, key);
		assert_int_equal(top_ui__update(ui, m), 0);
	}
	return ends;
}

static struct top_ui at_start(const struct top_model *m)
{
	struct top_ui ui;

	top_ui__init(&ui);
	ui.height = 2;
	assert_int_equal(top_ui__update(&ui, m), 0);
	return ui;
}

static void test_drill(void **state)
{
	struct top_model m = model(FIRST);
	struct top_ui ui = at_start(&m);

	(void)state;
	assert_false(press(&ui, &m, "\n"));
	assert_int_equal(ui.page, TOP_BACKENDS);
	assert_string_equal(ui.service, "web");
	assert_int_equal(ui.rows.n, 3);
	press(&ui, &m, "D\n");
	assert_int_equal(ui.page, TOP_BACKEND);
	assert_string_equal(ui.backend, "b1");
	press(&ui, &m, "$");
	assert_int_equal(ui.page, TOP_BACKENDS);
	assert_string_equal(ui.service, "web");
	assert_int_equal(ui.tables[TOP_BACKENDS].at, 1);
	press(&ui, &m, "$");
	assert_int_equal(ui.page, TOP_SERVICES);
	/* From all backends into one, and back to all. */
	press(&ui, &m, "b");
	assert_int_equal(ui.rows.n, 4);
	press(&ui, &m, "G\n");
	assert_string_equal(ui.service, "dns");
	assert_string_equal(ui.backend, "b1");
	press(&ui, &m, "$");
	assert_int_equal(ui.rows.n, 4);
	press(&ui, &m, "d");
	assert_int_equal(ui.page, TOP_COUNTS);
	press(&ui, &m, "\n?");
	assert_int_equal(ui.page, TOP_COUNTS);
	assert_true(ui.help);
	assert_false(press(&ui, &m, "s"));
	assert_false(ui.help);
	assert_int_equal(ui.page, TOP_COUNTS);
	assert_false(press(&ui, &m, "s"));
	assert_true(press(&ui, &m, "q"));
	top_ui__free(&ui);
	top_model__free(&m);
}

static void test_filter(void **state)
{
	struct top_model m = model(FIRST);
	struct top_ui ui = at_start(&m);

	(void)state;
	assert_false(press(&ui, &m, "b/quit"));
	assert_int_equal(ui.rows.n, 0);
	assert_int_equal(ui.rows.of, 4);
	press(&ui, &m,
	      "\b\b\b\b\b"
	      "b1");
	assert_int_equal(ui.rows.n, 2);
	press(&ui, &m, "D\n");
	assert_false(ui.editing);
	assert_int_equal(ui.tables[TOP_BACKENDS].at, 1);
	press(&ui, &m, "\n$");
	assert_int_equal(ui.rows.n, 2);
	press(&ui, &m, "$");
	assert_int_equal(ui.rows.n, 4);
	assert_int_equal(ui.page, TOP_BACKENDS);
	press(&ui, &m, "/b1$");
	assert_int_equal(ui.rows.n, 4);
	for (int i = 0; i < 2 * TOP_FILTER_LEN; i++)
		press(&ui, &m, i ? "x" : "/");
	assert_int_equal(strlen(ui.tables[TOP_BACKENDS].filter), TOP_FILTER_LEN - 1);
	top_ui__free(&ui);
	top_model__free(&m);
}

/* The row that was chosen is followed to where it goes; the screen follows it. */
static void test_chosen(void **state)
{
	struct top_model m = model(FIRST);
	struct top_ui ui = at_start(&m);
	struct top_table *t = &ui.tables[TOP_BACKENDS];

	(void)state;
	press(&ui, &m, "\n>>>");
	assert_string_equal(top_rows__columns(TOP_BACKENDS, &(size_t){0})[t->sort].title, "PKT/S");
	assert_string_equal(top_row__name(&ui.rows.list[t->at]), "b3");
	press(&ui, &m, "GU");
	assert_string_equal(top_row__name(&ui.rows.list[t->at]), "b1");
	press(&ui, &m, "r");
	assert_int_equal(t->at, 1);
	assert_int_equal(take(&m, "{" SAME ", \"known\": \"s\", " RATES("[90, 0, 50]") "}"), 0);
	assert_int_equal(top_ui__update(&ui, &m), 0);
	assert_int_equal(t->at, 2);
	assert_string_equal(top_row__name(&ui.rows.list[t->at]), "b1");
	assert_int_equal(t->first, 1);
	press(&ui, &m, "gU");
	assert_int_equal(t->first, 0);
	/* Trails are no order. */
	for (int i = 0; i < 30; i++) {
		press(&ui, &m, i % 3 ? "<" : ">");
		assert_null(top_rows__columns(TOP_BACKENDS, &(size_t){0})[t->sort].trail);
	}
	top_ui__free(&ui);
	top_model__free(&m);
}

/* --- lines ----------------------------------------------------------------------------------------- */

static void check_spark(const float *values, size_t n, size_t width, const char *expected)
{
	char line[SPARK_LEN];

	spark__draw(values, n, width, false, line);
	assert_string_equal(line, expected);
}

static void test_spark(void **state)
{
	const float rise[] = {0, 1, 2, 3, 4, 5, 6, 7, 7}, holes[] = {NAN, 0, -1, 100},
		    none[] = {0, 0};
	float minute[60];
	char line[SPARK_LEN];
	double least, mean, most;

	(void)state;
	check_spark(rise, 8, 8, "_.:-=+*#");
	check_spark(rise, 8, 100, "_.:-=+*#");
	check_spark(rise, 8, 4, ".-+#");
	check_spark(holes, 4, 4, " _x#");
	check_spark(holes, 4, 2, "_x");
	check_spark(none, 2, 2, "__");
	check_spark(rise, 8, 0, "");
	/* The least that is not 0 does not look like it. */
	check_spark((const float[]){0, 1, 100000}, 3, 3, "_.#");
	for (int i = 0; i < 60; i++)
		minute[i] = (float)(i % 8);
	assert_int_equal(spark__draw(minute, 60, 200, true, line), 60);
	assert_int_equal(strlen(line), 180);
	assert_int_equal(strncmp(line, "▁▂▃▄▅▆▇█▁", 27), 0);
	assert_true(spark__range(holes, 4, &least, &mean, &most));
	assert_true(least == 0 && mean == 50 && most == 100);
	assert_false(spark__range(holes, 1, &least, &mean, &most));
	assert_int_equal(spark__failures(holes, 4), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),	  cmocka_unit_test(test_trails),
		cmocka_unit_test(test_failures),  cmocka_unit_test(test_layout),
		cmocka_unit_test(test_strangers), cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cells),	  cmocka_unit_test(test_drill),
		cmocka_unit_test(test_filter),	  cmocka_unit_test(test_chosen),
		cmocka_unit_test(test_spark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
