/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

static void free_service(struct config_service *s)
{
	free(s->probe.path);
	free(s->probe.host);
	free(s->probe.body);
	free(s->backends);
}

void config__free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_services; i++)
		free_service(&c->services[i]);
	free(c->services);
	free(c->interfaces);
	free(c->api_socket);
	free(c->api_group);
	explicit_bzero(c->flow_key, sizeof(c->flow_key));
	free(c);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool config_probe__equal(const struct config_probe *a, const struct config_probe *b)
{
	if (a->kind != b->kind || a->interval_ms != b->interval_ms ||
	    a->fast_interval_ms != b->fast_interval_ms || a->timeout_ms != b->timeout_ms ||
	    a->rise != b->rise || a->fall != b->fall || a->jitter_pct != b->jitter_pct ||
	    a->port != b->port)
		return false;
	if (a->kind != CONFIG_PROBE_HTTP)
		return true;
	return same_text(a->path, b->path) && same_text(a->host, b->host) &&
	       same_text(a->body, b->body) && a->status_min == b->status_min &&
	       a->status_max == b->status_max;
}

const char *config_probe_kind__name(enum config_probe_kind kind)
{
	return kind == CONFIG_PROBE_HTTP ? "http" : "tcp";
}

const char *config_forward__name(enum config_forward forward)
{
	return forward == CONFIG_FWD_IPIP ? "ipip" : "l2";
}

const struct config_service *config__service(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return &c->services[i];
	return NULL;
}
