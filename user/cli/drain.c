/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead drain|undrain: one question in two directions. */
#include <curl/curl.h>
#include <jansson.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/wait.h"
#include "core/duration.h"

static const struct option drain_options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{"wait", no_argument, NULL, 'w'},
	{"deadline", required_argument, NULL, 'd'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

static const struct option undrain_options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

struct request {
	const struct command *command;
	const char *backend, *service;
	bool json, wait;
	uint64_t deadline_ms; /* 0: none */
};

static void print_result(const struct request *r, const json_t *reply)
{
	const json_t *services = json_object_get(reply, "services"), *service;
	size_t i;

	if (!json_integer_value(json_object_get(reply, "changed")))
		printf("nothing to do: %s is %s already", r->backend,
		       r->command == &command_drain ? "draining" : "not draining");
	else
		printf("%sed %s", r->command->name, r->backend);
	json_array_foreach (services, i, service) {
		const char *name = json_string_value(service);

		fputs(i ? ", " : " in ", stdout);
		cli__print_text(stdout, name ? name : "?");
	}
	putchar('\n');
}

/* "/v1/backends/ID" and what follows it, escaped as it has to be. */
static int path_of(const struct request *r, const char *verb, char *path, size_t len,
		   struct err *err)
{
	char *id = curl_easy_escape(NULL, r->backend, 0);
	char *name = r->service ? curl_easy_escape(NULL, r->service, 0) : NULL;
	int rc = 0, n;

	if (!id || (r->service && !name)) {
		rc = err__set(err, -1, "out of memory");
		goto cleanup;
	}
	n = snprintf(path, len, "/v1/backends/%s%s%s%s", id, verb, name ? "?service=" : "",
		     name ? name : "");
	if (n >= (int)len)
		rc = err__set(err, -1, "no backend or service has a name that long");
cleanup:
	curl_free(id);
	curl_free(name);
	return rc;
}

static int request(const struct cli *cli, const struct request *r)
{
	json_t *reply = NULL;
	struct err err = {0};
	char path[1100], verb[16];
	int rc;

	snprintf(verb, sizeof(verb), "/%s", r->command->name);
	rc = path_of(r, verb, path, sizeof(path), &err);
	if (!rc)
		rc = client__request(cli->socket, "POST", path, &reply, &err);
	if (!rc && !r->json)
		print_result(r, reply);
	if (!rc && r->json && !r->wait) {
		json_dumpf(reply, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(reply);
	if (!rc && r->wait && !path_of(r, "", path, sizeof(path), &err))
		return wait__empty(cli, path, r->backend, r->deadline_ms, r->json);
	if (!rc)
		return CLI_OK;
	fprintf(stderr, "fairlead %s: ", r->command->name);
	cli__print_text(stderr, err.text);
	putc('\n', stderr);
	return CLI_FAILED;
}

static int run(struct cli *cli, const struct command *command, const struct option *options,
	       int argc, char **argv)
{
	struct request r = {.command = command};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		switch (option) {
		case 'S':
			r.service = optarg;
			break;
		case 'j':
			r.json = true;
			break;
		case 'w':
			r.wait = true;
			break;
		case 'd':
			if (duration__parse(optarg, &r.deadline_ms) || !r.deadline_ms)
				return cli__usage(command,
						  "--deadline %s is not a duration, as in 90s, 20m "
						  "or 1h",
						  optarg);
			break;
		default:
			rc = cli__option(cli, command, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (argc - optind != 1 || !*argv[optind])
		return cli__usage(command, "one BACKEND is needed: its id, as status shows it");
	if (r.service && !*r.service)
		return cli__usage(command, "--service is empty");
	if (r.deadline_ms && !r.wait)
		return cli__usage(command, "--deadline is for --wait");
	r.backend = argv[optind];
	return request(cli, &r);
}

static int run_drain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &command_drain, drain_options, argc, argv);
}

static int run_undrain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &command_undrain, undrain_options, argc, argv);
}

const struct command command_drain = {
	.name = "drain",
	.summary = "give a backend no new flows",
	.help = "Usage: fairlead drain BACKEND [--service NAME] [--wait [--deadline DURATION]] [--json]\n\n"
		"Gives the backend with that id no new flows. Its slots go to the others at once; its\n"
		"connections stay where they are until they end.\n\n"
		"      --service NAME       in that service only (default: in all that have it)\n"
		"      --wait               return when its last connection is gone\n"
		"      --deadline DURATION  or after that time, with exit status 3: 90s, 20m, 1h\n"
		"  -j, --json               the agent's answer; with --wait, the last one\n",
	.run = run_drain,
};

const struct command command_undrain = {
	.name = "undrain",
	.summary = "let a drained backend take new flows again",
	.help = "Usage: fairlead undrain BACKEND [--service NAME] [--json]\n\n"
		"Ends a drain: the backend gets its slots back as soon as it is healthy.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n"
		"  -j, --json          the agent's answer\n",
	.run = run_undrain,
};
