/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_token.c - whether those who know the token can change anything. */
#include "doctor/checks.h"

void doctor_check__token(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_agent *a = &f->agent;

	if (!a->token)
		return;
	if (!a->token_problem[0]) {
		doctor_report__add(r, DOCTOR_OK, "%s",
				   "the token without which nothing is changed can be read");
		return;
	}
	doctor_report__add(r, DOCTOR_ERROR, "nobody may change anything by the API: %s",
			   a->token_problem);
}
