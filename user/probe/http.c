/* SPDX-License-Identifier: GPL-2.0-or-later */
/* http.c - an answer whose status, and perhaps body, is as it should be (RFC 9110). */
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "probe/web.h"

static void ask(const struct config_probe *args, unsigned int step, struct web_request *r)
{
	(void)step;
	r->method = strcmp(args->method, "GET") == 0 ? NULL : args->method;
	r->path = args->path;
	r->version = args->http2 ? WEB_2 : WEB_1_1;
	r->wants_body = args->body || args->body_regex;
}

static bool matches(const char *pattern, const char *body)
{
	regex_t re;
	bool found;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB | REG_NEWLINE))
		return false;
	found = regexec(&re, body, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

/* What it says of a body that is not as it should be. */
static void missing(const struct web_answer *a, const char *verb, const char *what,
		    struct web_verdict *v)
{
	snprintf(v->detail, sizeof(v->detail), "status %ld, but the body%s does not %s \"%.60s\"",
		 a->status, a->cut ? "'s first 64 KiB" : "", verb, what);
}

static void judge(const struct config_probe *args, unsigned int step, const struct web_answer *a,
		  struct web_verdict *v)
{
	(void)step;
	if (a->status < args->status_min || a->status > args->status_max) {
		snprintf(v->detail, sizeof(v->detail), "status %ld is not in %u..%u", a->status,
			 args->status_min, args->status_max);
	} else if (args->body && !memmem(a->body, a->len, args->body, strlen(args->body))) {
		missing(a, "hold", args->body, v);
	} else if (args->body_regex && !matches(args->body_regex, a->body)) {
		missing(a, "match", args->body_regex, v);
	} else {
		v->ok = true;
		snprintf(v->detail, sizeof(v->detail), "status %ld", a->status);
	}
}

/* What is looked for is there; a pattern may match otherwise by what follows. */
static bool decided(const struct config_probe *args, const char *body, size_t len)
{
	return args->body && !args->body_regex && memmem(body, len, args->body, strlen(args->body));
}

const struct web_kind web_http = {.ask = ask, .judge = judge, .decided = decided};
