/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talks.h - what is said over a connection, by kind: one file each, talk_*.c. */
#ifndef FAIRLEAD_PROBE_TALKS_H
#define FAIRLEAD_PROBE_TALKS_H

#include "probe/talk.h"

extern const struct talk_kind talk_dns, talk_dubbo, talk_http, talk_kafka, talk_ldap,
	talk_memcached, talk_mqtt, talk_redis, talk_script, talk_sentinel, talk_smtp, talk_tls,
	talk_udp, talk_zookeeper;

/* Whether talk_http can ask what the probe asks. */
bool talk_http__can(const struct config_probe *p);

#endif
