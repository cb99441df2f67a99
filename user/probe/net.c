/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c - what kinds have in common: sockets, and what errors and certificates say of a target. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/internal.h"

bool probe__is_local(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM ||
	       err == EADDRNOTAVAIL || err == EADDRINUSE;
}

enum probe_outcome probe__outcome(int err)
{
	switch (err) {
	case 0:
		return PROBE_OK;
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return PROBE_REFUSED;
	default:
		return PROBE_FAILED;
	}
}

const char *probe__clause(int err)
{
	switch (err) {
	case ECONNREFUSED:
		return "connection refused";
	case EHOSTUNREACH:
		return "no route to the host";
	case ENETUNREACH:
		return "no route to its network";
	case ECONNRESET:
		return "connection reset";
	case ETIMEDOUT:
		return "no answer";
	case EPFNOSUPPORT:
		return "this machine has no address of the VIP's family, on the way to the backend, "
		       "that a probe could come from";
	default:
		return strerror(err);
	}
}

int probe__socket(const struct probe *p, const struct addr *to, int type)
{
	int fd = socket(addr__family(to), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	rc = to == &p->address && probe_way__any(&p->way) ? probe_way__bind(&p->way, to, fd) : 0;
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

const struct addr *probe__peer(const struct probe *p)
{
	return probe_way__any(&p->way) ? &p->way.stand_in : &p->address;
}

enum probe_outcome probe__judge_role(const struct config_probe *args, enum config_role role,
				     const char *more, char *detail, size_t size)
{
	const char *comma = more[0] ? ", " : "";

	if (args->role == CONFIG_ROLE_ANY || args->role == role) {
		snprintf(detail, size, "%s%s%s", config_role__name(role), comma, more);
		return PROBE_OK;
	}
	snprintf(detail, size, "is a %s%s%s; a %s is wanted", config_role__name(role), comma, more,
		 config_role__name(args->role));
	return PROBE_FAILED;
}

#define DAY_S INT64_C(86400)

void probe__judge_certificate(struct probe *p, int64_t left_s)
{
	bool days = left_s >= 2 * DAY_S;

	if (!p->args.expiry_warning_ms || left_s > p->args.expiry_warning_ms / 1000)
		return;
	if (left_s < 0)
		snprintf(p->warning, sizeof(p->warning), "its certificate has expired");
	else
		snprintf(p->warning, sizeof(p->warning), "its certificate expires in %lld %s",
			 (long long)(days ? left_s / DAY_S : left_s / 3600),
			 days ? "days" : "hours");
}
