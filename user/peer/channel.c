/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "peer/channel.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

#define VERSION 1

struct header {
	uint8_t magic[4];
	uint32_t hint; /* as it is in the key: a hash has no order */
	uint64_t from, to, seq, cookie, echo; /* network order */
};
_Static_assert(sizeof(struct header) == PEER_HEADER_LEN, "no padding");
_Static_assert(PEER_OVERHEAD == PEER_HEADER_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES,
	       "header and tag");
_Static_assert(PEER_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

static const uint8_t magic[4] = {'F', 'L', VERSION, 0};

void peer_channel__init(struct peer_channel *c, const struct peer_keys *keys,
			const uint8_t seed[PEER_SEED_LEN])
{
	memset(c, 0, sizeof(*c));
	c->keys = keys;
	memcpy(c->secret, seed, sizeof(c->secret));
	memcpy(&c->own, seed + sizeof(c->secret), sizeof(c->own));
	if (!c->own)
		c->own = 1;
}

bool peer_channel__is_up(const struct peer_channel *c)
{
	return c->peer && c->known;
}

/* Never 0. */
static uint64_t challenge(const struct peer_channel *c, uint64_t session)
{
	const uint64_t in[2] = {session, c->n_accepted};
	uint8_t out[crypto_generichash_BYTES_MIN];
	uint64_t cookie;

	crypto_generichash(out, sizeof(out), (const uint8_t *)in, sizeof(in), c->secret,
			   sizeof(c->secret));
	memcpy(&cookie, out, sizeof(cookie));
	return cookie ? cookie : 1;
}

static void make_nonce(const struct header *h,
		       uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES])
{
	memset(nonce, 0, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
	memcpy(nonce, &h->from, sizeof(h->from));
	memcpy(nonce + sizeof(h->from), &h->seq, sizeof(h->seq));
}

size_t peer_channel__seal(struct peer_channel *c, const void *body, size_t len,
			  const struct peer_answer *answer, uint8_t *out)
{
	uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
	const struct peer_key *key = &c->keys->key[0];
	struct header h = {
		.hint = key->hint,
		.from = htobe64(c->own),
		.to = htobe64(c->peer),
		.seq = htobe64(++c->seq),
		.cookie = htobe64(answer ? answer->cookie : 0),
		.echo = htobe64(answer ? answer->echo : 0),
	};

	memcpy(h.magic, magic, sizeof(magic));
	memcpy(out, &h, sizeof(h));
	make_nonce(&h, nonce);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + sizeof(h), NULL, body, len, out, sizeof(h),
						   NULL, nonce, key->bytes);
	return len + PEER_OVERHEAD;
}

static const struct peer_key *find_key(const struct peer_keys *keys, uint32_t hint)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (keys->key[i].hint == hint)
			return &keys->key[i];
	}
	return NULL;
}

/* Whether the accepted session had this one already; else it has now. */
static bool is_replayed(struct peer_channel *c, uint64_t seq)
{
	uint64_t bit = 1ULL << (seq % 64), *word = &c->seen[seq % PEER_WINDOW / 64];

	if (seq + PEER_WINDOW <= c->newest || seq == 0)
		return true;
	if (seq > c->newest) {
		/* What comes into the window was not seen. */
		if (seq - c->newest >= PEER_WINDOW)
			memset(c->seen, 0, sizeof(c->seen));
		else
			for (uint64_t s = c->newest + 1; s < seq; s++)
				c->seen[s % PEER_WINDOW / 64] &= ~(1ULL << (s % 64));
		c->newest = seq;
		*word |= bit;
		return false;
	}
	if (*word & bit)
		return true;
	*word |= bit;
	return false;
}

/* The session has proved that it lives. What it said before that counts as seen. */
static void accept_session(struct peer_channel *c, uint64_t session, uint64_t seq)
{
	c->peer = session;
	c->n_accepted++;
	c->newest = seq;
	memset(c->seen, 0xff, sizeof(c->seen));
}

/* Of a genuine datagram: what it means for the sessions. */
static enum peer_open judge(struct peer_channel *c, const struct header *h,
			    struct peer_answer *answer)
{
	uint64_t from = be64toh(h->from), cookie = be64toh(h->cookie);

	if (from == c->peer) {
		if (is_replayed(c, be64toh(h->seq)))
			return PEER_REPLAYED;
	} else if (h->echo && be64toh(h->echo) == challenge(c, from)) {
		accept_session(c, from, be64toh(h->seq));
	} else {
		*answer = (struct peer_answer){true, challenge(c, from), cookie};
		return PEER_EMPTY;
	}
	c->known = be64toh(h->to) == c->own;
	*answer = (struct peer_answer){cookie != 0, 0, cookie};
	return c->known ? PEER_BODY : PEER_EMPTY;
}

static enum peer_open open_datagram(struct peer_channel *c, const uint8_t *datagram, size_t len,
				    uint8_t *body, size_t *body_len, struct peer_answer *answer)
{
	uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES], plain[PEER_BODY_MAX];
	const struct peer_key *key;
	enum peer_open verdict;
	struct header h;

	if (len < PEER_OVERHEAD || len > PEER_DATAGRAM_MAX)
		return PEER_MALFORMED;
	memcpy(&h, datagram, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.from == 0 || h.seq == 0)
		return PEER_MALFORMED;
	if (be64toh(h.from) == c->own)
		return PEER_REFLECTED;
	key = find_key(c->keys, h.hint);
	if (!key)
		return PEER_NO_KEY;
	make_nonce(&h, nonce);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, datagram + sizeof(h),
						       len - sizeof(h), datagram, sizeof(h), nonce,
						       key->bytes))
		return PEER_FORGED;
	verdict = judge(c, &h, answer);
	if (verdict == PEER_BODY) {
		*body_len = len - PEER_OVERHEAD;
		memcpy(body, plain, *body_len);
	}
	return verdict;
}

enum peer_open peer_channel__open(struct peer_channel *c, const uint8_t *datagram, size_t len,
				  uint8_t *body, size_t *body_len, struct peer_answer *answer)
{
	enum peer_open verdict;

	*answer = (struct peer_answer){.wanted = false};
	verdict = open_datagram(c, datagram, len, body, body_len, answer);
	c->counts[verdict]++;
	return verdict;
}
