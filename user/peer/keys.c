/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 4096
#define HINT_CONTEXT "fairlead peer key"

static int check_file(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return err__set(err, -errno, "the key file %s cannot be looked at: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err__set(err, -EINVAL, "the key file %s is no regular file", path);
	if (st.st_mode & (S_IRWXO | S_IWGRP))
		return err__set(
			err, -EACCES,
			"the key file %s can be read or written by others: `chmod 600 %s`, and if "
			"others may have read it, make new keys",
			path, path);
	if (st.st_size >= FILE_MAX)
		return err__set(err, -EINVAL, "the key file %s is too long", path);
	return 0;
}

static int add_key(struct peer_keys *k, const char *line, size_t len)
{
	struct peer_key *key = &k->key[k->n];
	uint8_t hash[crypto_generichash_BYTES];
	size_t n;

	if (k->n == PEER_KEYS)
		return -E2BIG;
	if (len != 2ul * PEER_KEY_LEN ||
	    sodium_hex2bin(key->bytes, sizeof(key->bytes), line, len, NULL, &n, NULL) ||
	    n != PEER_KEY_LEN)
		return -EINVAL;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)HINT_CONTEXT, strlen(HINT_CONTEXT),
			   key->bytes, sizeof(key->bytes));
	memcpy(&key->hint, hash, sizeof(key->hint));
	/* Two keys with one hint: the same one, but for one time in four billion. */
	if (k->n && k->key[0].hint == key->hint)
		return -EEXIST;
	k->n++;
	return 0;
}

static int parse(const char *text, struct peer_keys *k, const char *path, struct err *err)
{
	unsigned int number = 0;

	while (*text) {
		size_t len = strcspn(text, "\n"), used = len;
		int rc = 0;

		number++;
		while (used && strchr(" \t\r", text[used - 1]))
			used--;
		if (used && text[0] != '#')
			rc = add_key(k, text, used);
		if (rc == -E2BIG)
			return err__set(err, rc,
					"line %u of the key file %s: there can be two keys only",
					number, path);
		if (rc == -EEXIST)
			return err__set(err, rc, "line %u of the key file %s: the same key again",
					number, path);
		if (rc)
			return err__set(
				err, rc,
				"line %u of the key file %s: a key is %d hexadecimal digits, as from "
				"`openssl rand -hex %d`",
				number, path, 2 * PEER_KEY_LEN, PEER_KEY_LEN);
		text += len + (text[len] == '\n');
	}
	if (!k->n)
		return err__set(
			err, -EINVAL,
			"the key file %s has no key: make one with `openssl rand -hex %d >%s`, and "
			"copy it to every peer",
			path, PEER_KEY_LEN, path);
	return 0;
}

int peer_keys__read(const char *path, struct peer_keys *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;
	struct peer_keys k = {.n = 0};
	char text[FILE_MAX];
	ssize_t n = 0;

	if (fd < 0)
		return err__set(err, -errno, "the key file %s cannot be opened: %s", path,
				strerror(errno));
	rc = sodium_init() < 0 ? err__set(err, -EIO, "libsodium does not start") : 0;
	if (!rc)
		rc = check_file(fd, path, err);
	if (!rc) {
		n = read(fd, text, sizeof(text) - 1);
		if (n < 0)
			rc = err__set(err, -errno, "the key file %s cannot be read: %s", path,
				      strerror(errno));
	}
	close(fd);
	if (!rc) {
		text[n] = '\0';
		rc = parse(text, &k, path, err);
	}
	sodium_memzero(text, sizeof(text));
	if (!rc)
		*out = k;
	peer_keys__wipe(&k);
	return rc;
}

void peer_keys__wipe(struct peer_keys *k)
{
	sodium_memzero(k, sizeof(*k));
}
