/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead doctor */
#include "doctor/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/format.h"
#include "cli/json_out.h"
#include "cli/view_json.h"

#define DEFAULT_FILE "/etc/fairlead/fairlead.yaml"

static const struct option options[] = {
	CLI_LONG,
	{"json", no_argument, NULL, 'j'},
	{"config", required_argument, NULL, 'c'},
	{0},
};

/* What it says of destinations of alerts. */
static void read_alerts(const json_t *status, struct doctor_agent *a)
{
	const json_t *d;
	time_t since;
	size_t i;

	json_array_foreach (json_object_get(status, "alerts"), i, d) {
		struct doctor_alerts *to = &a->alerts[i];
		double age = 0;

		if (i == CONFIG_MAX_ALERTS)
			break;
		if (!format__parse_time(text_of(d, "fails_since"), &since))
			age = difftime(time(NULL), since);
		snprintf(to->name, sizeof(to->name), "%s", string_of(d, "name"));
		snprintf(to->error, sizeof(to->error), "%s", text_of(d, "error"));
		to->fails_s = age > 0 ? (uint64_t)age : 0;
		to->waiting = (uint64_t)(integer_of(d, "waiting") + integer_of(d, "held"));
		a->n_alerts = i + 1;
	}
}

static void read_peers(const json_t *status, struct doctor_agent *a)
{
	const json_t *p, *skew;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(status, "peers"), "list"), i, p) {
		struct doctor_peer *to = &a->peers[i];

		if (i == CONFIG_MAX_PEERS)
			break;
		skew = json_object_get(p, "clock_skew_ms");
		snprintf(to->name, sizeof(to->name), "%s", string_of(p, "name"));
		snprintf(to->address, sizeof(to->address), "%s", string_of(p, "address"));
		to->clock_known = json_is_integer(skew);
		to->skew_ms = json_integer_value(skew);
		a->n_peers = i + 1;
	}
}

static void read_token(const json_t *status, struct doctor_agent *a)
{
	const json_t *api = json_object_get(status, "api");

	a->token = json_is_true(json_object_get(api, "token"));
	snprintf(a->token_problem, sizeof(a->token_problem), "%s", text_of(api, "token_problem"));
}

/* What the agent says of itself. Returns its status document, or NULL: none answers. */
static json_t *ask_agent(const struct cli *cli, struct doctor_agent *a)
{
	json_t *status = NULL;
	struct err err = {0};

	snprintf(a->socket, sizeof(a->socket), "%s", cli->socket);
	if (client__request(cli->socket, "GET", "/v1/status", &status, &err)) {
		snprintf(a->why_not, sizeof(a->why_not), "%.*s", (int)sizeof(a->why_not) - 1,
			 err.text);
		json_decref(status);
		return NULL;
	}
	a->runs = true;
	snprintf(a->version, sizeof(a->version), "%s", string_of(status, "version"));
	a->abi = (unsigned int)integer_of(status, "abi");
	a->pid = (int)integer_of(status, "pid");
	a->realtime = json_is_true(json_object_get(json_object_get(status, "loop"), "realtime"));
	a->targets = (uint32_t)integer_of(json_object_get(status, "probes"), "targets");
	read_alerts(status, a);
	read_peers(status, a);
	read_token(status, a);
	return status;
}

/* Whether the file was written after the agent has read it: the agent's times have milliseconds. */
static bool is_newer(const char *file, const json_t *status)
{
	const char *loaded = string_of(json_object_get(status, "config"), "loaded_at");
	const char *fraction = strchr(loaded, '.');
	double loaded_s, written_s;
	struct stat st;
	time_t at;

	if (format__parse_time(loaded, &at) || stat(file, &st))
		return false;
	loaded_s = (double)at + (fraction ? (double)strtol(fraction + 1, NULL, 10) / 1e3 : 0);
	written_s = (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9;
	return written_s > loaded_s;
}

static struct config *load(const char *file, char *why, size_t len)
{
	struct config_problems problems = {0};
	struct config *config = NULL;

	if (config__load(file, &config, &problems) && problems.n)
		config_problems__format(&problems, 0, why, len);
	config_problems__free(&problems);
	return config;
}

static json_t *finding_json(const struct doctor_finding *f)
{
	return json_pack("{s:s, s:s, s:s, s:s?}", "check", f->check, "level",
			 doctor_level__name(f->level), "text", f->text, "fix",
			 f->fix[0] ? f->fix : NULL);
}

static void print_json(const struct doctor_facts *facts, const struct doctor_report *r)
{
	json_t *findings = json_array(), *o;

	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(findings, finding_json(&r->list[i]));
	o = json_pack("{s:s, s:b, s:s, s:i, s:i, s:i, s:i, s:o}", "level",
		      doctor_level__name(doctor_report__worst(r)), "agent", facts->agent.runs,
		      "config", facts->config_file, "errors",
		      (int)doctor_report__count(r, DOCTOR_ERROR), "warnings",
		      (int)doctor_report__count(r, DOCTOR_WARNING), "notes",
		      (int)doctor_report__count(r, DOCTOR_NOTE), "ok",
		      (int)doctor_report__count(r, DOCTOR_OK), "findings", findings);
	json_out__print(o);
	json_decref(o);
}

static void print_finding(const struct doctor_finding *f, bool colours)
{
	static const char *const colour[DOCTOR_LEVELS] = {"\033[32m", "", "\033[33m", "\033[31m"};
	const char *begin = colours ? colour[f->level] : "";

	printf("%s%-8s%s %s: ", begin, doctor_level__name(f->level), *begin ? "\033[0m" : "",
	       f->check);
	cli__print_text(stdout, f->text);
	putchar('\n');
	if (!f->fix[0])
		return;
	fputs("         run: ", stdout);
	cli__print_text(stdout, f->fix);
	putchar('\n');
}

static void print_count(size_t n, const char *what)
{
	printf("%zu %s%s, ", n, what, n == 1 ? "" : "s");
}

static void print_report(const struct doctor_report *r)
{
	const char *no_color = getenv("NO_COLOR");
	bool colours = isatty(STDOUT_FILENO) && !(no_color && *no_color);

	for (size_t i = 0; i < r->n; i++)
		print_finding(&r->list[i], colours);
	putchar('\n');
	print_count(doctor_report__count(r, DOCTOR_ERROR), "error");
	print_count(doctor_report__count(r, DOCTOR_WARNING), "warning");
	print_count(doctor_report__count(r, DOCTOR_NOTE), "note");
	printf("%zu ok\n", doctor_report__count(r, DOCTOR_OK));
}

static int examine(const struct cli *cli, const char *file, bool json)
{
	static const int codes[DOCTOR_LEVELS] = {0, 0, 1, 2};
	struct doctor_facts facts = {.version = FAIRLEAD_VERSION};
	json_t *status = ask_agent(cli, &facts.agent);
	const char *theirs = string_of(json_object_get(status, "config"), "file");
	struct doctor_report report = {0};
	struct config *config;
	int rc;

	facts.config_file = file ? file : status ? theirs : DEFAULT_FILE;
	config = load(facts.config_file, facts.config_why, sizeof(facts.config_why));
	facts.config = config;
	facts.config_newer =
		status && !strcmp(facts.config_file, theirs) && is_newer(theirs, status);
	doctor_facts__read(&facts);
	doctor__judge(&facts, &report);
	if (json)
		print_json(&facts, &report);
	else
		print_report(&report);
	rc = codes[doctor_report__worst(&report)];
	if (report.incomplete) {
		fputs("fairlead doctor: memory ran out, some findings are missing\n", stderr);
		rc = codes[DOCTOR_ERROR];
	}
	doctor_report__free(&report);
	doctor_facts__free(&facts);
	config__free(config);
	json_decref(status);
	return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
	const char *file = NULL;
	bool json = false;
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "jc:", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'c':
			file = optarg;
			break;
		default:
			rc = cli__option(cli, &command_doctor, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind != argc)
		return cli__usage(&command_doctor, "'%s' is too much: doctor takes options only",
				  argv[optind]);
	return examine(cli, file, json);
}

const struct command command_doctor = {
	.name = "doctor",
	.summary = "look for what is wrong with this machine as a balancer, and say what mends it",
	.help = "Usage: fairlead doctor [--json] [--config FILE]\n\n"
		"Looks at kernel, pins, agent, interfaces, the ways to the backends and the settings that\n"
		"matter for them, and changes nothing. What is wrong comes first, with the command that\n"
		"mends it. An agent need not run. As root it sees most.\n\n"
		"  -j, --json         for programs\n"
		"  -c, --config FILE  this one (default: the agent's, or /etc/fairlead/fairlead.yaml)\n\n"
		"Exit status: 0 if there is nothing worse than notes, 1 with warnings, 2 with errors.\n",
	.run = run,
};
