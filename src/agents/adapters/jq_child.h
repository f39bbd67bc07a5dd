/*
 * jq_child: one ebb-jq process that holds all jq programs of a set of workflows, asked over a
 * socket pair.
 *
 * Programs are compiled together, off the daemon's start. A worker asks and waits for the answer;
 * the child is killed when the answer is late (at most 1 s for an expression), and whoever waited
 * behind that question asks the next child: expressions have no effects. The question that a child
 * died of is not asked again. A reload makes a second jq_child and ends the first. libjq is never
 * in this process.
 *
 * Thread: any but for create and destroy; one question at a time is served, the others wait.
 * Nothing survives a crash, nothing needs to.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

struct jq_child;

enum {
    JQ_DEADLINE_MS_MAX = 1000, /* of one with no deadline of its own, once it is served */
    JQ_PATIENCE_MS_MAX = 5000, /* of one with no deadline of its own, the wait behind others too */
    JQ_START_MS_MAX = 30000,   /* for a child to start and to compile everything */
    JQ_MEMORY_BYTES = 256 << 20,
    JQ_ANSWER_BYTES_MAX = 1 << 20
};

/* The child is started with the first question (or by jq_child_warm, off the start). `programs` are
 * numbered from 0 as given, and copied. */
status jq_child_create(const struct slice *programs, uint32_t program_count,
                       struct jq_child **out_child, struct error *err);

/* Starts it and has everything compiled, on the calling thread; nothing while a question is served,
 * which has started it. INVALID names the first program that does not compile: questions to it fail
 * with jq's sentence, the others are answered. */
status jq_child_warm(struct jq_child *child, struct error *err);

/* Compiles one program in a child of its own, which ends with the call: for `ebb check`, since
 * jq 1.7 computes constants when it compiles and may die of that. INVALID: *out_offset is the
 * character, -1 when unknown; the sentence is jq's. */
status jq_child_check(struct slice program, int *out_offset, struct error *err);

/* TIMEOUT, CRASH (memory, abort), INVALID (jq's own error), FULL. No output is null. `deadline_ns`
 * is CLOCK_BOOTTIME, that of the step whose agent asks. 0: none, as for an expression; then a
 * question waits behind others as long as JQ_PATIENCE_MS_MAX allows, and its second counts from
 * when it is served. */
status jq_child_ask(struct jq_child *child, uint32_t program, struct slice input,
                    int64_t deadline_ns, struct arena *arena, struct value *out_value,
                    struct error *err);

/* Nobody asks any more. NULL is fine. */
void jq_child_destroy(struct jq_child *child);
