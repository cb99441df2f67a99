/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/"

static bool fits(const char *text, size_t len)
{
	size_t i = 0;

	if (len < TOKEN_MIN || len > TOKEN_MAX)
		return false;
	while (i < len && text[i] && strchr(LETTERS, text[i]))
		i++;
	if (!i)
		return false;
	while (i < len && text[i] == '=')
		i++;
	return i == len;
}

static int check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err__set(err, -errno, "the token file %s cannot be looked at: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err__set(err, -EINVAL, "the token file %s is no regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return err__set(
			err, -EACCES,
			"the token file %s can be read or written by others than its owner: `chmod "
			"600 %s`, and if others may have read it, make a new token",
			path, path);
	if (st.st_size >= FILE_MAX)
		return err__set(err, -EINVAL, "the token file %s is too long", path);
	return 0;
}

static int parse(const char *text, struct tokens *t, const char *path, struct err *err)
{
	unsigned int number = 0;

	while (*text) {
		size_t len = strcspn(text, "\n"), used = len;

		number++;
		while (used && strchr(" \t\r", text[used - 1]))
			used--;
		if (used && text[0] != '#') {
			if (t->n == TOKENS_MOST)
				return err__set(
					err, -E2BIG,
					"line %u of the token file %s: there can be two tokens only",
					number, path);
			if (!fits(text, used))
				return err__set(
					err, -EINVAL,
					"line %u of the token file %s: a token is %d to %d letters, "
					"digits and . _ ~ + / -, as from `openssl rand -hex 32`",
					number, path, TOKEN_MIN, TOKEN_MAX);
			memcpy(t->text[t->n], text, used);
			t->text[t->n++][used] = '\0';
		}
		text += len + (text[len] == '\n');
	}
	if (!t->n)
		return err__set(
			err, -EINVAL,
			"the token file %s has no token: make one with `(umask 077; openssl "
			"rand -hex 32 >%s)`",
			path, path);
	return 0;
}

int tokens__read(const char *path, struct tokens *out, struct err *err)
{
	/* A FIFO or a terminal must not stop the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;
	char text[FILE_MAX];
	ssize_t n = 0;

	*out = (struct tokens){.n = 0};
	if (fd < 0)
		return err__set(err, -errno, "the token file %s cannot be opened: %s", path,
				strerror(errno));
	rc = check_file(fd, path, err);
	if (!rc) {
		n = read(fd, text, sizeof(text) - 1);
		if (n < 0)
			rc = err__set(err, -errno, "the token file %s cannot be read: %s", path,
				      strerror(errno));
	}
	close(fd);
	if (!rc && memchr(text, '\0', (size_t)n))
		rc = err__set(err, -EINVAL, "the token file %s is no text", path);
	if (!rc) {
		text[n] = '\0';
		rc = parse(text, out, path, err);
	}
	explicit_bzero(text, sizeof(text));
	if (rc)
		tokens__wipe(out);
	return rc;
}

void tokens__wipe(struct tokens *t)
{
	explicit_bzero(t, sizeof(*t));
}
