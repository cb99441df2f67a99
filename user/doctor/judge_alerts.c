/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_alerts.c - whether those whom the agent tells what goes wrong hear of it. */
#include "doctor/checks.h"

#define LONG_S 300 /* a receiver may be restarted, or be slow for a while */

void doctor_check__alerts(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_agent *a = &f->agent;
	size_t well = 0;

	for (size_t i = 0; i < a->n_alerts; i++) {
		const struct doctor_alerts *d = &a->alerts[i];

		if (d->fails_s < LONG_S) {
			well++;
			continue;
		}
		doctor_report__add(
			r, DOCTOR_WARNING,
			doctor_report__command(r, "fairlead alerts test %s", d->name),
			"destination '%s' of alerts has failed for %llu minutes, and %llu "
			"wait: %s",
			d->name, (unsigned long long)d->fails_s / 60,
			(unsigned long long)d->waiting, d->error);
	}
	if (well)
		doctor_report__ok(r, "%zu of %zu destinations of alerts have not failed for long",
				  well, a->n_alerts);
}
