// SPDX-License-Identifier: Apache-2.0
#include "model/inferred.h"

#include "base/buffer.h"
#include "model/graph_inner.h"
#include "model/onnx_file.h"
#include "platform/inference.h"

/* A model that shares nodes and values with another, and has its own lists of them. */
struct skeleton {
    struct graph_model model;
    struct graph_node *last_weight; /* of those that stand before all others */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for asking about a model");
}

/* --- weights that are only a shape --- */

static bool has_zeros(enum element_type type) {
    switch (type) {
    case ELEMENT_FLOAT32:
    case ELEMENT_FLOAT64:
    case ELEMENT_FLOAT16:
    case ELEMENT_UINT8:
    case ELEMENT_INT8:
    case ELEMENT_INT32:
    case ELEMENT_INT64:
    case ELEMENT_BOOLEAN:
        return true;
    default:
        return false;
    }
}

static bool is_large(const struct graph_value *value, int64_t opset) {
    return value->tensor->byte_count > INFERRED_WEIGHT_BYTES_MAX && opset >= 9 &&
           has_zeros(value->tensor->type);
}

static bool add_weight(struct skeleton *skeleton, struct graph_node *node) {
    struct graph *graph = &skeleton->model.main;
    if (skeleton->last_weight == NULL) {
        node->after = graph->first;
        graph->first = node;
    } else {
        node->after = skeleton->last_weight->after;
        skeleton->last_weight->after = node;
    }
    skeleton->last_weight = node;
    return true;
}

/* A ConstantOfShape in place of the weights: the same type and shape in a few bytes. */
static bool stand_in(struct skeleton *skeleton, struct graph_value *weights) {
    struct graph_model *model = &skeleton->model;
    const int64_t rank = weights->tensor->rank;
    const int64_t one = 1;
    void *dims = NULL;
    void *zero = NULL;
    struct graph_tensor *shape = graph_tensor_new(model, ELEMENT_INT64, &rank, 1, &dims);
    struct graph_tensor *held = graph_tensor_new(model, weights->tensor->type, &one, 1, &zero);
    struct graph_value *shape_value = graph_add_tensor(&model->main, slice_of("shape"), shape);
    struct graph_node *node = arena_get(&model->arena, 1, sizeof(*node));
    struct graph_attribute *attribute = arena_get(&model->arena, 1, sizeof(*attribute));
    struct graph_use *use = arena_get(&model->arena, 1, sizeof(*use));
    struct graph_value **output = arena_get(&model->arena, 1, sizeof(struct graph_value *));
    if (held == NULL || shape_value == NULL || node == NULL || attribute == NULL || use == NULL ||
        output == NULL) {
        return false;
    }
    for (int64_t i = 0; i < rank; i++) {
        ((int64_t *)dims)[i] = weights->tensor->dims[i];
    }
    *attribute =
        (struct graph_attribute){.name = SLICE("value"), .kind = GRAPH_TENSOR, .tensor = held};
    use->value = shape_value;
    *output = weights;
    *node = (struct graph_node){.name = shape_value->name,
                                .op = SLICE("ConstantOfShape"),
                                .domain = SLICE(""),
                                .graph = &model->main,
                                .inputs = use,
                                .outputs = output,
                                .attributes = attribute,
                                .input_count = 1,
                                .output_count = 1,
                                .attribute_count = 1};
    return add_weight(skeleton, node);
}

/* The lists are the skeleton's own, the nodes and values are the model's and stay as they are. */
static bool skeleton_init(struct skeleton *skeleton, const struct graph_model *model) {
    *skeleton = (struct skeleton){.model = *model};
    struct graph *graph = &skeleton->model.main;
    arena_init(&skeleton->model.arena, INFERRED_MEMORY_MAX);
    graph->model = &skeleton->model;
    graph->declared.count = 0;
    graph->initializers = (struct graph_values){0};
    for (uint32_t i = 0; i < model->main.initializers.count; i++) {
        struct graph_value *value = model->main.initializers.items[i];
        const bool is_kept = value->is_input || !is_large(value, graph_opset(model));
        if (is_kept ? !graph_values_add(&skeleton->model, &graph->initializers, value)
                    : !stand_in(skeleton, value)) {
            return false;
        }
    }
    return true;
}

static void skeleton_done(struct skeleton *skeleton) {
    arena_done(&skeleton->model.arena);
}

/* --- asking --- */

/* What the library says of an output, as a type of the model's. A rank of zero is also what it says
 * when it does not know the rank. NULL: no memory. */
static const struct graph_type *type_of(struct graph_model *model,
                                        const struct inference_port *port) {
    struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
    struct graph_dim *dims = arena_get(&model->arena, port->rank + 1, sizeof(*dims));
    if (type == NULL || dims == NULL) {
        return NULL;
    }
    *type = (struct graph_type){.is_sure = true,
                                .is_tensor = true,
                                .element = element_type_of_tensor(port->type),
                                .has_shape = port->rank > 0,
                                .rank = port->rank,
                                .dims = dims};
    for (uint32_t i = 0; i < port->rank; i++) {
        dims[i].size = port->shape[i];
    }
    return type;
}

static bool says_more(const struct graph_type *said, const struct graph_type *had) {
    if (had == NULL || !had->is_sure || had->rank != said->rank ||
        had->has_shape != said->has_shape) {
        return true;
    }
    for (uint32_t i = 0; i < said->rank; i++) {
        if (had->dims[i].size < 0 && said->dims[i].size >= 0) {
            return true;
        }
    }
    return false;
}

static status keep_types(struct graph_model *model, const struct inference_model *opened,
                         struct graph_value *const *values, uint32_t count, struct error *err) {
    if (inference_output_count(opened) != count) {
        return STATUS_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct inference_port *port = inference_output(opened, i);
        if (!port->is_tensor) {
            continue;
        }
        const struct graph_type *type = type_of(model, port);
        if (type == NULL) {
            return no_memory(err);
        }
        values[i]->type = says_more(type, values[i]->type) ? type : values[i]->type;
    }
    return STATUS_OK;
}

static status ask(struct skeleton *skeleton, struct graph_model *model,
                  struct graph_value *const *values, uint32_t count, struct error *err) {
    const struct inference_options options = {.threads = 1,
                                              .memory_bytes = INFERRED_MEMORY_MAX,
                                              .level = INFERENCE_LEVEL_NONE,
                                              .folder = model->folder.bytes};
    struct graph *graph = &skeleton->model.main;
    struct inference_model *opened = NULL;
    struct error why = {0};
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, INFERRED_MEMORY_MAX);
    for (uint32_t i = 0; i < count; i++) {
        graph->outputs[i].value = values[i];
    }
    graph->output_count = count;
    TRY(onnx_file_pack(&skeleton->model, &bytes, err));
    if (inference_open_bytes(buffer_slice(&bytes), &options, &opened, &why) != STATUS_OK) {
        return why.code == STATUS_NOT_FOUND ? fail(err, why.code, "%s", why.text) : STATUS_OK;
    }
    const status code = keep_types(model, opened, values, count, err);
    inference_close(opened);
    return code;
}

/* Values between the nodes of the main graph, from `*node` on; those are what passes ask about. */
static uint32_t next_values(const struct graph_node **node, uint32_t *output,
                            struct graph_value **out_values) {
    uint32_t count = 0;
    while (*node != NULL && count < INFERRED_VALUES_MAX) {
        struct graph_value *value = graph_output(*node, *output);
        if (value != NULL && value->uses != NULL) {
            out_values[count++] = value;
        }
        if (++*output >= (*node)->output_count) {
            *node = (*node)->after;
            *output = 0;
        }
    }
    return count;
}

static status ask_all(struct skeleton *skeleton, struct graph_model *model, struct error *err) {
    struct graph *graph = &skeleton->model.main;
    struct arena *arena = &skeleton->model.arena;
    struct graph_value **values =
        arena_get(arena, INFERRED_VALUES_MAX, sizeof(struct graph_value *));
    graph->outputs = arena_get(arena, INFERRED_VALUES_MAX, sizeof(struct graph_use));
    graph->output_types = arena_get(arena, INFERRED_VALUES_MAX, sizeof(struct graph_type *));
    graph->output_origins = arena_get(arena, INFERRED_VALUES_MAX, sizeof(void *));
    if (values == NULL || graph->outputs == NULL || graph->output_types == NULL ||
        graph->output_origins == NULL) {
        return no_memory(err);
    }
    const struct graph_node *node = model->main.first;
    uint32_t output = 0;
    for (int round = 0; node != NULL && round < INFERRED_ROUNDS_MAX; round++) {
        const uint32_t count = next_values(&node, &output, values);
        if (count > 0) {
            TRY(ask(skeleton, model, values, count, err));
        }
    }
    return STATUS_OK;
}

status inferred_types(struct graph_model *model, struct error *err) {
    CLEANUP(skeleton_done) struct skeleton skeleton;
    if (!skeleton_init(&skeleton, model)) {
        return no_memory(err);
    }
    return ask_all(&skeleton, model, err);
}
