/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_service.c - what goes together in one service. */
#include "config/check.h"

/* Tells of a key that is written, where it stands. */
#define tell_key(sink, map, at, ...) check__tell(sink, (map)->kids[at], __VA_ARGS__)

/* Keys that only some ways of forwarding have. */
static void check_forward_keys(const struct config_service *s, const struct node *service,
			       size_t index, struct problem_sink *sink)
{
	long gue_port = node__find(service, "gue_port");

	if (gue_port >= 0 && s->forward != CONFIG_FWD_GUE)
		tell_key(sink, service, gue_port,
			 "services[%zu].gue_port: only a service of \"forward: gue\" has it, this "
			 "one is %s",
			 index, config_forward__name(s->forward));
}

/* What is watched is TCP's handshake. */
static void check_passive(const struct config_service *s, const struct node *service, size_t index,
			  struct problem_sink *sink)
{
	long at = node__find(service, "passive");

	if (at >= 0 && s->proto != IPPROTO_TCP && !check__broken(service, "protocol"))
		tell_key(sink, service, at,
			 "services[%zu].passive: only a service of \"protocol: tcp\" has it, this "
			 "one is %s",
			 index, s->proto == IPPROTO_UDP ? "udp" : "sctp");
}

/* Whether anything asks if the service has enough backends; what is broken may. */
static bool needs_enough(const struct config *c, const struct node *root,
			 const struct config_service *s, const struct node *service)
{
	bool needs = s->announce || check__broken(service, "announce") ||
		     check__broken(service, "vip") || check__broken(root, "vrrp");

	for (size_t i = 0; i < c->n_vrrp; i++)
		needs |= c->vrrp[i].min_up_cost && config_vrrp__has(&c->vrrp[i], s);
	return needs;
}

/* How many backends the VIP needs to be here. */
static void check_min_up(const struct config *c, const struct node *root,
			 const struct config_service *s, const struct node *service, size_t index,
			 struct problem_sink *sink)
{
	static const char *const keys[] = {"min_up", "min_up_again", "min_up_hold"};
	const uint32_t values[] = {s->min_up, s->min_up_again, 0};
	const struct node *again = node__sound(service, "min_up_again");
	bool needed = needs_enough(c, root, s, service);

	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct node *value = node__sound(service, keys[i]);
		long at = node__find(service, keys[i]);

		if (at >= 0 && !needed)
			tell_key(sink, service, at,
				 "services[%zu].%s: only a service of \"announce: route\" has it, "
				 "or one whose VIP a group of `vrrp` with min_up_cost has",
				 index, keys[i]);
		else if (value && node__sound(service, "backends") && values[i] > s->n_backends)
			check__tell(sink, value,
				    "services[%zu].%s: is more than the %zu backends that there "
				    "are, so there would never be enough",
				    index, keys[i], s->n_backends);
	}
	if (again && needed && s->min_up_again < s->min_up && !check__broken(service, "min_up"))
		check__tell(sink, again, "services[%zu].min_up_again: is less than min_up, %u",
			    index, s->min_up);
}

/* Keys that speak of UDP. */
static void check_udp_keys(const struct config_service *s, const struct node *service, size_t index,
			   struct problem_sink *sink)
{
	static const char *const udp_only[] = {"udp_grace", "quic"};

	if (s->proto == IPPROTO_UDP || check__broken(service, "protocol"))
		return;
	for (size_t i = 0; i < COUNT(udp_only); i++) {
		long at = node__find(service, udp_only[i]);

		if (at >= 0)
			tell_key(
				sink, service, at,
				"services[%zu].%s: only a service of \"protocol: udp\" has it, this "
				"one is %s",
				index, udp_only[i], s->proto == IPPROTO_TCP ? "tcp" : "sctp");
	}
}

/* What full NAT needs. */
static void check_fullnat(const struct config *c, const struct config_service *s,
			  const struct node *root, const struct node *service, size_t index,
			  struct problem_sink *sink)
{
	const struct node *forward = node__sound(service, "forward");
	const struct node *snat = node__sound(root, "snat");
	bool v4 = addr__is4(&s->vip.addr);
	const char *key = v4 ? "source4" : "source6";

	if (!forward || s->forward != CONFIG_FWD_FULLNAT)
		return;
	if (s->proto == IPPROTO_SCTP && !check__broken(service, "protocol"))
		check__tell(sink, forward,
			    "services[%zu].forward: fullnat changes source ports, which the "
			    "checksum of sctp covers (RFC 9260 6.8); use \"forward: nat\"",
			    index);
	if (!node__sound(service, "vip") || check__broken(root, "snat") ||
	    (snat && check__broken(snat, key)))
		return;
	if (!(v4 ? c->n_snat4 : c->n_snat6))
		check__tell(sink, forward,
			    "services[%zu].forward: fullnat needs an address to send from; write "
			    "one under snat.%s",
			    index, key);
}

static void check_limits(const struct config_service *s, const struct node *service, size_t index,
			 struct problem_sink *sink)
{
	static const char *const connections[] = {"connections", "source_connections"};
	static const char *const instead[] = {"packets", "source_packets"};
	const struct node *limits = node__sound(service, "limits");

	if (!limits || s->proto != IPPROTO_UDP || check__broken(service, "protocol"))
		return;
	for (size_t i = 0; i < COUNT(connections); i++) {
		long at = node__find(limits, connections[i]);

		if (at >= 0)
			tell_key(sink, limits, at,
				 "services[%zu].limits.%s: udp has no connections; use %s", index,
				 connections[i], instead[i]);
	}
}

/* Limits of backends go by what is counted, which not every service has. */
static void check_backend_limits(const struct config_service *s, const struct node *service,
				 const struct node *health, size_t index, struct problem_sink *sink)
{
	long max_new = node__find(health, "max_new"), max_flows = node__find(health, "max_flows");

	if (max_new >= 0 && !s->passive && !check__broken(service, "passive"))
		tell_key(sink, health, max_new,
			 "services[%zu].health.max_new: new connections are counted only with "
			 "\"passive: true\"",
			 index);
	if (max_flows >= 0 && s->forward != CONFIG_FWD_FULLNAT &&
	    !check__broken(service, "forward"))
		tell_key(sink, health, max_flows,
			 "services[%zu].health.max_flows: open connections are counted only by "
			 "\"forward: fullnat\", this service has %s",
			 index, config_forward__name(s->forward));
}

static void check_quorum(const struct config_service *s, const struct node *root,
			 const struct node *health, size_t index, struct problem_sink *sink)
{
	if (s->health.quorum != CONFIG_QUORUM_LOCAL && node__find(root, "peers") < 0)
		tell_key(sink, health, node__find(health, "quorum"),
			 "services[%zu].health.quorum: there is nobody to be asked without `peers`",
			 index);
}

static void check_health(const struct config_service *s, const struct node *root,
			 const struct node *service, size_t index, struct problem_sink *sink)
{
	const struct config_health *h = &s->health;
	const struct node *health = node__sound(service, "health");
	long at = health ? node__find(health, "flap_hold") : -1;

	if (health) {
		check_backend_limits(s, service, health, index, sink);
		check_quorum(s, root, health, index, sink);
	}
	if (at >= 0 && h->flap_hold_ms > h->flap_hold_max_ms && node__sound(health, "flap_hold") &&
	    !check__broken(health, "flap_hold_max"))
		tell_key(sink, health, at + 1,
			 "services[%zu].health.flap_hold: is longer than flap_hold_max, %u ms",
			 index, h->flap_hold_max_ms);
}

void check__service(const struct config *c, const struct node *root, const struct node *service,
		    size_t i, struct problem_sink *sink)
{
	const struct config_service *s = &c->services[i];

	if (!check__broken(service, "forward"))
		check_forward_keys(s, service, i, sink);
	check_udp_keys(s, service, i, sink);
	check_min_up(c, root, s, service, i, sink);
	check_passive(s, service, i, sink);
	check_fullnat(c, s, root, service, i, sink);
	check_limits(s, service, i, sink);
	check_health(s, root, service, i, sink);
	check__probe(s, service, i, sink);
}
