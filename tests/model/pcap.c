/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN 65535
#define LINKTYPE_ETHERNET 1

/* The file is big-endian wherever it is written; readers tell by the magic number. */
static void word(struct pcap *p, uint32_t v)
{
	if (p->len + 4 > PCAP_MAX)
		abort();
	put32(p->b + p->len, v);
	p->len += 4;
}

void pcap__init(struct pcap *p)
{
	p->len = p->frames = 0;
	word(p, 0xa1b2c3d4);
	word(p, 2 << 16 | 4); /* version 2.4 */
	word(p, 0);
	word(p, 0);
	word(p, SNAPLEN);
	word(p, LINKTYPE_ETHERNET);
}

void pcap__add(struct pcap *p, const struct frame *f)
{
	word(p, p->frames++);
	word(p, 0);
	word(p, f->len);
	word(p, f->len);
	if (p->len + f->len > PCAP_MAX)
		abort();
	memcpy(p->b + p->len, f->b, f->len);
	p->len += f->len;
}

int pcap__write(const struct pcap *p, const char *path)
{
	FILE *f = fopen(path, "wb");
	int rc = 0;

	if (!f)
		return -errno;
	if (fwrite(p->b, 1, p->len, f) != p->len)
		rc = -EIO;
	return fclose(f) ? -errno : rc;
}

int pcap__read(struct pcap *p, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		return -errno;
	p->len = (uint32_t)fread(p->b, 1, PCAP_MAX, f);
	fclose(f);
	return 0;
}
