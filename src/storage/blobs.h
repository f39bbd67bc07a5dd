/*
 * blobs: the bytes of blobs that a result or a kept output names, as files BLOBS/HASH beside the
 * database, each once.
 *
 * 1. A file is whole and synced under its name before the transaction that names it; its name is
 *    the BLAKE2b-128 of its bytes, and what is read back is held against it.
 * 2. A row of the table says who wants it: `holders` counts kept runs whose outputs name it, and
 *    `expires_ms` is until when a result's attachment stays. With neither it goes.
 * 3. The row goes first, in a transaction; the file after the commit, unless somebody has kept the
 *    same bytes meanwhile and is about to name them: it is pinned then. What a crash in between
 *    leaves over goes at a later start.
 * 4. All together have a bound. Beyond it those that nobody holds go, the soonest to expire first.
 *
 * `expires_ms` is wall time. Where the clock was not to be believed it is negative: so long from
 * the moment at which the clock is good. NULL: no time was set.
 *
 * Thread: keeping, finding and restoring on any; rows on the database thread, in a transaction.
 * Survives: power cuts.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/blob.h"
#include "base/error.h"
#include "base/value.h"
#include "platform/clock.h"
#include "platform/database.h"
#include "storage/store_job.h"

struct blobs;

enum {
    BLOBS_OF_VALUE_MAX = 256,            /* in one output or result */
    BLOBS_LEFT_MS = 7 * 24 * 3600 * 1000 /* one without a row goes at a start when it is so old */
};

/* The folder is made when the first blob is kept. `bytes_max` bounds all of them together. */
status blobs_open(const char *folder, int64_t bytes_max, struct blobs **out_blobs,
                  struct error *err);
void blobs_close(struct blobs *blobs);

/* --- files: any thread ------------------------------------------------------------------------ */

/* Writes the blob's bytes, if they are not there, gives the blob its id and pins the file: the
 * caller unpins it when its row is written, or never will be. FULL when the disk is, or when it
 * alone is larger than the bound. Blocks. */
status blobs_keep(struct blobs *blobs, struct blob *blob, struct error *err);
void blobs_unpin(struct blobs *blobs, struct id id);

/* Keeps every blob in the value and adds each to `holds`, `*count` of them so far, also when it
 * fails half way. INVALID when there are more than BLOBS_OF_VALUE_MAX. */
status blobs_keep_value(struct blobs *blobs, struct value value, struct blob_hold *holds,
                        uint32_t *count, struct error *err);

/* A blob of the bytes that lie under the hash, read when it is opened. NOT_FOUND. */
status blobs_find(struct blobs *blobs, struct id id, struct slice type, struct blob **out_blob,
                  struct error *err);

/* Appends at most so many of its bytes from an offset on, and nothing beyond the end; they are not
 * held against the hash. NOT_FOUND. Blocks. */
status blobs_read_part(const struct blobs *blobs, struct id id, int64_t from, size_t bytes_max,
                       struct buffer *out, struct error *err);

/* The value with a blob in place of each object that json_write made of one; others stay. NOT_FOUND
 * names a blob that is gone. */
status blobs_restore(struct blobs *blobs, struct arena *arena, struct value value,
                     struct value *out_value, struct error *err);

/* --- rows: the database thread ---------------------------------------------------------------- */

/* Adds or takes back what the job holds, and makes room beyond the bound. */
status blobs_hold(struct blobs *blobs, struct database *database, const struct blob_hold *holds,
                  uint32_t count, const struct moment *now, struct error *err);

/* READ_BLOB, with a connection of the reader's. */
status blobs_read_row(struct database *database, struct store_read *read, struct error *err);

/* Takes the rows that nobody wants any more, a bounded number of them. */
status blobs_purge(struct blobs *blobs, struct database *database, const struct moment *now,
                   struct error *err);

/* After the commit, or after it was taken back: files whose rows went go, or stay. */
void blobs_settle(struct blobs *blobs);
void blobs_take_back(struct blobs *blobs);

/* At the start: counts the rows' bytes, and removes old files that have no row. */
status blobs_load(struct blobs *blobs, struct database *database, struct error *err);

/* Bytes of all rows, their bound, and how many went for want of room since the start. */
int64_t blobs_bytes(const struct blobs *blobs);
int64_t blobs_bytes_max(const struct blobs *blobs);
uint64_t blobs_evicted(const struct blobs *blobs);
