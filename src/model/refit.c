// SPDX-License-Identifier: Apache-2.0
#include "model/refit.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "model/dice.h"
#include "model/layer_matrix.h"
#include "model/layer_scene.h"
#include "model/least_squares.h"
#include "model/onnx_file.h"
#include "model/value_view.h"

enum { REPORT_BYTES_MAX = 1 << 26 };

/* One layer at work. */
struct refitting {
    struct graph_model *model;
    struct slice original;
    struct sample_source *samples;
    const struct refit_options *options;
    struct refit_report *report;
    const struct channel_cut *cut;
    struct layer_matrix layer;
    struct value_view given, wanted; /* the layer's input now, its answer as it was */
    struct least_squares equations;
    double *old, *new;       /* owned: matrices */
    float *inputs, *outputs; /* owned: an example */
    double *sums;            /* owned: of each output over the examples that are judged by */
    double squares;          /* of all of them */
    double missing[2];       /* by the old matrix, by the new one */
    uint64_t judged;
    uint32_t layers, done;
};

static status no_memory(struct error *err) {
    return fail(err, STATUS_NO_MEMORY, "out of memory for refitting a layer");
}

static void layer_done(struct refitting *work) {
    value_view_close(&work->given);
    value_view_close(&work->wanted);
    least_squares_done(&work->equations);
    memory_free(work->old);
    memory_free(work->new);
    memory_free(work->inputs);
    memory_free(work->outputs);
    memory_free(work->sums);
    work->old = NULL;
    work->new = NULL;
    work->inputs = NULL;
    work->outputs = NULL;
    work->sums = NULL;
}

/* --- examples --- */

/* What both models say of one sample. */
struct scene {
    struct layer_scene given;
    const float *wanted;
    uint32_t outputs; /* that the layer had */
};

/* Runs both models. INVALID: what they give does not go together. */
static status see(struct refitting *work, const struct sample *sample, struct scene *out_scene,
                  struct error *err) {
    struct tensor given;
    struct tensor wanted;
    TRY(value_view_run(&work->given, sample, &given, err));
    TRY(value_view_run(&work->wanted, sample, &wanted, err));
    const struct channel_cut *cut = work->cut;
    const uint32_t last = cut->rows != NULL ? cut->rows[cut->row_count - 1] : work->layer.rows - 1;
    if (!layer_scene_of(&work->layer, &given, &out_scene->given) ||
        !layer_scene_fits(&out_scene->given, &wanted, &out_scene->outputs) ||
        last >= out_scene->outputs) {
        return fail(err, STATUS_INVALID, "it does not give what it gave before it was pruned");
    }
    out_scene->wanted = wanted.bytes;
    return STATUS_OK;
}

/* Fills the example at a position. */
static void take_example(struct refitting *work, const struct scene *scene, size_t position) {
    layer_scene_inputs(&scene->given, position, work->inputs);
    for (uint32_t i = 0; i < work->layer.rows; i++) {
        const uint32_t row = work->cut->rows != NULL ? work->cut->rows[i] : i;
        work->outputs[i] =
            scene->wanted[layer_scene_place(&scene->given, position, row, scene->outputs)];
    }
}

static double missing(const struct refitting *work, const double *matrix) {
    const size_t columns = layer_matrix_columns(&work->layer);
    double sum = 0;
    for (uint32_t i = 0; i < work->layer.rows; i++) {
        double left = (double)work->outputs[i];
        for (size_t j = 0; j < columns; j++) {
            left -= matrix[i * columns + j] * (double)work->inputs[j];
        }
        sum += left * left;
    }
    return sum;
}

/* Learns from an example, or judges by it. */
static void use_example(struct refitting *work, bool is_judge) {
    if (!is_judge) {
        least_squares_add(&work->equations, work->inputs, work->outputs);
        return;
    }
    for (uint32_t i = 0; i < work->layer.rows; i++) {
        const double wanted = (double)work->outputs[i];
        work->sums[i] += wanted;
        work->squares += wanted * wanted;
    }
    work->missing[0] += missing(work, work->old);
    work->missing[1] += missing(work, work->new);
    work->judged++;
}

size_t refit_examples(const struct refit_options *options, uint32_t inputs, uint32_t samples) {
    size_t wanted = options->examples;
    if (wanted == 0) {
        wanted = (size_t)REFIT_EXAMPLES_EACH * inputs;
        wanted = wanted > REFIT_EXAMPLES_LEAST ? wanted : REFIT_EXAMPLES_LEAST;
    }
    size_t learned = samples;
    learned =
        options->samples_max > 0 && options->samples_max < learned ? options->samples_max : learned;
    learned = learned * (REFIT_HOLD_BACK - 1) / REFIT_HOLD_BACK;
    return learned > 0 ? (wanted + learned - 1) / learned : wanted;
}

static void use_scene(struct refitting *work, const struct scene *scene, uint64_t *dice,
                      bool is_judge) {
    const size_t most = refit_examples(work->options, work->layer.inputs, work->samples->count);
    const bool all = scene->given.positions <= most;
    for (size_t i = 0; i < (all ? scene->given.positions : most); i++) {
        take_example(work, scene, all ? i : dice_below(dice, scene->given.positions));
        use_example(work, is_judge);
    }
}

/* --- going through the samples --- */

static bool is_held_back(uint32_t index) {
    return index % REFIT_HOLD_BACK == REFIT_HOLD_BACK - 1;
}

static status tell(const struct refitting *work, double share, struct error *err) {
    const struct refit_options *options = work->options;
    const double all = (work->done + share) / work->layers;
    return options->progress == NULL || options->progress(options->owner, all)
               ? STATUS_OK
               : fail(err, STATUS_INTERRUPTED, "refitting was ended");
}

/* Samples that are held back, or the others. */
static status use_samples(struct refitting *work, bool is_judge, struct error *err) {
    struct sample_source *samples = work->samples;
    const uint32_t most = work->options->samples_max;
    uint64_t dice = work->options->seed + work->done;
    samples->rewind(samples->owner);
    for (uint32_t index = 0; most == 0 || index < most; index++) {
        struct sample sample;
        struct scene scene;
        bool more = false;
        TRY(samples->next(samples->owner, &sample, &more, err));
        if (!more) {
            break;
        }
        work->report->samples =
            index + 1 > work->report->samples ? index + 1 : work->report->samples;
        if (is_held_back(index) == is_judge) {
            if (see(work, &sample, &scene, err) != STATUS_OK) {
                return fail_while(err, "refit with sample '%.200s'", sample.name);
            }
            use_scene(work, &scene, &dice, is_judge);
        }
        const double share = samples->count > 0 ? (double)index / samples->count : 0;
        TRY(tell(work, share < 1 ? (is_judge ? 0.8 : 0) + share * (is_judge ? 0.2 : 0.8) : 0.8,
                 err));
    }
    return work->report->samples > 0 ? STATUS_OK
                                     : fail(err, STATUS_NOT_FOUND, "there is no sample");
}

/* --- one layer --- */

static status open_views(struct refitting *work, struct error *err) {
    const char *folder = work->model->folder.bytes;
    const int64_t memory = work->options->memory_bytes;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(work->model, &bytes, err));
    TRY(value_view_open(buffer_slice(&bytes), folder, graph_input(work->layer.node, 0)->name,
                        memory, &work->given, err));
    return value_view_open(work->original, folder, work->cut->output, memory, &work->wanted, err);
}

static status begin_layer(struct refitting *work, struct error *err) {
    const size_t columns = layer_matrix_columns(&work->layer);
    const size_t rows = work->layer.rows;
    TRY(least_squares_init(&work->equations, (uint32_t)columns, (uint32_t)rows, err));
    work->old = memory_new(rows * columns, sizeof(double));
    work->new = memory_new(rows * columns, sizeof(double));
    work->inputs = memory_new(columns + 1, sizeof(float));
    work->outputs = memory_new(rows, sizeof(float));
    work->sums = memory_new(rows, sizeof(double));
    if (work->old == NULL || work->new == NULL || work->inputs == NULL || work->outputs == NULL ||
        work->sums == NULL) {
        return no_memory(err);
    }
    layer_matrix_read(&work->layer, work->old);
    (void)memcpy(work->new, work->old, rows * columns * sizeof(double));
    work->squares = 0;
    work->missing[0] = 0;
    work->missing[1] = 0;
    work->judged = 0;
    return open_views(work, err);
}

/* Whether the new matrix is better where it did not learn; where nothing was held back, where it
 * did. */
static bool is_better(struct refitting *work, struct refit_layer *out) {
    double varies = work->squares;
    for (uint32_t i = 0; work->judged > 0 && i < work->layer.rows; i++) {
        varies -= work->sums[i] * work->sums[i] / (double)work->judged;
    }
    if (work->judged == 0) {
        work->missing[0] = least_squares_missing(&work->equations, work->old);
        work->missing[1] = least_squares_missing(&work->equations, work->new);
        varies = work->equations.squares / (double)work->equations.count;
    }
    out->before = varies > 0 ? work->missing[0] / varies : 0;
    out->after = varies > 0 ? work->missing[1] / varies : 0;
    return work->missing[1] < work->missing[0]; /* what is no number is not */
}

static status refit_layer(struct refitting *work, struct refit_layer *out, struct error *err) {
    TRY(begin_layer(work, err));
    TRY(use_samples(work, false, err));
    out->examples = work->equations.count;
    const double ridge = work->options->ridge > 0 ? work->options->ridge : REFIT_RIDGE;
    const status code = least_squares_solve(&work->equations, ridge, work->new, err);
    if (code == STATUS_INVALID) {
        out->why_not = "the samples say nothing of it";
        return STATUS_OK;
    }
    TRY(code);
    TRY(use_samples(work, true, err));
    if (!is_better(work, out)) {
        out->why_not = "samples that were held back are answered no better";
        return STATUS_OK;
    }
    out->is_refitted = true;
    return layer_matrix_write(&work->layer, work->new, err);
}

static struct graph_node *find_node(const struct graph_model *model, struct slice output) {
    for (struct graph_node *node = model->main.first; node != NULL; node = node->after) {
        if (node->output_count > 0 && node->outputs[0] != NULL &&
            slice_equal(node->outputs[0]->name, output)) {
            return node;
        }
    }
    return NULL;
}

static status refit_cut(struct refitting *work, struct refit_layer *out, struct error *err) {
    struct graph_node *node = find_node(work->model, work->cut->output);
    out->output = arena_copy(&work->report->arena, work->cut->output);
    if (out->output.bytes == NULL) {
        return no_memory(err);
    }
    if (node == NULL || !layer_matrix_of(node, &work->layer)) {
        out->why_not = "it is no layer that can be refitted";
        return STATUS_OK;
    }
    out->inputs = work->layer.inputs;
    out->outputs = work->layer.rows;
    if (layer_matrix_columns(&work->layer) > LEAST_SQUARES_COLUMNS_MAX ||
        work->layer.rows > LEAST_SQUARES_ROWS_MAX) {
        out->why_not = "it is too large";
        return STATUS_OK;
    }
    const status code = refit_layer(work, out, err);
    layer_done(work);
    return code == STATUS_OK ? STATUS_OK
                             : fail_while(err, "refit layer '%.*s'", SLICE_ARGS(out->output));
}

status refit_model(struct graph_model *model, struct slice original,
                   const struct channel_cuts *cuts, struct sample_source *samples,
                   const struct refit_options *options, struct refit_report *out_report,
                   struct error *err) {
    *out_report = (struct refit_report){0};
    arena_init(&out_report->arena, REPORT_BYTES_MAX);
    struct refitting work = {.model = model,
                             .original = original,
                             .samples = samples,
                             .options = options,
                             .report = out_report};
    for (uint32_t i = 0; i < cuts->count; i++) {
        work.layers += cuts->items[i].takes_fewer;
    }
    out_report->layers = arena_get(&out_report->arena, work.layers + 1, sizeof(struct refit_layer));
    if (out_report->layers == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < cuts->count; i++) {
        if (cuts->items[i].takes_fewer) {
            work.cut = &cuts->items[i];
            TRY(refit_cut(&work, &out_report->layers[work.done], err));
            out_report->refitted += out_report->layers[work.done].is_refitted;
            out_report->count = ++work.done;
        }
    }
    (void)graph_remove_dead(model);
    return graph_verify(model, err);
}

void refit_report_done(struct refit_report *report) {
    arena_done(&report->arena);
    *report = (struct refit_report){0};
}
