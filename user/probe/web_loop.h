/* SPDX-License-Identifier: GPL-2.0-or-later */
/* web_loop.h - between web.c (requests) and web_loop.c (when sockets are ready). */
#ifndef FAIRLEAD_PROBE_WEB_LOOP_H
#define FAIRLEAD_PROBE_WEB_LOOP_H

#include <curl/curl.h>

#include "probe/internal.h"

/* libcurl for a prober; -errno and a sentence. */
int web_loop__open(struct prober *p, struct err *err);
void web_loop__close(struct prober *p);

/* A probe's transfer has ended with `code`. */
void web__complete(struct probe *p, CURLcode code);

#endif
