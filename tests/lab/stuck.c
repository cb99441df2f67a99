/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stuck.c - to be preloaded: as long as the file FL_STUCK exists, the kernel takes no request to remove a route. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t sendto(int fd, const void *bytes, size_t len, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	const struct sockaddr_nl *kernel = (const void *)to;
	const struct nlmsghdr *asked = bytes;
	const char *path = getenv("FL_STUCK");

	if (kernel && kernel->nl_family == AF_NETLINK && len >= sizeof(*asked) &&
	    asked->nlmsg_type == RTM_DELROUTE && path && access(path, F_OK) == 0) {
		errno = ENOBUFS;
		return -1;
	}
	return syscall(SYS_sendto, fd, bytes, len, flags, to, to_len);
}
