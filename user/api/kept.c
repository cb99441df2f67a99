/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kept.c - answers that are made once for all who ask meanwhile: it is milliseconds of work for thousands of
 * backends. Who is slow to read one holds an old one, and has no more time for it than for anything.
 */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_text {
	struct MHD_Response *response;
	unsigned int holders;
};

struct api_kept {
	LIST_ENTRY(api_kept) entry;
	char key[API_KEY_LEN];
	uint64_t until_ms; /* uv_now(): from then on the next tick drops it */
	struct api_text *text;
};

struct api_text *api_text__new(char *text, size_t len, const char *type)
{
	struct api_text *t = text ? calloc(1, sizeof(*t)) : NULL;

	if (t)
		t->response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!t || !t->response) {
		free(text);
		free(t);
		return NULL;
	}
	t->holders = 1;
	if (api_request__set_headers(t->response, type))
		return t;
	api_text__drop(t);
	return NULL;
}

struct api_text *api_text__share(struct api_text *t)
{
	t->holders++;
	return t;
}

void api_text__drop(struct api_text *t)
{
	if (!t || --t->holders)
		return;
	MHD_destroy_response(t->response);
	free(t);
}

struct MHD_Response *api_text__response(const struct api_text *t)
{
	return t->response;
}

static void drop(struct api_kept *k)
{
	LIST_REMOVE(k, entry);
	api_text__drop(k->text);
	free(k);
}

void api_kept__expire(struct api *a, bool all)
{
	struct api_kept *k, *next;

	for (k = LIST_FIRST(&a->kept); k; k = next) {
		next = LIST_NEXT(k, entry);
		if (all || uv_now(a->loop) >= k->until_ms)
			drop(k);
	}
}

struct api_text *api_kept__find(const struct api_request *r)
{
	const struct api_kept *k;

	LIST_FOREACH (k, &r->server->api->kept, entry) {
		if (strcmp(k->key, r->key) == 0)
			return api_text__share(k->text);
	}
	return NULL;
}

void api_kept__keep(struct api_request *r)
{
	struct api *a = r->server->api;
	struct api_text *there = r->key[0] ? api_kept__find(r) : NULL;
	struct api_kept *k = r->key[0] && !there ? calloc(1, sizeof(*k)) : NULL;

	api_text__drop(there);
	/* Without memory for it, the next one has it made anew. */
	if (!k)
		return;
	snprintf(k->key, sizeof(k->key), "%s", r->key);
	k->until_ms = uv_now(a->loop) + r->keep_ms;
	k->text = api_text__share(r->text);
	LIST_INSERT_HEAD(&a->kept, k, entry);
}
