/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query_read.h - values of parameters: what the files of queries read them with, and those of captures and of
 * packets that are explained.
 */
#ifndef FAIRLEAD_API_QUERY_READ_H
#define FAIRLEAD_API_QUERY_READ_H

#include "api/route.h"

/* A number in least..most, and a text of less than `size` bytes; else -EINVAL. */
int query_read__number(const char *name, const char *value, uint64_t least, uint64_t most,
		       uint64_t *out, struct err *err);
int query_read__u32(const char *name, const char *value, uint64_t least, uint64_t most,
		    uint32_t *out, struct err *err);
int query_read__text(const char *what, const char *value, char *out, size_t size, struct err *err);

/* IPPROTO_* of "tcp", "udp", "sctp", "icmp", "icmpv6"; 0: it is none of them. */
uint8_t query_read__protocol(const char *value);

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

int query_explain__source(const char *value, struct route *r, struct err *err);
int query_explain__destination(const char *value, struct route *r, struct err *err);
int query_explain__protocol(const char *value, struct route *r, struct err *err);
int query_explain__flags(const char *value, struct route *r, struct err *err);
int query_explain__interface(const char *value, struct route *r, struct err *err);
int query_explain__length(const char *value, struct route *r, struct err *err);

/* As query__check(), of a packet that is explained. */
int query_explain__check(const struct route *r, struct err *err);

/* What was checked: says what the request leaves out. */
void query_explain__complete(struct route *r);

#endif
