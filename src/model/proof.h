/*
 * proof: how far models are from the one that they were made of, on the same samples.
 *
 * The reference runs once and its outputs are kept as floats; then any number of changed models are
 * held against them, one in memory at a time. Inputs and outputs go together by name: a changed
 * model may have fewer inputs (one was bound), and must have every output.
 *
 * Not here: how fast a model is (model/profile), and what a task makes of its outputs.
 *
 * Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "model/cost.h"
#include "model/drift.h"
#include "model/samples.h"
#include "platform/hash.h"

/* What lossless means: no more than float noise. */
#define PROOF_LOSSLESS_DB 100.0

/* Samples beyond what this holds of outputs are left out. */
enum { PROOF_KEPT_BYTES_MAX = 64 << 20 };

struct proof_reference;

struct proof_options {
    const char *folder;   /* of external data; NULL: there is none */
    uint32_t samples_max; /* 0: all that fit */
    int64_t memory_bytes; /* of a model */
    float mask_above;     /* of the overlap of masks */
};

struct proof {
    struct drift drift;   /* of all outputs together */
    double worst_sqnr_db; /* of the output that differs most */
};

/* Runs the reference on the samples, which must outlive it. INVALID: it does not load or run;
 * NOT_FOUND: there is no sample. */
status proof_reference_open(struct slice reference, struct sample_source *samples,
                            const struct proof_options *options,
                            struct proof_reference **out_reference, struct error *err);
void proof_reference_close(struct proof_reference *reference); /* NULL is fine */

/* How many samples it holds. */
uint32_t proof_sample_count(const struct proof_reference *reference);

/* One output of one sample as both models gave it; stays until `see` returns. */
struct proof_pair {
    const struct sample *sample;
    const char *output;
    const float *reference, *changed;
    size_t count, row; /* numbers, and those of a row: the last dimension */
    bool is_last;      /* output of the sample */
};

/* Who looks on while models are held against each other. */
struct proof_watch {
    uint32_t samples_max;                                    /* the first ones alone; 0: all */
    void (*see)(void *owner, const struct proof_pair *pair); /* NULL: nobody looks */
    void *owner;
};

/* Of all that the reference gave: another model or other samples have another one. */
struct digest proof_digest(const struct proof_reference *reference);

/* INVALID: the model does not load or run, or a port is missing. */
status proof_run(struct proof_reference *reference, struct slice changed, struct proof *out_proof,
                 struct error *err);

/* The same, and `watch` sees each output of each sample. */
status proof_run_watched(struct proof_reference *reference, struct slice changed,
                         const struct proof_watch *watch, struct proof *out_proof,
                         struct error *err);

/* The words of a budget for drift, all but the metric. */
void proof_costs(const struct proof *proof, struct cost *cost);

/* Whether the two are the same but for float noise: bit for bit, or PROOF_LOSSLESS_DB apart. */
bool proof_is_lossless(const struct proof *proof);
