/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err.h - errors as sentences.
 *
 * A function that can fail in a way that a person must understand takes a `struct err *` and returns
 * a negative errno. The sentence says what was being done, to what, what failed and what to do; the
 * caller decides where it goes (log, API reply, terminal).
 */
#ifndef FAIRLEAD_CORE_ERR_H
#define FAIRLEAD_CORE_ERR_H

#define ERR_LEN 1024

struct err {
	char text[ERR_LEN]; /* NUL-terminated sentence without a newline; "" when nothing failed */
};

/* Writes the sentence into *e (may be NULL) and returns `code`, a negative errno, unchanged. */
int err__set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " in front of the sentence that is there; returns `code` unchanged. */
int err__prefix(struct err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
