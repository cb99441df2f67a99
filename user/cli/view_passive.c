/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_passive.c - what is wrong with the clients' path to backends, by probes and by the clients' own connections. */
#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view.h"
#include "cli/view_json.h"

void view_passive__print(const json_t *service, const struct view *view, FILE *out)
{
	const json_t *backend, *passive;
	char rate[FORMAT_LEN], share[FORMAT_LEN], age[FORMAT_LEN];
	time_t at;
	size_t i;

	json_array_foreach (json_object_get(service, "backends"), i, backend) {
		passive = json_object_get(backend, "passive");
		if (!json_is_object(passive))
			continue;
		fputs("passive: ", out);
		cli__print_text(out, string_of(service, "name"));
		fputs(": ", out);
		cli__print_text(out, string_of(backend, "id"));
		fprintf(out, ": %s connections/s",
			format__si(number_of(passive, "connections_per_s"), rate));
		if (integer_of(passive, "judged"))
			fprintf(out, ", %s of the last 5 s completed",
				format__percent(number_of(passive, "completion"), share));
		if (!format__parse_time(string_of(passive, "alarm_at"), &at)) {
			fprintf(out,
				"; alarm %s ago: ", format__duration(difftime(view->now, at), age));
			cli__print_text(out, string_of(passive, "alarm"));
		}
		putc('\n', out);
	}
}

static void begin_warning(const json_t *service, const json_t *backend, FILE *out)
{
	fputs("warning: ", out);
	cli__print_text(out, string_of(service, "name"));
	fputs(": backend ", out);
	cli__print_text(out, string_of(backend, "id"));
	fputs(": ", out);
}

void view_passive__warn(const json_t *service, const json_t *backend, FILE *out)
{
	const json_t *probe = json_object_get(backend, "probe");
	const json_t *text = json_object_get(json_object_get(probe, "diagnosis"), "text");
	const json_t *passive = json_object_get(backend, "passive");

	if (text) {
		begin_warning(service, backend, out);
		cli__print_text(out, json_string_value(text));
		putc('\n', out);
	}
	if (*text_of(passive, "advice")) {
		begin_warning(service, backend, out);
		cli__print_text(out, text_of(passive, "alarm"));
		fputs("; ", out);
		cli__print_text(out, text_of(passive, "advice"));
		putc('\n', out);
	}
}
