/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

/* One element of a list, by the value that no other may have. */
struct twin {
	unsigned char key[FL_ID_LEN]; /* zero-padded */
	size_t index;
	const struct node *node; /* where a mistake is told */
	bool computed; /* the value is a default, not written */
};

static int compare_twins(const void *pa, const void *pb)
{
	const struct twin *a = pa, *b = pb;
	int order = memcmp(a->key, b->key, sizeof(a->key));

	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Tells of each element that has the key of an earlier one: "list[3].id: same id as list[1]". */
static void tell_twins(struct twin *twins, size_t n, const char *list, const char *field,
		       const char *what, struct problem_sink *sink)
{
	size_t first = 0;

	qsort(twins, n, sizeof(*twins), compare_twins);
	for (size_t i = 1; i < n; i++) {
		if (memcmp(twins[i].key, twins[first].key, sizeof(twins[i].key)) != 0) {
			first = i;
			continue;
		}
		if (twins[i].computed && twins[first].computed)
			continue;
		problem_sink__add(sink, twins[i].node->line, twins[i].node->column,
				  "%s[%zu]%s: same %s as %s[%zu]", list, twins[i].index, field,
				  what, list, twins[first].index);
	}
}

static struct twin *add_twin(struct twin *twins, size_t *n, size_t index, const struct node *node)
{
	struct twin *t = &twins[(*n)++];

	memset(t, 0, sizeof(*t));
	t->index = index;
	t->node = node;
	return t;
}

/* Whether a key is written and wrong, so that what depends on it can't be judged. */
static bool is_broken(const struct node *map, const char *key)
{
	return node__find(map, key) >= 0 && !node__sound(map, key);
}

/* The items of a list that was read without a mistake of its own, else NULL. */
static struct node *const *items(const struct node *map, const char *key, size_t n)
{
	const struct node *list = node__sound(map, key);

	return list && list->kind == NODE_LIST && list->n_kids == n ? list->kids : NULL;
}

static void check_service_names(const struct config *c, struct node *const *nodes,
				struct twin *twins, struct problem_sink *sink)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct node *name = node__sound(nodes[i], "name");

		if (name)
			memcpy(add_twin(twins, &n, i, name)->key, c->services[i].name, FL_NAME_LEN);
	}
	tell_twins(twins, n, "services", ".name", "name", sink);
}

static void check_service_keys(const struct config *c, struct node *const *nodes,
			       struct twin *twins, struct problem_sink *sink)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_services; i++) {
		const struct config_service *s = &c->services[i];
		const struct node *vip = node__sound(nodes[i], "vip");
		struct twin *t;

		if (!vip || !node__sound(nodes[i], "port") || is_broken(nodes[i], "protocol"))
			continue;
		t = add_twin(twins, &n, i, vip);
		memcpy(t->key, s->vip.b, 16);
		memcpy(t->key + 16, &s->port, 2);
		t->key[18] = s->proto;
	}
	tell_twins(twins, n, "services", ".vip", "address, port and protocol", sink);
}

static void check_backend_twins(const struct config_service *s, struct node *const *nodes,
				const char *list, struct twin *twins, struct problem_sink *sink)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_backends; i++) {
		const struct node *id = node__sound(nodes[i], "id");
		const struct node *address = node__sound(nodes[i], "address");
		struct twin *t;

		if (!address || is_broken(nodes[i], "id"))
			continue;
		t = add_twin(twins, &n, i, id ? id : address);
		memcpy(t->key, s->backends[i].id, strlen(s->backends[i].id));
		t->computed = !id;
	}
	tell_twins(twins, n, list, ".id", "id", sink);
	n = 0;
	for (size_t i = 0; i < s->n_backends; i++) {
		const struct node *address = node__sound(nodes[i], "address");

		if (address)
			memcpy(add_twin(twins, &n, i, address)->key, s->backends[i].address.b, 16);
	}
	tell_twins(twins, n, list, ".address", "address", sink);
}

/* What a backend's address may be, given its service. */
static void check_addresses(const struct config_service *s, const struct node *service,
			    struct node *const *nodes, const char *list, struct problem_sink *sink)
{
	bool l2 = s->forward == CONFIG_FWD_L2 && !is_broken(service, "forward");

	if (!node__sound(service, "vip"))
		return;
	for (size_t i = 0; i < s->n_backends; i++) {
		const struct node *n = node__sound(nodes[i], "address");
		const struct addr *a = &s->backends[i].address;

		if (!n)
			continue;
		if (addr__equal(a, &s->vip))
			problem_sink__add(sink, n->line, n->column,
					  "%s[%zu].address: is the VIP itself; write the "
					  "backend's own address",
					  list, i);
		else if (l2 && addr__is4(a) != addr__is4(&s->vip))
			problem_sink__add(sink, n->line, n->column,
					  "%s[%zu].address: is IPv%d and the VIP is IPv%d, which "
					  "\"forward: l2\" can't join; use \"forward: ipip\"",
					  list, i, addr__is4(a) ? 4 : 6,
					  addr__is4(&s->vip) ? 4 : 6);
	}
}

static void check_weights(const struct config_service *s, const struct node *list_node,
			  const char *list, struct problem_sink *sink)
{
	for (size_t i = 0; i < s->n_backends; i++)
		if (s->backends[i].weight || list_node->kids[i]->bad ||
		    is_broken(list_node->kids[i], "weight"))
			return;
	problem_sink__add(sink, list_node->line, list_node->column,
			  "%s: every weight is 0, so no backend gets a flow", list);
}

static int check_backends(const struct config_service *s, const struct node *service, size_t index,
			  struct problem_sink *sink)
{
	struct node *const *nodes = items(service, "backends", s->n_backends);
	struct twin *twins;
	char list[64];

	if (!nodes)
		return 0;
	twins = calloc(s->n_backends, sizeof(*twins));
	if (!twins)
		return -ENOMEM;
	snprintf(list, sizeof(list), "services[%zu].backends", index);
	check_backend_twins(s, nodes, list, twins, sink);
	free(twins);
	check_addresses(s, service, nodes, list, sink);
	check_weights(s, node__sound(service, "backends"), list, sink);
	return 0;
}

static void check_probe(const struct config_probe *p, const struct node *service, size_t index,
			struct problem_sink *sink)
{
	static const char *const http_only[] = {"path", "host", "body", "status"};
	const struct node *probe = node__sound(service, "probe"), *fast;

	if (!probe)
		return;
	fast = node__sound(probe, "fast_interval");
	if (fast && !is_broken(probe, "interval") && p->fast_interval_ms > p->interval_ms)
		problem_sink__add(sink, fast->line, fast->column,
				  "services[%zu].probe.fast_interval: %u ms is longer than the "
				  "interval, %u ms",
				  index, p->fast_interval_ms, p->interval_ms);
	if (p->kind == CONFIG_PROBE_HTTP || is_broken(probe, "type"))
		return;
	for (size_t i = 0; i < sizeof(http_only) / sizeof(*http_only); i++) {
		long at = node__find(probe, http_only[i]);

		if (at >= 0)
			problem_sink__add(sink, probe->kids[at]->line, probe->kids[at]->column,
					  "services[%zu].probe.%s: only a probe of \"type: http\" "
					  "has it, this one is tcp",
					  index, http_only[i]);
	}
}

static int check_interfaces(const struct config *c, const struct node *root,
			    struct problem_sink *sink)
{
	struct node *const *nodes = items(root, "interfaces", c->n_interfaces);
	struct twin *twins;
	size_t n = 0;

	if (!nodes)
		return 0;
	twins = calloc(c->n_interfaces, sizeof(*twins));
	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_interfaces; i++)
		if (!nodes[i]->bad)
			memcpy(add_twin(twins, &n, i, nodes[i])->key, c->interfaces[i],
			       CONFIG_IFNAME_LEN);
	tell_twins(twins, n, "interfaces", "", "interface", sink);
	free(twins);
	return 0;
}

int config__check(const struct config *c, const struct node *root, struct problem_sink *sink)
{
	struct node *const *nodes = items(root, "services", c->n_services);
	int err = check_interfaces(c, root, sink);
	struct twin *twins;

	if (err || !nodes || !c->n_services)
		return err;
	twins = calloc(c->n_services, sizeof(*twins));
	if (!twins)
		return -ENOMEM;
	check_service_names(c, nodes, twins, sink);
	check_service_keys(c, nodes, twins, sink);
	free(twins);
	for (size_t i = 0; i < c->n_services; i++) {
		check_probe(&c->services[i].probe, nodes[i], i, sink);
		err = check_backends(&c->services[i], nodes[i], i, sink);
		if (err)
			return err;
	}
	return 0;
}
