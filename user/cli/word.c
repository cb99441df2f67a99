/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead drain, undrain, disable, enable, weight: an operator's word on a backend. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
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

static const struct option options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

struct request {
	const struct word *word;
	const char *backend, *service;
	unsigned long percent; /* of weight */
	bool json, wait;
	uint64_t deadline_ms; /* 0: none */
};

/* A command, and how it is told of. */
struct word {
	const struct command *command;
	const char *done; /* "drained" */
	const char *already; /* "draining" */
};

static const struct word drain = {&command_drain, "drained", "draining"};
static const struct word undrain = {&command_undrain, "undrained", "not draining"};
static const struct word disable = {&command_disable, "disabled", "disabled"};
static const struct word enable = {&command_enable, "enabled", "not disabled"};
static const struct word weight = {&command_weight, "weight set for", "at that weight"};

static void print_result(const struct request *r, const json_t *reply)
{
	const json_t *services = json_object_get(reply, "services"), *service;
	size_t i;

	if (!json_integer_value(json_object_get(reply, "changed")))
		printf("nothing to do: %s is %s already", r->backend, r->word->already);
	else
		printf("%s %s", r->word->done, r->backend);
	json_array_foreach (services, i, service) {
		const char *name = json_string_value(service);

		fputs(i ? ", " : " in ", stdout);
		cli__print_text(stdout, name ? name : "?");
	}
	putchar('\n');
}

/* "/v1/backends/ID" and what follows it, which may begin the query; escaped as it has to be. */
static int path_of(const struct request *r, const char *verb, char *path, size_t len,
		   struct err *err)
{
	const char *service = strchr(verb, '?') ? "&service=" : "?service=";
	char *id = curl_easy_escape(NULL, r->backend, 0);
	char *name = r->service ? curl_easy_escape(NULL, r->service, 0) : NULL;
	int rc = 0, n;

	if (!id || (r->service && !name)) {
		rc = err__set(err, -1, "out of memory");
		goto cleanup;
	}
	n = snprintf(path, len, "/v1/backends/%s%s%s%s", id, verb, name ? service : "",
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
	char path[1100], verb[32];
	int rc;

	if (r->word == &weight)
		snprintf(verb, sizeof(verb), "/weight?percent=%lu", r->percent);
	else
		snprintf(verb, sizeof(verb), "/%s", r->word->command->name);
	rc = path_of(r, verb, path, sizeof(path), &err);
	if (!rc)
		rc = client__request(cli->socket, "POST", path, &reply, &err);
	if (!rc && !r->json)
		print_result(r, reply);
	if (!rc && r->json && !r->wait) {
		json_out__print(reply);
	}
	json_decref(reply);
	if (!rc && r->wait && !path_of(r, "", path, sizeof(path), &err))
		return wait__empty(cli, path, r->backend, r->deadline_ms, r->json);
	if (!rc)
		return CLI_OK;
	fprintf(stderr, "fairlead %s: ", r->word->command->name);
	cli__print_text(stderr, err.text);
	putc('\n', stderr);
	return CLI_FAILED;
}

/* "50%", or 50. */
static bool read_percent(const char *text, unsigned long *out)
{
	char *end;

	*out = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *out <= 100 && (!*end || !strcmp(end, "%"));
}

static int read_operands(struct request *r, int argc, char **argv)
{
	const struct command *command = r->word->command;

	if (argc < 1 || !**argv || argc != (r->word == &weight ? 2 : 1))
		return cli__usage(command, r->word == &weight
						   ? "a BACKEND and a PERCENT are needed: its id, "
						     "as status shows it, and 0%% to 100%%"
						   : "one BACKEND is needed: its id, as status "
						     "shows it");
	r->backend = argv[0];
	if (r->word == &weight && !read_percent(argv[1], &r->percent))
		return cli__usage(command, "'%s' is not in 0%%..100%%", argv[1]);
	return CLI_NEXT;
}

static int run(struct cli *cli, const struct word *word, int argc, char **argv)
{
	const struct option *known = word == &drain ? drain_options : options;
	const struct command *command = word->command;
	struct request r = {.word = word};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", known, NULL)) != -1) {
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
	rc = read_operands(&r, argc - optind, argv + optind);
	if (rc != CLI_NEXT)
		return rc;
	if (r.service && !*r.service)
		return cli__usage(command, "--service is empty");
	if (r.deadline_ms && !r.wait)
		return cli__usage(command, "--deadline is for --wait");
	return request(cli, &r);
}

static int run_drain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &drain, argc, argv);
}

static int run_undrain(struct cli *cli, int argc, char **argv)
{
	return run(cli, &undrain, argc, argv);
}

static int run_disable(struct cli *cli, int argc, char **argv)
{
	return run(cli, &disable, argc, argv);
}

static int run_enable(struct cli *cli, int argc, char **argv)
{
	return run(cli, &enable, argc, argv);
}

static int run_weight(struct cli *cli, int argc, char **argv)
{
	return run(cli, &weight, argc, argv);
}

const struct command command_drain = {
	.name = "drain",
	.summary = "give a backend no new flows",
	.help = "Usage: fairlead drain BACKEND [--service NAME] [--wait [--deadline DURATION]] [--json]\n\n"
		"Gives the backend with that id no new flows. Its slots go to the others at once; its\n"
		"connections stay where they are until they end. Peers do the same.\n\n"
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

const struct command command_disable = {
	.name = "disable",
	.summary = "take a backend out, its connections too",
	.help = "Usage: fairlead disable BACKEND [--service NAME] [--json]\n\n"
		"Takes the backend with that id out, as if its probe had failed: no new flows, and what\n"
		"has not ended after the service's `down_hold` is given up. It is probed all the same.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n"
		"  -j, --json          the agent's answer\n",
	.run = run_disable,
};

const struct command command_enable = {
	.name = "enable",
	.summary = "let a disabled backend take flows again",
	.help = "Usage: fairlead enable BACKEND [--service NAME] [--json]\n\n"
		"Ends what disable began: the backend gets its slots back as soon as it is healthy.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n"
		"  -j, --json          the agent's answer\n",
	.run = run_enable,
};

const struct command command_weight = {
	.name = "weight",
	.summary = "give a backend a part of its weight",
	.help = "Usage: fairlead weight BACKEND PERCENT [--service NAME] [--json]\n\n"
		"Gives the backend with that id a part of the weight that the file says, 0% to 100%, in\n"
		"steps of 5 %. At 0% it gets no new flows. Its connections stay where they are.\n\n"
		"      --service NAME  in that service only (default: in all that have it)\n"
		"  -j, --json          the agent's answer\n",
	.run = run_weight,
};
