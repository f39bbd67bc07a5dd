/*
 * run_blobs: the blobs of a run that lie on disk: what its kept outputs hold and its results
 * attach.
 *
 * A blob is kept by a worker, which blocks, before the row that names it is written by the journal.
 * Until then it is pinned (storage/blobs). An output's blobs are held by the run's rows until the
 * run ends; an attachment stays as long as it says.
 *
 * Thread: the run's. Survives: power cuts, through the journal.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "storage/blobs.h"

enum { RUN_BLOBS_MAX = 1024 };

#define RUN_BLOBS_NO_STEP UINT32_MAX

struct run_blob {
    struct id id;
    uint32_t step; /* whose output it is in; RUN_BLOBS_NO_STEP: it is an attachment */
    bool pinned;
    bool attached; /* a result names it */
    bool held;     /* a row of the run's says so, or will: it is let go of at the end */
};

struct run_blobs {
    struct blobs *blobs;     /* not owned; NULL: there is no place for any */
    struct run_blob *items;  /* owned */
    struct blob_hold *holds; /* owned, as many: what a job says of them */
    uint32_t count, room;
};

/* Unpins all. */
void run_blobs_done(struct run_blobs *kept);

/* Keeps the blobs of a step's output, so that its JSON can stand in a row. On failure the output
 * must not be written. */
status run_blobs_keep_output(struct run_blobs *kept, uint32_t step, struct value output,
                             struct error *err);

/* The output of a row of an earlier process, with its blobs, which are held. */
status run_blobs_restore_output(struct run_blobs *kept, uint32_t step, struct arena *arena,
                                struct value json, struct value *out_output, struct error *err);

/* Keeps one that a result attaches; `leaves` is whether the hub may have its bytes. */
status run_blobs_attach(struct run_blobs *kept, struct blob *blob, int64_t keep_ms,
                        enum blob_leaves leaves, struct error *err);

/* The results that attach something are taken back. */
void run_blobs_detach(struct run_blobs *kept);

/* What the row of a step's output says of blobs, and how many there are; they are held from then
 * on. It stays until the next blob is kept. */
const struct blob_hold *run_blobs_hold_output(struct run_blobs *kept, uint32_t step,
                                              uint32_t *out_count);

/* Once: what the run's end says, in kept->holds: attachments where records are `stored`, and what
 * is held no more. How many there are. */
uint32_t run_blobs_end(struct run_blobs *kept, bool stored);
