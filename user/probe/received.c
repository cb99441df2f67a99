/* SPDX-License-Identifier: GPL-2.0-or-later */
/* received.c - apart from the rest, since the kernel's tcp.h does not go with the C library's. */
#include "probe/received.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t received__bytes(int fd)
{
	struct tcp_info info = {.tcpi_bytes_received = 0};
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_bytes_received;
}
