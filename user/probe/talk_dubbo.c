/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * talk_dubbo.c - a heartbeat of the Dubbo 2 protocol, which a server answers by itself.
 *
 * A frame (Dubbo's documentation, "Dubbo2 Protocol Reference"): magic dabb, flags, status, an id of 8
 * bytes, the length of the data, the data. A heartbeat is an event whose data is null, which is the
 * byte 'N' in hessian2, serialization 2.
 */
#include <string.h>

#include "probe/talks.h"
#include "probe/wire.h"

#define HEADER_LEN 16
#define MAGIC 0xdabb
#define REQUEST 0x80
#define TWO_WAY 0x40
#define EVENT 0x20
#define HESSIAN2 0x02
#define STATUS_OK 20
#define DATA_MAX 8192 /* bytes of a frame's data; a heartbeat's is one */

static const char *status_name(uint8_t status)
{
	static const struct {
		uint8_t status;
		const char *name;
	} names[] = {
		{30, "CLIENT_TIMEOUT"},
		{31, "SERVER_TIMEOUT"},
		{40, "BAD_REQUEST"},
		{50, "BAD_RESPONSE"},
		{60, "SERVICE_NOT_FOUND"},
		{70, "SERVICE_ERROR"},
		{80, "SERVER_ERROR"},
		{90, "CLIENT_ERROR"},
		{100, "SERVER_THREADPOOL_EXHAUSTED_ERROR"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].status == status)
			return names[i].name;
	return "unknown";
}

static void put_id(const struct talk *t, uint8_t id[8])
{
	wire__put32(id, (uint32_t)(t->token >> 32));
	wire__put32(id + 4, (uint32_t)t->token);
}

static enum talk_next begin(struct talk *t)
{
	uint8_t frame[HEADER_LEN + 1] = {0};

	wire__put16(frame, MAGIC);
	frame[2] = REQUEST | TWO_WAY | EVENT | HESSIAN2;
	put_id(t, frame + 4);
	wire__put32(frame + 12, 1);
	frame[HEADER_LEN] = 'N';
	talk__send(t, frame, sizeof(frame));
	return TALK_MORE;
}

static enum talk_next input(struct talk *t)
{
	uint8_t id[8];
	uint32_t len;

	if (t->len >= 2 && wire__get16(t->in) != MAGIC)
		return talk__fail(t, "does not speak Dubbo: the first bytes are %02x%02x", t->in[0],
				  t->in[1]);
	if (t->len < HEADER_LEN)
		return TALK_MORE;
	len = wire__get32(t->in + 12);
	if (len > DATA_MAX)
		return talk__fail(t, "a frame of %u bytes is too long for a heartbeat", len);
	if (t->len < HEADER_LEN + len)
		return TALK_MORE;
	put_id(t, id);
	if (t->in[2] & REQUEST || memcmp(t->in + 4, id, sizeof(id)) != 0) {
		/* A heartbeat of the server's own, or news that it tells each connection. */
		talk__use(t, HEADER_LEN + len);
		return TALK_AGAIN;
	}
	if (!(t->in[2] & EVENT))
		return talk__fail(t, "answers the heartbeat with something else");
	if (t->in[3] != STATUS_OK)
		return talk__fail(t, "answers the heartbeat with status %u (%s)", t->in[3],
				  status_name(t->in[3]));
	return talk__ok(t, "answers the heartbeat");
}

const struct talk_kind talk_dubbo = {.begin = begin, .input = input};
