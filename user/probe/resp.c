/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/resp.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define RESP_LINE_MAX 512 /* bytes of a line, at most: errors are the longest */

/* An integer as the whole text, up to 18 digits. */
static bool read_number(const uint8_t *text, size_t len, int64_t *out)
{
	bool negative = len && text[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t n = 0;

	if (i == len || len - i > 18)
		return false;
	for (; i < len; i++) {
		if (!isdigit(text[i]))
			return false;
		n = n * 10 + (text[i] - '0');
	}
	*out = negative ? -n : n;
	return true;
}

/* A text of `number` bytes, whose head is `head` bytes long. */
static void take_bulk(struct talk *t, size_t head, struct resp *r)
{
	size_t len = (size_t)r->number;

	if (r->number == -1) {
		r->kind = RESP_NULL;
		talk__use(t, head);
		return;
	}
	r->kind = RESP_BROKEN;
	if (r->number < 0 || r->number > RESP_BULK_MAX)
		return;
	r->kind = RESP_MORE;
	if (t->len < head + len + 2)
		return;
	r->kind = memcmp(t->in + head + len, "\r\n", 2) == 0 ? RESP_TEXT : RESP_BROKEN;
	r->data = t->in + head;
	r->len = len;
	if (r->kind == RESP_TEXT)
		talk__use(t, head + len + 2);
}

struct resp resp__next(struct talk *t)
{
	struct resp r = {.kind = RESP_BROKEN};
	const uint8_t *end = t->len ? memchr(t->in, '\n', t->len) : NULL;
	size_t head;

	if (!t->len || (!end && t->len < RESP_LINE_MAX && strchr("+-:$*", t->in[0]) && t->in[0])) {
		r.kind = RESP_MORE;
		return r;
	}
	head = end ? (size_t)(end - t->in) + 1 : 0;
	if (head < 3 || head > RESP_LINE_MAX || end[-1] != '\r')
		return r;
	r.data = t->in + 1;
	r.len = head - 3;
	if (t->in[0] == '+' || t->in[0] == '-') {
		r.kind = t->in[0] == '+' ? RESP_TEXT : RESP_ERROR;
		talk__use(t, head);
		return r;
	}
	if (!read_number(r.data, r.len, &r.number))
		return r;
	switch (t->in[0]) {
	case '$':
		take_bulk(t, head, &r);
		return r;
	case '*':
		r.kind = r.number == -1 ? RESP_NULL : RESP_LIST;
		break;
	case ':':
		r.kind = RESP_NUMBER;
		break;
	default:
		return r;
	}
	talk__use(t, head);
	return r;
}

int resp__command(struct talk *t, const char *const *words)
{
	size_t n = 0;
	int rc;

	while (words[n])
		n++;
	rc = talk__printf(t, "*%zu\r\n", n);
	for (size_t i = 0; i < n && !rc; i++)
		rc = talk__printf(t, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
	return rc;
}

void resp__auth(struct talk *t)
{
	const char *password = t->password ? t->password : "";
	const char *const words[] = {"AUTH", t->args->user ? t->args->user : password,
				     t->args->user ? password : NULL, NULL};

	resp__command(t, words);
}

enum talk_next resp__refuse(struct talk *t, const struct resp *r, const char *asked)
{
	static const struct {
		const char *code, *means;
	} errors[] = {
		{"LOADING ", "it is loading its data"},
		{"MASTERDOWN ", "its link to the master is down, and it serves no old data"},
		{"NOAUTH ", "it wants a password"},
		{"WRONGPASS ", "the user or the password is wrong"},
		{"ERR invalid password", "the password is wrong"},
		{"ERR AUTH <password> called without", "it has no password, and was told one"},
		{"ERR Client sent AUTH, but no", "it has no password, and was told one"},
	};
	char text[96];

	if (r->kind != RESP_ERROR && r->kind != RESP_TEXT)
		return talk__fail(t, "the answer to %s is not one of Redis", asked);
	talk__text(text, sizeof(text), r->data, r->len);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (r->kind == RESP_ERROR &&
		    strncmp(text, errors[i].code, strlen(errors[i].code)) == 0)
			return talk__fail(t, "%s", errors[i].means);
	return talk__fail(t, "answers %s with \"%s\"", asked, text);
}
