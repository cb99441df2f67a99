/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top_link.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/client.h"

#define MOST_FDS 4

struct top_link {
	const char *socket;
	CURLM *multi;
	CURL *easy;
	struct client_reply reply;
	bool asks;
};

struct top_link *top_link__new(const char *socket)
{
	struct top_link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->socket = socket;
	l->multi = curl_multi_init();
	l->easy = curl_easy_init();
	if (l->multi && l->easy)
		return l;
	top_link__free(l);
	return NULL;
}

void top_link__free(struct top_link *l)
{
	if (!l)
		return;
	if (l->asks)
		curl_multi_remove_handle(l->multi, l->easy);
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	client__free(&l->reply);
	free(l);
}

int top_link__ask(struct top_link *l, const char *path, struct err *err)
{
	int rc;

	client__free(&l->reply);
	rc = client__prepare(l->easy, l->socket, path, &l->reply, err);
	if (rc)
		return rc;
	curl_easy_setopt(l->easy, CURLOPT_TIMEOUT, (long)TOP_LINK_PATIENCE_S);
	if (curl_multi_add_handle(l->multi, l->easy))
		return err__set(err, -ENOMEM, "out of memory");
	l->asks = true;
	return 0;
}

bool top_link__asks(const struct top_link *l)
{
	return l->asks;
}

int top_link__take(struct top_link *l, json_t **out, struct err *err)
{
	int running = 0, left;
	CURLMsg *message;

	*out = NULL;
	if (!l->asks)
		return -EINPROGRESS;
	curl_multi_perform(l->multi, &running);
	while ((message = curl_multi_info_read(l->multi, &left))) {
		CURLcode rc = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_multi_remove_handle(l->multi, l->easy);
		l->asks = false;
		return client__outcome(l->easy, rc, l->socket, &l->reply, out, err);
	}
	return -EINPROGRESS;
}

void top_link__wait(struct top_link *l, const int *fds, size_t n, int timeout_ms)
{
	struct curl_waitfd wait[MOST_FDS];

	for (size_t i = 0; i < n && i < MOST_FDS; i++)
		wait[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
	curl_multi_poll(l->multi, wait, n < MOST_FDS ? (unsigned int)n : MOST_FDS, timeout_ms,
			NULL);
}
