/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_http.c - a request of HTTP/1.1 in the clear of which only the status counts (RFC 9112).
 *
 * What most backends are asked, and so by the shortest way: the answer's first line decides, the rest
 * is not waited for. What needs more (TLS, HTTP/2, a body, a password) goes through web.c.
 */
#include <stdlib.h>
#include <string.h>

#include "probe/internal.h"
#include "probe/talks.h"

#define HTTP_VERSION "HTTP/1."

bool talk_http__can(const struct config_probe *p)
{
	return p->kind == CONFIG_PROBE_HTTP && !p->http2 && !p->body && !p->body_regex &&
	       !p->user && !p->password_file && !p->password_env;
}

static enum talk_next begin(struct talk *t)
{
	const struct config_probe *p = t->args;
	bool v6 = !addr__is4(t->address);
	char host[ADDR_STRLEN];
	int rc;

	rc = talk__printf(t, "%s %s HTTP/1.1\r\n", p->method, p->path);
	/* RFC 9112 3.2: the port is said unless it is the scheme's own. */
	if (p->host)
		rc = rc ? rc : talk__printf(t, "Host: %s\r\n", p->host);
	else if (t->port == 80)
		rc = rc ? rc
			: talk__printf(t, v6 ? "Host: [%s]\r\n" : "Host: %s\r\n",
				       addr__format(t->address, host));
	else
		rc = rc ? rc
			: talk__printf(t, v6 ? "Host: [%s]:%u\r\n" : "Host: %s:%u\r\n",
				       addr__format(t->address, host), t->port);
	rc = rc ? rc
		: talk__printf(t, "User-Agent: fairlead/" FAIRLEAD_VERSION
				  "\r\nAccept: */*\r\nConnection: close\r\n");
	for (size_t i = 0; i < p->headers.n; i++)
		rc = rc ? rc : talk__printf(t, "%s\r\n", p->headers.list[i]);
	rc = rc ? rc : talk__printf(t, "\r\n");
	return rc ? talk__fail(t, "the request is longer than %d bytes", TALK_OUT_MAX) : TALK_MORE;
}

/* The three digits of "HTTP/1.1 200 OK"; 0: it is no status line (RFC 9112 4). */
static unsigned int status_of(const char *line)
{
	size_t n = sizeof(HTTP_VERSION) - 1;

	if (strncmp(line, HTTP_VERSION, n) != 0 || (line[n] != '0' && line[n] != '1') ||
	    line[n + 1] != ' ' || strspn(line + n + 2, "0123456789") != 3 ||
	    (line[n + 5] && line[n + 5] != ' '))
		return 0;
	return (unsigned int)strtoul(line + n + 2, NULL, 10);
}

static enum talk_next input(struct talk *t)
{
	const struct config_probe *p = t->args;
	char line[128];
	unsigned int status;

	if (!talk__line(t, line, sizeof(line)))
		return TALK_MORE;
	/* After an interim answer (RFC 9110 15.2) its headers end with an empty line. */
	if (t->step) {
		t->step = line[0] != '\0';
		return TALK_AGAIN;
	}
	status = status_of(line);
	if (!status)
		return talk__fail(t, "its answer is not HTTP: \"%.60s\"", line);
	if (status < 200 && status != 101) {
		t->step = 1;
		return TALK_AGAIN;
	}
	if (status < p->status_min || status > p->status_max)
		return talk__fail(t, "status %u is not in %u..%u", status, p->status_min,
				  p->status_max);
	return talk__ok(t, "status %u", status);
}

const struct talk_kind talk_http = {.begin = begin, .input = input, .first = true};
