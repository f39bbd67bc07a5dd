/*
 * intake: how events come into a slot: the feeds of its version, and what these see of it.
 *
 * Not here: what becomes of an event that was offered (orchestrator), where events come from
 * (triggers).
 * Thread: loop. Survives: marks of events, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/orchestrator.h"

/* Opens the feeds of the slot's version, unless events come from elsewhere; after a failure none is
 * open. */
status intake_open(struct slot *slot, struct error *err);
void intake_close(struct slot *slot);

/* An event that the queue's policy dropped is not taken again at the next scan of its source. */
void intake_mark_dropped(struct slot *slot, const struct event *event);
