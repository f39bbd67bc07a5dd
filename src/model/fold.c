// SPDX-License-Identifier: Apache-2.0
#include "model/fold.h"

#include <assert.h>
#include <math.h>

#include "model/linear_layer.h"

/* Operators one after another that are taken together. */
struct chain {
    struct graph_node *nodes[FOLD_CHAIN_MAX]; /* from the layer on */
    uint32_t count;
    struct affine sum; /* all of them as one */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for folding");
}

static bool affine_new(struct arena *arena, uint32_t channels, struct affine *out) {
    out->scale = arena_get(arena, channels, sizeof(double));
    out->shift = arena_get(arena, channels, sizeof(double));
    for (uint32_t i = 0; out->scale != NULL && i < channels; i++) {
        out->scale[i] = 1;
    }
    return out->scale != NULL && out->shift != NULL;
}

static bool are_all(const double *numbers, uint32_t count, double number) {
    bool are = true;
    for (uint32_t i = 0; i < count; i++) {
        are = are && numbers[i] == number;
    }
    return are;
}

/* --- after the layer --- */

/* Goes from the layer's output down as long as each value has one user, which is in the layer's
 * graph, so that nobody sees what is in between. */
static void chain_after(const struct linear_layer *layer, const struct affine *one,
                        struct chain *chain) {
    const struct graph_value *value = graph_output(layer->node, 0);
    const uint32_t channels = layer->output.channels;
    while (chain->count < FOLD_CHAIN_MAX) {
        struct graph_node *node = graph_only_user(value);
        if (node == NULL || node->graph != layer->node->graph ||
            !affine_read(node, value, &layer->output, false, one) ||
            (!layer->has_bias && !are_all(one->shift, channels, 0))) {
            return;
        }
        for (uint32_t i = 0; i < channels; i++) {
            chain->sum.scale[i] *= one->scale[i];
            chain->sum.shift[i] = chain->sum.shift[i] * one->scale[i] + one->shift[i];
        }
        chain->nodes[chain->count++] = node;
        value = node->outputs[0];
    }
}

/* --- before the layer --- */

/* What the mean was taken from and was divided: ONNX Runtime makes one operator of this and the
 * Mul and Add behind it, which is worth more than what we would gain. */
static bool is_normalized(const struct graph_value *value) {
    const struct graph_node *node = value->producer;
    if (node == NULL || !(graph_node_is(node, "Div") || graph_node_is(node, "Mul"))) {
        return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *input = node->inputs[i].value;
        if (input != NULL && input->producer != NULL && graph_node_is(input->producer, "Sub")) {
            return true;
        }
    }
    return false;
}

/* Goes from the layer's input up; *out_root is what the layer's input is made of. */
static void chain_before(const struct linear_layer *layer, const struct affine *one,
                         struct chain *chain, struct graph_value **out_root) {
    struct graph_value *value = graph_input(layer->node, 0);
    const struct graph_node *user = layer->node;
    while (value != NULL && chain->count < FOLD_CHAIN_MAX) {
        struct graph_node *node = value->producer;
        struct graph_value *from = node != NULL ? affine_from(node) : NULL;
        if (from == NULL || node->graph != layer->node->graph || graph_only_user(value) != user ||
            !affine_read(node, from, &layer->input, true, one)) {
            break;
        }
        for (uint32_t i = 0; i < layer->input.channels; i++) {
            chain->sum.shift[i] += chain->sum.scale[i] * one->shift[i];
            chain->sum.scale[i] *= one->scale[i];
        }
        chain->nodes[chain->count++] = node;
        user = node;
        value = from;
    }
    if (value == NULL || is_normalized(value)) {
        chain->count = 0;
    }
    *out_root = value;
}

/* What is left to be added before a layer that takes only the scale: scale * (x + shift / scale),
 * in which padding of zeros stays zeros. false: that is not less than there was, or no number. */
static bool split_shift(const struct linear_layer *layer, struct chain *chain, double *out_left) {
    const uint32_t channels = layer->input.channels;
    bool is_sound = chain->count >= 2;
    for (uint32_t i = 0; is_sound && i < channels; i++) {
        out_left[i] = chain->sum.shift[i] / chain->sum.scale[i];
        is_sound = chain->sum.scale[i] != 0 && fabs(out_left[i]) <= 0x1p60;
        chain->sum.shift[i] = 0;
    }
    return is_sound;
}

static struct graph_value *left_to_add(const struct linear_layer *layer, struct arena *arena,
                                       const double *left) {
    struct graph *graph = layer->node->graph;
    const struct affine_place *place = &layer->input;
    const bool is_one = are_all(left, place->channels, left[0]);
    const uint32_t count = is_one ? 1 : place->channels;
    float *numbers = arena_get(arena, count, sizeof(*numbers));
    int64_t dims[GRAPH_RANK_MAX];
    for (uint32_t i = 0; numbers != NULL && i < count; i++) {
        numbers[i] = (float)left[i];
    }
    for (uint32_t i = 0; i <= place->axis_from_behind; i++) {
        dims[i] = i == 0 ? place->channels : 1;
    }
    void *bytes = NULL;
    struct graph_tensor *tensor =
        numbers != NULL ? graph_tensor_new(graph->model, ELEMENT_FLOAT32, dims,
                                           is_one ? 0 : place->axis_from_behind + 1, &bytes)
                        : NULL;
    for (uint32_t i = 0; tensor != NULL && i < count; i++) {
        ((float *)bytes)[i] = numbers[i];
    }
    return graph_add_tensor(graph, slice_of("shift"), tensor);
}

/* --- one layer --- */

/* The first operator before the layer takes the root from now on: the layer does. */
static status rewire(const struct linear_layer *layer, struct graph_value *root,
                     const struct chain *before, const struct chain *after) {
    if (before->count > 0) {
        TRY(graph_set_input(layer->node, 0, root));
        for (uint32_t i = 0; i < before->count; i++) {
            graph_remove_node(before->nodes[i]);
        }
    }
    if (after->count > 0) {
        struct graph_value *output = layer->node->outputs[0];
        struct graph_value *last = after->nodes[after->count - 1]->outputs[0];
        TRY(graph_replace(last, output));
        for (uint32_t i = after->count; i > 0; i--) {
            graph_remove_node(after->nodes[i - 1]);
        }
    }
    return STATUS_OK;
}

static bool is_sound(const struct linear_layer *layer, const struct chain *before,
                     const struct chain *after) {
    return affine_is_sound(before->sum.scale, layer->input.channels) &&
           affine_is_sound(after->sum.scale, layer->output.channels);
}

static void forget(struct chain *chain, uint32_t channels) {
    chain->count = 0;
    for (uint32_t i = 0; i < channels; i++) {
        chain->sum.scale[i] = 1;
        chain->sum.shift[i] = 0;
    }
}

static status fold_chains(struct linear_layer *layer, struct arena *arena, uint32_t *changes) {
    struct chain before = {0};
    struct chain after = {0};
    struct affine one;
    struct graph_value *root = NULL;
    double *left = arena_get(arena, layer->input.channels, sizeof(*left));
    const uint32_t most = layer->input.channels > layer->output.channels ? layer->input.channels
                                                                         : layer->output.channels;
    if (left == NULL || !affine_new(arena, most, &one) ||
        !affine_new(arena, layer->input.channels, &before.sum) ||
        !affine_new(arena, layer->output.channels, &after.sum)) {
        return STATUS_NO_MEMORY;
    }
    chain_after(layer, &one, &after);
    chain_before(layer, &one, &before, &root);
    if (before.count == 0) {
        forget(&before, layer->input.channels);
    }
    const bool is_left =
        !layer->may_shift_inputs && !are_all(before.sum.shift, layer->input.channels, 0);
    if (is_left && !split_shift(layer, &before, left)) {
        forget(&before, layer->input.channels);
    }
    const bool is_pushed = is_left && before.count > 0;
    if (before.count + after.count == 0 || !is_sound(layer, &before, &after)) {
        return STATUS_OK;
    }
    const status code = linear_layer_absorb(layer, &before.sum, &after.sum);
    if (code != STATUS_OK) {
        return code == STATUS_INVALID ? STATUS_OK : code;
    }
    if (is_pushed) {
        struct graph_value *inputs[] = {root, left_to_add(layer, arena, left)};
        struct graph_node *add = inputs[1] != NULL ? graph_add_node(layer->node->graph, layer->node,
                                                                    "Add", inputs, 2, 1, root->name)
                                                   : NULL;
        if (add == NULL) {
            return STATUS_NO_MEMORY;
        }
        root = add->outputs[0];
    }
    *changes += before.count + after.count - (is_pushed ? 1 : 0);
    return rewire(layer, root, &before, &after);
}

/* Copies of weights that others keep would make the file larger. */
static bool may_change(const struct linear_layer *layer) {
    return layer->weights->byte_count <= FOLD_SHARED_BYTES_MAX ||
           graph_use_count(graph_input(layer->node, 1)) == 1;
}

status fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    if (graph_opset(model) < 7) { /* before that a constant was spread by an attribute */
        *out_changes = 0;
        return STATUS_OK;
    }
    struct graph_node *next;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL; node = next) {
        struct linear_layer layer;
        if (linear_layer_read(node, &layer) && may_change(&layer)) {
            CLEANUP(arena_done) struct arena arena;
            arena_init(&arena, FOLD_MEMORY_MAX);
            if (fold_chains(&layer, &arena, &changes) != STATUS_OK) {
                return no_memory(err);
            }
        }
        next = graph_walk(model, node);
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return STATUS_OK;
}
