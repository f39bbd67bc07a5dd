/*
 * slot_states: what the keyed steps of a workflow remember, for the time from one run to the next.
 *
 * Memory has all of it and decides; what is on disk is read once, when a version that has the step
 * comes. A run is given its key's states when it begins and leaves others when it ends: with
 * `state: each` they are on disk in the transaction of its end before the next run of the key
 * begins; with a span they are written at most so often; with `none`, and where a step says
 * `keep: memory`, never. Keys that expire or have no room are forgotten here and on disk.
 *
 * Not here: which run may begin (key_order), what an agent does with its state.
 * Thread: loop. Survives: power cuts, as far as `durability.state` says.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/slot.h"

struct slot_states;

/* NULL is fine. */
void slot_states_destroy(struct slot_states *states);

/* Whether a run of the version could be given its states; else they are being read, and the slot is
 * pumped when they are there. */
bool slot_states_are_ready(struct slot *slot, const struct version *version);

/* Gives the run, which holds its key, what that key has. */
status slot_states_give(struct run *run, struct error *err);

/* Takes over what the run left, and gives its key back. */
void slot_states_take(struct run *run);

/* What is kept under a name, a step's id or what stands for a limit, and a key; empty: nothing. */
struct slice slot_states_find(const struct slot *slot, struct slice name, struct slice key);

struct state_put {
    struct slice name, key, value;
    int64_t expires_ns; /* CLOCK_BOOTTIME */
    uint32_t keys_max;
    bool on_disk;     /* it has a row, or will have */
    int64_t later_ms; /* it is written so soon; 0: not here, but with the end of a run */
};

/* Calls `each` for all that is kept under a name; it must not put anything. */
void slot_states_visit(const struct slot *slot, struct slice name,
                       void (*each)(void *owner, struct slice key, struct slice value),
                       void *owner);

/* Keeps a copy, on behalf of a run of that version. false: it stays as it was, or is read again
 * from the disk. */
bool slot_states_put(struct slot *slot, const struct version *version, const struct state_put *put);

/* Writes what waits for its time. */
void slot_states_flush(struct slot *slot);

/* Something is being read or written, or is still to be written. */
bool slot_states_are_busy(const struct slot *slot);
