/* SPDX-License-Identifier: GPL-2.0-or-later */
/* value.h - parsers of single values, and the rules that texts must follow. */
#ifndef FAIRLEAD_CONFIG_VALUE_H
#define FAIRLEAD_CONFIG_VALUE_H

#include "config/option.h"
#include "config/probe.h"

#define VALUE_SHOWN 64 /* bytes of a value or key in a message */

/* Copies text as messages show it: shortened, and without what would upset a terminal. */
const char *value__show(const char *text, char buf[VALUE_SHOWN]);

option_parse value__number; /* 1..65535, into an unsigned member of any width */
option_parse value__duration; /* "200ms", "2s", "1m", "1h"; milliseconds into a uint32_t */
option_parse value__percent; /* "10%" into a uint32_t */
option_parse value__choice; /* one of o->choices, into a member of any width */
option_parse value__host; /* a unicast address into a struct addr */
option_parse value__neighbor; /* the same, or a link-local one */
option_parse
	value__endpoint; /* "192.0.2.1:80", "[::]:80" into a struct addr and a uint16_t behind it */
option_parse value__vip; /* a unicast address or prefix, not too wide, into a struct addr_prefix */
option_parse value__net; /* any address or prefix into a struct addr_prefix */
option_parse value__prefix4; /* an IPv4 prefix into a struct addr_prefix */
option_parse value__prefix6; /* an IPv6 prefix into a struct addr_prefix */
option_parse value__flow_key; /* 64 hex digits into four uint64_t, big-endian words */
option_parse value__status; /* "200" or "200-399" into two uint16_t, the first and the last */
option_parse value__ports; /* "1024-32767" into two uint16_t, the first and the last */
option_parse value__port; /* "443", "8000-8999", or "any" (0, 65535) into two uint16_t */
option_parse value__name; /* text into a char array of o->size */
option_parse value__words; /* a list of up to o->max texts into a struct config_words */
option_parse value__bytes; /* text with escapes, or "hex:00ff", into a struct config_bytes */
option_parse value__steps; /* a list of send and expect into a struct config_steps */
option_parse value__string; /* text of up to o->max bytes into a char * of its own */

/* The words of config_probe_kind__name(), config_role__name(), config_forward__name(), config_affinity__name(), config_quorum__name(). */
extern const struct choice choice_probe_kinds[];
extern const struct choice choice_roles[];
extern const struct choice choice_forwards[];
extern const struct choice choice_affinities[];
extern const struct choice choice_quorums[];

/* Rules for text: NULL, or what is wrong, as in "must begin with \"/\"". */
const char *rule__instance(const char *text); /* a file name, and a word in a URL */
const char *rule__id(const char *text); /* the same, and ":" for IPv6 addresses */
const char *rule__interface(const char *text); /* what the kernel takes as a device name */
const char *rule__group(const char *text);
const char *rule__file(const char *text); /* an absolute path */
const char *rule__journal(const char *text); /* likewise, of a database: ".db" */
const char *rule__http_path(const char *text);
const char *rule__http_host(const char *text);
const char *rule__http_method(const char *text);
const char *rule__http_header(const char *text);
const char *rule__host_name(const char *text);
const char *rule__regex(const char *text);
const char *rule__dns_record(const char *text);
const char *rule__color(const char *text);
const char *rule__env(const char *text);
const char *rule__endpoint(const char *text); /* an address and a port */

#endif
