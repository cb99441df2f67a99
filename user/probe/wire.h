/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wire.h - numbers in messages, big endian; the caller knows that the bytes are there. */
#ifndef FAIRLEAD_PROBE_WIRE_H
#define FAIRLEAD_PROBE_WIRE_H

#include <stdint.h>

static inline uint16_t wire__get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire__get32(const uint8_t *p)
{
	return (uint32_t)wire__get16(p) << 16 | wire__get16(p + 2);
}

static inline void wire__put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wire__put32(uint8_t *p, uint32_t v)
{
	wire__put16(p, v >> 16);
	wire__put16(p + 2, v);
}

#endif
