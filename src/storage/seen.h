/*
 * seen: marks of events that were processed, for sources that can deliver one twice.
 *
 * A mark is written with the end of its run, in the same transaction, and goes when the source
 * can no longer deliver the event (a watched file is gone). A row holds eight bytes of hash; asking
 * is done in memory, by whoever read the marks with seen_each.
 *
 * Thread: database. Survives: power cuts, after the commit.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/error.h"
#include "platform/database.h"
#include "storage/store_job.h"

enum { SEEN_SOURCE_BYTES_MAX = 4096 };

status seen_mark(struct database *database, struct slice source, uint64_t hash, int64_t wall_ms,
                 struct error *err);

/* Takes away the marks that equal `hash` but for the bits of `mask`, which are low bits: 0 is that
 * one alone. The first STORE_GONE_MAX of them are put out. */
status seen_forget(struct database *database, struct slice source, uint64_t hash, uint64_t mask,
                   uint64_t out_gone[STORE_GONE_MAX], uint32_t *out_count, struct error *err);

/* Calls `each` for every mark; false from it ends with NO_MEMORY. */
status seen_each(struct database *database,
                 bool (*each)(void *owner, struct slice source, uint64_t hash), void *owner,
                 struct error *err);
