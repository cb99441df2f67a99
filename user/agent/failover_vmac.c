/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/failover_vmac.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "core/log.h"
#include "net/vmac.h"

/* Whether a group of the configuration will have the device. */
static bool is_wanted(void *agent, const char *name)
{
	const struct agent *a = agent;

	for (size_t i = 0; i < a->config->n_vrrp; i++) {
		const struct config_vrrp *c = &a->config->vrrp[i];
		struct net_vmac v =
			net_vmac__of(a->config->instance, c->vrid, addr__family(&c->addresses[0]),
				     if_nametoindex(c->interface));

		if (c->virtual_mac && strcmp(v.name, name) == 0)
			return true;
	}
	return false;
}

void failover_vmac__sweep(struct agent *a)
{
	struct net_addresses *net;
	struct err err;
	int rc;

	if (a->failover.swept)
		return;
	a->failover.swept = true;
	rc = net_addresses__open(&net, &err);
	if (!rc) {
		rc = net_vmac__sweep(net, a->config->instance, is_wanted, a);
		net_addresses__close(net);
	}
	if (rc)
		log_warn("cannot remove the devices of virtual MAC addresses that an earlier agent "
			 "of instance '%s' may have left: %s; look for them with `ip -d link`",
			 a->config->instance, strerror(-rc));
}

static void match_name(void *ctx, const struct net_link *l)
{
	const char **name = ctx;

	if (*name && strcmp(*name, l->name) == 0 && net_vmac__is(l))
		*name = NULL;
}

void failover_vmac__show(const struct agent *a, const struct vrrp_status *s, json_t *group)
{
	const struct net_vmac *v = &s->device;
	const char *missing = v->name;
	char mac[18], error[200];

	if (!s->config->virtual_mac) {
		json_object_set_new(group, "virtual_mac", json_null());
		json_object_set_new(group, "device", json_null());
		json_object_set_new(group, "device_error", json_string(""));
		return;
	}
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", v->mac[0], v->mac[1], v->mac[2],
		 v->mac[3], v->mac[4], v->mac[5]);
	net__links(a->net, match_name, &missing);
	net_vmac__explain(s->device_error, v, error);
	json_object_set_new(group, "virtual_mac", json_string(mac));
	json_object_set_new(group, "device", missing ? json_null() : json_string(v->name));
	json_object_set_new(group, "device_error", json_string(error));
}
