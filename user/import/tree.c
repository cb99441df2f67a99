/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/tree.h"

#include <errno.h>
#include <string.h>

static struct stanza *add(struct builder *b, const char *file, unsigned int line)
{
	struct stanza *s = arena__alloc(b->arena, sizeof(*s));

	s->file = file;
	s->line = line;
	s->parent = b->at;
	if (b->at->last)
		b->at->last->next = s;
	else
		b->at->kids = s;
	b->at->last = s;
	return s;
}

void tree__end_line(struct builder *b)
{
	struct stanza *s;

	if (!b->n)
		return;
	s = add(b, b->file, b->line);
	s->n = b->n;
	s->words = arena__alloc(b->arena, b->n * sizeof(*s->words));
	memcpy(s->words, b->words, b->n * sizeof(*s->words));
	b->n = 0;
}

int tree__word(struct builder *b, const char *file, unsigned int line, const char *word,
	       struct err *err)
{
	if (b->n == TREE_WORDS)
		return err__set(err, -EINVAL, "%s:%u: a line has more than %d words", file, line,
				TREE_WORDS);
	b->file = file;
	b->line = line;
	b->words[b->n++] = word;
	return 0;
}

/* A brace may stand on a line of its own, below the words that it belongs to. */
int tree__open(struct builder *b, const char *file, unsigned int line, struct err *err)
{
	tree__end_line(b);
	if (!b->at->last || b->at->last->block)
		return err__set(err, -EINVAL, "%s:%u: '{' stands behind no keyword", file, line);
	if (b->depth == TREE_DEPTH)
		return err__set(err, -EINVAL, "%s:%u: more than %d blocks are open", file, line,
				TREE_DEPTH);
	b->depth++;
	b->at = b->at->last;
	b->at->block = true;
	return 0;
}

int tree__close(struct builder *b, const char *file, unsigned int line, struct err *err)
{
	tree__end_line(b);
	if (!b->depth)
		return err__set(err, -EINVAL, "%s:%u: '}' closes nothing: no block is open", file,
				line);
	b->depth--;
	b->at = b->at->parent;
	return 0;
}

int tree__end(struct builder *b, struct err *err)
{
	tree__end_line(b);
	if (!b->depth)
		return 0;
	return err__set(err, -EINVAL, "%s:%u: the block '%s' is not closed: a '}' is missing",
			b->at->file, b->at->line, stanza__word(b->at, 0));
}

const char *stanza__word(const struct stanza *s, size_t i)
{
	return i < s->n ? s->words[i] : "";
}

bool stanza__is(const struct stanza *s, const char *keyword)
{
	return !strcmp(stanza__word(s, 0), keyword);
}

struct stanza *stanza__find(const struct stanza *s, const char *keyword)
{
	struct stanza *found = NULL;

	for (struct stanza *k = s ? s->kids : NULL; k; k = k->next)
		if (stanza__is(k, keyword))
			found = k;
	return found;
}
