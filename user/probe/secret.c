/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int secret__file(const char *what, const char *path, char buf[SECRET_LEN], struct err *err)
{
	/* A FIFO or a terminal must not stop the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = 0;
	ssize_t n;

	if (fd < 0)
		return err__set(err, -errno, "the %s file %s cannot be opened: %s", what, path,
				strerror(errno));
	n = read(fd, buf, SECRET_LEN - 1);
	if (n < 0)
		rc = err__set(err, -errno, "the %s file %s cannot be read: %s", what, path,
			      strerror(errno));
	else
		buf[n] = '\0';
	close(fd);
	if (rc)
		return rc;
	buf[strcspn(buf, "\r\n")] = '\0';
	if (!buf[0])
		return err__set(err, -EINVAL, "the first line of the %s file %s is empty", what,
				path);
	return 0;
}

int secret__read(const struct config_probe *p, char buf[SECRET_LEN], const char **out,
		 struct err *err)
{
	const char *value;
	int rc = 0;

	if (p->password_file) {
		rc = secret__file("password", p->password_file, buf, err);
	} else if (p->password_env) {
		value = getenv(p->password_env);
		if (!value || strlen(value) >= SECRET_LEN)
			return err__set(err, -EINVAL,
					"the password variable %s is not in the environment of "
					"fairleadd, or too long",
					p->password_env);
		memcpy(buf, value, strlen(value) + 1);
	}
	if (rc)
		return rc;
	*out = p->password_file || p->password_env ? buf : NULL;
	return 0;
}
