/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/config_diff.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/view_diff.h"
#include "config/config.h"

static void complain(const char *text)
{
	fputs("fairlead config diff: ", stderr);
	cli__print_text(stderr, text);
	putc('\n', stderr);
}

/* A file with mistakes needs no agent. Its text, NULL: there are some, and they are told. */
static char *read_file(const char *file, size_t *len)
{
	struct config_problems problems = {0};
	struct config *config = NULL;
	char *text = NULL, line[1024];

	if (!config__read(file, &text, len, &problems))
		config__parse(file, text, *len, &config, &problems);
	for (size_t i = 0; i < problems.n; i++) {
		cli__print_text(stderr, config_problems__format(&problems, i, line, sizeof(line)));
		putc('\n', stderr);
	}
	if (problems.n) {
		free(text);
		text = NULL;
	}
	config__free(config);
	config_problems__free(&problems);
	return text;
}

static int ask(const struct cli *cli, const char *file, const char *version, bool now, bool json,
	       json_t **reply, struct err *err)
{
	struct progress progress;
	char path[64];
	size_t len = 0, i;
	json_t *problem;
	char *text = NULL;
	int rc;

	snprintf(path, sizeof(path), "/v1/config/diff?now=%s%s%.20s", now ? "true" : "false",
		 version ? "&version=" : "", version ? version : "");
	if (file) {
		text = read_file(file, &len);
		if (!text)
			return err__set(err, -1, "%s has problems: nothing was compared", file);
	}
	progress__begin(&progress, "comparing", json);
	rc = client__post(cli->socket, path, text ? text : "", len, reply, err);
	progress__end(&progress);
	free(text);
	json_array_foreach (json_object_get(*reply, "problems"), i, problem) {
		const char *line = json_string_value(problem);

		cli__print_text(stderr, line ? line : "?");
		putc('\n', stderr);
	}
	return rc;
}

int config_diff__run(const struct cli *cli, const char *file, const char *version, bool now,
		     bool json)
{
	struct err err = {0};
	json_t *reply = NULL;
	const char *refused;
	int rc;

	if (ask(cli, file, version, now, json, &reply, &err)) {
		complain(err.text);
		json_decref(reply);
		return CONFIG_DIFF_FAILED;
	}
	if (json) {
		json_out__print(reply);
	} else {
		view_diff__print(reply, now);
	}
	refused = json_string_value(json_object_get(reply, "refused"));
	if (refused)
		complain(refused);
	rc = refused					       ? CONFIG_DIFF_FAILED
	     : json_is_true(json_object_get(reply, "changed")) ? CONFIG_DIFF_CHANGED
							       : CONFIG_DIFF_SAME;
	json_decref(reply);
	return rc;
}
