// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/table.h"
#include "model/model_facts.h"
#include "model/onnx_file.h"
#include "platform/file.h"

enum { LAYERS_SHOWN = 10, ANSWER_MEMBERS = 15, PORT_MEMBERS = 3 };

struct inspected {
    const char *path;
    int64_t file_bytes;
    const struct graph_model *model;
    struct model_facts facts;
    struct model_chance chances[MODEL_CHANCES_MAX];
    uint32_t chance_count;
};

/* --- JSON --- */

static struct value dims_value(struct arena *arena, const struct graph_type *type) {
    struct value list = {.kind = VALUE_NULL};
    if (type == NULL || !type->has_shape) {
        return list;
    }
    struct value *dims = value_new_list(arena, type->rank, &list);
    for (uint32_t i = 0; dims != NULL && i < type->rank; i++) {
        dims[i] = type->dims[i].size >= 0        ? value_of_integer(type->dims[i].size)
                  : type->dims[i].name.count > 0 ? value_of_text(type->dims[i].name)
                                                 : (struct value){.kind = VALUE_NULL};
    }
    return list;
}

static struct value port_value(struct arena *arena, struct slice name,
                               const struct graph_type *type) {
    struct value value = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, PORT_MEMBERS, &value);
    if (members != NULL) {
        const bool is_tensor = type != NULL && type->is_tensor;
        members[0] = (struct member){SLICE("name"), value_of_text(name)};
        members[1] = (struct member){
            SLICE("type"), is_tensor ? value_of_text(slice_of(element_type_name(type->element)))
                                     : (struct value){.kind = VALUE_NULL}};
        members[2] = (struct member){SLICE("shape"), dims_value(arena, type)};
    }
    return value;
}

static struct value inputs_value(struct arena *arena, const struct graph *graph) {
    struct value list = {.kind = VALUE_NULL};
    struct value *items = value_new_list(arena, graph->inputs.count, &list);
    uint32_t count = 0;
    for (uint32_t i = 0; items != NULL && i < graph->inputs.count; i++) {
        const struct graph_value *input = graph->inputs.items[i];
        if (graph_constant(input) == NULL) {
            items[count++] = port_value(arena, input->name, input->type);
        }
    }
    list.count = items != NULL ? count : list.count;
    return list;
}

static struct value outputs_value(struct arena *arena, const struct graph *graph) {
    struct value list = {.kind = VALUE_NULL};
    struct value *items = value_new_list(arena, graph->output_count, &list);
    for (uint32_t i = 0; items != NULL && i < graph->output_count; i++) {
        items[i] = port_value(arena, graph->outputs[i].value->name, graph->output_types[i]);
    }
    return list;
}

static struct value operators_value(struct arena *arena, const struct model_facts *facts) {
    struct value object = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, facts->operator_count, &object);
    for (uint32_t i = 0; members != NULL && i < facts->operator_count; i++) {
        const struct model_operator *at = &facts->operators[i];
        const struct slice name =
            at->domain.count == 0
                ? at->op
                : arena_print(arena, "%.*s:%.*s", SLICE_ARGS(at->domain), SLICE_ARGS(at->op));
        members[i] = (struct member){name, value_of_integer(at->count)};
    }
    return object;
}

static struct value layers_value(struct arena *arena, const struct model_facts *facts) {
    struct value list = {.kind = VALUE_NULL};
    struct value *items = value_new_list(arena, facts->layer_count, &list);
    for (uint32_t i = 0; items != NULL && i < facts->layer_count; i++) {
        const struct model_layer *layer = &facts->layers[i];
        struct member *members = value_new_object(arena, 4, &items[i]);
        if (members == NULL) {
            return (struct value){.kind = VALUE_NULL};
        }
        members[0] = (struct member){SLICE("name"), value_of_text(layer->name)};
        members[1] = (struct member){SLICE("operator"), value_of_text(layer->op)};
        members[2] =
            (struct member){SLICE("weights"), value_of_integer((int64_t)layer->weight_count)};
        members[3] = (struct member){SLICE("bytes"), value_of_integer((int64_t)layer->byte_count)};
    }
    return list;
}

static struct value chances_value(struct arena *arena, const struct inspected *inspected) {
    struct value list = {.kind = VALUE_NULL};
    struct value *items = value_new_list(arena, inspected->chance_count, &list);
    for (uint32_t i = 0; items != NULL && i < inspected->chance_count; i++) {
        struct member *members = value_new_object(arena, 2, &items[i]);
        if (members != NULL) {
            members[0] = (struct member){SLICE("what"), value_of_text(inspected->chances[i].what)};
            members[1] =
                (struct member){SLICE("command"), value_of_text(inspected->chances[i].command)};
        }
    }
    return list;
}

static status write_json(struct call *call, const struct inspected *inspected, struct error *err) {
    struct arena *arena = &call->arena;
    const struct model_facts *facts = &inspected->facts;
    struct value answer = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, ANSWER_MEMBERS, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    const struct member rows[ANSWER_MEMBERS] = {
        {SLICE("file"), value_of_text(slice_of(inspected->path))},
        {SLICE("bytes"), value_of_integer(inspected->file_bytes)},
        {SLICE("ir_version"), value_of_integer(inspected->model->ir_version)},
        {SLICE("opset"), value_of_integer(graph_opset(inspected->model))},
        {SLICE("inputs"), inputs_value(arena, &inspected->model->main)},
        {SLICE("outputs"), outputs_value(arena, &inspected->model->main)},
        {SLICE("nodes"), value_of_integer(facts->node_count)},
        {SLICE("bodies"), value_of_integer(facts->body_count)},
        {SLICE("operators"), operators_value(arena, facts)},
        {SLICE("weights"), value_of_integer((int64_t)facts->weight_count)},
        {SLICE("weight_bytes"), value_of_integer((int64_t)facts->byte_count)},
        {SLICE("quantizable_bytes"), value_of_integer((int64_t)facts->quantizable_byte_count)},
        {SLICE("external_data"), value_of_boolean(facts->has_external_data)},
        {SLICE("layers"), layers_value(arena, facts)},
        {SLICE("chances"), chances_value(arena, inspected)},
    };
    for (size_t i = 0; i < ANSWER_MEMBERS; i++) {
        members[i] = rows[i];
    }
    return call_write_json(call, answer, false, err);
}

/* --- for people --- */

static void write_head(struct call *call, const struct inspected *inspected) {
    struct arena *arena = &call->arena;
    const struct model_facts *facts = &inspected->facts;
    const struct slice bytes = human_bytes(arena, inspected->file_bytes);
    const struct slice weights = human_bytes(arena, (int64_t)facts->byte_count);
    (void)fprintf(call->out, "%s: %.*s, opset %lld, IR %lld\n", inspected->path, SLICE_ARGS(bytes),
                  (long long)graph_opset(inspected->model),
                  (long long)inspected->model->ir_version);
    (void)fprintf(call->out, "%u nodes", facts->node_count);
    if (facts->body_count > 0) {
        (void)fprintf(call->out, " (with %u bodies of If, Loop or Scan)", facts->body_count);
    }
    (void)fprintf(call->out, ", %llu weights in %.*s%s\n\n",
                  (unsigned long long)facts->weight_count, SLICE_ARGS(weights),
                  facts->has_external_data ? ", partly in files beside it" : "");
}

static status write_ports(struct call *call, const struct inspected *inspected, struct error *err) {
    static const struct table_column COLUMNS[] = {{"", false}, {"NAME", false}, {"TYPE", false}};
    struct arena *arena = &call->arena;
    const struct graph *graph = &inspected->model->main;
    struct table table;
    table_init(&table, arena, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < graph->inputs.count; i++) {
        const struct graph_value *input = graph->inputs.items[i];
        if (graph_constant(input) == NULL) {
            table_add(&table, (const struct slice[]){SLICE("input"), input->name,
                                                     model_type_text(input->type, arena)});
        }
    }
    for (uint32_t i = 0; i < graph->output_count; i++) {
        table_add(&table, (const struct slice[]){SLICE("output"), graph->outputs[i].value->name,
                                                 model_type_text(graph->output_types[i], arena)});
    }
    return table_write(&table, call->out, &call->terminal, err);
}

static void write_operators(struct call *call, const struct model_facts *facts) {
    (void)fprintf(call->out, "\n");
    for (uint32_t i = 0; i < facts->operator_count; i++) {
        (void)fprintf(call->out, "%s%u %.*s",
                      i > 0 ? ", " : "operators: ", facts->operators[i].count,
                      SLICE_ARGS(facts->operators[i].op));
    }
    (void)fprintf(call->out, "\n");
}

static status write_layers(struct call *call, const struct model_facts *facts, struct error *err) {
    static const struct table_column COLUMNS[] = {{"LAYER", false},
                                                  {"OPERATOR", false},
                                                  {"WEIGHTS", false},
                                                  {"SIZE", true},
                                                  {"OF ALL", true}};
    struct arena *arena = &call->arena;
    const uint32_t shown = call_has(call, "all") || facts->layer_count < LAYERS_SHOWN
                               ? facts->layer_count
                               : LAYERS_SHOWN;
    struct table table;
    table_init(&table, arena, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < shown; i++) {
        const struct model_layer *layer = &facts->layers[i];
        const double share = 100.0 * (double)layer->byte_count /
                             (double)(facts->byte_count > 0 ? facts->byte_count : 1);
        table_add(&table, (const struct slice[]){layer->name, layer->op,
                                                 model_tensor_text(layer->largest, arena),
                                                 human_bytes(arena, (int64_t)layer->byte_count),
                                                 arena_print(arena, "%.1f %%", share)});
    }
    (void)fprintf(call->out, "\n");
    TRY(table_write(&table, call->out, &call->terminal, err));
    if (shown < facts->layer_count) {
        (void)fprintf(call->out, "and %u smaller ones: --all shows them\n",
                      facts->layer_count - shown);
    }
    return STATUS_OK;
}

static void write_chances(struct call *call, const struct inspected *inspected) {
    for (uint32_t i = 0; i < inspected->chance_count; i++) {
        (void)fprintf(call->out, "%s  %.*s\n      %.*s\n", i == 0 ? "\nwhat could be won:\n" : "",
                      SLICE_ARGS(inspected->chances[i].what),
                      SLICE_ARGS(inspected->chances[i].command));
    }
}

static status write_text(struct call *call, const struct inspected *inspected, struct error *err) {
    write_head(call, inspected);
    TRY(write_ports(call, inspected, err));
    write_operators(call, &inspected->facts);
    if (inspected->facts.layer_count > 0) {
        TRY(write_layers(call, &inspected->facts, err));
    }
    write_chances(call, inspected);
    return STATUS_OK;
}

static void close_model(struct graph_model **model) {
    onnx_file_close(*model);
}

static status run(struct call *call, struct error *err) {
    CLEANUP(close_model) struct graph_model *model = NULL;
    struct inspected inspected = {.path = call_argument(call, 0)};
    struct file_facts file;
    TRY(file_facts(inspected.path, &file, err));
    TRY(onnx_file_open(inspected.path, &model, err));
    inspected.model = model;
    inspected.file_bytes = file.bytes;
    TRY(model_facts_read(model, &call->arena, &inspected.facts, err));
    inspected.chance_count = model_facts_chances(model, &inspected.facts, inspected.path,
                                                 &call->arena, inspected.chances);
    return call->json ? write_json(call, &inspected, err) : write_text(call, &inspected, err);
}

static const struct command_option OPTIONS[] = {{"all", NULL, "every layer, not the largest ten"},
                                                {0}};

const struct command cmd_model_inspect = {
    .noun = "model",
    .verb = "inspect",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Show what is in an ONNX file, and what could be won",
    .details = "Inputs and outputs, operators, the weights layer by layer, and which commands may\n"
               "make the model smaller or faster. Nothing is run and nothing changes.\n",
    .example = "ebb model inspect model.onnx",
    .options = OPTIONS,
    .run = run};
