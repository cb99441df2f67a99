/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_bgp.c - whether the agent can ask routing daemons for BGP sessions. */
#include <errno.h>

#include "doctor/checks.h"

#define DROP_IN "/etc/systemd/system/fairleadd.service.d"

static void judge_rights(const struct doctor_bgp *b, struct doctor_report *r)
{
	const struct config_track_bgp *s = b->session;
	char word[DOCTOR_WORD];

	if (b->by_group)
		doctor_report__command(
			r,
			"mkdir -p " DROP_IN
			" && printf '[Service]\\nSupplementaryGroups=%s\\n' >" DROP_IN
			"/bgp-%u.conf && systemctl daemon-reload && systemctl "
			"restart fairleadd",
			b->group, b->gid);
	else
		doctor_report__command(r, "namei -l %s", doctor__word(s->socket, word));
	doctor_report__add(r, DOCTOR_ERROR, r->command,
			   "the agent may not use %s, which BGP session %s of %s is asked by, so "
			   "that costs a VRRP group priority: %s is for group %s (mode %04o)",
			   s->socket, s->session, config_bgp_daemon__name(s->daemon), b->at,
			   b->group, b->mode);
}

static void judge_daemon(const struct doctor_bgp *b, struct doctor_report *r)
{
	const struct config_track_bgp *s = b->session;
	const char *unit = s->daemon == CONFIG_BGP_FRR ? "frr" : "bird";
	bool missing = b->error == ENOENT;

	doctor_report__add(
		r, DOCTOR_WARNING,
		doctor_report__command(r, "systemctl %s %s", missing ? "start" : "restart", unit),
		"BGP session %s of %s can't be asked for, so it costs a VRRP group "
		"priority: %s %s",
		s->session, config_bgp_daemon__name(s->daemon),
		missing			   ? "there is no"
		: b->error == ECONNREFUSED ? "nobody listens at"
					   : "no connection can be made to",
		s->socket);
}

void doctor_check__bgp(const struct doctor_facts *f, struct doctor_report *r)
{
	size_t well = 0;

	for (size_t i = 0; i < f->n_bgp; i++) {
		const struct doctor_bgp *b = &f->bgp[i];

		if (b->shut) {
			judge_rights(b, r);
		} else if (b->error == EACCES || b->error == EPERM) {
			doctor_report__add(r, DOCTOR_NOTE, "sudo fairlead doctor",
					   "whether anybody listens at %s can't be seen with your "
					   "rights",
					   b->session->socket);
		} else if (b->error) {
			judge_daemon(b, r);
		} else {
			well++;
		}
	}
	if (well)
		doctor_report__ok(r, "%zu of %zu sockets of routing daemons can be used", well,
				  f->n_bgp);
}
