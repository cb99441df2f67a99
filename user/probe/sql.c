/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/talk.h"

/* --- what servers say --------------------------------------------------------------------------- */

static void is_unknown(struct sql_state *s, const char *why)
{
	/* The first fault of several sources is told. */
	if (!s->unknown)
		snprintf(s->why, sizeof(s->why), "%s", why);
	s->unknown = true;
}

/* A number without a sign, to its end. */
static bool number(const char *text, uint64_t *out)
{
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

static bool says_yes(const char *text)
{
	return text && strcmp(text, "Yes") == 0;
}

void sql_state__add_source(struct sql_state *s, const char *io_running, const char *sql_running,
			   const char *seconds_behind)
{
	uint64_t seconds = 0;

	s->follows = true;
	if (!says_yes(sql_running))
		is_unknown(s, "its SQL thread does not run");
	else if (!says_yes(io_running))
		is_unknown(s, "it is not connected to its source");
	else if (!number(seconds_behind, &seconds) || seconds > UINT64_MAX / 1000)
		is_unknown(s, "it does not know how far it is behind");
	else if (seconds * 1000 > s->lag_ms)
		s->lag_ms = seconds * 1000;
}

#define GREETING_PROTOCOL 10
#define GREETING_ERROR 0xff
#define CLIENT_SSL 0x0800

enum sql_offer sql_greeting__offer(const uint8_t *bytes, size_t len)
{
	/* 3 bytes of length, a number; protocol; version, to its NUL; thread (4), scramble (8), NUL. */
	const uint8_t *end;
	size_t at, size;

	if (len < 5)
		return SQL_OFFER_OPEN;
	size = 4 + (size_t)(bytes[0] | bytes[1] << 8 | bytes[2] << 16);
	if (bytes[4] == GREETING_ERROR)
		return SQL_OFFER_TLS;
	if (size < 5 || bytes[4] != GREETING_PROTOCOL)
		return SQL_OFFER_NONE;
	end = memchr(bytes + 5, 0, (len < size ? len : size) - 5);
	at = end ? (size_t)(end - bytes) + 14 : len;
	if (at + 2 > size)
		return SQL_OFFER_NONE;
	if (at + 2 > len)
		return SQL_OFFER_OPEN;
	return (bytes[at] | bytes[at + 1] << 8) & CLIENT_SSL ? SQL_OFFER_TLS : SQL_OFFER_NONE;
}

static bool boolean(const char *text, bool *out)
{
	*out = text && text[0] == 't';
	return !text || strcmp(text, "t") == 0 || strcmp(text, "f") == 0;
}

bool sql_state__of_recovery(struct sql_state *s, const char *in_recovery, const char *caught_up,
			    const char *receives, const char *age_ms)
{
	bool all, connected;

	if (!in_recovery || !boolean(in_recovery, &s->read_only) || !boolean(caught_up, &all) ||
	    !boolean(receives, &connected))
		return false;
	s->follows = s->read_only;
	/* Who is connected and has replayed all of it is not behind, however long nothing was written. */
	if (!s->read_only || (connected && all))
		return true;
	if (age_ms && age_ms[0] == '-') /* its clock is behind the primary's */
		return true;
	if (!age_ms)
		is_unknown(s, "it has replayed no transaction yet");
	else if (!number(age_ms, &s->lag_ms))
		return false;
	return true;
}

/* --- what that means ---------------------------------------------------------------------------- */

static void describe_lag(const struct sql_state *s, char *to, size_t size)
{
	snprintf(to, size, "%" PRIu64 ".%" PRIu64 " s behind", s->lag_ms / 1000,
		 s->lag_ms % 1000 / 100);
}

enum probe_outcome sql_state__judge(const struct sql_state *s, const struct config_probe *args,
				    char *detail, size_t size)
{
	enum config_role role = s->read_only ? CONFIG_ROLE_REPLICA : CONFIG_ROLE_MASTER;
	enum probe_outcome outcome;
	char lag[64] = "";

	/* Without a max_lag nobody has asked how far it is behind. */
	if (args->max_lag_ms && s->follows && !s->unknown)
		describe_lag(s, lag, sizeof(lag));
	outcome = probe__judge_role(args, role, lag, detail, size);
	if (outcome != PROBE_OK || !args->max_lag_ms)
		return outcome;
	if (s->follows && s->unknown) {
		snprintf(detail, size, "is a %s, but %s", config_role__name(role), s->why);
		return PROBE_FAILED;
	}
	if (!s->follows && s->read_only) {
		snprintf(detail, size, "is read-only, but follows no source");
		return PROBE_FAILED;
	}
	if (s->lag_ms > args->max_lag_ms) {
		snprintf(detail, size, "is a %s, %s; %u.%u s are allowed", config_role__name(role),
			 lag, args->max_lag_ms / 1000, args->max_lag_ms % 1000 / 100);
		return PROBE_FAILED;
	}
	return PROBE_OK;
}

/* --- sockets of libraries ----------------------------------------------------------------------- */

int sql__look(const struct probe *p)
{
	struct sockaddr_storage sa;
	socklen_t len = addr__sockaddr(&p->address, p->port, &sa);
	int fd = probe__socket(p, &p->address, SOCK_DGRAM), rc;

	if (fd < 0)
		return fd;
	/* Sends nothing: only the route is looked up. */
	rc = connect(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
	close(fd);
	return rc;
}

int sql__socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int err = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? errno : err;
}

void sql__reset_at_close(int fd)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

void sql__clause(char *to, size_t size, const char *text)
{
	size_t len = strcspn(text, "\n");

	talk__text(to, size, text, len);
}

bool sql__blames_us(const char *text)
{
	static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL};
	char number[16];

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		snprintf(number, sizeof(number), "(%d)", errors[i]);
		if (strstr(text, strerror(errors[i])) || strstr(text, number))
			return true;
	}
	return false;
}
