/* SPDX-License-Identifier: GPL-2.0-or-later */
/* route.h - what a request's target asks for. Pure: text in, route out. */
#ifndef FAIRLEAD_API_ROUTE_H
#define FAIRLEAD_API_ROUTE_H

#include <stdbool.h>

#include "core/err.h"
#include "fairlead/abi.h"

#define ROUTE_MAX_URI 1024 /* bytes of path and query together */

enum route_kind { ROUTE_STATUS, ROUTE_VERSION, ROUTE_APPLY, ROUTE_DRAIN, ROUTE_UNDRAIN };

struct route {
	enum route_kind kind;
	char backend[FL_ID_LEN]; /* drain and undrain; "" otherwise */
	char service[FL_NAME_LEN]; /* "" when the request names none */
};

/*
 * Reads the target of a request line (RFC 9112 3.2.1: path and query, still percent-encoded).
 * 0 and *out; -ENOENT: no such path; -ENAMETOOLONG: longer than ROUTE_MAX_URI; -EINVAL: a broken
 * escape, an id that can't be one, or a parameter that the path does not take.
 */
int route__parse(const char *uri, struct route *out, struct err *err);

/* Whether that method may be used, and the value of the Allow header when it may not. */
bool route__allows(const struct route *r, const char *method);
const char *route__methods(const struct route *r);

#endif
