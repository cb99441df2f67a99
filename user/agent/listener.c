/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/listener.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "core/log.h"

static bool is_same(const struct config *have, const struct config *next)
{
	if (!have)
		return !next->has_api_listen;
	if (!have->has_api_listen || !next->has_api_listen)
		return have->has_api_listen == next->has_api_listen;
	return have->api_port == next->api_port &&
	       addr__equal(&have->api_listen, &next->api_listen);
}

int listener__stage(const struct agent *a, const struct config *next, int *out, struct err *err)
{
	*out = -1;
	if (is_same(a->config, next) || !next->has_api_listen)
		return 0;
	return api__bind(&next->api_listen, next->api_port, out, err);
}

void listener__undo(int fd)
{
	if (fd >= 0)
		close(fd);
}

void listener__commit(struct agent *a, const struct config *next, int fd)
{
	if (is_same(a->config, next))
		return;
	a->listener = (struct listener){.fd = fd, .changed = true};
}

void listener__configured(struct agent *a)
{
	char address[ADDR_STRLEN], name[ADDR_STRLEN + 12];
	const struct config *c = a->config;
	struct err err;

	/* What is wrong with it is logged. */
	(void)api__token_problem(a->api, &err);
	if (!a->listener.changed)
		return;
	a->listener.changed = false;
	snprintf(name, sizeof(name), "%s, TCP port %u", addr__format(&c->api_listen, address),
		 c->api_port);
	if (api__listen(a->api, a->listener.fd, name, &err))
		log_error("%s", err.text);
	else if (c->has_api_listen)
		log_info("the dashboard is at http://%s%s%s:%u/, and metrics are at /metrics there",
			 addr__is4(&c->api_listen) ? "" : "[", address,
			 addr__is4(&c->api_listen) ? "" : "]", c->api_port);
}
