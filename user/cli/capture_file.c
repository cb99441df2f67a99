/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/capture_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct capture_file {
	const char *path;
	int fd;
	bool regular; /* it can be cut to a length */
	bool made, begun;
	uint64_t written;
};

static int fail(const struct capture_file *f, const char *doing, struct err *err)
{
	int rc = -errno;
	bool out = f->fd == STDOUT_FILENO;

	return err__set(err, rc, "cannot %s %s: %s%s", doing, out ? "standard output" : f->path,
			strerror(errno),
			f->written && !out ? "; what it holds so far is a whole file" : "");
}

static int open_path(struct capture_file *f, bool force, struct err *err)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;
	struct stat st;

	f->fd = open(f->path, flags | O_CREAT | O_EXCL, 0600);
	f->made = f->fd >= 0;
	if (f->fd < 0 && errno == EEXIST && force)
		f->fd = open(f->path, flags);
	if (f->fd < 0 && errno == EEXIST)
		return err__set(err, -EEXIST, "%s is there already: --force replaces it", f->path);
	if (f->fd < 0)
		return fail(f, "make", err);
	if (fstat(f->fd, &st))
		return fail(f, "look at", err);
	f->regular = S_ISREG(st.st_mode);
	if (f->regular && fchmod(f->fd, 0600))
		return fail(f, "take from others", err);
	return 0;
}

int capture_file__open(const char *path, bool force, struct capture_file **out, struct err *err)
{
	struct capture_file *f = calloc(1, sizeof(*f));
	int rc = 0;

	if (!f)
		return err__set(err, -ENOMEM, "out of memory");
	f->path = path;
	f->fd = STDOUT_FILENO;
	if (strcmp(path, "-") != 0)
		rc = open_path(f, force, err);
	if (rc) {
		capture_file__free(f);
		return rc;
	}
	*out = f;
	return 0;
}

int capture_file__begin(struct capture_file *f, struct err *err)
{
	f->begun = true;
	return f->regular && ftruncate(f->fd, 0) ? fail(f, "empty", err) : 0;
}

int capture_file__write(struct capture_file *f, const uint8_t *data, size_t n, struct err *err)
{
	size_t at = 0;

	while (at < n) {
		ssize_t done = write(f->fd, data + at, n - at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			int rc = fail(f, "write to", err);

			/* Not past the last block: half of one would spoil the file. */
			if (f->regular && ftruncate(f->fd, (off_t)f->written))
				err__set(err, rc,
					 "cannot write to %s, nor cut off a part of a "
					 "block at its end: %s",
					 f->path, strerror(errno));
			return rc;
		}
		at += (size_t)done;
	}
	f->written += n;
	return 0;
}

int capture_file__close(struct capture_file *f, struct err *err)
{
	int fd = f->fd;

	if (fd == STDOUT_FILENO)
		return 0;
	f->fd = -1;
	return close(fd) ? fail(f, "finish", err) : 0;
}

uint64_t capture_file__written(const struct capture_file *f)
{
	return f->written;
}

void capture_file__free(struct capture_file *f)
{
	if (!f)
		return;
	if (f->made && !f->begun)
		unlink(f->path);
	if (f->fd > STDERR_FILENO)
		close(f->fd);
	free(f);
}
