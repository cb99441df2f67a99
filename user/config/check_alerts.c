/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/twins.h"

static bool is_configured(const struct config *c, const char *service)
{
	for (size_t i = 0; i < c->n_services; i++)
		if (strcmp(c->services[i].name, service) == 0)
			return true;
	return false;
}

/* Names in `services` that no service has; `known`: the services could be read. */
static void check_services(const struct config *c, const struct node *map, size_t i, bool known,
			   struct problem_sink *sink)
{
	const struct config_words *names = &c->alerts[i].services;
	struct node *const *nodes = check__items(map, "services", names->n);

	for (size_t k = 0; nodes && known && k < names->n; k++)
		if (names->list[k] && !is_configured(c, names->list[k]))
			check__tell(sink, nodes[k],
				    "alerts[%zu].services[%zu]: there is no service \"%s\"", i, k,
				    names->list[k]);
}

static void check_webhook(const struct config_webhook *w, const struct node *map, size_t i,
			  struct problem_sink *sink)
{
	const struct node *ca = node__sound(map, "ca_file");

	if (check__broken(map, "url") || check__broken(map, "url_file"))
		return;
	if (!w->url == !w->url_file)
		check__tell(sink, map, "alerts[%zu].webhook: write %s", i,
			    w->url ? "one of url and url_file, not both" : "url or url_file");
	else if (ca && w->url && strncmp(w->url, "http://", 7) == 0)
		check__tell(sink, ca,
			    "alerts[%zu].webhook.ca_file: means nothing for a url without TLS", i);
}

static void check_one(const struct config *c, const struct node *map, size_t i,
		      struct problem_sink *sink)
{
	const struct config_alert *a = &c->alerts[i];
	struct node *const *words = check__items(map, "exec", a->command.n);
	const struct node *webhook = node__sound(map, "webhook");

	if (check__broken(map, "exec") || check__broken(map, "webhook"))
		return;
	if (!a->command.n == !a->has_webhook)
		check__tell(sink, map, "alerts[%zu]: write %s", i,
			    a->has_webhook ? "one of exec and webhook, not both"
					   : "exec or webhook: where its alerts go");
	if (a->command.n && words && a->command.list[0] && a->command.list[0][0] != '/')
		check__tell(sink, words[0],
			    "alerts[%zu].exec: \"%s\" must be an absolute path, beginning with "
			    "\"/\"",
			    i, a->command.list[0]);
	if (a->has_webhook && webhook)
		check_webhook(&a->webhook, webhook, i, sink);
}

int check__alerts(const struct config *c, const struct node *root, bool services,
		  struct problem_sink *sink)
{
	struct node *const *nodes = check__items(root, "alerts", c->n_alerts);
	struct twins *twins;

	if (!nodes || !c->n_alerts)
		return 0;
	if (!c->journal)
		check__tell(sink, node__sound(root, "alerts"),
			    "alerts: are made of the journal's events: they need journal.enabled");
	twins = twins__new(c->n_alerts);
	if (!twins)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_alerts; i++) {
		const struct node *name = node__sound(nodes[i], "name");

		if (nodes[i]->kind != NODE_MAP)
			continue;
		if (name)
			memcpy(twins__add(twins, "alerts", i, name)->key, c->alerts[i].name,
			       CONFIG_ALERT_LEN);
		check_one(c, nodes[i], i, sink);
		check_services(c, nodes[i], i, services, sink);
	}
	twins__tell(twins, ".name", "name", sink);
	free(twins);
	return 0;
}
