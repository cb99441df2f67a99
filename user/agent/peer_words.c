/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_words.h"

#include "agent/agent.h"
#include "agent/peers_state.h"
#include "peer/word.h"

static struct peer_word word_of(const struct member *m)
{
	return (struct peer_word){
		.number = m->word,
		.admin = (uint8_t)m->health.admin,
		.percent = m->percent,
	};
}

void peer_words__said(struct member *m)
{
	m->word = peer_word__next(m->word);
	member__remember(m);
}

int peer_words__publish(const struct member *m, struct ledger *l)
{
	const struct peer_word w = word_of(m);

	return w.number ? peer_facts__set_word(l, m->service->name, member__id(m), &w) : 0;
}

void peer_words__heard(struct peers *p, const void *key, size_t key_len)
{
	p->words |= peer_facts__is_word(key, key_len);
}

static void follow(struct member *m, const struct peer_word *w, const struct peer *peer)
{
	const struct member_word said = {.uid = JOURNAL_NOBODY, .peer = peer->name};

	m->word = w->number;
	member__set_admin(m, (enum fl_admin)w->admin, &said);
	member__set_percent(m, w->percent, &said);
	/* Also if it was so already: others are told by which word. */
	member__remember(m);
}

static void look(struct member *m, const struct peers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct peer_word ours = word_of(m);
		struct peer_word theirs;

		if (peer_facts__word(p->list[i].link.copy, m->service->name, member__id(m),
				     &theirs) &&
		    peer_word__is_newer(&theirs, &ours))
			follow(m, &theirs, &p->list[i]);
	}
}

void peer_words__flush(struct agent *a)
{
	struct peers *p = a->peers;
	struct service *s;

	if (!p || !p->words)
		return;
	p->words = false;
	TAILQ_FOREACH (s, &a->services, entry) {
		for (size_t i = 0; i < s->n_members; i++)
			look(s->members[i], p);
	}
}
