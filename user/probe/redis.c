/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * redis.c - a server of Redis is asked; and where it calls itself the master, so are the sentinels.
 *
 * They are asked all at once, over connections of their own, in what is left of the try's time.
 */
#include <errno.h>
#include <stdlib.h>

#include "probe/ballot.h"
#include "probe/stream.h"
#include "probe/talks.h"

struct attempt;

struct voter {
	struct attempt *attempt;
	struct stream *stream; /* NULL: ended */
};

struct attempt {
	struct probe *probe;
	struct stream *stream; /* with the server; NULL: ended */
	struct ballot ballot;
	struct voter voters[CONFIG_SENTINELS];
};

static void end(struct attempt *a)
{
	if (a->stream)
		stream__close(a->stream);
	for (unsigned int i = 0; i < a->ballot.voters; i++)
		if (a->voters[i].stream)
			stream__close(a->voters[i].stream);
	a->probe->attempt = NULL;
	free(a);
}

static void conclude(struct attempt *a)
{
	struct probe *p = a->probe;
	char detail[PROBE_DETAIL_LEN];
	enum probe_outcome outcome = ballot__judge(&a->ballot, detail, sizeof(detail));

	end(a);
	probe__finish(p, outcome, detail);
}

static void on_vote(void *ctx, const struct stream_end *e)
{
	struct voter *v = ctx;
	struct attempt *a = v->attempt;

	v->stream = NULL;
	if (!e->local && e->outcome == PROBE_OK)
		ballot__name(&a->ballot, e->detail);
	else
		ballot__fail(&a->ballot, e->detail);
	if (ballot__decided(&a->ballot))
		conclude(a);
}

static void ask_sentinels(struct attempt *a)
{
	const struct config_words *sentinels = &a->probe->args.sentinels;

	a->ballot.voters = (unsigned int)sentinels->n;
	for (size_t i = 0; i < sentinels->n; i++) {
		struct voter *v = &a->voters[i];
		const char *why = "is no address and port";
		struct addr address;
		uint16_t port;

		v->attempt = a;
		if (addr__parse_endpoint(sentinels->list[i], &address, &port) ||
		    stream__open(a->probe, &address, port, &talk_sentinel, on_vote, v, &v->stream,
				 &why))
			ballot__fail(&a->ballot, why);
	}
	if (ballot__decided(&a->ballot))
		conclude(a);
}

static void on_server(void *ctx, const struct stream_end *e)
{
	struct attempt *a = ctx;
	struct probe *p = a->probe;

	a->stream = NULL;
	if (!e->local && e->outcome == PROBE_OK && e->role == CONFIG_ROLE_MASTER &&
	    p->args.sentinels.n) {
		ask_sentinels(a);
		return;
	}
	end(a);
	if (e->local)
		probe__skip(p);
	else
		probe__finish(p, e->outcome, e->detail);
}

static int start(struct probe *p, const char **why)
{
	struct attempt *a = calloc(1, sizeof(*a));
	int rc;

	if (!a) {
		*why = probe__clause(ENOMEM);
		return -ENOMEM;
	}
	a->probe = p;
	a->ballot.address = p->address;
	a->ballot.port = p->port;
	rc = stream__open(p, &p->address, p->port, p->kind->talk, on_server, a, &a->stream, why);
	if (rc)
		free(a);
	else
		p->attempt = a;
	return rc;
}

static void give_up(struct probe *p)
{
	if (p->attempt)
		end(p->attempt);
}

/* Sentinels that hang are as good as those that are not there. */
static enum probe_outcome late(struct probe *p, char *detail, size_t size)
{
	const struct attempt *a = p->attempt;

	if (a->stream)
		return stream__overdue(a->stream, detail, size);
	return ballot__judge(&a->ballot, detail, size);
}

const struct probe_kind probe_redis = {
	.start = start,
	.abort = give_up,
	.late = late,
	.talk = &talk_redis,
};
