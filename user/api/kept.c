/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kept.c - answers that are made once for all who ask meanwhile: it is milliseconds of work for thousands of
 * backends. Who is slow to read one holds an old one, and has no more time for it than for anything.
 */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct api_kept {
	LIST_ENTRY(api_kept) entry;
	char key[API_KEY_LEN];
	uint64_t until_ms; /* uv_now(): from then on the next tick drops it */
	struct MHD_Response *response;
};

static void drop(struct api_kept *k)
{
	LIST_REMOVE(k, entry);
	MHD_destroy_response(k->response);
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

static struct MHD_Response *find(const struct api *a, const char *key)
{
	const struct api_kept *k;

	LIST_FOREACH (k, &a->kept, entry) {
		if (strcmp(k->key, key) == 0)
			return k->response;
	}
	return NULL;
}

/* Takes over `text`; NULL: out of memory. */
static struct MHD_Response *keep(struct api *a, const char *key, uint32_t keep_ms, char *text,
				 size_t len, const char *type)
{
	struct api_kept *k = calloc(1, sizeof(*k));

	if (k)
		k->response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	if (!k || !k->response) {
		free(text);
		free(k);
		return NULL;
	}
	snprintf(k->key, sizeof(k->key), "%s", key);
	k->until_ms = uv_now(a->loop) + keep_ms;
	LIST_INSERT_HEAD(&a->kept, k, entry);
	if (api_request__set_headers(k->response, type))
		return k->response;
	drop(k);
	return NULL;
}

static enum MHD_Result queue(struct api_request *r, struct MHD_Response *response)
{
	if (!response) {
		json_decref(r->reply);
		r->reply = NULL;
		return api_request__refuse(r, MHD_HTTP_INTERNAL_SERVER_ERROR, API_NO_MEMORY);
	}
	return MHD_queue_response(r->connection, MHD_HTTP_OK, response);
}

bool api_kept__has(const struct api_request *r)
{
	return r->key[0] && find(r->server->api, r->key);
}

enum MHD_Result api_kept__send(struct api_request *r)
{
	struct api *a = r->server->api;
	struct MHD_Response *response = find(a, r->key);
	char *text = response ? NULL : json_dumps(r->reply, JSON_COMPACT);

	if (text)
		response = keep(a, r->key, r->keep_ms, text, strlen(text), "application/json");
	r->key[0] = '\0'; /* an error is nobody else's answer */
	return queue(r, response);
}

enum MHD_Result api_kept__send_text(struct api_request *r, char *text, size_t len, const char *type)
{
	struct MHD_Response *response = NULL;

	if (text)
		response = keep(r->server->api, r->key, r->keep_ms, text, len, type);
	r->key[0] = '\0';
	return queue(r, response);
}
