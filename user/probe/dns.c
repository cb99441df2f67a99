/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dns.c - a name is asked for, and a record of its type comes back (RFC 1035, over TCP RFC 7766).
 *
 * The backend alone is asked, once a try, and for that name alone: no search domains, no file of
 * hosts. The id of the question is random, the port is the kernel's choice, and the question must
 * come back in the answer, so that nobody off the path can make a dead server look well.
 */
#include <ctype.h>
#include <string.h>

#include "probe/dns_record.h"
#include "probe/internal.h"
#include "probe/talks.h"

/* Of the try; -EINVAL: the name is none. */
static int question(const struct talk *t, uint8_t out[DNS_QUESTION_MAX])
{
	return dns_record__question(t->args->name, dns_record__type(t->args->record),
				    (uint16_t)t->token, out);
}

static enum talk_next begin(struct talk *t)
{
	uint8_t msg[DNS_QUESTION_MAX], prefix[2];
	int len = question(t, msg);

	if (len < 0)
		return talk__fail(t, "\"%.150s\" is not a name that can be asked for",
				  t->args->name);
	prefix[0] = (uint8_t)(len >> 8);
	prefix[1] = (uint8_t)len;
	if (t->args->over_tcp)
		talk__send(t, prefix, sizeof(prefix)); /* RFC 1035 4.2.2 */
	talk__send(t, msg, (size_t)len);
	return TALK_MORE;
}

/* The length of the question if the message answers it; 0: it answers something else. */
static size_t answered(const struct talk *t, const uint8_t *msg, size_t len,
		       const struct dns_header *h)
{
	uint8_t asked[DNS_QUESTION_MAX];
	int n = question(t, asked);

	if (n < 0 || !h->answer || h->opcode || h->id != (uint16_t)t->token || h->questions > 1)
		return 0;
	/* A server that did not understand the question may leave it out (RFC 1035 4.1.1). */
	if (!h->questions)
		return h->rcode ? DNS_HEADER_LEN : 0;
	if (len < (size_t)n)
		return 0;
	for (size_t i = DNS_HEADER_LEN; i < (size_t)n; i++)
		if (tolower(msg[i]) != tolower(asked[i]))
			return 0;
	return (size_t)n;
}

static enum talk_next judge_records(struct talk *t, const uint8_t *msg, size_t len, size_t at,
				    const struct dns_header *h)
{
	const struct config_probe *args = t->args;
	const char *more =
		h->truncated ? " (the answer is cut off: \"transport: tcp\" gets all)" : "";
	uint16_t type = dns_record__type(args->record), left = h->answers;
	char text[DNS_TEXT_LEN], first[60];
	unsigned int n = 0;
	int rc;

	while ((rc = dns_record__next(msg, len, type, &at, &left, text)) == 1) {
		if (!args->answer || dns_record__is(type, text, args->answer))
			return talk__ok(t, "%s %.120s", args->record, text);
		if (!n++)
			talk__text(first, sizeof(first), text, strlen(text));
	}
	/* What was cut off may end within a record. */
	if (rc < 0 && !h->truncated)
		return talk__fail(t, "the answer is broken");
	if (!n)
		return talk__fail(t, "has no %s record of \"%.60s\"%s", args->record, args->name,
				  more);
	return talk__fail(t, "none of %u %s records is \"%.40s\"; the first is \"%.40s\"%s", n,
			  args->record, args->answer, first, more);
}

static enum talk_next judge(struct talk *t, const uint8_t *msg, size_t len)
{
	struct dns_header h;
	size_t at = dns_record__header(msg, len, &h) ? answered(t, msg, len, &h) : 0;
	char rcode[24];

	/* By UDP it may be somebody else's, or of a former try: the right one may follow. */
	if (!at && !t->args->over_tcp)
		return TALK_MORE;
	if (!at)
		return talk__fail(t, "answers something that was not asked");
	if (h.rcode)
		return talk__fail(t, "answers %s", dns_record__rcode(h.rcode, rcode));
	return judge_records(t, msg, len, at, &h);
}

static enum talk_next input(struct talk *t)
{
	size_t len;

	if (!t->args->over_tcp)
		return judge(t, t->in, t->len);
	len = t->len < 2 ? 0 : (size_t)(t->in[0] << 8 | t->in[1]);
	if (t->len < 2 || t->len - 2 < len)
		return TALK_MORE;
	return judge(t, t->in + 2, len);
}

const struct talk_kind talk_dns = {.begin = begin, .input = input};

static int start(struct probe *p, const char **why)
{
	return p->args.over_tcp ? stream__start(p, why) : datagram__start(p, why);
}

static void give_up(struct probe *p)
{
	if (p->args.over_tcp)
		stream__abort(p);
	else
		datagram__abort(p);
}

const struct probe_kind probe_dns = {.start = start, .abort = give_up, .talk = &talk_dns};
