/*
 * state_table: what one step remembers, in memory: a text for each key, the newest use last.
 *
 * Bounded by the caller, who sheds what is beyond: the key that had no event for longest goes
 * first. Times are of the boot clock.
 *
 * Not here: what of it is on disk, and when (slot_states); what a text means (the agent).
 * Thread: loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum { STATE_TABLE_BYTES_MAX = 16 << 20 }; /* of all keys and values of a table */

/* What is remembered of a key. The first four are for reading. */
struct state_entry {
    struct slice key, value; /* owned, in one block behind this */
    uint64_t hash;           /* of the key */
    int64_t expires_ns;
    bool dirty; /* the owner's: to be written */
    struct state_entry *in_bucket, *older, *newer;
};

struct state_table {
    struct state_entry **buckets; /* owned; a power of two, or none */
    size_t bucket_count;
    uint32_t count;
    size_t bytes;
    struct state_entry *oldest, *newest;
};

void state_table_done(struct state_table *table);

/* What a key's hash is here, and wherever keys are told apart. Never 0. */
uint64_t state_key_hash(struct slice key);

/* NULL when nothing is remembered, or no longer. */
const struct state_entry *state_table_find(const struct state_table *table, struct slice key,
                                           int64_t now_ns);

/* Remembers a copy of the value; the key is the newest. NO_MEMORY: what was remembered stays. */
status state_table_put(struct state_table *table, struct slice key, struct slice value,
                       int64_t expires_ns, bool dirty, struct error *err);

/* Takes out the oldest key that has expired or is beyond the bounds; none for which `spared` holds.
 * NULL: there is no such key. The caller gives it back by state_entry_destroy. */
struct state_entry *state_table_shed(struct state_table *table, uint32_t keys_max, int64_t now_ns,
                                     bool (*spared)(void *owner, uint64_t hash), void *owner);
void state_entry_destroy(struct state_entry *entry);

/* After loading: what expires last was used last. */
void state_table_sort(struct state_table *table);
