/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

static void free_sources(struct config_sources *s)
{
	free(s->allow);
	free(s->deny);
}

static void free_service(struct config_service *s)
{
	config_probe__clear(&s->probe);
	free(s->backends);
	free_sources(&s->sources);
}

static void free_vrrp(struct config_vrrp *g)
{
	free(g->addresses);
	free(g->peers);
	free(g->track);
	free(g->track_bfd);
	for (size_t i = 0; i < g->n_commands; i++)
		config_probe__clear(&g->commands[i].probe);
	free(g->commands);
	free(g->bgp);
}

void config__free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_services; i++)
		free_service(&c->services[i]);
	free(c->services);
	for (size_t i = 0; i < c->n_vrrp; i++)
		free_vrrp(&c->vrrp[i]);
	free(c->vrrp);
	free_sources(&c->sources);
	for (size_t i = 0; i < c->n_alerts; i++)
		config_alert__clear(&c->alerts[i]);
	free(c->alerts);
	free(c->peers);
	free(c->peer_key_file);
	free(c->bfd);
	free(c->snat4);
	free(c->snat6);
	free(c->interfaces);
	free(c->api_socket);
	free(c->api_token_file);
	free(c->api_group);
	free(c->journal_path);
	explicit_bzero(c->flow_key, sizeof(c->flow_key));
	free(c);
}

bool config_vrrp__has(const struct config_vrrp *g, const struct config_service *s)
{
	for (size_t i = 0; i < g->n_addresses; i++) {
		if (s->vip.len == 128 && addr__equal(&g->addresses[i], &s->vip.addr))
			return true;
	}
	return false;
}

bool config__in_group(const struct config *c, const struct config_service *s)
{
	for (size_t i = 0; i < c->n_vrrp; i++) {
		if (config_vrrp__has(&c->vrrp[i], s))
			return true;
	}
	return false;
}

bool config_service__wild(const struct config_service *s)
{
	return s->vip.len != 128 || s->port != s->port_last;
}

bool config_service__translates(const struct config_service *s)
{
	return s->forward == CONFIG_FWD_NAT || s->forward == CONFIG_FWD_FULLNAT;
}

uint16_t config_service__probe_port(const struct config_service *s, const struct config_backend *b)
{
	if (s->probe.port)
		return s->probe.port;
	if (s->probe.by_path)
		return s->port;
	return b->port ? b->port : s->port;
}

bool config_sources__any(const struct config_sources *s)
{
	return s->n_allow || s->n_deny;
}

bool config_limits__any(const struct config_limits *l)
{
	return l->packets || l->connections || l->source_packets || l->source_connections;
}

const struct config_service *config__service(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (strcmp(c->services[i].name, name) == 0)
			return &c->services[i];
	return NULL;
}
