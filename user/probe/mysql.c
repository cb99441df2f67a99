/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mysql.c - logs in to MariaDB and MySQL, and asks whether they take writes and how far they are behind.
 *
 * By libmariadb. Its non-blocking calls (mysql_real_connect_start) wait for TLS in poll(2) all the same,
 * and what they have allocated is lost when one of them is not gone on with. So its usual calls run in a
 * fiber here, and each time the library has to wait it asks on_wait() (MARIADB_OPT_IO_WAIT), which leaves
 * the fiber until libuv has seen the socket ready. A try that is given up is told so at its next wait,
 * so that the library itself tidies up.
 */
#include <mariadb/mysql.h>
/* What belongs to a connection, its OpenSSL among that; they need the header above, in this order. */
#include <mariadb/ma_pvio.h>
#undef MARIADB_TLS
#include <mariadb/ma_tls.h>
#include <mariadb/mysql/plugin_auth.h>

#include <errno.h>
#include <fcntl.h>
#include <mariadb/errmsg.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "probe/fiber.h"
#include "probe/secret.h"
#include "probe/sql.h"
#include "probe/talk.h"

/*
 * A way of logging in, as in mysql/client_plugin.h, which needs a header that Debian does not install.
 * Versions from 1.1 on have the last member.
 */
struct login {
	struct st_mysql_client_plugin head;
	int (*authenticate_user)(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql);
	int (*hash_password_bin)(MYSQL *mysql, unsigned char *hash, size_t *len);
};
#define AUTHENTICATION_PLUGIN 2

/* Exported for plugins that trace; no header that is installed has it. `mode` is a PVIO_READ or _WRITE. */
int ma_pvio_register_callback(my_bool on, void (*callback)(int mode, MYSQL *mysql,
							   const uchar *bytes, size_t len));

#define GREETING_MAX 256 /* bytes of a greeting that are looked at */

/*
 * Ways of logging in by which the password stays with us, and those that leave it to TLS: the server may
 * choose, and would be told the password itself if it asked for mysql_clear_password, or for an RSA key
 * of its own to encrypt it with (caching_sha2_password, sha256_password).
 */
#define LOGINS "mysql_native_password,client_ed25519,parsec"
#define OWN_LOGIN "fairlead_login"
#define LOGINS_TLS OWN_LOGIN "," LOGINS ",caching_sha2_password,sha256_password"

struct attempt {
	uv_poll_t poll;
	struct prober *prober;
	struct probe *probe;
	struct fiber *fiber;
	bool polled; /* the handle is open */
	int fd, events; /* what the library waits for */
	bool connected;
	bool given_up; /* the library is to tidy up, and not to wait any more */
	const char *fault; /* found here, and not by the library */
	bool closed; /* by the server */
	size_t received;
	uint8_t greeting[GREETING_MAX];
	int err; /* the connection failed by it */
	int certificate; /* why it is not accepted, X509_V_ERR_...; 0: it is, or there is none */
	enum probe_outcome outcome; /* the verdict, if not given up */
	bool ours; /* no verdict: something of this machine's is in the way */
	MYSQL mysql;
	const char *password; /* NULL: none */
	char secret[SECRET_LEN];
	char detail[PROBE_DETAIL_LEN];
};

/* --- what the library calls, within the fiber ----------------------------------------------------- */

/* NULL: none yet. */
static SSL *tls_of(const struct attempt *a)
{
	const MARIADB_PVIO *pvio = a->mysql.net.pvio;
	const MARIADB_TLS *tls = pvio ? pvio->ctls : NULL;

	return tls ? tls->ssl : NULL;
}

/* What is wrong with the server's certificate, X509_V_ERR_...; X509_V_OK: nothing. */
static int look_at_certificate(const struct attempt *a)
{
	const struct config_probe *args = &a->probe->args;
	SSL *ssl = tls_of(a);
	X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	const void *bytes;
	size_t len;
	long chain;

	if (!cert)
		return X509_V_ERR_UNSPECIFIED;
	chain = SSL_get_verify_result(ssl);
	if (chain != X509_V_OK)
		return (int)chain;
	if (args->sni)
		return X509_check_host(cert, args->sni, strlen(args->sni), 0, NULL) == 1
			       ? X509_V_OK
			       : X509_V_ERR_HOSTNAME_MISMATCH;
	bytes = addr__bytes(&a->probe->address, &len);
	return X509_check_ip(cert, bytes, len, 0) == 1 ? X509_V_OK
						       : X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/*
 * A login over TLS begins here. The library compares a certificate with what it connects to, which is an
 * address always; so it is looked at here, before more than the user's name has been said within TLS.
 */
static int on_login(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	struct attempt *a = fiber__arg();
	unsigned char *answer;
	/* Says nothing but who logs in: makes the server ask for that user's way of logging in. */
	int len = vio->read_packet(vio, &answer);

	if (!mysql->net.buff) /* the connection is no more */
		return CR_ERROR;
	if (a->probe->args.verify)
		a->certificate = look_at_certificate(a);
	if (a->certificate) {
		mysql->net.read_pos[0] = 0; /* no such request any more */
		return CR_ERROR;
	}
	return len < 0 ? CR_ERROR : CR_OK_HANDSHAKE_COMPLETE;
}

/* More than 0: the socket is ready. Else the call that waits fails. */
static int on_wait(my_socket fd, my_bool is_read, int timeout)
{
	struct attempt *a = fiber__arg();

	(void)timeout; /* the prober's own timer ends a try */
	if (!a->given_up) {
		a->fd = fd;
		a->events = is_read ? UV_READABLE : UV_WRITABLE;
		fiber__pause();
	}
	if (a->given_up || (!a->connected && !is_read && (a->err = sql__socket_error(fd)))) {
		errno = a->err ? a->err : ETIMEDOUT;
		return -1;
	}
	a->connected = true;
	return 1;
}

static void refuse(struct attempt *a, const char *fault)
{
	if (!a->fault)
		shutdown(mysql_get_socket(&a->mysql), SHUT_RDWR);
	a->fault = fault;
	a->given_up = true;
}

/* The library would log in without TLS where the server has none, or somebody on the way says so. */
static void check_greeting(struct attempt *a, const uchar *bytes, size_t len, size_t before)
{
	size_t room = before < GREETING_MAX ? GREETING_MAX - before : 0;
	enum sql_offer offer;

	if (!room)
		return;
	memcpy(a->greeting + before, bytes, len < room ? len : room);
	offer = sql_greeting__offer(a->greeting, before + (len < room ? len : room));
	if (offer == SQL_OFFER_NONE || (offer == SQL_OFFER_OPEN && len >= room))
		refuse(a, "offers no TLS");
}

/* The library reads on while there is something, and keeps what it has read. */
static void on_transfer(int mode, MYSQL *mysql, const uchar *bytes, size_t len)
{
	struct attempt *a = fiber__arg();

	if (!a || mode != PVIO_READ || a->given_up)
		return;
	if ((ssize_t)len <= 0) {
		a->closed = len == 0 || tls_of(a);
		a->err = a->closed ? 0 : errno;
		return;
	}
	/* Once connected the library makes the socket a blocking one, and OpenSSL would wait in it. */
	if (!a->received)
		fcntl(mysql_get_socket(mysql), F_SETFL, O_NONBLOCK);
	if (a->probe->args.tls && !tls_of(a))
		check_greeting(a, bytes, len, a->received);
	a->received += len;
	if (a->received > SQL_INPUT_MAX)
		refuse(a, "the answer is too long");
}

/* --- the conversation, within the fiber ------------------------------------------------------------ */

static void conclude(struct attempt *a, enum probe_outcome outcome, const char *detail)
{
	a->outcome = outcome;
	sql__clause(a->detail, sizeof(a->detail), detail);
}

/* The library's last error as a verdict. */
static void fail(struct attempt *a)
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
			 !a->closed   ? "the answer is no message of MySQL's"
			 : a->received ? "the connection was closed in the middle of an answer"
				       : "the connection was closed without an answer");
	} else {
		a->ours = !a->connected && (code == CR_IPSOCK_ERROR || code == CR_CONN_HOST_ERROR ||
					    code == CR_CONNECTION_ERROR) &&
			  sql__blames_us(text);
		conclude(a, PROBE_FAILED, text[0] ? text : "the answer makes no sense");
	}
}

static MYSQL_RES *ask(struct attempt *a, const char *question)
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

static bool ask_sources(struct attempt *a, struct sql_state *state)
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
static void examine(struct attempt *a)
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

static void judge_certificate(const struct attempt *a)
{
	SSL *ssl = tls_of(a);
	X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	int days = 0, seconds = 0;

	if (cert && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		probe__judge_certificate(a->probe, (int64_t)days * 86400 + seconds);
}

static void set_options(struct attempt *a)
{
	const struct config_probe *args = &a->probe->args;
	const char *logins = args->tls ? LOGINS_TLS : LOGINS;
	const unsigned int no = 0, far = 3600; /* seconds: the prober ends a try before */
	const my_bool never = 0, always = 1;
	MYSQL *m = &a->mysql;

	mysql_optionsv(m, MARIADB_OPT_IO_WAIT, (void *)on_wait);
	mysql_optionsv(m, MARIADB_OPT_RESTRICTED_AUTH, logins);
	mysql_optionsv(m, MYSQL_OPT_CONNECT_TIMEOUT, &far);
	mysql_optionsv(m, MYSQL_OPT_READ_TIMEOUT, &far);
	mysql_optionsv(m, MYSQL_OPT_WRITE_TIMEOUT, &far);
	/* Else a server may ask for any file of this machine's. */
	mysql_optionsv(m, MYSQL_OPT_LOCAL_INFILE, &no);
	mysql_optionsv(m, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &never); /* on_login() does */
	if (!args->tls)
		return;
	mysql_optionsv(m, MYSQL_OPT_SSL_ENFORCE, &always);
	mysql_optionsv(m, MYSQL_DEFAULT_AUTH, OWN_LOGIN);
	/* With an authority the library would insist on it. */
	if (args->verify && args->ca_file)
		mysql_optionsv(m, MYSQL_OPT_SSL_CA, args->ca_file);
	if (args->cert_file) {
		mysql_optionsv(m, MYSQL_OPT_SSL_CERT, args->cert_file);
		mysql_optionsv(m, MYSQL_OPT_SSL_KEY, args->key_file);
	}
}

static void run(void *arg)
{
	struct attempt *a = arg;
	const struct probe *p = a->probe;
	char address[ADDR_STRLEN];
	bool in;

	if (!mysql_init(&a->mysql)) {
		a->ours = true;
		return;
	}
	set_options(a);
	addr__format(&p->address, address);
	in = mysql_real_connect(&a->mysql, address, p->args.user, a->password, p->args.database,
				p->port, NULL, 0) != NULL;
	explicit_bzero(a->secret, sizeof(a->secret));
	if (in && !a->given_up) {
		judge_certificate(a);
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
	struct attempt *a = (struct attempt *)h;

	prober__release(a->prober);
	free(a);
}

/* The fiber is over. */
static void release(struct attempt *a)
{
	explicit_bzero(a->secret, sizeof(a->secret));
	fiber__free(a->fiber);
	if (a->polled)
		uv_close((uv_handle_t *)&a->poll, on_closed);
	else
		free(a);
}

/* Goes on with the library. True: it is over. */
static bool go_on(struct attempt *a)
{
	/* OpenSSL takes what others have left in its queue of errors for the library's own. */
	ERR_clear_error();
	return fiber__resume(a->fiber);
}

static void on_ready(uv_poll_t *h, int status, int events);

/* Waits for what the library waits for. False: it can't be, and the library has tidied up. */
static bool await(struct attempt *a)
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
	struct attempt *a = (struct attempt *)h;
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

/* What all attempts need: once, and before there is a fiber. */
static int prepare(struct prober *p, const struct addr *address, struct err *err)
{
	static struct login login = {
		.head = {.type = AUTHENTICATION_PLUGIN,
			 .interface_version = 0x0100,
			 .name = OWN_LOGIN,
			 .author = "fairlead",
			 .desc = "looks at the certificate first",
			 .version = {1, 0, 0},
			 .license = "GPL"},
		.authenticate_user = on_login,
	};
	static bool ready;
	MYSQL mysql;

	(void)p;
	(void)address;
	if (ready)
		return 0;
	if (mysql_library_init(0, NULL, NULL) || !mysql_init(&mysql))
		return err__set(err, -ENOMEM, "cannot initialise libmariadb");
	ready = mysql_client_register_plugin(&mysql, &login.head);
	if (!ready) {
		login.head.interface_version = 0x0101;
		ready = mysql_client_register_plugin(&mysql, &login.head);
	}
	ready = ready && ma_pvio_register_callback(1, on_transfer) == 0;
	mysql_close(&mysql);
	return ready ? 0
		     : err__set(err, -EINVAL, "libmariadb %s does not take what looks at certificates",
				mysql_get_client_info());
}

/* look_at_certificate() knows OpenSSL only; there are builds of libmariadb with other libraries. */
static bool has_openssl(void)
{
	const char *library = NULL;

	return mariadb_get_infov(NULL, MARIADB_TLS_LIBRARY, &library) == 0 && library &&
	       strstr(library, "OpenSSL");
}

static int begin(struct attempt *a, const char **why)
{
	struct probe *p = a->probe;
	int rc;

	if (fiber__new(run, a, &a->fiber))
		return -ENOMEM;
	p->attempt = a;
	if (!go_on(a) && await(a))
		return 0;
	p->attempt = NULL;
	rc = a->ours ? -ENOBUFS : a->err ? -a->err : -EIO;
	snprintf(p->why, sizeof(p->why), "%s", a->detail);
	*why = p->why;
	return rc;
}

static int start(struct probe *p, const char **why)
{
	struct err err = {.text = ""};
	struct attempt *a;
	int rc = sql__look(p);

	if (rc) {
		*why = probe__clause(-rc);
		return rc;
	}
	if (p->args.tls && !has_openssl()) {
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
	struct attempt *a = p->attempt;

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
