/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node.h - a YAML document as a tree that knows where each key and value stands.
 *
 * An alias is the node of its anchor, so a node may have several parents but the graph has no
 * cycle. Values are not interpreted: every scalar is text, whether quoted or plain.
 */
#ifndef FAIRLEAD_CONFIG_NODE_H
#define FAIRLEAD_CONFIG_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"

#define NODE_MAX (1U << 20) /* nodes of one document */
#define NODE_MAX_DEPTH 32 /* collections inside each other */

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	unsigned int line, column; /* 1-based; columns are characters */
	bool open; /* while composing: its end has not come yet */
	bool bad; /* a mistake was told about it, so cross checks leave it alone */
	char *text; /* scalar: the text */
	size_t len; /* of `text`, which may hold NULs */
	struct node **kids; /* list: the items; map: key, value, key, value, … */
	size_t n_kids, cap_kids;
	struct node *next; /* all nodes of a tree */
};

struct tree {
	struct node *root;
	struct node *all;
	size_t n;
};

/*
 * Reads one YAML document. 0; -EINVAL with a problem told (syntax, UTF-8, no document or several,
 * a tag, too deep, too many nodes) or -ENOMEM. Free *out after success.
 */
int tree__compose(const char *text, size_t len, struct tree *out, struct problem_sink *sink);
void tree__free(struct tree *t);

/* "a list", "a mapping", … for messages */
const char *node__kind_name(const struct node *n);

/* Place of `key` in a map as an index to `kids` (the value is the next one), or -1. */
long node__find(const struct node *map, const char *key);

/* The value of `key` if `map` is a map that has one without a mistake, else NULL. */
const struct node *node__sound(const struct node *map, const char *key);

#endif
