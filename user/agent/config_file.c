/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BESIDE ".rolled-back"

static int failed(const char *doing, const char *path, int rc, struct err *err)
{
	return err__set(
		err, rc,
		"%s %s" BESIDE
		": %s; the file still holds what is no longer in force, and a restart would "
		"apply it: fairlead config history has the text that belongs there",
		doing, path, strerror(-rc));
}

/* Where the file is and where the other one is to be. */
static int resolve(const char *path, char real[PATH_MAX], char beside[PATH_MAX], struct err *err)
{
	if (!realpath(path, real))
		return failed("finding the place of", path, -errno, err);
	if (snprintf(beside, PATH_MAX, "%.*s" BESIDE, PATH_MAX - 32, real) >= PATH_MAX - 16)
		return failed("naming", path, -ENAMETOOLONG, err);
	return 0;
}

int config_file__write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int config_file__prepare(const char *path, const char *text, size_t len, struct err *err)
{
	char real[PATH_MAX], beside[PATH_MAX];
	struct stat st;
	int fd, rc = resolve(path, real, beside, err);

	if (rc)
		return rc;
	if (stat(real, &st))
		return failed("looking at", path, -errno, err);
	/* A new one, whatever stands there: it may be a link to elsewhere. */
	if (unlink(beside) && errno != ENOENT)
		return failed("removing the old", path, -errno, err);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed("making", path, -errno, err);
	rc = config_file__write_all(fd, text, len);
	/* Whose it is can't always be changed; who may read it is more important. */
	if (!rc && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
	    fchown(fd, st.st_uid, st.st_gid))
		st.st_mode &= ~(mode_t)077;
	if (!rc && fchmod(fd, st.st_mode & 07777))
		rc = -errno;
	close(fd);
	if (rc) {
		unlink(beside);
		return failed("writing", path, rc, err);
	}
	return 0;
}

bool config_file__holds(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "re");
	char part[4096];
	size_t n, at = 0;
	bool same = f != NULL;

	while (same && (n = fread(part, 1, sizeof(part), f))) {
		same = n <= len - at && memcmp(part, text + at, n) == 0;
		at += n;
	}
	same = same && at == len && !ferror(f);
	if (f)
		fclose(f);
	return same;
}

int config_file__commit(const char *path, struct err *err)
{
	char real[PATH_MAX], beside[PATH_MAX];
	int rc = resolve(path, real, beside, err);

	if (rc)
		return rc;
	if (!renameat2(AT_FDCWD, beside, AT_FDCWD, real, RENAME_EXCHANGE))
		return 0;
	/* A file system that can't: what the file held is in the history, if it was ever applied. */
	if (errno != EINVAL || rename(beside, real))
		return failed("putting in its place", path, -errno, err);
	return 0;
}
