/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What metrics tell of services and backends is a copy: a worker writes it while the loop goes on, changes what was
 * copied, and frees it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/metrics.h"
#include "plane/internal.h"

#define TARGETS 3
#define ROUNDS 200 /* that the worker writes the text while all is changed */

/* Two services: "web" has all targets, "dns" the first one only. */
struct world {
	struct agent *agent;
	struct config_service configs[2];
	struct service *services[2];
	struct target *targets[TARGETS];
};

static struct target *new_target(struct world *w, uint32_t index)
{
	struct target *t = calloc(1, sizeof(*t));
	struct addr address;
	char text[32];

	snprintf(text, sizeof(text), "192.0.2.%u", index);
	assert_int_equal(addr__parse(text, &address), 0);
	memcpy(t->entry.addr, address.b, sizeof(t->entry.addr));
	snprintf(t->entry.id, sizeof(t->entry.id), "b%u", index);
	t->index = index;
	t->rate.at_ns = 1;
	t->rate.last = (struct fl_count){.packets = 100 + index, .bytes = 1000 + index};
	w->agent->by_index[index] = t;
	return t;
}

static struct service *new_service(struct world *w, size_t i, const char *name, size_t members)
{
	struct service *s = calloc(1, sizeof(*s));
	struct config_service *c = &w->configs[i];

	snprintf(s->name, sizeof(s->name), "%s", name);
	assert_int_equal(addr__parse_net("198.51.100.1", &c->vip), 0);
	c->port = c->port_last = 80;
	c->proto = IPPROTO_TCP;
	s->agent = w->agent;
	s->config = c;
	s->rate.at_ns = 1;
	s->rate.last.packets = 7;
	s->seats = calloc(1, sizeof(*s->seats));
	s->members = calloc(members, sizeof(struct member *));
	TAILQ_INIT(&s->retired);
	for (; s->n_members < members; s->n_members++) {
		struct member *m = calloc(1, sizeof(*m));

		m->service = s;
		m->target = w->targets[s->n_members];
		m->health.state = m->health.ruled = FL_HEALTH_UP;
		m->weight = 100;
		m->parts = TABLE_PARTS / 2;
		s->members[s->n_members] = m;
	}
	TAILQ_INSERT_TAIL(&w->agent->services, s, entry);
	return s;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->agent = calloc(1, sizeof(*w->agent));
	w->agent->plane = calloc(1, sizeof(struct plane));
	TAILQ_INIT(&w->agent->services);
	for (uint32_t i = 0; i < TARGETS; i++)
		w->targets[i] = new_target(w, i + 1);
	w->services[0] = new_service(w, 0, "web", TARGETS);
	w->services[1] = new_service(w, 1, "dns", 1);
	*state = w;
	return 0;
}

static void free_world(struct world *w)
{
	for (size_t i = 0; i < 2; i++) {
		struct service *s = w->services[i];

		while (s->n_members)
			free(s->members[--s->n_members]);
		free(s->members);
		free(s->seats);
		free(s);
	}
	for (size_t i = 0; i < TARGETS; i++) {
		free(w->targets[i]->labels);
		free(w->targets[i]);
	}
	free(w->agent->plane);
	free(w->agent);
	free(w);
}

static int teardown(void **state)
{
	if (*state)
		free_world(*state);
	return 0;
}

/* For free(). */
static char *text_of(const struct listing *l)
{
	struct prom out = {.room = 0};

	listing__write(l, &out);
	assert_false(out.failed);
	out.text = realloc(out.text, out.len + 1);
	out.text[out.len] = '\0';
	return out.text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("'%s' is not in:\n%s", line, text);
}

static void test_text(void **state)
{
	struct world *w = *state;
	struct listing *l = listing__take(w->agent);
	char *text = text_of(l);

	assert_has(text,
		   "\nfairlead_service_info{service=\"dns\",vip=\"198.51.100.1\",ports=\"80\","
		   "protocol=\"tcp\",forward=\"l2\"} 1\n");
	assert_has(text, "\nfairlead_service_backends{service=\"web\",state=\"up\"} 3\n");
	assert_has(text, "\nfairlead_service_backends{service=\"dns\",state=\"down\"} 0\n");
	assert_has(text,
		   "\nfairlead_backend_state{service=\"web\",backend=\"b3\",state=\"up\"} 1\n");
	assert_has(text, "\nfairlead_backend_info{service=\"dns\",backend=\"b1\","
			 "address=\"192.0.2.1\",entry=\"1\"} 1\n");
	assert_has(text, "\nfairlead_backend_weight_ratio{service=\"web\",backend=\"b1\"} 0.5\n");
	assert_has(text, "\nfairlead_backend_packets_total{backend=\"b2\",address=\"192.0.2.2\","
			 "entry=\"2\"} 102\n");
	/* Nobody watches, and no probe has ended. */
	assert_null(strstr(text, "syns"));
	assert_null(strstr(text, "fairlead_backend_probe_success{"));
	free(text);
	listing__free(l);
}

struct worker {
	pthread_t thread;
	const struct listing *listing;
	const char *expected;
	unsigned int wrong;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		char *text = text_of(w->listing);

		w->wrong += strcmp(text, w->expected) != 0;
		free(text);
	}
	return NULL;
}

/* All that there may be to change, as long as others look on. */
static void change(struct world *w, unsigned int round)
{
	for (size_t i = 0; i < 2; i++) {
		struct service *s = w->services[i];

		snprintf(s->name, sizeof(s->name), "s%u", round);
		timing__add(&s->probe_times, round * UINT64_C(1000));
		s->rate.last.packets = round;
		w->configs[i].port = (uint16_t)round;
		for (size_t j = 0; j < s->n_members; j++) {
			s->members[j]->health.ruled = round % 2 ? FL_HEALTH_DOWN : FL_HEALTH_UP;
			s->members[j]->weight = round;
		}
	}
	for (size_t i = 0; i < TARGETS; i++) {
		snprintf(w->targets[i]->entry.id, sizeof(w->targets[i]->entry.id), "t%u", round);
		w->targets[i]->rate.last.packets = round;
	}
}

static void test_copy(void **state)
{
	struct world *w = *state;
	struct listing *l = listing__take(w->agent);
	char *expected = text_of(l);
	struct worker worker = {.listing = l, .expected = expected};
	struct listing *later;
	char *text;

	assert_int_equal(pthread_create(&worker.thread, NULL, work, &worker), 0);
	for (unsigned int i = 0; i < 10 * ROUNDS; i++)
		change(w, i);
	/* Who asks now gets what is now, made beside the first one. */
	later = listing__take(w->agent);
	text = text_of(later);
	assert_has(text, "\nfairlead_service_backends_usable{service=\"s1999\"} 0\n");
	free(text);
	listing__free(later);
	free_world(w);
	*state = NULL;
	pthread_join(worker.thread, NULL);
	assert_int_equal(worker.wrong, 0);
	free(expected);
	listing__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
