/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view_json.h"
#include "cli/view_journal.h"
#include "cli/view_vrrp.h"

enum column { NAME, ADDRESS, FORWARD, STATE, SINCE, WEIGHT, SHARE, PPS, BITS, PROBE };

static const struct {
	const char *name;
	double width; /* hint, share of the terminal */
	int flags;
} columns[] = {
	[NAME] = {"SERVICE/BACKEND", 0.15, SCOLS_FL_TREE},
	[ADDRESS] = {"ADDRESS", 0.15, 0},
	[FORWARD] = {"FORWARD", 0.05, 0},
	[STATE] = {"STATE", 0.08, 0},
	[SINCE] = {"SINCE", 0.05, SCOLS_FL_RIGHT},
	[WEIGHT] = {"WEIGHT", 0.05, SCOLS_FL_RIGHT},
	[SHARE] = {"SHARE", 0.05, SCOLS_FL_RIGHT},
	[PPS] = {"PPS", 0.05, SCOLS_FL_RIGHT},
	[BITS] = {"BIT/S", 0.05, SCOLS_FL_RIGHT},
	[PROBE] = {"PROBE", 0.20, SCOLS_FL_TRUNC},
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool is_shown(const json_t *service, const struct view *view)
{
	return !view->service || !strcmp(string_of(service, "name"), view->service);
}

static const char *colour_of(const char *state)
{
	if (!strcmp(state, "up"))
		return "green";
	if (!strcmp(state, "down") || !strcmp(state, "disabled"))
		return "red";
	return "yellow";
}

static int set(struct libscols_line *line, enum column column, const char *text)
{
	return scols_line_set_data(line, column, text);
}

static int set_rates(struct libscols_line *line, const json_t *object)
{
	char buf[FORMAT_LEN];
	int rc = set(line, PPS, format__si(number_of(object, "packets_per_s"), buf));

	return rc ? rc : set(line, BITS, format__si(8 * number_of(object, "bytes_per_s"), buf));
}

static int set_age(struct libscols_line *line, const json_t *backend, time_t now)
{
	char buf[FORMAT_LEN];
	time_t since;

	if (format__parse_time(string_of(backend, "since"), &since))
		return set(line, SINCE, "-");
	return set(line, SINCE, format__duration(difftime(now, since), buf));
}

static int set_probe(struct libscols_line *line, const json_t *backend)
{
	const json_t *probe = json_object_get(backend, "probe");
	const char *detail = string_of(probe, "detail");
	const char *warning = json_string_value(json_object_get(probe, "warning"));
	char buf[256];

	if (!json_is_true(json_object_get(probe, "ok")))
		return set(line, PROBE, *detail ? detail : "failed");
	/* That it is connected goes without saying. */
	if (strcmp(detail, "connected") == 0)
		detail = "-";
	snprintf(buf, sizeof(buf), "ok %.1f ms%s%s%s%s", number_of(probe, "latency_us") / 1000,
		 *detail == '-' ? "" : ", ", *detail == '-' ? "" : detail, warning ? ", but " : "",
		 warning ? warning : "");
	return set(line, PROBE, buf);
}

/* With the port where NAT changes it. */
static int set_address(struct libscols_line *line, const json_t *backend)
{
	const char *address = string_of(backend, "address");
	json_int_t port = integer_of(backend, "port");
	char buf[80];

	if (!port)
		return set(line, ADDRESS, address);
	snprintf(buf, sizeof(buf), strchr(address, ':') ? "[%s]:%lld" : "%s:%lld", address, port);
	return set(line, ADDRESS, buf);
}

/* With what it takes of it now, where that is not all or nothing. */
static int set_weight(struct libscols_line *line, const json_t *backend)
{
	double parts = number_of(backend, "parts");
	char weight[FORMAT_LEN], buf[FORMAT_LEN + 8];

	format__si(number_of(backend, "weight"), weight);
	if (parts <= 0 || parts >= 1)
		return set(line, WEIGHT, weight);
	snprintf(buf, sizeof(buf), "%s*%.0f%%", weight, 100 * parts);
	return set(line, WEIGHT, buf);
}

static int add_backend(struct libscols_table *table, struct libscols_line *parent,
		       const json_t *backend, const struct view *view)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	const char *state = string_of(backend, "state");
	char buf[FORMAT_LEN];
	int rc;

	if (!line)
		return -ENOMEM;
	rc = set(line, NAME, string_of(backend, "id"));
	rc = rc ? rc : set_address(line, backend);
	rc = rc ? rc : set(line, STATE, state);
	rc = rc ? rc : set_age(line, backend, view->now);
	rc = rc ? rc : set_weight(line, backend);
	rc = rc ? rc : set(line, SHARE, format__percent(number_of(backend, "share"), buf));
	rc = rc ? rc : set_rates(line, backend);
	rc = rc ? rc : set_probe(line, backend);
	if (!rc && view->colours)
		rc = scols_cell_set_color(scols_line_get_cell(line, STATE), colour_of(state));
	return rc;
}

static int add_service(struct libscols_table *table, const json_t *service, const struct view *view)
{
	const json_t *backends = json_object_get(service, "backends"), *backend;
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const char *vip = string_of(service, "vip");
	char address[160], state[48];
	size_t up = 0, all = 0, i;
	int rc;

	if (!line)
		return -ENOMEM;
	json_array_foreach (backends, i, backend) {
		up += !strcmp(string_of(backend, "state"), "up") ||
		      !strcmp(string_of(backend, "state"), "starting");
		all += strcmp(string_of(backend, "state"), "leaving") != 0;
	}
	snprintf(address, sizeof(address), strchr(vip, ':') ? "[%s]:%s/%s" : "%s:%s/%s", vip,
		 string_of(service, "ports"), string_of(service, "protocol"));
	snprintf(state, sizeof(state), "%zu/%zu up", up, all);
	rc = set(line, NAME, string_of(service, "name"));
	rc = rc ? rc : set(line, ADDRESS, address);
	rc = rc ? rc : set(line, FORWARD, string_of(service, "forward"));
	rc = rc ? rc : set(line, STATE, state);
	rc = rc ? rc : set_rates(line, service);
	json_array_foreach (backends, i, backend)
		rc = rc ? rc : add_backend(table, line, backend, view);
	return rc;
}

static int print_table(const json_t *services, const struct view *view, FILE *out)
{
	struct libscols_table *table = scols_new_table();
	const json_t *service;
	size_t i;
	int rc = table ? 0 : -ENOMEM;

	if (rc)
		return rc;
	scols_table_set_stream(table, out);
	scols_table_enable_colors(table, view->colours);
	for (i = 0; i < N_COLUMNS && !rc; i++) {
		if (!scols_table_new_column(table, columns[i].name, columns[i].width,
					    columns[i].flags))
			rc = -ENOMEM;
	}
	json_array_foreach (services, i, service) {
		if (!rc && is_shown(service, view))
			rc = add_service(table, service, view);
	}
	if (!rc)
		rc = scols_print_table(table);
	scols_unref_table(table);
	return rc;
}

static void print_summary(const json_t *status, FILE *out)
{
	const json_t *interfaces = json_object_get(status, "interfaces"), *interface;
	char uptime[FORMAT_LEN];
	size_t i;

	cli__print_text(out, string_of(status, "instance"));
	fprintf(out, ": fairleadd ");
	cli__print_text(out, string_of(status, "version"));
	fprintf(out, ", up %s, pid %lld, configuration ",
		format__duration(number_of(status, "uptime_s"), uptime), integer_of(status, "pid"));
	cli__print_text(out, string_of(json_object_get(status, "config"), "file"));
	json_array_foreach (interfaces, i, interface) {
		fputs(i ? ", " : "; on ", out);
		cli__print_text(out, string_of(interface, "name"));
		fputs(" (", out);
		cli__print_text(out, string_of(interface, "mode"));
		putc(')', out);
	}
	fputs("\n\n", out);
}

/* A verdict or a note that has been counted. */
static void print_count(const json_t *count, const char *what, const char *unit, FILE *out)
{
	json_int_t n = integer_of(count, "packets");

	if (!n)
		return;
	fprintf(out, "%s: %lld %s%s, ", what, n, unit, n == 1 ? "" : "s");
	cli__print_text(out, string_of(count, "name"));
	fputs(": ", out);
	cli__print_text(out, string_of(count, "text"));
	putc('\n', out);
}

static void print_drops(const json_t *status, FILE *out)
{
	const json_t *count;
	size_t i;

	json_array_foreach (json_object_get(status, "verdicts"), i, count) {
		if (!strcmp(string_of(count, "action"), "drop"))
			print_count(count, "dropped", "packet", out);
	}
}

static void print_notes(const json_t *status, FILE *out)
{
	const json_t *note;
	size_t i;

	json_array_foreach (json_object_get(status, "notes"), i, note) {
		print_count(note, "noted", "time", out);
	}
}

/* Slots that change owner, and what keeps them from being clean. */
static void print_transition(const json_t *service, FILE *out)
{
	const json_t *t = json_object_get(service, "transition");
	json_int_t moving = integer_of(t, "moving"), pinned = integer_of(t, "pinned"),
		   waiting = integer_of(t, "waiting");
	char buf[FORMAT_LEN];

	if (!moving && !pinned && !waiting)
		return;
	fputs("changing: ", out);
	cli__print_text(out, string_of(service, "name"));
	fprintf(out, ": %lld slots moving, %lld pinned, %lld connections on record; ", moving,
		pinned, integer_of(t, "records"));
	if (moving || !integer_of(t, "records"))
		fprintf(out, "clean in %s%s\n", format__duration(number_of(t, "clean_in_s"), buf),
			moving ? " at the earliest" : "");
	else
		fputs("clean when the last of them has ended\n", out);
	if (!waiting)
		return;
	fputs("changing: ", out);
	cli__print_text(out, string_of(service, "name"));
	fprintf(out,
		": %lld slots wait, as there would be too many connections to remember at once; "
		"done in about %s\n",
		waiting, format__duration(number_of(t, "ramp_s"), buf));
}

static void print_seats(const json_t *service, FILE *out)
{
	json_int_t vacant = integer_of(service, "seats_vacant");

	if (!vacant)
		return;
	fputs("seats: ", out);
	cli__print_text(out, string_of(service, "name"));
	fprintf(out, ": %lld %s vacant, for whoever comes next\n", vacant,
		vacant == 1 ? "is" : "are");
}

/* Of a backend: what keeps it from its weight beside its state. */
static void print_held(const json_t *service, const json_t *backend, FILE *out)
{
	json_int_t percent = integer_of(backend, "weight_percent");
	json_int_t asked = integer_of(backend, "weight_asked");
	double hold_s = number_of(backend, "flap_hold_s");
	const json_t *limit = json_object_get(backend, "limit_new");
	bool over = json_is_number(limit) && json_number_value(limit) < 1;
	bool full = json_is_true(json_object_get(backend, "limit_full"));
	char buf[FORMAT_LEN];

	if (!json_object_get(backend, "weight_percent") ||
	    (percent == 100 && asked == 100 && hold_s <= 0 && !over && !full))
		return;
	fputs("health: ", out);
	cli__print_text(out, string_of(service, "name"));
	fputs(": ", out);
	cli__print_text(out, string_of(backend, "id"));
	if (percent != 100)
		fprintf(out, ": the operator gives it %lld %% of its weight", percent);
	if (asked != 100)
		fprintf(out, ": it asks for %lld %% of its weight", asked);
	if (over)
		fprintf(out, ": max_new leaves it %.0f %% of its weight",
			100 * json_number_value(limit));
	if (full)
		fputs(": max_flows leaves it no new connections", out);
	if (hold_s > 0)
		fprintf(out, ": it fell %lld times of late, and must be well for %s",
			integer_of(backend, "flaps"), format__duration(hold_s, buf));
	putc('\n', out);
}

/* What is not as the probes alone would have it. */
static void print_health(const json_t *service, FILE *out)
{
	const json_t *health = json_object_get(service, "health"), *backend;
	size_t i;

	if (json_is_true(json_object_get(health, "panic"))) {
		fputs("health: ", out);
		cli__print_text(out, string_of(service, "name"));
		fputs(": panic: too few backends are well, so all get flows\n", out);
	} else if (json_is_true(json_object_get(health, "backups"))) {
		fputs("health: ", out);
		cli__print_text(out, string_of(service, "name"));
		fputs(": its backups are called in\n", out);
	}
	json_array_foreach (json_object_get(service, "backends"), i, backend) {
		print_held(service, backend, out);
		view_peers__quorum(service, backend, out);
	}
}

static void print_limits(const json_t *service, FILE *out)
{
	static const struct {
		const char *key, *text;
	} rates[] = {
		{"packets", "packets"},
		{"connections", "connections"},
		{"source_packets", "packets of one source"},
		{"source_connections", "connections of one source"},
	};
	const json_t *limits = json_object_get(service, "limits");
	char buf[FORMAT_LEN];
	size_t shown = 0;

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		if (!integer_of(limits, rates[i].key))
			continue;
		if (!shown++) {
			fputs("limits: ", out);
			cli__print_text(out, string_of(service, "name"));
			fputs(": a second ", out);
		}
		fprintf(out, "%s%s %s", shown > 1 ? ", " : "",
			format__si(number_of(limits, rates[i].key), buf), rates[i].text);
	}
	if (!shown)
		return;
	fprintf(out, "; burst %lld ms%s\n", integer_of(limits, "burst_ms"),
		json_is_true(json_object_get(limits, "monitor")) ? "; monitor: nothing is dropped"
								 : "");
}

static void warn_of_service(const json_t *service, FILE *out)
{
	json_int_t unserved = integer_of(service, "slots_unserved");
	const json_t *backend;
	size_t i;

	if (unserved) {
		fputs("warning: ", out);
		cli__print_text(out, string_of(service, "name"));
		fprintf(out, ": %lld of %lld slots have no backend: their packets are dropped\n",
			unserved, integer_of(service, "slots"));
	}
	json_array_foreach (json_object_get(service, "backends"), i, backend) {
		const json_t *nexthop = json_object_get(backend, "nexthop");

		view_passive__warn(service, backend, out);
		if (!json_is_false(json_object_get(nexthop, "resolved")))
			continue;
		fputs("warning: ", out);
		cli__print_text(out, string_of(service, "name"));
		fputs(": no MAC address is known on the way to ", out);
		cli__print_text(out, string_of(backend, "address"));
		fputs(": see ip route get and ip neigh\n", out);
	}
}

static void print_warnings(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *lease = json_object_get(status, "lease"), *service;
	json_int_t lapses = integer_of(lease, "lapses");
	size_t i;

	if (json_is_true(json_object_get(lease, "lapsed")))
		fputs("warning: the lease has lapsed: the program does what on_agent_loss says\n",
		      out);
	else if (lapses)
		fprintf(out, "warning: the lease lapsed %lld time%s since the agent began\n",
			lapses, lapses == 1 ? "" : "s");
	view_journal__warn(status, out);
	view_token__warn(status, out);
	if (!view->service)
		view_vrrp__warn(status, out);
	json_array_foreach (json_object_get(status, "services"), i, service) {
		if (is_shown(service, view))
			warn_of_service(service, out);
	}
}

int view__print(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *services = json_object_get(status, "services"), *service;
	size_t shown = 0, i;
	int rc = 0;

	json_array_foreach (services, i, service)
		shown += is_shown(service, view);
	if (view->service && !shown)
		return -ENOENT;
	print_summary(status, out);
	if (!view->service)
		view_vrrp__print(status, view, out);
	if (shown)
		rc = print_table(services, view, out);
	else
		fputs("no service is configured\n", out);
	if (rc)
		return rc;
	json_array_foreach (services, i, service) {
		if (!is_shown(service, view))
			continue;
		print_health(service, out);
		print_limits(service, out);
		print_seats(service, out);
		print_transition(service, out);
		view_passive__print(service, view, out);
	}
	if (!view->service) {
		view_peers__print(status, view, out);
		view_vip__print(status, view, out);
		view_alerts__print(status, view, false, out);
	}
	print_drops(status, out);
	print_notes(status, out);
	print_warnings(status, view, out);
	return 0;
}
