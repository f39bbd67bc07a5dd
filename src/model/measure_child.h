/*
 * measure_child: one model opened in a process of its own (ebb-measure), run and timed there.
 *
 * So its memory is its own, a model that crashes, hangs or wants too much is a status with a
 * sentence, and who measures needs no ONNX Runtime. What is worth measuring, how often and in which
 * order is model/profile's.
 *
 * Blocking: programs and workers. Thread: one at a time for each. Nothing outlives a crash of
 * either side: the child ends with its socket.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/tensor.h"
#include "model/measure_frame.h"
#include "platform/child.h"
#include "platform/inference.h"

struct measure_child {
    struct child child;
    uint32_t input_count;
    struct inference_port inputs[INFERENCE_PORTS_MAX];
    struct measure_loaded loaded;
    struct buffer said; /* the last answer's body; what names its inputs is `names` */
    struct buffer names;
    int64_t sample_bytes;
    bool is_hopeless; /* no other model would fare better: no program, no library, no memory */
};

/* Starts the program and opens the model. INVALID, CORRUPT, FULL, NOT_FOUND as inference_open;
 * TIMEOUT after `most_ms`; CRASH says how the child ended. Whatever comes back,
 * measure_child_close ends it. */
status measure_child_open(struct measure_child *child, const char *path,
                          const struct inference_options *options, uint32_t most_ms,
                          struct error *err);
void measure_child_close(struct measure_child *child);

/* Hands over one more sample, a tensor for each input; runs go over all of them, again and again.
 */
status measure_child_give(struct measure_child *child, const struct tensor *tensors,
                          uint32_t most_ms, struct error *err);

/* Runs it `count` times, at most MEASURE_RUNS_MAX, of which each took one of `out_times`. INVALID,
 * FULL as inference_run; TIMEOUT when all together had not ended after `most_ms`; CRASH. */
status measure_child_run(struct measure_child *child, uint32_t count, uint32_t most_ms,
                         struct measure_time *out_times, struct measure_memory *out_memory,
                         struct error *err);
