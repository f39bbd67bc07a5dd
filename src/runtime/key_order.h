/*
 * key_order: which event's turn it is where one event of a key is taken at a time.
 *
 * A workflow whose steps keep state, or whose queue has `order: key`, tells events apart by a key.
 * A run holds its key from its begin until what it leaves is known to the next one; meanwhile
 * events of that key stay in the queue, and others pass them unless the workflow runs one at a
 * time. Events without a key wait for nobody.
 *
 * Thread: loop, but key_order_of, which runs where the event is.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "runtime/slot.h"

enum { EVENT_KEY_BYTES_MAX = STORE_KEY_BYTES_MAX };

/* The event's key, in its arena; hash 0 when there is none, or none that could be one. */
struct event_key key_order_of(const struct workflow *workflow, struct event *event,
                              const struct value *device);

/* Why key_order_of gave none: INVALID, a sentence about `by`. */
status key_order_why_none(const struct keyed_state *state, struct context *context,
                          struct error *err);

/* The first run in the slot's line whose key is free, or NULL; `may_go_on` says whether a run may
 * begin at all: behind one that may not, none does. */
struct run *key_order_next_run(struct slot *slot,
                               bool (*may_go_on)(struct slot *slot, const struct run *run));

/* Whether events may begin although runs stand in the slot's line: all of these wait for their key
 * alone. */
bool key_order_passes_line(const struct slot *slot);

/* Takes the first event whose key is free, and in no run of the line, out of the slot's queue, or
 * NULL. */
struct event *key_order_next_event(struct slot *slot, const struct value *device);

/* The run's key is its own until it gives it back; run_destroy gives it back at the latest. */
status key_order_hold(struct run *run, struct error *err);
void key_order_give_back(struct run *run);

/* The same for a key without a run. */
bool key_order_hold_key(struct slot *slot, uint64_t hash);
void key_order_free_key(struct slot *slot, uint64_t hash);
bool key_order_is_held(const struct slot *slot, uint64_t hash);
