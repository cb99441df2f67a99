/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/diagnosis.h"

#include <stdbool.h>
#include <stdio.h>

static bool is_nat(enum fl_forward mode)
{
	return mode == FL_FWD_NAT || mode == FL_FWD_FULLNAT;
}

static bool is_gue(enum fl_forward mode)
{
	return mode == FL_FWD_GUE4 || mode == FL_FWD_GUE6;
}

static bool is_tunnel(enum fl_forward mode)
{
	return is_gue(mode) || mode == FL_FWD_IPIP4 || mode == FL_FWD_IPIP6;
}

static bool is_mtu_hole(const struct path_facts *f)
{
	return f->echo == FINDING_YES && f->full == FINDING_NO;
}

/* The service is well, and nothing comes back by the path. */
static enum diagnosis of_silence(const struct path_facts *f)
{
	if (is_mtu_hole(f))
		return DIAGNOSIS_MTU_HOLE;
	if (f->echo == FINDING_YES)
		return DIAGNOSIS_FILTERED;
	if (f->echo == FINDING_UNKNOWN)
		return DIAGNOSIS_NONE;
	if (is_nat(f->mode))
		return DIAGNOSIS_NO_ANSWER;
	if (is_tunnel(f->mode) && f->own != FINDING_YES)
		return DIAGNOSIS_NO_DECAP;
	return DIAGNOSIS_NO_VIP;
}

static enum diagnosis of(const struct path_facts *f)
{
	if (f->path == HEALTH_OK)
		return is_mtu_hole(f) ? DIAGNOSIS_MTU_HOLE : DIAGNOSIS_NONE;
	if (f->direct == FINDING_UNKNOWN)
		return DIAGNOSIS_NONE;
	if (f->direct == FINDING_NO)
		return DIAGNOSIS_BACKEND;
	return f->path == HEALTH_REFUSED ? DIAGNOSIS_REFUSED : of_silence(f);
}

static const char *no_vip(enum fl_forward mode)
{
	return is_tunnel(mode)
		       ? "serves at its own address and answers there through the tunnel, but "
			 "takes no packets for the VIP: the VIP is not on its loopback, or a "
			 "packet filter drops them"
		       : "serves at its own address, but takes no packets for the VIP: the VIP is "
			 "not on its loopback, or rp_filter or a packet filter drops them";
}

static const char *no_answer(enum fl_forward mode)
{
	return mode == FL_FWD_FULLNAT
		       ? "serves at its own address, but what the balancer forwards to it is not "
			 "answered: its answers to the addresses of snat do not come to this "
			 "machine, or a packet filter drops them"
		       : "serves at its own address, but what the balancer forwards to it is not "
			 "answered: a packet filter drops it";
}

enum diagnosis diagnosis__of(const struct path_facts *f, char *text)
{
	const char *tunnel = is_gue(f->mode) ? "GUE" : "IPIP";
	enum diagnosis d = of(f);

	text[0] = '\0';
	switch (d) {
	case DIAGNOSIS_BACKEND:
		snprintf(text, DIAGNOSIS_LEN,
			 "a probe straight to it fails as well: the path is not to blame");
		break;
	case DIAGNOSIS_REFUSED:
		snprintf(text, DIAGNOSIS_LEN, "%s",
			 is_nat(f->mode)
				 ? "serves at its own address, but refuses what the balancer "
				   "forwards to it: a packet filter refuses it"
				 : "serves at its own address, but refuses connections to the VIP: "
				   "the service does not listen there, or another host answered");
		break;
	case DIAGNOSIS_NO_VIP:
		snprintf(text, DIAGNOSIS_LEN, "%s", no_vip(f->mode));
		break;
	case DIAGNOSIS_NO_DECAP:
		snprintf(text, DIAGNOSIS_LEN,
			 "serves at its own address, but nothing comes back through the tunnel: it "
			 "does not decapsulate %s, or rp_filter on its tunnel device drops what "
			 "comes out",
			 tunnel);
		break;
	case DIAGNOSIS_NO_ANSWER:
		snprintf(text, DIAGNOSIS_LEN, "%s", no_answer(f->mode));
		break;
	case DIAGNOSIS_FILTERED:
		snprintf(text, DIAGNOSIS_LEN,
			 "answers pings by the path, but the service does not: a packet filter "
			 "drops it, or the service waits for something else");
		break;
	case DIAGNOSIS_MTU_HOLE:
		snprintf(text, DIAGNOSIS_LEN,
			 "small packets arrive, those of %u bytes do not: the MTU somewhere on the "
			 "way is smaller than the route to it says",
			 f->full_size);
		break;
	default:
		break;
	}
	return d;
}

const char *diagnosis__name(enum diagnosis d)
{
	static const char *const names[DIAGNOSES] = {
		[DIAGNOSIS_NONE] = "none",	   [DIAGNOSIS_BACKEND] = "backend",
		[DIAGNOSIS_REFUSED] = "refused",   [DIAGNOSIS_NO_VIP] = "no_vip",
		[DIAGNOSIS_NO_DECAP] = "no_decap", [DIAGNOSIS_NO_ANSWER] = "no_answer",
		[DIAGNOSIS_FILTERED] = "filtered", [DIAGNOSIS_MTU_HOLE] = "mtu_hole",
	};

	return names[d];
}
