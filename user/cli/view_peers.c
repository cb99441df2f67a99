/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view_peers.c - what `fairlead status` says of other agents. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/format.h"
#include "cli/view.h"
#include "cli/view_json.h"

#define DISPUTES_SHOWN 10
#define SKEW_MS 1000 /* what makes times of two machines misleading */

static void print_name(const json_t *peer, const char *begin, FILE *out)
{
	fputs(begin, out);
	cli__print_text(out, string_of(peer, "name"));
}

static void print_state(const json_t *peer, time_t now, FILE *out)
{
	const char *state = string_of(peer, "state");
	char buf[FORMAT_LEN];
	time_t since;

	print_name(peer, "peer ", out);
	fputs(" at ", out);
	cli__print_text(out, string_of(peer, "address"));
	fputs(": ", out);
	cli__print_text(out, state);
	if (!format__parse_time(string_of(peer, "since"), &since))
		fprintf(out, " for %s", format__duration(difftime(now, since), buf));
	if (!strcmp(state, "up"))
		fprintf(out, ", round trip %.1f ms", (double)integer_of(peer, "rtt_us") / 1000);
}

/* How far it is heard, and whether it is as this one; NULL: that is not known yet. */
static void print_sync(const json_t *peer, FILE *out)
{
	const json_t *sync = json_object_get(peer, "sync"),
		     *same = json_object_get(peer, "same_config"),
		     *tables = json_object_get(peer, "other_tables");
	json_int_t have = integer_of(sync, "have"), of = integer_of(sync, "of"),
		   lag = integer_of(sync, "lag");

	if (strcmp(string_of(peer, "state"), "up") != 0)
		return;
	if (!same)
		fprintf(out, ", %lld of %lld changes heard", have, of);
	else if (json_is_true(same))
		fputs(integer_of(tables, "n") ? ", same configuration"
					      : ", same configuration, same tables",
		      out);
	if (lag)
		fprintf(out, ", %lld changes to be told", lag);
}

/* How far the telling of all records is, in both directions, while it goes on. */
static void print_records(const json_t *peer, FILE *out)
{
	const json_t *records = json_object_get(peer, "records"),
		     *theirs = json_object_get(records, "theirs"),
		     *ours = json_object_get(records, "ours");
	bool has_theirs = json_is_true(json_object_get(theirs, "complete")),
	     has_ours = json_is_true(json_object_get(ours, "complete"));

	if (!json_is_true(json_object_get(records, "exchanged")) ||
	    strcmp(string_of(peer, "state"), "up") != 0)
		return;
	if (!has_theirs)
		fprintf(out, ", %lld %% of its records heard", integer_of(theirs, "percent"));
	if (!has_ours)
		fprintf(out, ", %lld %% of ours told", integer_of(ours, "percent"));
	if (has_theirs && has_ours)
		fputs(", records in step", out);
}

static void print_disputes(const json_t *peer, FILE *out)
{
	const json_t *list = json_object_get(peer, "disputes"), *dispute;
	size_t i;

	json_array_foreach (list, i, dispute) {
		if (i == DISPUTES_SHOWN) {
			print_name(peer, "warning: peer ", out);
			fprintf(out, " sees %zu more backends otherwise: see --json\n",
				json_array_size(list) - i);
			break;
		}
		print_name(peer, "warning: peer ", out);
		fputs(" sees backend ", out);
		cli__print_text(out, string_of(dispute, "backend"));
		fputs(" of service ", out);
		cli__print_text(out, string_of(dispute, "service"));
		fputs(" as ", out);
		cli__print_text(out, string_of(dispute, "there"));
		fputs(", here it is ", out);
		cli__print_text(out, string_of(dispute, "here"));
		putc('\n', out);
	}
}

/* Two machines whose full NAT may give two connections one source, and one whose connections cannot go on here. */
static void print_pool(const json_t *peer, FILE *out)
{
	const char *pool = string_of(peer, "pool");

	if (strcmp(pool, "overlap") == 0) {
		print_name(peer, "warning: peer ", out);
		fputs(" gives full NAT's connections the same addresses and ports as this machine: two may get one "
		      "source, and each the other's answers; each machine must have all others in peers.list, "
		      "and the same snat.ports\n",
		      out);
	} else if (strcmp(pool, "apart") == 0) {
		print_name(peer, "warning: peer ", out);
		fputs(" has other addresses in snat: full NAT's connections end when they change machines\n",
		      out);
	}
}

static void print_clock(const json_t *peer, FILE *out)
{
	json_int_t ms = integer_of(peer, "clock_skew_ms");

	if (ms > -SKEW_MS && ms < SKEW_MS)
		return;
	print_name(peer, "warning: the clock of peer ", out);
	fprintf(out, " is %.1f s %s this machine's\n", fabs((double)ms) / 1e3,
		ms > 0 ? "ahead of" : "behind");
}

static void print_differences(const json_t *peer, FILE *out)
{
	const json_t *tables = json_object_get(peer, "other_tables");
	json_int_t n = integer_of(tables, "n");

	if (json_is_false(json_object_get(peer, "same_config"))) {
		print_name(peer, "warning: peer ", out);
		fputs(" has another configuration: ", out);
		cli__print_text(out, string_of(peer, "difference"));
		putc('\n', out);
	}
	if (n) {
		print_name(peer, "warning: peer ", out);
		fprintf(out, " has another table for %lld service%s, the first is ", n,
			n == 1 ? "" : "s");
		cli__print_text(out, string_of(tables, "first"));
		putc('\n', out);
	}
	print_clock(peer, out);
	print_pool(peer, out);
	print_disputes(peer, out);
}

/* What is in force on all peers, and what of it is not so here. */
static void print_accord(const json_t *accord, FILE *out)
{
	json_int_t epoch = integer_of(accord, "epoch"), preparing = integer_of(accord, "preparing");
	const char *state = string_of(accord, "state");

	if (preparing)
		fprintf(out, "peers: a configuration for all is prepared, epoch %lld\n", preparing);
	if (!epoch)
		return;
	if (json_is_true(json_object_get(accord, "gives_way")))
		fputs("warning: this machine gives way: a peer has a later configuration of all peers in "
		      "force\n",
		      out);
	if (*string_of(accord, "trouble")) {
		fprintf(out, "warning: epoch %lld of all peers is not in force here: ", epoch);
		cli__print_text(out, string_of(accord, "trouble"));
		putc('\n', out);
	} else if (!strcmp(state, "left")) {
		fprintf(out,
			"warning: this machine has left epoch %lld of all peers: another configuration "
			"was applied here alone\n",
			epoch);
	} else {
		fprintf(out, "peers: epoch %lld of all is %s\n", epoch, state);
	}
	if (*string_of(accord, "file")) {
		fputs("warning: ", out);
		cli__print_text(out, string_of(accord, "file"));
		putc('\n', out);
	}
}

void view_peers__quorum(const json_t *service, const json_t *backend, FILE *out)
{
	static const char *const kinds[] = {"up", "suspect", "down"};
	const json_t *quorum = json_object_get(backend, "quorum"),
		     *health = json_object_get(service, "health");
	const char *begin = ": the balancers say ";

	if (!json_is_true(json_object_get(quorum, "disputed")))
		return;
	fputs("health: ", out);
	cli__print_text(out, string_of(service, "name"));
	fputs(": ", out);
	cli__print_text(out, string_of(backend, "id"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (!integer_of(quorum, kinds[i]))
			continue;
		fprintf(out, "%s%lld %s", begin, integer_of(quorum, kinds[i]), kinds[i]);
		begin = ", ";
	}
	fputs("; here it is ", out);
	cli__print_text(out, string_of(quorum, "here"));
	fputs(", by quorum ", out);
	cli__print_text(out, string_of(health, "quorum"));
	fputs(" it is ", out);
	cli__print_text(out, string_of(backend, "state"));
	putc('\n', out);
}

void view_peers__print(const json_t *status, const struct view *view, FILE *out)
{
	const json_t *list = json_object_get(json_object_get(status, "peers"), "list"), *peer;
	size_t i;

	json_array_foreach (list, i, peer) {
		print_state(peer, view->now, out);
		print_sync(peer, out);
		print_records(peer, out);
		putc('\n', out);
	}
	json_array_foreach (list, i, peer) {
		print_differences(peer, out);
	}
	print_accord(json_object_get(json_object_get(status, "peers"), "accord"), out);
}
