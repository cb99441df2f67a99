/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mysql_hooks.c - what libmariadb calls in the middle of a try, and how it is told to; see mysql.c. */
#include <mariadb/mysql.h>
/* What belongs to a connection, its OpenSSL among that; they need the header above, in this order. */
#include <mariadb/ma_pvio.h>
#undef MARIADB_TLS
#include <mariadb/ma_tls.h>
#include <mariadb/mysql/plugin_auth.h>

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/mysql.h"

/*
 * Ways of logging in by which the password stays with us, and those that leave it to TLS: the server may
 * choose, and would be told the password itself if it asked for mysql_clear_password, or for an RSA key
 * of its own to encrypt it with (caching_sha2_password, sha256_password).
 */
#define LOGINS "mysql_native_password,client_ed25519,parsec"
#define OWN_LOGIN "fairlead_login"
#define LOGINS_TLS OWN_LOGIN "," LOGINS ",caching_sha2_password,sha256_password"

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

/* --- within the fiber ------------------------------------------------------------------------------- */

/* NULL: none yet. */
static SSL *tls_of(const struct mysql_try *a)
{
	const MARIADB_PVIO *pvio = a->mysql.net.pvio;
	const MARIADB_TLS *tls = pvio ? pvio->ctls : NULL;

	return tls ? tls->ssl : NULL;
}

/* What is wrong with the server's certificate, X509_V_ERR_...; X509_V_OK: nothing. */
static int look_at_certificate(const struct mysql_try *a)
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
	return X509_check_ip(cert, bytes, len, 0) == 1 ? X509_V_OK : X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/*
 * Without an authority the library loads all those of the system for each connection, which takes it a
 * tenth of a second, also where nothing is to be verified. Another file is named as long as it begins
 * with TLS: until it waits for the first time.
 */
static void hide_authorities(struct mysql_try *a)
{
	static char *none[] = {(char *)"SSL_CERT_FILE=/dev/null", NULL};

	a->environment = environ;
	environ = none;
}

static void unhide_authorities(struct mysql_try *a)
{
	if (a->environment)
		environ = a->environment;
	a->environment = NULL;
}

/*
 * A login over TLS begins here. The library compares a certificate with what it connects to, which is an
 * address always; so it is looked at here, before more than the user's name has been said within TLS.
 */
static int on_login(MYSQL_PLUGIN_VIO *vio, MYSQL *mysql)
{
	struct mysql_try *a = fiber__arg();
	unsigned char *answer;
	int len;

	hide_authorities(a);
	/* Says nothing but who logs in: makes the server ask for that user's way of logging in. */
	len = vio->read_packet(vio, &answer);
	unhide_authorities(a);
	if (!mysql->net.buff) /* the connection is no more */
		return CR_ERROR;
	if (tls_of(a) && a->probe->args.verify)
		a->certificate = look_at_certificate(a);
	if (a->certificate || !tls_of(a)) {
		mysql->net.read_pos[0] = 0; /* no such request any more */
		return CR_ERROR;
	}
	return len < 0 ? CR_ERROR : CR_OK_HANDSHAKE_COMPLETE;
}

/* More than 0: the socket is ready. Else the call that waits fails. */
static int on_wait(my_socket fd, my_bool is_read, int timeout)
{
	struct mysql_try *a = fiber__arg();

	(void)timeout; /* the prober's own timer ends a try */
	unhide_authorities(a);
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

static void refuse(struct mysql_try *a, const char *fault)
{
	if (!a->fault)
		shutdown(mysql_get_socket(&a->mysql), SHUT_RDWR);
	a->fault = fault;
	a->given_up = true;
}

/* The library would log in without TLS where the server has none, or somebody on the way says so. */
static void check_greeting(struct mysql_try *a, const uchar *bytes, size_t len, size_t before)
{
	size_t room = before < MYSQL_GREETING_MAX ? MYSQL_GREETING_MAX - before : 0;
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
	struct mysql_try *a = fiber__arg();

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

void mysql_hooks__judge_certificate(struct mysql_try *a)
{
	SSL *ssl = tls_of(a);
	X509 *cert = ssl ? SSL_get0_peer_certificate(ssl) : NULL;
	int days = 0, seconds = 0;

	if (cert && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)))
		probe__judge_certificate(a->probe, (int64_t)days * 86400 + seconds);
}

/* --- the library's settings ------------------------------------------------------------------------- */

void mysql_hooks__set(struct mysql_try *a)
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
	/* With an authority the library insists on it. In a folder it looks only for what it needs. */
	if (args->verify && args->ca_file)
		mysql_optionsv(m, MYSQL_OPT_SSL_CA, args->ca_file);
	else if (args->verify)
		mysql_optionsv(m, MYSQL_OPT_SSL_CAPATH, X509_get_default_cert_dir());
	if (args->cert_file) {
		mysql_optionsv(m, MYSQL_OPT_SSL_CERT, args->cert_file);
		mysql_optionsv(m, MYSQL_OPT_SSL_KEY, args->key_file);
	}
}

int mysql_hooks__prepare(struct err *err)
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
		     : err__set(err, -EINVAL,
				"libmariadb %s does not take what looks at certificates",
				mysql_get_client_info());
}

bool mysql_hooks__has_openssl(void)
{
	const char *library = NULL;

	return mariadb_get_infov(NULL, MARIADB_TLS_LIBRARY, &library) == 0 && library &&
	       strstr(library, "OpenSSL");
}
