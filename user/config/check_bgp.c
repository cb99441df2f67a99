/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_bgp.c - BGP sessions that VRRP groups track. */
#include "config/check.h"

void check__bgp(const struct config_vrrp *g, const struct node *track, size_t index,
		struct problem_sink *sink)
{
	struct node *const *nodes = check__items(track, "bgp", g->n_bgp);

	for (size_t i = 0; nodes && i < g->n_bgp; i++) {
		const struct config_track_bgp *s = &g->bgp[i];
		const struct node *session = node__sound(nodes[i], "session");
		const struct node *vrf = node__sound(nodes[i], "vrf");
		size_t j = 0;

		if (!node__sound(nodes[i], "daemon"))
			continue;
		if (vrf && s->daemon == CONFIG_BGP_BIRD)
			check__tell(sink, vrf,
				    "vrrp[%zu].track.bgp[%zu].vrf: means nothing with daemon: bird, "
				    "whose protocols are told apart by their names",
				    index, i);
		while (session && j < i && !config_track_bgp__same(&g->bgp[j], s))
			j++;
		if (session && j < i)
			check__tell(sink, session,
				    "vrrp[%zu].track.bgp[%zu].session: same session as "
				    "vrrp[%zu].track.bgp[%zu]",
				    index, i, index, j);
	}
}
