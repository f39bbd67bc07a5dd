// SPDX-License-Identifier: Apache-2.0
#include "model/calibrate.h"

#include "base/memory.h"
#include "model/onnx_file.h"
#include "platform/inference.h"

struct work {
    struct slice model;
    struct sample_source *samples; /* not owned */
    const struct calibrate_options *options;
    uint32_t done, all; /* groups */
};

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static void close_model(struct inference_model **model) {
    inference_close(*model);
}

static void destroy_run(struct inference_run **run) {
    inference_run_destroy(*run);
}

static struct graph_value *find_value(const struct graph *graph, struct slice name) {
    for (const struct graph_node *node = graph->first; node != NULL; node = node->after) {
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] != NULL && slice_equal(node->outputs[i]->name, name)) {
                return node->outputs[i];
            }
        }
    }
    return NULL;
}

/* The model with the values of the group as its outputs. An input of the model is none that a
 * model may give: it is seen as it comes in. */
static status open_group(const struct work *work, const struct calibrate_values *group,
                         struct inference_model **out_model, struct error *err) {
    CLEANUP(close_graph) struct graph_model *graph = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_read(work->model, work->options->folder, &graph, err));
    struct graph_value **values =
        arena_get(&graph->arena, group->count + 1, sizeof(struct graph_value *));
    if (values == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for calibrating");
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        struct graph_value *value = find_value(&graph->main, group->names[i]);
        if (value != NULL) {
            values[count++] = value;
        } else if (graph_model_input(graph, group->names[i]) == NULL) {
            return fail(err, STATUS_INVALID, "the model has no value '%.*s'",
                        SLICE_ARGS(group->names[i]));
        }
    }
    if (count > 0 && graph_set_outputs(&graph->main, values, count) != STATUS_OK) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for calibrating");
    }
    (void)graph_remove_dead(graph);
    TRY(onnx_file_pack(graph, &bytes, err));
    const struct inference_options options =
        inference_options_untimed(work->options->memory_bytes, work->options->folder);
    return inference_open_bytes(buffer_slice(&bytes), &options, out_model, err);
}

static status add_tensor(struct value_range *range, const struct tensor *tensor, struct slice name,
                         struct error *err) {
    if (tensor->type != TENSOR_FLOAT32) {
        return fail(err, STATUS_INVALID, "value '%.*s' is not float32", SLICE_ARGS(name));
    }
    value_range_add(range, tensor->bytes, tensor->byte_count / sizeof(float));
    return STATUS_OK;
}

/* What one run gave goes where it belongs. */
static status add_outputs(const struct calibrate_values *group, const struct inference_model *model,
                          const struct sample *sample, const struct tensor *outputs,
                          struct error *err) {
    for (uint32_t i = 0; i < group->count; i++) {
        const struct tensor *found = NULL;
        for (uint32_t k = 0; k < inference_input_count(model) && found == NULL; k++) {
            found = slice_is(group->names[i], inference_input(model, k)->name) ? &sample->inputs[k]
                                                                               : NULL;
        }
        for (uint32_t k = 0; k < inference_output_count(model) && found == NULL; k++) {
            found =
                slice_is(group->names[i], inference_output(model, k)->name) ? &outputs[k] : NULL;
        }
        if (found != NULL) {
            TRY(add_tensor(&group->ranges[i], found, group->names[i], err));
        }
    }
    return STATUS_OK;
}

static status run_sample(const struct calibrate_values *group, struct inference_model *model,
                         const struct sample *sample, struct error *err) {
    CLEANUP(destroy_run) struct inference_run *run = NULL;
    struct tensor outputs[CALIBRATE_GROUP_MAX];
    uint32_t wanted[CALIBRATE_GROUP_MAX];
    const uint32_t count = inference_output_count(model);
    if (count > CALIBRATE_GROUP_MAX) {
        return fail(err, STATUS_INVALID, "the model has more than %d outputs", CALIBRATE_GROUP_MAX);
    }
    for (uint32_t i = 0; i < count; i++) {
        wanted[i] = i;
    }
    TRY(inference_run_create(model, &run, err));
    TRY(inference_run(run, sample->inputs, wanted, count, outputs, err));
    return add_outputs(group, model, sample, outputs, err);
}

static status tell(const struct work *work, double share_of_group, struct error *err) {
    const double share = ((double)work->done + share_of_group) / (double)work->all;
    return work->options->progress == NULL || work->options->progress(work->options->owner, share)
               ? STATUS_OK
               : fail(err, STATUS_INTERRUPTED, "measuring ranges was ended");
}

static status run_group(const struct work *work, const struct calibrate_values *group,
                        struct error *err) {
    CLEANUP(close_model) struct inference_model *model = NULL;
    TRY(open_group(work, group, &model, err));
    struct sample_source *samples = work->samples;
    samples->rewind(samples->owner);
    const uint32_t most =
        work->options->samples_max > 0 ? work->options->samples_max : CALIBRATE_SAMPLES_MAX;
    const uint32_t all = samples->count < most ? samples->count : most;
    uint32_t count = 0;
    while (count < most) {
        struct sample sample;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            break;
        }
        if (run_sample(group, model, &sample, err) != STATUS_OK) {
            return fail_while(err, "calibrate with sample '%.200s'", sample.name);
        }
        count++;
        TRY(tell(work, count < all ? (double)count / (double)all : 1, err));
    }
    return count > 0 ? STATUS_OK : fail(err, STATUS_NOT_FOUND, "there is no sample");
}

status calibrate(struct slice model, const struct calibrate_values *values,
                 struct sample_source *samples, const struct calibrate_options *options,
                 struct error *err) {
    const uint32_t group_count = options->group > 0 && options->group <= CALIBRATE_GROUP_MAX
                                     ? options->group
                                     : CALIBRATE_GROUP;
    struct work work = {.model = model,
                        .samples = samples,
                        .options = options,
                        .all = (values->count + group_count - 1) / group_count};
    for (uint32_t from = 0; from < values->count; from += group_count) {
        const uint32_t left = values->count - from;
        const struct calibrate_values group = {.names = values->names + from,
                                               .ranges = values->ranges + from,
                                               .count = left < group_count ? left : group_count};
        TRY(run_group(&work, &group, err));
        work.done++;
    }
    return STATUS_OK;
}
