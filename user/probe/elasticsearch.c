/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elasticsearch.c - the cluster's health as this node sees it, and this node's role in it.
 *
 * By the REST API that Elasticsearch and OpenSearch share: "Cluster health" (status green, yellow, red),
 * then, for a role, "Nodes info" of the nodes `_local,_master`: one node if this one is the elected
 * master, two if another one is.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "probe/web.h"

static void ask(const struct config_probe *args, unsigned int step, struct web_request *r)
{
	/* local=true: what this node knows, without asking the master. */
	static const char health[] = "/_cluster/health?local=true&filter_path=status,cluster_name";
	static const char master[] = "/_nodes/_local,_master/jvm?filter_path=nodes.*.roles";
	static const char local[] = "/_nodes/_local/jvm?filter_path=nodes.*.roles";

	r->path = step == 0 ? health : args->role == CONFIG_ROLE_MASTER ? master : local;
	r->headers[0] = "Accept: application/json";
	r->wants_body = true;
}

/* green 2, yellow 1, red 0; -1: none of them. */
static int rank(const char *color)
{
	static const char *const colors[] = {"red", "yellow", "green"};

	for (int i = 0; color && i < 3; i++)
		if (strcmp(color, colors[i]) == 0)
			return i;
	return -1;
}

static void judge_health(const struct config_probe *args, const json_t *o, struct web_verdict *v)
{
	const char *color = json_string_value(json_object_get(o, "status"));

	if (rank(color) < 0) {
		snprintf(v->detail, sizeof(v->detail), "its answer has no health of the cluster");
	} else if (rank(color) < rank(args->color)) {
		snprintf(v->detail, sizeof(v->detail), "the cluster is %s, %s is wanted", color,
			 args->color);
	} else {
		v->ok = args->role == CONFIG_ROLE_ANY;
		v->again = !v->ok;
		snprintf(v->detail, sizeof(v->detail), "cluster %s", color);
	}
}

/* "data", or one of the tiers of data: "data_hot". */
static bool has_data_role(const json_t *node)
{
	const json_t *role;
	size_t i;

	json_array_foreach (json_object_get(node, "roles"), i, role) {
		if (json_is_string(role) && strncmp(json_string_value(role), "data", 4) == 0)
			return true;
	}
	return false;
}

static void judge_role(const struct config_probe *args, const json_t *o, struct web_verdict *v)
{
	const json_t *nodes = json_object_get(o, "nodes");
	const json_t *first = json_object_iter_value(json_object_iter((json_t *)nodes));

	if (!json_is_object(nodes) || !json_object_size(nodes)) {
		snprintf(v->detail, sizeof(v->detail), "its answer has no nodes");
		return;
	}
	v->ok = args->role == CONFIG_ROLE_MASTER ? json_object_size(nodes) == 1
						 : has_data_role(first);
	snprintf(v->detail, sizeof(v->detail), "is %s%s", v->ok ? "" : "not ",
		 args->role == CONFIG_ROLE_MASTER ? "the elected master" : "a data node");
}

static void judge(const struct config_probe *args, unsigned int step, const struct web_answer *a,
		  struct web_verdict *v)
{
	json_t *o;

	if (a->status != 200) {
		snprintf(v->detail, sizeof(v->detail), "status %ld%s", a->status,
			 a->status == 401 ? ": the user or the password is wrong" : "");
		return;
	}
	o = json_loadb(a->body, a->len, 0, NULL);
	if (!json_is_object(o))
		snprintf(v->detail, sizeof(v->detail), "its answer is no JSON object");
	else if (step == 0)
		judge_health(args, o, v);
	else
		judge_role(args, o, v);
	json_decref(o);
}

const struct web_kind web_elasticsearch = {.ask = ask, .judge = judge};
