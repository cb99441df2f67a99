/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture_text.c - what became of a packet that was captured, in words. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/capture.h"
#include "agent/names.h"

struct words {
	char *text;
	size_t at;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *fmt, ...)
{
	size_t room = CAPTURE_COMMENT - w->at;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text + w->at, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->at += (size_t)n < room ? (size_t)n : room - 1;
}

static const struct fl_backend *backend_at(const struct agent *a, uint32_t index)
{
	return index && index < FL_SLOT_NONE ? plane__backend(a->plane, index) : NULL;
}

static const char *id_of(const struct fl_backend *b)
{
	return b ? b->id : "no backend";
}

static void say_service(struct words *w, const struct agent *a, const struct fl_captured *c)
{
	const struct fl_service *s = c->service ? plane__service(a->plane, c->service) : NULL;
	char vip[ADDR_PREFIX_STRLEN], word[NAMES_LEN];
	struct addr_prefix prefix;
	uint16_t first;

	if (!c->service) {
		say(w, "service none");
		return;
	}
	if (!s) {
		say(w, "service gone meanwhile");
		return;
	}
	memcpy(prefix.addr.b, s->key.addr, sizeof(prefix.addr.b));
	prefix.len = s->key.prefix;
	first = ntohs(s->key.port);
	say(w, "service %s: ", s->name);
	if (prefix.len == 128)
		addr__format(&prefix.addr, vip);
	else
		addr_prefix__format(&prefix, vip);
	say(w, strchr(vip, ':') ? "[%s]:" : "%s:", vip);
	if (!first)
		say(w, "any");
	else if (s->port_last == s->key.port)
		say(w, "%u", first);
	else
		say(w, "%u-%u", first, ntohs(s->port_last));
	say(w, "/%s", names__protocol(s->key.proto, word));
	if (c->flags & FL_CAPTURED_REPLY)
		say(w, ", a backend's reply");
}

static void say_slot(struct words *w, const struct agent *a, const struct fl_captured *c)
{
	const struct fl_service *s = plane__service(a->plane, c->service);
	bool moving = !(c->word & FL_MOVE_PINNED);

	if (!(c->flags & FL_CAPTURED_SLOT) || !s)
		return;
	say(w, "; slot %u of %u, %s: %s", c->slot, s->slot_mask + 1,
	    !(c->flags & FL_CAPTURED_WORD) ? "clean"
	    : moving			   ? "moving"
					   : "pinned",
	    id_of(backend_at(a, c->says & FL_SLOT_INDEX)));
	if (c->flags & FL_CAPTURED_WORD)
		say(w, " has it, before it was of %s",
		    id_of(backend_at(a, c->word & FL_MOVE_PREV)));
}

static void say_backend(struct words *w, const struct agent *a, const struct fl_captured *c)
{
	const struct fl_backend *b = backend_at(a, c->backend);
	char text[ADDR_STRLEN];
	struct addr address;

	if (!b) {
		if (c->service)
			say(w, "; backend none");
		return;
	}
	memcpy(address.b, b->addr, sizeof(address.b));
	say(w, "; backend %s, %s", b->id, addr__format(&address, text));
}

static void say_action(struct words *w, const struct fl_captured *c)
{
	char name[IF_NAMESIZE] = "";

	if (!if_indextoname(c->ifindex, name))
		snprintf(name, sizeof(name), "%u", c->ifindex);
	say(w, "; came in by %s, ", name);
	switch (c->action) {
	case XDP_TX:
		say(w, "goes out of it");
		break;
	case XDP_REDIRECT:
		say(w, "goes out of another interface");
		break;
	case XDP_PASS:
		say(w, "left to the kernel, untouched");
		break;
	default:
		say(w, "dropped");
	}
}

void capture_text__comment(const struct agent *a, const struct fl_captured *c,
			   char text[CAPTURE_COMMENT])
{
	struct words w = {.text = text};
	char word[NAMES_LEN];

	text[0] = '\0';
	say_service(&w, a, c);
	say_slot(&w, a, c);
	say_backend(&w, a, c);
	say(&w, "; verdict %s: %s", names__verdict(c->verdict, word),
	    names__verdict_text(c->verdict));
	say_action(&w, c);
	for (uint32_t i = 0; i < FL_NOTES; i++) {
		if (c->notes & 1u << i)
			say(&w, "; note %s: %s", names__note(i, word), names__note_text(i));
	}
}
