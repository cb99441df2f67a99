/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead report */
#include <errno.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/report_text.h"
#include "cli/since.h"

struct request {
	bool json, html;
	int64_t since_ms;
	uint32_t target_ppm;
	const char *service;
};

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"html", no_argument, NULL, 'H'},
	{"since", required_argument, NULL, 'S'},
	{"target", required_argument, NULL, 't'},
	{"service", required_argument, NULL, 'v'},
	{0},
};

enum column { NAME, AVAILABLE, NINES, DOWN, OUTAGES, LONGEST, UNKNOWN, OUT, COLUMNS };

static const char *const columns[COLUMNS] = {"SERVICE", "AVAILABLE", "NINES",	"DOWN",
					     "OUTAGES", "LONGEST",   "UNKNOWN", "OUT"};

static int set_span(struct libscols_line *line, size_t column, const json_t *w, const char *key)
{
	char text[REPORT_TEXT_LEN];

	return scols_line_set_data(line, column,
				   report_text__span(report_text__number(w, key), text));
}

static int add_line(struct libscols_table *table, struct libscols_line *parent, const char *name,
		    const json_t *w, struct libscols_line **out)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	char text[REPORT_TEXT_LEN];
	int rc;

	if (!line)
		return -ENOMEM;
	rc = scols_line_set_data(line, NAME, name);
	rc |= scols_line_set_data(line, AVAILABLE, report_text__percent(w, text));
	rc |= scols_line_set_data(line, NINES, report_text__nines(w, text));
	rc |= set_span(line, DOWN, w, "down_s");
	snprintf(text, sizeof(text), "%lld",
		 (long long)json_integer_value(json_object_get(w, "outages")));
	rc |= scols_line_set_data(line, OUTAGES, text);
	rc |= set_span(line, LONGEST, w, "longest_s");
	rc |= set_span(line, UNKNOWN, w, "unknown_s");
	rc |= set_span(line, OUT, w, "out_s");
	if (out)
		*out = line;
	return rc;
}

static int fill(struct libscols_table *table, const json_t *report)
{
	const json_t *service, *backend;
	size_t i, k;
	int rc = 0;

	json_array_foreach (json_object_get(report, "services"), i, service) {
		struct libscols_line *line = NULL;
		char name[160];

		snprintf(name, sizeof(name), "%.64s  %.80s", report_text__string(service, "name"),
			 report_text__string(service, "vip"));
		rc |= add_line(table, NULL, name,
			       json_array_get(json_object_get(service, "windows"), 0), &line);
		json_array_foreach (json_object_get(service, "backends"), k, backend) {
			rc |= add_line(table, line, report_text__string(backend, "id"), backend,
				       NULL);
		}
	}
	return rc;
}

static int print_table(const json_t *report)
{
	struct libscols_table *table = scols_new_table();
	int rc = table ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < COLUMNS; i++) {
		int flags = i == NAME ? SCOLS_FL_TREE : SCOLS_FL_RIGHT;

		rc = scols_table_new_column(table, columns[i], 0, flags) ? 0 : -ENOMEM;
	}
	rc = rc ? rc : fill(table, report);
	rc = rc ? rc : scols_print_table(table);
	scols_unref_table(table);
	return rc;
}

/* How much it may still be down, and how much it was. */
static int print_budgets(const json_t *report)
{
	struct libscols_table *table = scols_new_table();
	const json_t *service, *w;
	char text[REPORT_TEXT_LEN], left[REPORT_TEXT_LEN], cell[3 * REPORT_TEXT_LEN];
	size_t i, k;
	int rc = table && scols_table_new_column(table, "BUDGET", 0, 0) ? 0 : -ENOMEM;

	service = json_array_get(json_object_get(report, "services"), 0);
	json_array_foreach (json_object_get(service, "windows"), k, w) {
		if (k && !rc)
			rc = scols_table_new_column(table, report_text__string(w, "window"), 0,
						    SCOLS_FL_RIGHT)
				     ? 0
				     : -ENOMEM;
	}
	json_array_foreach (json_object_get(report, "services"), i, service) {
		struct libscols_line *line = rc ? NULL : scols_table_new_line(table, NULL);

		if (!line)
			break;
		rc |= scols_line_set_data(line, 0, report_text__string(service, "name"));
		json_array_foreach (json_object_get(service, "windows"), k, w) {
			if (!k)
				continue;
			snprintf(cell, sizeof(cell), "%s of %s left",
				 report_text__span(report_text__number(w, "left_s"), left),
				 report_text__span(report_text__number(w, "budget_s"), text));
			rc |= scols_line_set_data(line, k, cell);
		}
	}
	rc = rc ? rc : scols_print_table(table);
	scols_unref_table(table);
	return rc;
}

static int print_text(const json_t *report)
{
	int rc;

	printf("availability from %s to %s\n\n", report_text__string(report, "from"),
	       report_text__string(report, "to"));
	if (!json_array_size(json_object_get(report, "services"))) {
		puts("the journal knows of no service in that time");
		return 0;
	}
	rc = print_table(report);
	printf("\nwhat may be down by a target of %g%%:\n\n",
	       report_text__number(report, "target_percent"));
	return rc ? rc : print_budgets(report);
}

static int show(const struct cli *cli, const struct request *r, struct err *err)
{
	struct progress progress;
	json_t *report = NULL;
	char path[256];
	int rc;

	snprintf(path, sizeof(path), "/v1/report?target=%u&since=%lld%s%.64s", r->target_ppm,
		 (long long)r->since_ms, *r->service ? "&service=" : "", r->service);
	progress__begin(&progress, "reading the journal", r->json);
	rc = client__request(cli->socket, "GET", path, &report, err);
	progress__end(&progress);
	if (!rc && r->json) {
		json_out__print(report);
	} else if (!rc && r->html) {
		report_html__print(report, stdout);
	} else if (!rc && print_text(report)) {
		rc = err__set(err, -ENOMEM, "out of memory");
	}
	json_decref(report);
	return rc;
}

/* "99.95": a percentage below 100, since nobody keeps 100. */
static int read_target(const char *text, uint32_t *ppm)
{
	char *end;
	double percent = strtod(text, &end);

	if (*text < '0' || *text > '9' || (*end && strcmp(end, "%") != 0) || percent < 0 ||
	    percent >= 100)
		return -EINVAL;
	*ppm = (uint32_t)lround(percent * 1e4);
	return *ppm < 1000000 ? 0 : -EINVAL;
}

static int read_option(struct request *r, struct cli *cli, int option)
{
	switch (option) {
	case 'j':
		r->json = true;
		return CLI_NEXT;
	case 'H':
		r->html = true;
		return CLI_NEXT;
	case 'S':
		if (since__parse(optarg, since__now_ms(), &r->since_ms))
			return cli__usage(
				&command_report,
				"--since %s is neither a duration, as 36h or 7d, nor a time, as "
				"2026-01-31T12:00:00Z",
				optarg);
		return CLI_NEXT;
	case 't':
		if (read_target(optarg, &r->target_ppm))
			return cli__usage(&command_report,
					  "--target %s is not a percentage below 100, as 99.95",
					  optarg);
		return CLI_NEXT;
	case 'v':
		r->service = optarg;
		return CLI_NEXT;
	default:
		return cli__option(cli, &command_report, option);
	}
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.target_ppm = 999000, .service = ""};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "j", options, NULL)) != -1) {
		rc = read_option(&r, cli, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_report, "'%s' is too much: report takes options only",
				  argv[optind]);
	if (r.json && r.html)
		return cli__usage(&command_report, "--json and --html exclude each other");
	rc = show(cli, &r, &err);
	if (rc) {
		fputs("fairlead report: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	return rc ? CLI_FAILED : CLI_OK;
}

const struct command command_report = {
	.name = "report",
	.summary = "availability of services and backends, and what is left of the budget",
	.help = "Usage: fairlead report [--since WHEN] [--target PERCENT] [--service NAME]\n"
		"                       [--json | --html]\n\n"
		"Sums up the agent's journal: how long each service had enough backends, and each backend\n"
		"was up, of the time that was watched. While no agent ran nothing is known, and what an\n"
		"operator has drained or disabled counts for neither. Then: how much of the time that a\n"
		"target leaves is left in the last day, week, month (30 days) and year (365).\n\n"
		"      --since WHEN      a duration, as 36h or 7d, or a time (UTC), as 2026-01-31 or\n"
		"                        2026-01-31T12:00:00Z (default: 30d)\n"
		"      --target PERCENT  what is aimed at (default 99.9)\n"
		"      --service NAME    that service only\n"
		"  -j, --json            for programs\n"
		"      --html            a page of its own\n",
	.run = run,
};
