/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vip/vrrp_port.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vip/gtsm.h"

/*
 * Messages of one call: more than a socket's queue holds by default (208 KiB, of which one takes 768 bytes or so), so
 * that all that came while the machine stood still is read before the first timer that would miss it.
 */
#define BATCH 512
#define TRAFFIC_CLASS 0xc0 /* CS6, network control (RFC 2474 4.2.2.2) */

struct addr vrrp_port__group(int family)
{
	static const uint8_t v4[4] = {224, 0, 0, 18};
	static const uint8_t v6[16] = {0xff, 0x02, [15] = 0x12};

	return family == AF_INET ? addr__from_bytes(AF_INET, v4) : addr__from_bytes(AF_INET6, v6);
}

static int set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int setup4(int fd, uint32_t ifindex)
{
	struct ip_mreqn group = {.imr_ifindex = (int)ifindex};
	const struct addr to = vrrp_port__group(AF_INET);
	size_t len;

	memcpy(&group.imr_multiaddr, addr__bytes(&to, &len), sizeof(group.imr_multiaddr));
	return set(fd, IPPROTO_IP, IP_TTL, VRRP_TTL) ||
	       set(fd, IPPROTO_IP, IP_MULTICAST_TTL, VRRP_TTL) ||
	       set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0) ||
	       set(fd, IPPROTO_IP, IP_TOS, TRAFFIC_CLASS) ||
	       setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group)) ||
	       setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
}

static int setup6(int fd, uint32_t ifindex)
{
	struct ipv6_mreq group = {.ipv6mr_interface = ifindex};
	const struct addr to = vrrp_port__group(AF_INET6);

	memcpy(&group.ipv6mr_multiaddr, &to, sizeof(group.ipv6mr_multiaddr));
	return set(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, VRRP_TTL) ||
	       set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, VRRP_TTL) ||
	       set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) ||
	       set(fd, IPPROTO_IPV6, IPV6_TCLASS, TRAFFIC_CLASS) ||
	       set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) ||
	       set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) ||
	       set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)ifindex) ||
	       setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof(group));
}

static int setup(int fd, const char *ifname, uint32_t ifindex, int family)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, ifname, (socklen_t)strlen(ifname)) ||
	       set(fd, SOL_SOCKET, SO_PRIORITY, 6) ||
	       (family == AF_INET ? setup4(fd, ifindex) : setup6(fd, ifindex));
}

int vrrp_port__open(const char *ifname, uint32_t ifindex, int family, int *far, struct err *err)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, VRRP_PROTOCOL), rc;

	_Static_assert(GTSM_TTL == VRRP_TTL, "what is let in is what is heeded");
	if (fd < 0)
		return err__set(err, -errno,
				"cannot open a socket for VRRP on interface %s: %s; CAP_NET_RAW is "
				"needed",
				ifname, strerror(errno));
	*far = gtsm__attach_raw(fd, family);
	if (*far < 0) {
		close(fd);
		return err__set(
			err, *far,
			"cannot keep VRRP messages from afar out of the socket on interface "
			"%s: %s; CAP_BPF is needed",
			ifname, strerror(-*far));
	}
	if (setup(fd, ifname, ifindex, family) == 0)
		return fd;
	rc = -errno;
	close(fd);
	close(*far);
	return err__set(err, rc,
			"cannot set up the socket for VRRP on interface %s: %s; CAP_NET_RAW is "
			"needed",
			ifname, strerror(-rc));
}

/* What the kernel hands out begins with the IP header; that it is whole the kernel has checked. */
static void deliver4(const uint8_t *bytes, size_t len, vrrp_port_cb *cb, void *ctx)
{
	const struct iphdr *ip = (const struct iphdr *)bytes;
	struct vrrp_envelope in;
	size_t head;

	if (len < sizeof(*ip))
		return;
	head = (size_t)ip->ihl * 4;
	if (head < sizeof(*ip) || head > len)
		return;
	in = (struct vrrp_envelope){addr__from_bytes(AF_INET, &ip->saddr),
				    addr__from_bytes(AF_INET, &ip->daddr), ip->ttl};
	cb(ctx, bytes + head, len - head, &in);
}

static void deliver6(const uint8_t *bytes, size_t len, struct msghdr *msg, vrrp_port_cb *cb,
		     void *ctx)
{
	const struct sockaddr_in6 *from = msg->msg_name;
	struct vrrp_envelope in = {.ttl = -1};
	struct cmsghdr *c;

	in.from = addr__from_bytes(AF_INET6, &from->sin6_addr);
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in6_pktinfo info;

		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT) {
			memcpy(&in.ttl, CMSG_DATA(c), sizeof(in.ttl));
		} else if (c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			in.to = addr__from_bytes(AF_INET6, &info.ipi6_addr);
		}
	}
	cb(ctx, bytes, len, &in);
}

bool vrrp_port__read(int fd, int family, vrrp_port_cb *cb, void *ctx)
{
	/* One byte more than fits, so that what is too long is seen; and an IPv4 header. */
	static _Thread_local _Alignas(8) uint8_t bytes[60 + VRRP_MAX_LEN + 1];
	char control[256];
	struct sockaddr_in6 from;
	struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};

	for (int i = 0; i < BATCH; i++) {
		struct msghdr msg = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		ssize_t len = recvmsg(fd, &msg, 0);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (len < 0)
			continue; /* ENETDOWN and the like are told once each */
		if (family == AF_INET)
			deliver4(bytes, (size_t)len, cb, ctx);
		else
			deliver6(bytes, (size_t)len, &msg, cb, ctx);
	}
	return true;
}

static void put_control(struct msghdr *msg, int level, int type, const void *info, size_t len)
{
	struct cmsghdr *c;

	msg->msg_controllen = CMSG_SPACE(len);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), info, len);
}

int vrrp_port__send(int fd, uint32_t ifindex, const uint8_t *bytes, size_t len,
		    const struct vrrp_envelope *e)
{
	struct in_pktinfo info4 = {.ipi_ifindex = (int)ifindex};
	struct in6_pktinfo info6 = {.ipi6_ifindex = ifindex};
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = len};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(info6))] = {0};
	struct sockaddr_storage to;
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = addr__sockaddr(&e->to, 0, &to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	size_t n;

	if (addr__is4(&e->from)) {
		memcpy(&info4.ipi_spec_dst, addr__bytes(&e->from, &n), sizeof(info4.ipi_spec_dst));
		put_control(&msg, IPPROTO_IP, IP_PKTINFO, &info4, sizeof(info4));
	} else {
		memcpy(&info6.ipi6_addr, &e->from, sizeof(info6.ipi6_addr));
		put_control(&msg, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
		/* A link-local address is of a link. */
		((struct sockaddr_in6 *)&to)->sin6_scope_id = ifindex;
	}
	return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}
