/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * way.c - where probes by the clients' path come from.
 *
 * Answers of a backend that replies to clients itself (l2, ipip, gue) come straight to the probe's source,
 * and all of them from the VIP: only the source's port tells one probe's from another's. So a socket is
 * bound before it is connected; the kernel then gives it a port that no other one has, where it would
 * let connections to different stand-ins share one.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/internal.h"

/*
 * Segments that fit into any tunnel: the kernel knows the MTU of the device that leads to stand-ins, not
 * that of the path behind it.
 */
#define SEGMENT 1200
#define DISCARD 9 /* any port: nothing is sent */

bool probe_way__any(const struct probe_way *w)
{
	static const struct addr none;

	return !addr__equal(&w->stand_in, &none);
}

static struct addr address_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return addr__from_bytes(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr);
	return addr__from_bytes(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr);
}

/* The address that this machine has on the way to another one. */
static int route_source(const struct addr *to, struct addr *out)
{
	struct sockaddr_storage sa;
	socklen_t len = addr__sockaddr(to, DISCARD, &sa);
	int fd = socket(addr__family(to), SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len) ||
	    getsockname(fd, (struct sockaddr *)&sa, &(socklen_t){sizeof(sa)}))
		rc = -errno;
	else
		*out = address_of((struct sockaddr *)&sa);
	close(fd);
	return rc;
}

static const char *device_of(const struct ifaddrs *list, const struct addr *address)
{
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		struct addr a;

		if (!i->ifa_addr || i->ifa_addr->sa_family != addr__family(address))
			continue;
		a = address_of(i->ifa_addr);
		if (addr__equal(&a, address))
			return i->ifa_name;
	}
	return NULL;
}

static bool is_link_local(const struct addr *a)
{
	return !addr__is4(a) && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* The first address of `family` of the device that has `address`; not `vip`, which may be there too. */
static int neighbouring(const struct addr *address, int family, const struct addr *vip,
			struct addr *out)
{
	struct ifaddrs *list = NULL;
	const char *device;
	int rc = -EPFNOSUPPORT;

	if (getifaddrs(&list))
		return -errno;
	device = device_of(list, address);
	for (const struct ifaddrs *i = list; device && i && rc; i = i->ifa_next) {
		struct addr a;

		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
		    strcmp(i->ifa_name, device) != 0)
			continue;
		a = address_of(i->ifa_addr);
		if (is_link_local(&a) || addr__equal(&a, vip))
			continue;
		*out = a;
		rc = 0;
	}
	freeifaddrs(list);
	return rc;
}

int probe_way__bind(const struct probe_way *w, const struct addr *target, int fd)
{
	int family = addr__family(target), segment = SEGMENT, rc;
	struct sockaddr_storage sa;
	struct addr source;
	socklen_t len;

	rc = route_source(&w->backend, &source);
	if (!rc && (addr__family(&source) != family || addr__equal(&source, target)))
		rc = neighbouring(&source, family, target, &source);
	if (rc)
		return rc;
	/* Other kinds of sockets refuse it. */
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	len = addr__sockaddr(&source, 0, &sa);
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}
