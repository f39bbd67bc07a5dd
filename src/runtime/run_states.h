/*
 * run_states: what the steps of one run are given of their key's state, and what they leave.
 *
 * What a step that has ended left stands, also where the run fails later: its event is not given
 * to it again. A step that left nothing leaves what it was given.
 *
 * Not here: where states come from and go to (slot_states).
 * Thread: the run's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "runtime/run.h"

/* As good as for ever: rows say a time all the same, since it tells which key was used last. */
#define RUN_STATES_FOR_EVER_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)

enum { RUN_STATES_BYTES_MAX = 2 << 20 }; /* of all steps of a run together, on disk */

/* Whether the current step remembers something from run to run. */
bool run_states_keyed(const struct run *run);

/* INVALID when the event has no key. */
status run_states_check_key(struct run *run, struct error *err);

/* The state for the call of the current step. */
status run_states_give(struct run *run, struct value *out_state, struct error *err);

/* Takes over what the current step's agent left; INVALID when that is too large. */
status run_states_take(struct run *run, struct error *err);

/* A step's output as its row keeps it, and back: with the state, where there is one. */
void run_states_write_step(const struct run *run, uint32_t index, struct buffer *out);
status run_states_read_step(struct run *run, uint32_t index, struct slice json,
                            struct value *out_output, struct error *err);

/* What the run's end writes of it: run->states. */
void run_states_collect(struct run *run);

/* Whether a step's state is ever written, and whether that is with each run's end. */
bool run_states_on_disk(const struct workflow *workflow, const struct step *step);
bool run_states_with_end(const struct workflow *workflow, const struct step *step);

/* When a state that is used now is forgotten, by the boot clock; and when that is by the wall
 * clock, for a row. By a clock that cannot be right nothing is ever forgotten. */
int64_t run_states_expires_ns(const struct keyed_state *state);
int64_t run_states_wall_ms(int64_t expires_ns);
