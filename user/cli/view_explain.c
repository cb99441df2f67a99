/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view_explain.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view_json.h"

#define ROW 16 /* bytes of a row of hex digits */

static void put(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	cli__print_text(out, text);
	fputs(after, out);
}

static const json_t *object_of(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static void print_end(const json_t *flow, const char *address, const char *port, FILE *out)
{
	const char *text = text_of(flow, address);
	json_int_t n = integer_of(flow, port);

	if (!n) {
		put(out, "", text, "");
		return;
	}
	put(out, strchr(text, ':') ? "[" : "", text, strchr(text, ':') ? "]" : "");
	fprintf(out, ":%lld", n);
}

/* "tcp [syn] 192.0.2.1:40000 > 192.0.2.10:80" */
static void print_flow(const json_t *flow, FILE *out)
{
	if (!json_is_object(flow)) {
		fputs("not IP", out);
		return;
	}
	put(out, "", text_of(flow, "protocol"), "");
	if (*text_of(flow, "tcp_flags"))
		put(out, " [", text_of(flow, "tcp_flags"), "]");
	putc(' ', out);
	print_end(flow, "source", "source_port", out);
	fputs(" > ", out);
	print_end(flow, "destination", "destination_port", out);
}

static void print_service(const json_t *answer, FILE *out)
{
	const json_t *s = object_of(answer, "service");
	const char *vip = text_of(s, "vip");
	bool v6 = strchr(vip, ':') != NULL;

	if (!json_is_object(s)) {
		fputs("service   none\n", out);
		return;
	}
	put(out, "service   ", text_of(s, "name"), ": ");
	put(out, v6 ? "[" : "", vip, v6 ? "]:" : ":");
	put(out, "", text_of(s, "ports"), "/");
	put(out, "", text_of(s, "protocol"), "");
	put(out, ", forward ", text_of(s, "forward"), "");
	put(out, ", affinity ", text_of(s, "affinity"), "");
	fprintf(out, ", generation %lld%s\n", integer_of(s, "generation"),
		json_is_true(object_of(answer, "reply")) ? "; the packet is a backend's reply"
							 : "");
}

/* Where it comes from, and since when it holds. */
static void print_origin(const json_t *rule, FILE *out)
{
	bool command = !strcmp(text_of(rule, "origin"), "command");
	const char *since = text_of(rule, "since");

	fputs(command ? "set by a command" : "of the configuration's file", out);
	if (*since)
		put(out, command ? " at " : ", loaded at ", since, "");
	fputs(command ? " (`fairlead events --kind operator` has who)\n" : "\n", out);
}

static void print_source_rule(const json_t *rule, FILE *out)
{
	const char *prefix = text_of(rule, "prefix"), *service = text_of(rule, "service");
	bool any = !strcmp(prefix, "any");

	put(out, "rule      ", text_of(rule, "action"), "");
	put(out, " ", any ? "all that no longer prefix allows" : prefix, "");
	put(out, *service ? ", for service " : ", for the whole instance", service, "");
	fputs(json_is_true(object_of(rule, "monitor")) ? ", monitor: noted, not dropped; " : "; ",
	      out);
	print_origin(rule, out);
}

static void print_limit_rule(const json_t *rule, FILE *out)
{
	const char *limit = text_of(rule, "limit"), *source = text_of(rule, "prefix");
	bool packets = !strcmp(limit, "packets") || !strcmp(limit, "source_packets");

	put(out, "rule      limits.", limit, "");
	put(out, " of service ", text_of(rule, "service"), "");
	fprintf(out, ": %lld %s a second", integer_of(rule, "rate"),
		packets ? "packets" : "new connections");
	put(out, *source ? " of one source, here " : "", source, "");
	fprintf(out, ", burst %lld ms", integer_of(rule, "burst_ms"));
	fputs(json_is_true(object_of(rule, "monitor")) ? ", monitor: noted, not dropped; "
						       : ", enforced; ",
	      out);
	print_origin(rule, out);
}

static void print_rules(const json_t *answer, FILE *out)
{
	const json_t *rule;
	size_t i;

	json_array_foreach (object_of(answer, "rules"), i, rule) {
		if (!strcmp(text_of(rule, "kind"), "limit"))
			print_limit_rule(rule, out);
		else
			print_source_rule(rule, out);
	}
}

static void print_id(const json_t *o, const char *key, const char *before, FILE *out)
{
	const char *id = text_of(o, key);

	put(out, before, *id ? id : "no backend", "");
}

static void print_slot(const json_t *answer, FILE *out)
{
	const json_t *slot = object_of(answer, "slot");
	const char *state = text_of(slot, "state");
	char since[FORMAT_LEN];

	if (!json_is_object(slot))
		return;
	fprintf(out, "slot      %lld of %lld, %s: ", integer_of(slot, "number"),
		integer_of(object_of(answer, "service"), "slots"), state);
	print_id(slot, "owner", "", out);
	if (strcmp(state, "clean") == 0) {
		fputs(", and no connection of another is on record\n", out);
		return;
	}
	fprintf(out, " has it for %s", format__duration(number_of(slot, "since_s"), since));
	print_id(slot, "previous", ", before it was of ", out);
	fputs(strcmp(state, "moving") == 0
		      ? "; what has no record and is not new goes there still\n"
		      : "; connections that are on record stay where they are\n",
	      out);
}

static void print_record(const json_t *r, FILE *out)
{
	const json_t *flags = object_of(r, "flags"), *flag;
	const char *kind = text_of(r, "kind");
	char seen[FORMAT_LEN];
	size_t i;

	put(out, "record    ",
	    !strcmp(kind, "handshake") ? "a handshake under way"
	    : !strcmp(kind, "client")  ? "of the client, for its new connections"
	    : !strcmp(kind, "nat")     ? "of NAT"
				       : "of the connection",
	    "");
	print_id(r, "backend", ": ", out);
	fprintf(out, ", seen %s ago", format__duration(number_of(r, "seen_s"), seen));
	json_array_foreach (flags, i, flag) {
		put(out, ", ", json_string_value(flag), "");
	}
	if (!strcmp(kind, "nat")) {
		fputs(", becomes ", out);
		print_end(r, "source", "source_port", out);
		fputs(" > ", out);
		print_end(r, "destination", "destination_port", out);
	}
	putc('\n', out);
}

static void print_records(const json_t *answer, FILE *out)
{
	const json_t *records = object_of(answer, "records"), *r;
	size_t i;

	if (json_is_object(object_of(answer, "service")) && !json_array_size(records))
		fputs("record    none\n", out);
	json_array_foreach (records, i, r) {
		print_record(r, out);
	}
}

static void print_probe(const json_t *backend, FILE *out)
{
	const json_t *probe = object_of(backend, "probe");
	const json_t *diagnosis = object_of(probe, "diagnosis");
	const char *detail = text_of(probe, "detail");

	if (!json_is_object(probe))
		return;
	if (json_is_true(object_of(probe, "ok")))
		fprintf(out, "probe     ok in %.1f ms", number_of(probe, "latency_us") / 1000);
	else
		fputs("probe     fails", out);
	put(out, *detail ? ": " : "", detail, "\n");
	if (json_is_object(diagnosis))
		put(out, "diagnosis ", text_of(diagnosis, "text"), "\n");
}

/* What clients' own connections say of it, which probes may not see. */
static void print_alarm(const json_t *backend, FILE *out)
{
	const json_t *passive = object_of(backend, "passive");
	const char *advice = text_of(passive, "advice");
	char age[FORMAT_LEN];
	time_t at;

	if (format__parse_time(text_of(passive, "alarm_at"), &at))
		return;
	fprintf(out, "alarm     %s ago: ", format__duration(difftime(time(NULL), at), age));
	put(out, "", text_of(passive, "alarm"), "\n");
	if (*advice)
		put(out, "check     ", advice, "\n");
}

static void print_backend(const json_t *answer, FILE *out)
{
	const json_t *b = object_of(answer, "backend"), *hop = object_of(b, "nexthop");

	if (!json_is_object(b)) {
		if (json_is_object(object_of(answer, "service")))
			fputs("backend   none\n", out);
		return;
	}
	put(out, "backend   ", text_of(b, "id"), "");
	put(out, ", ", text_of(b, "address"), "");
	put(out, ", ", text_of(b, "state"), "");
	if (json_is_true(object_of(hop, "resolved"))) {
		put(out, "; next hop ", text_of(hop, "via"), "");
		put(out, " (", text_of(hop, "mac"), ")");
		put(out, " by ", text_of(hop, "interface"), "");
	} else {
		fputs("; its next hop is not known", out);
	}
	putc('\n', out);
	print_probe(b, out);
	print_alarm(b, out);
}

static void print_outcome(const json_t *answer, FILE *out)
{
	const json_t *verdict = object_of(answer, "verdict"), *note;
	const char *action = text_of(answer, "action"), *leaves = text_of(answer, "leaves_by");
	size_t i;

	put(out, "verdict   ", text_of(verdict, "name"), ": ");
	put(out, "", text_of(verdict, "text"), "\n");
	fputs("action    ", out);
	if (!strcmp(action, "tx"))
		put(out, "goes out of ", leaves, ", where it came in\n");
	else if (!strcmp(action, "redirect"))
		put(out, "goes out of ", *leaves ? leaves : "the interface that routes say", "\n");
	else
		fputs(!strcmp(action, "pass") ? "left to the kernel, untouched\n" : "dropped\n",
		      out);
	json_array_foreach (object_of(answer, "notes"), i, note) {
		put(out, "note      ", text_of(note, "name"), ": ");
		put(out, "", text_of(note, "text"), "\n");
	}
}

/* Whether the peer has what is on record here. */
static const char *record_words(const char *record)
{
	static const struct {
		const char *record, *words;
	} all[] = {
		{"told", "; it has been told of the record"},
		{"under way", "; it is being told of records, and is not known to have this one"},
		{"theirs", "; the record is its own"},
		{"not yet", "; it is told of the record when the connection goes on"},
		{"never", "; it does not take the record"},
		{"unknown", "; whether it has the record is not known"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!strcmp(record, all[i].record))
			return all[i].words;
	}
	return "";
}

/* Of a peer that has told all. */
static void print_tables(const json_t *answer, const json_t *peer, FILE *out)
{
	const json_t *same = object_of(peer, "same_tables");
	const char *action = text_of(answer, "action"), *backend = text_of(peer, "backend");
	bool sent = !strcmp(action, "tx") || !strcmp(action, "redirect");

	if (json_is_true(same))
		fputs(json_is_object(object_of(answer, "service"))
			      ? ": the same backend in each slot of the service"
			      : ": the same tables",
		      out);
	else if (json_is_false(same))
		put(out, ": other tables: ", text_of(peer, "difference"), "");
	else
		fputs(": its table or this machine's has just changed", out);
	if (*backend)
		put(out, "; it would send it to ", backend, ", too");
	else if (sent && json_is_object(object_of(answer, "backend")))
		fputs("; where it would send it is not known", out);
	fputs(record_words(text_of(peer, "record")), out);
	putc('\n', out);
}

static void print_peers(const json_t *answer, FILE *out)
{
	const json_t *peer;
	size_t i;

	json_array_foreach (object_of(answer, "peers"), i, peer) {
		const char *state = text_of(peer, "state"), *role = text_of(peer, "role");

		put(out, "peer      ", text_of(peer, "name"), "");
		if (*role) {
			put(out, ", ", role, " of VRRP group ");
			put(out, "", text_of(peer, "group"), "");
		}
		if (strcmp(state, "up") != 0)
			put(out, ", ", state, ": what it would do is not known\n");
		else if (!json_is_true(object_of(peer, "complete")))
			fputs(", up, and has not told all yet: what it would do is not known\n",
			      out);
		else
			print_tables(answer, peer, out);
	}
}

static void print_hex(const char *hex, FILE *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		if (i % ROW == 0)
			fprintf(out, "%s  %04zx ", i ? "\n" : "", i);
		fprintf(out, "%s%.2s", i % 2 ? "" : " ", hex + 2 * i);
	}
	if (n)
		putc('\n', out);
}

static void print_bytes(const char *what, const json_t *bytes, FILE *out)
{
	const json_t *line;
	size_t i;

	if (!json_is_object(bytes))
		return;
	fprintf(out, "\n%s, %lld bytes\n", what, integer_of(bytes, "length"));
	json_array_foreach (object_of(bytes, "headers"), i, line) {
		put(out, "  ", json_string_value(line), "\n");
	}
	print_hex(text_of(bytes, "bytes"), out);
}

void view_explain__print(const json_t *answer, FILE *out)
{
	print_flow(object_of(answer, "flow"), out);
	put(out, ", by ", text_of(answer, "interface"), "\n\n");
	print_service(answer, out);
	print_rules(answer, out);
	print_slot(answer, out);
	print_records(answer, out);
	print_backend(answer, out);
	print_outcome(answer, out);
	print_peers(answer, out);
	print_bytes("before", object_of(answer, "before"), out);
	print_bytes("after", object_of(answer, "after"), out);
}

void view_explain__line(const json_t *answer, size_t number, FILE *out)
{
	const json_t *slot = object_of(answer, "slot");
	const char *state = text_of(slot, "state");

	fprintf(out, "%zu ", number);
	print_flow(object_of(answer, "flow"), out);
	if (json_is_object(object_of(answer, "service")))
		put(out, ": ", text_of(object_of(answer, "service"), "name"), "");
	if (json_is_object(slot) && strcmp(state, "clean") != 0)
		put(out, ", slot ", state, "");
	if (json_is_object(object_of(answer, "backend")))
		put(out, ", ", text_of(object_of(answer, "backend"), "id"), "");
	put(out, ": ", text_of(object_of(answer, "verdict"), "name"), "\n");
}
