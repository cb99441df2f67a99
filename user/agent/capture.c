/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.c - a capture's life: programs that copy packets are loaded on a worker and take the place of
 * those that packets meet; what is copied is made into blocks of pcapng and handed to the client; in the end
 * the others come back, which have been there all the time.
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

#include "agent/agent.h"
#include "core/base64.h"
#include "core/log.h"
#include "frame/pcapng.h"

#define TICK_MS 10
#define TURN 512 /* packets that a tick takes */
#define SILENT_MS 3000 /* a client that has not asked for so long is gone */
#define ROOM (1 << 20) /* bytes of blocks that wait for the client */
#define PAIR (2UL * PCAPNG_PACKET_MAX(FL_CAPTURE_SNAP)) /* a packet's, at most */
#define TRAILER (2UL * PCAPNG_STATISTICS_MAX)

struct capture {
	struct agent *agent;
	uint32_t id;
	uv_work_t work; /* loads the programs */
	bool loading;
	int rc; /* what came of it */
	struct err err;
	struct plane_gates gates; /* that they are loaded with */
	struct plane_capture *programs; /* NULL: not yet, or no longer */
	struct api_request *request; /* waits for them; NULL: it has its answer */
	struct api_capture what; /* its texts are those below */
	char service[FL_NAME_LEN], backend[FL_ID_LEN];
	struct fl_capture filter;
	struct plane_ring *ring;
	uv_timer_t timer;
	uint64_t began_ns, heard_ns; /* uv_hrtime(): of the start, of the client's last call */
	uint64_t realtime_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	uint64_t packets, left, bytes; /* in blocks: packets, those that left, all of it */
	struct plane_capture_counts before, counts; /* of earlier programs; of all, as read last */
	uint64_t thrown; /* came in time, and found no room for their blocks */
	bool throwing;
	const char *ended; /* why; NULL: it goes on */
	struct pcapng out;
	uint8_t room[ROOM];
};

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

static void on_captured(void *ctx, const void *sample, size_t size)
{
	const struct fl_captured *p = sample;
	struct capture *c = ctx;
	size_t before = c->out.len;

	(void)size;
	if (c->ended || !is_wanted(c, p))
		return;
	if (c->throwing) {
		c->thrown++;
		return;
	}
	capture_blocks__packet(&c->out, c->agent, p, c->packets + 1, c->realtime_ns);
	if (c->bytes + (c->out.len - before) + TRAILER > c->what.size) {
		c->out.len = before;
		c->ended = "size";
		return;
	}
	c->bytes += c->out.len - before;
	c->left += p->out_kept != 0;
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

static void count(struct capture *c)
{
	struct plane_capture_counts now;

	if (!c->programs || plane__capture_counts(c->programs, &now))
		return;
	c->counts = (struct plane_capture_counts){
		.seen = c->before.seen + now.seen,
		.skipped = c->before.skipped + now.skipped,
		.lost = c->before.lost + now.lost,
	};
}

/* --- its end ------------------------------------------------------------------------------------------ */

static void put_statistics(struct capture *c)
{
	struct pcapng_statistics s = {
		.begin_ns = c->began_ns + c->realtime_ns,
		.end_ns = agent__realtime_ns(),
		.accepted = c->counts.seen,
		.dropped = c->counts.skipped + c->counts.lost + c->thrown,
		.delivered = c->packets,
	};

	s.interface = CAPTURE_IN;
	pcapng__statistics(&c->out, &s);
	s.interface = CAPTURE_OUT;
	s.accepted = s.delivered = c->left;
	s.dropped = 0;
	pcapng__statistics(&c->out, &s);
}

static void free_programs(void *programs, uint32_t arg)
{
	(void)arg;
	plane__capture_free(programs);
}

/* Packets meet the others again; those that copy go when no packet is in them any more. */
static void put_back(struct capture *c)
{
	struct agent *a = c->agent;
	struct plane_capture *programs = c->programs;
	struct err err;

	plane__ring_close(c->ring);
	c->ring = NULL;
	c->programs = NULL;
	if (plane__capture_detach(a->plane, programs, &err)) {
		log_error("%s; packets go on being copied until the next reload", err.text);
		return;
	}
	if (!a->stopping)
		grace__after(a->grace, free_programs, programs, 0);
	else if (!plane__grace(a->plane, &err))
		plane__capture_free(programs);
}

/* What the client has not fetched yet stays. */
static void end(struct capture *c, const char *why)
{
	if (!c->programs)
		return;
	take_all(c);
	if (!c->ended)
		c->ended = why;
	count(c);
	put_statistics(c);
	put_back(c);
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
		if (plane__capture_set(c->programs, &c->filter, &err))
			log_warn("%s", err.text);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct capture *c = timer->data;
	uint64_t now = uv_hrtime();

	if (c->loading)
		return;
	if (now - c->heard_ns > SILENT_MS * 1000000ULL) {
		end(c, "client");
		let_go(c);
		return;
	}
	if (!c->programs)
		return;
	take(c, TURN);
	if (c->ended || now - c->began_ns >= c->what.time_ms * 1000000ULL)
		end(c, "time");
}

/* --- its begin ------------------------------------------------------------------------------------------ */

/* --- programs ------------------------------------------------------------------------------------------- */

static void load_on_worker(uv_work_t *work)
{
	struct capture *c = work->data;

	c->rc = plane__capture_load(c->agent->plane, c->gates, &c->programs, &c->err);
}

static void after_load(uv_work_t *work, int status);

static void load(struct capture *c)
{
	struct agent *a = c->agent;

	c->loading = true;
	c->work.data = c;
	c->gates = plane__gates(a->plane);
	if (uv_queue_work(&a->loop, &c->work, load_on_worker, after_load))
		after_load(&c->work, UV_ECANCELED);
}

static int begin(struct capture *c, struct err *err)
{
	int rc = plane__ring_open_captured(c->programs, on_captured, c, &c->ring, err);

	if (!rc)
		rc = plane__capture_set(c->programs, &c->filter, err);
	if (!rc)
		rc = plane__capture_attach(c->agent->plane, c->programs, err);
	return rc;
}

static void refuse(struct api_request *request, int rc, const char *sentence)
{
	api_request__reply(request,
			   rc == -EBUSY	   ? 409
			   : rc == -ENOENT ? 404
			   : rc == -EINVAL ? 400
					   : 500,
			   json_pack("{s:s}", "error", sentence));
}

/* The programs are there, or not: of a new capture the client is told. */
static void answer(struct capture *c)
{
	struct api_request *request = c->request;

	c->request = NULL;
	c->heard_ns = uv_hrtime();
	if (c->rc && request)
		refuse(request, c->rc, c->err.text);
	else if (c->rc)
		log_error("%s; the capture ends", c->err.text);
	if (c->rc) {
		plane__ring_close(c->ring);
		plane__capture_free(c->programs);
		c->programs = NULL;
		let_go(c);
		return;
	}
	if (!request)
		return;
	c->began_ns = c->heard_ns;
	log_info("a capture begins: at most %u packets, %llu bytes, %u s", c->what.packets,
		 (unsigned long long)c->what.size, c->what.time_ms / 1000);
	api_request__reply(request, 200, json_pack("{s:I}", "id", (json_int_t)c->id));
}

static void after_load(uv_work_t *work, int status)
{
	struct capture *c = work->data;
	struct agent *a = c->agent;

	c->loading = false;
	if (status == UV_ECANCELED || a->stopping)
		c->rc = err__set(&c->err, -ECANCELED, "fairleadd is stopping");
	/* A reload came meanwhile, and may have taken away what was to be shared. */
	if (c->rc != -ECANCELED && !plane__gates_are(a->plane, &c->gates)) {
		plane__capture_free(c->programs);
		c->programs = NULL;
		load(c);
		return;
	}
	if (!c->rc)
		c->rc = begin(c, &c->err);
	answer(c);
}

/* --- API ------------------------------------------------------------------------------------------------ */

static int check(const struct agent *a, struct err *err)
{
	const struct capture *c = a->capture;

	if (a->stopping)
		return err__set(err, -EBUSY, "fairleadd is stopping");
	/* One that has ended stays until its client has fetched the last of it, or is silent. */
	if (!c)
		return 0;
	return err__set(
		err, -EBUSY,
		"a capture runs already, and there is one at a time: it began %llu s ago and "
		"ends with its client, or after %u s",
		(unsigned long long)((uv_hrtime() - c->began_ns) / 1000000000),
		c->what.time_ms / 1000);
}

/* NULL: *rc and the sentence say why. */
static struct capture *make(struct agent *a, const struct api_capture *what, int *rc,
			    struct err *err)
{
	struct capture *c = calloc(1, sizeof(*c));

	*rc = 0;
	if (!c) {
		*rc = err__set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	c->agent = a;
	c->what = *what;
	snprintf(c->service, sizeof(c->service), "%s", what->service);
	snprintf(c->backend, sizeof(c->backend), "%s", what->backend);
	c->out = (struct pcapng){.at = c->room, .room = sizeof(c->room)};
	c->began_ns = c->heard_ns = uv_hrtime();
	c->realtime_ns = agent__realtime_ns() - c->began_ns;
	if (getrandom(&c->id, sizeof(c->id), 0) != sizeof(c->id))
		*rc = err__set(err, -EIO, "cannot get a random number: %s", strerror(errno));
	*rc = *rc ? *rc : capture_filter__make(a, what, &c->filter, err);
	if (*rc) {
		free(c);
		return NULL;
	}
	c->what.service = c->what.backend = c->what.verdicts = NULL; /* they were the caller's */
	capture_blocks__head(&c->out, c->what.snap);
	c->bytes = c->out.len;
	return c;
}

void capture__start(struct agent *a, const struct api_capture *what, struct api_request *request)
{
	struct capture *c = NULL;
	struct err err;
	int rc = check(a, &err);

	if (!rc)
		c = make(a, what, &rc, &err);
	if (!c) {
		refuse(request, rc, err.text);
		return;
	}
	a->capture = c;
	c->request = request;
	uv_timer_init(&a->loop, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_tick, TICK_MS, TICK_MS);
	load(c);
}

/* NULL: it has ended. */
static struct capture *find(struct agent *a, uint32_t id, struct err *err)
{
	struct capture *c = a->capture;

	if (!c || c->id != id || c->request) {
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
	count(c);
	o = json_pack("{s:s%, s:I, s:I, s:I, s:I, s:I, s:o}", "data", text, len, "packets",
		      (json_int_t)c->packets, "bytes", (json_int_t)c->bytes, "seen",
		      (json_int_t)c->counts.seen, "skipped", (json_int_t)c->counts.skipped, "lost",
		      (json_int_t)c->counts.lost + (json_int_t)c->thrown, "ended",
		      c->ended && !c->programs ? json_string(c->ended) : json_null());
	free(text);
	c->out.len = 0;
	return o;
}

int capture__next(struct agent *a, uint32_t id, json_t **out, struct err *err)
{
	struct capture *c = find(a, id, err);
	bool ended;

	if (!c)
		return -ENOENT;
	ended = c->ended && !c->programs;
	*out = hand_over(c);
	if (ended)
		let_go(c);
	else if (c->programs)
		take(c, TURN);
	return 0;
}

int capture__stop(struct agent *a, uint32_t id, json_t **out, struct err *err)
{
	struct capture *c = find(a, id, err);

	if (!c)
		return -ENOENT;
	if (c->loading)
		return err__set(err, -EBUSY, "a reload is under way: try again");
	end(c, "client");
	*out = hand_over(c);
	let_go(c);
	return 0;
}

void capture__configured(struct agent *a)
{
	struct capture *c = a->capture;

	if (!c || !c->programs || c->loading)
		return;
	take_all(c);
	follow_service(c);
	if (plane__capture_attached(a->plane, c->programs))
		return;
	/* With the new gates, once more; what comes until then is not seen. */
	count(c);
	c->before = c->counts;
	put_back(c);
	load(c);
}

void capture__close(struct agent *a)
{
	struct capture *c = a->capture;

	/* What a worker is loading goes when it has. */
	if (!c || c->loading)
		return;
	end(c, "agent");
	let_go(c);
}
