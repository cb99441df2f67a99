/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead status */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/view.h"

#define WATCH_DEFAULT_S 1.0
#define WATCH_MIN_S 0.1
#define WATCH_MAX_S 3600.0

struct request {
	const struct cli *cli;
	const char *service;
	double watch_s; /* 0: once */
	bool json, tty;
};

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"watch", optional_argument, NULL, 'w'},
	{"service", required_argument, NULL, 'S'},
	{0},
};

static int print_json(const struct request *r, const json_t *status)
{
	/* One document a line when watching, so that a reader can tell them apart. */
	size_t flags = r->watch_s > 0 ? JSON_COMPACT : JSON_INDENT(2);
	const json_t *service;
	const json_t *what = r->service ? NULL : status;
	size_t i;

	json_array_foreach (json_object_get(status, "services"), i, service) {
		const char *name = json_string_value(json_object_get(service, "name"));

		if (r->service && name && !strcmp(name, r->service))
			what = service;
	}
	if (!what)
		return -ENOENT;
	json_dumpf(what, stdout, flags);
	putchar('\n');
	return 0;
}

static int print_once(const struct request *r, struct err *err)
{
	const char *no_color = getenv("NO_COLOR");
	struct view view = {
		.service = r->service,
		.colours = r->tty && !(no_color && *no_color),
		.now = time(NULL),
	};
	json_t *status;
	int rc = client__request(r->cli->socket, "GET", "/v1/status", &status, err);

	if (!rc) {
		rc = r->json ? print_json(r, status) : view__print(status, &view, stdout);
		if (rc == -ENOENT)
			err__set(err, rc, "there is no service '%s'", r->service);
		else if (rc)
			err__set(err, rc, "printing the status: %s", strerror(-rc));
	}
	json_decref(status);
	return rc;
}

static void print_error(FILE *f, const struct err *err)
{
	fputs("fairlead status: ", f);
	cli__print_text(f, err->text);
}

/* Until ctrl-C, or until nobody reads any more. An agent that restarts is waited for. */
static void watch(const struct request *r)
{
	struct timespec pause = {
		.tv_sec = (time_t)r->watch_s,
		.tv_nsec = (long)((r->watch_s - (double)(time_t)r->watch_s) * 1e9),
	};
	struct err err;

	do {
		if (r->tty && !r->json)
			fputs("\033[H\033[2J", stdout);
		if (print_once(r, &err)) {
			/* In a stream of JSON a sentence has no place. */
			FILE *f = r->json ? stderr : stdout;

			print_error(f, &err);
			fputs("; trying again\n", f);
		}
		if (!r->tty && !r->json)
			putchar('\n');
		if (fflush(stdout))
			break;
	} while (!nanosleep(&pause, NULL) || errno == EINTR);
}

static int parse_watch(const char *text, double *out)
{
	char *end;
	double value;

	if (!text) {
		*out = WATCH_DEFAULT_S;
		return 0;
	}
	value = strtod(text, &end);
	if (end == text || *end || !(value >= WATCH_MIN_S && value <= WATCH_MAX_S))
		return -EINVAL;
	*out = value;
	return 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli, .tty = isatty(STDOUT_FILENO)};
	struct err err;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jw::", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			r.json = true;
			break;
		case 'w':
			if (parse_watch(optarg, &r.watch_s))
				return cli__usage(&command_status,
						  "--watch=%s is not in 0.1..3600 seconds", optarg);
			break;
		case 'S':
			r.service = optarg;
			break;
		default:
			rc = cli__option(cli, &command_status, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind != argc)
		return cli__usage(&command_status, "'%s' is too much: status takes options only",
				  argv[optind]);
	if (r.watch_s > 0) {
		watch(&r);
		return CLI_OK;
	}
	if (!print_once(&r, &err))
		return CLI_OK;
	print_error(stderr, &err);
	putc('\n', stderr);
	return CLI_FAILED;
}

const struct command command_status = {
	.name = "status",
	.summary = "show services, backends, rates, drops and warnings",
	.help = "Usage: fairlead status [--json] [--watch[=SECONDS]] [--service NAME]\n\n"
		"Shows every service and its backends: state, how long it is so, share of the slots,\n"
		"packets and bits a second, the last probe; then drops and warnings.\n\n"
		"  -j, --json             the agent's own document, for programs\n"
		"  -w, --watch[=SECONDS]  again and again until ctrl-C (default: every second)\n"
		"      --service NAME     that service only\n",
	.run = run,
};
