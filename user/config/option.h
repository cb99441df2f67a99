/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.h - the file's keys as tables: one row a key.
 *
 * A section is a table of options; reading one walks the keys of a YAML mapping, hands each value to
 * the parser of its row, gives the default to the keys that are not there, and tells every mistake
 * without stopping at the first. schema*.c have the tables, value.c the parsers of single values.
 */
#ifndef FAIRLEAD_CONFIG_OPTION_H
#define FAIRLEAD_CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/node.h"
#include "config/problems.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/*
 * Values looked at in one file. Aliases can make a small file large: this bounds the work, and is
 * more than twice what the largest instance needs.
 */
#define READER_MAX_VISITS (1U << 20)

/* Where in the file the reading is. */
struct reader {
	struct problem_sink *sink;
	char path[192]; /* "services[0].probe" */
	size_t path_len;
	size_t visits;
	size_t n_sources; /* prefixes of all source lists so far */
	bool spent; /* READER_MAX_VISITS is reached: nothing more is read */
	int err; /* -ENOMEM, or 0 */
};

struct option;

/* Reads `value` into the object at `base`, or tells what is wrong with it. */
typedef void option_parse(struct reader *r, const struct option *o, struct node *value, void *base);

/* A word and what it stands for; a list of them ends with a NULL name. */
struct choice {
	const char *name;
	uint64_t value;
};

#define SECTION_MAX_OPTIONS 64

struct section {
	const struct option *options;
	size_t n;
};

enum option_list_kind { LIST_OTHER, LIST_SERVICES, LIST_BACKENDS };

/* How a list is kept in its object, for who looks at what was read: a pointer, and how many there are. */
struct option_list {
	const struct section
		*section; /* of each element, its first key tells one from another; or NULL: */
	option_parse *value; /* each element is one value, of which this is the parser */
	size_t size; /* bytes of an element */
	size_t n; /* offset of the size_t */
	enum option_list_kind kind;
};

struct option {
	const char *key;
	option_parse *parse;
	size_t offset; /* of the member that the value goes to */
	size_t size; /* of that member */
	size_t has; /* offset of the bool that says that the key was given; 0: there is none */
	uint64_t min, max; /* numbers and durations: the range; strings: max is the length */
	uint64_t kinds; /* of a probe: bits of those that have the key; 0: all */
	const struct choice *choices;
	const struct section *section;
	const struct section *inside; /* what `parse` reads into the same object */
	const struct option_list *list; /* what `parse` reads is a list */
	const char *(*rule)(const char *text); /* text: what is wrong with it, or NULL */
	void (*show)(const void *at, char *buf,
		     size_t len); /* what only `parse` understands, as text */
	const char *fallback; /* the default as one would write it; NULL: none, or computed */
	const char *missing; /* a required key: what it is for, told when it is not there */
};

/* Tells a mistake about a value: "path: sentence", where the node stands. */
void reader__problem(struct reader *r, struct node *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds ".key" or "[i]" to the path; returns the length to give to reader__leave(). */
size_t reader__enter_key(struct reader *r, const char *key);
size_t reader__enter_index(struct reader *r, size_t i);
void reader__leave(struct reader *r, size_t path_len);

/* Counts one more value; false once there are too many, which is told the first time. */
bool reader__visit(struct reader *r, struct node *n);

/* Reads the mapping `map` (NULL: not there, only defaults) into the object at `base`. */
void section__read(struct reader *r, const struct section *s, struct node *map, void *base);

/* The parser of an option whose value is a mapping of its own, o->section. */
option_parse option__section;

/* Whether `n` is of that kind; told if not. `noun`: what is expected, "a list of services". */
bool option__expect(struct reader *r, struct node *n, enum node_kind kind, const char *noun);

/* The tables' root: the whole file. */
extern const struct section config_section;

/*
 * Checks that need more than one value: uniqueness, families, and what goes together. Leaves alone
 * what has a mistake of its own. 0 or -ENOMEM.
 */
int config__check(const struct config *c, const struct node *root, struct problem_sink *sink);

#endif
