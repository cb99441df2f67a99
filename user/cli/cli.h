/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - what the commands of `fairlead` share: one file a command, one table in cli.c.
 */
#ifndef FAIRLEAD_CLI_CLI_H
#define FAIRLEAD_CLI_CLI_H

#include <getopt.h>
#include <stdio.h>

enum cli_exit {
	CLI_OK,
	CLI_FAILED,
	CLI_USAGE,
	CLI_LATE, /* the deadline has passed */
};

struct cli {
	char socket[128]; /* path of the agent's API socket */
};

struct command {
	const char *name;
	const char *summary; /* for `fairlead help`, one line */
	const char *help; /* for `fairlead help NAME`: usage, then its options */
	/* argv[0] is "fairlead NAME". Returns an enum cli_exit. */
	int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command command_status, command_top, command_config, command_drain,
	command_undrain, command_disable, command_enable, command_weight, command_source,
	command_packets, command_capture, command_events, command_alerts, command_report,
	command_failover, command_explain, command_doctor, command_bench, command_import,
	command_version;

/* Options that stand before and behind the command's name alike. */
/* Has no letter; not one of the numbers that commands give to theirs. */
#define CLI_TOKEN_FILE 0x1000
#define CLI_SHORT "s:i:h"
#define CLI_LONG                                                                              \
	{"socket", required_argument, NULL, 's'}, {"instance", required_argument, NULL, 'i'}, \
		{"token-file", required_argument, NULL, CLI_TOKEN_FILE},                      \
	{                                                                                     \
		"help", no_argument, NULL, 'h'                                                \
	}

/* Returned by cli__option(): go on with the next option. */
#define CLI_NEXT (-1)

/* The whole program: options, command, output flushed. Returns an enum cli_exit. */
int cli__run(int argc, char **argv);

/*
 * Handles an option of CLI_LONG, or '?' from getopt: CLI_NEXT, or the exit code to return at once
 * (after --help or a usage error, for which getopt or this function wrote the sentence).
 */
int cli__option(struct cli *cli, const struct command *command, int option);

/* "fairlead NAME: sentence" and a hint to stderr; returns CLI_USAGE. */
int cli__usage(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Writes text from elsewhere with control characters replaced, so that it can't drive a terminal. */
void cli__print_text(FILE *f, const char *text);

#endif
