/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.h - a text that another machine has, fetched from it in pages, as asides of a link (link.h).
 *
 * Who wants it asks for pages by number, a few at a time, and asks again for what does not come: who has it
 * keeps nothing. The text is known by its digest before it is asked for. In network order:
 *
 *    0  kind (1)     1: a question, 2: a page
 *    1  digest (32)  of the whole text
 *   33  number (4)   of the page: it begins at byte number * PEER_PAGE_BYTES
 *   37  the page's bytes: PEER_PAGE_BYTES, of the last one what is left; in a question nothing
 *
 * Pure: times are given, the digest is compared by the caller.
 */
#ifndef FAIRLEAD_PEER_PAGE_H
#define FAIRLEAD_PEER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/accord.h"

#define PEER_PAGE_BYTES 1024
#define PEER_PAGE_HEAD (1 + ACCORD_DIGEST + 4)
#define PEER_PAGE_MAX (PEER_PAGE_HEAD + PEER_PAGE_BYTES)
#define PEER_PAGE_WINDOW 16 /* pages that are asked for at a time */
#define PEER_PAGES_PER_S 8192 /* questions of one peer that are answered */

struct peer_page {
	bool is_question;
	uint8_t digest[ACCORD_DIGEST];
	uint32_t number;
	const uint8_t *bytes;
	size_t len;
};

/* False: it is malformed. */
bool peer_page__read(const uint8_t *in, size_t len, struct peer_page *out);
/* The length of a question, or of a page of a text; 0: the text has no such page. */
size_t peer_page__ask(const struct accord_text *text, uint32_t number, uint8_t out[PEER_PAGE_MAX]);
size_t peer_page__answer(const struct accord_text *text, const char *bytes, uint32_t number,
			 uint8_t out[PEER_PAGE_MAX]);

/* A text that is being fetched. */
struct peer_fetch {
	struct accord_text text;
	char *bytes; /* text.len of them; NULL: nothing is fetched */
	uint32_t pages, base; /* all below `base` are here */
	uint32_t asked; /* all below it were asked for */
	uint32_t got; /* bit i: page base + i is here */
	uint64_t came_us; /* when one came last, or it began */
	uint64_t progress_us; /* when one came, or was asked for anew */
};

/* -EINVAL: it has no bytes, or more than ACCORD_TEXT_MAX; -ENOMEM. */
int peer_fetch__begin(struct peer_fetch *f, const struct accord_text *text, uint64_t now_us);
/* A page has come. True: that was the last one that lacked. */
bool peer_fetch__take(struct peer_fetch *f, uint64_t now_us, const struct peer_page *page);
/* The number of a page that is to be asked for now; false: none is. */
bool peer_fetch__next(struct peer_fetch *f, uint64_t now_us, uint32_t rtt_us, uint32_t *number);
void peer_fetch__end(struct peer_fetch *f);

/* What a peer may ask for: questions a second. */
struct peer_pages_rate {
	double tokens;
	uint64_t at_us;
};
bool peer_pages_rate__take(struct peer_pages_rate *r, uint64_t now_us);

#endif
