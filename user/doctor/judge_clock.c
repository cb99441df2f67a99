/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_clock.c - whether times of this machine can be compared with those of others. */
#include <math.h>

#include "doctor/checks.h"

#define SKEW_MS 1000 /* what makes times of two machines misleading */

static void judge_skew(const struct doctor_facts *f, const struct doctor_peer *p,
		       struct doctor_report *r)
{
	char word[DOCTOR_WORD];

	/* Of two clocks, the one that somebody sets is the right one. */
	if (f->clock == 1)
		doctor_report__command(r, "ssh %s timedatectl", doctor__word(p->address, word));
	else
		doctor_report__command(r, "%s",
				       f->chrony ? "chronyc makestep"
						 : "timedatectl set-ntp true && systemctl restart "
						   "systemd-timesyncd");
	doctor_report__add(
		r, DOCTOR_WARNING, r->command,
		"the clock of peer %s is %.1f s %s this machine's, which is %s: times in the two "
		"machines' logs can't be compared",
		p->name, fabs((double)p->skew_ms) / 1e3, p->skew_ms > 0 ? "ahead of" : "behind",
		f->clock == 1 ? "synchronised, so see to the peer's"
			      : "not known to be synchronised, so see to this one first");
}

static void judge_peers(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_agent *a = &f->agent;
	size_t well = 0;

	for (size_t i = 0; i < a->n_peers; i++) {
		const struct doctor_peer *p = &a->peers[i];

		if (!p->clock_known)
			continue;
		if (p->skew_ms > -SKEW_MS && p->skew_ms < SKEW_MS)
			well++;
		else
			judge_skew(f, p, r);
	}
	if (well)
		doctor_report__ok(
			r, "the clocks of %zu of %zu peers are within %d ms of this machine's",
			well, a->n_peers, SKEW_MS);
}

void doctor_check__clock(const struct doctor_facts *f, struct doctor_report *r)
{
	bool others = f->config && (f->config->n_peers || f->config->n_vrrp);

	judge_peers(f, r);
	if (f->clock == DOCTOR_UNKNOWN)
		return;
	if (f->clock) {
		doctor_report__ok(r, "the clock is synchronised");
		return;
	}
	doctor_report__add(
		r, others ? DOCTOR_WARNING : DOCTOR_NOTE, "timedatectl set-ntp true",
		"the clock is not synchronised: times in the log and in `fairlead status` "
		"can't be compared with %s",
		others ? "the peers'" : "other machines'");
}
