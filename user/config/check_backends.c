/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_backends.c - the backends of a service among themselves, and what the service can reach. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/twins.h"

/* The port that its packets arrive at; 0: any, or that of a range. */
static uint16_t port_of(const struct config_service *s, const struct config_backend *b)
{
	if (b->port || s->port != s->port_last)
		return b->port;
	return s->port;
}

static void check_twins(const struct config_service *s, struct node *const *nodes, const char *list,
			struct twins *twins, struct problem_sink *sink)
{
	for (size_t i = 0; i < s->n_backends; i++) {
		const struct config_backend *b = &s->backends[i];
		const struct node *id = node__sound(nodes[i], "id");
		const struct node *address = node__sound(nodes[i], "address");
		struct twin *t;

		if (!address || check__broken(nodes[i], "id") ||
		    (!id && check__broken(nodes[i], "port")))
			continue;
		t = twins__add(twins, list, i, id ? id : address);
		memcpy(t->key, b->id, strlen(b->id));
		/* Two defaults of the same address and port are told below. */
		t->computed = id ? 0 : 1U + port_of(s, b);
	}
	twins__tell(twins, ".id", "id", sink);
	for (size_t i = 0; i < s->n_backends; i++) {
		const struct node *address = node__sound(nodes[i], "address");
		uint16_t port = port_of(s, &s->backends[i]);
		struct twin *t;

		if (!address || check__broken(nodes[i], "port"))
			continue;
		t = twins__add(twins, list, i, address);
		memcpy(t->key, s->backends[i].address.b, 16);
		if (config_service__translates(s))
			memcpy(t->key + 16, &port, sizeof(port));
	}
	twins__tell(twins, ".address",
		    config_service__translates(s) ? "address and port" : "address", sink);
}

static void check_address(const struct config_service *s, const struct node *service,
			  const struct addr *a, const struct node *n, const char *path,
			  struct problem_sink *sink)
{
	bool joins = s->forward == CONFIG_FWD_IPIP || s->forward == CONFIG_FWD_GUE;

	if (addr_prefix__holds(&s->vip, a))
		check__tell(sink, n, "%s.address: is %s; write the backend's own address", path,
			    s->vip.len == 128 ? "the VIP itself" : "inside the VIP's prefix");
	else if (!joins && !check__broken(service, "forward") &&
		 addr__is4(a) != addr__is4(&s->vip.addr))
		check__tell(sink, n,
			    "%s.address: is IPv%d and the VIP is IPv%d, which \"forward: %s\" "
			    "can't join; use \"forward: ipip\" or \"forward: gue\"",
			    path, addr__is4(a) ? 4 : 6, addr__is4(&s->vip.addr) ? 4 : 6,
			    config_forward__name(s->forward));
}

/* The backend's port, where one is written. */
static void check_port(const struct config_service *s, const struct node *service, uint16_t port,
		       const struct node *n, const char *path, struct problem_sink *sink)
{
	if (check__broken(service, "forward"))
		return;
	if (!config_service__translates(s)) {
		check__tell(sink, n,
			    "%s.port: only \"forward: nat\" and \"forward: fullnat\" change ports, "
			    "this service has %s",
			    path, config_forward__name(s->forward));
		return;
	}
	if (!node__sound(service, "port"))
		return;
	if (s->port != s->port_last)
		check__tell(sink, n,
			    "%s.port: the service has %s, which stays as it is; leave the "
			    "backend's port out",
			    path, s->port ? "a range of ports" : "any port");
	else if (s->proto == IPPROTO_SCTP && !check__broken(service, "protocol") && port != s->port)
		check__tell(sink, n,
			    "%s.port: must be the service's, %u: the checksum of sctp covers the "
			    "ports (RFC 9260 6.8), so none is changed",
			    path, s->port);
}

static void check_weights(const struct config_service *s, const struct node *list_node,
			  const char *list, struct problem_sink *sink)
{
	for (size_t i = 0; i < s->n_backends; i++)
		if (s->backends[i].weight || list_node->kids[i]->bad ||
		    check__broken(list_node->kids[i], "weight"))
			return;
	check__tell(sink, list_node, "%s: every weight is 0, so no backend gets a flow", list);
}

static void check_backups(const struct config_service *s, const struct node *list_node,
			  const char *list, struct problem_sink *sink)
{
	for (size_t i = 0; i < s->n_backends; i++)
		if (!s->backends[i].backup || list_node->kids[i]->bad)
			return;
	check__tell(sink, list_node, "%s: every backend is a backup, so there is none to back up",
		    list);
}

int check__backends(const struct config_service *s, const struct node *service, size_t index,
		    struct problem_sink *sink)
{
	struct node *const *nodes = check__items(service, "backends", s->n_backends);
	char list[PATH_LEN], path[PATH_LEN + 24];
	struct twins *twins;

	if (!nodes)
		return 0;
	twins = twins__new(s->n_backends);
	if (!twins)
		return -ENOMEM;
	snprintf(list, sizeof(list), "services[%zu].backends", index);
	check_twins(s, nodes, list, twins, sink);
	free(twins);
	for (size_t i = 0; i < s->n_backends; i++) {
		const struct node *address = node__sound(nodes[i], "address");
		const struct node *port = node__sound(nodes[i], "port");

		snprintf(path, sizeof(path), "%s[%zu]", list, i);
		if (address && node__sound(service, "vip"))
			check_address(s, service, &s->backends[i].address, address, path, sink);
		if (port)
			check_port(s, service, s->backends[i].port, port, path, sink);
	}
	check_weights(s, node__sound(service, "backends"), list, sink);
	check_backups(s, node__sound(service, "backends"), list, sink);
	return 0;
}
