/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pins.c - the instance's folders in bpffs, and the lock that keeps a second agent out. */
#include "plane/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* bpffs reserves dots in names (kernel/bpf/inode.c, bpf_lookup()); VLAN interfaces have them. */
static int encode(const char *name, char *out, size_t len)
{
	size_t n = 0;

	for (; *name; name++) {
		if (n + 4 > len)
			return -ENAMETOOLONG;
		if (*name == '.' || *name == '%')
			n += (size_t)snprintf(out + n, len - n, "%%%02x", (unsigned int)*name);
		else
			out[n++] = *name;
	}
	out[n] = '\0';
	return 0;
}

int plane_pins__decode(const char *file, char *name, size_t len)
{
	size_t n = 0;

	for (; *file; file++) {
		unsigned int c = (unsigned char)*file;

		if (*file == '%') {
			if (sscanf(file + 1, "%2x", &c) != 1)
				return -EINVAL;
			file += 2;
		}
		if (n + 1 >= len)
			return -EINVAL;
		name[n++] = (char)c;
	}
	name[n] = '\0';
	return 0;
}

int plane_pins__path(char *buf, size_t len, const char *instance, const char *sub, const char *name)
{
	char inst[64], file[64];
	int n;

	if (encode(instance, inst, sizeof(inst)) || encode(name ? name : "", file, sizeof(file)))
		return -ENAMETOOLONG;
	n = snprintf(buf, len, "%s/%s/v%d%s%s%s%s", PLANE_ROOT, inst, FL_ABI_VERSION,
		     sub ? "/" : "", sub ? sub : "", name ? "/" : "", file);
	return n < 0 || (size_t)n >= len ? -ENAMETOOLONG : 0;
}

int plane_pins__check_bpffs(struct err *err)
{
	struct statfs fs;

	if (statfs(PLANE_BPFFS, &fs))
		return err__set(err, -errno, "cannot look at %s, where fairlead pins its maps: %s",
				PLANE_BPFFS, strerror(errno));
	if ((unsigned long)fs.f_type != BPF_FS_MAGIC)
		return err__set(
			err, -ENOTSUP,
			"bpffs is not mounted at %s, where fairlead pins its maps: mount it "
			"with `mount -t bpf bpf %s`",
			PLANE_BPFFS, PLANE_BPFFS);
	return 0;
}

int plane_pins__mkdir(const char *path, bool *made, struct err *err)
{
	*made = false;
	if (mkdir(path, 0700) == 0) {
		*made = true;
		return 0;
	}
	if (errno == EEXIST)
		return 0;
	return err__set(err, -errno, "cannot make the folder %s for pins: %s", path,
			strerror(errno));
}

int plane_pins__remove_dir(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		if (e->d_type != DT_DIR && unlinkat(dirfd(d), e->d_name, 0))
			rc = -errno;
	}
	closedir(d);
	if (!rc && rmdir(path))
		rc = -errno;
	return rc;
}

int plane_pins__lock(const char *instance, int *fd, bool *made, struct err *err)
{
	char inst[64], path[PLANE_PATH_LEN];
	bool root_made;
	int rc, f;

	rc = plane_pins__check_bpffs(err);
	if (!rc)
		rc = plane_pins__mkdir(PLANE_ROOT, &root_made, err);
	if (rc)
		return rc;
	if (encode(instance, inst, sizeof(inst)))
		return err__set(err, -ENAMETOOLONG, "the instance name '%s' is too long", instance);
	snprintf(path, sizeof(path), "%s/%s", PLANE_ROOT, inst);
	rc = plane_pins__mkdir(path, made, err);
	if (rc)
		return rc;
	f = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f < 0)
		return err__set(err, -errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(f, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		close(f);
		if (rc == -EWOULDBLOCK)
			return err__set(
				err, -EBUSY,
				"another fairleadd already runs instance '%s' (it holds the lock "
				"on %s): stop it first, or give this one another `instance`",
				instance, path);
		return err__set(err, rc, "cannot lock %s: %s", path, strerror(-rc));
	}
	*fd = f;
	return 0;
}
