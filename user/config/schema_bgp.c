/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_bgp.c - the keys of a BGP session that a VRRP group tracks. */
#include <stdio.h>
#include <string.h>

#include "config/schema.h"

#define SESSION(member) AT(struct config_track_bgp, member)

/*
 * Names of BIRD's protocols; addresses, interfaces and names of FRR's neighbours. Both daemons are asked in
 * lines of words: nothing of these means anything else there, not even a pattern.
 */
static const char *rule_session(const char *text)
{
	return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				 "0123456789_.:-")]
		       ? "may hold only letters, digits and . _ - :"
		       : NULL;
}

static const struct choice daemons[] = {
	{"bird", CONFIG_BGP_BIRD},
	{"frr", CONFIG_BGP_FRR},
	{NULL, 0},
};

static const struct option bgp_options[] = {
	{"session", value__name, SESSION(session), .rule = rule_session,
	 .missing = "the name of BIRD's protocol, or the address of FRR's neighbour"},
	{"daemon", value__choice, SESSION(daemon), .choices = daemons,
	 .missing = "whose session it is: bird or frr"},
	{"vrf", value__name, SESSION(vrf), .rule = rule_session},
	{"socket", value__name, SESSION(socket), .rule = rule__file},
	{"interval", value__duration, SESSION(interval_ms), RANGE(100, HOUR), .fallback = "1s"},
	{"timeout", value__duration, SESSION(timeout_ms), RANGE(10, MINUTE), .fallback = "1s"},
	{"rise", value__number, SESSION(rise), RANGE(1, 100), .fallback = "2"},
	{"fall", value__number, SESSION(fall), RANGE(1, 100), .fallback = "3"},
	{"cost", value__number, SESSION(cost), RANGE(1, 254), .fallback = "50"},
};
const struct section schema_bgp = {bgp_options, COUNT(bgp_options)};

const char *config_bgp_daemon__name(enum config_bgp_daemon daemon)
{
	return daemon == CONFIG_BGP_FRR ? "FRR" : "BIRD";
}

bool config_track_bgp__same(const struct config_track_bgp *a, const struct config_track_bgp *b)
{
	return a->daemon == b->daemon && strcmp(a->session, b->session) == 0 &&
	       strcmp(a->vrf, b->vrf) == 0 && strcmp(a->socket, b->socket) == 0;
}

/* As Debian's packages have it. */
static void complete(struct config_track_bgp *s)
{
	if (!s->socket[0])
		snprintf(s->socket, sizeof(s->socket), "%s",
			 s->daemon == CONFIG_BGP_FRR ? "/run/frr/bgpd.vty" : "/run/bird/bird.ctl");
}

void schema__bgp(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config_vrrp *g = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_TRACK_BGP) {
		reader__problem(r, list, "holds %zu sessions, at most %d fit", list->n_kids,
				CONFIG_TRACK_BGP);
		return;
	}
	g->bgp = schema__array(r, list, sizeof(*g->bgp), 1, "a list of BGP sessions");
	if (!g->bgp)
		return;
	g->n_bgp = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &schema_bgp, list->kids[i], &g->bgp[i]);
		complete(&g->bgp[i]);
		reader__leave(r, was);
	}
}
