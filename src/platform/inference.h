/*
 * inference: models in ONNX files, run by ONNX Runtime, which is loaded when the first is opened.
 *
 * A model takes and gives tensors by name. It computes on the thread that runs it, with more
 * threads only where the options say so; weights and all that a run computes are bounded together.
 * Two who open the same file with the same options share one session, weights and all. Any file may
 * be opened: what is no model, or does not fit, is a failure with a sentence.
 *
 * Not here: what the numbers mean (agents/onnx_agent), and deadlines, which somebody else keeps and
 * inference_stop makes true.
 *
 * Thread: open and close on the loop; several runs of one model at once, on any threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/tensor.h"

struct inference_model;
struct inference_run;

enum {
    INFERENCE_PORTS_MAX = 64, /* inputs, and outputs, of one model */
    INFERENCE_PROVIDERS_MAX = 6,
    INFERENCE_THREADS_MAX = 64
};

/* What may execute a model, by the words that manifests use; ended by NULL. The first is cpu. */
extern const char *const INFERENCE_PROVIDERS[];

struct inference_options {
    int threads;                                /* of one run, at least 1: the caller's alone */
    uint8_t providers[INFERENCE_PROVIDERS_MAX]; /* indexes of INFERENCE_PROVIDERS, the best first */
    uint32_t provider_count;                    /* 0: cpu */
    int64_t memory_bytes;                       /* for weights and runs */
};

/* An input or an output as the model declares it. */
struct inference_port {
    const char *name;
    bool is_tensor; /* of a type and rank that base/tensor has; else nothing below counts */
    enum tensor_type type;
    uint32_t rank;
    int64_t shape[TENSOR_RANK_MAX]; /* -1: whatever is given */
};

/* INVALID, CORRUPT: this is no model, or none that the library can run; FULL: it needs more memory;
 * NOT_FOUND: no such file, or no library (the sentence says which package). A provider that is not
 * to be had is passed over, with a line in the log that says why. */
status inference_open(const char *path, const struct inference_options *options,
                      struct inference_model **out_model, struct error *err);

/* No run may be under way. NULL is fine. */
void inference_close(struct inference_model *model);

uint32_t inference_input_count(const struct inference_model *model);
uint32_t inference_output_count(const struct inference_model *model);
const struct inference_port *inference_input(const struct inference_model *model, uint32_t index);
const struct inference_port *inference_output(const struct inference_model *model, uint32_t index);

/* The word of the provider that it was given to first. */
const char *inference_provider(const struct inference_model *model);

/* By how much the process had grown when it was open. */
int64_t inference_loaded_bytes(const struct inference_model *model);

/* One run, for one call of inference_run. */
status inference_run_create(struct inference_model *model, struct inference_run **out_run,
                            struct error *err);

/* Runs the model: `inputs` has a tensor for each of its inputs in their order, whose bytes are not
 * copied. Of the outputs those with the indexes `wanted` are computed; their tensors point into the
 * run. INVALID: an input does not fit, or the model failed on it; FULL: it needed more memory;
 * TIMEOUT: it was stopped. */
status inference_run(struct inference_run *run, const struct tensor *inputs, const uint32_t *wanted,
                     uint32_t wanted_count, struct tensor *out_outputs, struct error *err);

/* Ends the run before its next operator; from any thread, also before it begins. */
void inference_stop(struct inference_run *run);

void inference_run_destroy(struct inference_run *run); /* NULL is fine */
