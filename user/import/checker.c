/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checker.c - the checkers of real servers as one probe of the service. */
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "import/translate.h"

static const struct kind {
	const char *checker, *type;
	long retry, delay_ms; /* keepalived's defaults; delay 0: delay_loop */
} kinds[] = {
	{"TCP_CHECK", "tcp", 1, 1000},	 {"HTTP_GET", "http", 1, 3000},
	{"SSL_GET", "https", 1, 3000},	 {"SMTP_CHECK", "smtp", 1, 1000},
	{"DNS_CHECK", "dns", 3, 0},	 {"MISC_CHECK", "exec", 0, 1000},
	{"PING_CHECK", "icmp", 1, 1000}, {"UDP_CHECK", "udp", 1, 1000},
};

/* Where a checker stands: what it does not say, its real server or the virtual one does. */
struct place {
	struct stanza *server, *real, *checker;
};

static const struct kind *kind_of(const struct stanza *s)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (stanza__is(s, kinds[i].checker))
			return &kinds[i];
	return NULL;
}

static struct stanza *checker_of(const struct stanza *real)
{
	for (struct stanza *s = real->kids; s; s = s->next)
		if (kind_of(s))
			return s;
	return NULL;
}

static struct stanza *inherited(const struct place *p, const char *keyword)
{
	struct stanza *found = stanza__find(p->checker, keyword);

	if (!found)
		found = stanza__find(p->real, keyword);
	return found ? found : stanza__find(p->server, keyword);
}

/* A checker in words, to tell one from another. */
static const char *words_of(struct import *im, const struct stanza *s)
{
	const char *text = "";

	for (size_t i = 0; i < s->n; i++)
		text = arena__printf(im->arena, "%s %s", text, s->words[i]);
	for (const struct stanza *k = s->kids; k; k = k->next)
		text = arena__printf(im->arena, "%s{%s}", text, words_of(im, k));
	return text;
}

static const char *signature(struct import *im, const struct place *p)
{
	static const char *const keys[] = {"delay_loop", "retry", "connect_timeout",
					   "delay_before_retry", "virtualhost"};
	const char *text = p->checker ? words_of(im, p->checker) : "";

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct stanza *s = inherited(p, keys[i]);

		text = arena__printf(im->arena, "%s|%s", text, s ? stanza__word(s, 1) : "");
	}
	return text;
}

/* A service has one probe: what other real servers, and second checkers, ask otherwise is told. */
static void tell_others(struct import *im, const struct place *p)
{
	const char *mine = signature(im, p);

	for (struct stanza *s = p->checker ? p->real->kids : NULL; s; s = s->next)
		if (s != p->checker && kind_of(s))
			out__note(im, s, IMPORT_REFUSED,
				  "a service has one probe, which is the checker of line %u",
				  p->checker->line);
	for (struct stanza *s = p->server->kids; s; s = s->next) {
		struct place other = {p->server, s, checker_of(s)};

		if (!stanza__is(s, "real_server") || s == p->real ||
		    !strcmp(mine, signature(im, &other)))
			continue;
		out__note(
			im, other.checker ? other.checker : s, IMPORT_REFUSED,
			"a service has one probe, which is that of the real server of line %u; this "
			"one asks otherwise: write a service of its own if that matters",
			p->real->line);
	}
}

static void times(struct import *im, const struct place *p, const struct kind *kind)
{
	long interval = translate__ms(im, inherited(p, "delay_loop"), 10, 3600000, 60000);
	long fast = translate__ms(im, inherited(p, "delay_before_retry"), 0, 3600000,
				  kind->delay_ms ? kind->delay_ms : interval);
	struct stanza *limit = inherited(p, "connect_timeout");
	struct stanza *retry = inherited(p, "retry");
	long timeout, most = interval < 60000 ? interval : 60000;

	if (!strcmp(kind->type, "exec"))
		timeout =
			translate__ms(im, stanza__find(p->checker, "misc_timeout"), 1, 60000, most);
	else
		timeout = translate__ms(im, limit, 1, 60000, 5000);
	if (!retry)
		retry = stanza__find(p->checker, "nb_get_retry");
	fast = fast < 10 ? 10 : fast;
	out__text(im, p->checker,
		  "      interval: %s\n      fast_interval: %s\n      timeout: %s\n      rise: 1\n"
		  "      fall: %ld\n",
		  out__duration(im, (uint64_t)interval),
		  out__duration(im, (uint64_t)(fast < interval ? fast : interval)),
		  out__duration(im, (uint64_t)timeout),
		  translate__number(im, retry, 0, 99, kind->retry) + 1);
}

static void port(struct import *im, const struct place *p)
{
	struct stanza *s = stanza__find(p->checker, "connect_port");

	for (struct stanza *host = p->checker->kids; host; host = host->next) {
		if (!stanza__is(host, "host"))
			continue;
		translate__notes(im, host, "host");
		if (!s)
			s = stanza__find(host, "connect_port");
		else if (stanza__find(host, "connect_port") &&
			 strcmp(stanza__word(stanza__find(host, "connect_port"), 1),
				stanza__word(s, 1)) != 0)
			out__note(im, host, IMPORT_REFUSED, "a probe goes to one port, which is %s",
				  stanza__word(s, 1));
	}
	if (s)
		out__option(im, s, "      port: %s\n", out__quoted(im, stanza__word(s, 1)));
}

/* What PCRE has and POSIX extended regular expressions have not, or read otherwise. */
static bool is_posix(const char *regex)
{
	for (const char *at = regex; *at; at++) {
		if (*at == '\\') {
			at++;
			if (!*at || !strchr(".[]()*+?{}|^$\\/-", *at))
				return false;
		} else if ((*at == '(' || *at == '*' || *at == '+' || *at == '}' || *at == '?') &&
			   (at[1] == '?' || (at[1] == '+' && *at != '('))) {
			return false;
		}
	}
	return !rule__regex(regex);
}

static void regex(struct import *im, struct stanza *url)
{
	struct stanza *s = stanza__find(url, "regex");

	if (!s)
		return;
	if (stanza__find(url, "regex_no_match"))
		out__note(im, s, IMPORT_REFUSED,
			  "what must not occur can't be asked for: write what must");
	else if (stanza__find(url, "regex_options"))
		out__note(im, s, IMPORT_REFUSED,
			  "`body_regex` has no options: it is a POSIX extended regular expression");
	else if (!translate__is_plain(stanza__word(s, 1)) || !is_posix(stanza__word(s, 1)))
		out__note(
			im, s, IMPORT_REFUSED,
			"`body_regex` is a POSIX extended regular expression, and this is not, or "
			"means something else: %.128s",
			stanza__word(s, 1));
	else
		out__option(im, s, "      body_regex: %s\n", out__quoted(im, stanza__word(s, 1)));
}

static void status(struct import *im, struct stanza *url)
{
	struct stanza *s = stanza__find(url, "status_code");

	if (!s) {
		out__text(im, NULL, "      status: 200-299\n");
		return;
	}
	if (s->n > 2)
		out__note(im, s, IMPORT_REFUSED,
			  "`status` is one code or one range: that is %.16s here",
			  stanza__word(s, 1));
	out__option(im, s, "      status: %s\n", out__quoted(im, stanza__word(s, 1)));
}

static void tls(struct import *im, const struct place *p, struct stanza *host)
{
	const struct stanza *ssl = NULL;
	struct stanza *certificate, *key;

	for (struct stanza *s = im->root->kids; s; s = s->next)
		if (stanza__is(s, "SSL"))
			ssl = s;
	out__text(im, NULL, "      verify: false\n");
	if (stanza__find(p->checker, "enable_sni") && host)
		out__option(im, stanza__find(p->checker, "enable_sni"), "      sni: %s\n",
			    out__quoted(im, stanza__word(host, 1)));
	certificate = stanza__find(ssl, "certificate");
	key = stanza__find(ssl, "key");
	if (certificate && key)
		out__option(im, certificate, "      cert_file: %s\n      key_file: %s\n",
			    out__quoted(im, stanza__word(certificate, 1)),
			    out__quoted(im, stanza__word(key, 1)));
}

static void http(struct import *im, const struct place *p, bool secure)
{
	struct stanza *url = NULL, *path, *host;

	for (struct stanza *s = p->checker->kids; s; s = s->next) {
		if (!stanza__is(s, "url"))
			continue;
		translate__notes(im, s, "url");
		if (url)
			out__note(im, s, IMPORT_REFUSED,
				  "a probe asks for one path, that of line %u", url->line);
		else
			url = s;
	}
	path = stanza__find(url, "path");
	host = stanza__find(url, "virtualhost");
	host = host ? host : inherited(p, "virtualhost");
	if (path)
		out__option(im, path, "      path: %s\n", out__quoted(im, stanza__word(path, 1)));
	if (host)
		out__option(im, host, "      host: %s\n", out__quoted(im, stanza__word(host, 1)));
	if (url) {
		status(im, url);
		regex(im, url);
	}
	if (secure)
		tls(im, p, host);
}

/* "Ab12f 3" is AB 12 0F 03: a blank ends a byte. NULL: other than hexadecimal digits. */
static const char *hex(struct import *im, const struct stanza *s)
{
	char *text = arena__printf(im->arena, "hex:");

	for (size_t i = 1; i < s->n; i++) {
		const char *at = s->words[i];

		if (strspn(at, "0123456789abcdefABCDEF") != strlen(at))
			return NULL;
		while (*at) {
			int two = at[1] ? 2 : 1;

			text = arena__printf(im->arena, "%s%s%.*s", text, two == 1 ? "0" : "", two,
					     at);
			at += two;
		}
	}
	return text;
}

static void udp(struct import *im, const struct place *p)
{
	struct stanza *payload = stanza__find(p->checker, "payload");
	struct stanza *reply = stanza__find(p->checker, "require_reply");

	if (payload && hex(im, payload))
		out__option(im, payload, "      send: %s\n", out__quoted(im, hex(im, payload)));
	else if (payload)
		out__note(im, payload, IMPORT_REFUSED, "has other than hexadecimal digits");
	if (!reply)
		return;
	if (reply->n > 1 && hex(im, reply))
		out__option(im, reply, "      expect: %s\n", out__quoted(im, hex(im, reply)));
	else
		out__note(
			im, reply, IMPORT_REFUSED,
			"set `expect` to what the answer must hold; without it, only an ICMP error "
			"is a failure");
}

static void dns(struct import *im, const struct place *p)
{
	struct stanza *type = stanza__find(p->checker, "type");
	struct stanza *name = stanza__find(p->checker, "name");

	if (!name)
		out__note(im, p->checker, IMPORT_REFUSED,
			  "asks for the root of all names, which fairlead does not: set `name`");
	out__text(im, name, "      name: %s\n",
		  out__quoted(im, name ? stanza__word(name, 1) : "localhost"));
	out__option(im, type, "      record: %s\n",
		    out__quoted(im, type ? stanza__word(type, 1) : "SOA"));
}

static void details(struct import *im, const struct place *p, const char *type)
{
	struct stanza *s;

	if (!strcmp(type, "http") || !strcmp(type, "https")) {
		http(im, p, type[4]);
	} else if (!strcmp(type, "udp")) {
		udp(im, p);
	} else if (!strcmp(type, "dns")) {
		dns(im, p);
	} else if (!strcmp(type, "smtp")) {
		s = stanza__find(p->checker, "helo_name");
		if (s)
			out__option(im, s, "      name: %s\n", out__quoted(im, stanza__word(s, 1)));
	} else if (!strcmp(type, "exec")) {
		const char *text = "";

		s = stanza__find(p->checker, "misc_path");
		for (size_t i = 1; s && i < s->n; i++)
			text = arena__printf(im->arena, "%s%s%s", text, i > 1 ? " " : "",
					     s->words[i]);
		out__text(im, s, "      command: %s\n", translate__command(im, text));
	}
}

void translate__probe(struct import *im, struct stanza *server, struct stanza *real,
		      const char *proto)
{
	struct place p = {server, real, checker_of(real)};
	const struct kind *kind = p.checker ? kind_of(p.checker) : NULL;

	for (struct stanza *s = server->kids; s; s = s->next)
		for (struct stanza *k = stanza__is(s, "real_server") ? s->kids : NULL; k;
		     k = k->next)
			if (kind_of(k))
				translate__notes(im, k, "checker");
	tell_others(im, &p);
	if (!kind) {
		const char *type = !strcmp(proto, "udp")    ? "udp"
				   : !strcmp(proto, "sctp") ? "icmp"
							    : "tcp";

		out__note(
			im, real, IMPORT_NOTED,
			"has no checker, so keepalived takes it to be well; fairlead probes every "
			"backend, by %s here",
			type);
		out__text(im, NULL, "    probe: {type: %s}\n", type);
		return;
	}
	out__text(im, p.checker, "    probe:\n      type: %s\n", kind->type);
	times(im, &p, kind);
	if (strcmp(kind->type, "exec") != 0 && strcmp(kind->type, "icmp") != 0)
		port(im, &p);
	details(im, &p, kind->type);
}
