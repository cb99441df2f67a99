/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema_bfd.c - the keys of BFD sessions. */
#include "config/schema.h"

#define BFD(member) AT(struct config_bfd, member)
#define INTERVAL RANGE(10, MINUTE)

static const struct option bfd_options[] = {
	{"peer", value__neighbor, BFD(peer), .missing = "the address that the session is with"},
	{"local", value__neighbor, BFD(local), .has = offsetof(struct config_bfd, has_local)},
	{"interface", value__name, BFD(interface), .rule = rule__interface},
	{"min_tx", value__duration, BFD(min_tx_ms), INTERVAL, .fallback = "300ms"},
	{"min_rx", value__duration, BFD(min_rx_ms), INTERVAL, .fallback = "300ms"},
	{"multiplier", value__number, BFD(multiplier), RANGE(1, 255), .fallback = "3"},
};
const struct section schema_bfd = {bfd_options, COUNT(bfd_options)};

void schema__bfd(struct reader *r, const struct option *o, struct node *list, void *base)
{
	struct config *c = base;

	(void)o;
	if (list->kind == NODE_LIST && list->n_kids > CONFIG_MAX_BFD) {
		reader__problem(r, list, "holds %zu BFD sessions, at most %d fit", list->n_kids,
				CONFIG_MAX_BFD);
		return;
	}
	c->bfd = schema__array(r, list, sizeof(*c->bfd), 0, "a list of BFD sessions");
	if (!c->bfd)
		return;
	c->n_bfd = list->n_kids;
	for (size_t i = 0; i < list->n_kids && reader__visit(r, list->kids[i]); i++) {
		size_t was = reader__enter_index(r, i);

		if (option__expect(r, list->kids[i], NODE_MAP, "a mapping (key: value)"))
			section__read(r, &schema_bfd, list->kids[i], &c->bfd[i]);
		reader__leave(r, was);
	}
}
