/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_mqtt.c - a broker accepts a client, answers its ping, and is told goodbye (MQTT 3.1.1, OASIS
 * standard, chapter 3).
 */
#include <stdio.h>
#include <string.h>

#include "probe/talks.h"
#include "probe/wire.h"

#define CONNECT 0x10
#define CONNACK 0x20
#define PINGREQ 0xc0
#define PINGRESP 0xd0
#define DISCONNECT 0xe0

#define CLEAN_SESSION 0x02
#define WITH_PASSWORD 0x40
#define WITH_USER 0x80

#define KEEP_ALIVE_S 60 /* the longest timeout of a probe */

enum step {
	ACCEPTED,
	ALIVE,
};

/* A text with its length in front of it; the caller has the room. */
static size_t put_text(uint8_t *to, const char *text)
{
	size_t n = 2;

	wire__put16(to, (unsigned int)strlen(text));
	while (*text)
		to[n++] = (uint8_t)*text++;
	return n;
}

/* A name of this try's own, of letters and digits that every broker takes: two clients of one name
 * would throw each other out (3.1.3.1). */
static enum talk_next begin(struct talk *t)
{
	const char *user = t->args->user, *password = t->password;
	uint8_t body[1024], head[3];
	char name[24];
	size_t n = put_text(body, "MQTT");

	body[n++] = 4; /* the level of 3.1.1 */
	body[n++] = (uint8_t)(CLEAN_SESSION | (user ? WITH_USER : 0) |
			      (user && password ? WITH_PASSWORD : 0));
	wire__put16(body + n, KEEP_ALIVE_S);
	n += 2;
	snprintf(name, sizeof(name), "fairlead%012llx",
		 (unsigned long long)(t->token & 0xffffffffffff));
	n += put_text(body + n, name);
	if (user)
		n += put_text(body + n, user);
	if (user && password)
		n += put_text(body + n, password);
	head[0] = CONNECT;
	/* 2.2.3: seven bits a byte, the lowest first. Two bytes will do, and one is written if that does. */
	head[1] = (uint8_t)(n < 128 ? n : (n & 127) | 128);
	head[2] = (uint8_t)(n >> 7);
	talk__send(t, head, n < 128 ? 2 : 3);
	talk__send(t, body, n);
	return TALK_MORE;
}

static enum talk_next on_connack(struct talk *t)
{
	static const char *const refusals[] = {
		[1] = "it does not speak MQTT 3.1.1", [2] = "it does not take the client's name",
		[3] = "it is not available",	      [4] = "the user or the password is wrong",
		[5] = "the client is not authorized",
	};
	static const uint8_t ping[] = {PINGREQ, 0};
	unsigned int code = t->in[3];

	if (code && code < sizeof(refusals) / sizeof(*refusals))
		return talk__fail(t, "%s", refusals[code]);
	if (code)
		return talk__fail(t, "refuses the connection with code %u", code);
	talk__use(t, 4);
	t->step = ALIVE;
	talk__send(t, ping, sizeof(ping));
	return TALK_MORE;
}

static enum talk_next input(struct talk *t)
{
	static const uint8_t bye[] = {DISCONNECT, 0};
	const uint8_t head[] = {t->step == ACCEPTED ? CONNACK : PINGRESP,
				t->step == ACCEPTED ? 2 : 0};
	size_t n = t->len < sizeof(head) ? t->len : sizeof(head);

	if (memcmp(t->in, head, n) != 0 || (t->step == ACCEPTED && t->len > 2 && t->in[2] > 1))
		return talk__fail(t, "the answer to %s is not one of MQTT 3.1.1",
				  t->step == ACCEPTED ? "CONNECT" : "PINGREQ");
	if (t->len < (t->step == ACCEPTED ? 4 : 2))
		return TALK_MORE;
	if (t->step == ACCEPTED)
		return on_connack(t);
	talk__send(t, bye, sizeof(bye));
	return talk__ok(t, "accepts the client and answers its ping");
}

const struct talk_kind talk_mqtt = {.begin = begin, .input = input};
