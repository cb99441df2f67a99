/* SPDX-License-Identifier: GPL-2.0-or-later */
/* talks.h - what is said over a connection, by kind: one file each, talk_*.c. */
#ifndef FAIRLEAD_PROBE_TALKS_H
#define FAIRLEAD_PROBE_TALKS_H

#include "probe/talk.h"

extern const struct talk_kind talk_tls, talk_memcached, talk_udp, talk_dns, talk_script, talk_kafka,
	talk_dubbo;

#endif
