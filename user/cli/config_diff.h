/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_diff.h - fairlead config diff, and config apply --dry-run, which is the same. */
#ifndef FAIRLEAD_CLI_CONFIG_DIFF_H
#define FAIRLEAD_CLI_CONFIG_DIFF_H

#include <stdbool.h>

#include "cli/cli.h"

/* What it exits with, as diff(1) does. */
enum config_diff_exit { CONFIG_DIFF_SAME, CONFIG_DIFF_CHANGED, CONFIG_DIFF_FAILED };

/*
 * Compares a file, a version of the history, or (both NULL) the agent's own file with what runs, and prints what
 * applying it would do.
 */
int config_diff__run(const struct cli *cli, const char *file, const char *version, bool now,
		     bool json);

#endif
