// SPDX-License-Identifier: Apache-2.0
#include "model/activation.h"

#include <math.h>

#include "model/known.h"
#include "model/scalar_step.h"

enum { STEPS_MAX = 4 /* scalar operators one after another */ };

/* Of the numbers that a file has in float32: six times its sixth is one but for this. */
static const double ROUNDING = 4e-7;

/* scale * clip(slope * x + offset, 0, top) */
struct gate {
    struct graph_value *x;
    double scale, slope, offset, top;
};

/* --- operators with one number --- */

/* Up through what only scales and is used by nothing else; returns by how much. */
static double strip_scale(struct graph_value **value, bool is_first_free) {
    double all = 1;
    for (int i = 0; i < STEPS_MAX; i++) {
        struct scalar_step step;
        const bool is_alone = (i == 0 && is_first_free) || graph_only_user(*value) != NULL;
        if (!is_alone || !scalar_step_read(*value, &step) || step.shift != 0) {
            break;
        }
        all *= step.scale;
        *value = step.from;
    }
    return all;
}

/* --- clips --- */

static bool bound_of(const struct graph_node *node, uint32_t index, const char *name,
                     float *out_bound) {
    if (graph_opset(node->graph->model) >= 11) {
        return graph_scalar(graph_constant(graph_input(node, index)), out_bound);
    }
    const struct graph_attribute *bound = graph_attribute(node, name);
    if (bound == NULL || bound->kind != GRAPH_FLOAT) {
        return false;
    }
    *out_bound = bound->number;
    return true;
}

/* A Min or Max with one number. */
static bool read_bound(const struct graph_value *value, const char *op, double *out_bound,
                       struct graph_value **out_from) {
    const struct graph_node *node = value->producer;
    if (node == NULL || !graph_node_is(node, op)) {
        return false;
    }
    const uint32_t index = graph_constant(graph_input(node, 1)) != NULL ? 1 : 0;
    *out_from = graph_input(node, 1 - index);
    return scalar_step_number(node, index, out_bound);
}

/* value = the lower bound of zero; through Max, or Relu. */
static bool read_floor(const struct graph_value *value, struct graph_value **out_from) {
    double bound;
    if (value->producer != NULL && graph_node_is(value->producer, "Relu")) {
        *out_from = graph_input(value->producer, 0);
        return *out_from != NULL;
    }
    return read_bound(value, "Max", &bound, out_from) && bound == 0;
}

/* value = clip(*out_from, 0, top) */
static bool read_clip(const struct graph_value *value, double *out_top,
                      struct graph_value **out_from) {
    const struct graph_node *node = value->producer;
    struct graph_value *between = NULL;
    float bottom;
    float top;
    if (node != NULL && graph_node_is(node, "Clip") && bound_of(node, 1, "min", &bottom) &&
        bound_of(node, 2, "max", &top) && bottom == 0) {
        *out_top = (double)top;
        *out_from = graph_input(node, 0);
        return *out_from != NULL;
    }
    if (read_bound(value, "Min", out_top, &between)) {
        return graph_only_user(between) != NULL && read_floor(between, out_from);
    }
    return read_floor(value, &between) && graph_only_user(between) != NULL &&
           read_bound(between, "Min", out_top, out_from);
}

/* --- gates --- */

/* Reads value = scale * clip(... of x). With x NULL it is what is found below the last operator
 * that adds; `value` itself may have other users, all between it and x may not. */
static bool read_gate(struct graph_value *value, struct graph_value *x, struct gate *out_gate) {
    struct gate gate = {.slope = 1};
    bool has_sum = false;
    const struct graph_value *top = value;
    gate.scale = strip_scale(&value, true);
    if ((value != top && graph_only_user(value) == NULL) || !read_clip(value, &gate.top, &gate.x) ||
        !(gate.top > 0) || !isfinite(gate.top)) {
        return false;
    }
    for (int i = 0; i < STEPS_MAX && gate.x != x; i++) {
        struct scalar_step step;
        if (graph_only_user(gate.x) == NULL || !scalar_step_read(gate.x, &step) ||
            (x == NULL && has_sum && step.shift != 0)) {
            break;
        }
        gate.offset += gate.slope * step.shift;
        gate.slope *= step.scale;
        gate.x = step.from;
        has_sum = has_sum || step.shift != 0;
    }
    *out_gate = gate;
    return has_sum && (x == NULL || gate.x == x);
}

static bool is_one(double number) {
    return fabs(number - 1) <= ROUNDING;
}

/* HardSigmoid of the gate before `place`; NULL: no memory. */
static struct graph_value *add_sigmoid(const struct gate *gate, struct graph_node *place) {
    struct graph_value *x = gate->x;
    struct graph_node *node =
        graph_add_node(place->graph, place, "HardSigmoid", &x, 1, 1, place->outputs[0]->name);
    const float slope = (float)(gate->slope / gate->top);
    const float offset = (float)(gate->offset / gate->top);
    return node != NULL && graph_set_number(node, "alpha", slope) == STATUS_OK &&
                   graph_set_number(node, "beta", offset) == STATUS_OK
               ? node->outputs[0]
               : NULL;
}

/* node = HardSigmoid(x)? */
static status rewrite_sigmoid(struct graph_node *node, uint32_t *changes) {
    struct gate gate;
    if (!read_gate(node->outputs[0], NULL, &gate) || !is_one(gate.scale * gate.top)) {
        return STATUS_OK;
    }
    struct graph_value *sigmoid = add_sigmoid(&gate, node);
    if (sigmoid == NULL) {
        return STATUS_NO_MEMORY;
    }
    ++*changes;
    return graph_replace(node->outputs[0], sigmoid);
}

/* The gate of a product of x, itself perhaps scaled, and a gate of x. */
static bool read_swish(const struct graph_node *product, double scale, struct gate *out_gate) {
    for (uint32_t i = 0; i < 2; i++) {
        struct graph_value *x = graph_input(product, i);
        struct graph_value *value = graph_input(product, 1 - i);
        if (x == NULL || value == NULL || graph_only_user(value) != product) {
            continue;
        }
        if (read_gate(value, x, out_gate) && is_one(scale * out_gate->scale * out_gate->top)) {
            return true;
        }
        const double more = strip_scale(&x, false);
        if (read_gate(value, x, out_gate) &&
            is_one(scale * more * out_gate->scale * out_gate->top)) {
            return true;
        }
    }
    return false;
}

/* node = x * HardSigmoid(x)? */
static status rewrite_swish(struct graph_node *node, uint32_t *changes) {
    struct graph_value *value = node->outputs[0];
    const double scale = strip_scale(&value, true);
    const struct graph_node *product = value->producer;
    struct gate gate;
    if (product == NULL || !graph_node_is(product, "Mul") || product->input_count != 2 ||
        (product != node && graph_only_user(value) == NULL) || !read_swish(product, scale, &gate)) {
        return STATUS_OK;
    }
    struct graph_value *inputs[] = {gate.x, add_sigmoid(&gate, node)};
    struct graph_node *swish = inputs[1] != NULL ? graph_add_node(node->graph, node, "Mul", inputs,
                                                                  2, 1, node->outputs[0]->name)
                                                 : NULL;
    if (swish == NULL) {
        return STATUS_NO_MEMORY;
    }
    ++*changes;
    return graph_replace(node->outputs[0], swish->outputs[0]);
}

/* --- sums --- */

/* The g of a product x * g that only `sum` takes; NULL: something else. */
static struct graph_value *read_factor(const struct graph_node *sum, const struct graph_value *x,
                                       const struct graph_value *product) {
    if (x == NULL || product == NULL || product->producer == NULL ||
        !graph_node_is(product->producer, "Mul") || graph_only_user(product) != sum) {
        return NULL;
    }
    struct graph_value *left = graph_input(product->producer, 0);
    struct graph_value *right = graph_input(product->producer, 1);
    return left == x ? right : right == x ? left : NULL;
}

/* x * (g + 1) before the sum; NULL: no memory. */
static struct graph_value *add_gated(struct graph_node *sum, struct graph_value *x,
                                     struct graph_value *g) {
    const struct slice name = sum->outputs[0]->name;
    const float one = 1;
    struct graph_value *terms[] = {g, graph_add_floats(sum->graph, name, &one, 1, true)};
    const struct graph_node *more =
        terms[1] != NULL ? graph_add_node(sum->graph, sum, "Add", terms, 2, 1, name) : NULL;
    if (more == NULL) {
        return NULL;
    }
    struct graph_value *factors[] = {x, more->outputs[0]};
    const struct graph_node *product = graph_add_node(sum->graph, sum, "Mul", factors, 2, 1, name);
    return product != NULL ? product->outputs[0] : NULL;
}

/* node = x + x * g? */
static status rewrite_sum(struct graph_node *node, uint32_t *changes) {
    for (uint32_t i = 0; i < 2; i++) {
        struct graph_value *x = graph_input(node, i);
        struct graph_value *g = read_factor(node, x, graph_input(node, 1 - i));
        if (g == NULL || known_element(x) != ELEMENT_FLOAT32) {
            continue;
        }
        struct graph_value *gated = add_gated(node, x, g);
        if (gated == NULL) {
            return STATUS_NO_MEMORY;
        }
        ++*changes;
        return graph_replace(node->outputs[0], gated);
    }
    return STATUS_OK;
}

/* --- matrices --- */

/* A constant that is added to every row. */
static struct graph_value *added_row(const struct graph_node *add, const struct graph_value *rows,
                                     int64_t columns) {
    const uint32_t index = graph_input(add, 0) == rows ? 1 : 0;
    struct graph_value *row = graph_input(add, index);
    const struct graph_tensor *constant = graph_constant(row);
    const bool is_row = constant != NULL && constant->type == ELEMENT_FLOAT32 &&
                        constant->rank >= 1 && constant->rank <= 2 &&
                        constant->dims[constant->rank - 1] == columns &&
                        graph_tensor_count(constant) == (uint64_t)columns;
    return is_row ? row : NULL;
}

/* A Gemm takes matrices alone: the rank of what comes in must be known. */
static status rewrite_product(struct graph_node *node, uint32_t *changes) {
    const struct graph_tensor *weights = graph_constant(graph_input(node, 1));
    struct graph_node *add = graph_only_user(node->outputs[0]);
    uint32_t rank;
    if (weights == NULL || weights->type != ELEMENT_FLOAT32 || weights->rank != 2 || add == NULL ||
        add->graph != node->graph || !graph_node_is(add, "Add") || add->input_count != 2 ||
        graph_output(add, 0) == NULL || graph_input(node, 0) == NULL ||
        !known_rank(graph_input(node, 0), &rank) || rank != 2) {
        return STATUS_OK;
    }
    struct graph_value *row = added_row(add, node->outputs[0], weights->dims[1]);
    if (row == NULL) {
        return STATUS_OK;
    }
    struct graph_value *inputs[] = {graph_input(node, 0), graph_input(node, 1), row};
    struct graph_node *gemm =
        graph_add_node(add->graph, add, "Gemm", inputs, 3, 1, add->outputs[0]->name);
    if (gemm == NULL) {
        return STATUS_NO_MEMORY;
    }
    ++*changes;
    return graph_replace(add->outputs[0], gemm->outputs[0]);
}

static status rewrite(struct graph_node *node, uint32_t *changes) {
    if (graph_output(node, 0) == NULL || node->outputs[0]->uses == NULL) {
        return STATUS_OK;
    }
    if (graph_node_is(node, "MatMul")) {
        return rewrite_product(node, changes);
    }
    if (graph_node_is(node, "Add")) {
        return rewrite_sum(node, changes);
    }
    const uint32_t before = *changes;
    TRY(rewrite_swish(node, changes));
    return *changes == before ? rewrite_sigmoid(node, changes) : STATUS_OK;
}

status activation_rewrite(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    struct graph_node *next;
    const bool is_old = graph_opset(model) < 7; /* constants were spread by an attribute */
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL && !is_old; node = next) {
        next = graph_walk(model, node);
        if (rewrite(node, &changes) != STATUS_OK) {
            return fail(err, STATUS_NO_MEMORY, "out of memory for a model's activations");
        }
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
