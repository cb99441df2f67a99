/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead config check|diff|apply|confirm|history|show|rollback */
#include "config/config.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/config_check.h"
#include "cli/config_diff.h"
#include "cli/config_show.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/view_json.h"
#include "core/duration.h"

#define MAX_REASON 200 /* bytes */
#define PATH_LEN 1024
#define DEFAULT_N 100
#define MAX_N 100000 /* all that there can be */

struct request {
	bool now, json, dry, all;
	uint64_t confirm_ms;
	const char *reason;
	const char *version; /* diff; NULL: none */
	unsigned long n;
};

static const struct option options[] = {
	CLI_LONG,
	{"now", no_argument, NULL, 'N'},
	{"dry-run", no_argument, NULL, 'D'},
	{"peers", no_argument, NULL, 'P'},
	{"version", required_argument, NULL, 'V'},
	{"confirm", required_argument, NULL, 'C'},
	{"reason", required_argument, NULL, 'r'},
	{"number", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

static void complain(const char *verb, const struct err *err)
{
	fprintf(stderr, "fairlead config %s: ", verb);
	cli__print_text(stderr, err->text);
	putc('\n', stderr);
}

/* Adds a person's words, percent-encoded (RFC 3986 2.1). */
static size_t add_reason(char *path, size_t at, size_t size, const char *reason)
{
	if (!*reason)
		return at;
	at += (size_t)snprintf(path + at, size - at, "%creason=", strchr(path, '?') ? '&' : '?');
	for (; *reason && at + 4 < size; reason++)
		at += (size_t)snprintf(path + at, size - at, "%%%02X", (unsigned char)*reason);
	return at;
}

/* What a configuration came to: problems and warnings, too. */
static int bring_into_force(const struct cli *cli, const struct request *r, const char *verb,
			    const char *path, json_t **reply)
{
	struct progress progress;
	const char *warning;
	json_t *problem;
	struct err err = {0};
	size_t i;
	int rc;

	progress__begin(&progress, r->all ? "applying on all peers" : "applying", r->json);
	rc = client__request(cli->socket, "POST", path, reply, &err);
	progress__end(&progress);
	json_array_foreach (json_object_get(*reply, "problems"), i, problem) {
		const char *text = json_string_value(problem);

		cli__print_text(stderr, text ? text : "?");
		putc('\n', stderr);
	}
	warning = rc ? NULL : json_string_value(json_object_get(*reply, "warning"));
	if (warning) {
		fputs("warning: ", stderr);
		cli__print_text(stderr, warning);
		putc('\n', stderr);
	}
	if (rc)
		complain(verb, &err);
	return rc;
}

/* What became of it on the others. */
static void print_peers(const json_t *reply, FILE *out)
{
	const json_t *peer;
	size_t i;

	json_array_foreach (json_object_get(reply, "peers"), i, peer) {
		fputs("peer ", out);
		cli__print_text(out, text_of(peer, "name"));
		fprintf(out, ": %s", text_of(peer, "outcome"));
		if (*text_of(peer, "why"))
			fputs(": ", out);
		cli__print_text(out, text_of(peer, "why"));
		putc('\n', out);
	}
}

static int apply(const struct cli *cli, const struct request *r)
{
	char path[PATH_LEN] = "/v1/config/apply";
	size_t at = strlen(path);
	json_t *reply = NULL;
	int rc;

	if (r->now || r->all)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "?%s=true",
				       r->all ? "peers" : "now");
	if (r->confirm_ms)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "%cconfirm=%llu",
				       r->now || r->all ? '&' : '?',
				       (unsigned long long)r->confirm_ms);
	add_reason(path, at, sizeof(path), r->reason);
	rc = bring_into_force(cli, r, "apply", path, &reply);
	if (rc || !r->json)
		print_peers(reply, rc ? stderr : stdout);
	if (!rc && r->json)
		json_out__print(reply);
	else if (!rc && r->confirm_ms)
		printf("applied; the one before comes back in %g s, unless you say 'fairlead config "
		       "confirm' by then\n",
		       (double)r->confirm_ms / 1e3);
	else if (!rc)
		puts("applied");
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}

static int roll_back(const struct cli *cli, const struct request *r, const char *version)
{
	char path[PATH_LEN] = "/v1/config/rollback";
	size_t at = strlen(path);
	json_t *reply = NULL;
	int rc;

	if (version)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "?version=%.20s", version);
	if (r->all)
		at += (size_t)snprintf(path + at, sizeof(path) - at, "%cpeers=true",
				       version ? '&' : '?');
	add_reason(path, at, sizeof(path), r->reason);
	rc = bring_into_force(cli, r, "rollback", path, &reply);
	if (rc || !r->json)
		print_peers(reply, rc ? stderr : stdout);
	if (!rc && r->json)
		json_out__print(reply);
	else if (!rc)
		printf("version %lld is in force again\n",
		       (long long)json_integer_value(json_object_get(reply, "version")));
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}

static int confirm(const struct cli *cli, const struct request *r)
{
	struct err err = {0};
	json_t *reply = NULL;
	int rc = client__request(cli->socket, "POST", "/v1/config/confirm", &reply, &err);

	if (rc)
		complain("confirm", &err);
	else if (r->json)
		json_out__print(reply);
	else
		puts("confirmed");
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}

static int history(const struct cli *cli, const struct request *r)
{
	struct err err = {0};
	json_t *reply = NULL, *v;
	char path[64];
	size_t i;
	int rc;

	snprintf(path, sizeof(path), "/v1/config/history?n=%lu", r->n);
	rc = client__request(cli->socket, "GET", path, &reply, &err);
	if (rc) {
		complain("history", &err);
	} else if (r->json) {
		json_out__print(reply);
	} else {
		json_array_foreach (json_object_get(reply, "versions"), i, v) {
			printf("%4lld",
			       (long long)json_integer_value(json_object_get(v, "version")));
			print_word(v, "time", "  ", "");
			print_word(v, "origin", "  ", "");
			print_word(v, "actor", " by ", "");
			print_word(v, "reason", ": ", "");
			putchar('\n');
		}
	}
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}

static int is_number(const char *text)
{
	return *text && *text != '0' && strlen(text) < 19 &&
	       strspn(text, "0123456789") == strlen(text);
}

static int dispatch(const struct cli *cli, const struct request *r, int argc, char **argv)
{
	const char *verb = argv[0];
	bool applies = !strcmp(verb, "apply"), rolls = !strcmp(verb, "rollback"),
	     shows = !strcmp(verb, "show");
	bool compares = !strcmp(verb, "diff") || (applies && r->dry);

	if (!applies && (r->confirm_ms || r->dry))
		return cli__usage(&command_config, "--confirm and --dry-run go with apply only");
	if (!applies && !compares && r->now)
		return cli__usage(&command_config, "--now goes with apply and diff only");
	if (r->all && ((!applies && !rolls) || r->dry || r->now))
		return cli__usage(&command_config,
				  "--peers goes with apply and rollback only, and not with "
				  "--dry-run or --now");
	if (r->version && (strcmp(verb, "diff") != 0 || argc != 1))
		return cli__usage(&command_config,
				  "--version goes with diff only, and not with a FILE");
	if (compares && r->confirm_ms)
		return cli__usage(&command_config, "there is nothing to confirm after --dry-run");
	if (!applies && !rolls && *r->reason)
		return cli__usage(&command_config, "--reason goes with apply and rollback only");
	if (r->n != DEFAULT_N && strcmp(verb, "history") != 0)
		return cli__usage(&command_config, "-n goes with history only");
	if (!strcmp(verb, "check")) {
		if (argc != 2)
			return cli__usage(&command_config, "check takes one FILE");
		return config_check__run(argv[1], r->json);
	}
	if (!strcmp(verb, "diff") && argc > 2)
		return cli__usage(&command_config, "diff takes one FILE, or none");
	if (rolls) {
		if (argc > 2 || (argc == 2 && !is_number(argv[1])))
			return cli__usage(
				&command_config,
				"rollback takes one version, a number of history, or none");
		return roll_back(cli, r, argc == 2 ? argv[1] : NULL);
	}
	if (shows) {
		if (argc != 2 || !is_number(argv[1]))
			return cli__usage(&command_config,
					  "show takes one version, a number of history");
		return config_show__run(cli, argv[1], r->json);
	}
	if (applies && argc != 1)
		return cli__usage(&command_config,
				  "apply takes no argument: the agent reads its own file");
	if (compares)
		return config_diff__run(cli, argc == 2 ? argv[1] : NULL, r->version, r->now,
					r->json);
	if (argc != 1)
		return cli__usage(&command_config, "%s takes no argument", verb);
	if (applies)
		return apply(cli, r);
	if (!strcmp(verb, "confirm"))
		return confirm(cli, r);
	if (!strcmp(verb, "history"))
		return history(cli, r);
	return cli__usage(&command_config,
			  "'%s' is none of check, diff, apply, confirm, history, show, rollback",
			  verb);
}

static int read_option(struct request *r, struct cli *cli, int option)
{
	char *end;

	switch (option) {
	case 'D':
		r->dry = true;
		return CLI_NEXT;
	case 'P':
		r->all = true;
		return CLI_NEXT;
	case 'N':
		r->now = true;
		return CLI_NEXT;
	case 'j':
		r->json = true;
		return CLI_NEXT;
	case 'V':
		r->version = optarg;
		if (!is_number(optarg))
			return cli__usage(&command_config, "--version %s is no number of history",
					  optarg);
		return CLI_NEXT;
	case 'n':
		errno = 0;
		r->n = strtoul(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end || errno || !r->n || r->n > MAX_N)
			return cli__usage(&command_config, "-n %s is not in 1..%d", optarg, MAX_N);
		return CLI_NEXT;
	case 'C':
		if (duration__parse(optarg, &r->confirm_ms) || r->confirm_ms < 1000 ||
		    r->confirm_ms > 86400000)
			return cli__usage(&command_config,
					  "--confirm %s is not a duration from 1s to 24h, as 60s",
					  optarg);
		return CLI_NEXT;
	case 'r':
		if (!*optarg || strlen(optarg) > MAX_REASON)
			return cli__usage(&command_config, "--reason takes 1 to %d bytes",
					  MAX_REASON);
		r->reason = optarg;
		return CLI_NEXT;
	default:
		return cli__option(cli, &command_config, option);
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.reason = "", .n = DEFAULT_N};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jn:", options, NULL)) != -1) {
		rc = read_option(&r, cli, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return cli__usage(&command_config,
				  "say 'check FILE', 'diff', 'apply', 'confirm', 'history', "
				  "'show VERSION' or 'rollback'");
	return dispatch(cli, &r, argc, argv);
}

const struct command command_config = {
	.name = "config",
	.summary = "check a configuration file, have the agent apply its own, or bring one back",
	.help = "Usage: fairlead config check [--json] FILE\n"
		"       fairlead config diff [--now] [--json] [FILE | --version VERSION]\n"
		"       fairlead config apply [--now] [--confirm DURATION] [--reason TEXT] [--json]\n"
		"       fairlead config apply --peers [--confirm DURATION] [--reason TEXT] [--json]\n"
		"       fairlead config apply --dry-run [--now] [--json]\n"
		"       fairlead config confirm [--json]\n"
		"       fairlead config history [-n N] [--json]\n"
		"       fairlead config show VERSION [--json]\n"
		"       fairlead config rollback [VERSION] [--peers] [--reason TEXT] [--json]\n\n"
		"check reads FILE and prints every problem of it, one a line; no agent is needed.\n"
		"diff says what applying FILE (default: the agent's own) would change, and what that\n"
		"would cost; with --version, what bringing that one back would. It exits with 0: nothing changes, 1: something does, 2: there is a problem.\n"
		"apply has the agent read its own file again. A file with problems changes nothing.\n"
		"With --peers, services and sources of the file come into force on all peers, or nowhere.\n"
		"confirm says that what was applied with --confirm stays.\n"
		"history shows what was applied, newest first: when, how, by whom, and why.\n"
		"show prints what the file said in that version, for who may read the file.\n"
		"rollback brings an earlier version back (default: the one before), and writes it to the\n"
		"agent's file; what that held is kept beside it, as FILE.rolled-back.\n\n"
		"      --now               backends that are no longer in the file lose their\n"
		"                          connections after down_hold; else they are drained\n"
		"      --peers             on all peers as one: each that is heard has to be able to\n"
		"                          apply it; one that is silent takes it when it is back\n"
		"      --version VERSION   a number of history\n"
		"      --confirm DURATION  unless it is confirmed by then, 1s to 24h, the one before\n"
		"                          comes back, also if the agent was killed meanwhile\n"
		"      --reason TEXT       for the history\n"
		"      --dry-run           the same as diff: nothing is applied\n"
		"  -n, --number N          so many versions at most (default 100)\n"
		"  -j, --json              for programs\n",
	.run = run,
};
