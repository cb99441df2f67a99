/* SPDX-License-Identifier: GPL-2.0-or-later */
/* translate.h - what the translators of blocks share. */
#ifndef FAIRLEAD_IMPORT_TRANSLATE_H
#define FAIRLEAD_IMPORT_TRANSLATE_H

#include "core/addr.h"
#include "import/out.h"

/* Notes of every keyword in a block that is not, or not wholly, translated, and of those that nobody knows. */
void translate__notes(struct import *im, struct stanza *s, const char *block);

/* The blocks, each into its part of the output. */
void translate__bfd(struct import *im);
void translate__vrrp(struct import *im);
void translate__alerts(struct import *im);
void translate__servers(struct import *im);
/* `track` of a group; *priority rises by what tracked things add. */
void translate__track(struct import *im, struct stanza *instance, long *priority);
/* `probe` of a service, by the first checker of its first real server. */
void translate__probe(struct import *im, struct stanza *server, struct stanza *real,
		      const char *proto);

/* "FILE ARGUMENT…" as a list for YAML; without a path, or with what only a shell knows, a shell's. */
const char *translate__command(struct import *im, const char *text);

/* The block of that keyword and name at the top, or NULL. */
struct stanza *translate__named(const struct import *im, const char *keyword, const char *name);

/* A whole number in min..max; else a note, and the default. s may be NULL: the default. */
long translate__number(struct import *im, struct stanza *s, long min, long max, long otherwise);
/* Seconds, with a fraction perhaps, as milliseconds in min..max: what is outside becomes the nearest, with a note. */
long translate__ms(struct import *im, struct stanza *s, long min, long max, long otherwise);
/* "on", "true", "yes" or nothing at all; s NULL: false. */
bool translate__bool(const struct stanza *s);

/* A name that fairlead takes, of at most 31 bytes: what it has not is '-'. */
const char *translate__name(struct import *im, const char *name);

/* Printable ASCII only: what can be quoted without loss. */
bool translate__is_plain(const char *text);

#endif
