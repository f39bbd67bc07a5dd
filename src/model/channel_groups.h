/*
 * channel_groups: which channels between the layers of a model may go, and what goes with them.
 *
 * A channel is born as a row of the weights of a Conv, ConvTranspose, Gemm or MatMul. From there it
 * is followed, channel by channel, through everything that is understood: what adds two of them
 * ties them to each other, Concat puts them side by side, Flatten spreads one over several columns.
 * Channels that are tied are a unit: they stay or go together. A unit that reaches what is not
 * understood (another operator, a body, an output, weights that no constant holds) must stay. So a
 * unit that may go is known in every place where it counts.
 *
 * Groups are units that the same layers make; a group is what a share is taken of. Choosing and
 * cutting is model/channel_prune.
 *
 * Pure but for memory; node marks are used. Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/graph.h"

enum {
    CHANNEL_COUNT_MAX = 1 << 20,       /* of one value: those of a larger one must stay */
    CHANNEL_TOTAL_MAX = 1 << 24,       /* of a model */
    CHANNEL_MEMORY_BYTES_MAX = 1 << 28 /* for all that is known of them */
};

static const uint32_t CHANNEL_GROUP_NONE = UINT32_MAX;

enum channel_role {
    CHANNEL_MADE,   /* rows of weights */
    CHANNEL_FOLLOW, /* biases, scales, what is added: a number or more for each channel */
    CHANNEL_FILTER, /* filters of a depthwise Conv, one or more for each channel */
    CHANNEL_TAKEN,  /* columns of weights */
    CHANNEL_SHAPE   /* a Reshape's target that names the count: it becomes {0, -1} */
};

/* An axis of a constant that a node takes: its positions are those of `units`, each `repeat` times
 * in a row. Places of the same node and input stand one after another. */
struct channel_place {
    struct graph_node *node;
    uint32_t input;
    uint32_t axis;
    enum channel_role role;
    uint32_t count, repeat;
    const uint32_t *units;
};

struct channel_group {
    const struct graph_node *maker; /* the first */
    uint32_t count;                 /* of units */
};

struct channel_groups {
    struct arena arena;
    const struct channel_place *places;
    uint32_t place_count;
    uint32_t unit_count;
    const uint32_t *group_of;                /* of each unit; CHANNEL_GROUP_NONE: it must stay */
    const struct graph_node *const *kept_by; /* of each unit that must stay: why */
    const struct channel_group *groups;
    uint32_t group_count;
};

/* FULL: the model has more channels than the bounds allow. What was found says nothing any more
 * once the model changes. It is to be done with also after a failure. */
status channel_groups_find(struct graph_model *model, struct channel_groups *out_groups,
                           struct error *err);

void channel_groups_done(struct channel_groups *groups); /* one of zeroes is fine */
