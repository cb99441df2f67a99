/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mysql.c - logs in to MariaDB and MySQL, and asks whether they take writes and how far they are behind.
 *
 * By libmariadb. Its non-blocking calls (mysql_real_connect_start) wait for TLS in poll(2) all the same,
 * and what they have allocated is lost when one of them is not gone on with. So its usual calls run in a
 * fiber here, and each time the library has to wait it asks mysql_hooks.c (MARIADB_OPT_IO_WAIT), which leaves
 * the fiber until libuv has seen the socket ready. A try that is given up is told so at its next wait,
 * so that the library itself tidies up.
 */
#include <errno.h>
#include <mariadb/errmsg.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/mysql.h"

/* --- the conversation, within the fiber ------------------------------------------------------------ */

static void conclude(struct mysql_try *a, enum probe_outcome outcome, const char *detail)
{
	a->outcome = outcome;
	sql__clause(a->detail, sizeof(a->detail), detail);
}

/* The library's last error as a verdict. */
static void fail(struct mysql_try *a)
{
	unsigned int code = mysql_errno(&a->mysql);
	const char *text = mysql_error(&a->mysql);
	char detail[PROBE_DETAIL_LEN];

	if (a->fault) {
		conclude(a, PROBE_FAILED, a->fault);
	} else if (a->err) {
		a->ours = probe__is_local(a->err);
		conclude(a, probe__outcome(a->err), probe__clause(a->err));
	} else if (a->certificate) {
		snprintf(detail, sizeof(detail), "its certificate is not accepted: %s",
			 X509_verify_cert_error_string(a->certificate));
		conclude(a, PROBE_FAILED, detail);
	} else if (code == CR_PLUGIN_NOT_ALLOWED || code == CR_AUTH_PLUGIN_CANNOT_LOAD) {
		/* The library's words have other things of its memory in them than the way's name. */
		snprintf(detail, sizeof(detail), "asks for a way to log in that %s",
			 code == CR_AUTH_PLUGIN_CANNOT_LOAD ? "libmariadb does not have"
			 : a->probe->args.tls		    ? "is not allowed"
							    : "is not allowed without TLS");
		conclude(a, PROBE_FAILED, detail);
	} else if (code == CR_SERVER_LOST || code == CR_SERVER_GONE_ERROR) {
		conclude(a, PROBE_FAILED,
			 !a->closed    ? "the answer is no message of MySQL's"
			 : a->received ? "the connection was closed in the middle of an answer"
				       : "the connection was closed without an answer");
	} else {
		a->ours = !a->connected &&
			  (code == CR_IPSOCK_ERROR || code == CR_CONN_HOST_ERROR ||
			   code == CR_CONNECTION_ERROR) &&
			  sql__blames_us(text);
		conclude(a, PROBE_FAILED, text[0] ? text : "the answer makes no sense");
	}
}

static MYSQL_RES *ask(struct mysql_try *a, const char *question)
{
	if (mysql_real_query(&a->mysql, question, strlen(question)))
		return NULL;
	return mysql_store_result(&a->mysql);
}

/* A column whose name ends, or begins, like that; NULL: there is none, or it is NULL. */
static const char *column(MYSQL_RES *res, MYSQL_ROW row, const char *part, bool at_end)
{
	const MYSQL_FIELD *fields = mysql_fetch_fields(res);
	size_t n = strlen(part);

	for (unsigned int i = 0; i < mysql_num_fields(res); i++) {
		size_t len = strlen(fields[i].name);

		if (len >= n && strncmp(fields[i].name + (at_end ? len - n : 0), part, n) == 0)
			return row[i];
	}
	return NULL;
}

/* Words have changed (slave, replica; master, source), and each server knows some of them. */
static const char *status_question(MYSQL *mysql)
{
	if (mariadb_connection(mysql))
		return "SHOW ALL SLAVES STATUS"; /* of all sources, which MySQL says anyway */
	return mysql_get_server_version(mysql) >= 80022 ? "SHOW REPLICA STATUS"
							: "SHOW SLAVE STATUS";
}

static bool ask_sources(struct mysql_try *a, struct sql_state *state)
{
	MYSQL_RES *res = ask(a, status_question(&a->mysql));
	MYSQL_ROW row;

	if (!res)
		return false;
	while ((row = mysql_fetch_row(res)))
		sql_state__add_source(state, column(res, row, "_IO_Running", true),
				      column(res, row, "_SQL_Running", true),
				      column(res, row, "Seconds_Behind_", false));
	mysql_free_result(res);
	return true;
}

/* Logged in: asks and judges. */
static void examine(struct mysql_try *a)
{
	const struct config_probe *args = &a->probe->args;
	struct sql_state state = {.read_only = false};
	/* super_read_only brings read_only with it. */
	MYSQL_RES *res = ask(a, "SELECT @@global.read_only");
	MYSQL_ROW row = res ? mysql_fetch_row(res) : NULL;
	bool answered = row && mysql_num_fields(res) == 1 && row[0];
	char detail[PROBE_DETAIL_LEN];

	/* A number, but MariaDB 12 has words, of which only OFF lets writes in. */
	if (answered)
		state.read_only = strcmp(row[0], "0") != 0 && strcmp(row[0], "OFF") != 0;
	if (res)
		mysql_free_result(res);
	if (!answered || (args->max_lag_ms && !ask_sources(a, &state))) {
		fail(a);
		return;
	}
	a->outcome = sql_state__judge(&state, args, detail, sizeof(detail));
	conclude(a, a->outcome, detail);
}

static void run(void *arg)
{
	struct mysql_try *a = arg;
	const struct probe *p = a->probe;
	char address[ADDR_STRLEN];
	bool in;

	if (!mysql_init(&a->mysql)) {
		a->ours = true;
		return;
	}
	mysql_hooks__set(a);
	addr__format(&p->address, address);
	in = mysql_real_connect(&a->mysql, address, p->args.user, a->password, p->args.database,
				p->port, NULL, 0) != NULL;
	explicit_bzero(a->secret, sizeof(a->secret));
	if (in && !a->given_up) {
		mysql_hooks__judge_certificate(a);
		examine(a);
	} else {
		fail(a);
	}
	/* Says goodbye if the server listens; the server counts who does not. */
	mysql_close(&a->mysql);
}

/* --- the loop's side ------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *h)
{
	struct mysql_try *a = (struct mysql_try *)h;

	prober__release(a->prober);
	free(a);
}

/* The fiber is over. */
static void release(struct mysql_try *a)
{
	explicit_bzero(a->secret, sizeof(a->secret));
	fiber__free(a->fiber);
	if (a->polled)
		uv_close((uv_handle_t *)&a->poll, on_closed);
	else
		free(a);
}

/* Goes on with the library. True: it is over. */
static bool go_on(struct mysql_try *a)
{
	/* OpenSSL takes what others have left in its queue of errors for the library's own. */
	ERR_clear_error();
	return fiber__resume(a->fiber);
}

static void on_ready(uv_poll_t *h, int status, int events);

/* Waits for what the library waits for. False: it can't be, and the library has tidied up. */
static bool await(struct mysql_try *a)
{
	if (!a->polled && uv_poll_init(a->prober->loop, &a->poll, a->fd) == 0) {
		a->polled = true;
		prober__hold(a->prober);
	}
	if (a->polled && uv_poll_start(&a->poll, a->events, on_ready) == 0)
		return true;
	a->given_up = a->ours = true;
	go_on(a);
	return false;
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct mysql_try *a = (struct mysql_try *)h;
	struct probe *p = a->probe;
	char detail[PROBE_DETAIL_LEN];
	enum probe_outcome outcome;
	bool ours;

	(void)status; /* the library finds out by itself */
	(void)events;
	/* The library may close the socket, and then its number is another one's. */
	uv_poll_stop(h);
	if (!go_on(a) && await(a))
		return;
	outcome = a->outcome;
	ours = a->ours;
	snprintf(detail, sizeof(detail), "%s", a->detail);
	p->attempt = NULL;
	release(a);
	if (ours)
		probe__skip(p);
	else
		probe__finish(p, outcome, detail);
}

static int prepare(struct prober *p, const struct addr *address, struct err *err)
{
	(void)p;
	(void)address;
	return mysql_hooks__prepare(err);
}

static int begin(struct mysql_try *a, const char **why)
{
	struct probe *p = a->probe;
	int rc;

	if (fiber__new(run, a, &a->fiber))
		return -ENOMEM;
	p->attempt = a;
	if (!go_on(a) && await(a))
		return 0;
	p->attempt = NULL;
	/* Well, and without a wait: can't be said from within start(), so it is asked again. */
	rc = a->ours || a->outcome == PROBE_OK ? -ENOBUFS : a->err ? -a->err : -EIO;
	snprintf(p->why, sizeof(p->why), "%s", a->detail);
	*why = p->why;
	return rc;
}

static int start(struct probe *p, const char **why)
{
	struct err err = {.text = ""};
	struct mysql_try *a;
	int rc = sql__look(p);

	if (rc) {
		*why = probe__clause(-rc);
		return rc;
	}
	if (p->args.tls && !mysql_hooks__has_openssl()) {
		*why = "the libmariadb of this machine has another TLS than OpenSSL";
		return -EOPNOTSUPP;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->prober = p->prober;
	a->probe = p;
	rc = secret__read(&p->args, a->secret, &a->password, &err);
	if (rc) {
		snprintf(p->why, sizeof(p->why), "%.*s", (int)sizeof(p->why) - 1, err.text);
		*why = p->why;
	} else {
		rc = begin(a, why);
	}
	if (rc)
		release(a);
	return rc;
}

static void give_up(struct probe *p)
{
	struct mysql_try *a = p->attempt;

	if (!a)
		return;
	p->attempt = NULL;
	uv_poll_stop(&a->poll);
	sql__reset_at_close(a->fd);
	a->given_up = true;
	/* Nothing waits from now on, so that this is the end of the fiber. */
	go_on(a);
	release(a);
}

const struct probe_kind probe_mysql = {.prepare = prepare, .start = start, .abort = give_up};
