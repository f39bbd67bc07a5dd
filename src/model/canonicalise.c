// SPDX-License-Identifier: Apache-2.0
#include "model/canonicalise.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "model/known.h"

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

/* --- Constant nodes --- */

static struct graph_tensor *copy_numbers(struct graph_model *model, enum element_type type,
                                         const void *numbers, const int64_t *count) {
    void *bytes = NULL;
    struct graph_tensor *tensor =
        graph_tensor_new(model, type, count, count != NULL ? 1 : 0, &bytes);
    if (tensor != NULL) {
        (void)memcpy(bytes, numbers, tensor->byte_count);
    }
    return tensor;
}

/* The tensor that the node's one attribute says; NULL: it says texts, or there is no memory. */
static const struct graph_tensor *held_tensor(struct graph_node *node, bool *out_is_known) {
    struct graph_model *model = node->graph->model;
    const struct graph_attribute *held = node->attribute_count == 1 ? node->attributes : NULL;
    const int64_t count = held != NULL ? held->count : 0;
    *out_is_known = true;
    if (held != NULL && held->kind == GRAPH_TENSOR && slice_is(held->name, "value") &&
        held->tensor->bytes != NULL) {
        return held->tensor;
    }
    if (held != NULL && held->kind == GRAPH_FLOAT && slice_is(held->name, "value_float")) {
        return copy_numbers(model, ELEMENT_FLOAT32, &held->number, NULL);
    }
    if (held != NULL && held->kind == GRAPH_INT && slice_is(held->name, "value_int")) {
        return copy_numbers(model, ELEMENT_INT64, &held->integer, NULL);
    }
    if (held != NULL && held->kind == GRAPH_FLOATS && slice_is(held->name, "value_floats")) {
        return copy_numbers(model, ELEMENT_FLOAT32, held->numbers, &count);
    }
    if (held != NULL && held->kind == GRAPH_INTS && slice_is(held->name, "value_ints")) {
        return copy_numbers(model, ELEMENT_INT64, held->integers, &count);
    }
    *out_is_known = false;
    return NULL;
}

/* An output of a graph stays what a node makes: not every runtime hands out an initializer. */
static status settle_constants(struct graph_model *model, uint32_t *changes, struct error *err) {
    struct graph_node *next;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL; node = next) {
        next = graph_walk(model, node);
        struct graph_value *value = graph_output(node, 0);
        if (!graph_node_is(node, "Constant") || value == NULL || graph_is_output(value)) {
            continue;
        }
        bool is_known;
        const struct graph_tensor *tensor = held_tensor(node, &is_known);
        if (is_known && (tensor == NULL || graph_settle(value, tensor) != STATUS_OK)) {
            return no_memory(err);
        }
        if (is_known) {
            graph_remove_node(node);
            ++*changes;
        }
    }
    return STATUS_OK;
}

/* --- initializers that are alike --- */

static int compare_tensors(const struct graph_tensor *a, const struct graph_tensor *b) {
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    if (a->rank != b->rank) {
        return a->rank < b->rank ? -1 : 1;
    }
    for (uint32_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i]) {
            return a->dims[i] < b->dims[i] ? -1 : 1;
        }
    }
    return a->byte_count > 0 ? memcmp(a->bytes, b->bytes, a->byte_count) : 0;
}

/* Most tensors of one shape differ in their first bytes, so few bytes are read. */
static int compare_values(const void *a, const void *b) {
    return compare_tensors((*(struct graph_value *const *)a)->tensor,
                           (*(struct graph_value *const *)b)->tensor);
}

static bool may_be_shared(const struct graph_value *value) {
    return graph_constant(value) != NULL && value->tensor->bytes != NULL && !value->is_input &&
           !graph_is_output(value);
}

static status share_in(struct graph *graph, uint32_t *changes, struct error *err) {
    const uint32_t count = graph->initializers.count;
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, SIZE_MAX);
    struct graph_value **values = arena_get(&scratch, count + 1, sizeof(struct graph_value *));
    if (values == NULL) {
        return no_memory(err);
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct graph_value *value = graph->initializers.items[i];
        if (may_be_shared(value)) {
            values[found++] = value;
        }
    }
    qsort(values, found, sizeof(struct graph_value *), compare_values);
    for (uint32_t first = 0, i = 1; i < found; i++) {
        if (compare_values(&values[first], &values[i]) != 0) {
            first = i;
        } else if (values[i]->uses != NULL) {
            (void)graph_replace(values[i], values[first]); /* no output: nothing is made */
            ++*changes;
        }
    }
    return STATUS_OK;
}

static status share_initializers(struct graph_model *model, uint32_t *changes, struct error *err) {
    TRY(share_in(&model->main, changes, err));
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        if (node == node->graph->first && node->graph != &model->main) {
            TRY(share_in(node->graph, changes, err));
        }
    }
    return STATUS_OK;
}

/* --- operators that give what they take --- */

static struct graph_value *first_input(struct graph_node *node) {
    return graph_input(node, 0);
}

/* From opset 7 to 11 it does nothing; after that as long as nobody asks it to train. */
static struct graph_value *same_as_dropout(struct graph_node *node) {
    const struct graph_value *training = graph_input(node, 2);
    const struct graph_tensor *asked = graph_constant(training);
    const bool is_idle = training == NULL || (asked != NULL && asked->byte_count == 1 &&
                                              *(const uint8_t *)asked->bytes == 0);
    const struct graph_value *mask = graph_output(node, 1);
    const bool has_mask = mask != NULL && mask->uses != NULL;
    return is_idle && !has_mask && graph_opset(node->graph->model) >= 7 ? graph_input(node, 0)
                                                                        : NULL;
}

static struct graph_value *same_as_cast(struct graph_node *node) {
    struct graph_value *from = graph_input(node, 0);
    const enum element_type type = known_element(from);
    return type != ELEMENT_UNDEFINED && graph_integer(node, "to", ELEMENT_UNDEFINED) == type ? from
                                                                                             : NULL;
}

/* A size of -1 is what is left, and that is the one that is there when all others are. */
static struct graph_value *same_as_reshape(struct graph_node *node) {
    struct graph_value *from = graph_input(node, 0);
    const struct graph_tensor *shape = graph_constant(graph_input(node, 1));
    uint32_t rank;
    if (shape == NULL || shape->type != ELEMENT_INT64 || shape->rank != 1 ||
        !known_rank(from, &rank) || shape->dims[0] != rank) {
        return NULL;
    }
    const bool copies_zero = graph_integer(node, "allowzero", 0) == 0;
    const int64_t *sizes = shape->bytes;
    for (uint32_t i = 0; i < rank; i++) {
        const bool is_kept = (sizes[i] == 0 && copies_zero) || sizes[i] == -1 ||
                             (sizes[i] > 0 && sizes[i] == known_size(from, i));
        if (!is_kept) {
            return NULL;
        }
    }
    return from;
}

/* The order in which a Transpose takes the axes; NULL: back to front. */
static const struct graph_attribute *order_of(const struct graph_node *node) {
    const struct graph_attribute *order = graph_attribute(node, "perm");
    return order != NULL && order->kind == GRAPH_INTS && order->count <= GRAPH_RANK_MAX ? order
                                                                                        : NULL;
}

/* Whether taking the axes by `first` and then by `second` leaves them as they are. */
static bool undo_each_other(const struct graph_attribute *first,
                            const struct graph_attribute *second) {
    if (first == NULL || second == NULL) {
        return first == NULL && second == NULL;
    }
    bool is_same = first->count == second->count;
    for (uint32_t i = 0; is_same && i < second->count; i++) {
        const int64_t at = second->integers[i];
        is_same = at >= 0 && at < first->count && first->integers[at] == i;
    }
    return is_same;
}

static struct graph_value *same_as_transpose(struct graph_node *node) {
    const struct graph_attribute *order = order_of(node);
    bool is_still = order != NULL;
    for (uint32_t i = 0; is_still && i < order->count; i++) {
        is_still = order->integers[i] == i;
    }
    if (is_still) {
        return graph_input(node, 0);
    }
    struct graph_node *before = graph_input(node, 0)->producer;
    return before != NULL && graph_node_is(before, "Transpose") &&
                   undo_each_other(order_of(before), order)
               ? graph_input(before, 0)
               : NULL;
}

/* The other input when the one at `index` is that number, and the output has no more axes. */
static struct graph_value *other_input(struct graph_node *node, uint32_t index, float number) {
    struct graph_value *other = graph_input(node, 1 - index);
    const struct graph_tensor *constant = graph_constant(graph_input(node, index));
    float found;
    return graph_scalar(constant, &found) && found == number &&
                   graph_opset(node->graph->model) >= 7 && constant->rank <= known_rank_least(other)
               ? other
               : NULL;
}

static struct graph_value *same_as_product(struct graph_node *node) {
    struct graph_value *same = other_input(node, 1, 1);
    return same != NULL ? same : other_input(node, 0, 1);
}

static struct graph_value *same_as_quotient(struct graph_node *node) {
    return other_input(node, 1, 1);
}

/* Plus zero is none of them: it makes 0 of -0. */
static struct graph_value *same_as_difference(struct graph_node *node) {
    return other_input(node, 1, 0);
}

static const struct {
    const char *op;
    struct graph_value *(*same)(struct graph_node *node);
} IDLE[] = {
    {"Identity", first_input},    {"Dropout", same_as_dropout},     {"Cast", same_as_cast},
    {"Reshape", same_as_reshape}, {"Transpose", same_as_transpose}, {"Mul", same_as_product},
    {"Div", same_as_quotient},    {"Sub", same_as_difference},
};

static status drop_idle(struct graph_model *model, uint32_t *changes, struct error *err) {
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        struct graph_value *output = graph_output(node, 0);
        struct graph_value *same = NULL;
        for (size_t i = 0; i < sizeof(IDLE) / sizeof(IDLE[0]); i++) {
            if (graph_node_is(node, IDLE[i].op) && graph_input(node, 0) != NULL) {
                same = IDLE[i].same(node);
            }
        }
        if (same != NULL && output != NULL && output->uses != NULL &&
            graph_may_replace(output, same)) {
            if (graph_replace(output, same) != STATUS_OK) {
                return no_memory(err);
            }
            ++*changes;
        }
    }
    return STATUS_OK;
}

/* --- two that are one --- */

/* A Reshape of a Reshape, unless the second copies a size from what the first made. */
static bool skip_reshape(struct graph_node *node, const struct graph_node *before) {
    const struct graph_tensor *shape = graph_constant(graph_input(node, 1));
    if (shape == NULL || shape->type != ELEMENT_INT64) {
        return false;
    }
    const int64_t *sizes = shape->bytes;
    for (uint64_t i = 0; i < graph_tensor_count(shape); i++) {
        if (sizes[i] == 0) {
            return false;
        }
    }
    return graph_set_input(node, 0, graph_input(before, 0)) == STATUS_OK;
}

static bool join_transposes(struct graph_node *node, const struct graph_node *before) {
    const struct graph_attribute *first = order_of(before);
    const struct graph_attribute *second = order_of(node);
    int64_t both[GRAPH_RANK_MAX];
    if (first == NULL || second == NULL || first->count != second->count) {
        return false;
    }
    for (uint32_t i = 0; i < second->count; i++) {
        const int64_t at = second->integers[i];
        if (at < 0 || at >= first->count) {
            return false;
        }
        both[i] = first->integers[at];
    }
    return graph_set_integers(node, "perm", both, second->count) == STATUS_OK &&
           graph_set_input(node, 0, graph_input(before, 0)) == STATUS_OK;
}

/* Only when nobody else takes what is in between: else there would be no operator less. */
static void join_pairs(struct graph_model *model, uint32_t *changes) {
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        struct graph_value *between = graph_input(node, 0);
        struct graph_node *before = between != NULL ? between->producer : NULL;
        const struct graph_value *output = graph_output(node, 0);
        if (before == NULL || graph_only_user(between) != node || before->graph != node->graph ||
            output == NULL || output->uses == NULL) {
            continue;
        }
        const bool are_reshapes =
            graph_node_is(node, "Reshape") && graph_node_is(before, "Reshape");
        const bool are_transposes =
            graph_node_is(node, "Transpose") && graph_node_is(before, "Transpose");
        const bool is_joined = (are_reshapes && skip_reshape(node, before)) ||
                               (are_transposes && join_transposes(node, before));
        *changes += is_joined ? 1 : 0;
    }
}

status canonicalise_graph(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    TRY(settle_constants(model, &changes, err));
    TRY(drop_idle(model, &changes, err));
    join_pairs(model, &changes);
    TRY(share_initializers(model, &changes, err));
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
