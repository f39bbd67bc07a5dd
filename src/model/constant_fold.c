// SPDX-License-Identifier: Apache-2.0
#include "model/constant_fold.h"

#include <string.h>

#include "base/buffer.h"
#include "model/graph_inner.h"
#include "model/onnx_file.h"
#include "platform/inference.h"

enum { OUTPUTS_MAX = 4 * CONSTANT_FOLD_NODES_MAX, INPUTS_MAX = 4 * CONSTANT_FOLD_NODES_MAX };

/* Marks of nodes. */
enum { MARK_NEW, MARK_LEFT };

/* Nodes that are run together, and the same as a model of their own. */
struct wave {
    struct graph_node *nodes[CONSTANT_FOLD_NODES_MAX];
    uint32_t count;
    uint64_t bytes;
    struct graph_model model;
    struct graph_value *from[INPUTS_MAX], *copies[INPUTS_MAX]; /* constants of both */
    uint32_t constant_count;
    struct graph_value *outputs[OUTPUTS_MAX]; /* of the nodes; not owned */
    struct graph_node *makers[OUTPUTS_MAX];
    uint32_t output_count;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for constants");
}

/* --- which nodes --- */

static bool is_left_alone(const struct graph_node *node) {
    /* A recurrent layer with something wrong in it may end the process; the last three are how a
     * quantised model says what it is. */
    static const char *const OPS[] = {"Constant",
                                      "RandomNormal",
                                      "RandomNormalLike",
                                      "RandomUniform",
                                      "RandomUniformLike",
                                      "Multinomial",
                                      "Bernoulli",
                                      "LSTM",
                                      "GRU",
                                      "RNN",
                                      "QuantizeLinear",
                                      "DequantizeLinear",
                                      "DynamicQuantizeLinear"};
    for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
        if (graph_node_is(node, OPS[i])) {
            return true;
        }
    }
    return false;
}

static bool has_bodies(const struct graph_node *node) {
    for (uint32_t i = 0; i < node->attribute_count; i++) {
        if (node->attributes[i].kind == GRAPH_BODY || node->attributes[i].kind == GRAPH_BODIES) {
            return true;
        }
    }
    return false;
}

/* Bytes of a node's inputs when it can be run now: they are all constants with numbers. */
static bool may_run(const struct graph_node *node, uint64_t *out_bytes) {
    uint32_t given = 0;
    *out_bytes = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct graph_value *value = node->inputs[i].value;
        const struct graph_tensor *tensor = graph_constant(value);
        if (value != NULL && (tensor == NULL || tensor->bytes == NULL)) {
            return false;
        }
        given += value != NULL ? 1 : 0;
        *out_bytes += tensor != NULL ? tensor->byte_count : 0;
    }
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < node->output_count; i++) {
        const struct graph_value *value = node->outputs[i];
        if (value != NULL && graph_is_output(value)) {
            return false;
        }
        wanted += value != NULL && value->uses != NULL ? 1 : 0;
    }
    return given > 0 && wanted > 0 && node->mark == MARK_NEW &&
           (node->domain.count == 0 || slice_is(node->domain, "ai.onnx")) && !is_left_alone(node) &&
           !has_bodies(node) && node->input_count <= 16 && node->output_count <= 4;
}

static void gather(struct graph_model *model, struct wave *wave) {
    wave->count = 0;
    wave->bytes = 0;
    for (struct graph_node *node = graph_walk(model, NULL);
         node != NULL && wave->count < CONSTANT_FOLD_NODES_MAX; node = graph_walk(model, node)) {
        uint64_t bytes;
        if (may_run(node, &bytes) &&
            (wave->count == 0 || wave->bytes + bytes <= CONSTANT_FOLD_BYTES_MAX)) {
            wave->nodes[wave->count++] = node;
            wave->bytes += bytes;
        }
    }
}

/* --- a model of them --- */

/* The wave's own value for a constant of the model. NULL: no memory, or too many. */
static struct graph_value *constant_of(struct wave *wave, struct graph_value *value) {
    for (uint32_t i = 0; i < wave->constant_count; i++) {
        if (wave->from[i] == value) {
            return wave->copies[i];
        }
    }
    if (wave->constant_count == INPUTS_MAX) {
        return NULL;
    }
    struct graph_value *copy =
        graph_add_tensor(&wave->model.main, slice_of("c"), graph_constant(value));
    wave->from[wave->constant_count] = value;
    wave->copies[wave->constant_count] = copy;
    wave->constant_count += copy != NULL ? 1 : 0;
    return copy;
}

static bool add_node(struct wave *wave, struct graph_node *node) {
    struct graph_value *inputs[16] = {NULL};
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i].value != NULL) {
            inputs[i] = constant_of(wave, node->inputs[i].value);
            if (inputs[i] == NULL) {
                return false;
            }
        }
    }
    struct graph_node *copy = graph_add_node(&wave->model.main, NULL, "", inputs, node->input_count,
                                             node->output_count, slice_of("v"));
    if (copy == NULL) {
        return false;
    }
    copy->op = node->op;
    copy->attributes = node->attributes;
    copy->attribute_count = node->attribute_count;
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == NULL || node->outputs[i]->uses == NULL) {
            continue;
        }
        graph_use_value(&wave->model.main.outputs[wave->output_count], copy->outputs[i]);
        wave->outputs[wave->output_count] = node->outputs[i];
        wave->makers[wave->output_count++] = node;
    }
    return true;
}

static bool build(struct wave *wave, const struct graph_model *model) {
    struct graph *graph = &wave->model.main;
    wave->model.names_made = 0;
    wave->constant_count = 0;
    wave->output_count = 0;
    *graph = (struct graph){
        .model = &wave->model, .name = model->main.name, .origin = model->main.origin};
    struct arena *arena = &wave->model.arena;
    arena_reset(arena);
    graph->outputs = arena_get(arena, OUTPUTS_MAX, sizeof(struct graph_use));
    graph->output_types = arena_get(arena, OUTPUTS_MAX, sizeof(struct graph_type *));
    graph->output_origins = arena_get(arena, OUTPUTS_MAX, sizeof(void *));
    if (graph->outputs == NULL || graph->output_types == NULL || graph->output_origins == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < wave->count; i++) {
        if (!add_node(wave, wave->nodes[i])) {
            return false;
        }
    }
    graph->output_count = wave->output_count;
    return true;
}

/* --- running it --- */

static status open_wave(struct wave *wave, struct inference_model **out_opened, struct error *err) {
    const struct inference_options options = {.threads = 1,
                                              .memory_bytes = CONSTANT_FOLD_MEMORY_MAX,
                                              .level = INFERENCE_LEVEL_NONE,
                                              .folder = wave->model.folder.bytes};
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(&wave->model, &bytes, err));
    return inference_open_bytes(buffer_slice(&bytes), &options, out_opened, err);
}

/* Bytes that an output may have: little more than what it is made of. */
static uint64_t bytes_most(const struct graph_node *node) {
    uint64_t bytes;
    (void)may_run(node, &bytes);
    return bytes + CONSTANT_FOLD_GROWTH_BYTES_MAX;
}

/* What is known before the run to become too large is not run. true: there is none. */
static bool leave_large(struct wave *wave, const struct inference_model *opened) {
    bool are_small = true;
    for (uint32_t i = 0; i < wave->output_count; i++) {
        const struct inference_port *port = inference_output(opened, i);
        size_t count = 0;
        bool is_known = port->is_tensor;
        for (uint32_t axis = 0; axis < port->rank; axis++) {
            is_known = is_known && port->shape[axis] >= 0;
        }
        const bool is_small =
            port->is_tensor &&
            (!is_known || (tensor_count(port->type, port->shape, port->rank, &count) &&
                           count * tensor_type_bytes(port->type) <= bytes_most(wave->makers[i])));
        if (!is_small) {
            wave->makers[i]->mark = MARK_LEFT;
            are_small = false;
        }
    }
    return are_small;
}

static status settle(struct wave *wave, uint32_t index, const struct tensor *made) {
    struct graph_value *value = wave->outputs[index];
    struct graph_model *model = value->graph->model;
    void *bytes = NULL;
    struct graph_tensor *tensor = graph_tensor_new(model, element_type_of_tensor(made->type),
                                                   made->shape, made->rank, &bytes);
    if (tensor == NULL) {
        return STATUS_NO_MEMORY;
    }
    (void)memcpy(bytes, made->bytes, made->byte_count);
    return graph_settle(value, tensor);
}

/* All outputs of a node are settled, or none: it goes or it stays. */
static bool is_small(const struct wave *wave, const struct tensor *made, uint32_t index) {
    bool are_small = true;
    for (uint32_t i = 0; i < wave->output_count; i++) {
        are_small = are_small && (wave->makers[i] != wave->makers[index] ||
                                  made[i].byte_count <= bytes_most(wave->makers[i]));
    }
    return are_small;
}

static status keep(struct wave *wave, const struct tensor *made, uint32_t *changes,
                   struct error *err) {
    bool are_small[OUTPUTS_MAX] = {false};
    for (uint32_t i = 0; i < wave->output_count; i++) {
        are_small[i] = is_small(wave, made, i);
    }
    for (uint32_t i = 0; i < wave->output_count; i++) {
        const bool is_new = wave->makers[i]->mark == MARK_NEW;
        wave->makers[i]->mark = MARK_LEFT;
        if (are_small[i] && settle(wave, i, &made[i]) != STATUS_OK) {
            return no_memory(err);
        }
        *changes += are_small[i] && is_new ? 1 : 0;
    }
    return STATUS_OK;
}

/* INVALID, FULL and so on: one of the nodes cannot be run. */
static status run_wave(struct wave *wave, struct inference_model *opened, uint32_t *changes,
                       struct error *err) {
    struct inference_run *run = NULL;
    struct tensor made[OUTPUTS_MAX];
    uint32_t wanted[OUTPUTS_MAX];
    for (uint32_t i = 0; i < wave->output_count; i++) {
        wanted[i] = i;
    }
    TRY(inference_run_create(opened, &run, err));
    status code = inference_run(run, NULL, wanted, wave->output_count, made, err);
    if (code == STATUS_OK) {
        code = keep(wave, made, changes, err);
    }
    inference_run_destroy(run);
    return code;
}

/* One try: what is too large is marked, else all of it becomes constants. */
static status try_wave(struct wave *wave, const struct graph_model *model, uint32_t *changes,
                       struct error *err) {
    struct inference_model *opened = NULL;
    if (!build(wave, model)) {
        return no_memory(err);
    }
    TRY(open_wave(wave, &opened, err));
    status code = inference_output_count(opened) == wave->output_count ? STATUS_OK : STATUS_INVALID;
    if (code == STATUS_OK && leave_large(wave, opened)) {
        code = run_wave(wave, opened, changes, err);
    }
    inference_close(opened);
    return code;
}

/* Each node alone; those that cannot be run are left. */
static status try_each(struct wave *wave, const struct graph_model *model, uint32_t *changes,
                       struct error *err) {
    struct graph_node *nodes[CONSTANT_FOLD_NODES_MAX];
    const uint32_t count = wave->count;
    (void)memcpy(nodes, wave->nodes, sizeof(nodes));
    for (uint32_t i = 0; i < count; i++) {
        struct error why = {0};
        wave->nodes[0] = nodes[i];
        wave->count = 1;
        const status code = try_wave(wave, model, changes, &why);
        if (code == STATUS_NO_MEMORY) {
            return fail(err, code, "%s", why.text);
        }
        nodes[i]->mark = MARK_LEFT;
    }
    return STATUS_OK;
}

static status fold_waves(struct graph_model *model, struct wave *wave, uint32_t *changes,
                         struct error *err) {
    for (gather(model, wave); wave->count > 0; gather(model, wave)) {
        struct error why = {0};
        const status code = try_wave(wave, model, changes, &why);
        if (code == STATUS_NOT_FOUND || code == STATUS_NO_MEMORY) {
            return fail(err, code, "%s", why.text);
        }
        if (code != STATUS_OK) {
            TRY(try_each(wave, model, changes, err));
        }
    }
    return STATUS_OK;
}

static void wave_done(struct wave *wave) {
    arena_done(&wave->model.arena);
}

status constant_fold_graph(struct graph_model *model, uint32_t *out_changes, struct error *err) {
    uint32_t changes = 0;
    for (struct graph_node *node = graph_walk(model, NULL); node != NULL;
         node = graph_walk(model, node)) {
        node->mark = MARK_NEW;
    }
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, sizeof(struct wave) * 2);
    struct wave *wave = arena_get(&scratch, 1, sizeof(*wave));
    if (wave == NULL) {
        return no_memory(err);
    }
    wave->model = *model;
    arena_init(&wave->model.arena, CONSTANT_FOLD_MEMORY_MAX);
    const status code = fold_waves(model, wave, &changes, err);
    wave_done(wave);
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return code;
}
