/*
 * refit: layers that lost channels learn to answer as before with those that are left.
 *
 * For each layer that takes fewer channels than it did, the model as it was and the one that was
 * pruned are run on samples: what the layer is given in the pruned one, and what it answered in the
 * original, of the channels that it still has. Weights and biases are then those that come nearest
 * (model/least_squares). Layers go from the first to the last, so that each makes up for what those
 * before it could not. No labels, no slopes, no framework: one pass over the samples a layer.
 *
 * Every fourth sample is held back from that: a layer keeps its new weights only if those answer
 * these samples better than the old ones do. Whether the model as a whole is good enough is for
 * whoever measures it.
 *
 * Memory: a layer's equations (up to 340 MB at 4,608 inputs) and one sample's values.
 * Blocking, seconds to minutes. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"
#include "model/channel_prune.h"
#include "model/graph.h"
#include "model/samples.h"

enum {
    REFIT_HOLD_BACK = 4,         /* one of so many samples */
    REFIT_EXAMPLES_LEAST = 4096, /* of a layer, where the samples have as many */
    REFIT_EXAMPLES_EACH = 8      /* and as many for each of its inputs */
};

#define REFIT_RIDGE 1e-4 /* suits most layers */

struct refit_options {
    double ridge;         /* how much examples must say of an input; 0: REFIT_RIDGE */
    uint32_t examples;    /* of a layer, from all samples; 0: as above */
    uint32_t samples_max; /* 0: all */
    int64_t memory_bytes; /* of a run of the model */
    uint64_t seed;        /* chooses positions of pictures */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

/* What became of one layer. */
struct refit_layer {
    struct slice output; /* what it gives: its name */
    uint32_t inputs, outputs;
    uint64_t examples;
    /* Of what varies in the wanted answers to samples that were held back, the share that is
     * missing with the pruned weights, and with the new ones. */
    double before, after;
    bool is_refitted;
    const char *why_not; /* NULL where it is */
};

struct refit_report {
    struct arena arena;
    struct refit_layer *layers; /* in the order of the nodes */
    uint32_t count, refitted;
    uint32_t samples;
};

/* `original` is the file of the model before channel_prune_model made `cuts` in it. INVALID: it
 * does not load or run; NOT_FOUND: there are no samples; INTERRUPTED: progress ended it. After a
 * failure the layers done so far have new weights, and *out_report is to be done with as well. */
status refit_model(struct graph_model *model, struct slice original,
                   const struct channel_cuts *cuts, struct sample_source *samples,
                   const struct refit_options *options, struct refit_report *out_report,
                   struct error *err);

/* How many examples of a layer with that many inputs each of `samples` samples gives. */
size_t refit_examples(const struct refit_options *options, uint32_t inputs, uint32_t samples);

void refit_report_done(struct refit_report *report); /* one of zeroes is fine */
