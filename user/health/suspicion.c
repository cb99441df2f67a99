/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "health/suspicion.h"

#include <stdio.h>
#include <string.h>

#define FILTER_LEN 48

/* What a tunnel is made with at its end. */
struct tunnel {
	const char *name;
	bool gue, v6; /* v6: of the outer header */
};

static bool find_tunnel(enum fl_forward mode, struct tunnel *out)
{
	switch (mode) {
	case FL_FWD_IPIP4:
		*out = (struct tunnel){"IPIP", false, false};
		return true;
	case FL_FWD_IPIP6:
		*out = (struct tunnel){"IPIP", false, true};
		return true;
	case FL_FWD_GUE4:
		*out = (struct tunnel){"GUE", true, false};
		return true;
	case FL_FWD_GUE6:
		*out = (struct tunnel){"GUE", true, true};
		return true;
	default:
		return false;
	}
}

/* Of a capture: what arrives before the outer header is taken off. */
static void write_filter(const struct tunnel *t, bool v6, uint16_t port, char filter[FILTER_LEN])
{
	if (t->gue)
		snprintf(filter, FILTER_LEN, "udp dst port %u", port);
	else
		snprintf(filter, FILTER_LEN, "%s proto %d", t->v6 ? "ip6" : "ip", v6 ? 41 : 4);
}

static void of_tunnel(const struct suspicion *s, const struct tunnel *t, char *text)
{
	bool v6 = strchr(s->vip, ':') != NULL;
	char filter[FILTER_LEN], port[64] = "";

	write_filter(t, v6, s->gue_port, filter);
	if (t->gue)
		snprintf(port, sizeof(port), "`ip %sfou show` (port %u, gue) and ",
			 t->v6 ? "-6 " : "", s->gue_port);
	snprintf(
		text, SUSPICION_LEN,
		"its probes are well, but go to its own address and not through the tunnel: most "
		"likely it does not decapsulate %s. Check there: %s`ip -d link show type %s` (a device that is up) or "
		"`bpftool net` (decap.bpf.o on the interface), `sysctl -a -r rp_filter` (0 for that "
		"device and for all), `ip addr show dev lo` (%s); `tcpdump -ni any %s` shows whether "
		"clients' packets arrive",
		t->name, port,
		t->v6 ? "ip6tnl"
		: v6  ? "sit"
		      : "ipip",
		s->vip, filter);
}

const char *suspicion__text(const struct suspicion *s, char *text)
{
	struct tunnel t;

	if (s->by_path)
		snprintf(
			text, SUSPICION_LEN,
			"its probes are well, and go by the clients' path: what is lost is lost for some clients "
			"only. Check there: `ip route get CLIENT` (the way back), `nft list ruleset` "
			"(what is dropped), `nstat -az TcpExtListenDrops` (a full queue)");
	else if (find_tunnel(s->mode, &t))
		of_tunnel(s, &t, text);
	else if (s->mode == FL_FWD_L2)
		snprintf(
			text, SUSPICION_LEN,
			"its probes are well, but go to its own address and not to the VIP: most "
			"likely it takes no packets for that. Check there: `ip addr show dev lo` (%s), `sysctl -a -r "
			"rp_filter` (not 1 where clients come in by another way), `nft list ruleset` "
			"(what is dropped)",
			s->vip);
	else
		snprintf(
			text, SUSPICION_LEN,
			"its probes are well, but come from this machine's own address: most likely "
			"its answers to others do not come back here. Check there: `ip route get %s` (must lead to "
			"this machine), `nft list ruleset` (what is dropped)",
			s->mode == FL_FWD_FULLNAT ? "ADDRESS-OF-SNAT" : "CLIENT");
	return text;
}
