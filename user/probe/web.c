/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web.c - requests of HTTP and their answers, carried by libcurl.
 *
 * One multi handle on the agent's loop: libcurl says which sockets and which timeout it waits for
 * (web_loop.c), libuv waits.
 */
#include "probe/web.h"

#include <errno.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "probe/secret.h"
#include "probe/talk.h"

/* A request under way, and the answer so far. */
struct attempt {
	struct probe *probe;
	unsigned int step;
	struct web_request request;
	struct curl_slist *headers, *connect_to;
	struct web_answer answer;
	size_t header_bytes;
	bool decided; /* by what is there of the body */
	size_t len;
	char body[]; /* WEB_BODY_MAX bytes and a NUL if the body is wanted, else one byte */
};

/* --- the answer --------------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct attempt *a = ctx;
	const struct probe *p = a->probe;
	const struct web_kind *kind = p->kind->web;
	size_t take = n < WEB_BODY_MAX - a->len ? n : WEB_BODY_MAX - a->len;

	(void)one;
	if (a->request.wants_body) {
		memcpy(a->body + a->len, data, take);
		a->body[a->len + take] = '\0';
	}
	a->len += take;
	a->answer.cut = a->len == WEB_BODY_MAX;
	a->decided = a->answer.cut || (a->request.wants_body && kind->decided &&
				       kind->decided(&p->args, a->body, a->len));
	/* Fewer than were offered: the rest is not needed, the transfer ends. */
	return a->decided ? CURL_WRITEFUNC_ERROR : n;
}

void web__take_header(const char *line, size_t len, const char *name, char *to, size_t size)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return;
	line += n + 1;
	len -= n + 1;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	talk__text(to, size, line, len);
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
	struct attempt *a = ctx;

	(void)one;
	/* libcurl keeps headers, however many there are. */
	a->header_bytes += n;
	if (a->header_bytes > WEB_HEADERS_MAX)
		return 0;
	web__take_header(line, n, "grpc-status", a->answer.grpc_status,
			 sizeof(a->answer.grpc_status));
	web__take_header(line, n, "grpc-message", a->answer.grpc_message,
			 sizeof(a->answer.grpc_message));
	return n;
}

/* The certificate's end, if it is near, goes to the result. */
static void judge_certificate(struct probe *p)
{
	struct curl_certinfo *info = NULL;
	static const char key[] = "Expire date:";
	const struct curl_slist *line;
	time_t end = -1;

	curl_easy_getinfo(p->kept, CURLINFO_CERTINFO, &info);
	for (line = info && info->num_of_certs > 0 ? info->certinfo[0] : NULL; line;
	     line = line->next) {
		if (strncmp(line->data, key, sizeof(key) - 1) == 0)
			end = curl_getdate(line->data + sizeof(key) - 1, NULL);
	}
	if (end != (time_t)-1)
		probe__judge_certificate(p, (int64_t)end - time(NULL));
}

void web__describe(CURL *easy, CURLcode code, char *detail, size_t len)
{
	long verified = 0, os_err = 0;

	/* libcurl looks at the name first, and leaves this unspecified when it is another one. */
	curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os_err);
	if (code == CURLE_COULDNT_CONNECT && os_err)
		snprintf(detail, len, "%s", probe__clause((int)os_err));
	else if (code == CURLE_GOT_NOTHING)
		snprintf(detail, len, "the connection was closed without an answer");
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		snprintf(detail, len, "its certificate is not accepted: %s",
			 verified == X509_V_OK || verified == X509_V_ERR_UNSPECIFIED
				 ? "it is for another name"
				 : X509_verify_cert_error_string(verified));
	else
		snprintf(detail, len, "%s", curl_easy_strerror(code));
}

/* --- the request -------------------------------------------------------------------------------- */

static void end(struct probe *p)
{
	struct attempt *a = p->attempt;

	curl_multi_remove_handle(p->prober->web.multi, p->kept);
	curl_slist_free_all(a->headers);
	curl_slist_free_all(a->connect_to);
	free(a);
	p->attempt = NULL;
}

static void set_tls(CURL *e, const struct config_probe *args)
{
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, args->verify ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, args->verify ? 2L : 0L);
	if (args->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, args->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (args->cert_file) {
		curl_easy_setopt(e, CURLOPT_SSLCERT, args->cert_file);
		curl_easy_setopt(e, CURLOPT_SSLKEY, args->key_file);
	}
	curl_easy_setopt(e, CURLOPT_CERTINFO, args->expiry_warning_ms ? 1L : 0L);
}

static void set_request(CURL *e, const struct config_probe *args, const struct web_request *r)
{
	long version = CURL_HTTP_VERSION_1_1;

	if (r->version == WEB_2)
		version = args->tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, version);
	if (r->body_len) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)r->body_len);
	}
	if (r->method && strcmp(r->method, "HEAD") == 0)
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (r->method)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
}

/* A new socket that is not connected yet. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
	const struct probe *p = ctx;

	(void)purpose;
	if (probe_way__any(&p->way) && probe_way__bind(&p->way, &p->address, fd))
		return CURL_SOCKOPT_ERROR;
	return CURL_SOCKOPT_OK;
}

static void set_options(struct probe *p, struct attempt *a)
{
	CURL *e = p->kept;

	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
	curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, p);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "fairlead/" FAIRLEAD_VERSION);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	/* The prober's own timer ends a try; libcurl must only not wait for ever on its own. */
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)p->args.timeout_ms * 2);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	/* The path is the operator's, byte for byte. */
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	if (p->args.tls)
		set_tls(e, &p->args);
	set_request(e, &p->args, &a->request);
}

static bool add(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	if (longer)
		*list = longer;
	return longer != NULL;
}

/* The headers: the operator's, the kind's, and none that libcurl would add to a body. */
static bool set_headers(struct probe *p, struct attempt *a)
{
	const struct config_probe *args = &p->args;
	char header[512];
	bool ok = true;

	if (args->host) {
		snprintf(header, sizeof(header), "Host: %s", args->host);
		ok &= add(&a->headers, header);
	}
	for (size_t i = 0; i < args->headers.n; i++)
		ok &= add(&a->headers, args->headers.list[i]);
	for (size_t i = 0; i < sizeof(a->request.headers) / sizeof(*a->request.headers); i++) {
		if (a->request.headers[i])
			ok &= add(&a->headers, a->request.headers[i]);
	}
	curl_easy_setopt(p->kept, CURLOPT_HTTPHEADER, a->headers);
	return ok;
}

/* An address as a URL has it; `buf` has room for two brackets more than an address. */
static const char *format_host(const struct addr *address, char *buf, size_t size)
{
	bool v6 = !addr__is4(address);
	char text[ADDR_STRLEN];

	snprintf(buf, size, "%s%s%s", v6 ? "[" : "", addr__format(address, text), v6 ? "]" : "");
	return buf;
}

/*
 * The URL has the name that TLS asks for, if there is one, else the address; the connection goes to the
 * address, or its stand-in.
 */
static bool set_target(struct probe *p, struct attempt *a)
{
	char at[ADDR_STRLEN + 2], peer[ADDR_STRLEN + 2], url[WEB_REQUEST_MAX + 1536], to[128];

	format_host(&p->address, at, sizeof(at));
	snprintf(url, sizeof(url), "%s://%s:%u%s", p->args.tls ? "https" : "http",
		 p->args.sni ? p->args.sni : at, p->port, a->request.path);
	snprintf(to, sizeof(to), "::%s:%u", format_host(probe__peer(p), peer, sizeof(peer)),
		 p->port);
	curl_easy_setopt(p->kept, CURLOPT_URL, url);
	if (!p->args.sni && !probe_way__any(&p->way))
		return true;
	if (!add(&a->connect_to, to))
		return false;
	curl_easy_setopt(p->kept, CURLOPT_CONNECT_TO, a->connect_to);
	return true;
}

static int set_user(struct probe *p)
{
	char secret[SECRET_LEN];
	const char *password = NULL;
	struct err err = {.text = ""};
	int rc = secret__read(&p->args, secret, &password, &err);

	if (rc) {
		snprintf(p->why, sizeof(p->why), "%.*s", (int)sizeof(p->why) - 1, err.text);
		return rc;
	}
	if (p->args.user)
		curl_easy_setopt(p->kept, CURLOPT_USERNAME, p->args.user);
	if (password)
		curl_easy_setopt(p->kept, CURLOPT_PASSWORD, password);
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

/* Asks request number `step`. On failure p->attempt is NULL. */
static int ask(struct probe *p, unsigned int step, const char **why)
{
	struct web_request r = {.path = "/"};
	struct attempt *a;
	int rc;

	p->kind->web->ask(&p->args, step, &r);
	a = calloc(1, sizeof(*a) + (r.wants_body ? WEB_BODY_MAX : 0) + 1);
	if (!p->kept)
		p->kept = curl_easy_init();
	if (!a || !p->kept) {
		free(a);
		return -ENOMEM;
	}
	a->probe = p;
	a->step = step;
	a->request = r;
	p->attempt = a;
	set_options(p, a);
	rc = set_headers(p, a) && set_target(p, a) ? set_user(p) : -ENOMEM;
	*why = p->why;
	if (!rc && curl_multi_add_handle(p->prober->web.multi, p->kept)) {
		*why = "libcurl refused the request";
		rc = -EINVAL;
	}
	if (rc)
		end(p);
	return rc;
}

/* --- the end of a transfer ---------------------------------------------------------------------- */

/* The kind's judgement of an answer that is there. */
static void judge(struct probe *p)
{
	struct attempt *a = p->attempt;
	struct web_verdict v = {.ok = false};
	const char *why = "";
	unsigned int step = a->step;
	int rc;

	curl_easy_getinfo(p->kept, CURLINFO_RESPONSE_CODE, &a->answer.status);
	a->answer.body = a->body;
	a->answer.len = a->request.wants_body ? a->len : 0;
	p->kind->web->judge(&p->args, step, &a->answer, &v);
	if (p->args.tls)
		judge_certificate(p);
	end(p);
	rc = v.again ? ask(p, step + 1, &why) : 0;
	if (rc && probe__is_local(-rc))
		probe__skip(p);
	else if (rc)
		probe__finish(p, PROBE_FAILED, why);
	else if (!v.again)
		probe__finish(p, v.ok ? PROBE_OK : PROBE_FAILED, v.detail);
}

void web__complete(void *private, CURLcode code)
{
	struct probe *p = private;
	const struct attempt *a = p->attempt;
	enum probe_outcome outcome = PROBE_FAILED;
	char detail[PROBE_DETAIL_LEN];
	long os_err = 0;
	bool local;

	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && a->decided)) {
		judge(p);
		return;
	}
	curl_easy_getinfo(p->kept, CURLINFO_OS_ERRNO, &os_err);
	local = code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
		(code == CURLE_COULDNT_CONNECT && probe__is_local((int)os_err));
	if (code == CURLE_WRITE_ERROR && a->header_bytes > WEB_HEADERS_MAX)
		snprintf(detail, sizeof(detail), "its headers are longer than %d KiB",
			 WEB_HEADERS_MAX / 1024);
	else
		web__describe(p->kept, code, detail, sizeof(detail));
	if (code == CURLE_COULDNT_CONNECT && os_err)
		outcome = probe__outcome((int)os_err);
	end(p);
	if (local)
		probe__skip(p);
	else
		probe__finish(p, outcome, detail);
}

int web__start(struct probe *p, const char **why)
{
	return ask(p, 0, why);
}

void web__abort(struct probe *p)
{
	if (p->attempt)
		end(p);
}

void web__forget(struct probe *p)
{
	if (p->kept)
		curl_easy_cleanup(p->kept);
	p->kept = NULL;
}
