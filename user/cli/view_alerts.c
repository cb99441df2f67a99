/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_alerts.c - destinations of alerts, a line each. */
#include "cli/format.h"
#include "cli/view.h"
#include "cli/view_json.h"

static void print_counts(const json_t *d, FILE *out)
{
	long long waiting = integer_of(d, "waiting") + integer_of(d, "held");

	fprintf(out, "%lld sent, %lld wait", (long long)integer_of(d, "sent"), waiting);
	if (integer_of(d, "dropped"))
		fprintf(out, ", %lld given up", (long long)integer_of(d, "dropped"));
}

void view_alerts__print(const json_t *status, const struct view *view, bool all, FILE *out)
{
	char age[FORMAT_LEN];
	const json_t *d;
	time_t since;
	size_t i;

	json_array_foreach (json_object_get(status, "alerts"), i, d) {
		bool fails = !format__parse_time(text_of(d, "fails_since"), &since);

		if (!all && !fails)
			continue;
		fputs("alerts: ", out);
		cli__print_text(out, string_of(d, "name"));
		fprintf(out, " (%s): ", string_of(d, "type"));
		print_counts(d, out);
		if (fails) {
			fprintf(out, ", fails for %s: ",
				format__duration(difftime(view->now, since), age));
			cli__print_text(out, string_of(d, "error"));
		}
		putc('\n', out);
	}
}
