/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c - every key of the file: where it goes, its range, its default. Here those of the top
 * level; the other schema_*.c have those of sections.
 *
 * docs/configuration.md says the same for people; tests/unit/config_docs_test.c finds what it says
 * otherwise.
 */
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>

#define SOCKET_MAX_LEN 107 /* sun_path of unix(7), without its NUL */
#define GROUP_MAX_LEN 32 /* as useradd(8) */

const struct choice schema_booleans[] = {
	{"true", true},
	{"false", false},
	{NULL, 0},
};

static const struct choice xdp_modes[] = {
	{"native", false},
	{"generic", true},
	{NULL, 0},
};

static const struct choice agent_losses[] = {
	{"keep", FL_LOSS_KEEP},
	{"pass", FL_LOSS_PASS},
	{"drop", FL_LOSS_DROP},
	{NULL, 0},
};

static const struct choice log_levels[] = {
	{"error", LOG_LV_ERROR},
	{"warn", LOG_LV_WARN},
	{"info", LOG_LV_INFO},
	{"debug", LOG_LV_DEBUG},
	{NULL, 0},
};

void *schema__array(struct reader *r, struct node *list, size_t size, size_t least,
		    const char *noun)
{
	void *array;

	if (!option__expect(r, list, NODE_LIST, noun))
		return NULL;
	if (list->n_kids < least) {
		reader__problem(r, list, "is empty; write at least one");
		return NULL;
	}
	if (!list->n_kids)
		return NULL;
	array = calloc(list->n_kids, size);
	if (!array)
		r->err = -ENOMEM;
	return array;
}

void schema__interfaces(struct reader *r, struct node *list, char (**to)[CONFIG_IFNAME_LEN],
			size_t *n_to)
{
	static const struct option name = {"", value__name, .size = CONFIG_IFNAME_LEN,
					   .rule = rule__interface};

	*to = schema__array(r, list, sizeof(**to), 1, "a list of interfaces");
	if (!*to)
		return;
	*n_to = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__name(r, &name, list->kids[i], (*to)[i]);
		reader__leave(r, was);
	}
}

static void read_interfaces(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	schema__interfaces(r, list, &c->interfaces, &c->n_interfaces);
}

void schema__addresses(struct reader *r, struct node *list, int family, size_t most,
		       struct addr **to, size_t *n_to)
{
	static const struct option host = {"", value__host, .size = sizeof(struct addr)};
	struct addr *addrs;

	if (list->kind == NODE_LIST && list->n_kids > most) {
		reader__problem(r, list, "holds %zu addresses, at most %zu fit", list->n_kids,
				most);
		return;
	}
	addrs = schema__array(r, list, sizeof(*addrs), 1, "a list of addresses");
	if (!addrs)
		return;
	*to = addrs;
	*n_to = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__host(r, &host, list->kids[i], &addrs[i]);
		if (!list->kids[i]->bad && family != AF_UNSPEC && addr__family(&addrs[i]) != family)
			reader__problem(r, list->kids[i], "\"%s\" is not an %s address",
					list->kids[i]->text, family == AF_INET ? "IPv4" : "IPv6");
		reader__leave(r, was);
	}
}

static void read_snat4(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	schema__addresses(r, list, AF_INET, FL_SNAT_ADDRS, &c->snat4, &c->n_snat4);
}

static void read_snat6(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	schema__addresses(r, list, AF_INET6, FL_SNAT_ADDRS, &c->snat6, &c->n_snat6);
}

#define CONFIG(member) AT(struct config, member)

/* Sections without an object of their own: offset 0 keeps `base` the struct config. */
static const struct option api_options[] = {
	{"socket", value__string, CONFIG(api_socket), .max = SOCKET_MAX_LEN, .rule = rule__file},
	{"group", value__string, CONFIG(api_group), .max = GROUP_MAX_LEN, .rule = rule__group,
	 .fallback = "fairlead"},
	{"listen", value__endpoint, CONFIG(api_listen),
	 .has = offsetof(struct config, has_api_listen)},
	{"token_file", value__string, CONFIG(api_token_file), .max = 4095, .rule = rule__file},
};
_Static_assert(offsetof(struct config, api_port) ==
		       offsetof(struct config, api_listen) + sizeof(struct addr),
	       "value__endpoint stores to both");
static const struct section api_section = {api_options, COUNT(api_options)};

static const struct option log_options[] = {
	{"level", value__choice, CONFIG(log_level), .choices = log_levels, .fallback = "info"},
};
static const struct section log_section = {log_options, COUNT(log_options)};

static const struct option encap_options[] = {
	{"source4", value__prefix4, CONFIG(encap_source4),
	 .has = offsetof(struct config, has_encap_source4)},
	{"source6", value__prefix6, CONFIG(encap_source6),
	 .has = offsetof(struct config, has_encap_source6)},
};
static const struct section encap_section = {encap_options, COUNT(encap_options)};

static const struct option snat_options[] = {
	{"source4", read_snat4, CONFIG(snat4),
	 LIST_OF(struct addr, struct config, n_snat4, .value = value__host)},
	{"source6", read_snat6, CONFIG(snat6),
	 LIST_OF(struct addr, struct config, n_snat6, .value = value__host)},
	{"ports", value__ports, CONFIG(snat_port_first), RANGE(1, 65535), .fallback = "1024-32767"},
};
static const struct section snat_section = {snat_options, COUNT(snat_options)};
_Static_assert(offsetof(struct config, snat_port_last) ==
		       offsetof(struct config, snat_port_first) + sizeof(uint16_t),
	       "value__ports stores to both");

#define ONE_IN RANGE(0, 1000000000)

static const struct option events_options[] = {
	{"flows", value__number, CONFIG(flow_event_every), ONE_IN, .fallback = "0"},
	{"drops", value__number, CONFIG(drop_event_every), ONE_IN, .fallback = "1000"},
};
static const struct section events_section = {events_options, COUNT(events_options)};

static const struct option journal_options[] = {
	{"enabled", value__choice, CONFIG(journal), .choices = schema_booleans, .fallback = "true"},
	{"path", value__string, CONFIG(journal_path), .max = 4000, .rule = rule__journal},
	{"rows", value__number, CONFIG(journal_rows), RANGE(1000, 100000000), .fallback = "200000"},
	{"size", value__number, CONFIG(journal_mib), RANGE(4, 1 << 20), .fallback = "64"},
	{"days", value__number, CONFIG(journal_days), RANGE(1, 3660), .fallback = "400"},
};
static const struct section journal_section = {journal_options, COUNT(journal_options)};

static const struct option anycast_options[] = {
	{"table", value__number, CONFIG(anycast_table), RANGE(1, UINT32_MAX), .fallback = "118"},
};
static const struct section anycast_section = {anycast_options, COUNT(anycast_options)};

static const struct option root_options[] = {
	{"instance", value__name, CONFIG(instance), .rule = rule__instance, .fallback = "main"},
	{"interfaces", read_interfaces, CONFIG(interfaces),
	 LIST_OF(char[CONFIG_IFNAME_LEN], struct config, n_interfaces, .value = value__name),
	 .missing = "where the program is attached, as in [eth0]"},
	{"xdp_mode", value__choice, CONFIG(xdp_generic), .choices = xdp_modes,
	 .fallback = "native"},
	{"flow_key", value__flow_key, CONFIG(flow_key),
	 .has = offsetof(struct config, has_flow_key)},
	{"on_agent_loss", value__choice, CONFIG(on_agent_loss), .choices = agent_losses,
	 .fallback = "keep"},
	{"lease", value__duration, CONFIG(lease_ms), RANGE(100, MINUTE), .fallback = "1s"},
	{"api", option__section, .section = &api_section},
	{"log", option__section, .section = &log_section},
	{"encap", option__section, .section = &encap_section},
	{"sources", option__section, CONFIG(sources), .section = &schema_sources},
	{"snat", option__section, .section = &snat_section},
	{"events", option__section, .section = &events_section},
	{"journal", option__section, .section = &journal_section},
	{"alerts", schema__alerts, CONFIG(alerts),
	 LIST_OF(struct config_alert, struct config, n_alerts, .section = &schema_alert)},
	{"peers", schema__peers, CONFIG(peers), .inside = &schema_peers},
	{"anycast", option__section, .section = &anycast_section},
	{"bfd", schema__bfd, CONFIG(bfd),
	 LIST_OF(struct config_bfd, struct config, n_bfd, .section = &schema_bfd)},
	{"vrrp", schema__vrrp, CONFIG(vrrp),
	 LIST_OF(struct config_vrrp, struct config, n_vrrp, .section = &schema_vrrp)},
	{"services", schema__services, CONFIG(services),
	 LIST_OF(struct config_service, struct config, n_services, .section = &schema_service,
		 .kind = LIST_SERVICES)},
};
const struct section config_section = {root_options, COUNT(root_options)};

_Static_assert(COUNT(root_options) <= SECTION_MAX_OPTIONS, "the longest table here");
