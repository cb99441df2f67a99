/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view_journal.h"

#include "cli/cli.h"

void view_journal__warn(const json_t *status, FILE *out)
{
	const json_t *journal = json_object_get(status, "journal");
	const char *trouble = json_string_value(json_object_get(journal, "trouble"));

	if (!trouble || !*trouble)
		return;
	fputs("warning: the journal is not written: ", out);
	cli__print_text(out, trouble);
	fprintf(out, "; %lld events wait, %lld were lost\n",
		(long long)json_integer_value(json_object_get(journal, "waiting")),
		(long long)json_integer_value(json_object_get(journal, "dropped")));
}
