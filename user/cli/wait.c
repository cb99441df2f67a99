/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A backend is left in two steps. While slots are MOVING away from it, connections that have not been
 * seen yet may belong to it, and only time tells (`hold`). After that its records are all its
 * connections. A terminal sees one line, redrawn; else a line is printed when something has changed.
 */
#include "cli/wait.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/view_json.h"

#define POLL_MS 500
#define PATIENCE_MS 30000 /* an agent that restarts is waited for so long */

/* What is left, in all services. */
struct left {
	json_int_t slots, leaving, records, leaving_s;
	bool empty, undrained;
};

struct wait {
	const struct cli *cli;
	const char *path, *backend;
	bool json, tty;
	uint64_t began_ms, deadline_ms; /* 0: no deadline */
	json_int_t most_records, most_s; /* where the bar begins */
	struct left shown; /* what was printed last */
	bool any; /* something was */
};

static struct left read_left(const json_t *reply)
{
	struct left l = {.empty = true};
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(reply, "services"), i, s) {
		const char *state = json_string_value(json_object_get(s, "state"));
		json_int_t seconds = integer_of(s, "leaving_in_s");

		l.slots += integer_of(s, "slots");
		l.leaving += integer_of(s, "slots_leaving");
		l.records += integer_of(s, "records");
		l.leaving_s = seconds > l.leaving_s ? seconds : l.leaving_s;
		l.empty &= json_is_true(json_object_get(s, "empty"));
		l.undrained |= state && (!strcmp(state, "up") || !strcmp(state, "suspect"));
	}
	return l;
}

static void describe(const struct left *l, char *text, size_t len)
{
	char duration[FORMAT_LEN];

	if (l->empty)
		snprintf(text, len, "empty");
	else if (l->slots)
		snprintf(text, len, "%" PRIu64 " slots are still its own", (uint64_t)l->slots);
	else if (l->leaving)
		snprintf(text, len, "%" PRIu64 " connections on record, others are looked for: %s",
			 (uint64_t)l->records, format__duration((double)l->leaving_s, duration));
	else
		snprintf(text, len, "%" PRIu64 " connections left", (uint64_t)l->records);
}

/* The share of the present step that is done: the time to look for connections, then their number. */
static double done(struct wait *w, const struct left *l)
{
	json_int_t most, now;

	if (l->records > w->most_records)
		w->most_records = l->records;
	if (l->leaving_s > w->most_s)
		w->most_s = l->leaving_s;
	if (l->empty)
		return 1;
	most = l->leaving ? w->most_s : w->most_records;
	now = l->leaving ? l->leaving_s : l->records;
	return most && !l->slots ? 1 - (double)now / (double)most : 0;
}

/* Time that passes is no news. */
static bool differs(const struct left *a, const struct left *b)
{
	return a->empty != b->empty || a->records != b->records || !a->slots != !b->slots ||
	       !a->leaving != !b->leaving;
}

static void show(struct wait *w, const struct left *l)
{
	char text[160];
	double share = done(w, l);

	if (w->json)
		return;
	describe(l, text, sizeof(text));
	if (w->tty) {
		progress__bar(stdout, share);
		cli__print_text(stdout, w->backend);
		printf(": %s", text);
	} else if (!w->any || differs(&w->shown, l)) {
		cli__print_text(stdout, w->backend);
		printf(": %s\n", text);
		w->shown = *l;
		w->any = true;
	}
	fflush(stdout);
}

static int finish(struct wait *w, const json_t *reply, int code)
{
	if (w->json && reply) {
		json_out__print(reply);
	} else if (w->tty && !w->json) {
		putchar('\n');
	}
	return code;
}

static int fail(struct wait *w, const json_t *reply, int code, const char *text)
{
	finish(w, reply, code);
	fputs("fairlead drain: ", stderr);
	cli__print_text(stderr, text);
	putc('\n', stderr);
	return code;
}

/* CLI_NEXT: not yet. */
static int judge(struct wait *w, const json_t *reply)
{
	struct left l = read_left(reply);
	struct err err;

	show(w, &l);
	if (l.empty)
		return finish(w, reply, CLI_OK);
	if (l.undrained)
		return fail(w, reply, CLI_FAILED,
			    "it is no longer draining: somebody has ended the drain");
	if (w->deadline_ms && progress__now_ms() - w->began_ms >= w->deadline_ms) {
		err__set(&err, 0,
			 "the deadline has passed, and %s still has %" PRIu64
			 " connections on record%s",
			 w->backend, (uint64_t)l.records, l.leaving ? ", and perhaps others" : "");
		return fail(w, reply, CLI_LATE, err.text);
	}
	return CLI_NEXT;
}

static void pause_for(const struct wait *w)
{
	uint64_t passed = progress__now_ms() - w->began_ms, ms = POLL_MS;
	struct timespec t;

	if (w->deadline_ms && w->deadline_ms > passed && w->deadline_ms - passed < ms)
		ms = w->deadline_ms - passed;
	t = (struct timespec){.tv_nsec = (long)ms * 1000000};
	nanosleep(&t, NULL);
}

int wait__empty(const struct cli *cli, const char *path, const char *backend, uint64_t deadline_ms,
		bool json)
{
	struct wait w = {
		.cli = cli,
		.path = path,
		.backend = backend,
		.json = json,
		.tty = isatty(STDOUT_FILENO),
		.began_ms = progress__now_ms(),
		.deadline_ms = deadline_ms,
	};
	uint64_t heard_ms = progress__now_ms();
	int code = CLI_NEXT;

	while (code == CLI_NEXT) {
		json_t *reply = NULL;
		struct err err;
		int rc = client__request(cli->socket, "GET", path, &reply, &err);

		if (!rc) {
			heard_ms = progress__now_ms();
			code = judge(&w, reply);
		} else if (rc == -EPROTO || progress__now_ms() - heard_ms > PATIENCE_MS) {
			code = fail(&w, reply, CLI_FAILED, err.text);
		} else if (deadline_ms && progress__now_ms() - w.began_ms >= deadline_ms) {
			code = fail(&w, reply, CLI_LATE, err.text);
		}
		json_decref(reply);
		if (code == CLI_NEXT)
			pause_for(&w);
	}
	return code;
}
