/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config_file.h - the agent's own file gets what was brought into force without it, an earlier content or
 * what all peers have: else the next start would apply what is in force no longer. What it held is kept beside it,
 * as FILE.rolled-back.
 */
#ifndef FAIRLEAD_AGENT_CONFIG_FILE_H
#define FAIRLEAD_AGENT_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/*
 * Writes the text beside the file, with its mode and owner, durably; symbolic links are followed. May wait
 * for the disk. 0, or -errno and a sentence that says what to do.
 */
int config_file__prepare(const char *path, const char *text, size_t len, struct err *err);
/* Whether the file holds just that. */
bool config_file__holds(const char *path, const char *text, size_t len);
/* The two change places, at once. Likewise. */
int config_file__commit(const char *path, struct err *err);

/* Writes all of it, and waits until the disk has it. 0 or -errno. */
int config_file__write_all(int fd, const char *text, size_t len);

#endif
