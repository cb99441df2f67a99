/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query.h - the parameters behind a path's "?". Pure. */
#ifndef FAIRLEAD_API_QUERY_H
#define FAIRLEAD_API_QUERY_H

#include "api/route.h"

/*
 * Percent-decodes (RFC 3986 2.1) `len` bytes into out, which has room for `size` with its NUL. Only
 * printable ASCII comes through: ids and names are made of it, and what is echoed in an error must
 * be fit for JSON and for a terminal. `what` names it in errors. 0 or -EINVAL.
 */
int query__decode(const char *what, const char *text, size_t len, char *out, size_t size,
		  struct err *err);

/*
 * Reads the parameters that out->kind takes into *out. 0 or -EINVAL. One that is not known is refused,
 * not ignored: "?servce=web" would otherwise drain a backend in every service that has it.
 */
int query__parse(const char *query, struct route *out, struct err *err);

/* Whether all that the path can't do without is there. 0 or -EINVAL. */
int query__check(const struct route *r, struct err *err);

#endif
