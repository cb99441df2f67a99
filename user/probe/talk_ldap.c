/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_ldap.c - a directory takes a bind, anonymous or by name and password, perhaps in TLS (RFC 4511).
 *
 * Messages are BER of the kind that LDAP allows (5.1: definite lengths); of an answer nothing is read
 * but its number, its kind, the result code and the text for people.
 */
#include <string.h>

#include "probe/talks.h"
#include "probe/wire.h"

#define SEQUENCE 0x30
#define INTEGER 0x02
#define OCTETS 0x04
#define ENUMERATED 0x0a
#define BIND 0x60
#define BOUND 0x61
#define UNBIND 0x42
#define EXTENDED 0x77
#define EXTENDED_DONE 0x78
#define EXTENDED_NAME 0x80
#define SIMPLE 0x80

#define START_TLS "1.3.6.1.4.1.1466.20037" /* RFC 4511 4.14.1 */
#define MESSAGE_MAX 8192 /* bytes of an answer, at most */

/* Which answer comes next; the number of its message is one more. */
enum step {
	TLS,
	BINDING,
};

/* Bytes of a message, within the bounds. */
struct span {
	const uint8_t *at;
	size_t len;
};

/* --- what is said ------------------------------------------------------------------------------- */

/* Tag and length of `len` bytes; at most 4 bytes of output. */
static size_t put_head(uint8_t *to, unsigned int tag, size_t len)
{
	to[0] = (uint8_t)tag;
	if (len < 128) {
		to[1] = (uint8_t)len;
		return 2;
	}
	to[1] = 0x82;
	wire__put16(to + 2, (unsigned int)len);
	return 4;
}

static size_t put_text(uint8_t *to, unsigned int tag, const char *text)
{
	size_t n = put_head(to, tag, strlen(text));

	while (*text)
		to[n++] = (uint8_t)*text++;
	return n;
}

/* A message with that operation. */
static void say(struct talk *t, unsigned int tag, const uint8_t *body, size_t len)
{
	uint8_t number[] = {INTEGER, 1, (uint8_t)(t->step + 1)}, op[4], head[4];
	size_t n = put_head(op, tag, len);

	talk__send(t, head, put_head(head, SEQUENCE, sizeof(number) + n + len));
	talk__send(t, number, sizeof(number));
	talk__send(t, op, n);
	talk__send(t, body, len);
}

static enum talk_next begin(struct talk *t)
{
	uint8_t body[1024] = {INTEGER, 1, 3}; /* the version */
	size_t n = 3;

	if (t->args->starttls && !t->tls) {
		t->step = TLS;
		say(t, EXTENDED, body, put_text(body, EXTENDED_NAME, START_TLS));
		return TALK_MORE;
	}
	t->step = BINDING;
	n += put_text(body + n, OCTETS, t->args->user ? t->args->user : "");
	n += put_text(body + n, SIMPLE, t->args->user && t->password ? t->password : "");
	say(t, BIND, body, n);
	return TALK_MORE;
}

/* --- what is answered --------------------------------------------------------------------------- */

/*
 * The element at the beginning of `s`: its tag, and its content in *in; *s is what follows. 0: it is
 * none, or longer than `s`; *need (if not NULL) is how long it says it is, if so much can be told.
 */
static unsigned int take(struct span *s, struct span *in, size_t *need)
{
	size_t head = 2, len;
	unsigned int tag;

	if (s->len < 2)
		return 0;
	tag = s->at[0];
	len = s->at[1];
	if (len & 0x80) {
		/* RFC 4511 5.1: definite lengths. OpenLDAP writes four bytes of them. */
		size_t bytes = len & 0x7f;

		if (!bytes || bytes > 4)
			return 0;
		head += bytes;
		if (s->len < head)
			return 0;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | s->at[2 + i];
	}
	if (need)
		*need = head + len;
	if (len > s->len - head)
		return 0;
	in->at = s->at + head;
	in->len = len;
	s->at += head + len;
	s->len -= head + len;
	return tag;
}

/* A number of one byte or two, at the beginning of `s`; -1: there is none. */
static int take_number(struct span *s, unsigned int tag)
{
	struct span in;

	if (take(s, &in, NULL) != tag || !in.len || in.len > 2)
		return -1;
	return in.len == 1 ? in.at[0] : wire__get16(in.at);
}

static enum talk_next broken(struct talk *t)
{
	return talk__fail(t, "the answer is no message of LDAP");
}

static enum talk_next refuse(struct talk *t, int code, const struct span *text)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{1, "operationsError"},
		{2, "protocolError"},
		{7, "authMethodNotSupported"},
		{8, "strongerAuthRequired"},
		{13, "confidentialityRequired"},
		{14, "saslBindInProgress"},
		{32, "noSuchObject"},
		{34, "invalidDNSyntax"},
		{48, "inappropriateAuthentication"},
		{49, "invalidCredentials"},
		{50, "insufficientAccessRights"},
		{51, "busy"},
		{52, "unavailable"},
		{53, "unwillingToPerform"},
		{80, "other"},
	};
	const char *asked = t->step == TLS ? "StartTLS" : "the bind", *name = "";
	char said[80];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].code == code)
			name = names[i].name;
	talk__text(said, sizeof(said), text->at, text->len);
	return talk__fail(t, "answers %s with result %d%s%s%s%s", asked, code, name[0] ? " " : "",
			  name, said[0] ? ": " : "", said);
}

/* LDAPResult: the code, a name, a text for people, and more that does not matter. */
static enum talk_next on_result(struct talk *t, struct span result)
{
	struct span name, text;
	int code = take_number(&result, ENUMERATED);

	if (code < 0 || take(&result, &name, NULL) != OCTETS ||
	    take(&result, &text, NULL) != OCTETS)
		return broken(t);
	if (code)
		return refuse(t, code, &text);
	if (t->step == TLS)
		return TALK_TLS;
	/* RFC 4511 4.3: nobody answers this. */
	t->step++;
	say(t, UNBIND, (const uint8_t *)"", 0);
	return talk__ok(t, "%s%s%s", t->args->user ? "bound" : "bound anonymously",
			t->tls ? ", " : "", t->tls ? t->tls : "");
}

static enum talk_next input(struct talk *t)
{
	struct span all = {t->in, t->len}, message, op;
	size_t need = 0;
	unsigned int tag = take(&all, &message, &need);
	int number;

	if (t->in[0] != SEQUENCE || need > MESSAGE_MAX || (!tag && t->len >= 6 && !need))
		return broken(t);
	if (!tag)
		return TALK_MORE;
	number = take_number(&message, INTEGER);
	tag = take(&message, &op, NULL);
	if (number < 0 || !tag)
		return broken(t);
	talk__use(t, need);
	/* 4.4.1: what nobody asked for is the end of the connection. */
	if (number == 0 && tag == EXTENDED_DONE)
		return talk__fail(t, "ends the connection instead of answering");
	if (number != (int)t->step + 1 || tag != (t->step == TLS ? EXTENDED_DONE : BOUND))
		return talk__fail(t, "answers something that was not asked");
	return on_result(t, op);
}

const struct talk_kind talk_ldap = {.begin = begin, .input = input};
