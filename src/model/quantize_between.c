// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_between.h"

#include <math.h>

#include "model/quantize_layer.h"
#include "model/scalar_step.h"

/* Steps that grow more cost more than an operator does. */
static const double GROWTH_MOST = 1.05;

/* Of a step: more than rounding it to float leaves over. */
static const double WHOLE_ENOUGH = 1e-3;

enum { GATE_SUMS_MAX = 4, MOVERS_MAX = 8 };

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for quantising a model");
}

/* --- a value and a number --- */

void quantize_between_fit(const struct graph_value *value, enum scale_kind kind, float low,
                          struct scale *scale) {
    struct scalar_step step;
    if (kind != SCALE_UINT8 || !scalar_step_read(value, &step)) {
        return;
    }
    const double size = fabs(step.shift);
    const double count = floor(size / (double)scale->step);
    if (count >= 1 && size / count <= GROWTH_MOST * (double)scale->step) {
        scale->step = (float)(size / count);
        scale->zero_point = scale_zero_point(kind, (double)scale->step, low < 0 ? low : 0);
    }
}

/* The scale in which what goes into the operator has the numbers that `after` gives to what comes
 * out; false: there is none. */
static bool scale_before(enum scale_kind kind, const struct scalar_step *step,
                         const struct scale *after, struct scale *out_before) {
    const double size = (double)after->step / step->scale;
    const double count = step->shift / (double)after->step;
    const double zero_point = after->zero_point + rint(count);
    *out_before = (struct scale){.step = (float)size};
    if (!(step->scale > 0) || !isnormal(out_before->step) ||
        fabs(count - rint(count)) > WHOLE_ENOUGH || zero_point < scale_least(kind) ||
        zero_point > scale_most(kind) || (kind == SCALE_INT8 && zero_point != 0)) {
        return false;
    }
    out_before->zero_point = (int32_t)zero_point;
    return true;
}

/* What goes into the operator is quantised, with that scale, instead of what comes out. */
static status quantise_before(struct quantize_pairs *pairs, struct quantize_pair *pair,
                              struct graph_value *value, const struct scale *scale,
                              struct error *err) {
    struct graph *graph = &pairs->model->main;
    struct graph_value *step = graph_add_floats(graph, value->name, &scale->step, 1, true);
    struct graph_value *zero = quantize_pairs_number(pairs, value->name, scale->zero_point);
    const bool is_done = step != NULL && zero != NULL &&
                         graph_set_input(pair->quantizes, 0, value) == STATUS_OK &&
                         graph_set_input(pair->quantizes, 1, step) == STATUS_OK &&
                         graph_set_input(pair->quantizes, 2, zero) == STATUS_OK;
    pair->value = value;
    pair->scale_in = *scale;
    return is_done ? STATUS_OK : no_memory(err);
}

static status drop_step(struct quantize_pairs *pairs, struct graph_node *node, uint32_t *count,
                        struct error *err) {
    struct graph_value *output = node->outputs[0];
    struct quantize_pair *pair = quantize_pair_of(pairs, output);
    struct scalar_step step;
    struct scale before;
    if (pair == NULL || !scalar_step_read(output, &step) || graph_only_user(step.from) != node ||
        quantize_pair_whole(pairs, step.from) != NULL ||
        !scale_before(pairs->kind, &step, &pair->scale_in, &before)) {
        return STATUS_OK;
    }
    TRY(quantize_pair_spread(pair, err));
    TRY(quantise_before(pairs, pair, step.from, &before, err));
    graph_remove_node(node);
    ++*count;
    return STATUS_OK;
}

/* --- gates --- */

/* The range of what needs no measuring. */
static bool gate_range(const struct graph_value *value, double *out_low, double *out_high) {
    double shift = 0;
    struct scalar_step step;
    for (int i = 0; i < GATE_SUMS_MAX && scalar_step_read(value, &step) && step.scale == 1; i++) {
        shift += step.shift;
        value = step.from;
    }
    *out_low = shift;
    *out_high = 1 + shift;
    return value->producer != NULL && graph_node_is_any(value->producer, "Sigmoid HardSigmoid");
}

static bool gate_scale(const struct quantize_pairs *pairs, const struct graph_value *value,
                       struct scale *out_scale) {
    double low;
    double high;
    return gate_range(value, &low, &high) &&
           scale_choose(pairs->kind, (float)low, (float)high, out_scale);
}

/* Whether the numbers of the kind end at 0 and at 1. */
static bool ends_at_unit(enum scale_kind kind, const struct scale *scale) {
    const double top = (double)scale_value(scale, scale_most(kind));
    return scale_value(scale, scale_least(kind)) == 0 &&
           fabs(top - 1) < WHOLE_ENOUGH * (double)scale->step;
}

/* slope * x + offset before the node, in whole numbers; NULL: no memory. */
static struct graph_node *add_line(const struct quantize_pairs *pairs, struct graph_node *node,
                                   const struct quantize_pair *x, float slope, float offset) {
    const int32_t most = scale_most(pairs->kind);
    const struct slice name = node->outputs[0]->name;
    const struct scale scales[] = {{slope * x->scale.step, x->scale.zero_point},
                                   {offset / (float)most, 0}};
    struct graph_value *number = quantize_pairs_number(pairs, name, most);
    if (number == NULL) {
        return NULL;
    }
    struct graph_value *terms[] = {
        quantize_pairs_read(pairs, node, graph_input(x->whole->producer, 0), &scales[0]),
        quantize_pairs_read(pairs, node, number, &scales[1])};
    return terms[0] != NULL && terms[1] != NULL
               ? graph_add_node(node->graph, node, "Add", terms, 2, 1, name)
               : NULL;
}

/* A HardSigmoid is a line between 0 and 1, where the numbers end by themselves. */
static status rewrite_gate(struct quantize_pairs *pairs, struct graph_node *node, uint32_t *count,
                           struct error *err) {
    struct quantize_pair *pair = quantize_pair_of(pairs, node->outputs[0]);
    const struct quantize_pair *x = quantize_pair_whole(pairs, graph_input(node, 0));
    const float slope = graph_number(node, "alpha", 0.2F);
    const float offset = graph_number(node, "beta", 0.5F);
    if (pair == NULL || x == NULL || !(slope > 0) || !(offset > 0) ||
        !isnormal(slope * x->scale.step) || !isnormal(offset / 255) ||
        !ends_at_unit(pairs->kind, &pair->scale_in)) {
        return STATUS_OK;
    }
    const struct graph_node *line = add_line(pairs, node, x, slope, offset);
    if (line == NULL || graph_replace(node->outputs[0], line->outputs[0]) != STATUS_OK) {
        return no_memory(err);
    }
    pair->value = line->outputs[0];
    graph_remove_node(node);
    ++*count;
    return STATUS_OK;
}

/* --- two values --- */

static bool may_be_whole(const struct quantize_pairs *pairs, const struct graph_value *value) {
    struct scale scale;
    return value != NULL &&
           (quantize_pair_whole(pairs, value) != NULL || quantize_pair_of(pairs, value) != NULL ||
            gate_scale(pairs, value, &scale));
}

/* The value at `index`, which may be whole, is. */
static status take_whole(struct quantize_pairs *pairs, struct graph_node *node, uint32_t index,
                         struct error *err) {
    struct graph_value *value = graph_input(node, index);
    struct quantize_pair *pair;
    struct scale scale;
    if (quantize_pair_whole(pairs, value) != NULL) {
        return STATUS_OK;
    }
    if (quantize_pair_of(pairs, value) == NULL && gate_scale(pairs, value, &scale)) {
        TRY(quantize_pairs_add(pairs, value, &scale, &pair, err));
    }
    return quantize_pairs_take(pairs, node, index, err);
}

static status join_two(struct quantize_pairs *pairs, struct graph_node *node, uint32_t *count,
                       struct error *err) {
    const struct quantize_pair *pair = quantize_pair_of(pairs, node->outputs[0]);
    if (pair == NULL || node->input_count != 2 || !may_be_whole(pairs, graph_input(node, 0)) ||
        !may_be_whole(pairs, graph_input(node, 1))) {
        return STATUS_OK;
    }
    TRY(take_whole(pairs, node, 0, err));
    TRY(take_whole(pairs, node, 1, err));
    ++*count;
    return quantize_pair_spread(pair, err);
}

/* --- many values --- */

/* What the node takes at `index` has a scale: its own, or else that one. Through what only moves
 * numbers it is the scale of what goes in. */
static status lead_scale(struct quantize_pairs *pairs, struct graph_node *node, uint32_t index,
                         struct scale scale, uint32_t depth, struct error *err) {
    struct graph_value *value = graph_input(node, index);
    struct graph_node *mover = value->producer;
    struct quantize_pair *pair;
    if (may_be_whole(pairs, value)) {
        return take_whole(pairs, node, index, err);
    }
    if (mover != NULL && quantize_is_mover(mover) && graph_only_user(value) == node &&
        depth < MOVERS_MAX && graph_constant(graph_input(mover, 0)) == NULL) {
        TRY(lead_scale(pairs, mover, 0, scale, depth + 1, err));
        scale = quantize_pair_whole(pairs, graph_input(mover, 0))->scale;
    }
    TRY(quantize_pairs_add(pairs, value, &scale, &pair, err));
    return quantize_pairs_take(pairs, node, index, err);
}

static status join_many(struct quantize_pairs *pairs, struct graph_node *node, uint32_t *count,
                        struct error *err) {
    const struct quantize_pair *pair = quantize_pair_of(pairs, node->outputs[0]);
    bool may = pair != NULL;
    for (uint32_t i = 0; may && i < node->input_count; i++) {
        may = graph_input(node, i) != NULL && graph_constant(graph_input(node, i)) == NULL;
    }
    if (!may) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        TRY(lead_scale(pairs, node, i, pair->scale_in, 0, err));
    }
    ++*count;
    return quantize_pair_spread(pair, err);
}

/* --- all of them --- */

static status join(struct quantize_pairs *pairs, struct graph_node *node, uint32_t *count,
                   struct error *err) {
    if (graph_output(node, 0) == NULL || graph_is_output(node->outputs[0])) {
        return STATUS_OK;
    }
    if (graph_node_is(node, "HardSigmoid")) {
        return rewrite_gate(pairs, node, count, err);
    }
    if (graph_node_is(node, "Concat")) {
        return join_many(pairs, node, count, err);
    }
    const uint32_t before = *count;
    TRY(drop_step(pairs, node, count, err));
    return *count == before && graph_node_is_any(node, "Add Mul")
               ? join_two(pairs, node, count, err)
               : STATUS_OK;
}

/* From behind, since what a node takes has a scale only when somebody asks for it. */
status quantize_between(struct quantize_pairs *pairs, uint32_t *out_count, struct error *err) {
    uint32_t count = 0;
    struct graph_node *before;
    for (struct graph_node *node = pairs->model->main.last; node != NULL; node = before) {
        before = node->before;
        TRY(join(pairs, node, &count, err));
    }
    *out_count = count;
    return STATUS_OK;
}
