/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/config_check.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "config/config.h"

static size_t count_backends(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_services; i++)
		n += config->services[i].n_backends;
	return n;
}

/* A file that could not be read has no line: its problem is of the file as a whole. */
static json_t *problem_json(const struct config_problem *p)
{
	json_t *line = p->line ? json_integer(p->line) : json_null();
	json_t *column = p->line ? json_integer(p->column) : json_null();

	return json_pack("{s:o, s:o, s:o}", "line", line, "column", column, "text",
			 json_out__text(p->text));
}

/* config: NULL if there are problems. */
static void print_json(const char *file, const struct config *config,
		       const struct config_problems *problems)
{
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < problems->n; i++)
		json_array_append_new(list, problem_json(&problems->list[i]));
	o = json_pack(
		"{s:o, s:b, s:o, s:o, s:o}", "file", json_out__text(file), "ok", !!config,
		"services", config ? json_integer((json_int_t)config->n_services) : json_null(),
		"backends", config ? json_integer((json_int_t)count_backends(config)) : json_null(),
		"problems", list);
	json_out__print(o);
	json_decref(o);
}

static void print_text(const char *file, const struct config *config,
		       const struct config_problems *problems)
{
	char line[1024];

	for (size_t i = 0; i < problems->n; i++) {
		cli__print_text(stderr, config_problems__format(problems, i, line, sizeof(line)));
		putc('\n', stderr);
	}
	if (config)
		printf("%s: ok: %zu services, %zu backends\n", file, config->n_services,
		       count_backends(config));
}

int config_check__run(const char *file, bool json)
{
	struct config_problems problems = {0};
	struct config *config = NULL;
	int rc = config__load(file, &config, &problems) ? CLI_FAILED : CLI_OK;

	if (json)
		print_json(file, config, &problems);
	else
		print_text(file, config, &problems);
	config__free(config);
	config_problems__free(&problems);
	return rc;
}
