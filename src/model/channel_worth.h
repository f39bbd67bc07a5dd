/*
 * channel_worth: how much each channel is worth, by what the layers that take it would miss.
 *
 * Samples go through the model. Of each group of channels (model/channel_groups) those go in
 * thought, one after another, without which the layers that take them can answer most nearly as
 * before once their weights have been refitted (model/elimination); the earlier a channel goes, the
 * less it is worth. So of two channels that say the same one goes, however large its weights are.
 * Groups that are taken by no layer of the kind go by their weights, as CHANNEL_SCORE_FLOW has it.
 *
 * What is found is for channel_prune_model (CHANNEL_SCORE_WORTH), of the same model, unchanged.
 *
 * Memory: at most `equations_bytes` for the layers of a group, and one sample's values. Blocking,
 * seconds to minutes. Thread: one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "model/channel_prune.h"
#include "model/graph.h"
#include "model/samples.h"

#define CHANNEL_WORTH_EQUATIONS_BYTES ((int64_t)1 << 27)

struct channel_worth_options {
    double share;            /* no more of a group will go: the others are not told apart as well */
    uint32_t examples;       /* of a layer, from all samples; 0: as refit has it */
    uint32_t samples_max;    /* 0: all */
    int64_t memory_bytes;    /* of a run of the model */
    int64_t equations_bytes; /* layers beyond it have no say; 0: CHANNEL_WORTH_EQUATIONS_BYTES */
    uint64_t seed;           /* chooses positions of pictures */
    /* NULL, or told now and then how far the work is, from 0 to 1; false ends it. */
    bool (*progress)(void *owner, double share);
    void *owner;
};

struct channel_worth {
    double *of_units; /* owned: of each unit of channel_groups */
    uint32_t count;
    uint32_t groups, judged; /* groups of channels that may go; those that samples judged */
};

/* INVALID: the model does not load or run; NOT_FOUND: there are no samples; INTERRUPTED: progress
 * ended it. *out_worth is to be done with also after a failure. */
status channel_worth_find(struct graph_model *model, struct sample_source *samples,
                          const struct channel_worth_options *options,
                          struct channel_worth *out_worth, struct error *err);

void channel_worth_done(struct channel_worth *worth); /* one of zeroes is fine */
