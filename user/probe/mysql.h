/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mysql.h - a try of mysql.c, which the library's hooks (mysql_hooks.c) know as well. */
#ifndef FAIRLEAD_PROBE_MYSQL_H
#define FAIRLEAD_PROBE_MYSQL_H

#include <mariadb/mysql.h>

#include "probe/fiber.h"
#include "probe/secret.h"
#include "probe/sql.h"

#define MYSQL_GREETING_MAX 256 /* bytes of a greeting that are looked at */

/* One try. The fiber runs the library, which calls what mysql_hooks.c gives it. */
struct mysql_try {
	uv_poll_t poll;
	struct prober *prober;
	struct probe *probe;
	struct fiber *fiber;
	bool polled; /* the handle is open */
	int fd, events; /* what the library waits for */
	bool connected;
	char **environment; /* the process's, while the library looks at another one; else NULL */
	bool given_up; /* the library is to tidy up, and not to wait any more */
	const char *fault; /* found here, and not by the library */
	bool closed; /* by the server */
	size_t received;
	uint8_t greeting[MYSQL_GREETING_MAX];
	int err; /* the connection failed by it */
	int certificate; /* why it is not accepted, X509_V_ERR_...; 0: it is, or there is none */
	enum probe_outcome outcome; /* the verdict, if not given up */
	bool ours; /* no verdict: something of this machine's is in the way */
	MYSQL mysql;
	const char *password; /* NULL: none */
	char secret[SECRET_LEN];
	char detail[PROBE_DETAIL_LEN];
};

/* Once, before there is a try: what they all need of the library. */
int mysql_hooks__prepare(struct err *err);

/* Sets a connection up to wait by us, to log in only in ways that keep the password, and for TLS. */
void mysql_hooks__set(struct mysql_try *t);

/* Whether certificates can be looked at: there are builds of libmariadb with other libraries than OpenSSL. */
bool mysql_hooks__has_openssl(void);

/* Of a connection that stands: its certificate's end, if it is near, goes to the result. */
void mysql_hooks__judge_certificate(struct mysql_try *t);

#endif
