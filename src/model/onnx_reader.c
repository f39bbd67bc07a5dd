// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/graph_inner.h"
#include "model/onnx_inner.h"

/* The values of a graph by name, and those of the graphs around it. */
struct scope {
    const struct scope *outer;
    struct graph_value **values; /* in the order of their names */
    uint32_t count;
    int depth;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

static int compare_values(const void *a, const void *b) {
    return slice_compare((*(struct graph_value *const *)a)->name,
                         (*(struct graph_value *const *)b)->name);
}

static void sort_values(struct scope *scope) {
    qsort(scope->values, scope->count, sizeof(struct graph_value *), compare_values);
}

static struct graph_value *find_here(const struct scope *scope, struct slice name) {
    uint32_t low = 0;
    uint32_t high = scope->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = slice_compare(scope->values[middle]->name, name);
        if (order == 0) {
            return scope->values[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

static struct graph_value *find(const struct scope *scope, struct slice name) {
    struct graph_value *found = NULL;
    for (; scope != NULL && found == NULL; scope = scope->outer) {
        found = find_here(scope, name);
    }
    return found;
}

/* --- types --- */

static bool read_dims(struct arena *arena, const Onnx__TensorShapeProto *proto,
                      struct graph_type *type) {
    struct graph_dim *dims = arena_get(arena, proto->n_dim + 1, sizeof(*dims));
    for (size_t i = 0; dims != NULL && i < proto->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = proto->dim[i];
        const bool has_size =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        const bool has_name =
            dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        dims[i].size = has_size && dim->dim_value >= 0 ? dim->dim_value : -1;
        dims[i].name = has_name ? onnx_text(dim->dim_param) : SLICE("");
    }
    type->has_shape = true;
    type->rank = (uint32_t)proto->n_dim;
    type->dims = dims;
    return dims != NULL;
}

/* What a file declares of a value; *out_type stays NULL where it says nothing. */
static status read_type(struct graph_model *model, const Onnx__ValueInfoProto *proto,
                        const struct graph_type **out_type, struct error *err) {
    if (proto->type == NULL || proto->type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET) {
        return STATUS_OK;
    }
    struct graph_type *type = arena_get(&model->arena, 1, sizeof(*type));
    if (type == NULL) {
        return no_memory(err);
    }
    const Onnx__TypeProto__Tensor *tensor = proto->type->tensor_type;
    if (proto->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE && tensor != NULL) {
        type->is_tensor = true;
        type->element = (enum element_type)tensor->elem_type;
        if (tensor->shape != NULL && tensor->shape->n_dim > GRAPH_RANK_MAX) {
            return fail(err, STATUS_INVALID, "'%.200s' has more than %d dimensions",
                        onnx_text(proto->name).bytes, GRAPH_RANK_MAX);
        }
        if (tensor->shape != NULL && !read_dims(&model->arena, tensor->shape, type)) {
            return no_memory(err);
        }
    }
    *out_type = type;
    return STATUS_OK;
}

/* --- values --- */

static status new_value(struct graph *graph, const char *name, struct graph_value **out_value,
                        struct error *err) {
    const struct slice text = onnx_text(name);
    if (text.count == 0 || text.count > GRAPH_NAME_BYTES_MAX) {
        return fail(err, STATUS_CORRUPT, "a value of graph '%.*s' has a name of %zu bytes",
                    SLICE_ARGS(graph->name), text.count);
    }
    struct graph_value *value = arena_get(&graph->model->arena, 1, sizeof(*value));
    if (value == NULL) {
        return no_memory(err);
    }
    value->name = text;
    value->graph = graph;
    *out_value = value;
    return STATUS_OK;
}

static status read_inputs(struct graph *graph, const Onnx__GraphProto *proto, struct scope *scope,
                          struct error *err) {
    for (size_t i = 0; i < proto->n_input; i++) {
        struct graph_value *value;
        TRY(new_value(graph, proto->input[i]->name, &value, err));
        TRY(read_type(graph->model, proto->input[i], &value->type, err));
        value->is_input = true;
        value->origin = proto->input[i];
        scope->values[scope->count++] = value;
        if (!graph_values_add(graph->model, &graph->inputs, value)) {
            return no_memory(err);
        }
    }
    sort_values(scope);
    return STATUS_OK;
}

/* An initializer with the name of an input is that input's default. */
static status read_initializers(struct graph *graph, const Onnx__GraphProto *proto,
                                struct scope *scope, struct error *err) {
    const struct scope inputs = *scope;
    for (size_t i = 0; i < proto->n_initializer; i++) {
        const Onnx__TensorProto *from = proto->initializer[i];
        struct graph_tensor *tensor = arena_get(&graph->model->arena, 1, sizeof(*tensor));
        if (tensor == NULL) {
            return no_memory(err);
        }
        TRY(onnx_read_tensor(graph->model, &graph->model->arena, from, tensor, err));
        struct graph_value *value = find_here(&inputs, onnx_text(from->name));
        if (value == NULL) {
            TRY(new_value(graph, from->name, &value, err));
            scope->values[scope->count++] = value;
        } else if (value->tensor != NULL) {
            return fail(err, STATUS_CORRUPT, "'%.*s' is made twice", SLICE_ARGS(value->name));
        }
        value->tensor = tensor;
        if (!graph_values_add(graph->model, &graph->initializers, value)) {
            return no_memory(err);
        }
    }
    return STATUS_OK;
}

static status read_outputs_of(struct graph_node *node, const Onnx__NodeProto *proto,
                              struct scope *scope, struct error *err) {
    node->outputs =
        arena_get(&node->graph->model->arena, proto->n_output + 1, sizeof(struct graph_value *));
    if (node->outputs == NULL) {
        return no_memory(err);
    }
    node->output_count = (uint32_t)proto->n_output;
    for (size_t i = 0; i < proto->n_output; i++) {
        if (onnx_text(proto->output[i]).count > 0) {
            TRY(new_value(node->graph, proto->output[i], &node->outputs[i], err));
            node->outputs[i]->producer = node;
            scope->values[scope->count++] = node->outputs[i];
        }
    }
    return STATUS_OK;
}

static status read_nodes(struct graph *graph, const Onnx__GraphProto *proto, struct scope *scope,
                         struct error *err) {
    for (size_t i = 0; i < proto->n_node; i++) {
        const Onnx__NodeProto *from = proto->node[i];
        struct graph_node *node = arena_get(&graph->model->arena, 1, sizeof(*node));
        if (node == NULL) {
            return no_memory(err);
        }
        node->name = onnx_text(from->name);
        node->op = onnx_text(from->op_type);
        node->domain = onnx_text(from->domain);
        node->origin = from;
        graph_link_node(graph, NULL, node);
        TRY(read_outputs_of(node, from, scope, err));
    }
    sort_values(scope);
    for (uint32_t i = 1; i < scope->count; i++) {
        if (slice_equal(scope->values[i - 1]->name, scope->values[i]->name)) {
            return fail(err, STATUS_CORRUPT, "'%.*s' is made twice",
                        SLICE_ARGS(scope->values[i]->name));
        }
    }
    return STATUS_OK;
}

/* --- what nodes take --- */

static status read_inputs_of(struct graph_node *node, const struct scope *scope,
                             struct error *err) {
    const Onnx__NodeProto *proto = node->origin;
    node->inputs =
        arena_get(&node->graph->model->arena, proto->n_input + 1, sizeof(struct graph_use));
    if (node->inputs == NULL) {
        return no_memory(err);
    }
    node->input_count = (uint32_t)proto->n_input;
    for (size_t i = 0; i < proto->n_input; i++) {
        const struct slice name = onnx_text(proto->input[i]);
        struct graph_value *value = name.count > 0 ? find(scope, name) : NULL;
        node->inputs[i].node = node;
        graph_use_value(&node->inputs[i], value);
        if (name.count > 0 && value == NULL) {
            return fail(err, STATUS_CORRUPT, "node '%.*s' (%.*s) needs '%.*s', which nothing makes",
                        SLICE_ARGS(graph_node_called(node)), SLICE_ARGS(node->op),
                        SLICE_ARGS(name));
        }
    }
    return STATUS_OK;
}

static status read_graph(struct graph *graph, const Onnx__GraphProto *proto,
                         const struct scope *outer, struct error *err);

static status new_body(struct graph_node *node, const Onnx__GraphProto *proto,
                       const struct scope *scope, struct graph **out_body, struct error *err) {
    struct graph *body = arena_get(&node->graph->model->arena, 1, sizeof(*body));
    if (body == NULL) {
        return no_memory(err);
    }
    body->model = node->graph->model;
    body->owner = node;
    *out_body = body;
    return read_graph(body, proto, scope, err);
}

static status read_bodies(struct graph_node *node, const Onnx__AttributeProto *proto,
                          const struct scope *scope, struct graph_attribute *attribute,
                          struct error *err) {
    struct graph **bodies =
        arena_get(&node->graph->model->arena, proto->n_graphs + 1, sizeof(struct graph *));
    if (bodies == NULL) {
        return no_memory(err);
    }
    attribute->bodies = bodies;
    for (size_t i = 0; i < proto->n_graphs; i++) {
        TRY(new_body(node, proto->graphs[i], scope, &bodies[i], err));
        attribute->count = (uint32_t)i + 1;
    }
    return STATUS_OK;
}

static status read_texts(struct graph_model *model, const Onnx__AttributeProto *proto,
                         struct graph_attribute *attribute, struct error *err) {
    struct slice *texts = arena_get(&model->arena, proto->n_strings + 1, sizeof(*texts));
    if (texts == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < proto->n_strings; i++) {
        texts[i] = (struct slice){(const char *)proto->strings[i].data, proto->strings[i].len};
    }
    attribute->texts = texts;
    attribute->count = (uint32_t)proto->n_strings;
    return STATUS_OK;
}

static status read_tensor_of(struct graph_model *model, const Onnx__AttributeProto *proto,
                             struct graph_attribute *attribute, struct error *err) {
    struct graph_tensor *tensor = arena_get(&model->arena, 1, sizeof(*tensor));
    if (tensor == NULL) {
        return no_memory(err);
    }
    attribute->tensor = tensor;
    return onnx_read_tensor(model, &model->arena, proto->t, tensor, err);
}

/* What an attribute is where a file does not say: before IR 4 it need not. */
static enum graph_attribute_kind kind_of(const Onnx__AttributeProto *proto) {
    if (proto->has_type && proto->type >= 1 && proto->type <= 10) {
        return (enum graph_attribute_kind)proto->type;
    }
    return proto->has_type && proto->type != 0 ? GRAPH_OTHER
           : proto->has_f                      ? GRAPH_FLOAT
           : proto->has_i                      ? GRAPH_INT
           : proto->has_s                      ? GRAPH_TEXT
           : proto->t != NULL                  ? GRAPH_TENSOR
           : proto->g != NULL                  ? GRAPH_BODY
           : proto->n_floats > 0               ? GRAPH_FLOATS
           : proto->n_ints > 0                 ? GRAPH_INTS
           : proto->n_strings > 0              ? GRAPH_TEXTS
           : proto->n_graphs > 0               ? GRAPH_BODIES
                                               : GRAPH_OTHER;
}

static status read_attribute(struct graph_node *node, const Onnx__AttributeProto *proto,
                             const struct scope *scope, struct graph_attribute *attribute,
                             struct error *err) {
    struct graph_model *model = node->graph->model;
    *attribute = (struct graph_attribute){
        .name = onnx_text(proto->name), .kind = kind_of(proto), .origin = proto};
    if ((attribute->kind == GRAPH_TENSOR && proto->t == NULL) ||
        (attribute->kind == GRAPH_BODY && proto->g == NULL)) {
        return fail(err, STATUS_CORRUPT, "attribute '%.*s' of node '%.*s' is empty",
                    SLICE_ARGS(attribute->name), SLICE_ARGS(graph_node_called(node)));
    }
    switch (attribute->kind) {
    case GRAPH_FLOAT:
        attribute->number = proto->f;
        return STATUS_OK;
    case GRAPH_INT:
        attribute->integer = proto->i;
        return STATUS_OK;
    case GRAPH_TEXT:
        attribute->text = (struct slice){(const char *)proto->s.data, proto->s.len};
        return STATUS_OK;
    case GRAPH_TENSOR:
        return read_tensor_of(model, proto, attribute, err);
    case GRAPH_BODY: {
        struct graph *body = NULL;
        const status code = new_body(node, proto->g, scope, &body, err);
        attribute->body = body;
        return code;
    }
    case GRAPH_FLOATS:
        attribute->numbers = proto->floats;
        attribute->count = (uint32_t)proto->n_floats;
        return STATUS_OK;
    case GRAPH_INTS:
        attribute->integers = proto->ints;
        attribute->count = (uint32_t)proto->n_ints;
        return STATUS_OK;
    case GRAPH_TEXTS:
        return read_texts(model, proto, attribute, err);
    case GRAPH_BODIES:
        return read_bodies(node, proto, scope, attribute, err);
    case GRAPH_TENSORS:
    case GRAPH_OTHER:
        break;
    }
    attribute->kind = GRAPH_OTHER;
    return STATUS_OK;
}

static status read_node(struct graph_node *node, const struct scope *scope, struct error *err) {
    const Onnx__NodeProto *proto = node->origin;
    TRY(read_inputs_of(node, scope, err));
    node->attributes = arena_get(&node->graph->model->arena, proto->n_attribute + 1,
                                 sizeof(struct graph_attribute));
    if (node->attributes == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < proto->n_attribute; i++) {
        node->attribute_count = (uint32_t)i + 1;
        TRY(read_attribute(node, proto->attribute[i], scope, &node->attributes[i], err));
    }
    return STATUS_OK;
}

/* --- graphs --- */

static status read_outputs(struct graph *graph, const Onnx__GraphProto *proto,
                           const struct scope *scope, struct error *err) {
    struct arena *arena = &graph->model->arena;
    graph->outputs = arena_get(arena, proto->n_output + 1, sizeof(struct graph_use));
    const struct graph_type **types =
        arena_get(arena, proto->n_output + 1, sizeof(struct graph_type *));
    const void **origins = arena_get(arena, proto->n_output + 1, sizeof(void *));
    if (graph->outputs == NULL || types == NULL || origins == NULL) {
        return no_memory(err);
    }
    graph->output_types = types;
    graph->output_origins = origins;
    graph->output_count = (uint32_t)proto->n_output;
    for (size_t i = 0; i < proto->n_output; i++) {
        const struct slice name = onnx_text(proto->output[i]->name);
        struct graph_value *value = find(scope, name);
        if (value == NULL) {
            return fail(err, STATUS_CORRUPT, "output '%.*s' of graph '%.*s' is made by nothing",
                        SLICE_ARGS(name), SLICE_ARGS(graph->name));
        }
        graph_use_value(&graph->outputs[i], value);
        origins[i] = proto->output[i];
        TRY(read_type(graph->model, proto->output[i], &types[i], err));
    }
    return STATUS_OK;
}

/* What the file says of values between nodes; of those that are not there it is kept as well. */
static status read_declared(struct graph *graph, const Onnx__GraphProto *proto,
                            const struct scope *scope, struct error *err) {
    for (size_t i = 0; i < proto->n_value_info; i++) {
        struct graph_value *value = find_here(scope, onnx_text(proto->value_info[i]->name));
        if (value == NULL || value->origin != NULL) {
            TRY(new_value(graph, proto->value_info[i]->name, &value, err));
        }
        value->origin = proto->value_info[i];
        TRY(read_type(graph->model, proto->value_info[i], &value->type, err));
        if (!graph_values_add(graph->model, &graph->declared, value)) {
            return no_memory(err);
        }
    }
    return STATUS_OK;
}

/* Names that are made are a text, '~' and a number: beyond all that the file has of the kind. */
static void skip_names(struct graph_model *model, const struct scope *scope) {
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct slice name = scope->values[i]->name;
        uint64_t number = 0;
        const struct slice digits = slice_part(name, slice_find(name, '~') + 1, name.count);
        if (text_number(digits, UINT32_MAX, &number) && number > model->names_made) {
            model->names_made = number;
        }
    }
}

static uint64_t value_count(const Onnx__GraphProto *proto) {
    uint64_t count = proto->n_input + proto->n_initializer;
    for (size_t i = 0; i < proto->n_node; i++) {
        count += proto->node[i]->n_output;
    }
    return count;
}

static status read_graph(struct graph *graph, const Onnx__GraphProto *proto,
                         const struct scope *outer, struct error *err) {
    struct scope scope = {.outer = outer, .depth = outer != NULL ? outer->depth + 1 : 0};
    if (scope.depth > GRAPH_DEPTH_MAX) {
        return fail(err, STATUS_INVALID, "bodies lie in bodies more than %d deep", GRAPH_DEPTH_MAX);
    }
    graph->name = onnx_text(proto->name);
    graph->origin = proto;
    if (proto->n_sparse_initializer > 0) {
        return fail(err, STATUS_INVALID, "graph '%.*s' has sparse initializers",
                    SLICE_ARGS(graph->name));
    }
    scope.values =
        arena_get(&graph->model->arena, value_count(proto) + 1, sizeof(struct graph_value *));
    if (scope.values == NULL) {
        return no_memory(err);
    }
    TRY(read_inputs(graph, proto, &scope, err));
    TRY(read_initializers(graph, proto, &scope, err));
    TRY(read_nodes(graph, proto, &scope, err));
    skip_names(graph->model, &scope);
    for (struct graph_node *node = graph->first; node != NULL; node = node->after) {
        TRY(read_node(node, &scope, err));
    }
    TRY(read_outputs(graph, proto, &scope, err));
    TRY(read_declared(graph, proto, &scope, err));
    return graph_sort(graph, err);
}

status onnx_read_graph(struct graph_model *model, const Onnx__ModelProto *proto,
                       struct error *err) {
    if (proto->graph == NULL) {
        return fail(err, STATUS_CORRUPT, "the file has no graph: it is no ONNX model");
    }
    model->origin = proto;
    model->ir_version = proto->ir_version;
    model->has_functions = proto->n_functions > 0;
    model->opsets = arena_get(&model->arena, proto->n_opset_import + 1, sizeof(struct graph_opset));
    if (model->opsets == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < proto->n_opset_import; i++) {
        model->opsets[i] = (struct graph_opset){.domain = onnx_text(proto->opset_import[i]->domain),
                                                .version = proto->opset_import[i]->version};
    }
    model->opset_count = (uint32_t)proto->n_opset_import;
    model->main.model = model;
    return read_graph(&model->main, proto->graph, NULL, err);
}
