// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_outline.h"

#include <assert.h>

#include "model/onnx_inner.h"

enum { OUTLINE_BYTES_MAX = 1 << 20 };

/* protobuf-c only reads what it packs, but its structures do not say so. */
static char *text_of(const char *text) {
    union {
        const char *shown;
        char *packed;
    } bytes = {.shown = text};
    return bytes.packed;
}

/* The messages of one port; they point at each other. */
struct port {
    Onnx__ValueInfoProto info;
    Onnx__TypeProto type;
    Onnx__TypeProto__Tensor tensor;
    Onnx__TensorShapeProto shape;
    Onnx__TensorShapeProto__Dimension dims[OUTLINE_RANK_MAX];
    Onnx__TensorShapeProto__Dimension *dim_list[OUTLINE_RANK_MAX];
};

static void fill_port(const struct onnx_port *from, struct port *port) {
    assert(from->rank <= OUTLINE_RANK_MAX);
    onnx__value_info_proto__init(&port->info);
    onnx__type_proto__init(&port->type);
    onnx__type_proto__tensor__init(&port->tensor);
    onnx__tensor_shape_proto__init(&port->shape);
    for (uint32_t i = 0; i < from->rank; i++) {
        Onnx__TensorShapeProto__Dimension *dim = &port->dims[i];
        onnx__tensor_shape_proto__dimension__init(dim);
        if (from->dims[i] >= 0) {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim->dim_value = from->dims[i];
        } else {
            dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim->dim_param = text_of(from->open_name);
        }
        port->dim_list[i] = dim;
    }
    port->shape.n_dim = from->rank;
    port->shape.dim = port->dim_list;
    port->tensor.has_elem_type = true;
    port->tensor.elem_type = (int32_t)from->element;
    port->tensor.shape = &port->shape;
    port->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    port->type.tensor_type = &port->tensor;
    port->info.name = text_of(from->name);
    port->info.type = &port->type;
}

/* All messages of an outline. */
struct outline {
    Onnx__ModelProto model;
    Onnx__GraphProto graph;
    Onnx__OperatorSetIdProto opset, *opsets[1];
    Onnx__NodeProto node, *nodes[1];
    char *node_inputs[1], *node_outputs[1];
    struct port ports[OUTLINE_INPUTS_MAX + 1];
    Onnx__ValueInfoProto *inputs[OUTLINE_INPUTS_MAX], *outputs[1];
    Onnx__StringStringEntryProto notes[OUTLINE_NOTES_MAX], *note_list[OUTLINE_NOTES_MAX];
};

/* An Identity that stands where nodes will. */
static void fill_graph(const struct onnx_outline *from, struct outline *to) {
    onnx__graph_proto__init(&to->graph);
    onnx__node_proto__init(&to->node);
    for (uint32_t i = 0; i < from->input_count; i++) {
        fill_port(&from->inputs[i], &to->ports[i]);
        to->inputs[i] = &to->ports[i].info;
    }
    struct port *output = &to->ports[OUTLINE_INPUTS_MAX];
    fill_port(&from->output, output);
    to->outputs[0] = &output->info;
    to->node_inputs[0] = text_of(from->inputs[0].name);
    to->node_outputs[0] = text_of(from->output.name);
    to->node.op_type = text_of("Identity");
    to->node.n_input = 1;
    to->node.input = to->node_inputs;
    to->node.n_output = 1;
    to->node.output = to->node_outputs;
    to->nodes[0] = &to->node;
    to->graph.name = text_of(from->name);
    to->graph.n_input = from->input_count;
    to->graph.input = to->inputs;
    to->graph.n_output = 1;
    to->graph.output = to->outputs;
    to->graph.n_node = 1;
    to->graph.node = to->nodes;
}

static void fill_model(const struct onnx_outline *from, struct outline *to) {
    onnx__model_proto__init(&to->model);
    onnx__operator_set_id_proto__init(&to->opset);
    fill_graph(from, to);
    for (uint32_t i = 0; i < from->note_count; i++) {
        onnx__string_string_entry_proto__init(&to->notes[i]);
        to->notes[i].key = text_of(from->notes[i].name);
        to->notes[i].value = text_of(from->notes[i].text);
        to->note_list[i] = &to->notes[i];
    }
    to->opset.has_version = true;
    to->opset.version = OUTLINE_OPSET;
    to->opset.domain = text_of("");
    to->opsets[0] = &to->opset;
    to->model.has_ir_version = true;
    to->model.ir_version = OUTLINE_IR;
    to->model.producer_name = text_of("ebb");
    to->model.producer_version = text_of(EBB_VERSION);
    to->model.n_opset_import = 1;
    to->model.opset_import = to->opsets;
    to->model.graph = &to->graph;
    to->model.n_metadata_props = from->note_count;
    to->model.metadata_props = to->note_list;
}

status onnx_outline_begin(const struct onnx_outline *outline, struct graph_model **out_model,
                          struct error *err) {
    assert(outline->input_count > 0 && outline->input_count <= OUTLINE_INPUTS_MAX);
    assert(outline->note_count <= OUTLINE_NOTES_MAX);
    struct outline messages;
    fill_model(outline, &messages);
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, OUTLINE_BYTES_MAX);
    const size_t count = protobuf_c_message_get_packed_size(&messages.model.base);
    char *place = buffer_reserve(&bytes, count);
    if (place == NULL) {
        return buffer_status(&bytes, err);
    }
    buffer_took(&bytes, protobuf_c_message_pack(&messages.model.base, (uint8_t *)place));
    return onnx_file_read(buffer_slice(&bytes), NULL, out_model, err);
}

status onnx_outline_end(struct graph_model *model, struct graph_value *value, struct error *err) {
    struct graph_node *placeholder = model->main.first;
    while (placeholder->outputs[0] != model->main.outputs[0].value) {
        placeholder = placeholder->after;
    }
    if (graph_replace(placeholder->outputs[0], value) != STATUS_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a model");
    }
    graph_remove_node(placeholder);
    return graph_verify(model, err);
}

struct slice onnx_note(const struct graph_model *model, const char *name) {
    const Onnx__ModelProto *origin = model->origin;
    for (size_t i = 0; i < origin->n_metadata_props; i++) {
        if (slice_is(onnx_text(origin->metadata_props[i]->key), name)) {
            return onnx_text(origin->metadata_props[i]->value);
        }
    }
    return (struct slice){0};
}
