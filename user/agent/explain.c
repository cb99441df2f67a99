/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/explain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"

/* A question that waits for the programs, or is being answered. */
struct question {
	TAILQ_ENTRY(question) entry;
	struct api_request *request;
	struct frame_flow flow; /* of the packet to be made */
	char interface[IF_NAMESIZE]; /* "": the first one */
	bool made; /* the frame is of `flow`; else it was given */
	size_t len;
	uint8_t frame[PLANE_FRAME_MAX];
};

_Static_assert(API_MAX_FRAME == PLANE_FRAME_MAX, "frames");

void explain__init(struct agent *a)
{
	TAILQ_INIT(&a->explain.waiting);
}

void explain__free(struct agent *a)
{
	plane__explain_free(a->explain.loaded);
}

void explain__configured(struct agent *a)
{
	struct explain *e = &a->explain;

	/* What a worker is loading is looked at when it has. */
	if (!TAILQ_EMPTY(&e->waiting) || plane__gates_are(a->plane, &e->gates))
		return;
	plane__explain_free(e->loaded);
	e->loaded = NULL;
}

/* --- an answer ------------------------------------------------------------------------------------ */

/* NULL: the program is not there. */
static const struct plane_link *find_link(const struct agent *a, const char *name, struct err *err)
{
	for (size_t i = 0; i < a->n_links; i++) {
		if (*name && strcmp(a->links[i].ifname, name) != 0)
			continue;
		if (a->links[i].ifindex)
			return &a->links[i];
		err__set(err, -EINVAL, "the interface %s is gone", a->links[i].ifname);
		return NULL;
	}
	err__set(err, -EINVAL,
		 "the program is not attached to an interface '%s': see `fairlead status`", name);
	return NULL;
}

/* All zero where it has none. */
static void read_mac(const char *ifname, uint8_t mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {0};

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	memset(mac, 0, 6);
	if (fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &r))
		memcpy(mac, r.ifr_hwaddr.sa_data, 6);
	if (fd >= 0)
		close(fd);
}

/* From some router: the program looks at no source address of a frame. */
static void make_frame(struct question *q, const struct plane_link *link)
{
	static const uint8_t router[6] = {2};
	uint8_t mac[6];

	read_mac(link->ifname, mac);
	q->len = frame__build(&q->flow, mac, router, q->frame);
}

struct fl_flow_key explain__flow_key(const struct frame_flow *f, uint32_t service)
{
	struct fl_flow_key k = {
		.sport = htons(f->sport),
		.dport = htons(f->dport),
		.service = (__u16)service,
		.proto = f->proto,
	};

	memcpy(k.saddr, f->source.b, sizeof(k.saddr));
	memcpy(k.daddr, f->destination.b, sizeof(k.daddr));
	return k;
}

/*
 * The sequence number that the connection's next packet would have, as far as its records know it: a young
 * record takes no other for its own.
 */
static uint32_t next_seq(const struct agent *a, const struct question *q, uint32_t service)
{
	struct fl_flow_key k = explain__flow_key(&q->flow, service);
	struct fl_tentative t;
	struct fl_flow f;

	if (plane__flow(a->plane, &k, &f))
		return f.state & FL_FLOW_YOUNG ? f.fit.seq : q->flow.seq;
	return plane__tentative(a->plane, &k, &t) ? t.fit.isn + 1 : q->flow.seq;
}

static int run(struct agent *a, struct question *q, const struct plane_link *link,
	       struct plane_explained *out, struct err *err)
{
	bool later = q->flow.proto == IPPROTO_TCP &&
		     (q->flow.tcp_flags & (FRAME_TCP_SYN | FRAME_TCP_ACK)) != FRAME_TCP_SYN;
	uint32_t seq;
	int rc;

	if (q->made)
		make_frame(q, link);
	rc = plane__explain(a->explain.loaded, link->ifindex, q->frame, (uint32_t)q->len, out, err);
	if (rc || !q->made || !later || !out->told.service)
		return rc;
	seq = next_seq(a, q, out->told.service);
	if (seq == q->flow.seq)
		return 0;
	q->flow.seq = seq;
	make_frame(q, link);
	return plane__explain(a->explain.loaded, link->ifindex, q->frame, (uint32_t)q->len, out,
			      err);
}

static void refuse(struct question *q, int rc, const char *sentence)
{
	api_request__reply(q->request, rc == -EINVAL ? 400 : 500,
			   json_pack("{s:s}", "error", sentence));
	free(q);
}

static void answer(struct agent *a, struct question *q)
{
	static struct plane_explained result;
	struct explain_facts f = {.result = &result};
	uint64_t began = uv_hrtime();
	struct err err;
	int rc;

	f.link = find_link(a, q->interface, &err);
	rc = f.link ? run(a, q, f.link, &result, &err) : -EINVAL;
	if (rc) {
		refuse(q, rc, err.text);
		return;
	}
	f.took_ns = uv_hrtime() - began;
	f.frame = q->frame;
	f.len = q->len;
	f.has_flow = !frame__flow(q->frame, q->len, &f.flow);
	api_request__reply(q->request, 200, explain_json__of(a, &f));
	free(q);
}

/* --- the programs --------------------------------------------------------------------------------- */

static void load_on_worker(uv_work_t *work)
{
	struct agent *a = work->data;
	struct explain *e = &a->explain;

	e->rc = plane__explain_load(a->plane, e->gates, &e->loaded, &e->err);
}

static void after_load(uv_work_t *work, int status);

static void load(struct agent *a)
{
	struct explain *e = &a->explain;

	e->work.data = a;
	e->gates = plane__gates(a->plane);
	if (uv_queue_work(&a->loop, &e->work, load_on_worker, after_load))
		after_load(&e->work, UV_ECANCELED);
}

static void after_load(uv_work_t *work, int status)
{
	struct agent *a = work->data;
	struct explain *e = &a->explain;
	struct question *q;

	if (status == UV_ECANCELED || a->stopping)
		e->rc = err__set(&e->err, -ECANCELED, "fairleadd is stopping");
	/* A reload came meanwhile, and may have taken away what was to be shared. */
	if (e->rc != -ECANCELED && !plane__gates_are(a->plane, &e->gates)) {
		plane__explain_free(e->loaded);
		e->loaded = NULL;
		load(a);
		return;
	}
	while ((q = TAILQ_FIRST(&e->waiting))) {
		TAILQ_REMOVE(&e->waiting, q, entry);
		if (e->rc)
			refuse(q, e->rc, e->err.text);
		else
			answer(a, q);
	}
}

static struct question *new_question(const struct api_explain *what, struct api_request *request)
{
	struct question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->request = request;
	q->made = !what->frame;
	snprintf(q->interface, sizeof(q->interface), "%s", what->interface ? what->interface : "");
	if (what->frame) {
		memcpy(q->frame, what->frame, what->frame_len);
		q->len = what->len;
		return q;
	}
	q->flow = (struct frame_flow){
		.source = what->source,
		.destination = what->destination,
		.sport = what->sport,
		.dport = what->dport,
		.proto = what->proto,
		.tcp_flags = what->tcp_flags,
		.opens = what->opens,
		.seq = 1,
	};
	if (q->flow.proto == IPPROTO_ICMP && !addr__is4(&what->source))
		q->flow.proto = IPPROTO_ICMPV6;
	return q;
}

void explain__ask(struct agent *a, const struct api_explain *what, struct api_request *request)
{
	struct question *q = new_question(what, request);
	struct explain *e = &a->explain;
	bool loading = !TAILQ_EMPTY(&e->waiting);

	if (!q) {
		api_request__reply(request, 500, json_pack("{s:s}", "error", "out of memory"));
		return;
	}
	if (e->loaded && !loading) {
		answer(a, q);
		return;
	}
	TAILQ_INSERT_TAIL(&e->waiting, q, entry);
	if (!loading)
		load(a);
}
