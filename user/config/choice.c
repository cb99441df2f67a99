/* SPDX-License-Identifier: GPL-2.0-or-later */
/* choice.c - the words that the file and what people read have in common. */
#include "config/value.h"

const struct choice choice_probe_kinds[] = {
	{"tcp", CONFIG_PROBE_TCP},
	{"http", CONFIG_PROBE_HTTP},
	{NULL, 0},
};

const struct choice choice_forwards[] = {
	{"l2", CONFIG_FWD_L2},	 {"ipip", CONFIG_FWD_IPIP},	  {"gue", CONFIG_FWD_GUE},
	{"nat", CONFIG_FWD_NAT}, {"fullnat", CONFIG_FWD_FULLNAT}, {NULL, 0},
};

const struct choice choice_affinities[] = {
	{"flow", FL_AFF_FLOW},
	{"source", FL_AFF_SOURCE},
	{"source+port", FL_AFF_SOURCE_PORT},
	{NULL, 0},
};

static const char *name_of(const struct choice *c, uint64_t value)
{
	while (c->name && c->value != value)
		c++;
	return c->name ? c->name : "unknown";
}

const char *config_probe_kind__name(enum config_probe_kind kind)
{
	return name_of(choice_probe_kinds, kind);
}

const char *config_forward__name(enum config_forward forward)
{
	return name_of(choice_forwards, forward);
}

const char *config_affinity__name(enum fl_affinity affinity)
{
	return name_of(choice_affinities, affinity);
}
