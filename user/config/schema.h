/* SPDX-License-Identifier: GPL-2.0-or-later */
/* schema.h - what the tables of schema*.c share. */
#ifndef FAIRLEAD_CONFIG_SCHEMA_H
#define FAIRLEAD_CONFIG_SCHEMA_H

#include "config/option.h"
#include "config/value.h"

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define RANGE(low, high) .min = (low), .max = (high)
/* A list of elements of a type, and the member that counts them; then what else option_list has. */
#define LIST_OF(element, owner, count, ...)                                       \
	.list = &(const struct option_list)                                       \
	{                                                                         \
		.size = sizeof(element), .n = offsetof(owner, count), __VA_ARGS__ \
	}

/* The unit of intervals is the millisecond, as in struct config. */
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/*
 * An array of `size`-byte elements for the items of a list, told when it is no list or is empty.
 * NULL when there is nothing to read.
 */
void *schema__array(struct reader *r, struct node *list, size_t size, size_t least,
		    const char *noun);

/* A list of interface names; *to and *n_to stay as they are when it is none. */
void schema__interfaces(struct reader *r, struct node *list, char (**to)[CONFIG_IFNAME_LEN],
			size_t *n_to);

/* A list of 1 to `most` addresses of a family; AF_UNSPEC: of any. */
void schema__addresses(struct reader *r, struct node *list, int family, size_t most,
		       struct addr **to, size_t *n_to);

extern const struct choice schema_booleans[]; /* true, false */
extern const struct section schema_probe; /* of a struct config_probe */
extern const struct section schema_sources; /* of a struct config_sources */
extern const struct section schema_peers; /* of a struct config */
extern const struct section schema_alert; /* of a struct config_alert */
extern const struct section schema_bfd; /* of a struct config_bfd */
extern const struct section schema_vrrp; /* of a struct config_vrrp */
extern const struct section schema_bgp; /* of a struct config_track_bgp */
extern const struct section schema_service; /* of a struct config_service */
/* The defaults of a probe that depend on its other values. 0 or -ENOMEM. */
int schema_probe__complete(struct config_probe *p);

/* What values of several parts hold: freed, and copied (0 or -ENOMEM, `to` holds nothing then). */
void config_words__clear(struct config_words *w);
int config_words__copy(const struct config_words *from, struct config_words *to);
int config_bytes__copy(const struct config_bytes *from, struct config_bytes *to);
void config_steps__clear(struct config_steps *s);
int config_steps__copy(const struct config_steps *from, struct config_steps *to);

option_parse schema__peers; /* into config.peers and what belongs to them */
option_parse schema__bfd; /* into config.bfd and n_bfd */
option_parse schema__bgp; /* into config_vrrp.bgp and n_bgp */
option_parse schema__services; /* into config.services and n_services */
option_parse schema__alerts; /* into config.alerts and n_alerts */
option_parse schema__vrrp; /* into config.vrrp and n_vrrp */

#endif
