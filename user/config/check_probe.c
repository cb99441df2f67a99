/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_probe.c - what goes together in one probe. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/check.h"
#include "config/schema.h"

/* The probe under the check. */
struct subject {
	const struct config_probe *probe;
	const struct node *node;
	size_t index; /* of the service */
	struct problem_sink *sink;
};

/* Whether the file has the key, right or wrong. */
static bool given(const struct subject *s, const char *key)
{
	return node__find(s->node, key) >= 0;
}

/* Tells of a key's value, where it stands; of the probe as a whole if the key is not written. */
__attribute__((format(printf, 3, 4))) static void tell(const struct subject *s, const char *key,
						       const char *fmt, ...)
{
	long at = node__find(s->node, key);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (at >= 0)
		check__tell(s->sink, s->node->kids[at + 1], "services[%zu].probe.%s: %s", s->index,
			    key, text);
	else
		check__tell(s->sink, s->node, "services[%zu].probe: %s", s->index, text);
}

/* "http, https", the kinds of a mask. */
static const char *kinds_text(uint64_t kinds, char *buf, size_t len)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned int k = 0; k < CONFIG_PROBE_KINDS && n < len; k++)
		if (kinds >> k & 1)
			n += (size_t)snprintf(buf + n, len - n, "%s%s", n ? ", " : "",
					      config_probe_kind__name((enum config_probe_kind)k));
	return buf;
}

/* Keys that only some kinds have. */
static void check_kinds(const struct subject *s)
{
	char kinds[256];

	for (size_t i = 0; i < schema_probe.n; i++) {
		const struct option *o = &schema_probe.options[i];

		long at = node__find(s->node, o->key);

		if (at >= 0 && o->kinds && !(o->kinds >> s->probe->kind & 1))
			check__tell(s->sink, s->node->kids[at],
				    "services[%zu].probe.%s: a probe of \"type: %s\" has no such "
				    "key, which is for %s",
				    s->index, o->key, config_probe_kind__name(s->probe->kind),
				    kinds_text(o->kinds, kinds, sizeof(kinds)));
	}
}

/* Keys without which a kind has nothing to ask. */
static void check_required(const struct subject *s)
{
	static const struct {
		enum config_probe_kind kind;
		const char *key, *why;
	} required[] = {
		{CONFIG_PROBE_DNS, "name", "the name that is asked for"},
		{CONFIG_PROBE_EXEC, "command", "the program that is run, and its arguments"},
		{CONFIG_PROBE_SCRIPT, "steps", "what is sent, and what must come"},
		{CONFIG_PROBE_MYSQL, "user", "who logs in"},
		{CONFIG_PROBE_POSTGRES, "user", "who logs in"},
	};

	for (size_t i = 0; i < COUNT(required); i++)
		if (required[i].kind == s->probe->kind && !given(s, required[i].key))
			tell(s, required[i].key, "\"%s\" is missing: %s", required[i].key,
			     required[i].why);
}

static void check_pair(const struct subject *s, const char *a, const char *b)
{
	if (given(s, a) && !given(s, b))
		tell(s, a, "needs \"%s\" as well", b);
	else if (given(s, b) && !given(s, a))
		tell(s, b, "needs \"%s\" as well", a);
}

static void check_tls(const struct subject *s)
{
	static const char *const keys[] = {"verify",	"sni",	    "ca_file",
					   "cert_file", "key_file", "expiry_warning"};

	check_pair(s, "cert_file", "key_file");
	if (given(s, "tls") && given(s, "starttls") && s->probe->starttls)
		tell(s, "starttls",
		     "there is \"tls\" too, which is TLS from the first byte on; write one of them");
	if (s->probe->tls || check__broken(s->node, "tls") || check__broken(s->node, "starttls"))
		return;
	for (size_t i = 0; i < COUNT(keys); i++)
		if (given(s, keys[i]))
			tell(s, keys[i], "is about TLS, which needs \"tls: true\" here");
}

/* libpq has no use for the system's certificates: a file is read for each connection. */
static void check_authority(const struct subject *s)
{
	const struct config_probe *p = s->probe;

	if (p->kind == CONFIG_PROBE_POSTGRES && p->tls && p->verify && given(s, "tls") &&
	    !given(s, "ca_file") && !check__broken(s->node, "verify"))
		tell(s, "tls",
		     "needs \"ca_file\" as well, by which the certificate is verified; or "
		     "\"verify: false\"");
}

static void check_role(const struct subject *s)
{
	if (!config_probe_kind__has_role(s->probe->kind, s->probe->role))
		tell(s, "role", "a probe of \"type: %s\" knows no %s",
		     config_probe_kind__name(s->probe->kind), config_role__name(s->probe->role));
	if (s->probe->role == CONFIG_ROLE_MASTER && s->probe->max_lag_ms)
		tell(s, "max_lag", "a master is not behind; it is for replicas");
}

static void check_secret(const struct subject *s)
{
	enum config_probe_kind kind = s->probe->kind;
	const char *password = given(s, "password_file")  ? "password_file"
			       : given(s, "password_env") ? "password_env"
							  : NULL;

	if (given(s, "password_file") && given(s, "password_env"))
		tell(s, "password_env", "there is \"password_file\" too; write one of them");
	/* MQTT 3.1.1, 3.1.2.9: no password without a user. RFC 4513 5.1.2: a name without one proves nothing. */
	if ((kind == CONFIG_PROBE_MQTT || kind == CONFIG_PROBE_LDAP) && password &&
	    !given(s, "user"))
		tell(s, password, "needs \"user\" as well");
	if (kind == CONFIG_PROBE_LDAP && given(s, "user") && !password)
		tell(s, "user", "needs \"password_file\" or \"password_env\" as well");
}

static void check_command(const struct subject *s)
{
	const struct config_words *command = &s->probe->command;

	/* There is no PATH that it would be looked for in. */
	if (command->n && !check__broken(s->node, "command") && command->list[0][0] != '/')
		tell(s, "command", "\"%s\" must be an absolute path, beginning with \"/\"",
		     command->list[0]);
}

/* A conversation sends what it has to in one go, until it expects something. */
static void check_steps(const struct subject *s)
{
	const struct config_steps *steps = &s->probe->steps;
	size_t sent = 0;

	for (size_t i = 0; i < steps->n; i++) {
		sent = steps->list[i].expect ? 0 : sent + steps->list[i].bytes.len;
		if (sent > CONFIG_SEND_MAX) {
			tell(s, "steps",
			     "what is sent up to step %zu, with nothing expected in "
			     "between, is longer than %d bytes",
			     i, CONFIG_SEND_MAX);
			return;
		}
	}
}

/* What goes by the clients' path must be what clients send, and be answered. */
static void check_path(const struct subject *s, const struct config_service *service,
		       const struct node *node)
{
	uint8_t proto = config_probe__proto(s->probe);

	if (!s->probe->by_path || !proto)
		return;
	if (!check__broken(node, "protocol") && proto != service->proto)
		tell(s, "via",
		     "a probe by the clients' path speaks the service's protocol, and this one "
		     "speaks %s",
		     proto == IPPROTO_TCP ? "tcp" : "udp");
	if (node__sound(node, "vip") && service->vip.len != 128)
		tell(s, "via",
		     "a probe by the clients' path goes to one address, and the VIP is a prefix");
	if (service->port && service->port == service->port_last && given(s, "port"))
		tell(s, "port", "with \"via: path\" it is the service's port, which clients use");
	else if (s->probe->port && service->port &&
		 (s->probe->port < service->port || s->probe->port > service->port_last))
		tell(s, "port", "%u is not among the service's ports", s->probe->port);
	if (s->probe->kind == CONFIG_PROBE_KAFKA && s->probe->role == CONFIG_ROLE_CONTROLLER)
		tell(s, "role",
		     "the controller is known by its own address, which a probe by the clients' path "
		     "does not go to");
	if (s->probe->kind == CONFIG_PROBE_UDP && !s->probe->expect.data &&
	    !check__broken(s->node, "expect"))
		tell(s, "via",
		     "needs \"expect\": errors of the network do not come back by the clients' "
		     "path, so only an answer tells");
}

/* A probe connects to one port, which a range doesn't name. */
static void check_port(const struct config_service *s, const struct node *service, size_t index,
		       struct problem_sink *sink)
{
	const struct node *port = node__sound(service, "port");
	const struct node *probe = node__sound(service, "probe");

	if (!port || s->port == s->port_last || check__broken(service, "probe") ||
	    (probe && node__find(probe, "port") >= 0) ||
	    !config_probe_kind__has_port(s->probe.kind))
		return;
	check__tell(sink, probe ? probe : port,
		    "services[%zu].probe: \"port\" is missing: the service has %s, and a probe "
		    "connects to one",
		    index, s->port ? "a range of ports" : "any port");
}

void check__probe(const struct config_service *service, const struct node *node, size_t index,
		  struct problem_sink *sink)
{
	const struct subject s = {
		.probe = &service->probe,
		.node = node__sound(node, "probe"),
		.index = index,
		.sink = sink,
	};

	check_port(service, node, index, sink);
	if (!s.node)
		return;
	if (node__sound(s.node, "fast_interval") && !check__broken(s.node, "interval") &&
	    s.probe->fast_interval_ms > s.probe->interval_ms)
		tell(&s, "fast_interval", "%u ms is longer than the interval, %u ms",
		     s.probe->fast_interval_ms, s.probe->interval_ms);
	if (check__broken(s.node, "type"))
		return;
	check_kinds(&s);
	check_required(&s);
	check_tls(&s);
	check_authority(&s);
	check_role(&s);
	check_secret(&s);
	check_pair(&s, "sentinels", "master_name");
	check_command(&s);
	check_steps(&s);
	check_path(&s, service, node);
}
