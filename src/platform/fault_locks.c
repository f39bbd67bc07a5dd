// SPDX-License-Identifier: Apache-2.0
#include "platform/fault_locks.h"

bool fault_locks_raise(struct fault_locks *locks, struct fault_holder *holder,
                       enum fault_level level) {
    if (level <= holder->level) {
        return true;
    }
    if (holder->level == FAULT_UNLOCKED) {
        if (locks->pending) {
            return false;
        }
        locks->shared++;
        holder->level = FAULT_SHARED;
    }
    if (level >= FAULT_RESERVED && holder->level < FAULT_RESERVED) {
        if (locks->reserved) {
            return false;
        }
        locks->reserved = true;
        holder->level = FAULT_RESERVED;
    }
    if (level == FAULT_EXCLUSIVE) {
        locks->pending = true;
        holder->level = FAULT_PENDING;
        if (locks->shared > 1) {
            return false;
        }
        holder->level = FAULT_EXCLUSIVE;
    }
    return true;
}

void fault_locks_lower(struct fault_locks *locks, struct fault_holder *holder,
                       enum fault_level level) {
    if (holder->level > FAULT_SHARED && level <= FAULT_SHARED) {
        locks->reserved = false;
        locks->pending = false;
    }
    if (holder->level >= FAULT_SHARED && level == FAULT_UNLOCKED) {
        locks->shared--;
    }
    holder->level = level < holder->level ? level : holder->level;
}

bool fault_locks_take_slots(struct fault_locks *locks, struct fault_holder *holder, int first,
                            int count, bool exclusive) {
    for (int i = first; i < first + count; i++) {
        const bool mine = (holder->slots_shared & 1U << i) != 0;
        const bool mine_alone = (holder->slots_exclusive & 1U << i) != 0;
        const bool taken = locks->slot_exclusive[i] && !mine_alone;
        if (taken || (exclusive && (mine || locks->slot_shared[i] > 0))) {
            return false;
        }
    }
    for (int i = first; i < first + count; i++) {
        if (exclusive) {
            locks->slot_exclusive[i] = true;
            holder->slots_exclusive |= 1U << i;
        } else if ((holder->slots_shared & 1U << i) == 0) {
            locks->slot_shared[i]++;
            holder->slots_shared |= 1U << i;
        }
    }
    return true;
}

void fault_locks_drop_slots(struct fault_locks *locks, struct fault_holder *holder, int first,
                            int count) {
    for (int i = first; i < first + count; i++) {
        if ((holder->slots_exclusive & 1U << i) != 0) {
            locks->slot_exclusive[i] = false;
        }
        if ((holder->slots_shared & 1U << i) != 0) {
            locks->slot_shared[i]--;
        }
        holder->slots_exclusive &= ~(1U << i);
        holder->slots_shared &= ~(1U << i);
    }
}
