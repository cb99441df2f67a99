/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcap.h - frames as a classic pcap file of Ethernet (draft-ietf-opsawg-pcap). */
#ifndef FAIRLEAD_TESTS_MODEL_PCAP_H
#define FAIRLEAD_TESTS_MODEL_PCAP_H

#include "frame.h"

#define PCAP_MAX 65536

struct pcap {
	uint32_t len, frames;
	uint8_t b[PCAP_MAX];
};

/* An empty file. */
void pcap__init(struct pcap *p);

/* One frame more; its time is its number, in seconds. Aborts when the file is full. */
void pcap__add(struct pcap *p, const struct frame *f);

/* 0 or -errno. */
int pcap__write(const struct pcap *p, const char *path);
int pcap__read(struct pcap *p, const char *path);

#endif
