/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view_vrrp.h"

#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view_json.h"

/* Why it does not take over from an active one of lower priority. */
static void print_patience(const json_t *group, FILE *out)
{
	const char *waits_for = string_of(group, "waits_for");

	if (strcmp(string_of(group, "state"), "backup") != 0)
		return;
	if (json_is_true(json_object_get(group, "handed_over")))
		fputs("; does not preempt (`fairlead failover --undo` ends that)", out);
	else if (*waits_for && *waits_for != '-') {
		fputs("; does not preempt yet: ", out);
		cli__print_text(out, waits_for);
	}
}

/* What takes from its priority. */
static void print_costs(const json_t *group, FILE *out)
{
	const json_t *cost;
	size_t i;

	json_array_foreach (json_object_get(group, "costs"), i, cost) {
		fprintf(out, "  %lld less: ", integer_of(cost, "cost"));
		cli__print_text(out, string_of(cost, "what"));
		putc('\n', out);
	}
}

/* Its virtual MAC address, while it is here. */
static void print_device(const json_t *group, FILE *out)
{
	if (!json_is_string(json_object_get(group, "device")))
		return;
	fputs("  ", out);
	cli__print_text(out, string_of(group, "virtual_mac"));
	fputs(" on device ", out);
	cli__print_text(out, string_of(group, "device"));
	putc('\n', out);
}

/* What it did last: the latest first. */
#define LAST 3
static void print_last(const json_t *group, const struct view *view, FILE *out)
{
	const json_t *last = json_object_get(group, "last_transitions"), *t;
	char age[FORMAT_LEN];
	time_t at;
	size_t i;

	json_array_foreach (last, i, t) {
		if (i == LAST)
			break;
		if (format__parse_time(string_of(t, "at"), &at))
			continue;
		fprintf(out, "  %s ago: ", format__duration(difftime(view->now, at), age));
		cli__print_text(out, string_of(t, "from"));
		fputs(" -> ", out);
		cli__print_text(out, string_of(t, "to"));
		fputs(": ", out);
		cli__print_text(out, string_of(t, "why"));
		putc('\n', out);
	}
}

static void print_group(const json_t *group, const struct view *view, FILE *out)
{
	const json_t *addresses = json_object_get(group, "addresses"), *address;
	const char *state = string_of(group, "state");
	const char *fault = string_of(group, "fault");
	char age[FORMAT_LEN] = "-";
	time_t since;
	size_t i;

	fputs("VRRP group ", out);
	cli__print_text(out, string_of(group, "name"));
	fprintf(out, " (vrid %lld on ", integer_of(group, "vrid"));
	cli__print_text(out, string_of(group, "interface"));
	json_array_foreach (addresses, i, address) {
		fputs(i ? " " : ", ", out);
		cli__print_text(out, json_string_value(address));
	}
	fputs("): ", out);
	if (!strcmp(state, "initialize")) {
		fputs("off: ", out);
		cli__print_text(out, *fault ? fault : string_of(group, "why"));
		putc('\n', out);
		print_last(group, view, out);
		return;
	}
	cli__print_text(out, state);
	fprintf(out, ", priority %lld", integer_of(group, "priority"));
	if (strcmp(state, "active") != 0 && json_is_string(json_object_get(group, "active"))) {
		fputs(", active is ", out);
		cli__print_text(out, string_of(group, "active"));
		fprintf(out, " with %lld", integer_of(group, "active_priority"));
	}
	if (!format__parse_time(string_of(group, "since"), &since))
		format__duration(difftime(view->now, since), age);
	fprintf(out, ", for %s: ", age);
	cli__print_text(out, string_of(group, "why"));
	print_patience(group, out);
	putc('\n', out);
	print_device(group, out);
	print_costs(group, out);
	print_last(group, view, out);
}

/* What is wrong with a group that takes part. */
static void warn_of_group(const json_t *group, FILE *out)
{
	static const struct {
		const char *key, *text;
	} errors[] = {
		{"send_error", "the last advert could not be sent"},
		{"announce_error", "the last announcement could not be sent"},
		{"address_error", "its addresses could not be set"},
		{"device_error", "its virtual MAC address"},
		{"other_owner", "another router owns the addresses as well (priority 255)"},
	};
	const char *name = string_of(group, "name");

	if (json_is_true(json_object_get(group, "addresses_differ"))) {
		fputs("warning: VRRP group ", out);
		cli__print_text(out, name);
		fputs(": its peers list other addresses than this configuration\n", out);
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		const char *error = string_of(group, errors[i].key);

		if (!*error || *error == '-')
			continue;
		fputs("warning: VRRP group ", out);
		cli__print_text(out, name);
		fprintf(out, ": %s: ", errors[i].text);
		cli__print_text(out, error);
		putc('\n', out);
	}
}

void view_vrrp__print(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *groups = json_object_get(json_object_get(status, "vrrp"), "groups"), *group;
	size_t i;

	json_array_foreach (groups, i, group) {
		print_group(group, view, out);
	}
	if (json_array_size(groups))
		putc('\n', out);
}

void view_vrrp__warn(const json_t *status, FILE *out)
{
	const json_t *groups = json_object_get(json_object_get(status, "vrrp"), "groups"), *group;
	size_t i;

	json_array_foreach (groups, i, group) {
		warn_of_group(group, out);
	}
}
