/* SPDX-License-Identifier: GPL-2.0-or-later */
/* received.h - what a connection has brought, whoever has read it. */
#ifndef FAIRLEAD_PROBE_RECEIVED_H
#define FAIRLEAD_PROBE_RECEIVED_H

#include <stdint.h>

/* Bytes of payload that a TCP socket has received so far; 0 of other sockets. */
uint64_t received__bytes(int fd);

#endif
