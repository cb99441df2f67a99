/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - one line a fact, for a person, with fields for the journal.
 *
 * To stderr: "2026-01-31T12:00:00.123Z level: text (SERVICE=web BACKEND=b1)". To the journal: the
 * text is MESSAGE, each field an entry field with the prefix FAIRLEAD_. Only the daemon logs;
 * libraries return errors (err.h). Safe to call from any thread.
 */
#ifndef FAIRLEAD_CORE_LOG_H
#define FAIRLEAD_CORE_LOG_H

#include "core/err.h"

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };
enum log_sink { LOG_TO_STDERR, LOG_TO_JOURNAL };

/* A field: name in upper case without prefix, and its value. A list ends with {NULL, NULL}. */
struct log_field {
	const char *name;
	const char *value;
};

/* What is logged from now on, and where to. Without a call: up to LOG_LV_INFO, to stderr. */
void log__setup(enum log_level level, enum log_sink sink);

/* Logs one line; `fields` may be NULL. */
void log__write(enum log_level level, const struct log_field *fields, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log__write(LOG_LV_ERROR, NULL, __VA_ARGS__)
#define log_warn(...) log__write(LOG_LV_WARN, NULL, __VA_ARGS__)
#define log_info(...) log__write(LOG_LV_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log__write(LOG_LV_DEBUG, NULL, __VA_ARGS__)

/* The level of that name ("error", "warn", "info", "debug") into *out; 0 or -EINVAL. */
int log__parse_level(const char *name, enum log_level *out);

#endif
