/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "frame/pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum block { SECTION = 0x0a0d0d0a, INTERFACE = 1, STATISTICS = 5, PACKET = 6 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4dU
#define LINKTYPE_ETHERNET 1
#define NANOSECONDS 9 /* if_tsresol: 10^-9 */
#define XDP_VERDICT 2 /* of epb_verdict: Linux_eBPF_XDP */

enum option {
	OPT_END,
	OPT_COMMENT,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
	EPB_FLAGS = 2,
	EPB_PACKETID = 5,
	EPB_VERDICT = 7,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_FILTERACCEPT = 6,
	ISB_OSDROP = 7,
	ISB_USRDELIV = 8,
};

/* A block that is being written: what does not fit makes it full, and it is taken back in the end. */
struct writer {
	struct pcapng *to;
	size_t begin;
	bool full;
};

static void put(struct writer *w, const void *data, size_t n)
{
	struct pcapng *p = w->to;

	if (w->full || n > p->room - p->len) {
		w->full = true;
		return;
	}
	if (n)
		memcpy(p->at + p->len, data, n);
	p->len += n;
}

static void put16(struct writer *w, uint16_t v)
{
	put(w, &v, sizeof(v));
}

static void put32(struct writer *w, uint32_t v)
{
	put(w, &v, sizeof(v));
}

/* To the next 32 bits. */
static void pad(struct writer *w, size_t n)
{
	static const uint8_t zeros[4];

	put(w, zeros, -n & 3);
}

static void put_option(struct writer *w, enum option code, const void *value, size_t n)
{
	put16(w, (uint16_t)code);
	put16(w, (uint16_t)n);
	put(w, value, n);
	pad(w, n);
}

/* Cut between two characters, if it has to be. */
static void put_text(struct writer *w, enum option code, const char *text)
{
	size_t n = strnlen(text, PCAPNG_TEXT + 1);

	if (n > PCAPNG_TEXT) {
		n = PCAPNG_TEXT;
		while (n && ((uint8_t)text[n] & 0xc0) == 0x80)
			n--;
	}
	put_option(w, code, text, n);
}

static void put_number(struct writer *w, enum option code, uint64_t v)
{
	put_option(w, code, &v, sizeof(v));
}

/* A time is two words, the upper one first, whatever the byte order. */
static void put_time(struct writer *w, uint64_t ns)
{
	put32(w, (uint32_t)(ns >> 32));
	put32(w, (uint32_t)ns);
}

static void put_time_option(struct writer *w, enum option code, uint64_t ns)
{
	uint32_t words[] = {(uint32_t)(ns >> 32), (uint32_t)ns};

	put_option(w, code, words, sizeof(words));
}

static struct writer begin(struct pcapng *p, enum block type)
{
	struct writer w = {.to = p, .begin = p->len};

	put32(&w, type);
	put32(&w, 0); /* its length, when that is known */
	return w;
}

static int end(struct writer *w)
{
	struct pcapng *p = w->to;
	uint32_t len;

	put_option(w, OPT_END, NULL, 0);
	len = (uint32_t)(p->len - w->begin + sizeof(len));
	put32(w, len);
	if (w->full) {
		p->len = w->begin;
		return -ENOSPC;
	}
	memcpy(p->at + w->begin + sizeof(uint32_t), &len, sizeof(len));
	return 0;
}

int pcapng__section(struct pcapng *p, const char *application, const char *comment)
{
	static const uint64_t unknown = UINT64_MAX; /* length of the section */
	struct writer w = begin(p, SECTION);

	put32(&w, BYTE_ORDER_MAGIC);
	put16(&w, 1); /* version 1.0 */
	put16(&w, 0);
	put(&w, &unknown, sizeof(unknown));
	put_text(&w, OPT_COMMENT, comment);
	put_text(&w, SHB_USERAPPL, application);
	return end(&w);
}

int pcapng__interface(struct pcapng *p, const char *name, const char *description, uint32_t snap)
{
	static const uint8_t resolution = NANOSECONDS;
	struct writer w = begin(p, INTERFACE);

	put16(&w, LINKTYPE_ETHERNET);
	put16(&w, 0);
	put32(&w, snap);
	put_text(&w, IF_NAME, name);
	put_text(&w, IF_DESCRIPTION, description);
	put_option(&w, IF_TSRESOL, &resolution, sizeof(resolution));
	return end(&w);
}

int pcapng__packet(struct pcapng *p, const struct pcapng_packet *packet)
{
	struct writer w = begin(p, PACKET);
	uint32_t flags = packet->direction;
	uint64_t action = packet->action;
	uint8_t verdict[1 + sizeof(action)] = {XDP_VERDICT};

	memcpy(verdict + 1, &action, sizeof(action));
	put32(&w, packet->interface);
	put_time(&w, packet->time_ns);
	put32(&w, packet->kept);
	put32(&w, packet->len);
	put(&w, packet->data, packet->kept);
	pad(&w, packet->kept);
	put_text(&w, OPT_COMMENT, packet->comment);
	put_option(&w, EPB_FLAGS, &flags, sizeof(flags));
	put_number(&w, EPB_PACKETID, packet->id);
	put_option(&w, EPB_VERDICT, verdict, sizeof(verdict));
	return end(&w);
}

int pcapng__statistics(struct pcapng *p, const struct pcapng_statistics *s)
{
	struct writer w = begin(p, STATISTICS);

	put32(&w, s->interface);
	put_time(&w, s->end_ns);
	put_time_option(&w, ISB_STARTTIME, s->begin_ns);
	put_time_option(&w, ISB_ENDTIME, s->end_ns);
	put_number(&w, ISB_FILTERACCEPT, s->accepted);
	put_number(&w, ISB_OSDROP, s->dropped);
	put_number(&w, ISB_USRDELIV, s->delivered);
	return end(&w);
}
