/*
 * quantize_search: which layers of a model to quantise, found by trying.
 *
 * A few layers do most of the damage and cost almost nothing to leave in float32; which they are
 * shows when each is quantised alone. Then models are built that leave out the worst none, two,
 * four, ... of them, until they cost far more than the best; each is held against the original and
 * timed, since leaving out more may be slower (values go from whole numbers to floats and back) and
 * even less true. Of those that cost the same but for noise the nearest is the best, as long as
 * nearly all weights are small. From the best one on, single layers change sides as long as that
 * helps. A layer that cannot be quantised alone (what comes of it does not load or run) stays in
 * float32, and the search goes on.
 *
 * Not here: how a model is timed and what is good enough (both are given).
 *
 * Thread: one at a time. Takes minutes for large models; `progress` may end it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "model/proof.h"
#include "model/quantize.h"

enum { QUANTIZE_TRIES_MAX = 48 };

struct search_journal;

struct quantize_search_options {
    const struct quantize_options *quantize; /* but for `takes`, which is the search's own */
    const char *folder;                      /* of external data; NULL: there is none */
    bool (*is_good)(void *owner, const struct proof *proof);
    /* What a run takes beside one of the model that it is made of. */
    status (*cost)(void *owner, struct slice model, double *out_ratio, struct error *err);
    double cost_noise; /* a share: costs that are this near are the same */
    /* NULL, or told how far the work is, from 0 to 1; false ends it with the best so far. */
    bool (*progress)(void *owner, double share);
    void *owner;
    struct search_journal *journal; /* not owned: what is known already, and goes on; NULL: none */
    uint32_t changes_max;           /* layers that change sides one by one; 0: none */
};

struct quantize_search_layer {
    struct slice name, op;
    uint64_t weight_count;
    double sqnr_db;   /* of the outputs when it alone is quantised; NAN: the search ended before */
    struct slice why; /* it cannot be quantised, as a sentence; empty: it can */
    bool stays;       /* float32, in the best */
};

struct quantize_try {
    uint32_t staying;       /* layers */
    double weights_staying; /* of all layers' weights: a share */
    struct proof proof;
    double cost; /* NAN where it was not good enough to be timed */
    bool is_good;
};

struct quantize_found {
    struct arena arena;
    struct quantize_search_layer *layers; /* as they come in the model */
    uint32_t layer_count;
    struct quantize_try tries[QUANTIZE_TRIES_MAX];
    uint32_t try_count;
    uint32_t best;                 /* index of a try; QUANTIZE_TRIES_MAX: none was good enough */
    struct quantize_report report; /* of the best */
    struct buffer model;           /* the best as a file; empty where there is none */
};

/* `model` is of an opset with scales per channel; `reference` is what it is held against. */
status quantize_search(struct slice model, struct proof_reference *reference,
                       const struct quantize_search_options *options,
                       struct quantize_found *out_found, struct error *err);
void quantize_found_done(struct quantize_found *found);
