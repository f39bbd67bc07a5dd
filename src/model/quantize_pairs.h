/*
 * quantize_pairs: values that go through whole numbers: QuantizeLinear and DequantizeLinear behind
 * what makes them; part of quantize.
 *
 * A value has one pair, however many take it. Who takes the value and who takes what comes out of
 * the pair is up to the passes.
 *
 * Thread: one at a time for each model.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "model/graph.h"
#include "model/scale.h"

struct quantize_pair {
    struct graph_value *value;
    struct graph_node *quantizes; /* QuantizeLinear, which takes it */
    struct graph_value *whole;    /* behind DequantizeLinear */
    struct scale scale;           /* of the whole one */
    struct scale scale_in;        /* of the value: another where an operator behind it is gone */
};

struct quantize_pairs {
    struct graph_model *model;
    enum scale_kind kind;
    struct quantize_pair *items; /* in the model's arena */
    uint32_t count, room;
};

/* Room for each value of the main graph. */
status quantize_pairs_init(struct graph_model *model, enum scale_kind kind,
                           struct quantize_pairs *out_pairs, struct error *err);

/* The pair that this value went through, or that takes it; NULL: none. */
const struct quantize_pair *quantize_pair_whole(const struct quantize_pairs *pairs,
                                                const struct graph_value *whole);
struct quantize_pair *quantize_pair_of(const struct quantize_pairs *pairs,
                                       const struct graph_value *value);

/* A value in a graph with that scale: a DequantizeLinear of `numbers` before `place`. */
struct graph_value *quantize_pairs_read(const struct quantize_pairs *pairs,
                                        struct graph_node *place, struct graph_value *numbers,
                                        const struct scale *scale);

/* A whole number of the kind, as an initializer; NULL: no memory. */
struct graph_value *quantize_pairs_number(const struct quantize_pairs *pairs, struct slice base,
                                          int32_t number);

/* Behind what makes the value; whoever takes the value takes it still. */
status quantize_pairs_add(struct quantize_pairs *pairs, struct graph_value *value,
                          const struct scale *scale, struct quantize_pair **out_pair,
                          struct error *err);

/* Everybody but the pair takes what comes out of it. */
status quantize_pair_spread(const struct quantize_pair *pair, struct error *err);

/* The node takes it instead of the value at `index`, which has a pair or went through one. */
status quantize_pairs_take(const struct quantize_pairs *pairs, struct graph_node *node,
                           uint32_t index, struct error *err);
