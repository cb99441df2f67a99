/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait.h - until a backend has nothing left. */
#ifndef FAIRLEAD_CLI_WAIT_H
#define FAIRLEAD_CLI_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"

/*
 * Asks the agent for `path` (GET /v1/backends/ID…, escaped) until the backend has no slot and no
 * connection in any service, shows how far it is, and says how it ended: CLI_OK; CLI_LATE after
 * deadline_ms (0: none); CLI_FAILED when the agent is gone for long, or somebody ended the drain. json: only
 * the last document is printed.
 */
int wait__empty(const struct cli *cli, const char *path, const char *backend, uint64_t deadline_ms,
		bool json);

#endif
