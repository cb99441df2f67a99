/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net.h"

#include <string.h>

#include "fairlead/abi.h"

#define FAR (1U << 24) /* between ISNs; a connection sends less than a quarter of that */

void mv_net__init(struct mv_net *n, uint32_t settings, enum mv_broken broken)
{
	static const uint32_t holds[] = {4, 10, 40, 100};
	static const enum mv_proto protos[] = {MV_TCP, MV_TCP, MV_DATAGRAMS, MV_QUIC};
	static const enum mv_affinity affinities[] = {MV_BY_FLOW, MV_BY_FLOW, MV_BY_SOURCE,
						      MV_BY_PORT};

	memset(n, 0, sizeof(*n));
	n->m.hold = holds[settings & 3];
	n->m.idle = n->m.hold + (settings >> 2 & 1) * 20;
	n->m.down_hold = 3 + (settings >> 3 & 7);
	n->m.udp_grace = n->m.hold / 2;
	n->m.flows_max = settings >> 6 & 1 ? 2 + (settings >> 7 & 1) : MV_RECORDS;
	n->m.proto = protos[settings >> 9 & 3];
	n->m.affinity = affinities[settings >> 11 & 3];
	if (n->m.affinity != MV_BY_FLOW)
		n->m.flows_max = MV_RECORDS;
	n->m.broken = broken;
	n->m.now = 1000;
	for (uint32_t s = 0; s < MV_SLOTS; s++) {
		for (uint8_t i = 0; i < MV_BACKENDS; i++)
			n->agent.known.order[s][i] = (s + i) % MV_BACKENDS + 1;
		n->m.half[0][s].cur = n->agent.known.order[s][0];
		n->m.half[1][s] = n->m.half[0][s];
	}
}

static uint8_t route(struct mv_net *n, const struct mv_packet *p)
{
	uint8_t backend = mv__packet(&n->m, p);

	n->packets++;
	if (n->watch)
		n->watch(n->arg, p, backend);
	return backend;
}

/* An established client's packet. False: an avoidable break. */
static bool talk(struct mv_net *n, uint32_t flow, enum mv_kind kind, uint32_t seq)
{
	const struct mv_packet p = {.flow = flow, .kind = kind, .seq = seq};
	struct mv_client *c = &n->client[flow];
	int why = MV_AVOIDABLE;
	uint8_t to;

	mv_heard__speech(n, flow);
	to = route(n, &p);
	mv_heard__went(n, flow, to);
	if (to == c->backend)
		return true;
	c->state = CLIENT_CLOSED;
	if (c->rival_s && c->since_rival < 2)
		c->excuse[MV_RIVAL] = true;
	for (int e = 1; e < MV_EXCUSES; e++) {
		if (c->excuse[e])
			why = e;
	}
	/* A server that has lost the connection has broken it, whoever gets the packet. */
	if (!n->tcb[c->backend][flow].there || n->tcb[c->backend][flow].isn != c->isn)
		why = MV_BACKEND;
	n->tcb[c->backend][flow].there = false;
	n->breaks[why]++;
	return why != MV_AVOIDABLE;
}

static void server_gets_syn(struct mv_net *n, uint8_t backend, uint32_t flow, uint32_t isn)
{
	struct mv_tcb *t = &n->tcb[backend][flow];

	if (!backend || t->there)
		return;
	*t = (struct mv_tcb){.there = true, .isn = isn};
}

static void send_syn(struct mv_net *n, uint32_t flow)
{
	struct mv_client *c = &n->client[flow];
	const struct mv_packet p = {.flow = flow, .kind = MV_SYN, .seq = c->isn};
	struct mv_packet reset = {.flow = flow, .kind = MV_RST};
	const struct mv_tentative *t = &n->m.tentative[flow];
	/* Then the balancer has no excuse. */
	bool known = t->backend && t->fit.isn == c->isn && n->m.now - t->seen_s < FL_TENTATIVE_S;
	uint8_t to;

	c->syn_s = n->m.now;
	to = route(n, &p);
	if (!to)
		return;
	mv_heard__begin(n, flow, to);
	if (c->syn_to & ~(1U << to) && !known)
		c->excuse[MV_RESYN] = true;
	c->syn_to |= (uint8_t)(1U << to);
	if (n->m.proto == MV_QUIC)
		/* Connections have names: a new one is none of the old one's. */
		n->tcb[to][flow].there = n->tcb[to][flow].there && n->tcb[to][flow].isn == c->isn;
	if (n->tcb[to][flow].there && n->tcb[to][flow].isn != c->isn) {
		/* A challenge ACK of an old connection (RFC 5961 4.2): the client resets that one. */
		reset.seq = n->tcb[to][flow].isn + 1;
		to = route(n, &reset);
		mv_heard__went(n, flow, to);
		if (to && n->tcb[to][flow].isn != c->isn)
			n->tcb[to][flow].there = false;
		return;
	}
	server_gets_syn(n, to, flow, c->isn);
	n->synack[to][flow] = c->isn;
}

/* Without a handshake: who gets the first datagram has the flow, and answers. */
static void send_first(struct mv_net *n, uint32_t flow)
{
	const struct mv_packet p = {.flow = flow, .kind = MV_UDP};
	struct mv_client *c = &n->client[flow];
	uint8_t to = route(n, &p);

	c->state = CLIENT_CLOSED;
	if (!to)
		return;
	mv_heard__begin(n, flow, to);
	*c = (struct mv_client){
		.state = CLIENT_ESTABLISHED,
		.isn = c->isn,
		.next = c->isn + 1,
		.backend = to,
		.syn_to = (uint8_t)(1U << to),
		.heard = true,
		.syn_s = c->last_s,
		.before_s = c->before_s,
		.last_s = c->last_s,
		.began_moving = c->began_moving,
		.epoch_s = c->epoch_s,
		.first_s = c->first_s,
	};
	n->tcb[to][flow] = (struct mv_tcb){.there = true, .isn = c->isn};
}

static void begin(struct mv_net *n, const struct mv_op *op)
{
	struct mv_client *c = &n->client[op->a];
	const struct mv_record *r = &n->m.record[op->a];

	*c = (struct mv_client){
		.state = CLIENT_SYN,
		.isn = (c->isn & -FAR) + FAR * (1U + op->b % 16) + op->c,
		.before_s = n->m.now,
		.last_s = n->m.now,
		.rival_s = mv_heard__has_record(n, op->a) && r->young ? r->seen_s : 0,
	};
	if (n->m.proto == MV_DATAGRAMS)
		send_first(n, op->a);
	else
		send_syn(n, op->a);
}

/* The server whose answer comes first, if one has arrived. */
static uint8_t answered(const struct mv_net *n, const struct mv_op *op)
{
	for (int i = 0; i < MV_BACKENDS; i++) {
		uint8_t b = (uint8_t)((op->b + i) % MV_BACKENDS + 1);

		if (n->synack[b][op->a] == n->client[op->a].isn && n->tcb[b][op->a].there)
			return b;
	}
	return 0;
}

static bool shake_hands(struct mv_net *n, uint32_t flow)
{
	bool sound = talk(n, flow, MV_LONG, n->client[flow].isn);

	mv_heard__answered(n, flow);
	return sound;
}

static bool speak(struct mv_net *n, const struct mv_op *op)
{
	struct mv_client *c = &n->client[op->a];
	bool lost = op->b >= 230;

	if (c->state == CLIENT_CLOSED) {
		begin(n, op);
		return true;
	}
	if (c->state == CLIENT_SYN) {
		c->backend = op->b % 4 ? answered(n, op) : 0;
		if (!c->backend) {
			send_syn(n, op->a);
			return true;
		}
		/* QUIC's handshake is over when the server has that packet, TCP's when the client sends it. */
		if (lost && n->m.proto == MV_QUIC)
			return true;
		c->state = CLIENT_ESTABLISHED;
		c->next = c->isn + 1;
		if (n->m.proto == MV_QUIC)
			return shake_hands(n, op->a);
		return lost || talk(n, op->a, MV_ACK, c->next);
	}
	if (lost)
		return true;
	if (n->m.proto == MV_QUIC && op->b % 8 == 0)
		return talk(n, op->a, MV_LONG, c->isn);
	if (n->m.proto != MV_TCP)
		return talk(n, op->a, MV_UDP, 0);
	/* A retransmission from anywhere since the beginning, or new bytes. */
	if (op->b % 8 == 0)
		return talk(n, op->a, MV_ACK, c->isn + 1 + (c->next - c->isn - 1) / 256 * op->c);
	c->next += op->c * 100U;
	return talk(n, op->a, MV_ACK, c->next);
}

/* What only ceases to speak, as far as the balancer can see. */
static bool leave(struct mv_net *n, uint32_t flow)
{
	n->tcb[n->client[flow].backend][flow].there = false;
	n->client[flow].state = CLIENT_CLOSED;
	return true;
}

static bool close_client(struct mv_net *n, const struct mv_op *op)
{
	struct mv_client *c = &n->client[op->a];
	bool sound = true;

	if (n->m.proto != MV_TCP)
		return leave(n, op->a);
	if (c->state == CLIENT_ESTABLISHED) {
		sound = talk(n, op->a, MV_FIN, c->next);
		if (c->state == CLIENT_ESTABLISHED)
			c->state = CLIENT_FIN;
	} else if (c->state == CLIENT_FIN) {
		sound = talk(n, op->a, MV_ACK, c->next + 1);
		c->state = CLIENT_CLOSED;
		n->tcb[c->backend][op->a].there = false;
	}
	return sound;
}

static bool abort_client(struct mv_net *n, const struct mv_op *op)
{
	struct mv_client *c = &n->client[op->a];
	bool sound = true;

	if (n->m.proto != MV_TCP)
		return leave(n, op->a);
	if (c->state == CLIENT_ESTABLISHED || c->state == CLIENT_FIN) {
		sound = talk(n, op->a, MV_RST, c->next);
		n->tcb[c->backend][op->a].there = false;
	}
	c->state = CLIENT_CLOSED;
	return sound;
}

/* The moments at which docs/transitions.md says that forged packets can do harm. */
static void note_forgery(struct mv_net *n, uint32_t flow)
{
	struct mv_client *c = &n->client[flow];

	if (c->state == CLIENT_SYN)
		c->excuse[MV_FORGED] = true;
	/* One that is not on record has no numbers to be known by. */
	if (n->m.proto == MV_QUIC && !c->known)
		c->excuse[MV_FORGED] = true;
	if ((mv_heard__has_record(n, flow) && mv__over(&n->m, &n->m.record[flow])) ||
	    mv_heard__is_tentative(n, flow))
		c->excuse[MV_FORGED] = true;
}

/* What a server answers to a forged SYN reaches the client, who answers that. False: see talk(). */
static bool answer_stray(struct mv_net *n, uint32_t flow, uint32_t isn)
{
	struct mv_client *c = &n->client[flow];
	const struct mv_packet reset = {.flow = flow, .kind = MV_RST, .seq = isn + 1};

	/* What is not of its connection a client of QUIC does not answer. */
	if (n->m.proto == MV_QUIC)
		return true;
	if (c->state == CLIENT_ESTABLISHED || c->state == CLIENT_FIN)
		return talk(n, flow, MV_ACK, c->next);
	mv_heard__went(n, flow, route(n, &reset));
	return true;
}

static bool spoof(struct mv_net *n, const struct mv_op *op)
{
	struct mv_client *c = &n->client[op->a];
	/* Between the clients' numbers, and far from what was forged before. */
	uint32_t isn = FAR * ++n->forgeries + FAR / 2 + op->c;
	struct mv_packet p = {.flow = op->a, .kind = MV_SYN, .seq = isn};
	const struct mv_record *r = &n->m.record[op->a];
	bool sound = true, free = !mv_heard__has_record(n, op->a) || mv__over(&n->m, r);
	uint8_t to;

	/* Nobody can tell a datagram from another. */
	if (n->m.proto == MV_DATAGRAMS)
		return true;
	note_forgery(n, op->a);
	mv_heard__forged(n, op->a);
	if (op->kind != OP_SPOOF_ACK) {
		to = route(n, &p);
		if (to && !n->tcb[to][op->a].there && op->b & 1)
			sound = answer_stray(n, op->a, isn);
	}
	if (op->kind == OP_SPOOF_SYN || !sound)
		return sound;
	p.kind = n->m.proto == MV_QUIC ? MV_LONG : MV_ACK;
	p.seq = n->m.proto == MV_QUIC ? isn : isn + 1;
	route(n, &p);
	if (r->life == MV_ACTIVE && r->young && r->fit.isn == isn && free) {
		c->rival_s = n->m.now;
		c->since_rival = 0;
	}
	return true;
}

static void crash(struct mv_net *n, uint8_t backend)
{
	for (uint32_t f = 0; f < MV_FLOWS; f++)
		n->tcb[backend][f].there = false;
}

static void reweight(struct mv_net *n, const struct mv_op *op)
{
	uint8_t *order = n->agent.known.order[op->a % MV_SLOTS];
	uint8_t i = op->b % MV_BACKENDS, j = op->b / MV_BACKENDS % MV_BACKENDS, was = order[i];

	order[i] = order[j];
	order[j] = was;
}

/* Backends that are DOWN for too long do not live as the promise has it. */
static void note_dead(struct mv_net *n)
{
	for (uint8_t b = 1; b <= MV_BACKENDS; b++) {
		if (!n->agent.known.down[b] ||
		    n->m.now - n->agent.known.down_since[b] <= n->m.down_hold)
			continue;
		for (uint32_t f = 0; f < MV_FLOWS; f++)
			n->client[f].excuse[MV_BACKEND] |= n->client[f].syn_to >> b & 1;
	}
}

static bool run_agent(struct mv_net *n, const struct mv_op *op)
{
	switch (op->kind) {
	case OP_VERDICT:
		mv_agent__verdict(&n->agent, &n->m, op->a % MV_BACKENDS + 1, op->b & 1);
		if (op->b & 1)
			mv_heard__gone(n, op->a % MV_BACKENDS + 1);
		break;
	case OP_DRAIN:
		n->agent.known.drained[op->a % MV_BACKENDS + 1] = op->b & 1;
		break;
	case OP_REWEIGHT:
		reweight(n, op);
		break;
	case OP_STEP:
		for (int i = 0; i <= op->a % 16; i++)
			mv_agent__step(&n->agent, &n->m);
		break;
	case OP_KILL:
		/* A run of flow_sweep ends whoever started it. */
		mv_sweep__erase(&n->agent, &n->m);
		mv_agent__kill(&n->agent);
		break;
	case OP_SWEEP_READ:
		mv_sweep__read(&n->agent, &n->m);
		break;
	case OP_SWEEP_APPLY:
		mv_sweep__apply(&n->agent, &n->m);
		/* All of a handshake does not come between DEAD and deleted; TCP can do without luck. */
		if (n->m.proto != MV_TCP)
			mv_sweep__erase(&n->agent, &n->m);
		break;
	case OP_SWEEP_ERASE:
		mv_sweep__erase(&n->agent, &n->m);
		break;
	default:
		return false;
	}
	return true;
}

bool mv_net__run(struct mv_net *n, const struct mv_op *given)
{
	struct mv_op op = *given;
	bool sound = true;

	note_dead(n);
	if (run_agent(n, &op))
		return true;
	if (op.kind != OP_ADVANCE)
		op.a %= op.kind == OP_CRASH ? MV_BACKENDS : MV_FLOWS;
	switch (op.kind) {
	case OP_ADVANCE:
		/* A run of flow_sweep lasts for microseconds. */
		mv_sweep__erase(&n->agent, &n->m);
		n->m.now += op.a;
		break;
	case OP_SPEAK:
		sound = speak(n, &op);
		break;
	case OP_CLOSE:
		sound = close_client(n, &op);
		break;
	case OP_ABORT:
		sound = abort_client(n, &op);
		break;
	case OP_VANISH:
		n->tcb[n->client[op.a].backend][op.a].there = false;
		n->client[op.a].state = CLIENT_CLOSED;
		break;
	case OP_CRASH:
		crash(n, op.a + 1);
		break;
	case OP_CHURN:
		n->m.churn = given->b & 1;
		break;
	case OP_EVICT:
		memset(&n->m.tentative[op.a], 0, sizeof(n->m.tentative[op.a]));
		n->client[op.a].excuse[MV_VOID] = true;
		break;
	default:
		sound = spoof(n, &op);
		break;
	}
	return sound && !n->split;
}
