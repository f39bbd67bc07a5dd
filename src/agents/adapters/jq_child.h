/*
 * jq_child: one ebb-jq process that holds all jq programs of a set of workflows, asked over a socket pair.
 *
 * Programs are compiled together, off the daemon's start. A worker asks and waits for the answer; the child is killed when the answer is late
 * (at most 1 s for an expression), and what others had asked of it is asked again of the next one: expressions have no effects. A
 * reload makes a second jq_child and ends the first. libjq is never in this process.
 *
 * Thread: create and destroy on the loop; ask from any thread, one at a time is served. Nothing survives a crash, nothing needs to.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"
#include "wire/expression.h"

struct jq_child;

enum { JQ_DEADLINE_MS_MAX = 1000, JQ_MEMORY_BYTES = 256 << 20, JQ_ANSWER_BYTES_MAX = 1 << 20 };

/* The child is started with the first question (or by jq_child_warm, off the start). `programs` are numbered from 0 as given. */
status jq_child_create(const struct slice *programs, uint32_t program_count, struct jq_child **out_child, struct error *err);

/* Starts it and has everything compiled, on the calling thread. INVALID names the program that does not compile. */
status jq_child_warm(struct jq_child *child, struct error *err);

/* TIMEOUT, CRASH (memory, abort), INVALID (jq's own error), FULL. */
status jq_child_ask(struct jq_child *child, uint32_t program, struct slice input, int64_t deadline_ns,
                    struct arena *arena, struct value *out_value, struct error *err);

void jq_child_destroy(struct jq_child *child);
