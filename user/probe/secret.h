/* SPDX-License-Identifier: GPL-2.0-or-later */
/* secret.h - passwords of probes, and other secrets: read when they are used, never kept, never shown. */
#ifndef FAIRLEAD_PROBE_SECRET_H
#define FAIRLEAD_PROBE_SECRET_H

#include "config/probe.h"
#include "core/err.h"

#define SECRET_LEN 512 /* bytes, the closing NUL included */

/*
 * Reads the first line of a file into buf; `what` is in it, for sentences: "password". -errno and a
 * sentence that names the file. Wipe buf after use.
 */
int secret__file(const char *what, const char *path, char buf[SECRET_LEN], struct err *err);

/*
 * Reads the probe's password from its file (the first line) or the environment into buf, so that a
 * changed file counts from the next probe on. *out: buf, or NULL when none is configured. -errno and
 * a sentence that names the file or the variable, and never its content. Wipe buf after use.
 */
int secret__read(const struct config_probe *p, char buf[SECRET_LEN], const char **out,
		 struct err *err);

#endif
