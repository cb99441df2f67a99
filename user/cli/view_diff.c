/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/view_diff.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view_json.h"

#define MAX_ROWS 12 /* backends of a service, unless the file itself speaks of them */

static void print_duration(json_int_t s)
{
	char text[FORMAT_LEN];

	fputs(format__duration((double)s, text), stdout);
}

/* --- what changes ------------------------------------------------------------------------------- */

static void print_or(const json_t *change, const char *key, const char *none)
{
	const char *text = text_of(change, key);

	cli__print_text(stdout, *text ? text : none);
}

static void print_change(const json_t *c)
{
	const char *kind = text_of(c, "kind");
	bool changed = !strcmp(kind, "changed");

	printf("  ");
	print_word(c, "backend", "backend ", *text_of(c, "what") ? ": " : "");
	print_word(c, "what", "", "");
	if (changed) {
		fputs(": ", stdout);
		print_or(c, "from", "(none)");
		fputs(" -> ", stdout);
		print_or(c, "to", "(none)");
	} else {
		const char *text = text_of(c, strcmp(kind, "added") ? "from" : "to");

		/* Of a whole service the line above says what becomes of it. */
		if (*text_of(c, "backend") || *text_of(c, "what"))
			printf(" %s%s", kind, *text ? ": " : "");
		cli__print_text(stdout, text);
	}
	putchar('\n');
}

/* All changes of a service; "": of the instance. */
static void print_changes(const json_t *answer, const char *service)
{
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(answer, "changes"), i, c) {
		if (!strcmp(text_of(c, "service"), service))
			print_change(c);
	}
}

static bool has_changes(const json_t *answer, const char *service)
{
	const json_t *c;
	size_t i;

	json_array_foreach (json_object_get(answer, "changes"), i, c) {
		if (!strcmp(text_of(c, "service"), service))
			return true;
	}
	return false;
}

/* --- what it costs ------------------------------------------------------------------------------ */

static void print_slots(const json_t *s)
{
	const json_t *slots = json_object_get(s, "slots");
	json_int_t total = integer_of(slots, "total"), moved = integer_of(slots, "moved");
	json_int_t at_once = integer_of(slots, "at_once"), later = integer_of(slots, "later");
	json_int_t filled = integer_of(slots, "filled"), unserved = integer_of(slots, "unserved");

	if (json_is_null(json_object_get(slots, "moved")))
		printf("  slots: %lld now, of which none is one of before\n", total);
	else if (!filled || moved)
		printf("  slots: %lld of %lld get another backend", moved, total);
	if (at_once != moved)
		printf(", %lld of them at once, the others when backends come up", at_once);
	if (!filled || moved)
		putchar('\n');
	if (later != moved)
		printf("         %lld of all have another one than now in the end\n", later);
	if (filled)
		printf("  slots: %lld of %lld that have no backend get one\n", filled, total);
	if (unserved)
		printf("         %lld have none until backends are known to be up\n", unserved);
	if (integer_of(slots, "waiting")) {
		printf("         %lld wait for others, as their records would take too much room: "
		       "all have moved in about ",
		       integer_of(slots, "waiting"));
		print_duration(integer_of(s, "ramp_s"));
		putchar('\n');
	}
}

static void print_rows(const json_t *s)
{
	const json_t *rows = json_object_get(s, "backends"), *r;
	size_t i, shown = 0;

	json_array_foreach (rows, i, r) {
		const char *effect = text_of(r, "effect");

		if (shown == MAX_ROWS)
			break;
		shown++;
		print_word(r, "id", "         ", ": ");
		printf("%lld -> %lld", integer_of(r, "slots"), integer_of(r, "slots_at_once"));
		if (integer_of(r, "slots_later") != integer_of(r, "slots_at_once"))
			printf(" -> %lld", integer_of(r, "slots_later"));
		if (strcmp(effect, "kept") != 0)
			printf(" (%s)", effect);
		putchar('\n');
	}
	if (json_array_size(rows) > shown)
		printf("         and %zu more: --json has all\n", json_array_size(rows) - shown);
}

static void print_rates(const json_t *c)
{
	double packets = number_of(c, "packets_per_s");

	if (packets >= 0.5)
		printf("; by their share of the slots %.0f packets/s", packets);
	if (json_is_number(json_object_get(c, "opened_per_s")))
		printf("%s%.0f new connections/s", packets >= 0.5 ? " and " : "; about ",
		       number_of(c, "opened_per_s"));
	putchar('\n');
}

static void print_connections(const json_t *s, bool now)
{
	const json_t *c = json_object_get(s, "connections");
	const json_t *records = json_object_get(c, "records");
	bool kept = json_is_true(json_object_get(c, "kept"));

	if (!kept) {
		printf("  connections: %s",
		       strcmp(text_of(s, "effect"), "removed")
			       ? "not kept, as the service is another one for packets: those of slots "
				 "that get another backend, and those on record, end"
			       : "all end at once");
		print_rates(c);
		return;
	}
	if (!integer_of(json_object_get(s, "slots"), "moved"))
		return;
	fputs("  connections: kept", stdout);
	if (json_is_null(records))
		fputs("; how many need a record is not known, as no slot has moved yet", stdout);
	else if (number_of(c, "records") > 0)
		printf("; about %.0f need a record, at %.2f a slot as measured before",
		       number_of(c, "records"), number_of(c, "per_slot"));
	print_rates(c);
	if (now)
		puts("               but those of backends that go are given up after down_hold");
}

static void print_times(const json_t *s)
{
	json_int_t clean = integer_of(s, "clean_in_s");

	if (!clean)
		return;
	fputs("  clean again after ", stdout);
	print_duration(clean);
	fputs(" (hold ", stdout);
	print_duration(integer_of(s, "hold_s"));
	fputs("), and when the last connection on record was silent for ", stdout);
	print_duration(integer_of(s, "idle_s"));
	putchar('\n');
}

static void print_service(const json_t *answer, const json_t *s, bool now)
{
	const char *effect = text_of(s, "effect");

	print_word(s, "name", "service ", " (");
	print_word(s, "vip", "", " ");
	print_word(s, "protocol", "", " ");
	print_word(s, "ports", "", ")");
	if (strcmp(effect, "kept") != 0)
		printf(" is %s", effect);
	putchar('\n');
	/* One that has another address is there twice, as what comes and as what goes. */
	if (strcmp(effect, "removed") != 0)
		print_changes(answer, text_of(s, "name"));
	if (strcmp(effect, "removed") != 0) {
		print_slots(s);
		print_rows(s);
	}
	print_connections(s, now);
	print_times(s);
}

static void print_gates(const json_t *list, const char *verb)
{
	const json_t *name;
	size_t i;

	json_array_foreach (list, i, name) {
		fputs(i ? ", " : verb, stdout);
		cli__print_text(stdout, json_string_value(name));
	}
}

static void print_program(const json_t *program)
{
	if (!json_is_true(json_object_get(program, "replaced")))
		return;
	fputs("program: replaced in place, no packet is lost", stdout);
	print_gates(json_object_get(program, "opens"), "; gets ");
	print_gates(json_object_get(program, "closes"), "; loses ");
	putchar('\n');
}

void view_diff__print(const json_t *answer, bool now)
{
	const json_t *s;
	size_t i;

	if (!json_is_true(json_object_get(answer, "changed"))) {
		puts("no change");
		return;
	}
	if (has_changes(answer, "")) {
		puts("instance");
		print_changes(answer, "");
	}
	json_array_foreach (json_object_get(answer, "services"), i, s) {
		print_service(answer, s, now);
	}
	print_program(json_object_get(answer, "program"));
}
