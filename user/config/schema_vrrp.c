/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_vrrp.c - the keys of a VRRP group. */
#include "config/schema.h"

#define GROUP(member) AT(struct config_vrrp, member)

static void read_addresses(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_vrrp *g = base;

	(void)o;
	schema__addresses(r, list, AF_UNSPEC, CONFIG_VRRP_ADDRESSES, &g->addresses,
			  &g->n_addresses);
}

static void read_peers(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_vrrp *g = base;

	(void)o;
	schema__addresses(r, list, AF_UNSPEC, CONFIG_VRRP_PEERS, &g->peers, &g->n_peers);
}

static void read_track(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_vrrp *g = base;

	(void)o;
	schema__interfaces(r, list, &g->track, &g->n_track);
}

static void read_track_bfd(struct reader *r, const struct option *o, struct node *list, void *base)
{
	static const struct option peer = {"", value__neighbor, .size = sizeof(struct addr)};
	struct config_vrrp *g = base;

	(void)o;
	g->track_bfd = schema__array(r, list, sizeof(*g->track_bfd), 1, "a list of addresses");
	if (!g->track_bfd)
		return;
	g->n_track_bfd = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__neighbor(r, &peer, list->kids[i], &g->track_bfd[i]);
		reader__leave(r, was);
	}
}

/* What a probe of the kind exec has, as far as it means something for a command that nobody is asked by. */
#define COMMAND(member) AT(struct config_track_command, member)
static const struct option command_options[] = {
	{"name", value__name, COMMAND(name), .rule = rule__instance,
	 .missing = "what status and log call it"},
	{"command", value__words, COMMAND(probe.command), .max = CONFIG_EXEC_WORDS,
	 .missing = "the program that is run, and its arguments"},
	{"env", value__words, COMMAND(probe.env), .max = CONFIG_EXEC_WORDS, .rule = rule__env},
	{"interval", value__duration, COMMAND(probe.interval_ms), RANGE(10, HOUR),
	 .fallback = "2s"},
	{"timeout", value__duration, COMMAND(probe.timeout_ms), RANGE(1, MINUTE), .fallback = "1s"},
	{"rise", value__number, COMMAND(probe.rise), RANGE(1, 100), .fallback = "2"},
	{"fall", value__number, COMMAND(probe.fall), RANGE(1, 100), .fallback = "3"},
	{"jitter", value__percent, COMMAND(probe.jitter_pct), RANGE(0, 50), .fallback = "10%"},
	{"cost", value__number, COMMAND(cost), RANGE(1, 254), .fallback = "50"},
};
static const struct section command_section = {command_options, COUNT(command_options)};

static void read_commands(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_vrrp *g = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_TRACK_COMMANDS) {
		reader__problem(r, list, "holds %zu commands, at most %d fit", list->n_kids,
				CONFIG_TRACK_COMMANDS);
		return;
	}
	g->commands = schema__array(r, list, sizeof(*g->commands), 1, "a list of commands");
	if (!g->commands)
		return;
	g->n_commands = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		g->commands[i].probe.kind = CONFIG_PROBE_EXEC;
		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &command_section, list->kids[i], &g->commands[i]);
		/* Of an exec probe nothing is completed that needs memory. */
		(void)schema_probe__complete(&g->commands[i].probe);
		reader__leave(r, was);
	}
}

/* Of the group itself: offset 0 keeps `base`. */
static const struct option track_options[] = {
	{"interfaces", read_track, GROUP(track),
	 LIST_OF(char[CONFIG_IFNAME_LEN], struct config_vrrp, n_track, .value = value__name)},
	{"interface_cost", value__number, GROUP(interface_cost), RANGE(1, 254), .fallback = "50"},
	{"bfd", read_track_bfd, GROUP(track_bfd),
	 LIST_OF(struct addr, struct config_vrrp, n_track_bfd, .value = value__neighbor)},
	{"bfd_cost", value__number, GROUP(bfd_cost), RANGE(1, 254), .fallback = "50"},
	{"commands", read_commands, GROUP(commands),
	 LIST_OF(struct config_track_command, struct config_vrrp, n_commands,
		 .section = &command_section)},
	{"bgp", schema__bgp, GROUP(bgp),
	 LIST_OF(struct config_track_bgp, struct config_vrrp, n_bgp, .section = &schema_bgp)},
	{"backends_cost", value__number, GROUP(backends_cost), RANGE(0, 254), .fallback = "0"},
	{"min_up_cost", value__number, GROUP(min_up_cost), RANGE(0, 254), .fallback = "0"},
};
static const struct section track_section = {track_options, COUNT(track_options)};

static const struct option group_options[] = {
	{"name", value__name, GROUP(name), .rule = rule__instance,
	 .missing = "what status and log call it"},
	{"interface", value__name, GROUP(interface), .rule = rule__interface,
	 .missing = "where its addresses and adverts are"},
	{"vrid", value__number, GROUP(vrid), RANGE(1, 255),
	 .missing = "the virtual router's number, the same on all its balancers"},
	{"addresses", read_addresses, GROUP(addresses),
	 LIST_OF(struct addr, struct config_vrrp, n_addresses, .value = value__host),
	 .missing = "which addresses the active balancer has"},
	{"virtual_mac", value__choice, GROUP(virtual_mac), .choices = schema_booleans,
	 .fallback = "false"},
	{"priority", value__number, GROUP(priority), RANGE(1, 255), .fallback = "100"},
	{"interval", value__duration, GROUP(interval_ms), RANGE(10, 40950), .fallback = "1s"},
	{"preempt", value__choice, GROUP(preempt), .choices = schema_booleans, .fallback = "true"},
	{"preempt_delay", value__duration, GROUP(preempt_delay_ms), RANGE(0, HOUR),
	 .fallback = "0s"},
	{"source", value__host, GROUP(source), .has = offsetof(struct config_vrrp, has_source)},
	{"peers", read_peers, GROUP(peers),
	 LIST_OF(struct addr, struct config_vrrp, n_peers, .value = value__host)},
	{"sync", value__name, GROUP(sync), .rule = rule__instance},
	{"track", option__section, .section = &track_section},
};
const struct section schema_vrrp = {group_options, COUNT(group_options)};

void schema__vrrp(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_VRRP_GROUPS) {
		reader__problem(r, list, "holds %zu groups, at most %d fit", list->n_kids,
				CONFIG_VRRP_GROUPS);
		return;
	}
	c->vrrp = schema__array(r, list, sizeof(*c->vrrp), 0, "a list of VRRP groups");
	if (!c->vrrp)
		return;
	c->n_vrrp = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &schema_vrrp, list->kids[i], &c->vrrp[i]);
		reader__leave(r, was);
	}
}
