/*
 * quantize_correct: biases that take back what whole numbers change in the means of layers.
 *
 * The model is float32 still. Layer after layer, from the first to the last, it is quantised as it
 * will be, with the biases corrected so far; the layer's outputs over some samples are held against
 * those of the model as it was, and the difference of their means goes into the bias
 * (model/bias_correction). A layer without a bias, or whose outputs have no name of their own any
 * more, stays. Whether the model answers better then is for who measures.
 *
 * Blocking: as many runs of two models as there are layers, times samples. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/graph.h"
#include "model/quantize.h"
#include "model/samples.h"

enum { QUANTIZE_CORRECT_SAMPLES = 32 /* where nobody says otherwise */ };

struct quantize_correct_wish {
    const struct quantize_options *quantize; /* with the bounds */
    struct sample_source *samples;           /* not owned */
    uint32_t samples_max;                    /* 0: QUANTIZE_CORRECT_SAMPLES */
    int64_t memory_bytes;                    /* of a run */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

/* *out_changes counts layers with another bias. NOT_FOUND: there is no sample; INVALID: the model
 * does not load or run. */
status quantize_correct(struct graph_model *model, const struct quantize_correct_wish *wish,
                        uint32_t *out_changes, struct error *err);
