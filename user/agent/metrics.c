/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/alerts.h"
#include "agent/chronicle.h"
#include "agent/names.h"
#include "fairlead/abi.h"

struct fl_count metrics__count(const struct agent *a, const struct rate *r, enum plane_counter kind,
			       uint32_t index)
{
	struct fl_count c = r->last;

	/* Before the first tick there is none: a 0 would look as if it had begun anew. */
	if (!r->at_ns)
		plane__count(a->plane, kind, index, &c);
	return c;
}

static void gauge(struct prom *out, const char *name, const char *help, uint64_t value)
{
	prom__family(out, name, PROM_GAUGE, help);
	prom__integer(out, "", value);
}

static void counter(struct prom *out, const char *name, const char *help, uint64_t value)
{
	prom__family(out, name, PROM_COUNTER, help);
	prom__integer(out, "", value);
}

static void write_agent(struct agent *a, struct prom *out, struct prom *labels)
{
	struct fl_lease lease = {.lapses = a->lapses_before};
	char abi[12];

	plane__lease(a->plane, &lease);
	snprintf(abi, sizeof(abi), "%d", FL_ABI_VERSION);
	prom__family(out, "fairlead_build_info", PROM_GAUGE, "What runs; always 1.");
	prom__integer(out,
		      METRICS_LABELS(labels, "instance_name", a->config->instance, "version",
				     FAIRLEAD_VERSION, "abi", abi),
		      1);
	prom__family(out, "fairlead_start_time_seconds", PROM_GAUGE, "When the agent began.");
	prom__seconds(out, "", a->started_at_ns);
	prom__family(out, "fairlead_config_loaded_timestamp_seconds", PROM_GAUGE,
		     "When the configuration that runs was applied.");
	prom__seconds(out, "", a->loaded_at_ns);
	counter(out, "fairlead_config_applies_total",
		"Configurations that were applied since the agent began.", a->applies);
	counter(out, "fairlead_config_refusals_total",
		"Configurations that were refused since the agent began.", a->refusals);
	gauge(out, "fairlead_config_last_apply_successful",
	      "Whether the last configuration that was to be applied was.", !a->last_refused);
	gauge(out, "fairlead_lease_lapsed", "Whether the program does what on_agent_loss says.",
	      lease.lapsed != 0);
	counter(out, "fairlead_lease_lapses_total",
		"How often the lease has lapsed since the agent began.",
		lease.lapses - a->lapses_before);
}

static uint64_t number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_true(v) ? 1 : (uint64_t)json_integer_value(v);
}

static void write_journal(const struct agent *a, struct prom *out)
{
	json_t *journal = chronicle__json(a), *config = json_object();

	chronicle__add_config(a, config);
	gauge(out, "fairlead_config_version",
	      "Number of what runs in the history of configurations; 0: not known.",
	      number(config, "version"));
	gauge(out, "fairlead_config_unconfirmed",
	      "Whether the configuration waits for its confirmation.",
	      number(config, "unconfirmed"));
	json_decref(config);
	if (json_is_object(journal)) {
		gauge(out, "fairlead_journal_open", "Whether the journal's file is in use.",
		      number(journal, "open"));
		gauge(out, "fairlead_journal_bytes", "Its size, as it was pruned last.",
		      number(journal, "bytes"));
		gauge(out, "fairlead_journal_events_waiting", "Events that are not written yet.",
		      number(journal, "waiting"));
		counter(out, "fairlead_journal_events_written_total",
			"Events that were written since the agent began.",
			number(journal, "written"));
		counter(out, "fairlead_journal_events_dropped_total",
			"Events that were lost since the agent began.", number(journal, "dropped"));
	}
	json_decref(journal);
}

static void write_streams(const struct agent *a, struct prom *out, struct prom *labels)
{
	struct api_streams s;

	api__streams(a->api, &s);
	gauge(out, "fairlead_event_streams", "Clients that follow events as they happen.", s.open);
	prom__family(
		out, "fairlead_event_streams_ended_total", PROM_COUNTER,
		"Streams of events that were ended: the client did not read, or another one got its place.");
	prom__integer(out, METRICS_LABELS(labels, "reason", "slow"), s.slow);
	prom__integer(out, METRICS_LABELS(labels, "reason", "displaced"), s.displaced);
}

static void write_interfaces(const struct agent *a, struct prom *out, struct prom *labels)
{
	prom__family(out, "fairlead_interface_attached", PROM_GAUGE,
		     "Whether the interface is there, with the program on it.");
	for (size_t i = 0; i < a->n_links; i++)
		prom__integer(out, METRICS_LABELS(labels, "interface", a->links[i].ifname),
			      links__attached(a, a->links[i].ifname));
	prom__family(out, "fairlead_interface_info", PROM_GAUGE,
		     "How the program is attached where it is; always 1.");
	for (size_t i = 0; i < a->n_links; i++) {
		const struct plane_link *l = &a->links[i];

		if (l->ifindex)
			prom__integer(out,
				      METRICS_LABELS(labels, "interface", l->ifname, "mode",
						     l->native ? "native" : "generic", "attach",
						     l->dispatched ? "dispatcher" : "link"),
				      1);
	}
}

static void write_lateness(const struct agent *a, struct prom *out)
{
	struct prom_histogram h = {.n = LATENESS_BUCKETS - 1};
	struct lateness_counts late;

	_Static_assert(LATENESS_BUCKETS <= sizeof(h.below_us) / sizeof(*h.below_us), "they fit");
	rt__lateness(a->rt, &late);
	/* The last bucket holds all that is later than the last bound. */
	for (size_t i = 0; i < LATENESS_BUCKETS; i++) {
		h.count += late.n[i];
		h.below_us[i] = UINT64_C(1) << i;
		h.cumulative[i] = h.count;
	}
	h.sum_ns = late.sum_ns;
	prom__family(out, "fairlead_loop_lateness_seconds", PROM_HISTOGRAM,
		     "How late the scheduler woke the real-time thread.");
	prom__histogram(out, "", &h);
	gauge(out, "fairlead_loop_realtime",
	      "Whether the real-time thread is scheduled before all normal ones.",
	      rt__is_realtime(a->rt));
}

static void write_timings(const struct agent *a, struct prom *out)
{
	prom__family(
		out, "fairlead_loop_turn_seconds", PROM_HISTOGRAM,
		"How long turns of the agent's loop took: so long whatever came meanwhile waited.");
	prom__timing(out, "", &a->turns);
	gauge(out, "fairlead_probe_targets", "Probes that there are; equal ones are shared.",
	      prober__count(a->prober));
	prom__family(out, "fairlead_probe_start_delay_seconds", PROM_HISTOGRAM,
		     "How long after their time tries of probes began.");
	prom__timing(out, "", prober__late(a->prober));
	prom__family(out, "fairlead_table_compute_seconds", PROM_HISTOGRAM,
		     "From the look at the verdicts until it was known what a slot table holds.");
	prom__timing(out, "", &a->compute);
	prom__family(out, "fairlead_table_commit_seconds", PROM_HISTOGRAM,
		     "From then on until packets found the table.");
	prom__timing(out, "", &a->commit);
}

/* `name` is a constant; bytes or packets of each verdict. */
static void write_verdicts(const struct agent *a, struct prom *out, struct prom *labels,
			   const char *name, const char *help, bool bytes)
{
	char verdict[NAMES_LEN], action[NAMES_LEN];

	prom__family(out, name, PROM_COUNTER, help);
	for (uint32_t v = 0; v < FL_VERDICTS; v++) {
		struct fl_count c = metrics__count(a, &a->verdicts[v], PLANE_VERDICT, v);

		prom__integer(out,
			      METRICS_LABELS(labels, "verdict", names__verdict(v, verdict),
					     "action", names__action(v, action)),
			      bytes ? c.bytes : c.packets);
	}
}

static void write_notes(const struct agent *a, struct prom *out, struct prom *labels)
{
	char note[NAMES_LEN];

	prom__family(out, "fairlead_notes_total", PROM_COUNTER,
		     "Packets that something was noted of, beside their verdicts.");
	for (uint32_t i = 0; i < FL_NOTES; i++)
		prom__integer(out, METRICS_LABELS(labels, "note", names__note(i, note)),
			      metrics__count(a, &a->notes[i], PLANE_NOTE, i).packets);
}

static void write_records(const struct agent *a, struct prom *out)
{
	gauge(out, "fairlead_records", "Connections on record, as the last count found them.",
	      a->flow_sweep.records);
	gauge(out, "fairlead_records_limit", "How many connections can be on record.",
	      FL_MAX_FLOWS);
	counter(out, "fairlead_records_deleted_total",
		"Records that were past their time, since the agent began.", a->flow_sweep.deleted);
	gauge(out, "fairlead_nat_records", "Records of NAT in use, as the last pass found them.",
	      a->nat_sweep.flows);
	counter(out, "fairlead_nat_records_deleted_total",
		"Entries of NAT that were past their time, since the agent began.",
		a->nat_sweep.deleted);
}

/* What this thread has had of the processor: other programs' load does not count. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A text in the making. */
struct scrape {
	struct agent *agent;
	struct api_request **requests; /* who wait for it */
	size_t n_requests;
	struct prom head, tail; /* what is written on the loop, before services and after them */
	struct listing *listing;
	uint64_t cpu_ns; /* that it took the loop */
	uv_work_t work;
};

static void write_head(struct agent *a, struct prom *out, struct prom *labels)
{
	write_agent(a, out, labels);
	write_journal(a, out);
	write_streams(a, out, labels);
	alerts__metrics(a, out, labels);
	write_interfaces(a, out, labels);
	write_lateness(a, out);
	write_timings(a, out);
	write_verdicts(a, out, labels, "fairlead_packets_total",
		       "Packets that the program has seen, by what became of them.", false);
	write_verdicts(a, out, labels, "fairlead_packet_bytes_total",
		       "Bytes of these packets, Ethernet headers included.", true);
	write_notes(a, out, labels);
	write_records(a, out);
}

static void write_on_worker(uv_work_t *work)
{
	struct scrape *s = work->data;
	struct prom *out = &s->head;
	uint64_t began_ns = cpu_ns();

	listing__write(s->listing, out);
	listing__free(s->listing);
	s->listing = NULL;
	prom__append(out, &s->tail);
	prom__family(out, "fairlead_metrics_render_seconds", PROM_GAUGE,
		     "Processor time that it took to write this.");
	prom__seconds(out, "", s->cpu_ns + cpu_ns() - began_ns);
}

static void answer(struct scrape *s)
{
	struct prom *out = &s->head;

	s->agent->scrape = NULL;
	if (out->failed) {
		free(out->text);
		out->text = NULL;
	}
	api_request__reply_text(s->requests, s->n_requests, out->text, out->len, PROM_CONTENT_TYPE);
	listing__free(s->listing);
	free(s->tail.text);
	free(s->requests);
	free(s);
}

static void after_write(uv_work_t *work, int status)
{
	struct scrape *s = work->data;

	/* A text that is cut off is none. */
	s->head.failed |= status != 0;
	s->agent->metrics_len = s->head.len;
	answer(s);
}

static void begin(struct scrape *s)
{
	struct agent *a = s->agent;
	struct prom labels = {.room = 0};
	uint64_t began_ns = cpu_ns();

	prom__expect(&s->head, a->metrics_len + a->metrics_len / 8);
	write_head(a, &s->head, &labels);
	metrics__network(a, &s->tail, &labels);
	s->listing = listing__take(a);
	s->head.failed |= !s->listing || labels.failed;
	free(labels.text);
	s->cpu_ns = cpu_ns() - began_ns;
	s->work.data = s;
	if (s->head.failed || uv_queue_work(&a->loop, &s->work, write_on_worker, after_write)) {
		s->head.failed = true;
		answer(s);
	}
}

void metrics__ask(struct agent *a, struct api_request *request)
{
	struct scrape *s = a->scrape ? a->scrape : calloc(1, sizeof(*s));
	struct api_request **more =
		s ? realloc(s->requests, (s->n_requests + 1) * sizeof(struct api_request *)) : NULL;

	if (!more) {
		if (s != a->scrape)
			free(s);
		api_request__reply(request, 500, NULL);
		return;
	}
	s->requests = more;
	s->requests[s->n_requests++] = request;
	if (s == a->scrape)
		return;
	s->agent = a;
	a->scrape = s;
	begin(s);
}

/* --- whether this machine is fit ------------------------------------------------------------------- */

json_t *metrics__problems(struct agent *a)
{
	json_t *list = json_array();
	struct fl_lease lease = {0};
	int rc = lease__last_error(a->lease);

	if (plane__lease(a->plane, &lease) == 0 && lease.lapsed)
		json_array_append_new(list, json_string("the lease has lapsed: the program does "
							"what on_agent_loss says"));
	if (rc)
		json_array_append_new(
			list, json_sprintf("the lease cannot be renewed: %s", strerror(-rc)));
	for (size_t i = 0; i < a->n_links; i++) {
		if (!a->links[i].ifindex)
			json_array_append_new(
				list, json_sprintf("interface %s is gone, and the program with it",
						   a->links[i].ifname));
		else if (!links__attached(a, a->links[i].ifname))
			json_array_append_new(list,
					      json_sprintf("the program is not on interface %s",
							   a->links[i].ifname));
	}
	return list;
}
