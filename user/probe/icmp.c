/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * icmp.c - echo requests of ICMP and ICMPv6, over one raw socket a family for all probes.
 *
 * A raw socket is given each ICMP message of the machine: the kernel's filter keeps the types that
 * matter, the id is this prober's, and the sequence number finds the try. A reply counts only if it
 * comes from the target and returns the try's token; an error, only if it is about the target.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/echo.h"
#include "probe/internal.h"

#define TRIES 65536 /* sequence numbers; 32766 backends are not more */
#define READS 256 /* messages that are read at once; then others have their turn */
#define RECEIVE_BUFFER (1 << 20) /* bytes; a thousand replies may come in one turn of the loop */

struct attempt {
	struct pinger *icmp;
	struct probe *probe;
	struct echo echo;
};

/* The socket of one family. */
struct raw {
	uv_poll_t poll;
	struct pinger *icmp;
	int family;
	int fd; /* -1: not opened */
};

/* Shared by all probes of a prober. */
struct pinger {
	struct prober *prober;
	struct raw raw[2]; /* IPv4, IPv6 */
	size_t open; /* sockets; with the last one the struct is freed */
	uint16_t id, next_seq;
	struct attempt *by_seq[TRIES];
};

static void end(struct attempt *a)
{
	a->probe->attempt = NULL;
	a->icmp->by_seq[a->echo.seq] = NULL;
	free(a);
}

/* --- what comes ----------------------------------------------------------------------------------- */

static void on_news(struct pinger *icmp, int family, const struct echo_news *n,
		    const struct addr *from)
{
	struct attempt *a = icmp->by_seq[n->seq];
	char text[ADDR_STRLEN], detail[PROBE_DETAIL_LEN];
	struct probe *p;

	if (!a || (n->has_token ? n->token != a->echo.token : n->reply))
		return;
	p = a->probe;
	if (!addr__equal(&p->address, n->reply ? from : &n->target))
		return;
	end(a);
	if (n->reply) {
		probe__finish(p, PROBE_OK, "answers");
		return;
	}
	snprintf(detail, sizeof(detail), "%s, says %s", echo__clause(family, n->code),
		 addr__format(from, text));
	probe__finish(p, PROBE_REFUSED, detail);
}

static struct addr sender(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET)
		return addr__from_bytes(AF_INET, &((const struct sockaddr_in *)sa)->sin_addr);
	return addr__from_bytes(AF_INET6, &((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
	struct raw *raw = h->data;
	uint8_t msg[512]; /* an error with an IP header and options, and a request, is shorter */

	(void)events;
	if (status < 0) /* libuv has stopped; the error is taken by recvfrom() */
		uv_poll_start(h, UV_READABLE, on_readable);
	/* A callback may end the prober, which closes the socket. */
	for (int i = 0; i < READS && raw->fd >= 0; i++) {
		struct sockaddr_storage sa = {.ss_family = (sa_family_t)raw->family};
		socklen_t len = sizeof(sa);
		ssize_t n = recvfrom(raw->fd, msg, sizeof(msg), 0, (struct sockaddr *)&sa, &len);
		struct echo_news news;
		struct addr from = sender(&sa);

		if (n < 0)
			return;
		if (echo__parse(raw->family, msg, (size_t)n, raw->icmp->id, &news))
			on_news(raw->icmp, raw->family, &news, &from);
	}
}

/* --- the sockets ---------------------------------------------------------------------------------- */

static int set_filter(int fd, int family)
{
	struct icmp6_filter pass6;
	struct icmp_filter drop4 = {.data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH)};

	if (family == AF_INET)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &drop4, sizeof(drop4));
	ICMP6_FILTER_SETBLOCKALL(&pass6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &pass6);
	ICMP6_FILTER_SETPASS(ICMP6_DST_UNREACH, &pass6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &pass6, sizeof(pass6));
}

static int open_raw(struct pinger *icmp, struct raw *raw, struct err *err)
{
	int protocol = raw->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6, rc;
	int size = RECEIVE_BUFFER;
	int fd = socket(raw->family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return err__set(
			err, -errno,
			"cannot open a raw socket for probes of \"type: icmp\": "
			"%s%s",
			strerror(errno),
			errno == EPERM
				? "; fairleadd needs CAP_NET_RAW for them, as its systemd unit gives it"
				: "");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	rc = set_filter(fd, raw->family) ? -errno : 0;
	rc = rc ? rc : uv_poll_init(icmp->prober->loop, &raw->poll, fd);
	if (rc) {
		close(fd);
		return err__set(err, rc,
				"cannot prepare a raw socket for probes of \"type: icmp\": %s",
				strerror(-rc));
	}
	raw->poll.data = raw;
	raw->fd = fd;
	icmp->open++;
	prober__hold(icmp->prober);
	uv_poll_start(&raw->poll, UV_READABLE, on_readable);
	return 0;
}

static struct pinger *make(struct prober *p)
{
	struct pinger *icmp = calloc(1, sizeof(*icmp));

	if (!icmp)
		return NULL;
	icmp->prober = p;
	icmp->id = (uint16_t)probe__token();
	icmp->raw[0] = (struct raw){.icmp = icmp, .family = AF_INET, .fd = -1};
	icmp->raw[1] = (struct raw){.icmp = icmp, .family = AF_INET6, .fd = -1};
	return icmp;
}

static struct raw *raw_of(struct pinger *icmp, const struct addr *address)
{
	return &icmp->raw[addr__is4(address) ? 0 : 1];
}

/* Opens the family's socket with the first probe that needs it. */
static int prepare(struct prober *p, const struct addr *address, struct err *err)
{
	struct raw *raw;

	if (!p->icmp)
		p->icmp = make(p);
	if (!p->icmp)
		return err__set(err, -ENOMEM, "out of memory for probes of \"type: icmp\"");
	raw = raw_of(p->icmp, address);
	return raw->fd < 0 ? open_raw(p->icmp, raw, err) : 0;
}

static void on_closed(uv_handle_t *h)
{
	struct raw *raw = h->data;
	struct pinger *icmp = raw->icmp;
	struct prober *prober = icmp->prober;

	if (!--icmp->open)
		free(icmp);
	prober__release(prober);
}

void probe_icmp__close(struct prober *p)
{
	struct pinger *icmp = p->icmp;

	p->icmp = NULL;
	if (icmp && !icmp->open)
		free(icmp);
	else if (icmp)
		for (size_t i = 0; i < 2; i++) {
			struct raw *raw = &icmp->raw[i];

			if (raw->fd < 0)
				continue;
			uv_close((uv_handle_t *)&raw->poll, on_closed);
			close(raw->fd);
			raw->fd = -1;
		}
}

/* --- tries ---------------------------------------------------------------------------------------- */

/* The next sequence number that no try has. False: all are taken. */
static bool take_seq(struct pinger *icmp, uint16_t *seq)
{
	for (unsigned int i = 0; i < TRIES; i++) {
		*seq = icmp->next_seq++;
		if (!icmp->by_seq[*seq])
			return true;
	}
	return false;
}

static int start(struct probe *p, const char **why)
{
	struct pinger *icmp = p->prober->icmp;
	const struct raw *raw = raw_of(icmp, &p->address);
	struct attempt *a = calloc(1, sizeof(*a));
	struct sockaddr_storage sa;
	socklen_t len = addr__sockaddr(&p->address, 0, &sa);
	uint8_t request[ECHO_LEN];
	int err = 0;

	if (!a || !take_seq(icmp, &a->echo.seq)) {
		free(a);
		return -ENOBUFS;
	}
	a->icmp = icmp;
	a->probe = p;
	a->echo.id = icmp->id;
	a->echo.token = probe__token();
	echo__request(raw->family, &a->echo, request);
	if (sendto(raw->fd, request, sizeof(request), MSG_NOSIGNAL, (struct sockaddr *)&sa, len) <
	    0)
		err = errno;
	if (err) {
		free(a);
		*why = probe__clause(err);
		/* A full queue of the interface is this machine's own affair. */
		return err == EAGAIN ? -ENOBUFS : -err;
	}
	icmp->by_seq[a->echo.seq] = a;
	p->attempt = a;
	return 0;
}

static void give_up(struct probe *p)
{
	if (p->attempt)
		end(p->attempt);
}

const struct probe_kind probe_icmp = {.prepare = prepare, .start = start, .abort = give_up};
