// SPDX-License-Identifier: Apache-2.0

/*
 * How channels are filled up. Every value of the main graph that a node makes belongs to a group:
 * those whose channels must be as many, because an operator takes them one by one.
 *
 *   1. Convolutions begin a group; depthwise ones, activations, pools, sums and products of two
 *      values tie theirs together.
 *   2. A group is fixed when anything else takes or makes one of its values, or when two of them
 *      have not as many channels; it is mixed when a channel of zeros does not stay zeros in it.
 *   3. The end of a group's values becomes zeros: rows of the weights that make it, columns of the
 *      weights that take it.
 *   4. Concat of a value and zeros, as exporters write channels that are filled up, takes as many
 *      zeros fewer, so the value's group must not be mixed. With none left it goes.
 */

#include <string.h>

#include "model/blocked.h"
#include "model/known.h"

enum { MEMORY_MAX = 256 << 20 };

struct group {
    uint32_t parent;
    uint32_t channels; /* 0: not known */
    uint32_t filled;   /* to how many, when it is; else as many as there are */
    bool is_fixed, is_mixed, has_layer;
};

struct groups {
    struct graph_model *model;
    struct group *items; /* by the marks of the nodes that make the values */
    uint32_t block;
};

/* --- groups --- */

/* The group of a value; NULL: it is no value that a node of the main graph makes. */
static struct group *group_of(const struct groups *groups, const struct graph_value *value) {
    if (value == NULL || value->producer == NULL || value->graph != &groups->model->main ||
        value->producer->outputs[0] != value) {
        return NULL;
    }
    uint32_t at = value->producer->mark;
    while (groups->items[at].parent != at) {
        groups->items[at].parent = groups->items[groups->items[at].parent].parent;
        at = groups->items[at].parent;
    }
    return &groups->items[at];
}

/* How many channels the value has; 0: that is not known. */
static uint32_t channels_of(const struct groups *groups, const struct graph_value *value) {
    const struct group *group = group_of(groups, value);
    const int64_t known = group != NULL && group->channels > 0 ? group->channels
                          : value != NULL                      ? known_channels(value)
                                                               : 0;
    return known > 0 && known <= UINT16_MAX ? (uint32_t)known : 0;
}

static void fix(const struct groups *groups, const struct graph_value *value) {
    struct group *group = group_of(groups, value);
    if (group != NULL) {
        group->is_fixed = true;
    }
}

static void fix_all(const struct groups *groups, const struct graph_node *node) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        fix(groups, node->inputs[i].value);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        fix(groups, node->outputs[i]);
    }
}

static void grow(struct group *group, uint32_t channels) {
    group->is_fixed = group->is_fixed || (group->channels != 0 && group->channels != channels);
    group->channels = channels;
}

/* The two have as many channels from now on. One that is not ours fixes the other. */
static void tie(const struct groups *groups, const struct graph_value *a,
                const struct graph_value *b) {
    struct group *first = group_of(groups, a);
    struct group *second = group_of(groups, b);
    if (first == NULL || second == NULL) {
        fix(groups, a);
        fix(groups, b);
    } else if (first != second) {
        first->parent = second->parent;
        if (first->channels != 0 && second->channels != 0) {
            grow(second, first->channels);
        }
        second->channels = second->channels != 0 ? second->channels : first->channels;
        second->is_fixed = second->is_fixed || first->is_fixed;
        second->is_mixed = second->is_mixed || first->is_mixed;
        second->has_layer = second->has_layer || first->has_layer;
    }
}

/* --- operators --- */

static bool is_any(const struct graph_node *node, const char *const *ops, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (graph_node_is(node, ops[i])) {
            return true;
        }
    }
    return false;
}

#define IS_ANY(node, ...)                                                                          \
    is_any(node, (const char *const[]){__VA_ARGS__},                                               \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Weights of four axes that are this node's alone, and a bias like them or none. */
static const struct graph_tensor *own_weights(const struct graph_node *node) {
    const struct graph_value *value = graph_input(node, 1);
    const struct graph_tensor *weights = graph_constant(value);
    const struct graph_tensor *bias = graph_constant(graph_input(node, 2));
    const bool has_bias = graph_input(node, 2) != NULL;
    const bool fits = weights != NULL && weights->type == ELEMENT_FLOAT32 && weights->rank == 4 &&
                      weights->byte_count > 0 && weights->dims[0] <= UINT16_MAX &&
                      weights->dims[1] <= UINT16_MAX && graph_use_count(value) == 1 &&
                      (!has_bias || (bias != NULL && bias->type == ELEMENT_FLOAT32 &&
                                     bias->rank == 1 && bias->dims[0] == weights->dims[0]));
    return fits ? weights : NULL;
}

static bool is_depthwise(const struct graph_node *node, const struct graph_tensor *weights) {
    return weights->dims[1] == 1 && weights->dims[0] > 1 &&
           graph_integer(node, "group", 1) == weights->dims[0];
}

static void read_layer(const struct groups *groups, const struct graph_node *node) {
    const struct graph_tensor *weights = own_weights(node);
    struct group *output = group_of(groups, graph_output(node, 0));
    if (weights == NULL || output == NULL ||
        (graph_integer(node, "group", 1) != 1 && !is_depthwise(node, weights))) {
        fix_all(groups, node);
        return;
    }
    grow(output, (uint32_t)weights->dims[0]);
    output->has_layer = true;
    if (is_depthwise(node, weights)) {
        tie(groups, graph_input(node, 0), graph_output(node, 0));
    }
}

/* Zeros stay zeros: the clip may not lift or sink them. */
static bool keeps_zeros(const struct graph_node *node) {
    if (!graph_node_is(node, "Clip")) {
        return IS_ANY(node, "Relu", "LeakyRelu", "HardSwish", "Tanh", "MaxPool", "AveragePool",
                      "GlobalAveragePool", "GlobalMaxPool");
    }
    float least = 1;
    float most = -1;
    if (graph_opset(node->graph->model) < 11) {
        least = graph_number(node, "min", 0);
        most = graph_number(node, "max", 0);
    } else if (!graph_scalar(graph_constant(graph_input(node, 1)), &least) ||
               !graph_scalar(graph_constant(graph_input(node, 2)), &most)) {
        return false;
    }
    return least <= 0 && most >= 0;
}

/* A sum, difference or product: of two values, or of one and a number. */
static void read_pair(const struct groups *groups, const struct graph_node *node) {
    const struct graph_value *first = graph_input(node, 0);
    const struct graph_value *second = graph_input(node, 1);
    const struct graph_value *output = graph_output(node, 0);
    const bool is_constant = graph_constant(first) != NULL || graph_constant(second) != NULL;
    const struct graph_tensor *number =
        graph_constant(graph_constant(first) != NULL ? first : second);
    if (is_constant && graph_tensor_count(number) == 1 && number->rank <= 4) {
        const struct graph_value *value = graph_constant(first) != NULL ? second : first;
        tie(groups, value, output);
        struct group *group = group_of(groups, output);
        group->is_mixed = group->is_mixed || !graph_node_is(node, "Mul");
    } else if (!is_constant) {
        tie(groups, first, output);
        tie(groups, second, output);
    } else {
        fix_all(groups, node);
    }
}

/* The zeros behind a value's channels; 0: it is no such Concat. */
static uint32_t zeros_behind(const struct graph_node *node, const struct graph_tensor **out_shape) {
    const struct graph_value *value = graph_input(node, 1);
    const struct graph_node *maker = value != NULL ? value->producer : NULL;
    if (!graph_node_is(node, "Concat") || node->input_count != 2 ||
        graph_integer(node, "axis", 0) != 1 || maker == NULL ||
        !graph_node_is(maker, "ConstantOfShape") || graph_attribute(maker, "value") != NULL) {
        return 0;
    }
    const struct graph_tensor *shape = graph_constant(graph_input(maker, 0));
    if (shape == NULL || shape->type != ELEMENT_INT64 || graph_tensor_count(shape) != 4) {
        return 0;
    }
    const int64_t count = ((const int64_t *)shape->bytes)[1];
    *out_shape = shape;
    return count > 0 && count <= UINT16_MAX ? (uint32_t)count : 0;
}

static void read_concat(const struct groups *groups, const struct graph_node *node) {
    const struct graph_tensor *shape;
    const uint32_t zeros = zeros_behind(node, &shape);
    const uint32_t channels = zeros > 0 ? channels_of(groups, graph_input(node, 0)) : 0;
    struct group *output = group_of(groups, graph_output(node, 0));
    if (channels == 0 || output == NULL) {
        fix_all(groups, node);
        return;
    }
    grow(output, channels + zeros);
}

static void read_node(const struct groups *groups, const struct graph_node *node) {
    const struct graph_value *output = graph_output(node, 0);
    if (graph_node_is(node, "Conv")) {
        read_layer(groups, node);
    } else if (IS_ANY(node, "Add", "Sub", "Mul") && output != NULL) {
        read_pair(groups, node);
    } else if (graph_node_is(node, "Concat")) {
        read_concat(groups, node);
    } else if (node->output_count == 1 && output != NULL &&
               (keeps_zeros(node) || IS_ANY(node, "Sigmoid", "HardSigmoid"))) {
        tie(groups, graph_input(node, 0), output);
        struct group *group = group_of(groups, output);
        group->is_mixed = group->is_mixed || !keeps_zeros(node);
    } else {
        fix_all(groups, node);
    }
    for (const struct graph_use *use = output != NULL ? output->uses : NULL; use != NULL;
         use = use->next) {
        if (use->node == NULL || use->node->graph != &groups->model->main) {
            fix(groups, output);
        }
    }
}

static status find_groups(struct groups *groups, struct arena *arena, struct error *err) {
    uint32_t count = 0;
    for (struct graph_node *node = groups->model->main.first; node != NULL; node = node->after) {
        node->mark = count++;
    }
    groups->items = arena_get(arena, count + 1, sizeof(struct group));
    if (groups->items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model's channels");
    }
    for (uint32_t i = 0; i < count; i++) {
        groups->items[i].parent = i;
    }
    for (struct graph_node *node = groups->model->main.first; node != NULL; node = node->after) {
        read_node(groups, node);
    }
    return STATUS_OK;
}

/* --- how many --- */

static uint32_t filled(const struct groups *groups, const struct graph_value *value,
                       uint32_t channels) {
    const struct group *group = group_of(groups, value);
    return group != NULL && group->filled != 0 ? group->filled : channels;
}

/* A Concat that its new channels do not fit keeps its value as it is. true: it was so. */
static bool unfill(const struct groups *groups, const struct graph_node *node) {
    const struct graph_tensor *shape;
    const uint32_t zeros = zeros_behind(node, &shape);
    struct group *input = zeros > 0 ? group_of(groups, graph_input(node, 0)) : NULL;
    if (input == NULL || input->filled == 0) {
        return false;
    }
    const uint32_t output = filled(groups, graph_output(node, 0), input->channels + zeros);
    if (!input->is_mixed && input->filled <= output) {
        return false;
    }
    input->filled = 0;
    return true;
}

static void choose(const struct groups *groups) {
    for (struct graph_node *node = groups->model->main.first; node != NULL; node = node->after) {
        struct group *group = group_of(groups, graph_output(node, 0));
        const uint32_t block = groups->block;
        if (group != NULL && !group->is_fixed && group->has_layer && group->channels > 1) {
            const uint32_t whole = (group->channels + block - 1) / block * block;
            group->filled =
                whole != group->channels && whole * 2 <= group->channels * 3 ? whole : 0;
        }
    }
    bool is_again = true;
    while (is_again) {
        is_again = false;
        for (struct graph_node *node = groups->model->main.first; node != NULL;
             node = node->after) {
            is_again = unfill(groups, node) || is_again;
        }
    }
}

/* --- filling --- */

/* Copies rows and columns to where they are in the larger tensor, the rest of which is zeros. */
static void copy_rows(const struct graph_tensor *from, const int64_t *dims, float *to) {
    const size_t kernel = (size_t)(from->rank == 4 ? from->dims[2] * from->dims[3] : 1);
    const size_t columns = (size_t)(from->rank == 4 ? from->dims[1] : 1);
    const size_t wide = (size_t)(from->rank == 4 ? dims[1] : 1);
    const float *numbers = from->bytes;
    for (size_t row = 0; row < (size_t)from->dims[0]; row++) {
        (void)memcpy(to + row * wide * kernel, numbers + row * columns * kernel,
                     columns * kernel * sizeof(float));
    }
}

static status enlarge(struct graph_node *node, uint32_t index, const int64_t *dims) {
    struct graph_value *old = graph_input(node, index);
    const struct graph_tensor *from = graph_constant(old);
    void *bytes = NULL;
    struct graph_tensor *tensor =
        graph_tensor_new(node->graph->model, ELEMENT_FLOAT32, dims, from->rank, &bytes);
    if (tensor == NULL) {
        return STATUS_NO_MEMORY;
    }
    copy_rows(from, dims, bytes);
    struct graph_value *value = graph_add_tensor(node->graph, old->name, tensor);
    return value != NULL ? graph_set_input(node, index, value) : STATUS_NO_MEMORY;
}

static status fill_layer(const struct groups *groups, struct graph_node *node, uint32_t *changes) {
    const struct graph_tensor *weights = own_weights(node);
    if (weights == NULL) {
        return STATUS_OK;
    }
    const bool is_alone = is_depthwise(node, weights);
    int64_t dims[4];
    (void)memcpy(dims, weights->dims, sizeof(dims));
    dims[0] = filled(groups, graph_output(node, 0), (uint32_t)dims[0]);
    if (!is_alone && graph_integer(node, "group", 1) == 1) {
        dims[1] = filled(groups, graph_input(node, 0), (uint32_t)dims[1]);
    }
    if (dims[0] == weights->dims[0] && dims[1] == weights->dims[1]) {
        return STATUS_OK;
    }
    ++*changes;
    if (is_alone) {
        TRY(graph_set_integer(node, "group", dims[0]));
    }
    if (graph_input(node, 2) != NULL && dims[0] != weights->dims[0]) {
        TRY(enlarge(node, 2, dims));
    }
    return enlarge(node, 1, dims);
}

static status fill_concat(const struct groups *groups, struct graph_node *node) {
    const struct graph_tensor *shape;
    const uint32_t zeros = zeros_behind(node, &shape);
    const uint32_t channels = zeros > 0 ? channels_of(groups, graph_input(node, 0)) : 0;
    if (channels == 0) {
        return STATUS_OK;
    }
    const uint32_t before = filled(groups, graph_input(node, 0), channels);
    const uint32_t after = filled(groups, graph_output(node, 0), channels + zeros);
    if (after - before == zeros) {
        return STATUS_OK;
    }
    if (after == before) {
        return graph_replace(node->outputs[0], graph_input(node, 0));
    }
    int64_t sizes[4];
    (void)memcpy(sizes, shape->bytes, sizeof(sizes));
    sizes[1] = after - before;
    struct graph_value *wanted =
        graph_add_integers(node->graph, slice_of("zeros"), sizes, 4, false);
    struct graph_node *made = wanted != NULL ? graph_add_node(node->graph, node, "ConstantOfShape",
                                                              &wanted, 1, 1, slice_of("zeros"))
                                             : NULL;
    return made != NULL ? graph_set_input(node, 1, made->outputs[0]) : STATUS_NO_MEMORY;
}

/* What was known of shapes between nodes is so no more. */
static void forget_types(struct graph_model *model) {
    graph_forget_declared(model);
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL) {
                node->outputs[i]->type = NULL;
            }
        }
    }
}

static status fill(const struct groups *groups, uint32_t *changes) {
    struct graph_node *next;
    for (struct graph_node *node = groups->model->main.first; node != NULL; node = next) {
        next = node->after; /* what is made on the way stands before */
        if (graph_node_is(node, "Concat")) {
            TRY(fill_concat(groups, node));
        }
    }
    for (struct graph_node *node = groups->model->main.first; node != NULL; node = node->after) {
        if (graph_node_is(node, "Conv")) {
            TRY(fill_layer(groups, node, changes));
        }
    }
    return STATUS_OK;
}

status blocked_fill(struct graph_model *model, uint32_t block, uint32_t *out_changes,
                    struct error *err) {
    CLEANUP(arena_done) struct arena arena;
    struct groups groups = {.model = model, .block = block};
    uint32_t changes = 0;
    arena_init(&arena, MEMORY_MAX);
    *out_changes = 0;
    if (block < BLOCKED_CHANNELS_MIN || block > BLOCKED_CHANNELS_MAX || graph_opset(model) < 7) {
        return STATUS_OK;
    }
    TRY(find_groups(&groups, &arena, err));
    choose(&groups);
    if (fill(&groups, &changes) != STATUS_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model's channels");
    }
    if (changes > 0) {
        forget_types(model);
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
