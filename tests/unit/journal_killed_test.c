/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal and kill -9: a process that writes at full speed is killed, again and again, at a moment that chance
 * says, or in the middle of a write(2) of SQLite's. Then the file is whole, what a call had returned for is there, and what
 * was under way is there as a whole or not at all.
 */
#include "journal_file.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 120
#define BATCH 16 /* events of a transaction */
#define KEPT 400 /* events */
#define CONFIG_BYTES 60000
#define MOST_TURNS 3000 /* of a writer that nobody kills: some seconds */

/* What it is at. */
enum place { OPENING, EVENTS, PRUNING, CONFIG, PENDING, CHECKPOINT, PLACES };

/* What both processes see; the one that is killed writes it. */
static struct told {
	volatile enum place place; /* but for checkpoints, */
	volatile bool in_checkpoint; /* which are known by their writes */
	volatile int64_t batch, config, pending; /* the last ones that calls returned for */
	volatile int64_t next_pending; /* that is asked for: as good as the one before */
} * told;

static uint64_t seed = 20000;

static uint32_t chance(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 11) % n);
}

/* --- who is killed ------------------------------------------------------------------------------------ */

static ino_t file; /* the database's, not its log's */
static enum place last_place; /* it ends there, */
static uint32_t writes_left; /* in the last of so many writes; 0: it is another's to end it */

/* How many of n bytes are to be written: less than all, and it ends then. */
static size_t begin_write(int fd, size_t n)
{
	struct stat st;

	told->in_checkpoint = !fstat(fd, &st) && st.st_ino == file;
	if ((told->in_checkpoint ? CHECKPOINT : told->place) != last_place || !writes_left)
		return n + 1;
	return --writes_left ? n + 1 : chance(3) * n / 2;
}

static ssize_t end_write(size_t asked, size_t n, ssize_t written)
{
	if (asked <= n)
		kill(getpid(), SIGKILL);
	told->in_checkpoint = false;
	return written;
}

static ssize_t torn_write(int fd, const void *bytes, size_t n)
{
	size_t asked = begin_write(fd, n);

	return end_write(asked, n, write(fd, bytes, asked < n ? asked : n));
}

static ssize_t torn_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	size_t asked = begin_write(fd, n);

	return end_write(asked, n, pwrite(fd, bytes, asked < n ? asked : n, at));
}

static void hook_writes(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	/* Which of them it is depends on how SQLite was built. */
	vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)torn_write);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)torn_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)torn_pwrite);
}

static void must(int rc, const struct err *err)
{
	if (!rc)
		return;
	fprintf(stderr, "the writer: %s\n", err->text);
	_exit(1);
}

/* What each agent tells of what it finds. */
static void tell_stable(struct store *s)
{
	const struct journal_event e = {.kind = JOURNAL_STATE,
					.at_ms = T0,
					.uid = JOURNAL_NOBODY,
					.service = "stable",
					.to = "up"};
	const struct journal_event *list = &e;
	struct err err = {0};

	must(store__write(s, &list, 1, &err), &err);
}

static void write_events(struct store *s)
{
	struct journal_event e[BATCH];
	const struct journal_event *list[BATCH];
	struct err err = {0};

	for (int i = 0; i < BATCH; i++) {
		e[i] = (struct journal_event){.kind = JOURNAL_BACKEND, .uid = JOURNAL_NOBODY};
		e[i].at_ms = T0 + told->batch + 1;
		e[i].mono_ms = told->batch + 1;
		snprintf(e[i].backend, sizeof(e[i].backend), "b%d", i);
		memset(e[i].detail, 'a' + i, 200);
		list[i] = &e[i];
	}
	told->place = EVENTS;
	must(store__write(s, list, BATCH, &err), &err);
	told->batch++;
}

/* What configuration `id` says: of any length, and not to be packed well. */
static char *text_of(int64_t id, size_t *len)
{
	static char text[20001];
	uint64_t x = (uint64_t)id * 2654435761u + 1;

	*len = (size_t)(id * 7919 % 20000);
	for (size_t i = 0; i < *len; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		text[i] = (char)(' ' + (x >> 40) % 95);
	}
	text[*len] = '\0';
	return text;
}

static void add_config(struct store *s)
{
	const struct store_config c = {.at_ms = T0,
				       .uid = JOURNAL_NOBODY,
				       .origin = "apply",
				       .reason = "",
				       .always = true};
	struct err err = {0};
	int64_t id = 0;
	size_t len;
	const char *text = text_of(told->config + 1, &len);

	told->place = CONFIG;
	must(store__config_add(s, &c, text, len, CONFIG_BYTES, &id, &err), &err);
	told->config = id;
}

static void change_pending(struct store *s)
{
	const struct store_time t = {T0, 0};
	struct err err = {0};

	told->next_pending = told->pending ? 0 : told->config;
	told->place = PENDING;
	must(told->next_pending ? store__pending_set(s, told->next_pending, 1000, &t, &err)
				: store__pending_clear(s, &err),
	     &err);
	told->pending = told->next_pending;
}

static void write_until_killed(void)
{
	const struct store_limits limits = {.rows = KEPT, .bytes = 256 << 10, .days = 400};
	const struct store_time t = {T0, 0};
	struct err notice, err = {0};
	struct store *s = NULL;
	struct stat st;

	hook_writes();
	file = stat(path, &st) ? 0 : st.st_ino;
	must(store__open(path, &s, &notice, &err), &err);
	must(notice.text[0] ? -EBADMSG : 0, &notice);
	must(store__begin(s, "1", &t, &err), &err);
	tell_stable(s);
	for (uint32_t n = chance(8); n < MOST_TURNS; n++) {
		if (n % 4 == 0) {
			told->place = PRUNING;
			must(store__prune(s, &limits, &t, &err), &err);
		}
		write_events(s);
		if (n % 4 == 1)
			add_config(s);
		if (told->config && n % 8 == 5)
			change_pending(s);
	}
	must(err__set(&err, -ETIMEDOUT, "was not killed"), &err);
}

/* --- who looks then ----------------------------------------------------------------------------------- */

static struct {
	int64_t batch; /* of the last event so far, */
	long place; /* and which of it */
	int64_t first, config; /* versions, newest first */
	bool stable;
} found;

static void see_event(void *ctx, const struct store_row *r)
{
	int64_t batch = r->at_ms - T0;
	long place = strtol(r->backend + 1, NULL, 10);

	(void)ctx;
	if (strcmp(r->service, "stable") == 0)
		return;
	/* The first one that was not pruned may be in the middle of its batch. */
	if (found.batch &&
	    (found.place == BATCH - 1 ? batch != found.batch + 1 || place != 0
				      : batch != found.batch || place != found.place + 1))
		fail_msg("event %lld/%ld after %lld/%ld", (long long)batch, place,
			 (long long)found.batch, found.place);
	found.batch = batch;
	found.place = place;
	assert_int_equal(strlen(r->detail), 200);
	assert_int_equal(r->detail[199], 'a' + place);
}

static void see_version(void *ctx, const struct store_version *v)
{
	size_t len, got_len = 0;
	const char *text = text_of(v->id, &len);
	int64_t id = v->id;
	struct err err = {0};
	char *got = NULL;

	if (!found.config)
		found.config = v->id;
	/* One that is waited for is kept, whatever is between. */
	else if (v->id != found.first - 1)
		assert_true(v->id == told->pending || v->id == told->next_pending);
	found.first = v->id;
	if (store__config_get(ctx, &id, &got, &got_len, &err))
		fail_msg("%s", err.text);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, text, len);
	free(got);
}

static void see_run(void *ctx, const struct store_run *r)
{
	(void)ctx;
	(void)r;
}

static void see_change(void *ctx, const struct store_change *c)
{
	(void)ctx;
	found.stable |= strcmp(c->service, "stable") == 0 && strcmp(c->to, "up") == 0;
}

/* What is there is what was acknowledged, or one more; it is what there is from now on. */
static void one_of(const char *what, int64_t is, volatile int64_t *acknowledged)
{
	if (is != *acknowledged && is != *acknowledged + 1)
		fail_msg("%s: %lld is the last one, %lld was acknowledged", what, (long long)is,
			 (long long)*acknowledged);
	*acknowledged = is;
}

static void look(void)
{
	const struct store_filter all = {.kinds = JOURNAL_ALL_KINDS, .n = 100000};
	const struct store_time t = {T0, 0};
	struct store *s = open_store(NULL, 0); /* checks every page, and that nothing was damaged */
	struct err err = {0};
	int64_t last, left;
	bool waits = false;

	memset(&found, 0, sizeof(found));
	if (store__events(s, &all, see_event, NULL, &last, &err) ||
	    store__config_list(s, 1000, see_version, s, &err) ||
	    store__pending_get(s, &t, &waits, &left, &err) ||
	    store__states(s, see_run, see_change, NULL, &err))
		fail_msg("%s", err.text);
	assert_true(!found.batch || found.place == BATCH - 1);
	one_of("events", found.batch, &told->batch);
	one_of("configurations", found.config, &told->config);
	if (waits != (told->pending != 0) && waits != (told->next_pending != 0))
		fail_msg("pending: %d", waits);
	told->pending = !waits ? 0 : told->pending ? told->pending : told->next_pending;
	told->next_pending = told->pending;
	assert_true(found.stable);
	store__close(s);
}

/* One life of a writer, which ends in one of its writes there, or (PLACES) after so many microseconds. */
static void live_and_die(enum place place, uint32_t us)
{
	/* As many as it may be, so that it is the first as well as a later transaction. */
	static const uint32_t most[PLACES] = {6, 300, 200, 100, 40, 60};
	pid_t writer;
	int status;

	told->place = OPENING;
	told->in_checkpoint = false;
	writer = fork();
	assert_true(writer >= 0);
	if (!writer) {
		last_place = place;
		writes_left = place == PLACES ? 0 : 1 + chance(most[place]);
		write_until_killed();
	}
	if (place == PLACES) {
		usleep(us);
		kill(writer, SIGKILL);
	}
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_killed(void **state)
{
	unsigned int in[2][PLACES] = {{0}};
	struct store *store;

	(void)state;
	store = open_store(NULL, 0);
	tell_stable(store);
	store__close(store);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		seed++;
		if (i % 2)
			live_and_die(PLACES, chance(25000));
		else
			live_and_die(i / 2 % PLACES, 0);
		in[i % 2][told->in_checkpoint ? CHECKPOINT : told->place]++;
		/* Some of the next ones do not get far. */
		for (uint32_t n = chance(3); n; n--)
			live_and_die(OPENING, 0);
		look();
	}
	for (int i = 0; i < 2; i++)
		print_message("killed %s: opening %u, events %u, pruning %u, a configuration %u, a "
			      "confirmation %u, a checkpoint %u\n",
			      i ? "at some moment" : "in a write", in[i][OPENING], in[i][EVENTS],
			      in[i][PRUNING], in[i][CONFIG], in[i][PENDING], in[i][CHECKPOINT]);
	print_message("%lld events and %lld configurations were acknowledged\n",
		      (long long)told->batch * BATCH, (long long)told->config);
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(in[0][i], ROUNDS / 2 / PLACES);
}

/* In memory, if that can be: a process that is killed leaves all that it wrote to the kernel, whatever the disk has. */
static int make_quick_folder(void **state)
{
	if (access("/dev/shm", W_OK | X_OK))
		return make_folder(state);
	snprintf(folder, sizeof(folder), "/dev/shm/fairlead-journal-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/sub/j.db", folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killed, make_quick_folder, remove_folder),
	};

	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (told == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
