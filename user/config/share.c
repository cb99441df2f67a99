/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/share.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/node.h"
#include "config/problems.h"

#define MAX_SECTIONS 64 /* of a file: it has fewer keys */

static const char *const shared_keys[] = {"services", "sources"};

struct section {
	size_t begin, end; /* in the text */
	bool shared;
};

struct sections {
	struct section list[MAX_SECTIONS];
	size_t n;
};

static bool is_shared(const char *key)
{
	for (size_t i = 0; i < sizeof(shared_keys) / sizeof(*shared_keys); i++) {
		if (!strcmp(key, shared_keys[i]))
			return true;
	}
	return false;
}

/* Where each line begins. */
static size_t *find_lines(const char *text, size_t len, size_t *n)
{
	size_t *lines, room = 2;

	for (size_t i = 0; i < len; i++)
		room += text[i] == '\n';
	lines = calloc(room, sizeof(*lines));
	*n = 0;
	for (size_t at = 0; lines && at < len;) {
		const char *end = memchr(text + at, '\n', len - at);

		lines[(*n)++] = at;
		at = end ? (size_t)(end + 1 - text) : len;
	}
	return lines;
}

static int read_keys(const struct tree *tree, const char *text, const size_t *lines, size_t n_lines,
		     struct sections *out, struct err *err)
{
	const struct node *root = tree->root;

	for (size_t i = 0; root->kind == NODE_MAP && i < root->n_kids; i += 2) {
		const struct node *key = root->kids[i];
		size_t line = key->line - 1;

		if (key->kind != NODE_SCALAR || key->column != 1 || line >= n_lines ||
		    out->n == MAX_SECTIONS)
			break;
		/* Comments that stand right above it are its own. */
		while (line && text[lines[line - 1]] == '#')
			line--;
		if (out->n)
			out->list[out->n - 1].end = lines[line];
		out->list[out->n++] =
			(struct section){.begin = lines[line], .shared = is_shared(key->text)};
	}
	if (root->kind == NODE_MAP && out->n == root->n_kids / 2)
		return 0;
	return err__set(
		err, -EINVAL,
		"the configuration cannot be shared with peers: each of its keys (services, "
		"interfaces, ...) has to begin a line");
}

static int split(const char *text, size_t len, struct sections *out, struct err *err)
{
	struct config_problems problems = {0};
	struct problem_sink sink = {.out = &problems};
	struct tree tree = {0};
	size_t n_lines, *lines = find_lines(text, len, &n_lines);
	int rc;

	memset(out, 0, sizeof(*out));
	if (!lines)
		return err__set(err, -ENOMEM, "out of memory");
	rc = tree__compose(text, len, &tree, &sink);
	if (rc)
		err__set(err, rc, "line %u: %s", problems.n ? problems.list[0].line : 0,
			 problems.n ? problems.list[0].text : "out of memory");
	else
		rc = read_keys(&tree, text, lines, n_lines, out, err);
	if (out->n)
		out->list[out->n - 1].end = len;
	tree__free(&tree);
	config_problems__free(&problems);
	free(lines);
	return rc;
}

static void add(char *to, size_t *at, const char *text, size_t len)
{
	memcpy(to + *at, text, len);
	*at += len;
}

/* A section without what follows it: empty lines, and comments that are about nothing. */
static size_t length_of(const char *text, const struct section *s)
{
	size_t end = s->end;

	for (size_t at = end; at > s->begin; end = at) {
		do {
			at--;
		} while (at > s->begin && text[at - 1] != '\n');
		if (text[at] != '#' && text[at] != '\n' && text[at] != '\r')
			break;
	}
	return end - s->begin;
}

int config_share__take(const char *text, size_t len, char **out, size_t *out_len, struct err *err)
{
	struct sections s;
	int rc = split(text, len, &s, err);
	size_t at = 0;
	char *to;

	if (rc)
		return rc;
	to = malloc(len + 2);
	if (!to)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s.n; i++) {
		if (!s.list[i].shared)
			continue;
		add(to, &at, text + s.list[i].begin, length_of(text, &s.list[i]));
		if (to[at - 1] != '\n')
			to[at++] = '\n';
	}
	to[at] = '\0';
	*out = to;
	*out_len = at;
	return 0;
}

static char *join(const char *own, size_t own_len, const struct sections *s, const char *shared,
		  size_t shared_len, size_t *len)
{
	size_t at = 0, done = 0;
	char *to = malloc(own_len + shared_len + 4);
	bool put = false;

	for (size_t i = 0; to && i <= s->n; i++) {
		bool last = i == s->n;

		if (!last && !s->list[i].shared)
			continue;
		if (last && put)
			break;
		add(to, &at, own + done, (last ? own_len : s->list[i].begin) - done);
		done = last ? own_len : s->list[i].end;
		if (put)
			continue;
		put = true;
		if (at && to[at - 1] != '\n')
			to[at++] = '\n';
		/* Else a comment above would become one of what follows it. */
		if (at > 1 && to[at - 2] != '\n')
			to[at++] = '\n';
		add(to, &at, shared, shared_len);
		to[at++] = '\n';
	}
	if (to)
		add(to, &at, own + done, own_len - done);
	*len = at;
	return to;
}

int config_share__put(const char *own, size_t own_len, const char *shared, size_t shared_len,
		      char **out, size_t *out_len, struct err *err)
{
	struct sections s;
	char *text = NULL, *again = NULL;
	size_t len, again_len = 0;
	int rc = split(own, own_len, &s, err);

	if (rc)
		return rc;
	text = join(own, own_len, &s, shared, shared_len, &len);
	if (!text)
		return err__set(err, -ENOMEM, "out of memory");
	rc = config_share__take(text, len, &again, &again_len, err);
	if (!rc && (!again || again_len != shared_len || memcmp(again, shared, shared_len) != 0))
		rc = err__set(
			err, -EINVAL,
			"services and sources of the peer can't stand in this machine's file: write "
			"them without anchors from elsewhere, each key at the beginning of a line");
	free(again);
	if (rc) {
		free(text);
		return rc;
	}
	*out = text;
	*out_len = len;
	return 0;
}
