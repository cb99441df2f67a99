/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"

void change__tag(struct spec *s)
{
	s->tags[0] = (struct tag){TYPE_VLAN, 0x6123};
}

void change__qinq(struct spec *s)
{
	s->tags[0] = (struct tag){TYPE_QINQ, 100};
	s->tags[1] = (struct tag){TYPE_VLAN, 200};
}

void change__two_c_tags(struct spec *s)
{
	s->tags[0] = (struct tag){TYPE_VLAN, 1};
	s->tags[1] = (struct tag){TYPE_VLAN, 4094};
}

void change__three_tags(struct spec *s)
{
	change__qinq(s);
	s->tags[2] = (struct tag){TYPE_VLAN, 300};
}

void change__option(struct spec *s)
{
	s->ip.options = 4;
}

void change__all_options(struct spec *s)
{
	s->ip.options = 40;
}

void change__tag_and_options(struct spec *s)
{
	change__tag(s);
	s->ip.options = 12;
}

void change__empty(struct spec *s)
{
	s->payload = 0;
}

/* As a driver hands over the shortest Ethernet frame: bytes that belong to no packet. */
void change__padded(struct spec *s)
{
	s->payload = 0;
	s->trailer = 18;
}

void change__large(struct spec *s)
{
	s->payload = 1400;
}

void change__tos(struct spec *s)
{
	s->ip.tos = 0xbb; /* DSCP 46, ECN CE: no two bits alike by chance */
}

void change__ttl_0(struct spec *s)
{
	s->ip.ttl = 0;
}

void change__ttl_1(struct spec *s)
{
	s->ip.ttl = 1;
}

void change__ttl_2(struct spec *s)
{
	s->ip.ttl = 2;
}

void change__ttl_255(struct spec *s)
{
	s->ip.ttl = 255;
}

void change__df(struct spec *s)
{
	s->ip.frag = FRAG_DF;
}

void change__fin(struct spec *s)
{
	s->flags = 0x11;
}

void change__rst(struct spec *s)
{
	s->flags = 0x04;
}
