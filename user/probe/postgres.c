/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * postgres.c - logs in to PostgreSQL, and asks whether it is in recovery and how far it is behind.
 *
 * By libpq's non-blocking calls: PQconnectPoll() makes the connection, TLS and login included, and says
 * what it waits for. All that libpq would else take from the environment and from files in a home
 * directory is given, or not there while it looks.
 *
 * A login by SCRAM (RFC 5802) is thousands of rounds of hashing, several milliseconds, so it is done by a
 * thread of libuv's: one that waits for the server's word in a login has its next step there. Few do at
 * once, since the agent has other work for these threads; the others wait for their turn.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <postgresql/libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/received.h"
#include "probe/secret.h"
#include "probe/sql.h"
#include "probe/wire.h"

#define AUTH_CLEARTEXT 3 /* kinds of authentication requests */
#define AUTH_SASL_CONTINUE 11
#define NO_FILE "/dev/null/none" /* can't be there, and that is no error */
#define ROUNDS_MAX 262144 /* of hashing that a server may ask for; PostgreSQL's own are 4096 */
#define STEPS_MAX 2 /* of logins that threads do at once */
#define PARAMETERS 24 /* of a connection, at most */

enum login {
	LOGIN_IDLE,
	LOGIN_WAITS, /* for a thread, in prober.logins */
	LOGIN_WORKS, /* a thread has the connection */
};

struct postgres_try {
	uv_poll_t poll;
	TAILQ_ENTRY(postgres_try) entry; /* in prober.logins.waiting */
	struct prober *prober;
	struct probe *probe; /* NULL: given up while a thread has the connection */
	PGconn *conn;
	uv_work_t work;
	enum login login;
	PostgresPollingStatusType step; /* what that has come to */
	bool connected; /* TCP */
	bool asked; /* logged in, and the question is on its way */
	bool answered; /* there is a verdict, but the answer may have more */
	enum probe_outcome outcome;
	char detail[PROBE_DETAIL_LEN];
};

static const char role_question[] = "SELECT pg_is_in_recovery()";
static const char lag_question[] =
	"SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn(),"
	" EXISTS (SELECT 1 FROM pg_stat_wal_receiver),"
	" round(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint";

/* --- the end of a try ------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *h)
{
	struct postgres_try *a = (struct postgres_try *)h;

	prober__release(a->prober);
	free(a);
}

static void release(struct postgres_try *a)
{
	/* Before libpq closes the socket, whose number is another one's then. */
	uv_close((uv_handle_t *)&a->poll, on_closed);
	PQfinish(a->conn);
}

static void finish(struct postgres_try *a, enum probe_outcome outcome, const char *detail)
{
	struct probe *p = a->probe;
	char copy[PROBE_DETAIL_LEN];

	snprintf(copy, sizeof(copy), "%s", detail);
	p->attempt = NULL;
	release(a);
	probe__finish(p, outcome, copy);
}

/* libpq's words: 'connection to server at "10.0.0.1", port 5432 failed: FATAL:  no such user'. */
static void explain(PGconn *conn, char *to, size_t size)
{
	static const char *const severities[] = {"FATAL:  ", "ERROR:  ", "PANIC:  "};
	const char *text = PQerrorMessage(conn), *behind = strstr(text, " failed: ");

	if (strncmp(text, "connection to server at ", 24) == 0 && behind)
		text = behind + strlen(" failed: ");
	for (size_t i = 0; i < sizeof(severities) / sizeof(*severities); i++)
		if (strncmp(text, severities[i], strlen(severities[i])) == 0)
			text += strlen(severities[i]);
	sql__clause(to, size, text[0] ? text : "the answer makes no sense");
}

static void fail(struct postgres_try *a)
{
	char detail[PROBE_DETAIL_LEN];

	explain(a->conn, detail, sizeof(detail));
	finish(a, PROBE_FAILED, detail);
}

static void await(struct postgres_try *a, int events);

/* --- the question ---------------------------------------------------------------------------------- */

static const char *value(const PGresult *res, int column)
{
	return column < PQnfields(res) && !PQgetisnull(res, 0, column) ? PQgetvalue(res, 0, column)
								       : NULL;
}

static void judge(struct postgres_try *a, const PGresult *res)
{
	struct sql_state state = {.read_only = false};

	a->answered = true;
	a->outcome = PROBE_FAILED;
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		explain(a->conn, a->detail, sizeof(a->detail));
	else if (PQntuples(res) != 1 ||
		 !sql_state__of_recovery(&state, value(res, 0), value(res, 1), value(res, 2),
					 value(res, 3)))
		snprintf(a->detail, sizeof(a->detail), "the answer makes no sense");
	else
		a->outcome =
			sql_state__judge(&state, &a->probe->args, a->detail, sizeof(a->detail));
}

static void take_answer(struct postgres_try *a)
{
	PGresult *res;

	if (!PQconsumeInput(a->conn)) {
		fail(a);
		return;
	}
	while (!PQisBusy(a->conn)) {
		res = PQgetResult(a->conn);
		if (!res) {
			/* The server waits for the next question, and is told that there is none. */
			finish(a, a->outcome, a->detail);
			return;
		}
		if (!a->answered)
			judge(a, res);
		PQclear(res);
	}
	/* More than 0: not all is sent yet. */
	await(a, PQflush(a->conn) > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void ask(struct postgres_try *a)
{
	const struct config_probe *args = &a->probe->args;
	SSL *ssl = PQgetssl(a->conn);
	X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	int days = 0, seconds = 0;

	if (cert && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		probe__judge_certificate(a->probe, (int64_t)days * 86400 + seconds);
	a->asked = true;
	if (PQsetnonblocking(a->conn, 1) ||
	    !PQsendQuery(a->conn, args->max_lag_ms ? lag_question : role_question))
		fail(a);
	else
		take_answer(a);
}

/* --- the connection -------------------------------------------------------------------------------- */

/* What libpq sees of the environment; not on a stack, since a thread may look in just that moment. */
static char *no_environment[] = {NULL};

static PostgresPollingStatusType poll_connection(PGconn *conn)
{
	char **all = environ;
	PostgresPollingStatusType status;

	environ = no_environment; /* startup packets have what PGTZ and others say */
	status = PQconnectPoll(conn);
	environ = all;
	return status;
}

static void go_on(struct postgres_try *a, PostgresPollingStatusType status)
{
	switch (status) {
	case PGRES_POLLING_READING:
		await(a, UV_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		await(a, UV_WRITABLE);
		break;
	case PGRES_POLLING_OK:
		ask(a);
		break;
	default:
		fail(a);
	}
}

static void work(uv_work_t *w)
{
	struct postgres_try *a = w->data;

	a->step = PQconnectPoll(a->conn);
}

static void on_worked(uv_work_t *w, int status);

/* Gives threads to those that wait for one. */
static void hand_out(struct login_pool *pool)
{
	struct postgres_try *a;

	while (pool->working < STEPS_MAX && (a = TAILQ_FIRST(&pool->waiting))) {
		TAILQ_REMOVE(&pool->waiting, a, entry);
		a->work.data = a;
		a->login = LOGIN_WORKS;
		pool->working++;
		/* Fails only without a function to call. */
		uv_queue_work(a->prober->loop, &a->work, work, on_worked);
	}
}

static void on_worked(uv_work_t *w, int status)
{
	struct postgres_try *a = w->data;
	struct login_pool *pool = &a->prober->logins;

	(void)status; /* is never cancelled */
	a->login = LOGIN_IDLE;
	pool->working--;
	hand_out(pool);
	if (a->probe) {
		go_on(a, a->step);
		return;
	}
	if (PQsocket(a->conn) >= 0)
		sql__reset_at_close(PQsocket(a->conn));
	release(a);
}

/* What is against doing as the server asks in a login without TLS, which libpq would; NULL: nothing. */
static const char *objection(const struct postgres_try *a)
{
	uint8_t next[512];
	ssize_t n = a->probe->args.tls ? 0
				       : recv(PQsocket(a->conn), next, sizeof(next) - 1,
					      MSG_PEEK | MSG_DONTWAIT);
	const char *rounds;

	/* Authentication requests: 'R', length, which one, more. */
	if (n < 9 || next[0] != 'R')
		return NULL;
	if (wire__get32(next + 5) == AUTH_CLEARTEXT)
		return "asks for the password in the clear, which only goes with \"tls: true\"";
	next[n] = '\0';
	rounds = memmem(next + 9, (size_t)n - 9, ",i=", 3);
	if (wire__get32(next + 5) == AUTH_SASL_CONTINUE && rounds && atoll(rounds + 3) > ROUNDS_MAX)
		return "asks for more rounds of hashing than are sensible";
	return NULL;
}

static void go_on_connecting(struct postgres_try *a)
{
	const char *why = objection(a);

	if (why) {
		finish(a, PROBE_FAILED, why);
	} else if (PQstatus(a->conn) == CONNECTION_AWAITING_RESPONSE) {
		a->login = LOGIN_WAITS;
		TAILQ_INSERT_TAIL(&a->prober->logins.waiting, a, entry);
		hand_out(&a->prober->logins);
	} else {
		go_on(a, poll_connection(a->conn));
	}
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct postgres_try *a = (struct postgres_try *)h;
	int err = 0;

	(void)status; /* libpq finds out by itself */
	(void)events;
	uv_poll_stop(h);
	if (!a->connected)
		err = sql__socket_error(PQsocket(a->conn));
	a->connected = true;
	if (err)
		finish(a, probe__outcome(err), probe__clause(err));
	else if (received__bytes(PQsocket(a->conn)) > SQL_INPUT_MAX)
		/* libpq keeps what it reads until a message is whole, however long that says it is. */
		finish(a, PROBE_FAILED, "the answer is too long");
	else if (a->asked)
		take_answer(a);
	else
		go_on_connecting(a);
}

static void await(struct postgres_try *a, int events)
{
	uv_poll_start(&a->poll, events, on_ready);
}

/* --- the start ------------------------------------------------------------------------------------- */

/* Keywords and values, in step. */
struct parameters {
	const char *keys[PARAMETERS + 1], *values[PARAMETERS + 1];
	size_t n;
};

static void set(struct parameters *p, const char *key, const char *text)
{
	if (!text || p->n == PARAMETERS)
		return;
	p->keys[p->n] = key;
	p->values[p->n++] = text;
}

static PGconn *connect_by(const struct parameters *p)
{
	char **all = environ;
	PGconn *conn;

	environ = no_environment; /* PGSERVICE, PGPASSWORD, PGOPTIONS, ... */
	conn = PQconnectStartParams(p->keys, p->values, 0);
	environ = all;
	return conn;
}

static PGconn *begin_connection(const struct probe *p, const char *password)
{
	const struct config_probe *args = &p->args;
	struct parameters to = {.n = 0};
	char address[ADDR_STRLEN], port[16];

	addr__format(&p->address, address);
	snprintf(port, sizeof(port), "%u", p->port);
	set(&to, "hostaddr", address);
	set(&to, "host", args->sni ? args->sni : address); /* what its certificate is for */
	set(&to, "port", port);
	set(&to, "user", args->user);
	set(&to, "password", password);
	set(&to, "passfile", NO_FILE);
	set(&to, "dbname", args->database ? args->database : args->user);
	set(&to, "application_name", "fairlead");
	set(&to, "gssencmode", "disable"); /* Kerberos asks others, and waits for them */
	set(&to, "sslmode", !args->tls ? "disable" : args->verify ? "verify-full" : "require");
	set(&to, "sslrootcert", args->ca_file ? args->ca_file : NO_FILE);
	set(&to, "sslcert", args->cert_file ? args->cert_file : NO_FILE);
	set(&to, "sslkey", args->key_file ? args->key_file : NO_FILE);
	set(&to, "sslcrl", NO_FILE);
	return connect_by(&to);
}

static void ignore_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

/* Takes the connection, which stays the caller's on failure. */
static int begin(struct probe *p, PGconn *conn, const char **why)
{
	struct postgres_try *a;

	*why = p->why;
	if (PQstatus(conn) == CONNECTION_BAD) {
		explain(conn, p->why, sizeof(p->why));
		return sql__blames_us(PQerrorMessage(conn)) ? -ENOBUFS : -EIO;
	}
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	a = calloc(1, sizeof(*a));
	if (!a || uv_poll_init(p->prober->loop, &a->poll, PQsocket(conn))) {
		free(a);
		return -ENOMEM;
	}
	a->prober = p->prober;
	a->probe = p;
	a->conn = conn;
	p->attempt = a;
	prober__hold(p->prober);
	await(a, UV_WRITABLE);
	return 0;
}

static int start(struct probe *p, const char **why)
{
	char secret[SECRET_LEN];
	const char *password = NULL;
	struct err err = {.text = ""};
	PGconn *conn;
	int rc = sql__look(p);

	if (rc) {
		*why = probe__clause(-rc);
		return rc;
	}
	rc = secret__read(&p->args, secret, &password, &err);
	if (rc) {
		snprintf(p->why, sizeof(p->why), "%.*s", (int)sizeof(p->why) - 1, err.text);
		*why = p->why;
		return rc;
	}
	conn = begin_connection(p, password);
	explicit_bzero(secret, sizeof(secret));
	rc = conn ? begin(p, conn, why) : -ENOMEM;
	if (rc)
		PQfinish(conn);
	return rc;
}

static void give_up(struct probe *p)
{
	struct postgres_try *a = p->attempt;

	if (!a)
		return;
	p->attempt = NULL;
	a->probe = NULL;
	if (a->login == LOGIN_WORKS)
		return; /* on_worked() sees to it */
	if (a->login == LOGIN_WAITS)
		TAILQ_REMOVE(&p->prober->logins.waiting, a, entry);
	sql__reset_at_close(PQsocket(a->conn));
	release(a);
}

void probe_postgres__init(struct prober *p)
{
	TAILQ_INIT(&p->logins.waiting);
}

const struct probe_kind probe_postgres = {.start = start, .abort = give_up};
