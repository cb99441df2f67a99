/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fairlead import */
#include "import/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_out.h"

static const struct option options[] = {
	CLI_LONG,
	{"config-id", required_argument, NULL, 'I'},
	{"interface", required_argument, NULL, 'n'},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

/* The first part of the machine's name, as keepalived takes it. */
static void host_name(char *out, size_t len)
{
	if (gethostname(out, len))
		*out = '\0';
	out[len - 1] = '\0';
	out[strcspn(out, ".")] = '\0';
}

/* A file that is there is not written over: it may be the one in force. */
static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t len = strlen(text);
	bool failed;

	if (fd < 0) {
		fprintf(stderr, "fairlead import: cannot make %s: %s\n", path, strerror(errno));
		return CLI_FAILED;
	}
	failed = write(fd, text, len) != (ssize_t)len;
	failed |= close(fd) != 0;
	if (!failed)
		return CLI_OK;
	fprintf(stderr, "fairlead import: cannot write %s: %s\n", path, strerror(errno));
	unlink(path);
	return CLI_FAILED;
}

static size_t count(const struct import_result *r, enum import_fate fate)
{
	size_t found = 0;

	for (const struct import_note *n = r->notes; n; n = n->next)
		found += n->fate == fate;
	return found;
}

static void print_notes(const struct import_result *r)
{
	for (const struct import_note *n = r->notes; n; n = n->next) {
		if (n->line) {
			cli__print_text(stderr, n->file);
			fprintf(stderr, ":%u: ", n->line);
		}
		fprintf(stderr, "%s: ", import_fate__name(n->fate));
		cli__print_text(stderr, n->text);
		putc('\n', stderr);
	}
	fprintf(stderr, "%zu noted, %zu refused\n", count(r, IMPORT_NOTED),
		count(r, IMPORT_REFUSED));
}

static json_t *note_json(const struct import_note *n)
{
	json_t *file = n->line ? json_out__text(n->file) : json_null();
	json_t *line = n->line ? json_integer(n->line) : json_null();

	return json_pack("{s:o, s:o, s:s, s:o}", "file", file, "line", line, "fate",
			 import_fate__name(n->fate), "text", json_out__text(n->text));
}

static void print_json(const struct import_result *r, const char *output)
{
	json_t *notes = json_array(), *o;

	for (const struct import_note *n = r->notes; n; n = n->next)
		json_array_append_new(notes, note_json(n));
	o = json_pack("{s:o, s:o, s:I, s:I, s:o, s:o}", "output",
		      output ? json_out__text(output) : json_null(), "yaml",
		      output ? json_null() : json_out__text(r->yaml), "noted",
		      (json_int_t)count(r, IMPORT_NOTED), "refused",
		      (json_int_t)count(r, IMPORT_REFUSED), "unloadable",
		      r->unloadable ? json_out__text(r->unloadable) : json_null(), "notes", notes);
	json_out__print(o);
	json_decref(o);
}

static void print_text(const struct import_result *r, const char *output)
{
	if (!output)
		fputs(r->yaml, stdout);
	print_notes(r);
}

static int import(const char *file, const struct import_options *o, const char *output, bool json)
{
	struct import_result result = {0};
	struct err err = {0};
	int rc = CLI_OK;

	if (import__file(file, o, &result, &err)) {
		fputs("fairlead import: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
		import_result__free(&result);
		return CLI_FAILED;
	}
	if (output)
		rc = write_file(output, result.yaml);
	if (json && rc == CLI_OK)
		print_json(&result, output);
	else
		print_text(&result, output);
	if (result.unloadable) {
		fputs("fairlead import: the result does not load, and has to be mended by hand: ",
		      stderr);
		cli__print_text(stderr, result.unloadable);
		putc('\n', stderr);
		rc = CLI_FAILED;
	}
	import_result__free(&result);
	return rc;
}

static int run(struct cli *cli, int argc, char **argv)
{
	char host[256];
	struct import_options o = {.config_id = host, .includes = true};
	const char *output = NULL;
	bool json = false;
	int option, rc;

	host_name(host, sizeof(host));
	while ((option = getopt_long(argc, argv, CLI_SHORT "o:j", options, NULL)) != -1) {
		switch (option) {
		case 'I':
			o.config_id = optarg;
			break;
		case 'n':
			if (!*optarg || strlen(optarg) > 15 || strpbrk(optarg, "/: \"\\"))
				return cli__usage(&command_import,
						  "'%s' is not an interface's name", optarg);
			o.interface = optarg;
			break;
		case 'o':
			output = optarg;
			break;
		case 'j':
			json = true;
			break;
		default:
			rc = cli__option(cli, &command_import, option);
			if (rc != CLI_NEXT)
				return rc;
		}
	}
	if (argc - optind != 1)
		return cli__usage(&command_import,
				  "import takes one FILE, as /etc/keepalived/keepalived.conf");
	return import(argv[optind], &o, output, json);
}

const struct command command_import = {
	.name = "import",
	.summary = "make a configuration of keepalived's",
	.help = "Usage: fairlead import [--config-id NAME] [--interface NAME] [-o OUTPUT] [--json]\n"
		"                       FILE\n\n"
		"Reads FILE, a keepalived.conf, and what it includes, and prints a configuration of\n"
		"fairlead's that does the same, as far as it can be done: virtual servers with their\n"
		"real servers and checkers, VRRP instances with what they track, BFD. What could not be\n"
		"translated, or comes out otherwise, is told on standard error, line by line, and stands\n"
		"as a comment at its place. No agent is needed.\n\n"
		"      --config-id NAME   read lines that begin with @NAME, as keepalived -i NAME does\n"
		"                         (default: this machine's name)\n"
		"      --interface NAME   where clients' packets come in (default: the interfaces of the\n"
		"                         VRRP instances)\n"
		"  -o, --output OUTPUT    write to this file, which must not exist\n"
		"  -j, --json             for programs: the configuration, and what could not be translated\n",
	.run = run,
};
