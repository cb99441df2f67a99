/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ops.c - what the API can ask of the agent. */
#include "agent/agent.h"
#include "agent/alerts.h"
#include "agent/chronicle.h"
#include "agent/diff.h"
#include "agent/events.h"
#include "agent/handover.h"
#include "agent/metrics.h"
#include "agent/peer_words.h"
#include "agent/rates_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void op_metrics(void *ctx, struct api_request *request)
{
	metrics__ask(ctx, request);
}

static json_t *op_problems(void *ctx)
{
	return metrics__problems(ctx);
}

static void op_status(void *ctx, const char *service, const char *backend,
		      struct api_request *request)
{
	status_answers__ask(ctx, service, backend, request);
}

static void op_rates(void *ctx, const char *layout, const char *known, struct api_request *request)
{
	struct jtext out = {.room = 0};

	rates__write(ctx, layout, known, &out);
	if (out.failed) {
		free(out.text);
		out.text = NULL;
	}
	api_request__reply_text(&request, 1, out.text, out.len, "application/json");
}

static json_t *op_timings(void *ctx)
{
	return timings__json(ctx);
}

static int op_overview(void *ctx, const char *service, char **text, size_t *len, struct err *err)
{
	return overview__text(ctx, service, text, len, err);
}

static bool wanted(const struct service *s, const char *service)
{
	return !service || strcmp(s->name, service) == 0;
}

static int unknown_backend(const char *backend, const char *service, size_t services,
			   struct err *err)
{
	if (service && !services)
		return err__set(err, -ENOENT, "there is no service '%s'", service);
	return err__set(err, -ENOENT, "there is no backend '%s'%s%s%s", backend,
			service ? " in service '" : "", service ? service : "", service ? "'" : "");
}

static int op_backend(void *ctx, const char *backend, const char *service, json_t **out,
		      struct err *err)
{
	json_t *list = json_array();
	struct agent *a = ctx;
	size_t services = 0;
	struct service *s;

	TAILQ_FOREACH (s, &a->services, entry) {
		json_t *has;

		if (!wanted(s, service))
			continue;
		services++;
		has = transition__backend(s, backend);
		if (has)
			json_array_append_new(list, has);
	}
	if (!json_array_size(list)) {
		json_decref(list);
		return unknown_backend(backend, service, services, err);
	}
	*out = json_pack("{s:o}", "services", list);
	return 0;
}

/* What an operator says of one backend of one service; true if it changed anything. */
static bool say(struct member *m, const struct api_word *word)
{
	const struct member_word said = {.uid = word->uid};
	enum fl_admin now = m->health.admin;
	bool changed;

	switch (word->verb) {
	case API_DRAIN:
		changed = member__set_admin(m, FL_ADMIN_DRAIN, &said);
		break;
	case API_UNDRAIN:
		changed = now == FL_ADMIN_DRAIN && member__set_admin(m, FL_ADMIN_NONE, &said);
		break;
	case API_DISABLE:
		changed = member__set_admin(m, FL_ADMIN_DISABLE, &said);
		break;
	case API_ENABLE:
		changed = now == FL_ADMIN_DISABLE && member__set_admin(m, FL_ADMIN_NONE, &said);
		break;
	default:
		changed = member__set_percent(m, word->percent, &said);
		break;
	}
	if (changed)
		peer_words__said(m);
	return changed;
}

static int op_say(void *ctx, const char *backend, const char *service, const struct api_word *word,
		  json_t **out, struct err *err)
{
	json_t *names = json_array();
	struct agent *a = ctx;
	struct service *s;
	json_int_t changed = 0;
	size_t found = 0, services = 0;

	TAILQ_FOREACH (s, &a->services, entry) {
		if (!wanted(s, service))
			continue;
		services++;
		for (size_t i = 0; i < s->n_members; i++) {
			if (strcmp(member__id(s->members[i]), backend) != 0)
				continue;
			found++;
			changed += say(s->members[i], word);
			json_array_append_new(names, json_string(s->name));
		}
	}
	if (!found) {
		json_decref(names);
		return unknown_backend(backend, service, services, err);
	}
	*out = json_pack("{s:I, s:o}", "changed", changed, "services", names);
	return 0;
}

static int op_sources(void *ctx, const char *service, json_t **out, struct err *err)
{
	return sources__list(ctx, service, out, err);
}

static int op_set_sources(void *ctx, const struct api_sources *what, json_t **out, struct err *err)
{
	return sources__set(ctx, what, out, err);
}

static json_t *op_packets(void *ctx, const uint64_t *since, uint32_t n)
{
	return events__json(ctx, since, n);
}

static int op_set_sampling(void *ctx, const uint32_t *flows, const uint32_t *drops, json_t **out,
			   struct err *err)
{
	return events__set_sampling(ctx, flows, drops, out, err);
}

static void op_events(void *ctx, const struct api_events *what, struct api_request *request)
{
	chronicle__events(ctx, what, request);
}

static void op_report(void *ctx, const struct api_report *what, struct api_request *request)
{
	chronicle__report(ctx, what, request);
}

static void op_timeline(void *ctx, uint32_t hours, struct api_request *request)
{
	chronicle__timeline(ctx, hours, request);
}

static void op_apply(void *ctx, const struct api_apply *what, struct api_request *request)
{
	chronicle__apply(ctx, what, request);
}

static void op_diff(void *ctx, const struct api_diff *what, struct api_request *request)
{
	if (what->version)
		chronicle__compare(ctx, what, request);
	else
		diff__ask(ctx, what, request);
}

static void op_history(void *ctx, const struct api_history *what, struct api_request *request)
{
	chronicle__history(ctx, what, request);
}

static void op_failover(void *ctx, const char *to, struct api_request *request)
{
	handover__start(ctx, to, request);
}

static json_t *op_failover_undo(void *ctx)
{
	return handover__undo(ctx);
}

static void op_explain(void *ctx, const struct api_explain *what, struct api_request *request)
{
	explain__ask(ctx, what, request);
}

static void op_test_alerts(void *ctx, const char *name, struct api_request *request)
{
	alerts__test(ctx, name, request);
}

static void op_capture(void *ctx, const struct api_capture *what, struct api_request *request)
{
	capture__start(ctx, what, request);
}

static int op_captured(void *ctx, uint32_t id, bool stop, json_t **out, struct err *err)
{
	return stop ? capture__stop(ctx, id, out, err) : capture__next(ctx, id, out, err);
}

static const char *op_token_file(void *ctx)
{
	const struct agent *a = ctx;

	return a->config->api_token_file;
}

const struct api_ops ops = {
	.token_file = op_token_file,
	.metrics = op_metrics,
	.problems = op_problems,
	.status = op_status,
	.rates = op_rates,
	.timings = op_timings,
	.overview = op_overview,
	.timeline = op_timeline,
	.say = op_say,
	.backend = op_backend,
	.sources = op_sources,
	.set_sources = op_set_sources,
	.packets = op_packets,
	.set_sampling = op_set_sampling,
	.events = op_events,
	.report = op_report,
	.apply = op_apply,
	.diff = op_diff,
	.failover = op_failover,
	.failover_undo = op_failover_undo,
	.test_alerts = op_test_alerts,
	.capture = op_capture,
	.captured = op_captured,
	.explain = op_explain,
	.history = op_history,
};
