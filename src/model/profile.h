/*
 * profile: what several variants of a model cost on this machine, measured side by side.
 *
 * Each runs in a process of its own. They take turns, A B C A B C, so that a machine that is busy
 * for a while, or grows warm, is it for all; what is compared is the times of one round. One
 * process can be slower by a third than the next of the same model, as long as it lives: each is
 * opened several times, and each opening has its share of the rounds. They go on until each median
 * is known well enough, or the time is over. A variant that cannot be opened, crashes, hangs or
 * wants too much memory is unusable, with the reason, and stops nothing else.
 *
 * How far answers are from those of the reference is measured elsewhere: the drift of a row's cost
 * is NAN until the caller fills it in. Which variant to take is model/choice's.
 *
 * Blocking, up to minutes: programs and workers. Thread: one at a time. All processes of the
 * variants live at once.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/cost.h"
#include "model/interval.h"
#include "model/profile_inputs.h"
#include "platform/inference.h"

enum {
    PROFILE_VARIANTS_MAX = 16,
    PROFILE_ROUNDS_LEAST = 3,
    PROFILE_ROUNDS_MAX = 400,
    PROFILE_OPENINGS_MAX = 9,
    PROFILE_VISIT_RUNS_MAX = 100 /* that count, of a variant in a round */
};

struct profile_variant {
    const char *path;
    struct inference_options options;
};

struct profile_options {
    int64_t time_ms;   /* to measure in, for each variant; PROFILE_ROUNDS_LEAST come first */
    double width;      /* of an interval that is good enough, as a share of its middle */
    uint32_t openings; /* each in a process of its own, with a share of the time and the rounds */
    uint32_t visit_ms; /* of one variant in one round; at least one run */
    uint32_t open_ms_max;
    uint32_t run_ms_max; /* of a visit: a variant that takes longer hangs */
    uint64_t seed;
    const struct profile_input *inputs; /* what is said of inputs by name; not owned */
    uint32_t input_count;
    const struct profile_samples *samples; /* NULL: numbers by chance */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it: INTERRUPTED. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

/* What is known of one variant. */
struct profile_row {
    struct cost cost;
    struct error why; /* it is unusable; code OK: it is not */
    double load_cpu_ms;
    struct interval latency_ms; /* of a run's median */
    struct interval ratio;      /* of its wall time to the reference's, round by round */
    struct interval cpu_ratio;
    bool is_precise; /* the intervals of the wall time are as narrow as was wanted */
    uint8_t provider;
    uint32_t rounds;
    struct interval_groups openings; /* how many of them each has */
    uint32_t runs;                   /* that count */
    double *wall_ms;                 /* owned: a run's median in each round */
    double *cpu_ms;                  /* owned */
};

/* What is used when nobody says otherwise; a variant's is one thread on the processor. */
void profile_options_init(struct profile_options *options);
struct inference_options profile_inference_options(void);

/* Measures; the first variant is the reference. A row for each variant comes back, also where it is
 * unusable; profile_rows_done gives them back, also after a failure. Fails only for what is wrong
 * for all of them: NOT_FOUND, no ebb-measure or no ONNX Runtime; INVALID, no variant has an input
 * of a name that something is said of; NO_MEMORY. */
status profile_measure(const struct profile_variant *variants, uint32_t count,
                       const struct profile_options *options, struct profile_row *out_rows,
                       struct error *err);
void profile_rows_done(struct profile_row *rows, uint32_t count);

bool profile_is_usable(const struct profile_row *row);

/* How many times `others` the times of the same rounds of some openings are. */
struct interval profile_compare(const double *times, const double *others,
                                const struct interval_groups *openings, uint64_t seed);
