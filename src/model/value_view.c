// SPDX-License-Identifier: Apache-2.0
#include "model/value_view.h"

#include "base/buffer.h"
#include "model/graph.h"
#include "model/onnx_file.h"

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static struct graph_value *find_value(const struct graph_model *model, struct slice name) {
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL && slice_equal(node->outputs[i]->name, name)) {
                return node->outputs[i];
            }
        }
    }
    return NULL;
}

/* The file of a model that gives this value alone. */
static status cut_down(struct slice model, const char *folder, struct slice name,
                       struct buffer *out, struct error *err) {
    CLEANUP(close_graph) struct graph_model *graph = NULL;
    TRY(onnx_file_read(model, folder, &graph, err));
    struct graph_value *value = find_value(graph, name);
    if (value == NULL) {
        return fail(err, STATUS_INVALID, "the model has no value '%.*s'", SLICE_ARGS(name));
    }
    if (graph_set_outputs(&graph->main, &value, 1) != STATUS_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for a part of a model");
    }
    (void)graph_remove_dead(graph);
    return onnx_file_pack(graph, out, err);
}

status value_view_open(struct slice model, const char *folder, struct slice value,
                       int64_t memory_bytes, struct value_view *out_view, struct error *err) {
    *out_view = (struct value_view){0};
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(cut_down(model, folder, value, &bytes, err));
    const struct inference_options options = inference_options_untimed(memory_bytes, folder);
    return inference_open_bytes(buffer_slice(&bytes), &options, &out_view->model, err);
}

void value_view_close(struct value_view *view) {
    inference_run_destroy(view->run);
    inference_close(view->model);
    *view = (struct value_view){0};
}

status value_view_run(struct value_view *view, const struct sample *sample,
                      struct tensor *out_tensor, struct error *err) {
    static const uint32_t FIRST = 0;
    inference_run_destroy(view->run);
    view->run = NULL;
    TRY(inference_run_create(view->model, &view->run, err));
    return inference_run(view->run, sample->inputs, &FIRST, 1, out_tensor, err);
}
