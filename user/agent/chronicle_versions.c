/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chronicle_versions.c - the history is looked at: which versions there are, what one says, what it would change. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/chronicle_internal.h"
#include "agent/diff.h"
#include "agent/names.h"

#define MOST_GROUPS 256 /* of a user, that are looked at */

_Static_assert(API_MAX_VERSIONS == STORE_MOST_CONFIGS, "all of them can be listed");

enum look_kind { LIST, TEXT, COMPARE };

/* What somebody asks for, on its way to the journal and back. */
struct look {
	struct journal_job job; /* first */
	enum look_kind kind;
	struct agent *agent;
	struct api_request *request;
	uint32_t n; /* LIST */
	uint32_t uid; /* TEXT: who asks, */
	char *path; /* and the agent's file */
	int64_t version; /* TEXT, COMPARE */
	bool now; /* COMPARE */
	char *text; /* what the version says */
	size_t len;
	char *answer; /* LIST, TEXT */
	int rc;
	struct err err;
};

static void free_look(struct look *l)
{
	free(l->path);
	free(l->text);
	free(l->answer);
	free(l);
}

/* --- on the journal's thread ------------------------------------------------------------------------ */

static bool is_in_group(uint32_t uid, gid_t group)
{
	gid_t groups[MOST_GROUPS];
	struct passwd entry, *found = NULL;
	int n = MOST_GROUPS;
	char buf[4096];

	if (getpwuid_r(uid, &entry, buf, sizeof(buf), &found) || !found)
		return false;
	/* -1: there are more, and as many as there is room for are there. */
	if (getgrouplist(entry.pw_name, entry.pw_gid, groups, &n) < 0)
		n = MOST_GROUPS;
	for (int i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

/* A text holds what the file held, keys and passwords included: it is for those who may read the file. */
static int check_reader(struct look *l)
{
	struct stat st;
	bool may = l->uid == 0;

	if (!may && !stat(l->path, &st))
		may = l->uid == st.st_uid ? (st.st_mode & S_IRUSR) != 0
		      : st.st_mode & S_IROTH
			      ? true
			      : st.st_mode & S_IRGRP && is_in_group(l->uid, st.st_gid);
	if (may)
		return 0;
	return err__set(
		&l->err, -EACCES,
		"version %lld may hold keys and passwords, as %.300s does: only who may read "
		"that file is told",
		(long long)l->version, l->path);
}

static void add_version(void *ctx, const struct store_version *v)
{
	json_t *o = json_pack("{s:I, s:o, s:s, s:I}", "version", (json_int_t)v->id, "time",
			      names__time((uint64_t)v->at_ms * 1000000), "origin", v->origin,
			      "bytes", (json_int_t)v->bytes);

	json_object_set_new(o, "actor", *v->actor ? json_string(v->actor) : json_null());
	json_object_set_new(o, "reason", *v->reason ? json_string(v->reason) : json_null());
	json_array_append_new(ctx, o);
}

static void list(struct look *l, struct store *s)
{
	json_t *versions = json_array();

	l->rc = store__config_list(s, l->n, add_version, versions, &l->err);
	if (!l->rc)
		l->rc = chronicle_ask__text(json_pack("{s:O}", "versions", versions), &l->answer,
					    &l->err);
	json_decref(versions);
}

static void tell_text(struct look *l, struct store *s)
{
	l->rc = store__config_get(s, &l->version, &l->text, &l->len, &l->err);
	if (!l->rc)
		l->rc = chronicle_ask__text(json_pack("{s:I, s:o}", "version",
						      (json_int_t)l->version, "text",
						      json_stringn(l->text, l->len)),
					    &l->answer, &l->err);
}

static void look(struct journal_job *job, struct store *s, const char *why)
{
	struct look *l = (struct look *)job;

	if (!s) {
		l->rc = err__set(&l->err, -EIO, "%s", why);
		return;
	}
	switch (l->kind) {
	case LIST:
		list(l, s);
		break;
	case TEXT:
		l->rc = check_reader(l);
		if (!l->rc)
			tell_text(l, s);
		break;
	case COMPARE:
		l->rc = store__config_get(s, &l->version, &l->text, &l->len, &l->err);
		break;
	}
}

/* --- on the loop ------------------------------------------------------------------------------------ */

static unsigned int status_of(int rc)
{
	return rc == -ENOENT ? 404 : rc == -EACCES ? 403 : 503;
}

static void looked(struct journal_job *job)
{
	struct look *l = (struct look *)job;
	const struct api_diff what = {
		.now = l->now,
		.version = l->version,
		.text = l->text,
		.len = l->len,
	};

	if (l->rc) {
		api_request__reply(l->request, status_of(l->rc),
				   json_pack("{s:s}", "error", l->err.text));
	} else if (l->text && l->kind == COMPARE && !l->agent->stopping) {
		diff__ask(l->agent, &what, l->request);
	} else {
		/* Without any, the agent is stopping. */
		chronicle_ask__answer(&l->request, 1, l->answer, NULL);
		l->answer = NULL;
	}
	free_look(l);
}

static void ask(struct agent *a, const struct look *what)
{
	struct look *l;

	if (!a->chronicle) {
		chronicle_ask__none(what->request);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l) {
		*l = *what;
		l->path = strdup(a->config_path);
	}
	if (!l || !l->path) {
		free(l);
		api_request__reply(what->request, 500,
				   json_pack("{s:s}", "error", "out of memory"));
		return;
	}
	l->agent = a;
	l->job.work = look;
	l->job.done = looked;
	journal__submit(a->chronicle->journal, &l->job);
}

void chronicle_versions__look(struct agent *a, const struct api_history *what,
			      struct api_request *request)
{
	const struct look l = {
		.kind = what->verb == API_TEXT ? TEXT : LIST,
		.request = request,
		.n = what->n,
		.uid = what->uid,
		.version = what->version,
	};

	ask(a, &l);
}

void chronicle__compare(struct agent *a, const struct api_diff *what, struct api_request *request)
{
	const struct look l = {
		.kind = COMPARE,
		.request = request,
		.now = what->now,
		.version = what->version,
	};

	ask(a, &l);
}
