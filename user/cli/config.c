/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead config check|apply */
#include "config/config.h"

#include <jansson.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"

static const struct option options[] = {
	CLI_LONG,
	{"now", no_argument, NULL, 'N'},
	{0},
};

static int check(const char *file)
{
	struct config_problems problems = {0};
	struct config *config = NULL;
	size_t backends = 0;
	char line[1024];

	if (config__load(file, &config, &problems)) {
		for (size_t i = 0; i < problems.n; i++) {
			cli__print_text(stderr,
					config_problems__format(&problems, i, line, sizeof(line)));
			putc('\n', stderr);
		}
		config_problems__free(&problems);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < config->n_services; i++)
		backends += config->services[i].n_backends;
	printf("%s: ok: %zu services, %zu backends\n", file, config->n_services, backends);
	config__free(config);
	config_problems__free(&problems);
	return CLI_OK;
}

static int apply(const struct cli *cli, bool now)
{
	json_t *reply, *problem;
	struct err err = {0};
	size_t i;
	int rc = client__request(cli->socket, "POST",
				 now ? "/v1/config/apply?now=true" : "/v1/config/apply", &reply,
				 &err);

	if (!rc) {
		puts("applied");
	} else {
		json_array_foreach (json_object_get(reply, "problems"), i, problem) {
			const char *text = json_string_value(problem);

			cli__print_text(stderr, text ? text : "?");
			putc('\n', stderr);
		}
		fputs("fairlead config apply: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	json_decref(reply);
	return rc ? CLI_FAILED : CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool now = false;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		if (option == 'N') {
			now = true;
			continue;
		}
		rc = cli__option(cli, &command_config, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return cli__usage(&command_config, "say 'check FILE' or 'apply'");
	if (!strcmp(argv[0], "check")) {
		if (argc != 2 || now)
			return cli__usage(&command_config, "check takes one FILE");
		return check(argv[1]);
	}
	if (!strcmp(argv[0], "apply")) {
		if (argc != 1)
			return cli__usage(&command_config,
					  "apply takes no argument: the agent reads its own file");
		return apply(cli, now);
	}
	return cli__usage(&command_config, "'%s' is neither check nor apply", argv[0]);
}

const struct command command_config = {
	.name = "config",
	.summary = "check a configuration file, or have the agent apply its own",
	.help = "Usage: fairlead config check FILE\n"
		"       fairlead config apply [--now]\n\n"
		"check reads FILE and prints every problem of it, one a line; no agent is needed.\n"
		"apply has the agent read its own file again. A file with problems changes nothing.\n\n"
		"      --now  backends that are no longer in the file lose their connections after\n"
		"             down_hold; else they are drained\n",
	.run = run,
};
