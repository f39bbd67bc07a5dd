/*
 * journal: what is written of a run, and when.
 *
 * | moment                                     | written                                | awaited |
 * |--------------------------------------------|----------------------------------------|---------|
 * | event from a source that cannot repeat it  | the run's row with the event           | yes     |
 * | event from a source that can               | nothing: the source is the journal     |         |
 * | before a step with repeat: never / expires | that it began (and the row, if none)   | yes     |
 * | after a step that took over 50 ms or acted | its output (and the row, if none)      | no      |
 * | the end                                    | records in, rows out, event marked     | yes     |
 *
 * All of it only under `runs: each`, but for the end, whose records are written unless `results:
 * none`. A write that fails for want of space or of a working disk is tried again until it
 * succeeds: the run waits meanwhile, and so does its source.
 *
 * Thread: loop. Survives: power cuts, after each awaited write.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "platform/loop.h"
#include "runtime/run.h"
#include "storage/store.h"

enum { NOTE_AFTER_NS = 50 * 1000 * 1000 };

struct journal {
    struct store *store; /* not owned */
    struct loop *loop;
    struct timer *timer;                    /* owned: tries again what failed */
    struct store_job *failed, **failed_end; /* in the order in which they failed */
    int64_t retry_ms;
    uint64_t failures;
    bool stopped;
};

status journal_init(struct journal *journal, struct store *store, struct loop *loop,
                    struct error *err);

/* What failed is not tried again from now on: it goes back to whoever asked. */
void journal_stop(struct journal *journal);

/* Half-built is fine. */
void journal_done(struct journal *journal);

/* Whether the job was put aside, to be submitted again: when it failed for want of space or of a
 * working disk. What is wrong with the job itself, and what fails while we stop, is the caller's.
 */
bool journal_put_aside(struct journal *journal, struct store_job *job);

/* Whether runs of this version have rows. */
bool journal_keeps(const struct run *run);

/* Writes the run's row with its event; then `then(run)`. An event that no row can hold comes back
 * with run->store_job.error set. */
void journal_begin(struct journal *journal, struct run *run, void (*then)(struct run *run));

/* Counts that the daemon crashed in this run (out_number of run->store_job), and makes its row when
 * it has none; then `then(run)`. An event that no row can hold is left out of it. */
void journal_count(struct journal *journal, struct run *run, void (*then)(struct run *run));

/* Writes that the current step begins; then `then(run)`. When that can never be written,
 * run->step_job.error is set. */
void journal_step_begun(struct journal *journal, struct run *run, void (*then)(struct run *run));

/* True when a step's output should be written before the run's end. */
bool journal_wants_output(const struct run *run, uint32_t step);

/* Writes the outputs that are wanted. True: nobody need wait for them; else `then(run)` comes when
 * the row that they need is there. */
bool journal_outputs(struct journal *journal, struct run *run, void (*then)(struct run *run));

/* Writes the run's end; then `then(run)`: everything of it is durable. */
void journal_end(struct journal *journal, struct run *run, void (*then)(struct run *run));

/* Writes that it waits for a link, or that it goes on; nobody waits. */
void journal_state(struct journal *journal, struct run *run, enum run_state state);
