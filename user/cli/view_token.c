/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_token.c - the token without which nothing is changed, when it can't be had. */
#include "cli/cli.h"
#include "cli/view.h"
#include "cli/view_json.h"

void view_token__warn(const json_t *status, FILE *out)
{
	const char *problem = text_of(json_object_get(status, "api"), "token_problem");

	if (!*problem)
		return;
	fputs("warning: nobody may change anything by the API: ", out);
	cli__print_text(out, problem);
	putc('\n', out);
}
