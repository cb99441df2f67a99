/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server.c - virtual_server, virtual_server_group, real_server. */
#include <stdlib.h>
#include <string.h>

#include "import/translate.h"

#define MAX_RANGE 256 /* services that a range of addresses may become */

/* How a scheduler of IPVS comes out. */
enum shares {
	SHARES_ALIKE, /* it takes no heed of weights */
	SHARES_WEIGHTS,
	SHARES_FIRST, /* the heaviest has all */
};

static const struct scheduler {
	const char *name;
	enum shares shares;
	bool source; /* by the client's address, but for its port flag */
	const char *note;
} schedulers[] = {
	{"rr", SHARES_ALIKE, false, NULL},
	{"wrr", SHARES_WEIGHTS, false, NULL},
	{"lc", SHARES_ALIKE, false,
	 "backends get equal shares, however many connections they have; `health.max_new` bounds new ones"},
	{"wlc", SHARES_WEIGHTS, false,
	 "backends get shares by weight, however many connections they have; `health.max_new` bounds new ones"},
	{"sed", SHARES_WEIGHTS, false,
	 "backends get shares by weight, however many connections they have"},
	{"nq", SHARES_WEIGHTS, false,
	 "backends get shares by weight, whether they are idle or not"},
	{"lblc", SHARES_WEIGHTS, false,
	 "backends get shares by weight; the destination is the VIP always"},
	{"lblcr", SHARES_WEIGHTS, false,
	 "backends get shares by weight; the destination is the VIP always"},
	{"dh", SHARES_ALIKE, false,
	 "flows are spread by their own hash; the destination is the VIP always"},
	{"sh", SHARES_WEIGHTS, true, NULL},
	{"mh", SHARES_WEIGHTS, true, NULL},
	{"fo", SHARES_FIRST, false, NULL},
	{"ovf", SHARES_FIRST, false,
	 "a backend that is full does not overflow into the next: the others are used when it is down"},
	{"twos", SHARES_WEIGHTS, false,
	 "backends get shares by weight; there is no choice between two"},
};

/* A virtual server that is being translated. */
struct server {
	struct stanza *s;
	const char *proto; /* "tcp", "udp", "sctp" */
	const char *forward;
	const struct scheduler *scheduler;
	bool any_port;
};

static struct stanza *either(const struct stanza *s, const char *a, const char *b)
{
	struct stanza *found = stanza__find(s, a);

	return found ? found : stanza__find(s, b);
}

static const struct scheduler *scheduler_of(struct import *im, struct stanza *server)
{
	struct stanza *s = either(server, "lvs_sched", "lb_algo");
	const char *name = s ? stanza__word(s, 1) : "wlc";

	for (size_t i = 0; i < sizeof(schedulers) / sizeof(*schedulers); i++) {
		if (strcmp(name, schedulers[i].name) != 0)
			continue;
		if (schedulers[i].note)
			out__note(im, s ? s : server, IMPORT_NOTED, "%s: %s", name,
				  schedulers[i].note);
		return &schedulers[i];
	}
	out__note(im, s ? s : server, IMPORT_REFUSED,
		  "the scheduler '%.32s' is not known: backends get shares by weight", name);
	return &schedulers[1];
}

/* "NAT", "DR", "TUN [type {ipip|gue port NUM|gre} …]"; *port is GUE's, or 0. */
static const char *method_of(struct import *im, struct stanza *s, long *port)
{
	const char *name = stanza__word(s, 1);

	*port = 0;
	if (!strcmp(name, "DR"))
		return "l2";
	if (!strcmp(name, "NAT"))
		return "nat";
	if (strcmp(name, "TUN") != 0) {
		out__note(im, s, IMPORT_REFUSED, "'%.32s' is not NAT, DR or TUN: nat is taken",
			  name);
		return "nat";
	}
	for (size_t i = 2; i < s->n; i++) {
		if (!strcmp(s->words[i], "gre"))
			out__note(
				im, s, IMPORT_REFUSED,
				"there is no GRE: ipip is taken, and backends need a tunnel for it");
		else if (!strcmp(s->words[i], "port"))
			*port = strtol(stanza__word(s, i + 1), NULL, 10);
		else if (strstr(s->words[i], "csum"))
			out__note(im, s, IMPORT_NOTED,
				  "UDP's checksum is 0 over IPv4 and computed over IPv6");
	}
	for (size_t i = 2; i < s->n; i++)
		if (!strcmp(s->words[i], "gue"))
			return "gue";
	*port = 0;
	return "ipip";
}

static long weight_of(struct import *im, const struct stanza *real)
{
	return translate__number(im, stanza__find(real, "weight"), 0, 65535, 1);
}

static long heaviest(struct import *im, const struct stanza *server)
{
	long most = 0, weight;

	for (struct stanza *s = server->kids; s; s = s->next) {
		weight = stanza__is(s, "real_server") ? weight_of(im, s) : 0;
		most = weight > most ? weight : most;
	}
	return most;
}

static void real_notes(struct import *im, const struct server *v, struct stanza *real)
{
	struct stanza *method = either(real, "lvs_method", "lb_kind");
	struct stanza *alpha = stanza__find(real, "alpha");
	long port;

	translate__notes(im, real, "real_server");
	if (method && strcmp(method_of(im, method, &port), v->forward) != 0)
		out__note(
			im, method, IMPORT_REFUSED,
			"all backends of a service are reached in one way, which is %s here: write "
			"a service of its own",
			v->forward);
	if (alpha && translate__bool(alpha) != (stanza__find(v->s, "alpha") != NULL))
		out__note(im, alpha, IMPORT_REFUSED, "`health.start` is the service's");
}

/* Where its packets go, in the words of a backend. */
static const char *place(struct import *im, const struct server *v, struct stanza *s,
			 const char *port, const char *id)
{
	const char *address = stanza__word(s, 1), *to = stanza__word(s, 2);
	bool changes = !strcmp(v->forward, "nat") && !v->any_port && *to && strcmp(to, "0") != 0;

	if (!changes && *to && strcmp(to, "0") != 0 && strcmp(to, port) != 0)
		out__note(im, s, IMPORT_NOTED,
			  "the port stays %s: only NAT changes ports, here as in IPVS",
			  *port ? port : "what it is");
	if (!changes)
		return arena__printf(im->arena, "%s%s%saddress: %s", id ? "id: " : "", id ? id : "",
				     id ? ", " : "", out__quoted(im, address));
	if (!id)
		id = out__quoted(im, arena__printf(im->arena, "%s:%s", address, to));
	return arena__printf(im->arena, "id: %s, address: %s, port: %s", id,
			     out__quoted(im, address), out__quoted(im, to));
}

static void backends(struct import *im, const struct server *v, const char *port)
{
	struct stanza *sorry = stanza__find(v->s, "sorry_server");
	long most = heaviest(im, v->s), first = -1;

	out__text(im, NULL, "    backends:\n");
	for (struct stanza *s = v->s->kids; s; s = s->next) {
		long weight;

		if (!stanza__is(s, "real_server"))
			continue;
		real_notes(im, v, s);
		weight = weight_of(im, s);
		first = first < 0 ? weight : first;
		if (v->scheduler->shares == SHARES_ALIKE && weight && first && weight != first)
			out__note(im, stanza__find(s, "weight"), IMPORT_NOTED,
				  "%s takes no heed of weights: all backends have the same share",
				  v->scheduler->name);
		out__option(im, s, "      - {%s%s%s}\n", place(im, v, s, port, NULL),
			    v->scheduler->shares == SHARES_WEIGHTS || !weight
				    ? arena__printf(im->arena, ", weight: %ld", weight)
				    : "",
			    v->scheduler->shares == SHARES_FIRST && weight < most ? ", backup: true"
										  : "");
	}
	if (!sorry)
		return;
	out__note(im, sorry, IMPORT_NOTED, "is probed as the other backends are");
	out__option(im, sorry, "      - {%s, backup: true}\n", place(im, v, sorry, port, "sorry"));
}

static bool inhibits(const struct stanza *server)
{
	if (translate__bool(stanza__find(server, "inhibit_on_failure")))
		return true;
	for (const struct stanza *s = server->kids; s; s = s->next)
		if (stanza__is(s, "real_server") &&
		    translate__bool(stanza__find(s, "inhibit_on_failure")))
			return true;
	return false;
}

static void quorum(struct import *im, const struct server *v)
{
	struct stanza *s = stanza__find(v->s, "quorum");
	struct stanza *hysteresis = stanza__find(v->s, "hysteresis");

	if (s && strcmp(stanza__word(s, 1), "1") != 0)
		out__note(
			im, s, IMPORT_REFUSED,
			stanza__find(v->s, "sorry_server")
				? "the sorry server is used when no other backend is well, not below a "
				  "quorum"
				: "no share of the weight is asked for; `min_up` counts backends, with "
				  "`announce: route` or `track.min_up_cost`");
	if (hysteresis)
		out__note(im, hysteresis, IMPORT_REFUSED,
			  "`min_up_again` and `min_up_hold` do this for `min_up`");
}

/* Whether a client's packets of all ports belong together. */
static bool by_source(const struct server *v)
{
	const struct stanza *s = v->s;

	if (stanza__find(s, "persistence_timeout"))
		return true;
	return v->scheduler->source && !stanza__find(s, "sh-port") && !stanza__find(s, "mh-port") &&
	       !stanza__find(s, "flag-2");
}

static const char *service_name(struct import *im, const struct server *v, const char *vip,
				const char *port)
{
	char *name = arena__printf(im->arena, "%s-%s-%s", v->proto, vip, port);

	if (strlen(name) > 31)
		name = arena__printf(im->arena, "%s-%u-%.5s", v->proto, im->item, port);
	return translate__name(im, name);
}

static void service(struct import *im, struct server *v, const char *vip, const char *port,
		    long gue_port)
{
	struct stanza *real = v->s->kids;

	while (!stanza__is(real, "real_server"))
		real = real->next;
	v->any_port = !*port || !strcmp(port, "0");
	port = v->any_port ? "any" : port;
	out__item(im);
	out__text(im, v->s,
		  "  - name: %s\n    vip: %s\n    port: %s\n    protocol: %s\n    forward: %s\n",
		  out__quoted(im, service_name(im, v, vip, port)), out__quoted(im, vip),
		  out__quoted(im, port), v->proto, v->forward);
	if (!strcmp(v->forward, "gue"))
		out__text(im, NULL, "    gue_port: %ld\n", gue_port);
	if (by_source(v))
		out__text(im, stanza__find(v->s, "persistence_timeout"), "    affinity: source\n");
	if (inhibits(v->s))
		out__text(im, stanza__find(v->s, "inhibit_on_failure"), "    down_hold: 15m\n");
	if (!translate__bool(stanza__find(v->s, "alpha")))
		out__text(im, NULL, "    health: {start: up}\n");
	translate__probe(im, v->s, real, v->proto);
	backends(im, v, v->any_port ? "" : port);
}

/* The last address of "A-B" or "A-LAST", where LAST replaces what follows the last '.' or ':'. -1: neither. */
static int last_of(const struct addr *first, const char *text, struct addr *last)
{
	char *end;
	unsigned long n;

	if (strpbrk(text, ".:"))
		return addr__parse(text, last);
	*last = *first;
	n = strtoul(text, &end, addr__is4(first) ? 10 : 16);
	if (!*text || *end || n > (addr__is4(first) ? 0xffUL : 0xffffUL))
		return -1;
	last->b[15] = (uint8_t)n;
	if (!addr__is4(first))
		last->b[14] = (uint8_t)(n >> 8);
	return 0;
}

static void range(struct import *im, struct server *v, struct stanza *entry, const char *dash,
		  long gue_port)
{
	const char *text = stanza__word(entry, 0);
	char buf[ADDR_STRLEN];
	struct addr at, last;
	int n = 0;

	if (addr__parse(arena__copy(im->arena, text, (size_t)(dash - text)), &at) ||
	    last_of(&at, dash + 1, &last) || memcmp(&at, &last, sizeof(at)) > 0) {
		out__note(im, entry, IMPORT_REFUSED, "is no range of addresses");
		return;
	}
	for (;;) {
		if (n++ == MAX_RANGE) {
			out__note(
				im, entry, IMPORT_REFUSED,
				"only the first %d addresses are translated: a service may have a "
				"prefix as its `vip`",
				MAX_RANGE);
			return;
		}
		addr__format(&at, buf);
		service(im, v, arena__copy(im->arena, buf, strlen(buf)), stanza__word(entry, 1),
			gue_port);
		if (addr__equal(&at, &last))
			return;
		for (int i = 15; i >= 0 && !++at.b[i]; i--)
			;
	}
}

static void group(struct import *im, struct server *v, long gue_port)
{
	struct stanza *g = translate__named(im, "virtual_server_group", stanza__word(v->s, 2));

	if (!g)
		out__note(im, v->s, IMPORT_REFUSED, "there is no virtual_server_group '%.64s'",
			  stanza__word(v->s, 2));
	for (struct stanza *s = g ? g->kids : NULL; s; s = s->next) {
		const char *dash = strchr(stanza__word(s, 0), '-');

		if (stanza__is(s, "fwmark"))
			out__note(
				im, s, IMPORT_REFUSED,
				"there are no firewall marks: write services for the addresses and "
				"ports that are marked");
		else if (dash)
			range(im, v, s, dash, gue_port);
		else
			service(im, v, stanza__word(s, 0), stanza__word(s, 1), gue_port);
	}
}

static const char *protocol_of(struct import *im, struct stanza *server)
{
	static const char *const names[] = {"TCP", "UDP", "SCTP"}, *const ours[] = {"tcp", "udp",
										    "sctp"};
	struct stanza *s = stanza__find(server, "protocol");

	if (!s) {
		out__note(im, server, IMPORT_NOTED,
			  "names no protocol: it is udp, as keepalived takes it");
		return "udp";
	}
	for (size_t i = 0; i < 3; i++)
		if (!strcmp(stanza__word(s, 1), names[i]))
			return ours[i];
	out__note(im, s, IMPORT_REFUSED, "'%.32s' is not TCP, UDP or SCTP: tcp is taken",
		  stanza__word(s, 1));
	return "tcp";
}

static void virtual_server(struct import *im, struct stanza *s)
{
	struct stanza *method = either(s, "lvs_method", "lb_kind");
	struct server v = {.s = s, .proto = protocol_of(im, s), .scheduler = scheduler_of(im, s)};
	long gue_port = 0;

	v.forward = method ? method_of(im, method, &gue_port) : "nat";
	if (!gue_port)
		gue_port = 6080;
	translate__notes(im, s, "virtual_server");
	quorum(im, &v);
	if (!stanza__find(s, "real_server"))
		out__note(im, s, IMPORT_REFUSED, "has no real_server: a service needs a backend");
	else if (!strcmp(stanza__word(s, 1), "fwmark"))
		out__note(im, s, IMPORT_REFUSED,
			  "there are no firewall marks: write services for the addresses and ports "
			  "that are marked with %.16s",
			  stanza__word(s, 2));
	else if (!strcmp(stanza__word(s, 1), "group"))
		group(im, &v, gue_port);
	else
		service(im, &v, stanza__word(s, 1), stanza__word(s, 2), gue_port);
}

void translate__servers(struct import *im)
{
	bool any = false;

	for (struct stanza *s = im->root->kids; s; s = s->next) {
		if (!stanza__is(s, "virtual_server"))
			continue;
		if (!any) {
			out__item(im);
			out__text(im, NULL, "services:\n");
		}
		any = true;
		virtual_server(im, s);
	}
}
