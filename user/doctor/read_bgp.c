/* SPDX-License-Identifier: GPL-2.0-or-later */
/* read_bgp.c - the sockets by which routing daemons are asked for BGP sessions. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor/read.h"

#define ENTER 1U
#define WRITE 2U

/* Whether the agent may do that with a part of the path; what can't be seen from here is not judged. */
static bool is_open(const struct doctor_agent *a, struct doctor_bgp *b, size_t len,
		    unsigned int want)
{
	const struct group *group;
	struct stat st;

	snprintf(b->at, sizeof(b->at), "%.*s", (int)len, b->session->socket);
	if (stat(b->at, &st) || doctor_parse__may(a, st.st_mode, st.st_uid, st.st_gid, want))
		return true;
	b->mode = st.st_mode & 07777U;
	b->gid = st.st_gid;
	b->by_group = (st.st_mode >> 3 & want) == want;
	group = getgrgid(st.st_gid);
	if (group)
		snprintf(b->group, sizeof(b->group), "%s", group->gr_name);
	else
		snprintf(b->group, sizeof(b->group), "%u", b->gid);
	return false;
}

static void read_rights(const struct doctor_agent *a, struct doctor_bgp *b)
{
	const char *path = b->session->socket;

	for (size_t len = 1; path[len] && !b->shut; len++)
		if (path[len] == '/')
			b->shut = !is_open(a, b, len, ENTER);
	b->shut = b->shut || !is_open(a, b, strlen(path), WRITE);
}

/* As the agent does it, but nothing is asked. */
static int try_connection(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return errno;
	memcpy(address.sun_path, path, sizeof(address.sun_path));
	err = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? errno : 0;
	close(fd);
	return err;
}

static bool is_read(const struct doctor_facts *f, const char *path)
{
	for (size_t i = 0; i < f->n_bgp; i++)
		if (strcmp(f->bgp[i].session->socket, path) == 0)
			return true;
	return false;
}

void doctor_read__bgp(struct doctor_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->config->n_vrrp; i++)
		n += f->config->vrrp[i].n_bgp;
	f->n_bgp = 0;
	f->bgp = calloc(n + 1, sizeof(*f->bgp));
	for (size_t i = 0; f->bgp && i < f->config->n_vrrp; i++) {
		const struct config_vrrp *g = &f->config->vrrp[i];

		for (size_t j = 0; j < g->n_bgp; j++) {
			struct doctor_bgp *b = &f->bgp[f->n_bgp];

			if (is_read(f, g->bgp[j].socket))
				continue;
			b->session = &g->bgp[j];
			b->error = try_connection(b->session->socket);
			if (f->agent.runs && f->agent.pid_seen)
				read_rights(&f->agent, b);
			f->n_bgp++;
		}
	}
}
