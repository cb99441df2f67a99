/* SPDX-License-Identifier: GPL-2.0-or-later */
/* check_bgp.c - BGP sessions that VRRP groups track. */
#include <string.h>

#include "config/check.h"

/* Whether all is known of it that tells sessions apart. */
static bool is_known(const struct node *n)
{
	return node__sound(n, "session") && node__sound(n, "daemon") && !check__broken(n, "vrf") &&
	       !check__broken(n, "socket");
}

void check__bgp(const struct config_vrrp *g, const struct node *track, size_t index,
		struct problem_sink *sink)
{
	struct node *const *nodes = check__items(track, "bgp", g->n_bgp);

	for (size_t i = 0; nodes && i < g->n_bgp; i++) {
		const struct config_track_bgp *s = &g->bgp[i];
		size_t j = 0;

		if (!is_known(nodes[i]))
			continue;
		if (s->vrf[0] && s->daemon == CONFIG_BGP_BIRD)
			check__tell(
				sink, node__sound(nodes[i], "vrf"),
				"vrrp[%zu].track.bgp[%zu].vrf: means nothing with daemon: bird, "
				"whose protocols are told apart by their names",
				index, i);
		if (strcmp(s->vrf, "all") == 0 && s->daemon == CONFIG_BGP_FRR)
			check__tell(sink, node__sound(nodes[i], "vrf"),
				    "vrrp[%zu].track.bgp[%zu].vrf: \"all\" is not one VRF but each "
				    "of them to FRR: name the one that the neighbour is in",
				    index, i);
		while (j < i && !(is_known(nodes[j]) && config_track_bgp__same(&g->bgp[j], s)))
			j++;
		if (j < i)
			check__tell(sink, node__sound(nodes[i], "session"),
				    "vrrp[%zu].track.bgp[%zu].session: same session as "
				    "vrrp[%zu].track.bgp[%zu]",
				    index, i, index, j);
	}
}
