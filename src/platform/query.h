/*
 * query: jq programs compiled and run (libjq). Only in ebb-jq and, for `ebb check`, in ebb.
 *
 * It may loop, eat memory and abort: whoever runs foreign programs is a child that can be killed.
 * A program that has failed in jq 1.6 may have broken what a later compilation needs (a failing
 * fromjson does): who has run programs compiles no more.
 *
 * Thread: one.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

enum { QUERY_PROGRAMS_MAX = 4096, QUERY_PROGRAMS_BYTES_MAX = 8 << 20 };

struct query_programs;

/* Compiles all of them as one dispatching program (linking is quadratic, but once). INVALID:
 * *out_index is the one that is wrong, *out_offset the character in it (-1 unknown), the sentence
 * jq's own. No ~/.jq is read, no module found. */
status query_compile(const struct slice *programs, unsigned count,
                     struct query_programs **out_programs, unsigned *out_index, int *out_offset,
                     struct error *err);

/* Runs number `index` on one JSON text and appends its one output as JSON; none appends nothing.
 * INVALID: jq's error, more than one output ("wrap in [ ]"), an integer beyond 2^53 in the input.
 * FULL: the output is more than the buffer takes. */
status query_programs_run(struct query_programs *programs, unsigned index, struct slice input,
                          struct buffer *out, struct error *err);

void query_programs_done(struct query_programs *programs);

/* What to call when jq's own allocations fail; it must not return. Without it jq aborts. */
void query_programs_on_no_memory(struct query_programs *programs, void (*end)(void *owner),
                                 void *owner);
