/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accord_told.c - what a machine tells of accords, as bytes, in network order:
 *
 *    0  version (1), state (1), answer (1), length of why (1), length of trouble (1)
 *    5  decided: number (8), by (16), digest (32), length of the text (4)
 *   65  proposal: likewise
 *  125  answered: number (8), by (16)
 *  149  why, trouble: texts of printable ASCII
 */
#include <endian.h>
#include <string.h>

#include "peer/accord.h"

#define VERSION 1
#define POINT_LEN (8 + ACCORD_BY + ACCORD_DIGEST + 4)
#define HEAD_LEN (5 + 2 * POINT_LEN + 8 + ACCORD_BY)

_Static_assert(HEAD_LEN + 2 * (ACCORD_WHY_LEN - 1) <= ACCORD_TOLD_MAX, "fits a ledger's value");

static uint8_t *write_epoch(uint8_t *p, const struct accord_epoch *e)
{
	uint64_t number = htobe64(e->number);

	memcpy(p, &number, sizeof(number));
	memcpy(p + 8, e->by, ACCORD_BY);
	return p + 8 + ACCORD_BY;
}

static uint8_t *write_point(uint8_t *p, const struct accord_point *point)
{
	uint32_t len = htobe32(point->text.len);

	p = write_epoch(p, &point->epoch);
	memcpy(p, point->text.digest, ACCORD_DIGEST);
	memcpy(p + ACCORD_DIGEST, &len, sizeof(len));
	return p + ACCORD_DIGEST + 4;
}

static const uint8_t *read_epoch(const uint8_t *p, struct accord_epoch *e)
{
	uint64_t number;

	memcpy(&number, p, sizeof(number));
	e->number = be64toh(number);
	memcpy(e->by, p + 8, ACCORD_BY);
	return p + 8 + ACCORD_BY;
}

static const uint8_t *read_point(const uint8_t *p, struct accord_point *point)
{
	uint32_t len;

	p = read_epoch(p, &point->epoch);
	memcpy(point->text.digest, p, ACCORD_DIGEST);
	memcpy(&len, p + ACCORD_DIGEST, sizeof(len));
	point->text.len = be32toh(len);
	return p + ACCORD_DIGEST + 4;
}

size_t accord_told__write(const struct accord_told *t, uint8_t out[ACCORD_TOLD_MAX])
{
	size_t why = strnlen(t->why, ACCORD_WHY_LEN - 1),
	       trouble = strnlen(t->trouble, ACCORD_WHY_LEN - 1);
	uint8_t *p = out;

	*p++ = VERSION;
	*p++ = (uint8_t)t->state;
	*p++ = (uint8_t)t->answer;
	*p++ = (uint8_t)why;
	*p++ = (uint8_t)trouble;
	p = write_point(p, &t->decided);
	p = write_point(p, &t->proposal);
	p = write_epoch(p, &t->answered);
	memcpy(p, t->why, why);
	memcpy(p + why, t->trouble, trouble);
	return (size_t)(p + why + trouble - out);
}

/* A sentence of another machine goes to logs and terminals: what is no plain text becomes a question mark. */
static void read_text(char to[ACCORD_WHY_LEN], const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = p[i] >= ' ' && p[i] < 127 ? (char)p[i] : '?';
	to[len] = '\0';
}

static bool is_possible(const struct accord_point *p)
{
	return p->text.len <= ACCORD_TEXT_MAX && p->epoch.number <= ACCORD_NUMBER_MAX;
}

bool accord_told__read(const void *value, size_t len, struct accord_told *out)
{
	const uint8_t *p = value;
	size_t why, trouble;

	/* A later version may say more behind it. */
	if (!value || len < HEAD_LEN || p[0] != VERSION || p[1] >= ACCORD_STATES ||
	    p[2] >= ACCORD_ANSWERS)
		return false;
	why = p[3];
	trouble = p[4];
	if (why >= ACCORD_WHY_LEN || trouble >= ACCORD_WHY_LEN || len < HEAD_LEN + why + trouble)
		return false;
	memset(out, 0, sizeof(*out));
	out->state = (enum accord_state)p[1];
	out->answer = (enum accord_answer)p[2];
	p = read_point(p + 5, &out->decided);
	p = read_point(p, &out->proposal);
	p = read_epoch(p, &out->answered);
	if (!is_possible(&out->decided) || !is_possible(&out->proposal))
		return false;
	read_text(out->why, p, why);
	read_text(out->trouble, p + why, trouble);
	return true;
}
