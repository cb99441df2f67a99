/* SPDX-License-Identifier: GPL-2.0-or-later */
/* query_read.h - values of parameters: what query.c and query_capture.c read them with, and the latter's. */
#ifndef FAIRLEAD_API_QUERY_READ_H
#define FAIRLEAD_API_QUERY_READ_H

#include "api/route.h"

/* A number in least..most, and a text of less than `size` bytes; else -EINVAL. */
int query_read__number(const char *name, const char *value, uint64_t least, uint64_t most,
		       uint64_t *out, struct err *err);
int query_read__u32(const char *name, const char *value, uint64_t least, uint64_t most,
		    uint32_t *out, struct err *err);
int query_read__text(const char *what, const char *value, char *out, size_t size, struct err *err);

/* Each reads one parameter into *r. */
int query_capture__source(const char *value, struct route *r, struct err *err);
int query_capture__destination(const char *value, struct route *r, struct err *err);
int query_capture__protocol(const char *value, struct route *r, struct err *err);
int query_capture__port(const char *value, struct route *r, struct err *err);
int query_capture__verdicts(const char *value, struct route *r, struct err *err);
int query_capture__snap(const char *value, struct route *r, struct err *err);
int query_capture__rate(const char *value, struct route *r, struct err *err);
int query_capture__packets(const char *value, struct route *r, struct err *err);
int query_capture__size(const char *value, struct route *r, struct err *err);
int query_capture__time(const char *value, struct route *r, struct err *err);
int query_capture__id(const char *value, struct route *r, struct err *err);

#endif
