/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_vmac.c - devices of virtual MAC addresses: whose they are, and whether anybody minds them. */
#include <string.h>

#include "doctor/checks.h"
#include "net/vmac.h"

static bool is_of(const struct doctor_vmac *v, const struct config_vrrp *g)
{
	uint8_t mac[6];

	net_vmac__mac(g->vrid, addr__family(&g->addresses[0]), mac);
	return g->virtual_mac && memcmp(v->mac, mac, sizeof(mac)) == 0 &&
	       strcmp(v->interface, g->interface) == 0;
}

static void judge_group(const struct doctor_facts *f, const struct config_vrrp *g,
			struct doctor_report *r)
{
	const struct doctor_vmac *v = f->vmacs, *end = v + f->n_vmacs;

	if (!g->virtual_mac)
		return;
	while (v < end && !is_of(v, g))
		v++;
	if (v == end) {
		doctor_report__ok(r, "VRRP group '%s' has no device here: it is not active",
				  g->name);
	} else if (f->agent.runs) {
		doctor_report__ok(r,
				  "VRRP group '%s' has %02x:%02x:%02x:%02x:%02x:%02x on device %s",
				  g->name, v->mac[0], v->mac[1], v->mac[2], v->mac[3], v->mac[4],
				  v->mac[5], v->name);
	} else {
		doctor_report__add(
			r, DOCTOR_WARNING, doctor_report__command(r, "ip link del %s", v->name),
			"device %s was left by an agent that was killed: this machine still has "
			"the MAC address of VRRP group '%s', and frames that a switch floods are "
			"steered here as well as by the active balancer",
			v->name, g->name);
	}
}

/* An agent removes those of its own instance when it starts. */
static void judge_stranger(const struct doctor_facts *f, const struct doctor_vmac *v,
			   struct doctor_report *r)
{
	for (size_t i = 0; i < f->config->n_vrrp; i++)
		if (is_of(v, &f->config->vrrp[i]))
			return;
	doctor_report__add(r, DOCTOR_WARNING,
			   doctor_report__command(r, "ip -d link show %s", v->name),
			   "device %s has the MAC address of a virtual router that no VRRP group "
			   "of this configuration is: of another instance, or left behind",
			   v->name);
}

void doctor_check__virtual_mac(const struct doctor_facts *f, struct doctor_report *r)
{
	for (size_t i = 0; i < f->config->n_vrrp; i++)
		judge_group(f, &f->config->vrrp[i], r);
	for (size_t i = 0; i < f->n_vmacs; i++)
		judge_stranger(f, &f->vmacs[i], r);
}
