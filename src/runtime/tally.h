/*
 * tally: how often each step of a workflow ran, failed and was skipped, and how many results of
 * each name there are, since the daemon's start.
 *
 * It belongs to a slot and follows its versions: a name that the next version has goes on with what
 * was counted, one that it has not goes. A run counts when its end is on disk, once for each of its
 * steps however often that was tried; one that it did not come to counts nowhere.
 *
 * Not here: what is counted of the workflow as a whole (slot_counts), and of agents (agents/).
 * Thread: loop. Survives nothing.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "runtime/run.h"

struct tally;

struct step_tally {
    uint64_t runs, failures, skipped; /* a failure is a run as well */
};

/* Follows to the version, which is shared. *tally may be NULL at first, and is NULL afterwards when
 * there is no memory: then nothing is counted. */
void tally_follow(struct tally **tally, struct version *version);
void tally_destroy(struct tally *tally); /* NULL is fine, as below */

/* A run whose end is durable, with its results. */
void tally_run(struct tally *tally, const struct run *run);

/* A result that came by itself. */
void tally_result(struct tally *tally, struct slice name);

/* Of the step with that id; all 0 when there is none. */
struct step_tally tally_of_step(const struct tally *tally, struct slice id);

/* {"classify":{"runs":3,"failures":0,"skipped":1},...}, and {"verdict":3,...}. */
void tally_write_steps(const struct tally *tally, struct buffer *out);
void tally_write_results(const struct tally *tally, struct buffer *out);
