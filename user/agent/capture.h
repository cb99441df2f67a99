/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - packets as they came and as they left, with their verdict, for `fairlead capture`:
 * docs/capture.md.
 *
 * There is one at a time, and it ends with its client, which has to ask for what there is every now and
 * then.
 */
#ifndef FAIRLEAD_AGENT_CAPTURE_H
#define FAIRLEAD_AGENT_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "core/err.h"
#include "fairlead/abi.h"
#include "frame/pcapng.h"

struct agent;
struct capture;

/*
 * Answers the request, now or later: {"id"}, or 409: one runs already; 404: there is no such service or
 * backend; 400: no such verdict.
 */
void capture__start(struct agent *a, const struct api_capture *what, struct api_request *request);

/* What there is since the last call. -ENOENT: no capture has that id, or not any more. */
int capture__next(struct agent *a, uint32_t id, json_t **out, struct err *err);

/* The same, and there will be no more. */
int capture__stop(struct agent *a, uint32_t id, json_t **out, struct err *err);

/* A configuration is in force: ids and indexes may soon be another's. */
void capture__configured(struct agent *a);

/* The agent stops. */
void capture__close(struct agent *a);

/* capture_filter.c: -ENOENT: there is no such service or backend; -EINVAL: no such verdict. */
int capture_filter__make(const struct agent *a, const struct api_capture *what,
			 struct fl_capture *out, struct err *err);

/* capture_blocks.c: the file's interfaces, and a packet as it came in and, if it left, as it left */

enum capture_interface { CAPTURE_IN, CAPTURE_OUT };

void capture_blocks__head(struct pcapng *out, uint32_t snap);
/* `realtime_ns`: CLOCK_REALTIME - CLOCK_MONOTONIC. */
void capture_blocks__packet(struct pcapng *out, const struct agent *a, const struct fl_captured *p,
			    uint64_t number, uint64_t realtime_ns);

/* capture_text.c */

#define CAPTURE_COMMENT 2000

/* What became of the packet, in the words of `fairlead explain`. */
void capture_text__comment(const struct agent *a, const struct fl_captured *c,
			   char text[CAPTURE_COMMENT]);

#endif
