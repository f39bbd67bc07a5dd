// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_correct.h"

#include <string.h>

#include "model/bias_correction.h"
#include "model/onnx_file.h"
#include "model/quantize_layer.h"
#include "model/value_view.h"

struct correcting {
    struct graph_model *model;
    const struct quantize_correct_wish *wish;
    struct buffer original; /* the file of the model as it was */
    uint32_t layers, done;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for correcting biases");
}

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static void work_done(struct correcting *work) {
    buffer_done(&work->original);
}

/* --- one layer's means --- */

struct means {
    struct value_view views[2]; /* as it was; in whole numbers */
    struct channel_means of[2];
};

static void means_done(struct means *means) {
    for (int i = 0; i < 2; i++) {
        value_view_close(&means->views[i]);
        channel_means_done(&means->of[i]);
    }
}

static bool has_output(const struct graph_model *model, struct slice name) {
    for (const struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL && slice_equal(node->outputs[i]->name, name)) {
                return true;
            }
        }
    }
    return false;
}

/* The file of the model in whole numbers, as it would be now; *out_has: it has that value. */
static status pack_quantized(const struct correcting *work, struct slice name, bool *out_has,
                             struct buffer *out, struct error *err) {
    CLEANUP(close_graph) struct graph_model *copy = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    struct quantize_report report;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(work->model, &bytes, err));
    TRY(onnx_file_read(buffer_slice(&bytes), work->model->folder.bytes, &copy, err));
    TRY(quantize(copy, work->wish->quantize, &report, err));
    *out_has = has_output(copy, name);
    return onnx_file_pack(copy, out, err);
}

static status open_means(const struct correcting *work, const struct quantize_layer *layer,
                         struct means *means, bool *out_has, struct error *err) {
    const char *folder = work->model->folder.bytes;
    const struct slice name = graph_output(layer->node, 0)->name;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(pack_quantized(work, name, out_has, &bytes, err));
    if (!*out_has) {
        return STATUS_OK;
    }
    TRY(value_view_open(buffer_slice(&work->original), folder, name, work->wish->memory_bytes,
                        &means->views[0], err));
    TRY(value_view_open(buffer_slice(&bytes), folder, name, work->wish->memory_bytes,
                        &means->views[1], err));
    for (int i = 0; i < 2; i++) {
        TRY(channel_means_init(&means->of[i], layer->layout.count, err));
    }
    return STATUS_OK;
}

/* Adds what both say of a sample. */
static status see(struct means *means, const struct quantize_layer *layer,
                  const struct sample *sample, struct error *err) {
    for (int i = 0; i < 2; i++) {
        struct tensor answer;
        TRY(value_view_run(&means->views[i], sample, &answer, err));
        const uint32_t axis = graph_node_is(layer->node, "Conv") ? 1 : answer.rank - 1;
        if (answer.type != TENSOR_FLOAT32 || answer.rank < 2 ||
            answer.shape[axis] != (int64_t)layer->layout.count) {
            return fail(err, STATUS_INVALID, "layer '%.100s' gives other channels than it has",
                        graph_node_called(layer->node).bytes);
        }
        channel_means_add(&means->of[i], answer.bytes,
                          channels_of(answer.shape, answer.rank, axis));
    }
    return STATUS_OK;
}

static status see_all(const struct correcting *work, struct means *means,
                      const struct quantize_layer *layer, struct error *err) {
    struct sample_source *samples = work->wish->samples;
    const uint32_t most =
        work->wish->samples_max > 0 ? work->wish->samples_max : QUANTIZE_CORRECT_SAMPLES;
    samples->rewind(samples->owner);
    for (uint32_t i = 0; i < most; i++) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            return i > 0 ? STATUS_OK : fail(err, STATUS_NOT_FOUND, "there is no sample");
        }
        if (see(means, layer, &sample, err) != STATUS_OK) {
            return fail_while(err, "correct biases with sample '%.200s'", sample.name);
        }
    }
    return STATUS_OK;
}

/* --- its bias --- */

static status put_bias(const struct quantize_layer *layer, const struct means *means,
                       uint32_t *changes, struct error *err) {
    struct graph_node *node = layer->node;
    void *bytes = NULL;
    const struct graph_tensor *bias = graph_tensor_new(
        node->graph->model, ELEMENT_FLOAT32, layer->bias->dims, layer->bias->rank, &bytes);
    if (bias == NULL) {
        return no_memory(err);
    }
    (void)memcpy(bytes, layer->bias->bytes, layer->bias->byte_count);
    if (!bias_correct(&means->of[0], &means->of[1], bytes)) {
        return STATUS_OK;
    }
    struct graph_value *value = graph_add_tensor(node->graph, graph_input(node, 2)->name, bias);
    if (value == NULL || graph_set_input(node, 2, value) != STATUS_OK) {
        return no_memory(err);
    }
    ++*changes;
    return STATUS_OK;
}

static status correct_layer(struct correcting *work, const struct quantize_layer *layer,
                            uint32_t *changes, struct error *err) {
    CLEANUP(means_done) struct means means = {0};
    bool has = false;
    TRY(open_means(work, layer, &means, &has, err));
    if (!has) {
        return STATUS_OK;
    }
    TRY(see_all(work, &means, layer, err));
    return put_bias(layer, &means, changes, err);
}

static bool is_ours(const struct correcting *work, struct graph_node *node,
                    struct quantize_layer *out_layer) {
    const struct quantize_options *options = work->wish->quantize;
    return quantize_layer_read(node, out_layer) && out_layer->bias != NULL &&
           (options->takes == NULL || options->takes(options->owner, node));
}

status quantize_correct(struct graph_model *model, const struct quantize_correct_wish *wish,
                        uint32_t *out_changes, struct error *err) {
    CLEANUP(work_done) struct correcting work = {.model = model, .wish = wish};
    struct quantize_layer layer;
    uint32_t changes = 0;
    buffer_init(&work.original, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(model, &work.original, err));
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        work.layers += is_ours(&work, node, &layer);
    }
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (is_ours(&work, node, &layer)) {
            TRY(correct_layer(&work, &layer, &changes, err));
            work.done++;
            if (wish->progress != NULL &&
                !wish->progress(wish->owner, (double)work.done / (double)work.layers)) {
                return fail(err, STATUS_INTERRUPTED, "correcting biases was ended");
            }
        }
    }
    (void)graph_remove_dead(model);
    *out_changes = changes;
    return graph_verify(model, err);
}
