/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token.c - who may change something: who knows the token of api.token_file (RFC 6750, "Bearer").
 *
 * The file is read anew for each such request, so that a token is changed by changing the file. One that can't be
 * had lets nobody through.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "core/log.h"
#include "core/tokens.h"

#define SCHEME "Bearer "

struct headers {
	unsigned int n;
	const char *value; /* of the last one */
	size_t len;
};

static enum MHD_Result on_header(void *ctx, enum MHD_ValueKind kind, const char *key,
				 size_t key_len, const char *value, size_t len)
{
	struct headers *h = ctx;

	(void)kind;
	if (key_len == strlen("Authorization") && !strncasecmp(key, "Authorization", key_len)) {
		h->n++;
		h->value = value;
		h->len = value ? len : 0;
	}
	return MHD_YES;
}

static void hash(uint8_t out[crypto_generichash_BYTES], const char *text, size_t len)
{
	crypto_generichash(out, crypto_generichash_BYTES, (const uint8_t *)text, len, NULL, 0);
}

/* Takes as long whatever is right of it. */
static bool is_one_of(const struct tokens *t, const char *text, size_t len)
{
	uint8_t asked[crypto_generichash_BYTES], have[crypto_generichash_BYTES];
	bool same = false;

	hash(asked, text, len);
	for (size_t i = 0; i < t->n; i++) {
		hash(have, t->text[i], strlen(t->text[i]));
		same |= sodium_memcmp(asked, have, sizeof(have)) == 0;
	}
	sodium_memzero(have, sizeof(have));
	return same;
}

/* A file that is not what it should be is told of when that is found, and when it has ended. */
static int read_tokens(struct api *a, const char *path, struct tokens *out, struct err *err)
{
	int rc = sodium_init() < 0 ? err__set(err, -EIO, "libsodium does not start")
				   : tokens__read(path, out, err);

	if (rc && strcmp(err->text, a->token_failure.text) != 0)
		log_error("%s; until then nobody may change anything by the API", err->text);
	else if (!rc && a->token_failure.text[0])
		log_info("the token file %s can be used again", path);
	err__set(&a->token_failure, 0, "%s", rc ? err->text : "");
	return rc;
}

static int check(const struct tokens *t, const struct headers *h, struct err *err)
{
	const char *text = h->value;
	size_t len = h->len;

	if (!h->n)
		return err__set(err, -EACCES,
				"this agent takes changes only with its token: the request needs "
				"the header 'Authorization: Bearer TOKEN'");
	if (h->n > 1)
		return err__set(err, -EACCES, "the request has the header 'Authorization' twice");
	if (len <= strlen(SCHEME) || strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return err__set(
			err, -EACCES,
			"the header 'Authorization' is to be 'Bearer TOKEN' and nothing else");
	text += strlen(SCHEME);
	len -= strlen(SCHEME);
	while (len && *text == ' ') {
		text++;
		len--;
	}
	if (!is_one_of(t, text, len))
		return err__set(err, -EACCES, "that is not the token of this agent");
	return 0;
}

int api_token__check(const struct api_request *r, struct err *err)
{
	struct api *a = r->server->api;
	const char *path = a->ops.token_file ? a->ops.token_file(a->ctx) : NULL;
	struct headers h = {0};
	struct tokens t;
	struct err why;
	int rc;

	if (!path)
		return 0;
	if (read_tokens(a, path, &t, &why))
		return err__set(err, -EPERM, "nobody may change anything: %s", why.text);
	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, on_header, &h);
	rc = check(&t, &h, err);
	tokens__wipe(&t);
	return rc;
}

bool api__token_problem(struct api *a, struct err *err)
{
	const char *path = a && a->ops.token_file ? a->ops.token_file(a->ctx) : NULL;
	struct tokens t;
	int rc;

	if (!path)
		return false;
	rc = read_tokens(a, path, &t, err);
	tokens__wipe(&t);
	return rc != 0;
}
