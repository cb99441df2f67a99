/* SPDX-License-Identifier: GPL-2.0-or-later */
/* choice.c - the words that the file and what people read have in common. */
#include "config/value.h"

const struct choice choice_probe_kinds[] = {
	{"tcp", CONFIG_PROBE_TCP},	     {"tls", CONFIG_PROBE_TLS},
	{"http", CONFIG_PROBE_HTTP},	     {"https", CONFIG_PROBE_HTTPS},
	{"grpc", CONFIG_PROBE_GRPC},	     {"dns", CONFIG_PROBE_DNS},
	{"udp", CONFIG_PROBE_UDP},	     {"icmp", CONFIG_PROBE_ICMP},
	{"exec", CONFIG_PROBE_EXEC},	     {"script", CONFIG_PROBE_SCRIPT},
	{"smtp", CONFIG_PROBE_SMTP},	     {"ldap", CONFIG_PROBE_LDAP},
	{"redis", CONFIG_PROBE_REDIS},	     {"mysql", CONFIG_PROBE_MYSQL},
	{"postgres", CONFIG_PROBE_POSTGRES}, {"zookeeper", CONFIG_PROBE_ZOOKEEPER},
	{"kafka", CONFIG_PROBE_KAFKA},	     {"elasticsearch", CONFIG_PROBE_ELASTICSEARCH},
	{"dubbo", CONFIG_PROBE_DUBBO},	     {"memcached", CONFIG_PROBE_MEMCACHED},
	{"mqtt", CONFIG_PROBE_MQTT},	     {NULL, 0},
};

/* The first word of a role is what people read. */
const struct choice choice_roles[] = {
	{"any", CONFIG_ROLE_ANY},
	{"master", CONFIG_ROLE_MASTER},
	{"primary", CONFIG_ROLE_MASTER},
	{"replica", CONFIG_ROLE_REPLICA},
	{"leader", CONFIG_ROLE_LEADER},
	{"follower", CONFIG_ROLE_FOLLOWER},
	{"standalone", CONFIG_ROLE_STANDALONE},
	{"controller", CONFIG_ROLE_CONTROLLER},
	{"data", CONFIG_ROLE_DATA},
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

const struct choice choice_quorums[] = {
	{"local", CONFIG_QUORUM_LOCAL},
	{"any", CONFIG_QUORUM_ANY},
	{"majority", CONFIG_QUORUM_MAJORITY},
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

const char *config_role__name(enum config_role role)
{
	return name_of(choice_roles, role);
}

const char *config_forward__name(enum config_forward forward)
{
	return name_of(choice_forwards, forward);
}

const char *config_quorum__name(enum config_quorum quorum)
{
	return name_of(choice_quorums, quorum);
}

const char *config_affinity__name(enum fl_affinity affinity)
{
	return name_of(choice_affinities, affinity);
}
