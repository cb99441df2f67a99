/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge_token.c - whether those who know the token can change anything. */
#include "doctor/checks.h"

void doctor_check__token(const struct doctor_facts *f, struct doctor_report *r)
{
	const struct doctor_agent *a = &f->agent;
	const char *file = f->config ? f->config->api_token_file : NULL;
	char word[DOCTOR_WORD];

	if (!a->token)
		return;
	if (!a->token_problem[0]) {
		doctor_report__ok(r, "%s",
				  "the token without which nothing is changed can be read");
		return;
	}
	/* The file that is looked at may name none, unlike the one that the agent has. */
	if (file)
		doctor_report__command(r, "namei -l %s", doctor__word(file, word));
	else
		doctor_report__command(r, "fairlead -s %s status", doctor__word(a->socket, word));
	doctor_report__add(r, DOCTOR_ERROR, r->command, "nobody may change anything by the API: %s",
			   a->token_problem);
}
