/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/node.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct anchor {
	char *name;
	struct node *node;
};

/* The state of tree__compose(): the tree so far, and the collections that are open. */
struct composer {
	yaml_parser_t parser;
	const char *text;
	size_t len;
	struct tree tree;
	struct node *stack[NODE_MAX_DEPTH];
	size_t depth;
	void *anchors; /* tsearch(3) tree of struct anchor */
	struct problem_sink *sink;
};

static unsigned int mark_line(const yaml_mark_t *m)
{
	return (unsigned int)m->line + 1;
}

static unsigned int mark_column(const yaml_mark_t *m)
{
	return (unsigned int)m->column + 1;
}

#define refuse(c, mark, ...) \
	(problem_sink__add((c)->sink, mark_line(mark), mark_column(mark), __VA_ARGS__), -EINVAL)

static int compare_anchors(const void *a, const void *b)
{
	return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

static void free_anchor(void *a)
{
	free(((struct anchor *)a)->name);
	free(a);
}

static int set_anchor(struct composer *c, const yaml_char_t *name, struct node *n)
{
	struct anchor *a;
	void **found;

	if (!name)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->name = strdup((const char *)name);
	a->node = n;
	found = a->name ? tsearch(a, &c->anchors, compare_anchors) : NULL;
	if (!found) {
		free_anchor(a);
		return -ENOMEM;
	}
	if (*found != a) {
		/* Given again: from here on the name means this node (YAML 1.1, 3.2.2.2). */
		(*(struct anchor **)found)->node = n;
		free_anchor(a);
	}
	return 0;
}

static int get_anchor(struct composer *c, const yaml_event_t *e, struct node **out)
{
	struct anchor wanted = {.name = (char *)e->data.alias.anchor};
	struct anchor **found = tfind(&wanted, &c->anchors, compare_anchors);

	if (!found)
		return refuse(c, &e->start_mark, "*%s: nothing above is named &%s", wanted.name,
			      wanted.name);
	if ((*found)->node->open)
		return refuse(c, &e->start_mark, "*%s stands inside what it names", wanted.name);
	*out = (*found)->node;
	return 0;
}

static int append(struct node *parent, struct node *kid)
{
	if (parent->n_kids == parent->cap_kids) {
		size_t cap = parent->cap_kids ? parent->cap_kids * 2 : 8;
		struct node **kids = realloc(parent->kids, cap * sizeof(*kids));

		if (!kids)
			return -ENOMEM;
		parent->kids = kids;
		parent->cap_kids = cap;
	}
	parent->kids[parent->n_kids++] = kid;
	return 0;
}

/* Hangs a node into the innermost open collection, or makes it the root. */
static int place(struct composer *c, struct node *n)
{
	if (c->depth)
		return append(c->stack[c->depth - 1], n);
	c->tree.root = n;
	return 0;
}

static int new_node(struct composer *c, const yaml_event_t *e, enum node_kind kind,
		    const yaml_char_t *tag, struct node **out)
{
	struct node *n;

	if (tag)
		return refuse(c, &e->start_mark, "the tag %s means nothing here; leave it out",
			      (const char *)tag);
	if (c->tree.n == NODE_MAX)
		return refuse(c, &e->start_mark, "the file holds more than %u values", NODE_MAX);
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->kind = kind;
	n->line = mark_line(&e->start_mark);
	n->column = mark_column(&e->start_mark);
	n->next = c->tree.all;
	c->tree.all = n;
	c->tree.n++;
	*out = n;
	return place(c, n);
}

/* The plain scalars that YAML 1.1 reads as "no value" (yaml.org/type/null). */
static bool is_null(const yaml_event_t *e)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	if (e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp((const char *)e->data.scalar.value, words[i]) == 0)
			return true;
	return false;
}

static int on_scalar(struct composer *c, const yaml_event_t *e)
{
	struct node *n;
	int err = new_node(c, e, is_null(e) ? NODE_NULL : NODE_SCALAR, e->data.scalar.tag, &n);

	if (err)
		return err;
	n->len = e->data.scalar.length;
	n->text = malloc(n->len + 1);
	if (!n->text)
		return -ENOMEM;
	memcpy(n->text, e->data.scalar.value, n->len);
	n->text[n->len] = '\0';
	return set_anchor(c, e->data.scalar.anchor, n);
}

static int on_open(struct composer *c, const yaml_event_t *e, enum node_kind kind,
		   const yaml_char_t *tag, const yaml_char_t *anchor)
{
	struct node *n;
	int err;

	if (c->depth == NODE_MAX_DEPTH)
		return refuse(c, &e->start_mark, "lists and mappings are nested more than %d deep",
			      NODE_MAX_DEPTH);
	err = new_node(c, e, kind, tag, &n);
	if (err)
		return err;
	n->open = true;
	c->stack[c->depth++] = n;
	return set_anchor(c, anchor, n);
}

static int on_event(struct composer *c, const yaml_event_t *e)
{
	struct node *n;
	int err;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (c->tree.root)
			return refuse(c, &e->start_mark,
				      "a second YAML document begins here; "
				      "a configuration is one document");
		return 0;
	case YAML_ALIAS_EVENT:
		err = get_anchor(c, e, &n);
		return err ? err : place(c, n);
	case YAML_SCALAR_EVENT:
		return on_scalar(c, e);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(c, e, NODE_LIST, e->data.sequence_start.tag,
			       e->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_open(c, e, NODE_MAP, e->data.mapping_start.tag,
			       e->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		c->stack[--c->depth]->open = false;
		return 0;
	default:
		return 0;
	}
}

/* Where a byte stands, for the errors of libyaml's reader, which know only an offset. */
static void locate(const struct composer *c, size_t offset, unsigned int *line,
		   unsigned int *column)
{
	*line = 1;
	*column = 1;
	for (size_t i = 0; i < offset && i < c->len; i++) {
		if (c->text[i] == '\n') {
			(*line)++;
			*column = 1;
		} else if ((c->text[i] & 0xc0) != 0x80) {
			(*column)++;
		}
	}
}

/* The character at a mark, whose index counts characters; '\0' at the end of the text. */
static char char_at(const struct composer *c, const yaml_mark_t *m)
{
	size_t index = 0;

	for (size_t i = 0; i < c->len; i++)
		if ((c->text[i] & 0xc0) != 0x80 && index++ == m->index)
			return c->text[i];
	return '\0';
}

static int syntax_error(struct composer *c)
{
	const yaml_parser_t *p = &c->parser;
	unsigned int line, column;
	const char *hint = "";

	switch (p->error) {
	case YAML_MEMORY_ERROR:
		return -ENOMEM;
	case YAML_READER_ERROR:
		locate(c, p->problem_offset, &line, &column);
		problem_sink__add(c->sink, line, column, "the file is not plain UTF-8 text: %s",
				  p->problem);
		return -EINVAL;
	default:
		break;
	}
	if (char_at(c, &p->problem_mark) == '\t')
		hint = "; YAML is indented with spaces, not tabs";
	if (p->context && p->context_mark.line != p->problem_mark.line)
		return refuse(c, &p->problem_mark, "not YAML: %s (%s that begins at line %u)%s",
			      p->problem, p->context, mark_line(&p->context_mark), hint);
	if (p->context)
		return refuse(c, &p->problem_mark, "not YAML: %s (%s)%s", p->problem, p->context,
			      hint);
	return refuse(c, &p->problem_mark, "not YAML: %s%s", p->problem, hint);
}

static int compose(struct composer *c)
{
	yaml_event_t e;
	bool end = false;

	while (!end) {
		int err;

		if (!yaml_parser_parse(&c->parser, &e))
			return syntax_error(c);
		end = e.type == YAML_STREAM_END_EVENT;
		err = on_event(c, &e);
		yaml_event_delete(&e);
		if (err)
			return err;
	}
	if (!c->tree.root) {
		problem_sink__add(c->sink, 0, 0, "the file is empty");
		return -EINVAL;
	}
	return 0;
}

int tree__compose(const char *text, size_t len, struct tree *out, struct problem_sink *sink)
{
	struct composer c = {.text = text, .len = len, .sink = sink};
	int err;

	if (!yaml_parser_initialize(&c.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&c.parser, (const unsigned char *)text, len);
	err = compose(&c);
	yaml_parser_delete(&c.parser);
	tdestroy(c.anchors, free_anchor);
	if (err)
		tree__free(&c.tree);
	else
		*out = c.tree;
	return err;
}

void tree__free(struct tree *t)
{
	while (t->all) {
		struct node *n = t->all;

		t->all = n->next;
		free(n->text);
		free(n->kids);
		free(n);
	}
	memset(t, 0, sizeof(*t));
}

const char *node__kind_name(const struct node *n)
{
	static const char *const names[] = {
		[NODE_NULL] = "nothing",
		[NODE_SCALAR] = "a single value",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "a mapping",
	};

	return names[n->kind];
}

long node__find(const struct node *map, const char *key)
{
	for (size_t i = 0; map->kind == NODE_MAP && i + 1 < map->n_kids; i += 2)
		if (map->kids[i]->kind == NODE_SCALAR && strcmp(map->kids[i]->text, key) == 0)
			return (long)i;
	return -1;
}

const struct node *node__sound(const struct node *map, const char *key)
{
	long at = map ? node__find(map, key) : -1;

	return at < 0 || map->kids[at + 1]->bad ? NULL : map->kids[at + 1];
}
