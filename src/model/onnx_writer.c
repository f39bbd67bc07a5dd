// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <string.h>

#include "model/onnx_inner.h"

/* protobuf-c only reads what it packs, but its structures do not say so. */
static char *text_of(struct slice text) {
    union {
        const char *shown;
        char *packed;
    } bytes = {.shown = text.bytes};
    assert(text.bytes[text.count] == '\0');
    return bytes.packed;
}

static void *shown(const void *origin) {
    union {
        const void *shown;
        void *packed;
    } thing = {.shown = origin};
    return thing.packed;
}

/* What is being built. */
struct build {
    struct arena *arena;
    struct onnx_data *data; /* NULL: none */
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
}

/* --- tensors and types --- */

static Onnx__TensorProto *build_tensor(const struct build *build, const struct graph_tensor *tensor,
                                       struct slice name) {
    const Onnx__TensorProto *origin = tensor->origin;
    if (origin != NULL && slice_equal(onnx_text(origin->name), name)) {
        return shown(origin);
    }
    Onnx__TensorProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    if (origin != NULL) {
        *proto = *origin;
    } else {
        onnx__tensor_proto__init(proto);
        proto->n_dims = tensor->rank;
        proto->dims = shown(tensor->dims);
        proto->has_data_type = true;
        proto->data_type = (int32_t)tensor->type;
        proto->has_raw_data = true;
        proto->raw_data =
            (ProtobufCBinaryData){.len = tensor->byte_count, .data = shown(tensor->bytes)};
    }
    proto->name = text_of(name);
    return proto;
}

/* The next part of the data; false: no memory. */
static bool add_part(const struct build *build, const void *bytes, uint64_t count) {
    struct onnx_data *data = build->data;
    if (data->part_count == data->room) {
        const size_t room = data->room == 0 ? 64 : data->room * 2;
        struct slice *parts = arena_get(build->arena, room, sizeof(*parts));
        if (parts == NULL) {
            return false;
        }
        for (size_t i = 0; i < data->part_count; i++) {
            parts[i] = data->parts[i];
        }
        data->parts = parts;
        data->room = room;
    }
    data->parts[data->part_count++] = (struct slice){.bytes = bytes, .count = (size_t)count};
    data->byte_count += count;
    return true;
}

/* Has the tensor's bytes in the data, at the next place that can be mapped. */
static bool place_tensor(const struct build *build, const struct graph_tensor *tensor,
                         Onnx__TensorProto *proto) {
    static const char ZEROES[ONNX_EXTERNAL_ALIGN_BYTES];
    struct onnx_data *data = build->data;
    const uint64_t beyond = data->byte_count % ONNX_EXTERNAL_ALIGN_BYTES;
    if (beyond > 0 && !add_part(build, ZEROES, ONNX_EXTERNAL_ALIGN_BYTES - beyond)) {
        return false;
    }
    const struct {
        struct slice key, value;
    } rows[] = {
        {SLICE("location"), {.bytes = data->location, .count = 0}},
        {SLICE("offset"), arena_print(build->arena, "%llu", (unsigned long long)data->byte_count)},
        {SLICE("length"),
         arena_print(build->arena, "%llu", (unsigned long long)tensor->byte_count)},
    };
    enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
    proto->external_data = arena_get(build->arena, ROWS, sizeof(void *));
    Onnx__StringStringEntryProto *entries = arena_get(build->arena, ROWS, sizeof(*entries));
    if (proto->external_data == NULL || entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].value.bytes == NULL) {
            return false;
        }
        onnx__string_string_entry_proto__init(&entries[i]);
        entries[i].key = shown(rows[i].key.bytes);
        entries[i].value = shown(rows[i].value.bytes);
        proto->external_data[i] = &entries[i];
    }
    proto->n_external_data = ROWS;
    proto->has_data_location = true;
    proto->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    return add_part(build, tensor->bytes, tensor->byte_count);
}

static Onnx__TensorProto *build_initializer(const struct build *build,
                                            const struct graph_tensor *tensor, struct slice name) {
    if (build->data == NULL || tensor->bytes == NULL ||
        tensor->byte_count < ONNX_EXTERNAL_BYTES_MIN) {
        return build_tensor(build, tensor, name);
    }
    Onnx__TensorProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    onnx__tensor_proto__init(proto);
    proto->n_dims = tensor->rank;
    proto->dims = shown(tensor->dims);
    proto->has_data_type = true;
    proto->data_type = (int32_t)tensor->type;
    proto->name = text_of(name);
    return place_tensor(build, tensor, proto) ? proto : NULL;
}

static Onnx__TensorShapeProto *build_shape(const struct build *build,
                                           const struct graph_type *type) {
    Onnx__TensorShapeProto *shape = arena_get(build->arena, 1, sizeof(*shape));
    Onnx__TensorShapeProto__Dimension **dims =
        arena_get(build->arena, type->rank + 1, sizeof(Onnx__TensorShapeProto__Dimension *));
    if (shape == NULL || dims == NULL) {
        return NULL;
    }
    onnx__tensor_shape_proto__init(shape);
    shape->n_dim = type->rank;
    shape->dim = dims;
    for (uint32_t i = 0; i < type->rank; i++) {
        dims[i] = arena_get(build->arena, 1, sizeof(*dims[i]));
        if (dims[i] == NULL) {
            return NULL;
        }
        onnx__tensor_shape_proto__dimension__init(dims[i]);
        if (type->dims[i].size >= 0) {
            dims[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i]->dim_value = type->dims[i].size;
        } else if (type->dims[i].name.count > 0) {
            dims[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i]->dim_param = text_of(type->dims[i].name);
        }
    }
    return shape;
}

static Onnx__TypeProto *build_type(const struct build *build, const struct graph_type *type) {
    Onnx__TypeProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    Onnx__TypeProto__Tensor *tensor = arena_get(build->arena, 1, sizeof(*tensor));
    if (proto == NULL || tensor == NULL) {
        return NULL;
    }
    onnx__type_proto__init(proto);
    onnx__type_proto__tensor__init(tensor);
    tensor->has_elem_type = true;
    tensor->elem_type = (int32_t)type->element;
    if (type->has_shape) {
        tensor->shape = build_shape(build, type);
        if (tensor->shape == NULL) {
            return NULL;
        }
    }
    proto->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    proto->tensor_type = tensor;
    return proto;
}

/* What is said of a value: as the file had it, or under another name, or anew. */
static Onnx__ValueInfoProto *build_info(const struct build *build, struct slice name,
                                        const struct graph_type *type, const void *origin) {
    const Onnx__ValueInfoProto *from = origin;
    if (from != NULL && slice_equal(onnx_text(from->name), name)) {
        return shown(origin);
    }
    Onnx__ValueInfoProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    if (from != NULL) {
        *proto = *from;
    } else {
        onnx__value_info_proto__init(proto);
        if (type != NULL && type->is_tensor) {
            proto->type = build_type(build, type);
            if (proto->type == NULL) {
                return NULL;
            }
        }
    }
    proto->name = text_of(name);
    return proto;
}

/* --- nodes --- */

static Onnx__GraphProto *build_graph(const struct build *build, const struct graph *graph);

static bool build_texts(const struct build *build, const struct graph_attribute *attribute,
                        Onnx__AttributeProto *proto) {
    proto->strings = arena_get(build->arena, attribute->count + 1, sizeof(ProtobufCBinaryData));
    proto->n_strings = attribute->count;
    for (uint32_t i = 0; proto->strings != NULL && i < attribute->count; i++) {
        proto->strings[i] = (ProtobufCBinaryData){.len = attribute->texts[i].count,
                                                  .data = shown(attribute->texts[i].bytes)};
    }
    return proto->strings != NULL;
}

static bool build_bodies(const struct build *build, const struct graph_attribute *attribute,
                         Onnx__AttributeProto *proto) {
    proto->graphs = arena_get(build->arena, attribute->count + 1, sizeof(Onnx__GraphProto *));
    proto->n_graphs = attribute->count;
    for (uint32_t i = 0; proto->graphs != NULL && i < attribute->count; i++) {
        proto->graphs[i] = build_graph(build, attribute->bodies[i]);
        if (proto->graphs[i] == NULL) {
            return false;
        }
    }
    return proto->graphs != NULL;
}

static bool build_held(const struct build *build, const struct graph_attribute *attribute,
                       Onnx__AttributeProto *proto) {
    switch (attribute->kind) {
    case GRAPH_FLOAT:
        proto->has_f = true;
        proto->f = attribute->number;
        return true;
    case GRAPH_INT:
        proto->has_i = true;
        proto->i = attribute->integer;
        return true;
    case GRAPH_TEXT:
        proto->has_s = true;
        proto->s = (ProtobufCBinaryData){.len = attribute->text.count,
                                         .data = shown(attribute->text.bytes)};
        return true;
    case GRAPH_TENSOR:
        proto->t = build_tensor(build, attribute->tensor, SLICE(""));
        return proto->t != NULL;
    case GRAPH_BODY:
        proto->g = build_graph(build, attribute->body);
        return proto->g != NULL;
    case GRAPH_FLOATS:
        proto->n_floats = attribute->count;
        proto->floats = shown(attribute->numbers);
        return true;
    case GRAPH_INTS:
        proto->n_ints = attribute->count;
        proto->ints = shown(attribute->integers);
        return true;
    case GRAPH_TEXTS:
        return build_texts(build, attribute, proto);
    case GRAPH_BODIES:
        return build_bodies(build, attribute, proto);
    case GRAPH_TENSORS:
    case GRAPH_OTHER:
        break;
    }
    return true; /* of a file alone, as its origin has it */
}

static Onnx__AttributeProto *build_attribute(const struct build *build,
                                             const struct graph_attribute *attribute) {
    const bool has_bodies = attribute->kind == GRAPH_BODY || attribute->kind == GRAPH_BODIES;
    if (attribute->origin != NULL && !has_bodies) {
        return shown(attribute->origin);
    }
    Onnx__AttributeProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    if (attribute->origin != NULL) {
        *proto = *(const Onnx__AttributeProto *)attribute->origin;
    } else {
        onnx__attribute_proto__init(proto);
        proto->name = text_of(attribute->name);
        proto->has_type = true;
        proto->type = (Onnx__AttributeProto__AttributeType)attribute->kind;
    }
    return build_held(build, attribute, proto) ? proto : NULL;
}

static bool build_names(const struct build *build, const struct graph_node *node,
                        Onnx__NodeProto *proto) {
    proto->n_input = node->input_count;
    proto->input = arena_get(build->arena, node->input_count + 1, sizeof(char *));
    proto->n_output = node->output_count;
    proto->output = arena_get(build->arena, node->output_count + 1, sizeof(char *));
    if (proto->input == NULL || proto->output == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *value = node->inputs[i].value;
        proto->input[i] = text_of(value != NULL ? value->name : SLICE(""));
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct graph_value *value = node->outputs[i];
        proto->output[i] = text_of(value != NULL ? value->name : SLICE(""));
    }
    return true;
}

static Onnx__NodeProto *build_node(const struct build *build, const struct graph_node *node) {
    Onnx__NodeProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    if (node->origin != NULL) {
        *proto = *(const Onnx__NodeProto *)node->origin;
    } else {
        onnx__node_proto__init(proto);
        proto->name = text_of(node->name);
    }
    if (!slice_equal(onnx_text(proto->op_type), node->op)) {
        proto->op_type = text_of(node->op);
    }
    if (!slice_equal(onnx_text(proto->domain), node->domain)) {
        proto->domain = text_of(node->domain);
    }
    proto->n_attribute = node->attribute_count;
    proto->attribute =
        arena_get(build->arena, node->attribute_count + 1, sizeof(Onnx__AttributeProto *));
    if (proto->attribute == NULL || !build_names(build, node, proto)) {
        return NULL;
    }
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        proto->attribute[i] = build_attribute(build, &node->attributes[i]);
        if (proto->attribute[i] == NULL) {
            return NULL;
        }
    }
    return proto;
}

/* --- graphs --- */

static bool build_nodes(const struct build *build, const struct graph *graph,
                        Onnx__GraphProto *proto) {
    proto->n_node = 0;
    for (const struct graph_node *node = graph->first; node != NULL; node = node->after) {
        proto->n_node++;
    }
    proto->node = arena_get(build->arena, proto->n_node + 1, sizeof(Onnx__NodeProto *));
    if (proto->node == NULL) {
        return false;
    }
    Onnx__NodeProto **place = proto->node;
    for (const struct graph_node *node = graph->first; node != NULL; node = node->after) {
        *place = build_node(build, node);
        if (*place++ == NULL) {
            return false;
        }
    }
    return true;
}

static bool build_initializers(const struct build *build, const struct graph *graph,
                               Onnx__GraphProto *proto) {
    const struct graph_values *from = &graph->initializers;
    proto->n_initializer = from->count;
    proto->initializer = arena_get(build->arena, from->count + 1, sizeof(Onnx__TensorProto *));
    for (uint32_t i = 0; proto->initializer != NULL && i < from->count; i++) {
        proto->initializer[i] =
            build_initializer(build, from->items[i]->tensor, from->items[i]->name);
        if (proto->initializer[i] == NULL) {
            return false;
        }
    }
    return proto->initializer != NULL;
}

static bool is_told(const struct graph_value *value) {
    return value->producer != NULL || value->tensor != NULL || value->is_input ||
           !value->graph->model->changed;
}

static Onnx__ValueInfoProto **build_infos(const struct build *build,
                                          const struct graph_values *values, size_t *out_count) {
    Onnx__ValueInfoProto **infos =
        arena_get(build->arena, values->count + 1, sizeof(Onnx__ValueInfoProto *));
    size_t count = 0;
    for (uint32_t i = 0; infos != NULL && i < values->count; i++) {
        const struct graph_value *value = values->items[i];
        if (is_told(value)) {
            infos[count] = build_info(build, value->name, value->type, value->origin);
            if (infos[count++] == NULL) {
                return NULL;
            }
        }
    }
    *out_count = count;
    return infos;
}

static bool build_outputs(const struct build *build, const struct graph *graph,
                          Onnx__GraphProto *proto) {
    proto->n_output = graph->output_count;
    proto->output =
        arena_get(build->arena, graph->output_count + 1, sizeof(Onnx__ValueInfoProto *));
    for (uint32_t i = 0; proto->output != NULL && i < graph->output_count; i++) {
        proto->output[i] = build_info(build, graph->outputs[i].value->name, graph->output_types[i],
                                      graph->output_origins[i]);
        if (proto->output[i] == NULL) {
            return false;
        }
    }
    return proto->output != NULL;
}

static Onnx__GraphProto *build_graph(const struct build *build, const struct graph *graph) {
    Onnx__GraphProto *proto = arena_get(build->arena, 1, sizeof(*proto));
    if (proto == NULL) {
        return NULL;
    }
    *proto = *(const Onnx__GraphProto *)graph->origin;
    proto->input = build_infos(build, &graph->inputs, &proto->n_input);
    proto->value_info = build_infos(build, &graph->declared, &proto->n_value_info);
    const bool is_whole =
        proto->input != NULL && proto->value_info != NULL && build_nodes(build, graph, proto) &&
        build_initializers(build, graph, proto) && build_outputs(build, graph, proto);
    return is_whole ? proto : NULL;
}

static bool build_opsets(const struct build *build, const struct graph_model *model,
                         Onnx__ModelProto *proto) {
    const Onnx__ModelProto *origin = model->origin;
    proto->n_opset_import = model->opset_count;
    proto->opset_import =
        arena_get(build->arena, model->opset_count + 1, sizeof(Onnx__OperatorSetIdProto *));
    for (uint32_t i = 0; proto->opset_import != NULL && i < model->opset_count; i++) {
        Onnx__OperatorSetIdProto *opset = arena_get(build->arena, 1, sizeof(*opset));
        if (opset == NULL) {
            return false;
        }
        if (i < origin->n_opset_import) {
            *opset = *origin->opset_import[i];
        } else {
            onnx__operator_set_id_proto__init(opset);
            opset->domain = text_of(model->opsets[i].domain);
        }
        opset->has_version = true;
        opset->version = model->opsets[i].version;
        proto->opset_import[i] = opset;
    }
    return proto->opset_import != NULL;
}

status onnx_build(const struct graph_model *model, struct arena *arena, struct onnx_data *data,
                  Onnx__ModelProto *out_proto, struct error *err) {
    const struct build build = {.arena = arena, .data = data};
    *out_proto = *(const Onnx__ModelProto *)model->origin;
    out_proto->ir_version = model->ir_version;
    out_proto->graph = build_graph(&build, &model->main);
    return out_proto->graph != NULL && build_opsets(&build, model, out_proto) ? STATUS_OK
                                                                              : no_memory(err);
}
