/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_vip.c - who hears of the VIPs: routes for a routing daemon, BFD sessions, and whether in time. */
#include <string.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view.h"
#include "cli/view_json.h"

/* VIPs that a routing daemon is to announce. */
static void print_anycast(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *anycast = json_object_get(status, "anycast"), *vip;
	char age[FORMAT_LEN];
	time_t since;
	size_t i;

	json_array_foreach (json_object_get(anycast, "vips"), i, vip) {
		bool announced = json_is_true(json_object_get(vip, "announced"));

		fputs("anycast: ", out);
		cli__print_text(out, string_of(vip, "vip"));
		fprintf(out, ": %s", announced ? "announced" : "withdrawn");
		if (!format__parse_time(string_of(vip, "since"), &since))
			fprintf(out, " for %s", format__duration(difftime(view->now, since), age));
		if (*string_of(vip, "why")) {
			fputs(": ", out);
			cli__print_text(out, string_of(vip, "why"));
		}
		putc('\n', out);
	}
	json_array_foreach (json_object_get(anycast, "stuck"), i, vip) {
		fputs("anycast: ", out);
		cli__print_text(out, string_of(vip, "vip"));
		fprintf(out, ": its route should be gone from table %" JSON_INTEGER_FORMAT ": ",
			integer_of(vip, "table"));
		cli__print_text(out, string_of(vip, "error"));
		fputs("; tried again every second\n", out);
	}
}

/* BFD sessions: "bfd: fe80::1%eth0: up for 3m12s, every 50 ms, seen dead after 150 ms". */
static void print_bfd(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *session,
		*sessions = json_object_get(json_object_get(status, "bfd"), "sessions");
	char age[FORMAT_LEN];
	time_t since;
	size_t i;

	json_array_foreach (sessions, i, session) {
		const char *interface = string_of(session, "interface");
		const char *trouble = string_of(session, "trouble");

		fputs("bfd: ", out);
		cli__print_text(out, string_of(session, "peer"));
		if (*interface) {
			putc('%', out);
			cli__print_text(out, interface);
		}
		fputs(": ", out);
		cli__print_text(out, string_of(session, "state"));
		if (!format__parse_time(string_of(session, "since"), &since))
			fprintf(out, " for %s", format__duration(difftime(view->now, since), age));
		if (!strcmp(string_of(session, "state"), "up"))
			fprintf(out, ", sends every %.0f ms, sees a death within %.0f ms",
				number_of(session, "interval_ms"),
				number_of(session, "detection_ms"));
		else if (!*trouble && integer_of(session, "downs"))
			fprintf(out, ": %s", string_of(session, "reason"));
		if (*trouble) {
			fputs(": ", out);
			cli__print_text(out, trouble);
		}
		putc('\n', out);
	}
}

/* What this machine is woken too late for. */
static void print_late(const json_t *status, FILE *out)
{
	const json_t *sentence, *loop = json_object_get(status, "loop");
	size_t i;

	json_array_foreach (json_object_get(loop, "too_late_for"), i, sentence) {
		fputs("too late: ", out);
		cli__print_text(out, json_string_value(sentence));
		putc('\n', out);
	}
}

void view_vip__print(const json_t *status, const struct view *view, FILE *out)
{
	print_late(status, out);
	print_anycast(status, view, out);
	print_bfd(status, view, out);
}
