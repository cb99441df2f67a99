/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead alerts */
#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/view.h"
#include "cli/view_json.h"

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{0},
};

static int ask(const struct cli *cli, const char *method, const char *path, json_t **out)
{
	struct err err = {0};

	if (!client__request(cli->socket, method, path, out, &err))
		return CLI_OK;
	json_decref(*out);
	fputs("fairlead alerts: ", stderr);
	cli__print_text(stderr, err.text);
	putc('\n', stderr);
	return CLI_FAILED;
}

static int list(const struct cli *cli, bool json)
{
	const struct view view = {.now = time(NULL)};
	json_t *status = NULL, *alerts;
	int rc = ask(cli, "GET", "/v1/status", &status);

	if (rc)
		return rc;
	alerts = json_object_get(status, "alerts");
	if (json)
		json_out__print(alerts);
	else if (!json_array_size(alerts))
		puts("no destination of alerts is configured");
	else
		view_alerts__print(status, &view, true, stdout);
	json_decref(status);
	return CLI_OK;
}

/* Whether all have got theirs. */
static bool print_tests(const json_t *reply, bool quiet)
{
	const json_t *t;
	bool ok = true;
	size_t i;

	json_array_foreach (json_object_get(reply, "tests"), i, t) {
		bool got = json_is_true(json_object_get(t, "ok"));

		ok &= got;
		if (quiet)
			continue;
		cli__print_text(stdout, string_of(t, "name"));
		printf(": %s after %.0f ms: ", got ? "delivered" : "failed", number_of(t, "ms"));
		cli__print_text(stdout, string_of(t, "detail"));
		putchar('\n');
	}
	return ok;
}

static int test(const struct cli *cli, const char *name, bool json)
{
	char *escaped = name ? curl_easy_escape(NULL, name, 0) : NULL;
	char path[512] = "/v1/alerts/test";
	struct progress progress;
	json_t *reply = NULL;
	bool ok;
	int rc;

	if (escaped)
		snprintf(path, sizeof(path), "/v1/alerts/test?name=%s", escaped);
	curl_free(escaped);
	progress__begin(&progress, "sending tests", json);
	rc = ask(cli, "POST", path, &reply);
	progress__end(&progress);
	if (rc)
		return rc;
	if (json)
		json_out__print(reply);
	ok = print_tests(reply, json);
	json_decref(reply);
	return ok ? CLI_OK : CLI_FAILED;
}

static int run(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		default:
			rc = cli__option(cli, &command_alerts, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind == argc)
		return list(cli, json);
	if (strcmp(argv[optind], "test") != 0)
		return cli__usage(&command_alerts, "'%s' is not an action: test is", argv[optind]);
	if (argc - optind > 2)
		return cli__usage(&command_alerts,
				  "'%s' is too much: one NAME can be tested, or all",
				  argv[optind + 2]);
	if (argc - optind == 2 && (!*argv[optind + 1] || strlen(argv[optind + 1]) > 128))
		return cli__usage(&command_alerts, "NAME is that of a destination in `alerts`");
	return test(cli, argv[optind + 1], json);
}

const struct command command_alerts = {
	.name = "alerts",
	.summary = "show where alerts go, or send a test",
	.help = "Usage: fairlead alerts [--json]\n"
		"       fairlead alerts test [NAME] [--json]\n\n"
		"Shows the destinations of alerts: what they have got, what waits for them, and what fails.\n"
		"test sends a test alert to the destination of that name, or to all, beside what waits and\n"
		"once only, and says what came back; the exit status is 1 if one has not got it.\n\n"
		"  -j, --json  for programs\n",
	.run = run,
};
