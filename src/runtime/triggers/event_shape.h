/*
 * event_shape: what a trigger says of its events: `schema:` looks at their data, `event:` gives
 * them id, time, key and more members.
 *
 * The expressions see what came, `$params` and `$device`, and are native: they are evaluated on the
 * loop, before the event is queued, since its id says whether it is queued at all.
 *
 * Not here: what becomes of an event that does not fit (intake).
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/event.h"
#include "wire/workflow.h"

enum { EVENT_ID_BYTES_MAX = 1024 };

/* What `event:` sees beside what came. */
struct shape_scope {
    struct value params, device;
};

/* Shapes a sealed event. INVALID says why it does not fit: then it is as it came. FULL, NO_MEMORY:
 * so it is, too. */
status event_shape(const struct trigger *trigger, const struct shape_scope *scope,
                   struct event *event, struct error *err);
