/*
 * fault_locks: the locks that SQLite's connections to one file of a fault_disk hold on each other.
 *
 * The file's own levels (shared, reserved, pending, exclusive) and the slots of the memory that
 * connections share in WAL mode. One process, so counting is enough.
 *
 * Linked by tests only. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

enum { FAULT_SLOTS = 8 };

enum fault_level { FAULT_UNLOCKED, FAULT_SHARED, FAULT_RESERVED, FAULT_PENDING, FAULT_EXCLUSIVE };

/* Of a file. */
struct fault_locks {
    int shared; /* holders of at least SHARED */
    bool reserved, pending;
    int slot_shared[FAULT_SLOTS];
    bool slot_exclusive[FAULT_SLOTS];
};

/* What one connection holds. */
struct fault_holder {
    enum fault_level level;
    unsigned slots_shared, slots_exclusive; /* a bit for each */
};

/* False: somebody is in the way. */
bool fault_locks_raise(struct fault_locks *locks, struct fault_holder *holder,
                       enum fault_level level);
void fault_locks_lower(struct fault_locks *locks, struct fault_holder *holder,
                       enum fault_level level);

bool fault_locks_take_slots(struct fault_locks *locks, struct fault_holder *holder, int first,
                            int count, bool exclusive);
void fault_locks_drop_slots(struct fault_locks *locks, struct fault_holder *holder, int first,
                            int count);
