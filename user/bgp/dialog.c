/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bgp/dialog.h"

#include <stdarg.h>
#include <stdio.h>

enum bgp_next bgp_dialog__end(struct bgp_dialog *d, enum bgp_next next, bool up, const char *fmt,
			      ...)
{
	va_list ap;

	d->up = up;
	d->state = BGP_IDLE;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
	return next;
}

static bool is_bird(const struct bgp_dialog *d)
{
	return d->session->daemon == CONFIG_BGP_BIRD;
}

enum bgp_next bgp_dialog__ask(struct bgp_dialog *d)
{
	d->state = BGP_ASKED;
	d->len = d->total = 0;
	d->found = false;
	(is_bird(d) ? bird__ask : frr__ask)(d);
	return BGP_SAY;
}

enum bgp_next bgp_dialog__begin(struct bgp_dialog *d, const struct config_track_bgp *session)
{
	d->session = session;
	d->up = false;
	d->text[0] = '\0';
	d->state = BGP_GREETING;
	d->len = d->total = d->say_len = 0;
	d->code = 0;
	return is_bird(d) ? BGP_MORE : bgp_dialog__ask(d);
}

enum bgp_next bgp_dialog__take(struct bgp_dialog *d, size_t n)
{
	enum bgp_next next;

	if (d->state == BGP_IDLE)
		return bgp_dialog__end(d, BGP_BROKEN, false, "%s speaks without being asked",
				       config_bgp_daemon__name(d->session->daemon));
	d->len += n;
	d->total += n;
	next = (is_bird(d) ? bird__take : frr__take)(d);
	if (next == BGP_MORE && d->total >= BGP_REPLY_MAX)
		return bgp_dialog__end(d, BGP_BROKEN, false, "the answer of %s is too long",
				       config_bgp_daemon__name(d->session->daemon));
	return next;
}
