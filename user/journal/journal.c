/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/journal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/log.h"

#define RETRY_MS 2000
#define BEAT_MS 5000 /* a killed agent's run ended that long after its last word at most */
#define PRUNE_MS 3600000
#define BATCH 1024 /* events of one commit */
#define FREE_WAIT_S 3

struct told {
	STAILQ_ENTRY(told) entry;
	struct journal_event e;
};

STAILQ_HEAD(told_list, told);
STAILQ_HEAD(job_list, journal_job);

struct journal {
	/* The loop's. */
	uv_async_t async;
	struct journal_calls calls;
	void *ctx;
	uv_loop_t *loop;
	pthread_t thread;
	bool started;

	/* The thread's. */
	struct store *store; /* NULL: not open */
	char *path;
	int64_t beat_ms, prune_ms, retry_ms; /* CLOCK_BOOTTIME of the next one */
	bool told_trouble; /* it was logged */

	/* Of both, under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct told_list told;
	size_t n_told;
	struct job_list jobs, done;
	struct store_limits limits;
	struct journal_status status;
	uint64_t lost; /* dropped, and not written as a gap yet */
	struct store_time lost_at; /* the first of them */
	bool stop;
	bool opened, written, resync; /* to be said on the loop */
};

static int64_t clock_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct store_time now(void)
{
	return (struct store_time){clock_ms(CLOCK_REALTIME), clock_ms(CLOCK_BOOTTIME)};
}

/* --- the thread -------------------------------------------------------------------------------------- */

static void set_trouble(struct journal *j, const struct err *why)
{
	pthread_mutex_lock(&j->lock);
	j->status.trouble = *why;
	j->status.open = j->store != NULL;
	pthread_mutex_unlock(&j->lock);
}

/* The file can't be used: said once, tried again in a while. */
static void fail(struct journal *j, const struct err *why)
{
	if (!j->told_trouble)
		log_error(
			"%s; traffic goes on, up to %d events are kept in memory, and the file is "
			"tried again every %d s",
			why->text, JOURNAL_QUEUE, RETRY_MS / 1000);
	j->told_trouble = true;
	j->retry_ms = clock_ms(CLOCK_BOOTTIME) + RETRY_MS;
	if (j->store && store__damaged(j->store)) {
		store__close(j->store);
		j->store = NULL;
	}
	set_trouble(j, why);
}

static void succeed(struct journal *j)
{
	static const struct err none;

	if (!j->told_trouble)
		return;
	j->told_trouble = false;
	log_info("the journal %s is written again", j->path);
	set_trouble(j, &none);
}

static void signal_loop(struct journal *j, bool *what)
{
	pthread_mutex_lock(&j->lock);
	*what = true;
	pthread_mutex_unlock(&j->lock);
	uv_async_send(&j->async);
}

static void open_store(struct journal *j)
{
	struct store_time t = now();
	struct err notice, err;
	int rc = store__open(j->path, &j->store, &notice, &err);

	if (!rc && notice.text[0])
		log_error("%s, and a new one is begun", notice.text);
	if (!rc)
		rc = store__begin(j->store, FAIRLEAD_VERSION, &t, &err);
	if (rc) {
		store__close(j->store);
		j->store = NULL;
		fail(j, &err);
		return;
	}
	succeed(j);
	j->beat_ms = t.mono_ms + BEAT_MS;
	j->prune_ms = t.mono_ms;
	pthread_mutex_lock(&j->lock);
	j->status.open = true;
	j->status.bytes = store__bytes(j->store);
	pthread_mutex_unlock(&j->lock);
	signal_loop(j, &j->opened);
}

/* What was lost comes first: it is older than what is in the queue by now, or will be. */
static bool take_gap(struct journal *j, struct journal_event *gap)
{
	bool any;

	memset(gap, 0, sizeof(*gap));
	pthread_mutex_lock(&j->lock);
	/* Not before there is room: others would be lost at once. */
	any = j->lost && !j->n_told;
	if (any) {
		gap->kind = JOURNAL_GAP;
		gap->uid = JOURNAL_NOBODY;
		gap->at_ms = j->lost_at.at_ms;
		gap->mono_ms = j->lost_at.mono_ms;
		snprintf(gap->detail, sizeof(gap->detail),
			 "%llu events from here on were lost: the journal could not be written",
			 (unsigned long long)j->lost);
	}
	pthread_mutex_unlock(&j->lock);
	return any;
}

static void write_gap(struct journal *j)
{
	const struct journal_event *list[1];
	struct journal_event gap;
	struct err err;

	if (!j->store || j->told_trouble || !take_gap(j, &gap))
		return;
	list[0] = &gap;
	if (store__write(j->store, list, 1, &err)) {
		fail(j, &err);
		return;
	}
	log_warn("the journal has a gap: %s", gap.detail);
	pthread_mutex_lock(&j->lock);
	j->lost = 0;
	j->resync = true;
	j->written = true;
	pthread_mutex_unlock(&j->lock);
	uv_async_send(&j->async);
}

/* The first ones of the queue, which stay in it until they are written. */
static size_t look_at_queue(struct journal *j, const struct journal_event **list)
{
	struct told *t;
	size_t n = 0;

	pthread_mutex_lock(&j->lock);
	STAILQ_FOREACH (t, &j->told, entry) {
		if (n == BATCH)
			break;
		list[n++] = &t->e;
	}
	pthread_mutex_unlock(&j->lock);
	return n;
}

static void drop_written(struct journal *j, size_t n)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; i < n; i++) {
		struct told *t = STAILQ_FIRST(&j->told);

		STAILQ_REMOVE_HEAD(&j->told, entry);
		free(t);
	}
	j->n_told -= n;
	j->status.written += n;
	j->written = true;
	pthread_mutex_unlock(&j->lock);
	uv_async_send(&j->async);
}

static void write_events(struct journal *j)
{
	const struct journal_event *list[BATCH];
	struct err err;
	size_t n;

	while ((n = look_at_queue(j, list))) {
		if (store__write(j->store, list, n, &err)) {
			fail(j, &err);
			return;
		}
		succeed(j);
		drop_written(j, n);
	}
}

static void beat(struct journal *j, bool ended)
{
	struct store_time t = now();
	struct err err;

	if (store__beat(j->store, &t, ended, &err))
		fail(j, &err);
	else
		succeed(j);
	j->beat_ms = t.mono_ms + BEAT_MS;
}

static void prune(struct journal *j)
{
	struct store_time t = now();
	struct store_limits limits;
	struct err err;

	pthread_mutex_lock(&j->lock);
	limits = j->limits;
	pthread_mutex_unlock(&j->lock);
	if (store__prune(j->store, &limits, &t, &err))
		fail(j, &err);
	j->prune_ms = t.mono_ms + PRUNE_MS;
	pthread_mutex_lock(&j->lock);
	j->status.bytes = j->store ? store__bytes(j->store) : 0;
	pthread_mutex_unlock(&j->lock);
}

static void run_jobs(struct journal *j)
{
	struct journal_job *job;
	char why[ERR_LEN];

	for (;;) {
		pthread_mutex_lock(&j->lock);
		job = STAILQ_FIRST(&j->jobs);
		if (job)
			STAILQ_REMOVE_HEAD(&j->jobs, entry);
		memcpy(why, j->status.trouble.text, sizeof(why));
		pthread_mutex_unlock(&j->lock);
		if (!job)
			return;
		job->work(job, j->store, why);
		pthread_mutex_lock(&j->lock);
		STAILQ_INSERT_TAIL(&j->done, job, entry);
		pthread_mutex_unlock(&j->lock);
		uv_async_send(&j->async);
	}
}

/* Waits until there is something to do; false: it is to end. */
static bool wait_for_work(struct journal *j)
{
	bool busy = j->told_trouble;
	int64_t until = busy || !j->store ? j->retry_ms : j->beat_ms;
	int64_t wait = until - clock_ms(CLOCK_BOOTTIME), end = clock_ms(CLOCK_MONOTONIC) + wait;
	struct timespec t = {end / 1000, end % 1000 * 1000000};
	bool stop;

	pthread_mutex_lock(&j->lock);
	/* While the file can't be written, only what asks for an answer wakes. */
	while (wait > 0 && !j->stop && STAILQ_EMPTY(&j->jobs) && (busy || !j->n_told)) {
		if (pthread_cond_clockwait(&j->wake, &j->lock, CLOCK_MONOTONIC, &t) == ETIMEDOUT)
			break;
	}
	stop = j->stop;
	pthread_mutex_unlock(&j->lock);
	return !stop;
}

static void turn(struct journal *j, bool last)
{
	int64_t t = clock_ms(CLOCK_BOOTTIME);

	if (!j->store && (t >= j->retry_ms || last))
		open_store(j);
	if (j->store && (!j->told_trouble || t >= j->retry_ms || last)) {
		write_events(j);
		if (j->store && (t >= j->beat_ms || j->told_trouble || last))
			beat(j, last);
		write_gap(j);
		if (j->store && !j->told_trouble &&
		    (store__prune_due(j->store) || t >= j->prune_ms))
			prune(j);
	}
	run_jobs(j);
}

static void *run(void *arg)
{
	struct journal *j = arg;

	do
		turn(j, false);
	while (wait_for_work(j));
	turn(j, true);
	store__close(j->store);
	return NULL;
}

/* --- the loop's side -------------------------------------------------------------------------------- */

static void finish_jobs(struct job_list *list)
{
	struct journal_job *job;

	while ((job = STAILQ_FIRST(list))) {
		STAILQ_REMOVE_HEAD(list, entry);
		job->done(job);
	}
}

static void on_async(uv_async_t *h)
{
	struct journal *j = h->data;
	struct job_list done = STAILQ_HEAD_INITIALIZER(done);
	bool opened, written, resync;

	pthread_mutex_lock(&j->lock);
	STAILQ_CONCAT(&done, &j->done);
	opened = j->opened;
	written = j->written;
	resync = j->resync;
	j->opened = j->written = j->resync = false;
	pthread_mutex_unlock(&j->lock);
	if (opened)
		j->calls.opened(j->ctx);
	if (resync)
		j->calls.resync(j->ctx);
	if (written)
		j->calls.written(j->ctx);
	finish_jobs(&done);
}

int journal__start(uv_loop_t *loop, const char *path, const struct store_limits *limits,
		   const struct journal_calls *calls, void *ctx, struct journal **out,
		   struct err *err)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	if (!j)
		return err__set(err, -ENOMEM, "out of memory");
	j->loop = loop;
	j->path = strdup(path);
	j->limits = *limits;
	j->calls = *calls;
	j->ctx = ctx;
	STAILQ_INIT(&j->told);
	STAILQ_INIT(&j->jobs);
	STAILQ_INIT(&j->done);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	rc = j->path ? uv_async_init(loop, &j->async, on_async) : UV_ENOMEM;
	if (rc) {
		free(j->path);
		free(j);
		return err__set(err, rc, "beginning the journal: %s", uv_strerror(rc));
	}
	j->async.data = j;
	*out = j;
	rc = pthread_create(&j->thread, NULL, run, j);
	j->started = !rc;
	return rc ? err__set(err, -rc, "beginning the journal's thread: %s", strerror(rc)) : 0;
}

void journal__limit(struct journal *j, const struct store_limits *limits)
{
	pthread_mutex_lock(&j->lock);
	j->limits = *limits;
	pthread_mutex_unlock(&j->lock);
}

static void lose(struct journal *j, const struct store_time *t)
{
	if (!j->lost++)
		j->lost_at = *t;
	j->status.dropped++;
}

void journal__tell(struct journal *j, const struct journal_event *e)
{
	struct told *told = malloc(sizeof(*told));
	struct store_time t = now();

	pthread_mutex_lock(&j->lock);
	if (!told || j->n_told >= JOURNAL_QUEUE) {
		lose(j, &t);
		free(told);
	} else {
		told->e = *e;
		told->e.at_ms = t.at_ms;
		told->e.mono_ms = t.mono_ms;
		STAILQ_INSERT_TAIL(&j->told, told, entry);
		j->n_told++;
		pthread_cond_signal(&j->wake);
	}
	pthread_mutex_unlock(&j->lock);
}

void journal__submit(struct journal *j, struct journal_job *job)
{
	pthread_mutex_lock(&j->lock);
	STAILQ_INSERT_TAIL(&j->jobs, job, entry);
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

void journal__status(struct journal *j, struct journal_status *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->status;
	out->waiting = j->n_told;
	pthread_mutex_unlock(&j->lock);
}

void journal__stop(struct journal *j)
{
	if (!j)
		return;
	/* Its thread may use the handle until it has ended: journal__free() closes it. */
	uv_unref((uv_handle_t *)&j->async);
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
}

void journal__free(struct journal *j)
{
	struct timespec until;
	struct told *t;

	if (!j)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += FREE_WAIT_S;
	if (j->started && pthread_clockjoin_np(j->thread, NULL, CLOCK_MONOTONIC, &until)) {
		log_error("the disk of the journal %s hangs: its last events are lost", j->path);
		return;
	}
	finish_jobs(&j->done);
	finish_jobs(&j->jobs);
	uv_close((uv_handle_t *)&j->async, NULL);
	uv_run(j->loop, UV_RUN_NOWAIT);
	while ((t = STAILQ_FIRST(&j->told))) {
		STAILQ_REMOVE_HEAD(&j->told, entry);
		free(t);
	}
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->wake);
	free(j->path);
	free(j);
}
