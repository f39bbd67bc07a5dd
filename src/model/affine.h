/*
 * affine: operators that only multiply each channel and add to it, read as these numbers.
 *
 * Mul, Div, Add and Sub with a constant, and BatchNormalization as it is when it does not train.
 * What a constant of some shape does to a tensor of some rank is easily got wrong, so what does not
 * surely stay within its channel, and leave the tensor's shape as it is, is none of these.
 *
 * Thread: any; pure but for the numbers that it fills.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/graph.h"

/* Where the channels of a tensor lie. */
struct affine_place {
    uint32_t rank;             /* of the tensor; when it is not exact, at least */
    bool is_exact;             /* the rank is known */
    uint32_t axis_from_behind; /* 0: the channels are the last axis */
    uint32_t channels;
};

/* For each channel: output = scale * input + shift. */
struct affine {
    double *scale, *shift; /* `channels` of each */
};

/* What `node` does with its input `from`, which lies as `place` says. false: something else. The
 * rank and the channels of `from` must be what `place` says; where `is_before`, they are what its
 * output has, and `from` may be smaller: then what is not known to be the same is false. */
bool affine_read(const struct graph_node *node, const struct graph_value *from,
                 const struct affine_place *place, bool is_before, const struct affine *out);

/* The value that such a node would be applied to: its one input that is not constant; or NULL. */
struct graph_value *affine_from(const struct graph_node *node);

/* Numbers that a float32 may be multiplied with and stay what it is: none that make it vanish or
 * overflow. Zero is one. */
bool affine_is_sound(const double *scale, uint32_t count);
