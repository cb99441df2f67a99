/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead version */
#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/view_json.h"

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{0},
};

/* reply: NULL if no agent has answered, and err says why. */
static void print_json(const struct cli *cli, const json_t *reply, const struct err *err)
{
	json_t *o = json_pack("{s:s, s:o, s:O?, s:o}", "version", FAIRLEAD_VERSION, "socket",
			      json_out__text(cli->socket), "agent", reply, "problem",
			      reply ? json_null() : json_out__text(err->text));

	json_out__print(o);
	json_decref(o);
}

static void print_text(const struct cli *cli, const json_t *reply, const struct err *err)
{
	puts("fairlead " FAIRLEAD_VERSION);
	if (reply) {
		fputs("fairleadd ", stdout);
		cli__print_text(stdout, string_of(reply, "version"));
		printf(" (map ABI %" JSON_INTEGER_FORMAT ") on %s\n", integer_of(reply, "abi"),
		       cli->socket);
	} else {
		fputs("fairleadd: ", stdout);
		cli__print_text(stdout, err->text);
		putchar('\n');
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	json_t *reply;
	struct err err;
	bool json = false;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		if (option == 'j') {
			json = true;
			continue;
		}
		rc = cli__option(cli, &command_version, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_version, "version takes no argument");
	/* Without an agent it is no failure: the question was about versions. */
	if (client__request(cli->socket, "GET", "/v1/version", &reply, &err)) {
		json_decref(reply);
		reply = NULL;
	}
	if (json)
		print_json(cli, reply, &err);
	else
		print_text(cli, reply, &err);
	json_decref(reply);
	return CLI_OK;
}

const struct command command_version = {
	.name = "version",
	.summary = "print the version of this program and of the agent",
	.help = "Usage: fairlead version [--json]\n\n"
		"Prints the version of this program, and the agent's if one runs.\n\n"
		"  -j, --json  for programs\n",
	.run = run,
};
