/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead version */
#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"

static const struct option options[] = {CLI_LONG, {0}};

static int run(struct cli *cli, int argc, char **argv)
{
	json_t *reply;
	struct err err;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		rc = cli__option(cli, &command_version, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_version, "version takes no argument");
	puts("fairlead " FAIRLEAD_VERSION);
	if (!client__request(cli->socket, "GET", "/v1/version", &reply, &err)) {
		const char *version = json_string_value(json_object_get(reply, "version"));

		fputs("fairleadd ", stdout);
		cli__print_text(stdout, version ? version : "?");
		printf(" (map ABI %" JSON_INTEGER_FORMAT ") on %s\n",
		       json_integer_value(json_object_get(reply, "abi")), cli->socket);
	} else {
		/* Not a failure: the question was about versions. */
		fputs("fairleadd: ", stdout);
		cli__print_text(stdout, err.text);
		putchar('\n');
	}
	json_decref(reply);
	return CLI_OK;
}

const struct command command_version = {
	.name = "version",
	.summary = "print the version of this program and of the agent",
	.help = "Usage: fairlead version\n\n"
		"Prints the version of this program, and the agent's if one runs.\n",
	.run = run,
};
