/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening socket: who may use the API is decided by its mode and group alone, so it must never
 * stand in the file system with anything else, and nobody can connect before both are right.
 */
#include "api/internal.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int make_directory(const char *path, struct err *err)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	if (!mkdir(dir, 0755)) {
		/* Whatever our umask: the group must be able to reach the socket. */
		if (!chmod(dir, 0755))
			return 0;
	} else if (errno == EEXIST) {
		return 0;
	}
	return err__set(err, -errno,
			"making the API socket's directory %s: %s; make it, or set api.socket", dir,
			strerror(errno));
}

/* Removes the socket of an agent that is gone; refuses when one answers, or it is not a socket. */
static int clear_stale(const struct sockaddr_un *address, struct err *err)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, rc = 0;

	if (lstat(path, &st)) {
		if (errno == ENOENT)
			return 0;
		return err__set(err, -errno, "looking at the API socket %s: %s", path,
				strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return err__set(err, -EEXIST,
				"%s is there and is not a socket: move it away, or set api.socket",
				path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err__set(err, -errno, "making a socket: %s", strerror(errno));
	/* EAGAIN: its backlog is full, so somebody listens. */
	if (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) || errno == EAGAIN)
		rc = err__set(err, -EADDRINUSE,
			      "another agent answers on %s: stop it first, or give this one "
			      "another instance name",
			      path);
	else if (errno != ECONNREFUSED)
		rc = err__set(err, -errno, "asking whether an agent answers on %s: %s", path,
			      strerror(errno));
	else if (unlink(path) && errno != ENOENT)
		rc = err__set(err, -errno, "removing the socket %s of an agent that is gone: %s",
			      path, strerror(errno));
	close(fd);
	return rc;
}

static void give_to_group(const char *path, const char *group, struct err *warning)
{
	char buf[4096];
	struct group entry, *found = NULL;
	int rc = getgrnam_r(group, &entry, buf, sizeof(buf), &found);

	warning->text[0] = '\0';
	if (!found)
		err__set(warning, 0,
			 "there is no group '%s'%s%s: only root can use %s; make it with "
			 "'groupadd --system %s' and restart",
			 group, rc ? ": " : "", rc ? strerror(rc) : "", path, group);
	else if (lchown(path, (uid_t)-1, entry.gr_gid))
		err__set(warning, 0,
			 "giving %s to the group '%s': %s; only root and the agent's own user "
			 "can use it",
			 path, group, strerror(errno));
}

int api_socket__listen(struct api *a, const char *path, const char *group, int *out,
		       struct err *warning, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t old_umask;
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return err__set(err, -ENAMETOOLONG,
				"the API socket's path %.64s… has more than %zu bytes: set a "
				"shorter api.socket",
				path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	rc = make_directory(path, err);
	if (rc)
		return rc;
	rc = clear_stale(&address, err);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err__set(err, -errno, "making the API socket: %s", strerror(errno));
	old_umask = umask(0117); /* 0660 from its first moment on */
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(old_umask);
	if (rc) {
		close(fd);
		return err__set(err, rc, "binding the API socket to %s: %s", path, strerror(-rc));
	}
	give_to_group(path, group, warning);
	if (lstat(path, &st) || listen(fd, BACKLOG)) {
		rc = err__set(err, -errno, "listening on %s: %s", path, strerror(errno));
		unlink(path);
		close(fd);
		return rc;
	}
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	*out = fd;
	return 0;
}

int api__bind(const struct addr *address, uint16_t port, int *out, struct err *err)
{
	struct sockaddr_storage at;
	socklen_t len = addr__sockaddr(address, port, &at);
	int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, rc;
	char text[ADDR_STRLEN];

	if (fd < 0)
		return err__set(err, -errno, "making the socket of api.listen: %s",
				strerror(errno));
	/* Connections of an agent before this one may linger. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, BACKLOG)) {
		rc = err__set(err, -errno,
			      "listening on %s, TCP port %u: %s; api.listen must be an address of "
			      "this machine, and a port that nobody else has",
			      addr__format(address, text), port, strerror(errno));
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

void api_socket__remove(const struct api *a)
{
	struct stat st;

	if (!lstat(a->path, &st) && st.st_dev == a->dev && st.st_ino == a->ino)
		unlink(a->path);
}
