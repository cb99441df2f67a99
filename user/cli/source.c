/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead source list|allow|deny|remove */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/json_out.h"
#include "cli/progress.h"
#include "cli/view_json.h"
#include "core/addr.h"

/* The agent takes 1024 bytes of path and query in one request (api/route.h). */
#define MAX_PATH 1000
#define ONE_PREFIX (ADDR_PREFIX_STRLEN + 8) /* bytes of "&prefix=" and its value */

struct prefixes {
	struct addr_prefix *list;
	size_t n, room;
};

struct request {
	const struct cli *cli;
	const char *verb, *service, *file;
	bool monitor, json;
	struct prefixes prefixes;
	json_int_t changed;
	json_t *missing; /* prefixes */
};

static const struct option options[] = {
	CLI_LONG,
	{"service", required_argument, NULL, 'S'},
	{"monitor", no_argument, NULL, 'm'},
	{"file", required_argument, NULL, 'f'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

static int add_prefix(struct prefixes *p, const char *text, const char *file, unsigned int line,
		      struct err *err)
{
	struct addr_prefix prefix;
	char where[256] = "";

	if (file)
		snprintf(where, sizeof(where), "%s:%u: ", file, line);
	if (addr__parse_net(text, &prefix))
		return err__set(
			err, -EINVAL,
			"%s'%s' is not an address or a prefix whose host bits are zero; nothing "
			"was changed",
			where, text);
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct addr_prefix *more = realloc(p->list, room * sizeof(*more));

		if (!more)
			return err__set(err, -ENOMEM, "out of memory");
		p->list = more;
		p->room = room;
	}
	p->list[p->n++] = prefix;
	return 0;
}

/* One prefix a line; what follows a # and empty lines are passed over. "-": standard input. */
static int read_file(struct request *r, struct err *err)
{
	bool in = !strcmp(r->file, "-");
	FILE *f = in ? stdin : fopen(r->file, "re");
	char *line = NULL, *word, *rest;
	unsigned int number = 0;
	size_t size = 0;
	int rc = 0;

	if (!f)
		return err__set(err, -errno, "cannot open %s: %s", r->file, strerror(errno));
	while (!rc && getline(&line, &size, f) >= 0) {
		number++;
		line[strcspn(line, "#")] = '\0';
		word = strtok_r(line, " \t\r\n", &rest);
		if (!word)
			continue;
		rc = add_prefix(&r->prefixes, word, in ? "standard input" : r->file, number, err);
		if (!rc && strtok_r(NULL, " \t\r\n", &rest))
			rc = err__set(err, -EINVAL,
				      "%s:%u: one prefix a line is wanted; nothing was changed",
				      r->file, number);
	}
	if (!rc && ferror(f))
		rc = err__set(err, -EIO, "cannot read %s", r->file);
	free(line);
	if (!in)
		fclose(f);
	return rc;
}

static int append(char *path, size_t *at, const char *name, const char *value)
{
	int n = snprintf(path + *at, MAX_PATH - *at, "%s%s=%s", strchr(path, '?') ? "&" : "?", name,
			 value);

	if (n < 0 || *at + (size_t)n >= MAX_PATH)
		return -ENAMETOOLONG;
	*at += (size_t)n;
	return 0;
}

/* The path with all but the prefixes. */
static int base_path(const struct request *r, char *path, size_t *at, struct err *err)
{
	char *name;
	int rc = 0;

	*at = (size_t)snprintf(path, MAX_PATH, "/v1/sources%s%s", *r->verb ? "/" : "", r->verb);
	if (r->service) {
		name = curl_easy_escape(NULL, r->service, 0);
		rc = name ? append(path, at, "service", name) : -ENOMEM;
		curl_free(name);
	}
	if (!rc && r->monitor)
		rc = append(path, at, "monitor", "true");
	return rc ? err__set(err, rc, "no service has a name that long") : 0;
}

static void take_reply(struct request *r, const json_t *reply)
{
	r->changed += json_integer_value(json_object_get(reply, "changed"));
	json_array_extend(r->missing, json_object_get(reply, "missing"));
}

static void tell_missing(const struct request *r)
{
	const json_t *prefix;
	size_t i;

	json_array_foreach (r->missing, i, prefix) {
		fputs("fairlead source: no command has set ", stderr);
		cli__print_text(stderr,
				json_string_value(prefix) ? json_string_value(prefix) : "?");
		fputs(": what the configuration file says of it stays\n", stderr);
	}
}

/* As many requests as the prefixes need. */
static int change(struct request *r, struct err *err)
{
	char path[MAX_PATH], text[ADDR_PREFIX_STRLEN];
	struct progress progress;
	size_t done = 0, base, at;
	int rc = base_path(r, path, &base, err);

	progress__begin(&progress, "prefixes", r->json);
	while (!rc && done < r->prefixes.n) {
		json_t *reply = NULL;

		progress__step(&progress, done, r->prefixes.n);
		at = base;
		path[at] = '\0';
		while (done < r->prefixes.n && at + ONE_PREFIX < MAX_PATH && !rc) {
			addr_prefix__format(&r->prefixes.list[done++], text);
			rc = append(path, &at, "prefix", text);
		}
		if (!rc)
			rc = client__request(r->cli->socket, "POST", path, &reply, err);
		if (!rc)
			take_reply(r, reply);
		else if (r->changed)
			err__prefix(err, rc, "after %lld prefixes", (long long)r->changed);
		json_decref(reply);
	}
	progress__end(&progress);
	tell_missing(r);
	return rc;
}

static int print_table(const json_t *list)
{
	static const char *const columns[] = {"SERVICE", "PREFIX", "ACTION", "ORIGIN"};
	struct libscols_table *table = scols_new_table();
	const json_t *e;
	size_t i;
	int rc = table ? 0 : -ENOMEM;

	for (i = 0; !rc && i < sizeof(columns) / sizeof(*columns); i++)
		rc = scols_table_new_column(table, columns[i], 0, 0) ? 0 : -ENOMEM;
	json_array_foreach (list, i, e) {
		struct libscols_line *line = rc ? NULL : scols_table_new_line(table, NULL);
		bool monitor = json_is_true(json_object_get(e, "monitor"));

		if (!line)
			break;
		scols_line_set_data(line, 0, string_of(e, "service"));
		scols_line_set_data(line, 1, string_of(e, "prefix"));
		scols_line_set_data(line, 2, monitor ? "deny (monitor)" : string_of(e, "action"));
		rc = scols_line_set_data(line, 3, string_of(e, "origin"));
	}
	if (!rc)
		rc = scols_print_table(table);
	scols_unref_table(table);
	return rc;
}

static int list(struct request *r, struct err *err)
{
	json_t *reply = NULL;
	char path[MAX_PATH];
	size_t at;
	int rc = base_path(r, path, &at, err);

	if (!rc)
		rc = client__request(r->cli->socket, "GET", path, &reply, err);
	if (!rc && r->json) {
		json_out__print(reply);
	} else if (!rc && !json_array_size(json_object_get(reply, "sources"))) {
		puts("no source lists: everybody may send");
	} else if (!rc) {
		rc = print_table(json_object_get(reply, "sources"));
		if (rc)
			err__set(err, rc, "printing the list: %s", strerror(-rc));
	}
	json_decref(reply);
	return rc;
}

/* The sum of all answers. */
static void print_change(const struct request *r)
{
	json_t *sum;

	if (r->json) {
		sum = json_pack("{s:I, s:O}", "changed", r->changed, "missing", r->missing);
		json_out__print(sum);
		json_decref(sum);
		return;
	}
	printf("%s: %lld prefix%s\n",
	       !strcmp(r->verb, "remove") ? "removed"
	       : !strcmp(r->verb, "deny") ? r->monitor ? "denied (monitor)" : "denied"
					  : "allowed",
	       (long long)r->changed, r->changed == 1 ? "" : "es");
}

static int run_change(struct request *r, char **argv, int n, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < n && !rc; i++)
		rc = add_prefix(&r->prefixes, argv[i], NULL, 0, err);
	if (!rc && r->file)
		rc = read_file(r, err);
	if (!rc)
		rc = change(r, err);
	if (!rc)
		print_change(r);
	free(r->prefixes.list);
	return rc;
}

/* What stands behind the verb must fit it. */
static int check(const struct request *r, int n)
{
	bool lists = !*r->verb;

	if (!lists && strcmp(r->verb, "allow") != 0 && strcmp(r->verb, "deny") != 0 &&
	    strcmp(r->verb, "remove") != 0)
		return cli__usage(&command_source, "'%s' is not list, allow, deny or remove",
				  r->verb);
	if (lists && (n || r->file))
		return cli__usage(&command_source, "list takes no prefix");
	if (!lists && !n && !r->file)
		return cli__usage(&command_source, "%s needs a PREFIX or --file", r->verb);
	if (r->monitor && strcmp(r->verb, "deny") != 0)
		return cli__usage(&command_source, "--monitor goes with deny only");
	if (r->service && !*r->service)
		return cli__usage(&command_source, "--service is empty");
	return CLI_NEXT;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct request r = {.cli = cli};
	struct err err = {0};
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT "f:j", options, NULL)) != -1) {
		switch (option) {
		case 'S':
			r.service = optarg;
			break;
		case 'm':
			r.monitor = true;
			break;
		case 'f':
			r.file = optarg;
			break;
		case 'j':
			r.json = true;
			break;
		default:
			rc = cli__option(cli, &command_source, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (optind == argc)
		return cli__usage(&command_source, "list, allow, deny or remove is missing");
	r.verb = strcmp(argv[optind], "list") ? argv[optind] : "";
	optind++;
	rc = check(&r, argc - optind);
	if (rc != CLI_NEXT)
		return rc;
	r.missing = json_array();
	rc = *r.verb ? run_change(&r, argv + optind, argc - optind, &err) : list(&r, &err);
	if (rc) {
		fputs("fairlead source: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
	}
	rc = rc || json_array_size(r.missing) ? CLI_FAILED : CLI_OK;
	json_decref(r.missing);
	return rc;
}

const struct command command_source = {
	.name = "source",
	.summary = "show and change who may send",
	.help = "Usage: fairlead source list [--service NAME] [--json]\n"
		"       fairlead source allow PREFIX… [--file FILE] [--service NAME] [--json]\n"
		"       fairlead source deny PREFIX… [--file FILE] [--service NAME] [--monitor] [--json]\n"
		"       fairlead source remove PREFIX… [--file FILE] [--service NAME] [--json]\n\n"
		"The longest prefix that holds a source decides. allow makes an exception from a wider\n"
		"prefix that is denied. What these commands set holds at once, over reloads and restarts\n"
		"and over the configuration file's word on the same prefix, until remove.\n\n"
		"      --service NAME  that service's list (default: the whole instance's)\n"
		"  -f, --file FILE     one prefix a line, # begins a comment; -: standard input\n"
		"      --monitor       count what would be denied, drop nothing\n"
		"  -j, --json          for programs\n",
	.run = run,
};
