/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alert/delivery.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/program.h"

struct delivery {
	delivery_cb *on_end;
	void *ctx;
	struct delivery_web *web; /* NULL: a program */
	struct program *program;
	uv_timer_t timer; /* the program's time */
	uint32_t timeout_ms;
	bool late; /* the program's time was over, and it was killed */
};

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void release(struct delivery *d)
{
	delivery_web__free(d->web);
	uv_close((uv_handle_t *)&d->timer, on_closed);
}

static void finish(struct delivery *d, const struct delivery_end *end)
{
	delivery_cb *on_end = d->on_end;
	void *ctx = d->ctx;

	release(d);
	on_end(ctx, end);
}

void delivery__abandon(struct delivery *d)
{
	if (!d)
		return;
	if (d->program)
		program__abandon(d->program);
	release(d);
}

void delivery__web_done(void *delivery, CURLcode code)
{
	struct delivery *d = delivery;
	struct delivery_end end = {.verdict = RETRY_AGAIN};

	delivery_web__judge(d->web, code, &end);
	finish(d, &end);
}

/* --- programs --------------------------------------------------------------------------------------- */

static void on_program_end(void *ctx, const struct program_end *p)
{
	struct delivery *d = ctx;
	struct delivery_end end = {.verdict = p->ok ? RETRY_DONE : RETRY_AGAIN};

	if (d->late)
		snprintf(end.detail, sizeof(end.detail), "did not end within %u ms, and was killed",
			 d->timeout_ms);
	else
		snprintf(end.detail, sizeof(end.detail), "%s",
			 !p->ok	      ? p->detail
			 : p->line[0] ? p->line
				      : "exit code 0");
	d->program = NULL;
	finish(d, &end);
}

static void on_late(uv_timer_t *h)
{
	struct delivery *d = h->data;

	d->late = true;
	program__kill(d->program);
}

static int run(struct delivery *d, uv_loop_t *loop, const struct config_alert *to,
	       const struct alert *alert, const struct alert_origin *origin, const char *body,
	       size_t len, struct err *err)
{
	char *argv[CONFIG_EXEC_WORDS + 1] = {NULL};
	struct program_order order = {.argv = argv, .input = body, .input_len = len};
	int rc;

	memcpy(argv, to->command.list, to->command.n * sizeof(*argv));
	order.envp = alert__environment(alert, origin);
	if (!order.envp)
		return err__set(err, -ENOMEM, "out of memory");
	rc = program__start(loop, &order, on_program_end, d, &d->program);
	free(order.envp);
	if (rc)
		return err__set(err, rc, "%.150s cannot be run: %s", argv[0], uv_strerror(rc));
	uv_timer_start(&d->timer, on_late, to->timeout_ms, 0);
	return 0;
}

/* --- both ------------------------------------------------------------------------------------------- */

int delivery__start(struct web_loop *web, const struct config_alert *to, const struct alert *alert,
		    const struct alert_origin *origin, delivery_cb *on_end, void *ctx,
		    struct delivery **out, struct err *err)
{
	struct delivery *d = calloc(1, sizeof(*d));
	size_t len;
	char *body;
	int rc;

	if (!d)
		return err__set(err, -ENOMEM, "out of memory");
	uv_timer_init(web->loop, &d->timer);
	d->timer.data = d;
	d->timeout_ms = to->timeout_ms;
	d->on_end = on_end;
	d->ctx = ctx;
	body = alert__body(alert, origin, to->webhook.template, &len);
	if (!body) {
		rc = err__set(err, -ENOMEM, "out of memory");
	} else if (to->command.n) {
		rc = run(d, web->loop, to, alert, origin, body, len, err);
		free(body);
	} else {
		rc = delivery_web__start(web, to, body, len, d, &d->web, err);
	}
	if (rc) {
		release(d);
		return rc;
	}
	*out = d;
	return 0;
}
