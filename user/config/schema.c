/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c - every key of the file: where it goes, its range, its default.
 *
 * docs/configuration.md says the same for people; tests/unit/config_docs_test.c finds a key that
 * only one of the two has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"
#include "config/value.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define RANGE(low, high) .min = (low), .max = (high)

#define PATH_MAX_LEN 1024 /* path and body of an HTTP probe, bytes */
#define HOST_MAX_LEN 255 /* RFC 1035 2.3.4 */
#define SOCKET_MAX_LEN 107 /* sun_path of unix(7), without its NUL */
#define GROUP_MAX_LEN 32 /* as useradd(8) */

static const struct choice probe_kinds[] = {
	{"tcp", CONFIG_PROBE_TCP},
	{"http", CONFIG_PROBE_HTTP},
	{NULL, 0},
};

static const struct choice forwards[] = {
	{"l2", CONFIG_FWD_L2},
	{"ipip", CONFIG_FWD_IPIP},
	{NULL, 0},
};

static const struct choice protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{NULL, 0},
};

static const struct choice slot_classes[] = {
	{"4096", FL_SLOTS_4K},
	{"65536", FL_SLOTS_64K},
	{"1048576", FL_SLOTS_1M},
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

/* The unit of intervals is the millisecond, as in struct config. */
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

#define PROBE(member) AT(struct config_probe, member)

static const struct option probe_options[] = {
	{"type", value__choice, PROBE(kind), .choices = probe_kinds, .fallback = "tcp"},
	{"interval", value__duration, PROBE(interval_ms), RANGE(10, HOUR), .fallback = "2s"},
	{"fast_interval", value__duration, PROBE(fast_interval_ms), RANGE(10, HOUR)},
	{"timeout", value__duration, PROBE(timeout_ms), RANGE(1, MINUTE), .fallback = "1s"},
	{"rise", value__number, PROBE(rise), RANGE(1, 100), .fallback = "2"},
	{"fall", value__number, PROBE(fall), RANGE(1, 100), .fallback = "3"},
	{"jitter", value__percent, PROBE(jitter_pct), RANGE(0, 50), .fallback = "10%"},
	{"port", value__number, PROBE(port), RANGE(1, 65535)},
	{"path", value__string, PROBE(path), .max = PATH_MAX_LEN, .rule = rule__http_path},
	{"host", value__string, PROBE(host), .max = HOST_MAX_LEN, .rule = rule__http_host},
	{"body", value__string, PROBE(body), .max = PATH_MAX_LEN},
	{"status", value__status, PROBE(status_min), RANGE(100, 599), .fallback = "200-399"},
};
static const struct section probe_section = {probe_options, COUNT(probe_options)};

#define BACKEND(member) AT(struct config_backend, member)

static const struct option backend_options[] = {
	{"id", value__name, BACKEND(id), .rule = rule__id},
	{"address", value__host, BACKEND(address), .missing = "where its packets are sent"},
	{"weight", value__number, BACKEND(weight), RANGE(0, CONFIG_MAX_WEIGHT), .fallback = "100"},
};
static const struct section backend_section = {backend_options, COUNT(backend_options)};

/*
 * An array of `size`-byte elements for the items of a list, told when it is no list or is empty.
 * NULL when there is nothing to read.
 */
static void *new_array(struct reader *r, struct node *list, size_t size, size_t least,
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

static void read_backends(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_service *s = base;
	char text[ADDR_STRLEN];

	(void)o;
	if (list->kind == NODE_LIST && r->n_backends + list->n_kids > FL_MAX_BACKENDS - 1) {
		reader__problem(r, list, "with these the file has %zu backends, at most %d fit",
				r->n_backends + list->n_kids, FL_MAX_BACKENDS - 1);
		return;
	}
	s->backends = new_array(r, list, sizeof(*s->backends), 1, "a list of backends");
	if (!s->backends)
		return;
	s->n_backends = list->n_kids;
	r->n_backends += list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);
		struct config_backend *b = &s->backends[i];

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &backend_section, list->kids[i], b);
		if (!b->id[0])
			snprintf(b->id, sizeof(b->id), "%s", addr__format(&b->address, text));
		reader__leave(r, was);
	}
}

#define SERVICE(member) AT(struct config_service, member)

static const struct option service_options[] = {
	{"name", value__name, SERVICE(name), .rule = rule__instance,
	 .missing = "what commands and metrics call it"},
	{"vip", value__host, SERVICE(vip), .missing = "the address that clients connect to"},
	{"port", value__number, SERVICE(port), RANGE(1, 65535),
	 .missing = "the port that clients connect to"},
	{"protocol", value__choice, SERVICE(proto), .choices = protocols, .fallback = "tcp"},
	{"forward", value__choice, SERVICE(forward), .choices = forwards, .fallback = "l2"},
	{"slots", value__choice, SERVICE(slot_class), .choices = slot_classes, .fallback = "65536"},
	{"probe", option__section, SERVICE(probe), .section = &probe_section},
	{"backends", read_backends, SERVICE(backends), .missing = "where its flows go"},
};
static const struct section service_section = {service_options, COUNT(service_options)};

/* The defaults of a probe that depend on its other values. */
static void complete_probe(struct reader *r, struct config_probe *p)
{
	if (!p->fast_interval_ms)
		p->fast_interval_ms = p->interval_ms / 4 > 10 ? p->interval_ms / 4 : 10;
	if (p->kind == CONFIG_PROBE_HTTP && !p->path) {
		p->path = strdup("/");
		if (!p->path)
			r->err = -ENOMEM;
	}
}

static void read_services(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	/* Id 0 is never used (abi.h). */
	if (list->kind == NODE_LIST && list->n_kids > FL_MAX_SERVICES - 1) {
		reader__problem(r, list, "holds %zu services, at most %d fit", list->n_kids,
				FL_MAX_SERVICES - 1);
		return;
	}
	c->services = new_array(r, list, sizeof(*c->services), 0, "a list of services");
	if (!c->services)
		return;
	c->n_services = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &service_section, list->kids[i], &c->services[i]);
		complete_probe(r, &c->services[i].probe);
		reader__leave(r, was);
	}
}

static void read_interfaces(struct reader *r, const struct option *o, struct node *list, void *base)
{
	static const struct option name = {"", value__name, .size = CONFIG_IFNAME_LEN,
					   .rule = rule__interface};
	struct config *c = base;

	(void)o;
	c->interfaces = new_array(r, list, sizeof(*c->interfaces), 1, "a list of interfaces");
	if (!c->interfaces)
		return;
	c->n_interfaces = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		value__name(r, &name, list->kids[i], c->interfaces[i]);
		reader__leave(r, was);
	}
}

#define CONFIG(member) AT(struct config, member)

/* Sections without an object of their own: offset 0 keeps `base` the struct config. */
static const struct option api_options[] = {
	{"socket", value__string, CONFIG(api_socket), .max = SOCKET_MAX_LEN, .rule = rule__socket},
	{"group", value__string, CONFIG(api_group), .max = GROUP_MAX_LEN, .rule = rule__group,
	 .fallback = "fairlead"},
};
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

static const struct option root_options[] = {
	{"instance", value__name, CONFIG(instance), .rule = rule__instance, .fallback = "main"},
	{"interfaces", read_interfaces, CONFIG(interfaces),
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
	{"services", read_services, CONFIG(services)},
};
const struct section config_section = {root_options, COUNT(root_options)};

_Static_assert(COUNT(probe_options) <= SECTION_MAX_OPTIONS, "the longest table");
