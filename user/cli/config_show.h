/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_show.h - fairlead config show: what a version of the history says. */
#ifndef FAIRLEAD_CLI_CONFIG_SHOW_H
#define FAIRLEAD_CLI_CONFIG_SHOW_H

#include <stdbool.h>

#include "cli/cli.h"

/* Prints its text as it was in the file, byte for byte, or (json) the agent's answer. */
int config_show__run(const struct cli *cli, const char *version, bool json);

#endif
