/*
 * inference: models, run by ONNX Runtime, or where the file is one of TensorFlow Lite by that; each
 * library is loaded when its first model is opened.
 *
 * A model takes and gives tensors by name. It computes on the thread that runs it, with more
 * threads only where the options say so; weights and all that a run computes are bounded together.
 * Two who open the same file with the same options share one session, weights and all; a model in
 * memory, or one that is saved or profiled, is its opener's alone. Any bytes may be opened: what is
 * no model, or does not fit, is a failure with a sentence.
 *
 * Not here: what the numbers mean (agents/onnx_agent), and deadlines, which somebody else keeps and
 * inference_stop makes true.
 *
 * Thread: open and close on the loop, of what is the opener's alone on any; several runs of one
 * model at once, on any threads.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/tensor.h"

struct inference_model;
struct inference_run;

enum {
    INFERENCE_PORTS_MAX = 1024, /* inputs, and outputs, of one model */
    INFERENCE_PROVIDERS_MAX = 9,
    INFERENCE_THREADS_MAX = 64,
    INFERENCE_BYTES_MAX = INT32_MAX, /* of a model in memory, without its external data */
    INFERENCE_PATH_BYTES = 4096
};

/* What may execute a model, by the words that manifests use; ended by NULL. The first is cpu. */
extern const char *const INFERENCE_PROVIDERS[];

/* How much the library changes a graph before it runs it. */
enum inference_level {
    INFERENCE_LEVEL_ALL, /* also what fits only this processor */
    INFERENCE_LEVEL_EXTENDED,
    INFERENCE_LEVEL_BASIC,
    INFERENCE_LEVEL_NONE
};

/* What is zero of all that follows `memory_bytes` is as agents run. Texts need only last while the
 * model is opened. */
struct inference_options {
    int threads;                                /* of one run, at least 1: the caller's alone */
    uint8_t providers[INFERENCE_PROVIDERS_MAX]; /* indexes of INFERENCE_PROVIDERS, the best first */
    uint32_t provider_count;                    /* 0: cpu */
    int64_t memory_bytes;                       /* for weights and runs */
    enum inference_level level;
    bool no_memory_pattern; /* a run asks for its memory bit by bit, not at once as it once did */
    bool no_arena;          /* tensors lie on the heap, and nothing bounds what runs take */
    bool spinning;          /* threads wait for each other without sleeping */
    bool is_strict;         /* no provider is passed over, and where `cpu` is not among them none of
                               the operators goes to the processor: opening fails instead */
    const char *save_path;  /* the graph as the level made it is written there; not at one stroke */
    const char *profile_prefix; /* of a file's path that then says what each node took; see below */
    const char *folder; /* of external data of a model in memory; NULL: the working folder */
};

/* For runs that nobody times: on several cores, in little memory. */
struct inference_options inference_options_untimed(int64_t memory_bytes, const char *folder);

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

/* The same for a model in memory, which is copied: the bytes may go when this returns. External
 * data stays until the model is closed, in one folder; releases before 1.21 do not look there. */
status inference_open_bytes(struct slice bytes, const struct inference_options *options,
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

/* Ends the profile, whose file is whole then: closing the model does the same, and does not say
 * which file. INVALID: none was asked for; NOT_FOUND: it could not be written. */
status inference_end_profile(struct inference_model *model, char out_path[INFERENCE_PATH_BYTES],
                             struct error *err);

/* The library's release, such as "1.28.2". NOT_FOUND, INVALID: there is none that will do. */
status inference_release(const char **out_release, struct error *err);

/* Whether the library was built with the provider; whether this machine has what it drives, only
 * opening a model tells. false: not, and why. */
bool inference_provider_is_here(uint8_t provider, struct error *err);

/* Whether it begins as well, so that a model may be given to it. false: not, and why. */
bool inference_provider_begins(uint8_t provider, struct error *err);

/* One run, for one call of inference_run. */
status inference_run_create(struct inference_model *model, struct inference_run **out_run,
                            struct error *err);

/* Runs the model: `inputs` has a tensor for each of its inputs in their order, whose bytes are not
 * copied. Of the outputs those with the indexes `wanted` are computed; their tensors point into the
 * run. INVALID: an input does not fit, or the model failed on it; FULL: it needed more memory;
 * TIMEOUT: it was stopped. */
status inference_run(struct inference_run *run, const struct tensor *inputs, const uint32_t *wanted,
                     uint32_t wanted_count, struct tensor *out_outputs, struct error *err);

/* Ends the run before its next operator, one of TensorFlow Lite when it has ended by itself; from
 * any thread, also before it begins. */
void inference_stop(struct inference_run *run);

void inference_run_destroy(struct inference_run *run); /* NULL is fine */
