/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/peer_accord.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peer_accord_state.h"
#include "config/share.h"
#include "core/log.h"

_Static_assert(CONFIG_MAX_PEERS == ACCORD_PEERS, "all of them take part");

#define FETCH_US 8000000 /* for a text that is proposed: less than for all answers */
#define LOOK_MS 100 /* while something is under way */

/* --- jobs ----------------------------------------------------------------------------------------- */

static void end_job(struct peer_accord *p, const char *failure)
{
	p->works = false;
	peer_fetch__end(&p->fetch);
	if (*failure)
		log_warn("the configuration of all peers, epoch %llu: %s",
			 (unsigned long long)p->job.point.epoch.number, failure);
	accord__done(&p->core, peers__now_us(), failure);
	agent__wake_in(p->agent, 0);
}

static void write_on_worker(uv_work_t *work)
{
	struct peer_accord *p = work->data;

	(void)accord_disk__write(p->path, p->record, &p->write_err);
}

static void after_write(uv_work_t *work, int status)
{
	struct peer_accord *p = work->data;

	free(p->record);
	p->record = NULL;
	if (status == UV_ECANCELED)
		err__set(&p->write_err, -ECANCELED, "fairleadd is stopping");
	if (!p->agent->stopping)
		end_job(p, p->write_err.text);
}

/* The job's record: the last thing of each. */
static void write_record(struct peer_accord *p)
{
	const struct accord_record *r = &p->job.record;

	p->write_err.text[0] = '\0';
	p->record = accord_disk__format(r, p->confirm, accord_texts__find(p, &r->decided.text),
					accord_texts__find(p, &r->next.text));
	p->work.data = p;
	if (!p->record || !p->path)
		end_job(p, "out of memory");
	else if (uv_queue_work(&p->agent->loop, &p->work, write_on_worker, after_write))
		after_write(&p->work, UV_ECANCELED);
}

static void rehearsed(struct agent *a, struct apply_order *order, int rc, const char *sentence)
{
	(void)order;
	if (rc)
		end_job(a->accord, sentence);
	else
		write_record(a->accord);
}

/* The text is here: could it be applied? */
static void rehearse(struct peer_accord *p)
{
	const struct held_text *text = accord_texts__find(p, &p->job.point.text);
	const struct apply_order order = {
		.ended = rehearsed,
		.rehearse = true,
		.shared = text->bytes,
		.shared_len = text->name.len,
		.uid = JOURNAL_NOBODY,
		.origin = "peers",
	};

	if (chronicle__waits(p->agent))
		end_job(p, "a configuration waits for its confirmation here, which was not for "
			   "others to overtake");
	else if (!peer_facts__same_flow_key(p->agent->peers->ours,
					    p->agent->peers->list[p->from].link.copy))
		end_job(p, "flow_key is another one here, so connections would not find their "
			   "backends");
	else
		apply__start(p->agent, &order, NULL);
}

static void got_text(struct peer_accord *p)
{
	if (p->job.kind == ACCORD_PREPARE && p->job.from < ACCORD_PEERS)
		rehearse(p);
	else
		write_record(p);
}

/* What is decided is in force. One of elsewhere ends what waited for a confirmation: that no longer runs. */
static void take_place(struct peer_accord *p)
{
	if (!p->confirm)
		chronicle__overtaken(p->agent, p->job.point.epoch.number);
	write_record(p);
}

static void applied(struct agent *a, struct apply_order *order, int rc, const char *sentence)
{
	struct peer_accord *p = a->accord;

	(void)order;
	if (rc) {
		end_job(p, sentence);
		return;
	}
	snprintf(p->file, sizeof(p->file), "%s", sentence);
	take_place(p);
}

static void apply(struct peer_accord *p)
{
	struct agent *a = p->agent;
	const struct held_text *text = accord_texts__find(p, &p->job.point.text);
	bool own = p->proposed && p->order.text &&
		   accord_text__equal(&p->order.common, &p->job.point.text);
	struct apply_order order = {.uid = JOURNAL_NOBODY, .origin = "peers"};

	/* It is, already: an agent was killed after its file was written. */
	if (!own && accord_text__equal(&a->common, &p->job.point.text)) {
		take_place(p);
		return;
	}
	if (own) {
		order = p->order;
		p->order.text = NULL;
		order.rehearse = false;
	} else {
		order.shared = text->bytes;
		order.shared_len = text->name.len;
	}
	order.ended = applied;
	apply__start(a, &order, NULL);
}

static void begin_job(struct peer_accord *p, const struct accord_job *job)
{
	struct agent *a = p->agent;

	bool decides = accord_point__compare(&job->record.decided, &p->core.record.decided) != 0;

	p->job = *job;
	p->works = true;
	if (decides)
		p->confirm = p->proposed && job->kind == ACCORD_WRITE && p->order.confirm_ms;
	p->from = job->from;
	if (job->kind == ACCORD_APPLY) {
		apply(p);
	} else if (job->kind == ACCORD_WRITE || accord_texts__find(p, &job->point.text)) {
		got_text(p);
	} else if (peer_fetch__begin(&p->fetch, &job->point.text, peers__now_us())) {
		end_job(p, "its text is empty, or there is no memory for it");
	} else {
		p->fetch_us = peers__now_us();
		log_info("peer %s has a configuration for all peers, epoch %llu: fetching it",
			 a->peers->list[p->from].name, (unsigned long long)job->point.epoch.number);
	}
}

static void ask_for_pages(struct peer_accord *p)
{
	struct peer_link *l = &p->agent->peers->list[p->from].link;
	uint64_t now_us = peers__now_us(), since_us;
	uint8_t out[PEER_PAGE_MAX];
	uint32_t number;

	if (!p->fetch.bytes)
		return;
	/* Nobody waits for what is decided: it may be long, and the way, too. */
	since_us = p->job.kind == ACCORD_TAKE ? p->fetch.came_us : p->fetch_us;
	if (!l->up || now_us - since_us > FETCH_US) {
		end_job(p, "its text could not be fetched in time");
		return;
	}
	while (peer_fetch__next(&p->fetch, now_us, l->rtt_us, &number))
		peer_link__page(l, now_us, out, peer_page__ask(&p->fetch.text, number, out));
	agent__wake_in(p->agent, 20);
}

/* All of it is here. */
static void fetched(struct peer_accord *p)
{
	struct accord_text name;
	char *bytes = p->fetch.bytes;

	peer_accord__name(bytes, p->fetch.text.len, &name);
	if (!accord_text__equal(&name, &p->fetch.text) || strlen(bytes) != name.len) {
		end_job(p, "what was fetched is not its text");
		return;
	}
	p->fetch.bytes = NULL;
	peer_fetch__end(&p->fetch);
	accord_texts__hold(p, &name, bytes);
	got_text(p);
}

void peer_accord__page(struct peer *peer, const uint8_t *bytes, size_t len)
{
	struct peer_accord *p = peer->peers->agent->accord;
	struct peer_page page;

	if (!peer_page__read(bytes, len, &page)) {
		peer->link.n_malformed++;
		return;
	}
	if (!p)
		return;
	if (page.is_question)
		accord_texts__answer(p, peer, &page);
	else if (p->fetch.bytes && peer == &peer->peers->list[p->from] &&
		 peer_fetch__take(&p->fetch, peers__now_us(), &page))
		fetched(p);
}

/* --- what is proposed here ------------------------------------------------------------------------ */

static void refuse(struct agent *a, struct apply_order *order, struct api_request *request,
		   const char *sentence)
{
	/* What waits for a confirmation, or is to come back, has to know. */
	chronicle__refused(a, order);
	free(order->text);
	order->text = NULL;
	if (request)
		api_request__reply(request, 409, json_pack("{s:s}", "error", sentence));
	else
		log_error("the configuration is not applied on the peers: %s", sentence);
}

/* The own file could be applied here: now the others are asked. */
static void opened(struct agent *a, struct apply_order *order, int rc, const char *sentence)
{
	struct peer_accord *p = a->accord;
	struct err err = {0};
	char *text = NULL;
	size_t len = 0;

	p->reads = false;
	(void)sentence;
	/* Who asked has its answer: it is the same as of any other apply. */
	if (rc) {
		chronicle__refused(a, order);
		return;
	}
	rc = config_share__take(order->text, order->len, &text, &len, &err);
	if (rc || !len || !order->common.len ||
	    !accord__propose(&p->core, peers__now_us(), &order->common)) {
		refuse(a, order, p->request,
		       rc     ? err.text
		       : !len ? "there are no services and no sources in it: nothing that "
				"peers could have in common"
		       : !order->common.len ? "there are no peers in it: apply it here alone"
					    : p->core.verdict);
		free(text);
		return;
	}
	accord_texts__hold(p, &order->common, text);
	p->order = *order;
	order->text = NULL;
	p->proposed = true;
	log_info("the configuration is proposed to all peers, as epoch %llu",
		 (unsigned long long)p->core.mine.epoch.number);
}

void peer_accord__propose(struct agent *a, const struct apply_order *what,
			  struct api_request *request)
{
	struct peer_accord *p = a->accord;
	struct apply_order order = *what;

	if (!p || !a->peers) {
		refuse(a, &order, request,
		       "there are no peers in the configuration that runs: apply it here "
		       "alone");
		return;
	}
	if (a->applying) {
		refuse(a, &order, request,
		       "another configuration is being applied: try again when that is over");
		return;
	}
	order.rehearse = true;
	order.ended = opened;
	p->request = request;
	p->reads = true;
	apply__start(a, &order, request);
}

static void follow_proposal(struct peer_accord *p)
{
	if (!p->proposed || accord__is_busy(&p->core))
		return;
	p->proposed = false;
	accord_answer__send(p);
	if (p->core.verdict[0])
		chronicle__refused(p->agent, &p->order);
	p->request = NULL;
	free(p->order.text);
	p->order = (struct apply_order){0};
}

/* --- each turn ------------------------------------------------------------------------------------ */

static void look_at_peers(struct peer_accord *p)
{
	const struct peers *all = p->agent->peers;

	p->core.n = all->n;
	for (size_t i = 0; i < all->n; i++) {
		const struct peer_link *l = &all->list[i].link;
		struct accord_peer *peer = &p->core.peers[i];

		memcpy(peer->by, all->list[i].address.b, sizeof(peer->by));
		peer->heard = l->up;
		peer->expected = !l->up && l->now_us - l->heard_us <= peer_link__patience_us(l);
		peer->known = peer_link__is_whole(l) && peer_facts__accord(l->copy, &peer->told);
		if (!peer->known)
			memset(&peer->told, 0, sizeof(peer->told));
	}
}

static void tell(struct peer_accord *p)
{
	struct peers *all = p->agent->peers;
	uint64_t before = ledger__version(all->ours);

	/* Without room for it the peers pass this machine over; that there is none was logged. */
	(void)peer_accord__publish(p->agent, all->ours);
	all->dirty |= ledger__version(all->ours) != before;
}

static void note_way(struct agent *a)
{
	bool gives_way = peer_accord__gives_way(a);

	if (gives_way == a->accord->gave_way)
		return;
	a->accord->gave_way = gives_way;
	if (gives_way)
		log_warn(
			"a peer has a later configuration of all peers in force than this machine, "
			"which gives way until it has it, too");
	else
		log_info("the configuration of all peers is in force here: this machine no longer "
			 "gives way");
	a->anycast.dirty = true;
	failover__refresh(a);
}

void peer_accord__flush(struct agent *a)
{
	struct peer_accord *p = a->accord;
	struct accord_job job;

	if (!p || !a->peers || !a->ready || a->stopping)
		return;
	look_at_peers(p);
	p->core.left = peer_accord__has_left(a, NULL);
	if (p->works)
		ask_for_pages(p);
	/* Another apply is soon over. */
	if ((!a->applying || p->works) && accord__next(&p->core, peers__now_us(), &job))
		begin_job(p, &job);
	follow_proposal(p);
	tell(p);
	note_way(a);
	if (accord__bound_by(&p->core))
		agent__wake_in(a, LOOK_MS);
}

int peer_accord__publish(const struct agent *a, struct ledger *l)
{
	struct accord_told told;

	if (!a->accord)
		return 0;
	accord__tell(&a->accord->core, &told);
	return peer_facts__set_accord(l, &told);
}

void peer_accord__configured(struct agent *a)
{
	struct peer_accord *p = a->accord;
	struct accord_record record = {0};
	struct err err = {0};

	/* The list may be another one. */
	if (p && p->fetch.bytes)
		end_job(p, "the peers of this machine have become others");
	if (p)
		accord__retry(&p->core);
	if (p && a->peers)
		memcpy(p->core.me, a->peers->listen.b, sizeof(p->core.me));
	if (p || !a->peers)
		return;
	p = calloc(1, sizeof(*p));
	if (!p) {
		log_error("out of memory: configurations of all peers are not followed");
		return;
	}
	p->agent = a;
	p->path = accord_disk__path(a->config_path);
	if (p->path && accord_disk__read(p->path, &record, &p->confirm, p->held, &err) &&
	    err.text[0])
		log_error("%s", err.text);
	accord__begin(&p->core, peers__now_us(), a->peers->listen.b, &record);
	a->accord = p;
}

void peer_accord__free(struct agent *a)
{
	struct peer_accord *p = a->accord;

	if (!p)
		return;
	for (size_t i = 0; i < ACCORD_HELD; i++)
		free(p->held[i].bytes);
	peer_fetch__end(&p->fetch);
	free(p->order.text);
	free(p->record);
	free(p->path);
	free(p);
	a->accord = NULL;
}
