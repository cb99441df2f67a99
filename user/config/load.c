/* SPDX-License-Identifier: GPL-2.0-or-later */
/* load.c - from a file to a struct config: read, compose the YAML, apply the tables, cross-check. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/node.h"
#include "config/option.h"
#include "config/problems.h"

#define FILE_MAX (4U << 20) /* bytes; about 40 000 backends at a line each */

static int default_path(char **to, const char *folder, const char *instance, const char *end)
{
	if (*to)
		return 0;
	if (asprintf(to, "%s%s%s", folder, instance, end) >= 0)
		return 0;
	*to = NULL;
	return -ENOMEM;
}

/* The defaults that depend on the instance. */
static int complete(struct config *c)
{
	int rc = default_path(&c->api_socket, "/run/fairlead/", c->instance, ".sock");

	return rc ? rc : default_path(&c->journal_path, "/var/lib/fairlead/", c->instance, ".db");
}

static int read_tree(struct tree *tree, struct config *c, struct problem_sink *sink)
{
	struct reader r = {.sink = sink};

	if (!option__expect(&r, tree->root, NODE_MAP, "a mapping (key: value)"))
		return -EINVAL;
	section__read(&r, &config_section, tree->root, c);
	if (r.err)
		return r.err;
	if (!r.spent)
		r.err = config__check(c, tree->root, sink);
	if (!r.err && problem_sink__any(sink))
		r.err = -EINVAL;
	return r.err ? r.err : complete(c);
}

/* Starts an empty list of problems for the file of that name. */
static int begin(const char *name, struct config_problems *problems)
{
	config_problems__free(problems);
	problems->file = strdup(name);
	return problems->file ? 0 : -ENOMEM;
}

static int too_large(struct problem_sink *sink)
{
	problem_sink__add(sink, 0, 0, "the file is larger than %u MiB", FILE_MAX >> 20);
	return -EFBIG;
}

static int parse(const char *text, size_t len, struct config **out, struct problem_sink *sink)
{
	struct config *c = calloc(1, sizeof(*c));
	struct tree tree = {0};
	int err = -ENOMEM;

	if (!c)
		goto cleanup;
	err = tree__compose(text, len, &tree, sink);
	if (err)
		goto cleanup;
	err = read_tree(&tree, c, sink);
	if (err)
		goto cleanup;
	*out = c;
	c = NULL;
cleanup:
	tree__free(&tree);
	config__free(c);
	return err;
}

/* Closes the list; a failure that no problem tells becomes one. */
static int finish(struct problem_sink *sink, int err)
{
	problem_sink__close(sink);
	if (sink->no_memory)
		err = -ENOMEM;
	if (err == -ENOMEM && !problem_sink__any(sink))
		problem_sink__add(sink, 0, 0, "memory ran out while the file was read");
	return err;
}

int config__parse(const char *name, const char *text, size_t len, struct config **out,
		  struct config_problems *problems)
{
	struct problem_sink sink = {.out = problems};
	int err = begin(name, problems);

	if (err)
		return err;
	err = len > FILE_MAX ? too_large(&sink) : parse(text, len, out, &sink);
	return finish(&sink, err);
}

/* Reads to the end, since a pipe has no size; at most FILE_MAX bytes. */
static int slurp(int fd, char *buf, size_t *len)
{
	*len = 0;
	while (*len <= FILE_MAX) {
		ssize_t n = read(fd, buf + *len, FILE_MAX + 1 - *len);

		if (n == 0)
			return 0;
		if (n > 0)
			*len += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return -EFBIG;
}

/* Tells what is wrong in `sink`. */
static int read_file(const char *path, char **text, size_t *len, struct problem_sink *sink)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = -ENOMEM;
	char *buf;

	if (fd < 0) {
		err = -errno;
		problem_sink__add(sink, 0, 0, "cannot open the file: %s", strerror(-err));
		return err;
	}
	buf = malloc(FILE_MAX + 1);
	if (buf)
		err = slurp(fd, buf, len);
	close(fd);
	if (err == -EFBIG)
		too_large(sink);
	else if (err && buf)
		problem_sink__add(sink, 0, 0, "cannot read the file: %s", strerror(-err));
	if (err) {
		free(buf);
		return err;
	}
	*text = realloc(buf, *len + 1);
	if (!*text)
		*text = buf;
	return 0;
}

int config__read(const char *path, char **text, size_t *len, struct config_problems *problems)
{
	struct problem_sink sink = {.out = problems};
	int err = begin(path, problems);

	return err ? err : finish(&sink, read_file(path, text, len, &sink));
}

int config__load(const char *path, struct config **out, struct config_problems *problems)
{
	char *text = NULL;
	size_t len = 0;
	int err = config__read(path, &text, &len, problems);

	if (!err)
		err = config__parse(path, text, len, out, problems);
	free(text);
	return err;
}
