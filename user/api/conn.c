/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections, bounded in number and in time.
 *
 * libmicrohttpd's own timeout begins anew with each byte, so that a client which sends one every few seconds
 * would stay for ever; and at its own limit it lets nobody in, so that as many such clients would shut all others
 * out. Here, a request and its answer have a deadline, and with all places taken the newcomer gets that of
 * the one who has waited longest: who sends his request at once is served, whatever others do.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "api/internal.h"

/* libmicrohttpd finds it ended, and tells. */
void api_conn__end(struct api_server *s, struct api_conn *c)
{
	c->ending = true;
	s->n_conns--;
	shutdown(c->fd, SHUT_RDWR);
}

static void displace_one(struct api_server *s)
{
	struct api_conn *c;

	TAILQ_FOREACH (c, &s->conns, entry) {
		if (!c->ending && !c->suspended) {
			api_conn__end(s, c);
			return;
		}
	}
}

static struct api_conn *begin(struct api_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct api_conn *c = info ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return NULL;
	c->fd = info->connect_fd;
	c->since_ms = uv_now(s->api->loop);
	if (s->n_conns >= API_MAX_CONNECTIONS)
		displace_one(s);
	s->n_conns++;
	TAILQ_INSERT_TAIL(&s->conns, c, entry);
	return c;
}

void api_conn__notify(void *server, struct MHD_Connection *connection, void **socket_context,
		      enum MHD_ConnectionNotificationCode code)
{
	struct api_server *s = server;
	struct api_conn *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = begin(s, connection);
	} else if (c) {
		s->n_conns -= !c->ending;
		TAILQ_REMOVE(&s->conns, c, entry);
		free(c);
		*socket_context = NULL;
	}
}

struct api_conn *api_conn__of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

void api_conn__renew(struct api_server *s, struct api_conn *c)
{
	c->since_ms = uv_now(s->api->loop);
	TAILQ_REMOVE(&s->conns, c, entry);
	TAILQ_INSERT_TAIL(&s->conns, c, entry);
}

void api_conns__expire(struct api_server *s)
{
	uint64_t now_ms = uv_now(s->api->loop);
	struct api_conn *c;

	TAILQ_FOREACH (c, &s->conns, entry) {
		if (now_ms - c->since_ms < s->deadline_ms)
			return;
		if (c->ending || c->suspended)
			continue;
		c->late = true;
		api_conn__end(s, c);
	}
}
