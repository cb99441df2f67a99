/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fairlead top
 *
 * The terminal, the signals and the clock are here; top_link.c talks to the agent, top_model.c remembers what it
 * said, top_ui.c knows where the user is, top_view.c draws. Signals come by a descriptor, so that none of them
 * ends the program without the terminal being as it was.
 */
#include <curl/curl.h>
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/top_link.h"
#include "cli/top_model.h"
#include "cli/top_ui.h"
#include "cli/top_view.h"

#define PERIOD_MS 1000
#define ESCAPE_MS 25 /* until an escape is a key of its own */

enum asked { NOTHING, RATES, STATUS };

struct top {
	const struct cli *cli;
	struct top_link *link;
	struct top_model model;
	struct top_ui ui;
	struct top_view view;
	SCREEN *screen;
	int signals; /* signalfd(2) */
	enum asked asked; /* what the request that is under way is for */
	bool detail_due; /* the user looks at a backend whose status has not been asked for this second */
	json_t *detail;
	uint64_t next_ms; /* when the next second begins */
	uint64_t taken_ms; /* when the last figures came */
	char trouble[ERR_LEN + 128];
	bool ends;
	int signal; /* that ends it; 0: the user does */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the terminal ---------------------------------------------------------------------------------- */

static int block_signals(struct top *t)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	t->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return t->signals < 0 ? -errno : 0;
}

static int open_terminal(struct top *t, struct err *err)
{
	const char *no_color = getenv("NO_COLOR"), *type = getenv("TERM");
	int rc = block_signals(t);

	if (rc)
		return err__set(err, rc, "taking signals: %s", strerror(-rc));
	set_escdelay(ESCAPE_MS);
	t->screen = newterm(NULL, stdout, stdin);
	if (!t->screen)
		return err__set(err, -ENOTTY,
				"nothing is known of a terminal of the type '%s': set TERM to one "
				"that is, or use fairlead status --watch",
				type ? type : "");
	cbreak();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	t->view.window = stdscr;
	t->view.blocks = !strcmp(nl_langinfo(CODESET), "UTF-8");
	t->view.colours = has_colors() && !(no_color && *no_color);
	if (t->view.colours)
		top_view__init_colours();
	return 0;
}

static void close_terminal(struct top *t)
{
	if (t->screen) {
		endwin();
		delscreen(t->screen);
	}
	if (t->signals >= 0)
		close(t->signals);
}

static void resize(void)
{
	struct winsize size;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

static void draw(struct top *t)
{
	t->ui.height = top_view__height(&t->view);
	if (top_ui__update(&t->ui, &t->model))
		snprintf(t->trouble, sizeof(t->trouble), "out of memory: rows are missing");
	t->view.trouble = t->trouble[0] ? t->trouble : NULL;
	t->view.detail = t->detail;
	top_view__draw(&t->view, &t->model, &t->ui);
	wrefresh(t->view.window);
}

/* --- the agent ------------------------------------------------------------------------------------- */

/* What is wrong is shown until an answer comes: what matters most first, as the line may be cut. */
static void fail(struct top *t, const struct err *err)
{
	uint64_t age_s = (now_ms() - t->taken_ms) / 1000;

	top_model__miss(&t->model);
	snprintf(t->trouble, sizeof(t->trouble), "figures are %llu s old, trying again: %s",
		 (unsigned long long)age_s, err->text);
}

static void ask_rates(struct top *t)
{
	char path[2 * TOP_KEY_LEN + 64] = "/v1/rates";
	struct err err;

	if (t->model.layout[0])
		snprintf(path, sizeof(path), "/v1/rates?layout=%s&known=%s", t->model.layout,
			 t->model.known);
	if (top_link__ask(t->link, path, &err))
		fail(t, &err);
	else
		t->asked = RATES;
}

/* Names of services and backends hold nothing that a path may not, but for the ':' of addresses, which it may. */
static void ask_status(struct top *t)
{
	char path[FL_NAME_LEN + FL_ID_LEN + 64];
	struct err err;

	t->detail_due = false;
	snprintf(path, sizeof(path), "/v1/status?service=%s&backend=%s", t->ui.service,
		 t->ui.backend);
	if (!top_link__ask(t->link, path, &err))
		t->asked = STATUS;
}

static void ask(struct top *t)
{
	uint64_t now = now_ms();

	if (top_link__asks(t->link))
		return;
	if (now >= t->next_ms) {
		t->next_ms =
			t->next_ms + PERIOD_MS > now ? t->next_ms + PERIOD_MS : now + PERIOD_MS;
		t->detail_due = t->ui.page == TOP_BACKEND;
		ask_rates(t);
	} else if (t->detail_due) {
		ask_status(t);
	}
}

static void take_rates(struct top *t, json_t *answer, int rc, struct err *err)
{
	if (!rc)
		rc = top_model__take(&t->model, answer, err);
	if (rc) {
		fail(t, err);
		return;
	}
	t->taken_ms = now_ms();
	t->trouble[0] = '\0';
}

/* True: an answer came, or what there is instead. */
static bool take(struct top *t)
{
	json_t *answer;
	struct err err = {0};
	int rc = top_link__take(t->link, &answer, &err);

	if (rc == -EINPROGRESS)
		return false;
	if (t->asked == RATES) {
		take_rates(t, answer, rc, &err);
	} else if (!rc) {
		json_decref(t->detail);
		t->detail = json_incref(answer);
	}
	json_decref(answer);
	t->asked = NOTHING;
	return true;
}

/* --- the loop -------------------------------------------------------------------------------------- */

static bool take_signals(struct top *t)
{
	struct signalfd_siginfo info;
	bool any = false;

	while (read(t->signals, &info, sizeof(info)) == sizeof(info)) {
		any = true;
		if (info.ssi_signo == SIGWINCH) {
			resize();
			continue;
		}
		t->ends = true;
		/* Ctrl-C is a way to leave like another. */
		t->signal = info.ssi_signo == SIGINT ? 0 : (int)info.ssi_signo;
	}
	return any;
}

static bool take_keys(struct top *t)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	bool any = false;
	int key;

	while (!t->ends && (key = wgetch(t->view.window)) != ERR) {
		bool was = t->ui.page == TOP_BACKEND;

		any = true;
		t->ends = top_ui__key(&t->ui, key);
		if (t->ui.page == TOP_BACKEND && !was)
			t->detail_due = true;
		/* The next key is for the rows that this one has brought. */
		if (top_ui__update(&t->ui, &t->model))
			break;
	}
	/* Where there is nobody to type any more, there is nobody to look. */
	if (!any && poll(&in, 1, 0) == 1 && in.revents & (POLLHUP | POLLERR | POLLNVAL))
		t->ends = true;
	return any;
}

static void run_loop(struct top *t)
{
	const int fds[] = {STDIN_FILENO, t->signals};
	bool changed = true;

	while (!t->ends) {
		uint64_t now;

		if (changed)
			draw(t);
		ask(t);
		now = now_ms();
		top_link__wait(t->link, fds, sizeof(fds) / sizeof(*fds),
			       t->next_ms > now ? (int)(t->next_ms - now) : 0);
		changed = take(t);
		changed |= take_signals(t);
		changed |= take_keys(t);
	}
}

/* Before the terminal is touched: an agent that does not answer is told of as by any other command. */
static int begin(struct top *t, struct err *err)
{
	json_t *answer;
	int rc = client__request(t->cli->socket, "GET", "/v1/rates", &answer, err);

	if (!rc)
		rc = top_model__take(&t->model, answer, err);
	json_decref(answer);
	if (rc)
		return rc;
	t->taken_ms = now_ms();
	t->next_ms = t->taken_ms + PERIOD_MS;
	t->link = top_link__new(t->cli->socket);
	return t->link ? 0 : err__set(err, -ENOMEM, "out of memory");
}

static int show(const struct cli *cli)
{
	struct top t = {.cli = cli, .signals = -1};
	struct err err = {0};
	int rc;

	/* The numbers stay as they are everywhere else. */
	setlocale(LC_CTYPE, "");
	top_model__init(&t.model);
	top_ui__init(&t.ui);
	rc = begin(&t, &err);
	rc = rc ? rc : open_terminal(&t, &err);
	if (!rc)
		run_loop(&t);
	close_terminal(&t);
	top_link__free(t.link);
	json_decref(t.detail);
	top_ui__free(&t.ui);
	top_model__free(&t.model);
	if (rc) {
		fputs("fairlead top: ", stderr);
		cli__print_text(stderr, err.text);
		putc('\n', stderr);
		return CLI_FAILED;
	}
	/* Who sent it sees that it was heeded. */
	if (t.signal) {
		sigset_t set;

		signal(t.signal, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, t.signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(t.signal);
	}
	return CLI_OK;
}

static const struct option options[] = {CLI_LONG, {0}};

static int run(struct cli *cli, int argc, char **argv)
{
	int option, rc;

	while ((option = getopt_long(argc, argv, CLI_SHORT, options, NULL)) != -1) {
		rc = cli__option(cli, &command_top, option);
		if (rc != CLI_NEXT)
			return rc;
	}
	if (optind != argc)
		return cli__usage(&command_top, "'%s' is too much: top takes options only",
				  argv[optind]);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fputs("fairlead top: it needs a terminal to read from and to write to; for a file or "
		      "a program there is fairlead status, with --watch again and again\n",
		      stderr);
		return CLI_FAILED;
	}
	return show(cli);
}

const struct command command_top = {
	.name = "top",
	.summary = "watch services, backends and drops, second by second",
	.help = "Usage: fairlead top\n\n"
		"Shows on the whole terminal what passes through each service, its backends and their\n"
		"states, and the last minute of each as a line; goes down from a service to a backend, and\n"
		"shows drops by their reasons. Keys: ? tells of them, q leaves.\n\n"
		"An agent that stops is waited for. Colours are there where the terminal has them, unless\n"
		"NO_COLOR is set.\n",
	.run = run,
};
