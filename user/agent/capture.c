/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.c - a capture's life: the gate opened, what is copied made into blocks of pcapng and handed to
 * the client, the gate closed.
 *
 * The ring buffer is looked at a hundred times a second, for so many packets at most and while there is
 * room for their blocks: a client that is slow to fetch them loses packets, which the program counts, and
 * costs the agent nothing.
 */
#include "agent/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "core/base64.h"
#include "core/log.h"
#include "frame/pcapng.h"

#define TICK_MS 10
#define TURN 256 /* packets that a tick takes */
#define SILENT_MS 3000 /* a client that has not asked for so long is gone */
#define ROOM (1 << 20) /* bytes of blocks that wait for the client */
#define PAIR (2 * PCAPNG_PACKET_MAX(FL_CAPTURE_SNAP)) /* a packet's, at most */
#define TRAILER (2 * PCAPNG_STATISTICS_MAX)
#define BURST_NS 20000000 /* of the rate: as much as comes in that time at once */

enum { IN, OUT, INTERFACES };

struct capture {
	struct agent *agent;
	uint32_t id;
	bool on; /* the gate is open */
	struct api_capture what; /* its texts are those below */
	char service[FL_NAME_LEN], backend[FL_ID_LEN];
	struct fl_capture filter;
	struct plane_ring *ring;
	uv_timer_t timer;
	uint64_t began_ns, heard_ns; /* uv_hrtime(): of the start, of the client's last call */
	uint64_t realtime_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	uint64_t packets, blocks[INTERFACES], bytes; /* handed to the client, or about to be */
	struct plane_capture_counts counts; /* as they were read last */
	uint64_t thrown; /* came in time, and found no room for their blocks */
	bool throwing;
	const char *ended; /* why; NULL: it goes on */
	struct pcapng out;
	uint8_t room[ROOM];
};

bool capture__on(const struct agent *a)
{
	return a->capture && a->capture->on;
}

/* --- packets ------------------------------------------------------------------------------------------ */

static bool is_wanted(const struct capture *c, const struct fl_captured *p)
{
	const struct agent *a = c->agent;
	const struct service *s = p->service < FL_MAX_SERVICES ? a->by_id[p->service] : NULL;
	const struct fl_backend *b = p->backend && p->backend < FL_SLOT_NONE
					     ? plane__backend(a->plane, p->backend)
					     : NULL;

	if (*c->service && (!s || strcmp(s->name, c->service) != 0))
		return false;
	return !*c->backend || (b && !strcmp(b->id, c->backend));
}

static void on_captured(void *ctx, const void *sample)
{
	const struct fl_captured *p = sample;
	struct capture *c = ctx;
	size_t before = c->out.len;
	char comment[CAPTURE_COMMENT];
	struct pcapng_packet packet = {
		.interface = IN,
		.time_ns = p->time_ns + c->realtime_ns,
		.data = (const uint8_t *)(p + 1),
		.kept = p->kept,
		.len = p->len,
		.direction = PCAPNG_INBOUND,
		.id = c->packets + 1,
		.action = p->action,
		.comment = comment,
	};

	if (c->ended || !is_wanted(c, p))
		return;
	if (c->throwing) {
		c->thrown++;
		return;
	}
	capture_text__comment(c->agent, p, comment);
	pcapng__packet(&c->out, &packet);
	if (p->out_kept) {
		packet.interface = OUT;
		packet.time_ns = p->out_ns + c->realtime_ns;
		packet.data += p->kept;
		packet.kept = p->out_kept;
		packet.len = p->out_len;
		packet.direction = PCAPNG_OUTBOUND;
		pcapng__packet(&c->out, &packet);
	}
	if (c->bytes + (c->out.len - before) + TRAILER > c->what.size) {
		c->out.len = before;
		c->ended = "size";
		return;
	}
	c->bytes += c->out.len - before;
	c->blocks[IN]++;
	c->blocks[OUT] += p->out_kept != 0;
	if (++c->packets == c->what.packets)
		c->ended = "packets";
}

/* True: there may be more. */
static bool take(struct capture *c, uint32_t most)
{
	while (most-- && !c->ended && c->out.room - c->out.len >= PAIR + TRAILER) {
		if (!plane__ring_take(c->ring, 1))
			return false;
	}
	return !c->ended; /* of one that has ended, nothing more is wanted */
}

/* All that the ring buffer holds; what does not fit is lost, and counted. */
static void take_all(struct capture *c)
{
	if (!take(c, FL_CAPTURED_SIZE / sizeof(struct fl_captured)))
		return;
	c->throwing = true;
	plane__ring_take(c->ring, FL_CAPTURED_SIZE / sizeof(struct fl_captured));
	c->throwing = false;
}

/* --- its end ------------------------------------------------------------------------------------------ */

static void put_statistics(struct capture *c)
{
	uint64_t now = agent__realtime_ns();

	for (uint32_t i = 0; i < INTERFACES; i++) {
		struct pcapng_statistics s = {
			.interface = i,
			.begin_ns = c->began_ns + c->realtime_ns,
			.end_ns = now,
			.accepted = i == IN ? c->counts.seen : c->blocks[OUT],
			.dropped = i == IN ? c->counts.skipped + c->counts.lost + c->thrown : 0,
			.delivered = c->blocks[i],
		};

		pcapng__statistics(&c->out, &s);
	}
}

/* Closes the gate; what the client has not fetched yet stays. */
static void end(struct capture *c, const char *why)
{
	struct agent *a = c->agent;
	struct err err;

	if (!c->on)
		return;
	take_all(c);
	if (!c->ended)
		c->ended = why;
	plane__capture_counts(a->plane, &c->counts);
	put_statistics(c);
	plane__ring_close(c->ring);
	c->ring = NULL;
	c->on = false;
	if (admission__reconfigure(a, &err))
		log_warn("%s; packets go on being looked at for a capture that has ended", err.text);
	else
		plane__drop_unused(a->plane);
	log_info("a capture has ended (%s): %llu packets", c->ended,
		 (unsigned long long)c->packets);
}

static void on_close(uv_handle_t *h)
{
	free(h->data);
}

static void let_go(struct capture *c)
{
	c->agent->capture = NULL;
	uv_close((uv_handle_t *)&c->timer, on_close);
}

static void follow_service(struct capture *c)
{
	const struct service *s;
	struct err err;

	if (!*c->service)
		return;
	TAILQ_FOREACH (s, &c->agent->services, entry) {
		if (strcmp(s->name, c->service) != 0 || s->id == c->filter.service)
			continue;
		c->filter.service = s->id;
		if (plane__capture_set(c->agent->plane, &c->filter, &err))
			log_warn("%s", err.text);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct capture *c = timer->data;
	uint64_t now = uv_hrtime();

	if (now - c->heard_ns > SILENT_MS * 1000000ULL) {
		end(c, "client");
		let_go(c);
		return;
	}
	if (!c->on)
		return;
	take(c, TURN);
	if (c->ended || now - c->began_ns >= c->what.time_ms * 1000000ULL)
		end(c, "time");
}

/* --- API ------------------------------------------------------------------------------------------------ */

static int find_names(const struct agent *a, struct capture *c, struct err *err)
{
	bool service = !*c->service, backend = !*c->backend;
	const struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		bool named = !*c->service || !strcmp(s->name, c->service);

		if (*c->service && named)
			c->filter.service = s->id;
		service |= named;
		for (size_t i = 0; named && !backend && i < s->n_members; i++)
			backend = !strcmp(member__id(s->members[i]), c->backend);
	}
	if (!service)
		return err__set(err, -ENOENT, "there is no service '%s'", c->service);
	if (!backend)
		return err__set(err, -ENOENT, "there is no backend '%s'%s%s%s", c->backend,
				*c->service ? " in the service '" : "", c->service,
				*c->service ? "'" : "");
	return 0;
}

static void fill_mask(const struct addr_prefix *p, __u8 address[16], __u8 mask[16])
{
	memcpy(address, p->addr.b, 16);
	for (unsigned int i = 0; i < p->len; i++)
		mask[i / 8] |= (__u8)(0x80 >> i % 8);
}

static int fill_filter(struct capture *c, struct err *err)
{
	/* What the straight way of the programs decides, too. */
	static const uint64_t straight = 1ULL << FL_V_PASS_NOT_SERVICE | 1ULL << FL_V_SEND_L2 |
					 1ULL << FL_V_SEND_IPIP | 1ULL << FL_V_SEND_GUE |
					 1ULL << FL_V_SEND_NAT | 1ULL << FL_V_DROP_BUG;
	struct fl_capture *f = &c->filter;
	uint64_t verdicts = 0;
	int rc = capture_text__verdicts(c->what.verdicts, &verdicts, err);

	if (rc)
		return rc;
	f->verdicts = verdicts;
	f->flags = verdicts & straight ? FL_CAPTURE_SENT : 0;
	f->gap_ns = 1000000000 / c->what.rate;
	f->burst_ns = BURST_NS;
	f->snap = c->what.snap;
	f->port = htons(c->what.port);
	f->proto = c->what.proto;
	fill_mask(&c->what.source, f->source, f->source_mask);
	fill_mask(&c->what.destination, f->dest, f->dest_mask);
	return find_names(c->agent, c, err);
}

static int begin(struct capture *c, struct err *err)
{
	struct agent *a = c->agent;
	int rc;

	c->on = true;
	a->capture = c;
	rc = admission__reconfigure(a, err);
	if (!rc)
		rc = plane__ring_open(a->plane, PLANE_CAPTURED, on_captured, c, &c->ring, err);
	if (!rc)
		rc = plane__capture_set(a->plane, &c->filter, err);
	if (!rc)
		return 0;
	plane__ring_close(c->ring);
	a->capture = NULL;
	if (!admission__reconfigure(a, NULL))
		plane__drop_unused(a->plane);
	return rc;
}

static void put_head(struct capture *c)
{
	pcapng__section(&c->out, "fairlead " FAIRLEAD_VERSION,
			"packets as they came in and, if they left, as they left; the comment "
			"says what became of each");
	pcapng__interface(&c->out, "in", "packets as they came in", c->what.snap);
	pcapng__interface(&c->out, "out", "packets as they left", c->what.snap);
	c->bytes = c->out.len;
}

int capture__start(struct agent *a, const struct api_capture *what, json_t **out, struct err *err)
{
	struct capture *c;
	int rc;

	if (a->stopping)
		return err__set(err, -EBUSY, "fairleadd is stopping");
	if (capture__on(a))
		return err__set(err, -EBUSY,
				"a capture runs already, and there is one at a time: it began %llu "
				"s ago and ends with its client, or after %u s",
				(unsigned long long)((uv_hrtime() - a->capture->began_ns) /
						     1000000000),
				a->capture->what.time_ms / 1000);
	if (a->capture)
		let_go(a->capture);
	c = calloc(1, sizeof(*c));
	if (!c)
		return err__set(err, -ENOMEM, "out of memory");
	c->agent = a;
	c->what = *what;
	snprintf(c->service, sizeof(c->service), "%s", what->service);
	snprintf(c->backend, sizeof(c->backend), "%s", what->backend);
	c->out = (struct pcapng){.at = c->room, .room = sizeof(c->room)};
	c->began_ns = c->heard_ns = uv_hrtime();
	c->realtime_ns = agent__realtime_ns() - c->began_ns;
	rc = getrandom(&c->id, sizeof(c->id), 0) == sizeof(c->id)
		     ? 0
		     : err__set(err, -EIO, "cannot get a random number");
	rc = rc ? rc : fill_filter(c, err);
	put_head(c);
	rc = rc ? rc : begin(c, err);
	if (rc) {
		free(c);
		return rc;
	}
	c->what.service = c->what.backend = c->what.verdicts = NULL;
	uv_timer_init(&a->loop, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_tick, TICK_MS, TICK_MS);
	log_info("a capture begins: at most %u packets, %llu bytes, %u s", c->what.packets,
		 (unsigned long long)c->what.size, c->what.time_ms / 1000);
	*out = json_pack("{s:I}", "id", (json_int_t)c->id);
	return 0;
}

/* NULL: it has ended. */
static struct capture *find(struct agent *a, uint32_t id, struct err *err)
{
	struct capture *c = a->capture;

	if (!c || c->id != id) {
		err__set(err, -ENOENT,
			 "that capture has ended: its client was not heard of for %d s, or "
			 "fairleadd was restarted",
			 SILENT_MS / 1000);
		return NULL;
	}
	c->heard_ns = uv_hrtime();
	return c;
}

static json_t *hand_over(struct capture *c)
{
	size_t len = BASE64_LEN(c->out.len);
	char *text = malloc(len + 1);
	json_t *o;

	if (!text)
		return NULL;
	base64__encode(c->out.at, c->out.len, text);
	if (c->on)
		plane__capture_counts(c->agent->plane, &c->counts);
	o = json_pack("{s:s%, s:I, s:I, s:I, s:I, s:I, s:o}", "data", text, len, "packets",
		      (json_int_t)c->packets, "bytes", (json_int_t)c->bytes, "seen",
		      (json_int_t)c->counts.seen, "skipped", (json_int_t)c->counts.skipped, "lost",
		      (json_int_t)(c->counts.lost + c->thrown), "ended",
		      c->on ? json_null() : json_string(c->ended));
	free(text);
	c->out.len = 0;
	return o;
}

int capture__next(struct agent *a, uint32_t id, json_t **out, struct err *err)
{
	struct capture *c = find(a, id, err);

	if (!c)
		return -ENOENT;
	*out = hand_over(c);
	if (c->on)
		take(c, TURN);
	else
		let_go(c);
	return 0;
}

int capture__stop(struct agent *a, uint32_t id, json_t **out, struct err *err)
{
	struct capture *c = find(a, id, err);

	if (!c)
		return -ENOENT;
	end(c, "client");
	*out = hand_over(c);
	let_go(c);
	return 0;
}

void capture__configured(struct agent *a)
{
	struct capture *c = a->capture;

	if (!capture__on(a))
		return;
	take_all(c);
	follow_service(c);
}

void capture__close(struct agent *a)
{
	if (!a->capture)
		return;
	end(a->capture, "agent");
	let_go(a->capture);
}
