/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead failover */
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/progress.h"

struct request {
	const char *to; /* NULL: whichever */
	bool undo, json;
};

static const struct option options[] = {
	CLI_LONG,
	{"to", required_argument, NULL, 't'},
	{"undo", no_argument, NULL, 'u'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

static void print_moved(const json_t *reply)
{
	const json_t *group;
	size_t i;

	json_array_foreach (json_object_get(reply, "groups"), i, group) {
		fputs("VRRP group ", stdout);
		cli__print_text(stdout, json_string_value(json_object_get(group, "name")));
		fputs(" is active on ", stdout);
		cli__print_text(stdout, json_string_value(json_object_get(group, "active")));
		printf(", priority %lld\n",
		       (long long)json_integer_value(json_object_get(group, "active_priority")));
	}
}

static void print_undone(const json_t *reply)
{
	long long n = json_integer_value(json_object_get(reply, "groups"));

	if (n)
		printf("%lld VRRP group%s may be taken back, where the priority is higher\n", n,
		       n == 1 ? "" : "s");
	else
		puts("no VRRP group was handed over");
}

static int run_request(const struct cli *cli, const struct request *r)
{
	char path[256] = "/v1/failover";
	struct progress progress;
	json_t *reply = NULL;
	struct err err = {0};
	int rc;

	if (r->undo)
		strcat(path, "/undo");
	else if (r->to)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "?to=%s", r->to);
	progress__begin(&progress, "waiting for another balancer", r->json);
	rc = client__request(cli->socket, "POST", path, &reply, &err);
	progress__end(&progress);
	if (rc) {
		fputs("fairlead failover: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
		json_decref(reply);
		return CLI_FAILED;
	}
	if (r->json) {
		json_out__print(reply);
	} else if (r->undo) {
		print_undone(reply);
	} else {
		print_moved(reply);
	}
	json_decref(reply);
	return CLI_OK;
}

/* What a name in peers.list can be, and so needs no escape in a path. */
static bool is_name(const char *text)
{
	size_t n =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n && n < 128 && !text[n];
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		switch (option) {
		case 't':
			r.to = optarg;
			break;
		case 'u':
			r.undo = true;
			break;
		case 'j':
			r.json = true;
			break;
		default:
			rc = cli__option(cli, &command_failover, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind != argc)
		return cli__usage(&command_failover,
				  "'%s' is too much: failover takes options only", argv[optind]);
	if (r.undo && r.to)
		return cli__usage(&command_failover, "--to and --undo do not go together");
	if (r.to && !is_name(r.to))
		return cli__usage(&command_failover, "'%s' is not a peer's name", r.to);
	return run_request(cli, &r);
}

const struct command command_failover = {
	.name = "failover",
	.summary = "hand all VRRP groups that are active here to another balancer",
	.help = "Usage: fairlead failover [--to PEER] [--json]\n"
		"       fairlead failover --undo [--json]\n\n"
		"Another balancer takes over what is active here, and nothing is lost: this one serves until\n"
		"the other one has said that it is active. Where peers are configured, one of them must be\n"
		"backup with the same tables. From then on this one takes over from nobody who is active,\n"
		"whatever its priority, until --undo, a restart, or until it is active again.\n\n"
		"      --to PEER  only if this one of peers.list is the one that takes over\n"
		"      --undo     the groups may be taken back\n"
		"  -j, --json     for programs\n",
	.run = run,
};
