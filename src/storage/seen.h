/*
 * seen: marks of events that were processed, for sources that can deliver one twice.
 *
 * A mark is written with the end of its run, in the same transaction, and goes when the source
 * can no longer deliver the event: a watched file is gone. Of a sender who repeats himself nobody
 * knows when that is: those marks are a ring and go after 7 days, or 100,000 of them. A row holds
 * eight bytes of hash; asking is done in memory, by whoever read the marks with seen_each.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/clock.h"
#include "platform/database.h"
#include "storage/store_job.h"

enum {
    SEEN_SOURCE_BYTES_MAX = 4096,
    SEEN_DELIVERED_MAX = 100000,
    SEEN_DELIVERED_MS = 7 * 24 * 3600 * 1000
};

/* What a mark is in memory. */
uint64_t seen_key(struct slice source, uint64_t hash);

status seen_mark(struct database *database, struct slice source, uint64_t hash, int64_t wall_ms,
                 struct error *err);

/* Takes away the marks that equal `hash` but for the bits of `mask`, which are low bits: 0 is that
 * one alone. The keys of the first STORE_GONE_MAX of them are put out. */
status seen_forget(struct database *database, struct slice source, uint64_t hash, uint64_t mask,
                   uint64_t out_gone[STORE_GONE_MAX], uint32_t *out_count, struct error *err);

/* Marks what a sender may send again; the oldest of the ring go, and their keys are put out. */
status seen_deliver(struct database *database, struct slice source, uint64_t hash,
                    const struct moment *now, uint64_t out_gone[STORE_GONE_MAX],
                    uint32_t *out_count, struct error *err);

/* Calls `each` for every mark; false from it ends with NO_MEMORY. */
status seen_each(struct database *database,
                 bool (*each)(void *owner, struct slice source, uint64_t hash), void *owner,
                 struct error *err);
