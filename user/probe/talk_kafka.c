/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_kafka.c - a broker of Kafka says what it can do, and who its cluster is.
 *
 * From the Apache Kafka protocol guide: ApiVersions, version 0, which every broker answers; and
 * Metadata, version 1, for no topics, which names brokers and controller. The list of brokers is read
 * one by one, so that a large cluster needs no large buffer.
 */
#include <stdio.h>
#include <string.h>

#include "probe/talks.h"
#include "probe/wire.h"

#define API_METADATA 3
#define API_VERSIONS 18
#define METADATA_VERSION 1
#define HOST_LEN 256
#define CLIENT "fairlead"

/* Where we are: steps of a talk. */
enum step {
	VERSIONS, /* the answer to ApiVersions is awaited */
	CLUSTER, /* the head of the answer to Metadata, with the number of brokers */
	BROKERS, /* the next broker */
	CONTROLLER, /* what follows the brokers */
};

struct state {
	uint32_t left; /* bytes of the answer that have not been used */
	uint32_t brokers, awaited; /* in all, and not read yet */
	int32_t self; /* the broker that is this backend; -1: none so far */
	bool named; /* one has the port, and a name instead of an address */
};

_Static_assert(sizeof(struct state) <= TALK_SCRATCH, "the state fits");

static struct state *state_of(struct talk *t)
{
	return (struct state *)&t->scratch;
}

/* Header, version 1: what is asked, in which version, a number that the answer repeats, who asks. */
static void ask(struct talk *t, unsigned int api, unsigned int version, const void *body,
		size_t len)
{
	uint8_t head[14];

	wire__put32(head, (uint32_t)(10 + strlen(CLIENT) + len));
	wire__put16(head + 4, api);
	wire__put16(head + 6, version);
	wire__put32(head + 8, (uint32_t)t->token + t->step);
	wire__put16(head + 12, strlen(CLIENT));
	talk__send(t, head, sizeof(head));
	talk__send(t, CLIENT, strlen(CLIENT));
	talk__send(t, body, len);
}

static enum talk_next begin(struct talk *t)
{
	ask(t, API_VERSIONS, 0, "", 0);
	return TALK_MORE;
}

static enum talk_next broken(struct talk *t)
{
	return talk__fail(t, "the answer is no message of Kafka's");
}

/*
 * Begins an answer of which `more` bytes are needed at once, behind length and correlation id. TALK_OVER:
 * it is none; TALK_MORE: it is not there yet; TALK_AGAIN: the head is used, state->left is the rest.
 */
static enum talk_next take_head(struct talk *t, size_t more)
{
	uint32_t len;

	if (t->len < 4)
		return TALK_MORE;
	len = wire__get32(t->in);
	if (len < 4 + more || len > TALK_TOTAL_MAX)
		return broken(t);
	if (t->len < 8 + more)
		return TALK_MORE;
	if (wire__get32(t->in + 4) != (uint32_t)t->token + t->step)
		return talk__fail(t, "answers something that was not asked");
	talk__use(t, 8);
	state_of(t)->left = len - 4;
	return TALK_AGAIN;
}

/* Bytes of the answer that are used. */
static void use(struct talk *t, size_t len)
{
	talk__use(t, len);
	state_of(t)->left -= (uint32_t)len;
}

/* The whole answer is awaited: it has some 60 rows of 6 bytes. */
static enum talk_next on_versions(struct talk *t)
{
	uint32_t len = t->len < 4 ? 0 : wire__get32(t->in), n;
	enum talk_next next;
	unsigned int error;

	if (t->len >= 4 && len > TALK_IN_MAX / 2)
		return broken(t);
	next = t->len >= 4 ? take_head(t, len > 10 ? len - 4 : 6) : TALK_MORE;
	if (next != TALK_AGAIN)
		return next;
	error = wire__get16(t->in);
	n = wire__get32(t->in + 2);
	if (error)
		return talk__fail(t, "answers ApiVersions with error %u", error);
	if (n > (state_of(t)->left - 6) / 6)
		return broken(t);
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *row = t->in + 6 + (size_t)i * 6;

		if (wire__get16(row) != API_METADATA)
			continue;
		if (wire__get16(row + 2) > METADATA_VERSION ||
		    wire__get16(row + 4) < METADATA_VERSION)
			return talk__fail(t, "knows Metadata in versions %u to %u only, not in %d",
					  wire__get16(row + 2), wire__get16(row + 4),
					  METADATA_VERSION);
		use(t, state_of(t)->left);
		t->step = CLUSTER;
		/* An empty list of topics. */
		ask(t, API_METADATA, METADATA_VERSION, "\0\0\0", 4);
		return TALK_MORE;
	}
	return talk__fail(t, "is no broker: it does not know Metadata");
}

static enum talk_next on_cluster(struct talk *t)
{
	struct state *s = state_of(t);
	enum talk_next next = take_head(t, 4);

	if (next != TALK_AGAIN)
		return next;
	s->brokers = s->awaited = wire__get32(t->in);
	s->self = -1;
	use(t, 4);
	if (s->brokers > s->left / 12) /* the least that one can have */
		return broken(t);
	if (!s->brokers)
		return talk__fail(t, "answers, but knows no broker of its cluster");
	t->step = BROKERS;
	return TALK_AGAIN;
}

/* Whether an advertised listener is this backend; what is no address can only be compared by port. */
static void note_broker(struct talk *t, int32_t node, const char *host, uint32_t port)
{
	struct state *s = state_of(t);
	struct addr address;

	if (port != t->port)
		return;
	if (addr__parse(host, &address))
		s->named = true;
	else if (addr__equal(&address, t->address))
		s->self = node;
}

/* Node, host, port, rack (which may be null). */
static enum talk_next on_broker(struct talk *t)
{
	struct state *s = state_of(t);
	char host[HOST_LEN];
	size_t n, rack, len;

	if (!s->awaited) {
		t->step = CONTROLLER;
		return TALK_AGAIN;
	}
	if (t->len < 6)
		return s->left < 6 ? broken(t) : TALK_MORE;
	n = wire__get16(t->in + 4);
	if (n >= sizeof(host) || s->left < 12 + n)
		return broken(t);
	if (t->len < 12 + n)
		return TALK_MORE;
	rack = wire__get16(t->in + 10 + n);
	len = 12 + n + (rack == 0xffff ? 0 : rack);
	if (len > TALK_IN_MAX / 2 || s->left < len)
		return broken(t);
	if (t->len < len)
		return TALK_MORE;
	talk__text(host, sizeof(host), t->in + 6, n);
	note_broker(t, (int32_t)wire__get32(t->in), host, wire__get32(t->in + 6 + n));
	use(t, len);
	s->awaited--;
	return TALK_AGAIN;
}

static enum talk_next judge(struct talk *t, int32_t controller)
{
	const struct state *s = state_of(t);
	char more[64];

	snprintf(more, sizeof(more), "%u broker%s, controller %d", s->brokers,
		 s->brokers == 1 ? "" : "s", controller);
	if (t->args->role == CONFIG_ROLE_ANY)
		return talk__ok(t, "%s", more);
	if (controller < 0)
		return talk__fail(t, "the cluster has no controller");
	if (s->self == controller)
		return talk__ok(t, "is the controller, node %d", controller);
	if (s->self >= 0)
		return talk__fail(t, "is node %d; the controller, node %d, is wanted", s->self,
				  controller);
	return talk__fail(t, "%s, so it can't be told whether this is the controller",
			  s->named ? "the brokers advertise names instead of addresses"
				   : "no broker advertises this address and port");
}

static enum talk_next on_controller(struct talk *t)
{
	if (state_of(t)->left < 4)
		return broken(t);
	if (t->len < 4)
		return TALK_MORE;
	return judge(t, (int32_t)wire__get32(t->in));
}

static enum talk_next input(struct talk *t)
{
	switch ((enum step)t->step) {
	case VERSIONS:
		return on_versions(t);
	case CLUSTER:
		return on_cluster(t);
	case BROKERS:
		return on_broker(t);
	default:
		return on_controller(t);
	}
}

const struct talk_kind talk_kafka = {.begin = begin, .input = input};
