/* SPDX-License-Identifier: GPL-2.0-or-later */
/* peer_accord_texts.c - what peers have in common, as texts: named, kept while they are needed, handed out in pages. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peer_accord_state.h"

void peer_accord__name(const char *text, size_t len, struct accord_text *out)
{
	crypto_generichash(out->digest, sizeof(out->digest), (const unsigned char *)text, len, NULL,
			   0);
	out->len = (uint32_t)len;
}

const struct held_text *accord_texts__find(const struct peer_accord *p,
					   const struct accord_text *name)
{
	for (size_t i = 0; i < ACCORD_HELD; i++) {
		if (p->held[i].bytes && accord_text__equal(&p->held[i].name, name))
			return &p->held[i];
	}
	return NULL;
}

void accord_texts__hold(struct peer_accord *p, const struct accord_text *name, char *bytes)
{
	const struct accord_record *r = &p->core.record;

	if (accord_texts__find(p, name)) {
		free(bytes);
		return;
	}
	for (size_t i = 0; i < ACCORD_HELD; i++) {
		struct held_text *h = &p->held[i];

		if (h->bytes && (accord_text__equal(&h->name, &r->decided.text) ||
				 accord_text__equal(&h->name, &r->next.text)))
			continue;
		free(h->bytes);
		*h = (struct held_text){*name, bytes};
		return;
	}
}

void accord_texts__answer(struct peer_accord *p, struct peer *peer, const struct peer_page *page)
{
	size_t i = (size_t)(peer - peer->peers->list);
	uint8_t out[PEER_PAGE_MAX];
	size_t len;

	if (!peer_pages_rate__take(&p->rates[i], peers__now_us()))
		return;
	for (size_t k = 0; k < ACCORD_HELD; k++) {
		const struct held_text *h = &p->held[k];

		if (!h->bytes || memcmp(h->name.digest, page->digest, ACCORD_DIGEST) != 0)
			continue;
		len = peer_page__answer(&h->name, h->bytes, page->number, out);
		if (len)
			peer_link__page(&peer->link, peers__now_us(), out, len);
	}
}
