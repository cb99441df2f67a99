/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bfd_io.c - BFD control packets over UDP (RFC 5881): sockets, GTSM, and whose a packet is. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vip/bfd_internal.h"
#include "vip/gtsm.h"

#define DSCP_CS6 0xc0 /* network control (RFC 4594), as a TOS octet */
#define FIRST_PORT 49152 /* RFC 5881 4: up to 65535 */
#define PORTS (65536 - FIRST_PORT)
#define PORT_TRIES 64

#define BATCH 64 /* datagrams that are read at once */

/* --- sockets ---------------------------------------------------------------------------------------- */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) ? -errno : 0;
}

static int fill_any(int family, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	out->ss_family = (sa_family_t)family;
	if (family == AF_INET) {
		((struct sockaddr_in *)out)->sin_port = htons(port);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)out)->sin6_port = htons(port);
	return sizeof(struct sockaddr_in6);
}

static int set_up_listener(int fd, int family)
{
	int rc = gtsm__attach(fd, family); /* RFC 5881 5 */

	if (!rc && family == AF_INET)
		return set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);
	if (!rc)
		rc = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	return rc ? rc : set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
}

int bfd_io__listen(int family, struct err *err)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;
	struct sockaddr_storage any;
	int len = fill_any(family, BFD_PORT, &any);

	rc = fd < 0 ? -errno : set_up_listener(fd, family);
	if (!rc && bind(fd, (struct sockaddr *)&any, (socklen_t)len))
		rc = -errno;
	if (!rc)
		return fd;
	if (fd >= 0)
		close(fd);
	return err__set(err, rc, "cannot listen for BFD over %s on UDP port %d: %s%s",
			family == AF_INET ? "IPv4" : "IPv6", BFD_PORT, strerror(-rc),
			rc == -EADDRINUSE
				? "; another BFD daemon runs here (BIRD, FRR's bfdd): only one "
				  "of the two can have sessions"
				: "");
}

static int set_up_sender(int fd, const struct bfd_run *r)
{
	const char *interface = r->view.config.interface;
	bool v4 = addr__is4(&r->view.config.peer);
	int rc;

	if (interface[0] &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)))
		return -errno;
	/* Nobody reads from it. */
	rc = set_int(fd, SOL_SOCKET, SO_RCVBUF, 0);
	if (!rc)
		rc = v4 ? set_int(fd, IPPROTO_IP, IP_TTL, GTSM_TTL)
			: set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, GTSM_TTL);
	if (!rc)
		rc = v4 ? set_int(fd, IPPROTO_IP, IP_TOS, DSCP_CS6)
			: set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, DSCP_CS6);
	return rc;
}

static int bind_sender(int fd, struct bfd_run *r, uint32_t ifindex)
{
	const struct bfd_peer *c = &r->view.config;
	int rc = -EADDRINUSE;

	for (int i = 0; i < PORT_TRIES && rc == -EADDRINUSE; i++) {
		uint16_t port = r->port, draw = 0;
		struct sockaddr_storage from;
		int len;

		if (!port && getrandom(&draw, sizeof(draw), 0) == sizeof(draw))
			port = (uint16_t)(FIRST_PORT + draw % PORTS);
		len = c->has_local ? (int)addr__sockaddr(&c->local, port, &from)
				   : fill_any(addr__family(&c->peer), port, &from);
		if (from.ss_family == AF_INET6)
			((struct sockaddr_in6 *)&from)->sin6_scope_id = ifindex;
		rc = bind(fd, (struct sockaddr *)&from, (socklen_t)len) ? -errno : 0;
		if (!rc)
			r->port = port;
	}
	return rc;
}

int bfd_io__open(struct bfd_run *r, struct err *err)
{
	const struct bfd_peer *c = &r->view.config;
	char peer[ADDR_STRLEN], local[ADDR_STRLEN];
	uint32_t ifindex = c->interface[0] ? if_nametoindex(c->interface) : 0;
	int fd, rc;

	addr__format(&c->peer, peer);
	if (c->interface[0] && !ifindex)
		return err__set(
			err, -ENODEV,
			"the BFD session with %s waits for the interface %s, which is not there",
			peer, c->interface);
	fd = socket(addr__family(&c->peer), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -errno : set_up_sender(fd, r);
	if (!rc)
		rc = bind_sender(fd, r, ifindex);
	if (!rc) {
		r->fd = fd;
		r->ifindex = ifindex;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (rc == -EADDRNOTAVAIL)
		return err__set(
			err, rc,
			"the BFD session with %s waits for its local address %s, which is not this "
			"machine's",
			peer, addr__format(&c->local, local));
	return err__set(err, rc, "cannot open a socket for the BFD session with %s: %s", peer,
			strerror(-rc));
}

/* --- sending ---------------------------------------------------------------------------------------- */

static void send_packet(struct bfd_run *r, const struct bfd_packet *p)
{
	struct sockaddr_storage to;
	socklen_t len = addr__sockaddr(&r->view.config.peer, BFD_PORT, &to);
	uint8_t bytes[BFD_WIRE_LEN];

	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_scope_id = r->ifindex;
	bfd_wire__write(p, bytes);
	if (sendto(r->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&to, len) == sizeof(bytes))
		r->view.sent++;
	else
		r->view.send_errors++;
}

void bfd_io__turn(struct bfd_run *r, uint64_t now_ns, unsigned int times)
{
	struct bfd_session *s = &r->view.session;
	struct bfd_packet p;
	uint64_t due;

	if (r->fd < 0)
		return;
	while (bfd_session__send(s, now_ns, &p))
		for (unsigned int i = 0; i < times; i++)
			send_packet(r, &p);
	due = bfd_session__due(s);
	if (due == UINT64_MAX)
		rt__disarm(r->bfd->rt, &r->timer);
	else
		rt__arm(r->bfd->rt, &r->timer, due);
}

void bfd_io__fire(void *run, uint64_t now_ns)
{
	struct bfd_run *r = run;
	enum bfd_state before = r->view.session.state;

	bfd_session__tick(&r->view.session, now_ns);
	if (before == BFD_UP && r->view.session.diag == BFD_DIAG_EXPIRED && r->bfd->lost)
		r->bfd->lost(r->bfd->lost_ctx, &r->view.config);
	bfd_io__turn(r, now_ns, 1);
	if (r->view.session.state != before)
		rt__tell(r->bfd->rt, &r->bfd->note);
}

/* --- receiving -------------------------------------------------------------------------------------- */

/* What is known of a datagram beside its bytes. */
struct envelope {
	struct addr from, to;
	uint32_t ifindex;
};

static void read_control(struct cmsghdr *c, struct envelope *e)
{
	const void *data = CMSG_DATA(c);

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		const struct in_pktinfo *info = data;

		e->ifindex = (uint32_t)info->ipi_ifindex;
		e->to = addr__from_bytes(AF_INET, &info->ipi_addr);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		const struct in6_pktinfo *info = data;

		e->ifindex = info->ipi6_ifindex;
		e->to = addr__from_bytes(AF_INET6, &info->ipi6_addr);
	}
}

static struct envelope read_envelope(struct msghdr *m, const struct sockaddr_storage *from)
{
	struct envelope e = {0};

	if (from->ss_family == AF_INET)
		e.from = addr__from_bytes(AF_INET, &((const struct sockaddr_in *)from)->sin_addr);
	else
		e.from =
			addr__from_bytes(AF_INET6, &((const struct sockaddr_in6 *)from)->sin6_addr);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		read_control(c, &e);
	return e;
}

static bool is_between(const struct bfd_run *r, const struct envelope *e)
{
	const struct bfd_peer *c = &r->view.config;

	return addr__equal(&c->peer, &e->from) && (!r->ifindex || r->ifindex == e->ifindex) &&
	       (!c->has_local || addr__equal(&c->local, &e->to));
}

/* RFC 5880 6.3: by our discriminator, and only by the addresses while the peer does not know that. */
static enum bfd_refusal find(struct bfd *b, const struct bfd_packet *p, const struct envelope *e,
			     struct bfd_run **out)
{
	for (size_t i = 0; i < b->n; i++) {
		struct bfd_run *r = b->runs[i];

		if (p->yours ? p->yours == r->view.session.mine : is_between(r, e)) {
			*out = r;
			return BFD_ACCEPTED;
		}
	}
	return p->yours ? BFD_BAD_YOURS : BFD_BAD_PEER;
}

static enum bfd_refusal receive(struct bfd *b, const uint8_t *bytes, size_t len,
				const struct envelope *e, uint64_t now_ns)
{
	struct bfd_run *r = NULL;
	enum bfd_refusal refusal;
	enum bfd_state before;
	struct bfd_packet p;
	bool auth;

	refusal = bfd_wire__read(bytes, len, &p, &auth);
	if (!refusal)
		refusal = find(b, &p, e, &r);
	if (refusal)
		return refusal;
	if (auth)
		return BFD_BAD_AUTH;
	before = r->view.session.state;
	r->view.received++;
	bfd_session__receive(&r->view.session, &p, now_ns);
	bfd_io__turn(r, now_ns, 1);
	if (r->view.session.state != before)
		rt__tell(b->rt, &b->note);
	return BFD_ACCEPTED;
}

void bfd_io__ready(void *listener, uint64_t now_ns)
{
	struct bfd_listener *l = listener;

	for (int i = 0; i < BATCH; i++) {
		union {
			char space[CMSG_SPACE(sizeof(struct in6_pktinfo))];
			struct cmsghdr align;
		} control;
		struct sockaddr_storage from = {0};
		uint8_t bytes[BFD_WIRE_MAX];
		struct iovec iov = {bytes, sizeof(bytes)};
		struct msghdr m = {
			.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};
		ssize_t len = recvmsg(l->source.fd, &m, 0);
		struct envelope e;

		if (len < 0)
			return; /* nothing more; an error of the socket is not the next one's */
		e = read_envelope(&m, &from);
		l->bfd->refused[receive(l->bfd, bytes, (size_t)len, &e, now_ns)]++;
	}
	rt__rest(l->bfd->rt, &l->source, now_ns);
}
