/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dispatcher.c - libxdp finds our dispatcher (dispatcher.bpf.c) instead of its own.
 *
 * It looks for a file xdp-dispatcher.o in the folder that LIBXDP_OBJECT_PATH names, each time that it
 * builds a dispatcher. So around each such call the object lies in a folder of its own below /run.
 * A value that the operator has set stays: the dispatcher is then theirs.
 */
#include "plane/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dispatcher.skel.h"

#define OBJECT_PATH "LIBXDP_OBJECT_PATH"

/* One dispatcher is built at a time: this belongs to the loop's thread. */
static char folder[64];

static void file_path(char *buf, size_t len)
{
	snprintf(buf, len, "%s/xdp-dispatcher.o", folder);
}

static int write_object(const char *path)
{
	size_t size, done = 0;
	const char *elf = dispatcher_bpf__elf_bytes(&size);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	while (done < size && !rc) {
		ssize_t n = write(fd, elf + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			rc = -errno;
	}
	close(fd);
	return rc;
}

void plane_dispatcher__offer(void)
{
	char path[sizeof(folder) + 32];

	folder[0] = '\0';
	if (getenv(OBJECT_PATH))
		return;
	snprintf(folder, sizeof(folder), "/run/fairlead-libxdp-XXXXXX");
	if (!mkdtemp(folder)) {
		folder[0] = '\0';
		return;
	}
	file_path(path, sizeof(path));
	/* The environment is read by libraries that run in the loop's thread, as this does. */
	if (write_object(path) || setenv(OBJECT_PATH, folder, 1))
		plane_dispatcher__withdraw();
}

void plane_dispatcher__withdraw(void)
{
	char path[sizeof(folder) + 32];

	if (!folder[0])
		return;
	unsetenv(OBJECT_PATH);
	file_path(path, sizeof(path));
	unlink(path);
	rmdir(folder);
	folder[0] = '\0';
}
