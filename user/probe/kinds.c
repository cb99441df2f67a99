/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kinds.c - which kinds there are: one row each, one file each. */
#include "probe/internal.h"
#include "probe/talks.h"
#include "probe/web.h"

/* Over one connection of stream.c. */
#define STREAM(said)                                                                  \
	{                                                                             \
		.start = stream__start, .abort = stream__abort, .late = stream__late, \
		.talk = (said)                                                        \
	}
/* By requests of web.c. */
#define WEB(asked)                                                                              \
	{                                                                                       \
		.start = web__start, .abort = web__abort, .forget = web__forget, .web = (asked) \
	}

static const struct probe_kind stream_tcp = STREAM(NULL);
static const struct probe_kind stream_tls = STREAM(&talk_tls);
static const struct probe_kind stream_http = STREAM(&talk_http);
static const struct probe_kind stream_script = STREAM(&talk_script);
static const struct probe_kind stream_kafka = STREAM(&talk_kafka);
static const struct probe_kind stream_dubbo = STREAM(&talk_dubbo);
static const struct probe_kind stream_memcached = STREAM(&talk_memcached);
static const struct probe_kind stream_zookeeper = STREAM(&talk_zookeeper);
static const struct probe_kind stream_smtp = STREAM(&talk_smtp);
static const struct probe_kind stream_ldap = STREAM(&talk_ldap);
static const struct probe_kind stream_mqtt = STREAM(&talk_mqtt);
static const struct probe_kind kind_http = WEB(&web_http);
static const struct probe_kind kind_grpc = WEB(&web_grpc);
static const struct probe_kind kind_elasticsearch = WEB(&web_elasticsearch);

static const struct probe_kind *const kinds[CONFIG_PROBE_KINDS] = {
	[CONFIG_PROBE_TCP] = &stream_tcp,
	[CONFIG_PROBE_TLS] = &stream_tls,
	[CONFIG_PROBE_HTTP] = &kind_http,
	[CONFIG_PROBE_HTTPS] = &kind_http,
	[CONFIG_PROBE_GRPC] = &kind_grpc,
	[CONFIG_PROBE_ELASTICSEARCH] = &kind_elasticsearch,
	[CONFIG_PROBE_DNS] = &probe_dns,
	[CONFIG_PROBE_UDP] = &probe_udp,
	[CONFIG_PROBE_ICMP] = &probe_icmp,
	[CONFIG_PROBE_EXEC] = &probe_exec,
	[CONFIG_PROBE_SCRIPT] = &stream_script,
	[CONFIG_PROBE_KAFKA] = &stream_kafka,
	[CONFIG_PROBE_DUBBO] = &stream_dubbo,
	[CONFIG_PROBE_MEMCACHED] = &stream_memcached,
	[CONFIG_PROBE_ZOOKEEPER] = &stream_zookeeper,
	[CONFIG_PROBE_SMTP] = &stream_smtp,
	[CONFIG_PROBE_LDAP] = &stream_ldap,
	[CONFIG_PROBE_MQTT] = &stream_mqtt,
	[CONFIG_PROBE_REDIS] = &probe_redis,
	[CONFIG_PROBE_MYSQL] = &probe_mysql,
	[CONFIG_PROBE_POSTGRES] = &probe_postgres,
};

const struct probe_kind *probe_kind__find(const struct config_probe *args)
{
	return talk_http__can(args) ? &stream_http : kinds[args->kind];
}
