/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/tokens.h"

#define MAX_REPLY (64UL * 1024 * 1024) /* bytes; the largest status is well below */
#define CONNECT_TIMEOUT_S 2L
#define REQUEST_TIMEOUT_S 120L /* an apply may wait for grace periods */

static const char *token_file; /* one a process, as the command line has one */

static void (*on_wait)(void *ctx);
static void *on_wait_ctx;

void client__while(void (*waiting)(void *ctx), void *ctx)
{
	on_wait = waiting;
	on_wait_ctx = ctx;
}

/* 0: goes on. */
static int on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
		       curl_off_t ulnow)
{
	(void)arg;
	(void)dltotal;
	(void)dlnow;
	(void)ultotal;
	(void)ulnow;
	on_wait(on_wait_ctx);
	return 0;
}

void client__use_token(const char *path)
{
	token_file = path;
}

void client__free(struct client_reply *r)
{
	for (struct curl_slist *h = r->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(r->headers);
	free(r->text);
	*r = (struct client_reply){0};
}

static int add_token(CURL *curl, struct client_reply *reply, struct err *err)
{
	char header[sizeof("Authorization: Bearer ") + TOKEN_MAX];
	struct tokens t;
	int rc = token_file ? tokens__read(token_file, &t, err) : 0;

	if (rc || !token_file)
		return rc;
	snprintf(header, sizeof(header), "Authorization: Bearer %s", t.text[0]);
	reply->headers = curl_slist_append(NULL, header);
	tokens__wipe(&t);
	explicit_bzero(header, sizeof(header));
	if (!reply->headers)
		return err__set(err, -ENOMEM, "out of memory");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, reply->headers);
	return 0;
}

/* The agent wants a token that it was not given. */
static int no_token(const char *socket, struct err *err)
{
	if (token_file)
		return err__set(err, -EPROTO,
				"the agent on %s does not know the token of %s: it has another one "
				"in the file that its api.token_file names",
				socket, token_file);
	return err__set(
		err, -EPROTO,
		"the agent on %s takes changes only with its token: name the file that holds "
		"it with --token-file, or in FAIRLEAD_TOKEN_FILE",
		socket);
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct client_reply *r = arg;
	char *text;

	n *= size;
	if (n > MAX_REPLY - r->len)
		return 0;
	text = realloc(r->text, r->len + n + 1);
	if (!text)
		return 0;
	memcpy(text + r->len, data, n);
	r->text = text;
	r->len += n;
	return n;
}

static int no_agent(CURL *curl, const char *socket, struct err *err)
{
	long code = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &code);
	if (code == EACCES || code == EPERM)
		return err__set(
			err, -EACCES,
			"%s may not be used by this user (%s): become a member of the group "
			"fairlead (or the one that api.group names), or use root",
			socket, strerror((int)code));
	return err__set(err, -ECONNREFUSED,
			"no agent answers on %s (%s): is fairleadd running? See systemctl status "
			"fairleadd",
			socket, code ? strerror((int)code) : "no connection");
}

static int read_reply(CURL *curl, const char *socket, const struct client_reply *r, json_t **out,
		      struct err *err)
{
	json_t *object = json_loadb(r->text ? r->text : "", r->len, 0, NULL);
	const char *sentence;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (!json_is_object(object)) {
		json_decref(object);
		return err__set(err, -EBADMSG,
				"what answers on %s is not an agent of this version (HTTP %ld, no "
				"JSON object)",
				socket, status);
	}
	*out = object;
	if (status == 200)
		return 0;
	if (status == 401)
		return no_token(socket, err);
	sentence = json_string_value(json_object_get(object, "error"));
	return err__set(err, status == 503 ? -EAGAIN : -EPROTO, "%s",
			sentence ? sentence : "the agent gave no reason");
}

int client__outcome(CURL *curl, CURLcode rc, const char *socket, const struct client_reply *reply,
		    json_t **out, struct err *err)
{
	*out = NULL;
	switch (rc) {
	case CURLE_OK:
		return read_reply(curl, socket, reply, out, err);
	case CURLE_COULDNT_CONNECT:
		return no_agent(curl, socket, err);
	case CURLE_OPERATION_TIMEDOUT:
		return err__set(
			err, -ETIMEDOUT,
			"the agent on %s does not answer in time: see journalctl -u fairleadd",
			socket);
	default:
		return err__set(err, -EIO, "talking to the agent on %s: %s; try again", socket,
				curl_easy_strerror(rc));
	}
}

int client__prepare(CURL *curl, const char *socket, const char *path, struct client_reply *reply,
		    struct err *err)
{
	char url[1200];

	if (snprintf(url, sizeof(url), "http://localhost%s", path) >= (int)sizeof(url))
		return err__set(err, -ENAMETOOLONG, "the request is too long");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever http_proxy says */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	return add_token(curl, reply, err);
}

static int request(const char *socket, const char *path, bool post, const void *body, size_t len,
		   json_t **out, struct err *err)
{
	struct client_reply reply = {0};
	CURL *curl = curl_easy_init();
	int rc;

	*out = NULL;
	if (!curl)
		return err__set(err, -ENOMEM, "out of memory");
	rc = client__prepare(curl, socket, path, &reply, err);
	if (rc)
		goto cleanup;
	if (post) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	}
	if (on_wait) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	}
	rc = client__outcome(curl, curl_easy_perform(curl), socket, &reply, out, err);

cleanup:
	curl_easy_cleanup(curl);
	client__free(&reply);
	return rc;
}

int client__request(const char *socket, const char *method, const char *path, json_t **out,
		    struct err *err)
{
	return request(socket, path, !strcmp(method, "POST"), "", 0, out, err);
}

int client__post(const char *socket, const char *path, const void *body, size_t len, json_t **out,
		 struct err *err)
{
	return request(socket, path, true, body, len, out, err);
}
