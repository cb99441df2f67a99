/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/page.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_PATIENCE_US 20000 /* for a page: a peer may be busy */

enum { QUESTION = 1, PAGE = 2 };

bool peer_page__read(const uint8_t *in, size_t len, struct peer_page *out)
{
	uint32_t number;

	if (len < PEER_PAGE_HEAD || (in[0] != QUESTION && in[0] != PAGE))
		return false;
	*out = (struct peer_page){
		.is_question = in[0] == QUESTION,
		.bytes = in + PEER_PAGE_HEAD,
		.len = len - PEER_PAGE_HEAD,
	};
	memcpy(out->digest, in + 1, ACCORD_DIGEST);
	memcpy(&number, in + 1 + ACCORD_DIGEST, sizeof(number));
	out->number = be32toh(number);
	return out->is_question ? !out->len : out->len && out->len <= PEER_PAGE_BYTES;
}

static size_t write_head(uint8_t kind, const struct accord_text *text, uint32_t number,
			 uint8_t *out)
{
	out[0] = kind;
	memcpy(out + 1, text->digest, ACCORD_DIGEST);
	number = htobe32(number);
	memcpy(out + 1 + ACCORD_DIGEST, &number, sizeof(number));
	return PEER_PAGE_HEAD;
}

static uint32_t pages_of(const struct accord_text *text)
{
	return (text->len + PEER_PAGE_BYTES - 1) / PEER_PAGE_BYTES;
}

static size_t length_of(const struct accord_text *text, uint32_t number)
{
	size_t at = (size_t)number * PEER_PAGE_BYTES;

	if (number >= pages_of(text))
		return 0;
	return text->len - at < PEER_PAGE_BYTES ? text->len - at : PEER_PAGE_BYTES;
}

size_t peer_page__ask(const struct accord_text *text, uint32_t number, uint8_t out[PEER_PAGE_MAX])
{
	return length_of(text, number) ? write_head(QUESTION, text, number, out) : 0;
}

size_t peer_page__answer(const struct accord_text *text, const char *bytes, uint32_t number,
			 uint8_t out[PEER_PAGE_MAX])
{
	size_t len = length_of(text, number);

	if (!len)
		return 0;
	memcpy(out + write_head(PAGE, text, number, out), bytes + (size_t)number * PEER_PAGE_BYTES,
	       len);
	return PEER_PAGE_HEAD + len;
}

int peer_fetch__begin(struct peer_fetch *f, const struct accord_text *text, uint64_t now_us)
{
	peer_fetch__end(f);
	if (!text->len || text->len > ACCORD_TEXT_MAX)
		return -EINVAL;
	f->bytes = malloc((size_t)text->len + 1);
	if (!f->bytes)
		return -ENOMEM;
	f->bytes[text->len] = '\0';
	f->text = *text;
	f->pages = pages_of(text);
	f->came_us = f->progress_us = now_us;
	return 0;
}

bool peer_fetch__take(struct peer_fetch *f, uint64_t now_us, const struct peer_page *page)
{
	uint32_t ahead = page->number - f->base;

	if (!f->bytes || memcmp(page->digest, f->text.digest, ACCORD_DIGEST) != 0 ||
	    page->number < f->base || ahead >= PEER_PAGE_WINDOW || (f->got >> ahead & 1) ||
	    page->len != length_of(&f->text, page->number))
		return false;
	memcpy(f->bytes + (size_t)page->number * PEER_PAGE_BYTES, page->bytes, page->len);
	f->got |= 1u << ahead;
	f->came_us = f->progress_us = now_us;
	for (; f->got & 1; f->got >>= 1)
		f->base++;
	return f->base == f->pages;
}

bool peer_fetch__next(struct peer_fetch *f, uint64_t now_us, uint32_t rtt_us, uint32_t *number)
{
	uint64_t patience = 2ull * rtt_us < LEAST_PATIENCE_US ? LEAST_PATIENCE_US : 2ull * rtt_us;

	if (!f->bytes)
		return false;
	if (f->asked > f->base && now_us - f->progress_us >= patience) {
		f->asked = f->base;
		f->progress_us = now_us;
	}
	if (f->asked < f->base)
		f->asked = f->base;
	while (f->asked < f->pages && f->asked - f->base < PEER_PAGE_WINDOW) {
		*number = f->asked++;
		if (!(f->got >> (*number - f->base) & 1))
			return true;
	}
	return false;
}

void peer_fetch__end(struct peer_fetch *f)
{
	free(f->bytes);
	memset(f, 0, sizeof(*f));
}

bool peer_pages_rate__take(struct peer_pages_rate *r, uint64_t now_us)
{
	r->tokens += (double)(now_us - r->at_us) * PEER_PAGES_PER_S / 1e6;
	r->at_us = now_us;
	if (r->tokens > PEER_PAGES_PER_S)
		r->tokens = PEER_PAGES_PER_S;
	if (r->tokens < 1)
		return false;
	r->tokens--;
	return true;
}
