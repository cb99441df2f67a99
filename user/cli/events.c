/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead events */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/since.h"
#include "cli/view_json.h"

#define MOST 1024UL /* events of one answer */
#define WAIT_MS 20000
#define RETRY_S 1

struct request {
	const struct cli *cli;
	bool json, follow;
	int64_t after_ms;
	unsigned long n;
	const char *service, *backend;
	char kinds[128];
};

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"follow", no_argument, NULL, 'F'},
	{"number", required_argument, NULL, 'n'},
	{"since", required_argument, NULL, 'S'},
	{"service", required_argument, NULL, 'v'},
	{"backend", required_argument, NULL, 'b'},
	{"kind", required_argument, NULL, 'k'},
	{0},
};

/* "TIME kind service web backend b1: up -> down: is down: …(by root)" */
static void print_event(const json_t *e)
{
	print_word(e, "time", "", " ");
	print_word(e, "kind", "", "");
	print_word(e, "service", " service ", "");
	print_word(e, "backend", " backend ", "");
	print_word(e, "subject", " ", "");
	print_word(e, "from", ": ", "");
	if (*text_of(e, "from"))
		print_word(e, "to", " -> ", "");
	else
		print_word(e, "to", ": ", "");
	print_word(e, "detail", ": ", "");
	print_word(e, "actor", " (by ", ")");
	putchar('\n');
}

static void print_all(const struct request *r, const json_t *reply)
{
	const json_t *e;
	size_t i;

	json_array_foreach (json_object_get(reply, "events"), i, e) {
		if (r->json) {
			json_dumpf(e, stdout, JSON_COMPACT);
			putchar('\n');
		} else {
			print_event(e);
		}
	}
}

/* Names may hold what a URL may not; those of services and backends hold only ':' beside letters. */
static size_t add(char *path, size_t at, size_t size, const char *name, const char *value)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:,";

	if (at >= size || !*value)
		return at;
	at += (size_t)snprintf(path + at, size - at, "&%s=", name);
	for (; *value && at + 4 < size; value++)
		at += (size_t)snprintf(path + at, size - at,
				       strchr(plain, *value) ? "%c" : "%%%02X",
				       (unsigned char)*value);
	return at;
}

static void make_path(const struct request *r, char *path, size_t size, const json_t *reply)
{
	size_t at;

	if (reply)
		at = (size_t)snprintf(
			path, size, "/v1/events?n=%lu&wait=%d&since=%lld", MOST, WAIT_MS,
			(long long)json_integer_value(json_object_get(reply, "next")));
	else
		at = (size_t)snprintf(path, size, "/v1/events?n=%lu", r->n);
	if (r->after_ms)
		at += (size_t)snprintf(path + at, size - at, "&after=%lld", (long long)r->after_ms);
	at = add(path, at, size, "service", r->service);
	at = add(path, at, size, "backend", r->backend);
	add(path, at, size, "kind", r->kinds);
}

/* An agent that restarts is waited for: numbers go on where they were. */
static int next(const struct request *r, const char *path, json_t **reply, struct err *err)
{
	const struct timespec pause = {.tv_sec = RETRY_S};
	bool told = false;

	for (;;) {
		int rc = client__request(r->cli->socket, "GET", path, reply, err);

		/* What is asked for is refused; or there is no journal, and will not be. */
		if (!rc || rc == -EPROTO || ferror(stdout))
			return rc;
		json_decref(*reply);
		*reply = NULL;
		if (!told) {
			fputs("fairlead events: ", stderr);
			cli__print_text(stderr, err->text);
			fputs("; waiting for it\n", stderr);
		}
		told = true;
		nanosleep(&pause, NULL);
	}
}

/* Whoever names a moment takes what he sees for all that happened since. */
static void tell_of_more(const struct request *r, const json_t *reply)
{
	if (!r->after_ms || !json_is_true(json_object_get(reply, "more")))
		return;
	fprintf(stderr, "fairlead events: there were more since then: those are the last %lu; ",
		r->n);
	fputs(r->n < MOST ? "-n N shows up to 1024\n"
			  : "--kind, --service and --backend leave out others\n",
	      stderr);
}

static int show(const struct request *r, struct err *err)
{
	char path[1024];
	json_t *reply = NULL, *before;
	bool first = true;
	int rc;

	make_path(r, path, sizeof(path), NULL);
	rc = client__request(r->cli->socket, "GET", path, &reply, err);
	while (!rc) {
		print_all(r, reply);
		/* A reader that hung up ends it. */
		if (fflush(stdout))
			break;
		if (first)
			tell_of_more(r, reply);
		first = false;
		if (!r->follow)
			break;
		make_path(r, path, sizeof(path), reply);
		before = reply;
		rc = next(r, path, &reply, err);
		json_decref(before);
	}
	json_decref(reply);
	return rc;
}

static int add_kind(struct request *r, const char *kind)
{
	size_t at = strlen(r->kinds);

	if (at + strlen(kind) + 2 > sizeof(r->kinds))
		return cli__usage(&command_events, "--kind is there too often");
	snprintf(r->kinds + at, sizeof(r->kinds) - at, "%s%s", at ? "," : "", kind);
	return CLI_NEXT;
}

static int read_option(struct request *r, struct cli *cli, int option)
{
	char *end;

	switch (option) {
	case 'j':
		r->json = true;
		return CLI_NEXT;
	case 'F':
		r->follow = true;
		return CLI_NEXT;
	case 'n':
		errno = 0;
		r->n = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end || errno || !r->n || r->n > MOST)
			return cli__usage(&command_events, "-n %s is not in 1..%lu", optarg, MOST);
		return CLI_NEXT;
	case 'S':
		if (since__parse(optarg, since__now_ms(), &r->after_ms))
			return cli__usage(
				&command_events,
				"--since %s is neither a duration, as 90s, 15m, 36h or 7d, nor "
				"a time, as 2026-01-31T12:00:00Z",
				optarg);
		return CLI_NEXT;
	case 'v':
		r->service = optarg;
		return CLI_NEXT;
	case 'b':
		r->backend = optarg;
		return CLI_NEXT;
	case 'k':
		return add_kind(r, optarg);
	default:
		return cli__option(cli, &command_events, option);
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli, .n = 100, .service = "", .backend = ""};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jn:", options, NULL)) != -1) {
		rc = read_option(&r, cli, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_events, "'%s' is too much: events takes options only",
				  argv[optind]);
	rc = show(&r, &err);
	if (rc) {
		fputs("fairlead events: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	return rc ? CLI_FAILED : CLI_OK;
}

const struct command command_events = {
	.name = "events",
	.summary = "show what happened: verdicts, failovers, configurations, operators' words",
	.help = "Usage: fairlead events [-n N] [--since WHEN] [--service NAME] [--backend ID]\n"
		"                       [--kind KIND]… [--json] [--follow]\n\n"
		"Shows what the agent's journal says, oldest first: by whom, from which state to which,\n"
		"and why. Kinds: agent, backend, service, panic, vrrp, bfd, anycast, peer, config,\n"
		"operator, alert, gap (events that were lost), state (what was found at a start).\n\n"
		"  -n, --number N      the last N of them (1..1024, default 100)\n"
		"      --since WHEN    a duration, as 90s, 15m, 36h or 7d, or a time (UTC), as\n"
		"                      2026-01-31 or 2026-01-31T12:00:00Z; if more than N happened since then,\n"
		"                      standard error says so\n"
		"      --service NAME  of that service only\n"
		"      --backend ID    of that backend only\n"
		"      --kind KIND     of that kind only; several, with commas or again (default: all\n"
		"                      but state)\n"
		"  -j, --json          one object a line, for programs\n"
		"      --follow        go on until ctrl-C, also when the agent restarts\n",
	.run = run,
};
