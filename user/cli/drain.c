/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead drain|undrain: one question in two directions. */
#include <curl/curl.h>
#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"

static const struct option options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{0},
};

static void print_result(const struct command *command, const char *backend, const json_t *reply)
{
	const json_t *services = json_object_get(reply, "services"), *service;
	size_t i;

	if (!json_integer_value(json_object_get(reply, "changed")))
		printf("nothing to do: %s is %s already", backend,
		       command == &command_drain ? "draining" : "not draining");
	else
		printf("%sed %s", command->name, backend);
	json_array_foreach (services, i, service) {
		const char *name = json_string_value(service);

		fputs(i ? ", " : " in ", stdout);
		cli__print_text(stdout, name ? name : "?");
	}
	putchar('\n');
}

static int request(const struct cli *cli, const struct command *command, const char *backend,
		   const char *service)
{
	char *id = curl_easy_escape(NULL, backend, 0);
	char *name = service ? curl_easy_escape(NULL, service, 0) : NULL;
	json_t *reply = NULL;
	struct err err = {0};
	char path[1100];
	int rc, n;

	if (!id || (service && !name)) {
		rc = err__set(&err, -1, "out of memory");
		goto cleanup;
	}
	n = snprintf(path, sizeof(path), "/v1/backends/%s/%s%s%s", id, command->name,
		     name ? "?service=" : "", name ? name : "");
	if (n >= (int)sizeof(path))
		rc = err__set(&err, -1, "no backend or service has a name that long");
	else
		rc = client__request(cli->socket, "POST", path, &reply, &err);
	if (!rc)
		print_result(command, backend, reply);

cleanup:
	if (rc) {
		fprintf(stderr, "fairlead %s: ", command->name);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	json_decref(reply);
	curl_free(id);
	curl_free(name);
	return rc ? CLI_FAILED : CLI_OK;
}

static int run(struct cli *cli, const struct command *command, int argc, char **argv)
{
	const char *service = NULL;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		if (option == 'S') {
			service = optarg;
			continue;
		}
		rc = cli__option(cli, command, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (argc - optind != 1 || !*argv[optind])
		return cli__usage(command, "one BACKEND is needed: its id, as status shows it");
	if (service && !*service)
		return cli__usage(command, "--service is empty");
	return request(cli, command, argv[optind], service);
}

static int run_drain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &command_drain, argc, argv);
}

static int run_undrain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &command_undrain, argc, argv);
}

const struct command command_drain = {
	.name = "drain",
	.summary = "give a backend no new flows",
	.help = "Usage: fairlead drain BACKEND [--service NAME]\n\n"
		"Gives the backend with that id no new flows. Its slots go to the others at once, and\n"
		"connections that are open go with them: drain when they are few, or short.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n",
	.run = run_drain,
};

const struct command command_undrain = {
	.name = "undrain",
	.summary = "let a drained backend take new flows again",
	.help = "Usage: fairlead undrain BACKEND [--service NAME]\n\n"
		"Ends a drain: the backend gets its slots back as soon as it is healthy.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n",
	.run = run_undrain,
};
