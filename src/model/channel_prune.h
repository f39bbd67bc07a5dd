/*
 * channel_prune: whole channels are taken out of a model, which makes it smaller and faster.
 *
 * Of every group that model/channel_groups finds, the channels that matter least go: rows of the
 * weights that make them, columns of all weights that take them, and what follows them between.
 * Weights that several nodes share are each node's own afterwards where it cuts them. How much that
 * hurts, and what can be mended, is model/refit's; whether the result is worth it is for whoever
 * measures.
 *
 * Pure but for memory. Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/channel_groups.h"
#include "model/graph.h"

enum { CHANNEL_MULTIPLE_MAX = 256 };

/* What says how much a channel matters. Each layer counts the same, however large its weights. */
enum channel_score {
    CHANNEL_SCORE_WEIGHTS, /* the absolute sum of the weights that make it */
    CHANNEL_SCORE_SCALE,   /* of the scales of BatchNormalization; where it has none, of weights */
    CHANNEL_SCORE_FLOW,    /* of the weights that make it, times of those that take it */
    CHANNEL_SCORE_WORTH    /* what the caller says: model/channel_worth finds it on samples */
};

struct channel_prune_options {
    double share; /* of each group, that goes: from 0 up to but not including 1 */
    enum channel_score score;
    const double *worth; /* of each unit of model/channel_groups, the more the better; not owned */
    uint32_t worth_count;
    uint32_t multiple; /* as many stay of a group as this goes into, or all where it is smaller:
                          8 suits most processors, 16 those with wide vectors */
};

/* A layer some of whose weights are gone. It has the name of what it gives, in the model as it was
 * as well as in the one that it became. */
struct channel_cut {
    struct slice output;
    const uint32_t *rows; /* of what it gave, those that it still gives; NULL: all */
    uint32_t row_count;
    bool takes_fewer; /* columns are gone */
};

struct channel_cuts {
    struct arena arena;
    struct channel_cut *items; /* in the order of the nodes */
    uint32_t count;
    uint32_t channels; /* units of tied channels that the model had */
    uint32_t free;     /* those of them that could go */
    uint32_t gone;
};

/* How much each unit of the groups matters by weights alone; `groups` gives room. */
status channel_prune_scores(struct channel_groups *groups, enum channel_score score,
                            double *out_scores, struct error *err);

/* How many of a group of `count` would go. */
uint32_t channel_prune_count(const struct channel_prune_options *options, uint32_t count);

/* *out_changes counts the channels that are gone. After a failure the model is of no use, and
 * *out_cuts is to be done with as well. */
status channel_prune_model(struct graph_model *model, const struct channel_prune_options *options,
                           struct channel_cuts *out_cuts, uint32_t *out_changes, struct error *err);

void channel_cuts_done(struct channel_cuts *cuts); /* one of zeroes is fine */
