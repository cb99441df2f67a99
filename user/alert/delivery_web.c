/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * delivery_web.c - a POST of an alert. The receiver may be slow or hostile: it gets its time, its redirects are not
 * followed, and of what it answers some bytes are read.
 */
#include "alert/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "probe/secret.h"
#include "probe/talk.h"
#include "probe/web.h"

#define SHOWN 120 /* bytes of an answer that people see */

struct delivery_web {
	struct web_loop *loop;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	size_t body_len, header_bytes;
	char answer[SHOWN];
	size_t shown, total; /* bytes in `answer`, bytes that came */
	char retry_after[64];
};

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct delivery_web *w = ctx;
	size_t take = n < sizeof(w->answer) - w->shown ? n : sizeof(w->answer) - w->shown;

	(void)one;
	memcpy(w->answer + w->shown, data, take);
	w->shown += take;
	w->total += n;
	/* Fewer than were offered: the status is known, the transfer ends. */
	return w->total > WEB_BODY_MAX ? CURL_WRITEFUNC_ERROR : n;
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
	struct delivery_web *w = ctx;

	(void)one;
	w->header_bytes += n;
	web__take_header(line, n, "retry-after", w->retry_after, sizeof(w->retry_after));
	return w->header_bytes > WEB_HEADERS_MAX ? 0 : n;
}

/* --- the request ------------------------------------------------------------------------------------ */

static bool add(struct delivery_web *w, const char *header)
{
	struct curl_slist *longer = curl_slist_append(w->headers, header);

	if (longer)
		w->headers = longer;
	return longer != NULL;
}

static bool has_type(const struct config_words *headers)
{
	for (size_t i = 0; i < headers->n; i++)
		if (strncasecmp(headers->list[i], "content-type:", 13) == 0)
			return true;
	return false;
}

static int add_headers(struct delivery_web *w, const struct config_webhook *to, struct err *err)
{
	char secret[SECRET_LEN], header[SECRET_LEN + 32];
	bool ok = has_type(&to->headers) || add(w, "Content-Type: application/json");
	int rc;

	/* libcurl would wait for a "100 Continue" first. */
	ok = ok && add(w, "Expect:");
	for (size_t i = 0; i < to->headers.n; i++)
		ok = ok && add(w, to->headers.list[i]);
	if (to->token_file) {
		rc = secret__file("token", to->token_file, secret, err);
		if (rc)
			return rc;
		snprintf(header, sizeof(header), "Authorization: Bearer %s", secret);
		ok = ok && add(w, header);
		explicit_bzero(secret, sizeof(secret));
		explicit_bzero(header, sizeof(header));
	}
	return ok ? 0 : err__set(err, -ENOMEM, "out of memory");
}

static int set_url(struct delivery_web *w, const struct config_webhook *to, struct err *err)
{
	char secret[SECRET_LEN];
	int rc;

	if (to->url) {
		curl_easy_setopt(w->easy, CURLOPT_URL, to->url);
		return 0;
	}
	rc = secret__file("URL", to->url_file, secret, err);
	if (!rc)
		curl_easy_setopt(w->easy, CURLOPT_URL, secret);
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

static void set_options(struct delivery_web *w, const struct config_alert *to, void *delivery)
{
	CURL *e = w->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, delivery);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, w->body);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)w->body_len);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, w);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)to->timeout_ms);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* A resolver that hangs is left alone with its thread, and not waited for by the loop. */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	if (to->webhook.ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, to->webhook.ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
}

int delivery_web__start(struct web_loop *web, const struct config_alert *to, char *body, size_t len,
			void *delivery, struct delivery_web **out, struct err *err)
{
	struct delivery_web *w = calloc(1, sizeof(*w));
	int rc = 0;

	if (!w || !(w->easy = curl_easy_init())) {
		free(w);
		free(body);
		return err__set(err, -ENOMEM, "out of memory");
	}
	w->body = body;
	w->body_len = len;
	set_options(w, to, delivery);
	rc = set_url(w, &to->webhook, err);
	if (!rc)
		rc = add_headers(w, &to->webhook, err);
	curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
	if (!rc && curl_multi_add_handle(web->multi, w->easy))
		rc = err__set(err, -EINVAL, "libcurl refused the request");
	if (rc) {
		delivery_web__free(w);
		return rc;
	}
	w->loop = web;
	*out = w;
	return 0;
}

/* --- the answer ------------------------------------------------------------------------------------- */

void delivery_web__judge(struct delivery_web *w, CURLcode code, struct delivery_end *end)
{
	char text[SHOWN + 1];
	long status = 0;

	curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
	/* A status alone is an answer: what comes, or does not come, behind it changes nothing. */
	if (status < 200 ||
	    (code != CURLE_OK && code != CURLE_WRITE_ERROR && code != CURLE_OPERATION_TIMEDOUT)) {
		web__describe(w->easy, code, end->detail, sizeof(end->detail));
		return;
	}
	end->verdict = retry__judge(status);
	talk__text(text, sizeof(text), w->answer, w->shown);
	snprintf(end->detail, sizeof(end->detail), "status %ld%s%s", status, text[0] ? ": " : "",
		 text);
	if (end->verdict == RETRY_AGAIN)
		end->asked_ms = retry__after_ms(w->retry_after, time(NULL));
}

void delivery_web__free(struct delivery_web *w)
{
	if (!w)
		return;
	if (w->loop)
		curl_multi_remove_handle(w->loop->multi, w->easy);
	curl_easy_cleanup(w->easy);
	curl_slist_free_all(w->headers);
	free(w->body);
	free(w);
}
