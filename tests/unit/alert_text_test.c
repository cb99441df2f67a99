/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How an alert is written: JSON, templates, the environment of a program; and whom it concerns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert/alert.h"
#include "config/template.h"

static const struct alert_origin origin = {.host = "lb1", .instance = "main", .run = 0xabc};

static const struct alert down = {
	.status = ALERT_FIRING,
	.severity = CONFIG_WARNING,
	.count = 3,
	.number = 7,
	.event = {.kind = JOURNAL_BACKEND,
		  .at_ms = 951782400123, /* a leap day */
		  .service = "web",
		  .backend = "b\"1",
		  .from = "up",
		  .to = "down",
		  .detail = "says \"no\"\\\n}{service}"},
};

static json_t *body(const struct alert *a, const char *template)
{
	size_t len;
	char *text = alert__body(a, &origin, template, &len);
	json_t *o;

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	o = json_loads(text, JSON_DECODE_ANY, NULL);
	free(text);
	assert_non_null(o);
	return o;
}

static void assert_member(const json_t *o, const char *key, const char *want)
{
	const json_t *v = json_object_get(o, key);

	if (!want)
		assert_true(json_is_null(v));
	else
		assert_string_equal(json_string_value(v), want);
}

static void test_plain(void **state)
{
	json_t *o = body(&down, NULL);

	(void)state;
	assert_int_equal(json_object_size(o), CONFIG_ALERT_FIELDS);
	assert_member(o, "id", "abc-7");
	assert_member(o, "status", "firing");
	assert_member(o, "severity", "warning");
	assert_member(o, "kind", "backend");
	assert_member(o, "service", "web");
	assert_member(o, "backend", "b\"1");
	assert_member(o, "subject", NULL);
	assert_member(o, "was", "up");
	assert_member(o, "is", "down");
	assert_member(o, "reason", down.event.detail);
	assert_member(o, "time", "2000-02-29T00:00:00.123Z");
	assert_member(o, "host", "lb1");
	assert_member(o, "instance", "main");
	assert_member(o, "text", "backend b\"1 of service web is down: says \"no\"\\\n}{service}");
	assert_int_equal(json_integer_value(json_object_get(o, "count")), 3);
	json_decref(o);
}

/* Values are escaped by where they stand, and are not templates themselves. */
static void test_template(void **state)
{
	json_t *o = body(&down, "{\"a\": \"<{reason}> \\\"{is}\\\" \\\\{was}\", \"b\": {reason}, "
				"\"c\": {count}, \"d\": {subject}, \"e\": \"{subject}{count}\", "
				"\"{kind}\": [{}, {service}]}");

	(void)state;
	assert_member(o, "a", "<says \"no\"\\\n}{service}> \"down\" \\up");
	assert_member(o, "b", down.event.detail);
	assert_int_equal(json_integer_value(json_object_get(o, "c")), 3);
	assert_member(o, "d", NULL);
	assert_member(o, "e", "3");
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "backend"), 1)),
			    "web");
	json_decref(o);
}

/* Whatever bytes a value has, the JSON around it stays what it was. */
static void test_any_value(void **state)
{
	struct alert a = down;

	(void)state;
	for (unsigned int x = 1; x < 128; x++) {
		for (unsigned int y = 1; y < 128; y++) {
			char want[16];
			json_t *o;

			snprintf(a.event.to, sizeof(a.event.to), "%c%c", (int)x, (int)y);
			snprintf(want, sizeof(want), "|%c%c|", (int)x, (int)y);
			o = body(&a, "[\"|{is}|\",{is}]");
			assert_int_equal(json_array_size(o), 2);
			assert_string_equal(json_string_value(json_array_get(o, 0)), want);
			assert_string_equal(json_string_value(json_array_get(o, 1)), a.event.to);
			json_decref(o);
		}
	}
}

static void test_check(void **state)
{
	const struct template_value values[] = {{"is", "x", false}, {"count", "1", true}};
	struct err err;

	(void)state;
	assert_int_equal(template__check("{\"is\": {is}, \"n\": [{count}]}", values, 2, &err), 0);
	assert_int_equal(template__check("\"{is}\"", values, 2, &err), 0);
	assert_int_equal(template__check("{\"a\": \"{was}\"}", values, 2, &err), -EINVAL);
	assert_string_equal(err.text, "has a place {was}, known are: is, count");
	assert_int_equal(template__check("{\"a\": {is}", values, 2, &err), -EINVAL);
	assert_non_null(strstr(err.text, "is not JSON: line 1, column "));
	assert_int_equal(template__check("{\"a\": x{is}}", values, 2, &err), -EINVAL);
	assert_int_equal(template__check("", values, 2, &err), -EINVAL);
}

static const char *variable(char **env, const char *name)
{
	size_t len = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

static void test_environment(void **state)
{
	char **env = alert__environment(&down, &origin);
	size_t n = 0;

	(void)state;
	assert_non_null(env);
	while (env[n])
		n++;
	assert_int_equal(n, CONFIG_ALERT_FIELDS + 1);
	assert_non_null(variable(env, "PATH"));
	assert_string_equal(variable(env, "FAIRLEAD_REASON"), down.event.detail);
	assert_string_equal(variable(env, "FAIRLEAD_SUBJECT"), "");
	assert_string_equal(variable(env, "FAIRLEAD_COUNT"), "3");
	assert_string_equal(variable(env, "FAIRLEAD_TEXT"),
			    "backend b\"1 of service web is down: says \"no\"\\\n}{service}");
	free(env);
}

static const char *text_of(const struct alert *a)
{
	static char text[512];

	return alert__text(a, text, sizeof(text));
}

static void test_texts(void **state)
{
	struct alert a = {.status = ALERT_RESOLVED, .count = 4};

	(void)state;
	a.event = (struct journal_event){.kind = JOURNAL_PEER, .subject = "lb2", .to = "up"};
	assert_string_equal(text_of(&a), "peer lb2 is up after 4 times");
	a.count = 1;
	assert_string_equal(text_of(&a), "peer lb2 is up");
	a.status = ALERT_EVENT;
	a.event = (struct journal_event){.kind = JOURNAL_OPERATOR,
					 .service = "web",
					 .backend = "b1",
					 .subject = "drain",
					 .detail = "is draining"};
	assert_string_equal(text_of(&a), "backend b1 of service web: drain: is draining");
	a.event = (struct journal_event){
		.kind = JOURNAL_STATE, .service = "web", .to = "not serving"};
	assert_string_equal(text_of(&a), "service web is not serving");
	a.event = (struct journal_event){.kind = JOURNAL_CONFIG, .to = "refused", .detail = "why"};
	assert_string_equal(text_of(&a), "config is refused: why");
}

static void test_concerns(void **state)
{
	char *names[] = {(char *)"web", (char *)"dns"};
	struct config_alert c = {.name = "me", .kinds = JOURNAL_CHANGES};
	struct journal_event e = down.event;

	(void)state;
	assert_true(alert__concerns(&c, &e));
	c.kinds = 1u << JOURNAL_SERVICE;
	assert_false(alert__concerns(&c, &e));
	e.kind = JOURNAL_STATE;
	assert_false(alert__concerns(&c, &e));
	e.backend[0] = '\0';
	assert_true(alert__concerns(&c, &e));
	c.services = (struct config_words){names, 2};
	assert_true(alert__concerns(&c, &e));
	strcpy(e.service, "other");
	assert_false(alert__concerns(&c, &e));
	/* What is no service's is not for those who want some services'. */
	e.service[0] = '\0';
	assert_false(alert__concerns(&c, &e));
	/* Nobody hears of his own trouble. */
	c = (struct config_alert){.name = "me", .kinds = JOURNAL_CHANGES};
	e = (struct journal_event){.kind = JOURNAL_ALERT, .subject = "me"};
	assert_false(alert__concerns(&c, &e));
	strcpy(e.subject, "you");
	assert_true(alert__concerns(&c, &e));
}

/* A first role is no change of roles. */
static void test_vrrp(void **state)
{
	struct journal_event e = {.kind = JOURNAL_VRRP, .from = "backup", .to = "active"};

	(void)state;
	assert_int_equal(alert__meaning(&e).severity, CONFIG_WARNING);
	assert_int_equal(alert__meaning(&e).role, ALERT_NEWS);
	strcpy(e.from, "initialize");
	assert_int_equal(alert__meaning(&e).severity, CONFIG_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	    cmocka_unit_test(test_template),
		cmocka_unit_test(test_any_value),   cmocka_unit_test(test_check),
		cmocka_unit_test(test_environment), cmocka_unit_test(test_texts),
		cmocka_unit_test(test_concerns),    cmocka_unit_test(test_vrrp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
