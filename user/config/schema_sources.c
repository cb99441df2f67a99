/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_sources.c - the lists of who may send, of the instance and of a service. */
#include "config/schema.h"

static void read_nets(struct reader *r, struct node *list, size_t least, struct addr_prefix **to,
		      size_t *n_to)
{
	static const struct option net = {"", value__net, .size = sizeof(struct addr_prefix)};
	struct addr_prefix *nets;

	if (list->kind == NODE_LIST && r->n_sources + list->n_kids > CONFIG_MAX_SOURCES) {
		reader__problem(r, list,
				"with these the file has %zu source prefixes, at most %d fit",
				r->n_sources + list->n_kids, CONFIG_MAX_SOURCES);
		return;
	}
	nets = schema__array(r, list, sizeof(*nets), least, "a list of addresses and prefixes");
	if (!nets)
		return;
	*to = nets;
	*n_to = list->n_kids;
	r->n_sources += list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__net(r, &net, list->kids[i], &nets[i]);
		reader__leave(r, was);
	}
}

/* An empty list could mean "nobody" as well as "no list", so there is none. */
static void read_allow(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_sources *s = base;

	(void)o;
	read_nets(r, list, 1, &s->allow, &s->n_allow);
}

static void read_deny(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_sources *s = base;

	(void)o;
	read_nets(r, list, 0, &s->deny, &s->n_deny);
}

#define SOURCES(member) AT(struct config_sources, member)

static const struct option sources_options[] = {
	{"allow", read_allow, SOURCES(allow),
	 LIST_OF(struct addr_prefix, struct config_sources, n_allow, .value = value__net)},
	{"deny", read_deny, SOURCES(deny),
	 LIST_OF(struct addr_prefix, struct config_sources, n_deny, .value = value__net)},
	{"monitor", value__choice, SOURCES(monitor), .choices = schema_booleans,
	 .fallback = "false"},
};
const struct section schema_sources = {sources_options, COUNT(sources_options)};
