/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config_check.h - fairlead config check */
#ifndef FAIRLEAD_CLI_CONFIG_CHECK_H
#define FAIRLEAD_CLI_CONFIG_CHECK_H

#include <stdbool.h>

/*
 * Reads the file and prints every problem of it on standard error, one a line; with json all that is known of it
 * on standard output instead. Returns an enum cli_exit.
 */
int config_check__run(const char *file, bool json);

#endif
