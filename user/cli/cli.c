/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "config/suggest.h"

#define RUN_DIR "/run/fairlead/"

static const struct command *const commands[] = {
	&command_status,  &command_top,	   &command_config, &command_drain,  &command_undrain,
	&command_disable, &command_enable, &command_weight, &command_source, &command_packets,
	&command_capture, &command_events, &command_alerts, &command_report, &command_failover,
	&command_explain, &command_doctor, &command_bench,  &command_import, &command_version,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option global_options[] = {
	CLI_LONG,
	{"version", no_argument, NULL, 'V'},
	{0},
};

static void print_help(void)
{
	puts("Usage: fairlead [OPTION…] COMMAND [ARGUMENT…]\n\nCommands:");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	puts("  help       say more about a command\n\n"
	     "Options:\n"
	     "  -s, --socket PATH    socket of the agent (default /run/fairlead/main.sock, or\n"
	     "                       $FAIRLEAD_SOCKET)\n"
	     "  -i, --instance NAME  the same as --socket /run/fairlead/NAME.sock\n"
	     "      --token-file FILE  holds the token that the agent wants to change something\n"
	     "                       (default $FAIRLEAD_TOKEN_FILE)\n"
	     "  -h, --help           this text, or that of the command\n"
	     "      --version        version of this program");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	}
	return NULL;
}

static const char *command_name(const void *ctx, size_t i)
{
	(void)ctx;
	return commands[i]->name;
}

static int unknown_command(const char *name)
{
	const char *near = suggest__nearest(name, command_name, NULL, N_COMMANDS);

	fputs("fairlead: there is no command '", stderr);
	cli__print_text(stderr, name);
	fputs("'", stderr);
	if (near)
		fprintf(stderr, "; did you mean '%s'?", near);
	fputs("\nSee fairlead --help.\n", stderr);
	return CLI_USAGE;
}

int cli__usage(const struct command *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "fairlead%s%s: ", command ? " " : "", command ? command->name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nSee fairlead%s%s --help.\n", command ? " " : "",
		command ? command->name : "");
	return CLI_USAGE;
}

void cli__print_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		putc(c < ' ' || c == 0x7f ? '?' : c, f);
	}
}

static int set_socket(struct cli *cli, const struct command *command, const char *fmt,
		      const char *value)
{
	if (snprintf(cli->socket, sizeof(cli->socket), fmt, value) >= (int)sizeof(cli->socket))
		return cli__usage(command, "the socket's path is too long");
	return CLI_NEXT;
}

int cli__option(struct cli *cli, const struct command *command, int option)
{
	switch (option) {
	case 's':
		return set_socket(cli, command, "%s", optarg);
	case 'i':
		if (!*optarg || strchr(optarg, '/'))
			return cli__usage(command, "'%s' is not an instance's name", optarg);
		return set_socket(cli, command, RUN_DIR "%s.sock", optarg);
	case CLI_TOKEN_FILE:
		client__use_token(optarg);
		return CLI_NEXT;
	case 'h':
		if (command)
			fputs(command->help, stdout);
		else
			print_help();
		return CLI_OK;
	default:
		fprintf(stderr, "See fairlead%s%s --help.\n", command ? " " : "",
			command ? command->name : "");
		return CLI_USAGE;
	}
}

static int run_help(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_help();
		return CLI_OK;
	}
	command = find_command(argv[1]);
	if (!command)
		return unknown_command(argv[1]);
	fputs(command->help, stdout);
	return CLI_OK;
}

static int run(int argc, char **argv)
{
	const char *env = getenv("FAIRLEAD_SOCKET");
	const char *token_file = getenv("FAIRLEAD_TOKEN_FILE");
	const struct command *command;
	static char name[32] = "fairlead"; /* what getopt's sentences begin with */
	struct cli cli;
	int option, rc;

	rc = set_socket(&cli, NULL, "%s", env && *env ? env : RUN_DIR "main.sock");
	if (rc != CLI_NEXT)
		return rc;
	client__use_token(token_file && *token_file ? token_file : NULL);
	argv[0] = name;
	optind = 0; /* start anew: the command parses the rest with another table */
	while ((option = getopt_long(argc, argv, "+" CLI_SHORT, global_options, NULL)) != -1) {
		if (option == 'V') {
			puts("fairlead " FAIRLEAD_VERSION);
			return CLI_OK;
		}
		rc = cli__option(&cli, NULL, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return cli__usage(NULL, "a command is missing");
	if (!strcmp(argv[0], "help"))
		return run_help(argc, argv);
	command = find_command(argv[0]);
	if (!command)
		return unknown_command(argv[0]);
	snprintf(name, sizeof(name), "fairlead %s", command->name);
	argv[0] = name;
	optind = 0;
	return command->run(&cli, argc, argv);
}

int cli__run(int argc, char **argv)
{
	int rc = run(argc, argv);

	/* A reader that hung up (a pager, head) has what it wanted; a full disk has not. */
	if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE) {
		fprintf(stderr, "fairlead: writing the output: %s\n", strerror(errno));
		return CLI_FAILED;
	}
	return rc;
}
