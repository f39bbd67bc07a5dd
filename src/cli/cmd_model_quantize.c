// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_step.h"
#include "model/dynamic_quantize.h"
#include "model/onnx_file.h"
#include "model/opset.h"
#include "model/quantize_forms.h"
#include "model/simplify.h"
#include "platform/processor.h"

struct quantizing {
    struct call *call;
    struct model_step *step;
    struct model_data *data; /* not owned */
    struct quantize_options options;
    enum threshold_method method;
};

static void close_data(struct model_data **data) {
    model_data_close(*data);
}

/* Layers that --keep names stay as they are. */
static bool takes(void *owner, const struct graph_node *node) {
    const struct call *call = owner;
    for (size_t i = 0; i < call->value_count; i++) {
        if (strcmp(call->values[i].option->name, "keep") == 0 &&
            slice_is(graph_node_called(node), call->values[i].text)) {
            return false;
        }
    }
    return true;
}

/* What only ranges of samples know is refused. */
static status check_dynamic(const struct call *call, struct error *err) {
    return call_option(call, "ranges") == NULL && call_option(call, "keep") == NULL &&
                   !call_has(call, "plain")
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "--dynamic finds ranges in each run, of all that it takes: --ranges, "
                      "--keep and --plain are not for it");
}

static status read_options(struct quantizing *work, struct error *err) {
    if (call_has(work->call, "dynamic")) {
        return check_dynamic(work->call, err);
    }
    const char *method = call_option(work->call, "ranges");
    work->method = THRESHOLD_MSE;
    if (method != NULL && !threshold_method_read(slice_of(method), &work->method)) {
        return fail(err, STATUS_INVALID,
                    "--ranges is min-max, mean-min-max, percentile, mse or entropy, not '%.60s'",
                    method);
    }
    return call_option(work->call, "data") != NULL
               ? STATUS_OK
               : fail(err, STATUS_INVALID,
                      "--data DIR is missing: numbers by chance have not the "
                      "ranges of real samples");
}

/* What scales per channel ask for, and what is the same in fewer nodes. */
static status prepare(struct graph_model *model, struct error *err) {
    struct simplify_counts counts;
    uint32_t changes;
    TRY(simplify_graph(model, &counts, err));
    return graph_opset(model) < QUANTIZE_OPSET_LEAST
               ? opset_upgrade(model, QUANTIZE_OPSET_LEAST, &changes, err)
               : STATUS_OK;
}

static bool show(void *owner, const char *stage, double share) {
    const struct quantizing *work = owner;
    terminal_progress(&work->call->terminal, work->call->talk, stage, share, "");
    return true;
}

static status samples_of(void *owner, enum sample_part part, struct sample_source *out_source,
                         struct error *err) {
    const struct quantizing *work = owner;
    return model_data_samples(work->data, part, out_source, err);
}

/* The step goes on with what the form is. */
static status take_form(struct model_step *step, const struct quantize_form *form,
                        struct error *err) {
    struct graph_model *made = NULL;
    TRY(onnx_file_read(buffer_slice(&form->model), step->model->folder.bytes, &made, err));
    onnx_file_close(step->model);
    step->model = made;
    return STATUS_OK;
}

static void note_form(struct quantizing *work, const struct quantize_form *form) {
    struct model_step *step = work->step;
    if (form->equalized + form->corrected > 0) {
        model_step_note(step, arena_print(&work->call->arena,
                                          "%u pairs of layers are equalised and %u biases "
                                          "corrected: %.1f dB instead of %.1f on the samples for "
                                          "selection",
                                          form->equalized, form->corrected, form->sqnr_db,
                                          form->plain_sqnr_db));
    }
    model_step_extra(step, SLICE("equalized"), value_of_integer(form->equalized));
    model_step_extra(step, SLICE("corrected"), value_of_integer(form->corrected));
}

static void note(struct quantizing *work, const struct quantize_report *report) {
    struct arena *arena = &work->call->arena;
    model_step_note(work->step,
                    arena_print(arena,
                                "%u layers and %u operators between them in whole numbers of 8 "
                                "bits, %u layers stay",
                                report->layers, report->between, report->left));
    if (report->first_reason[0] != '\0') {
        model_step_note(work->step, arena_print(arena, "%s", report->first_reason));
    }
    model_step_extra(work->step, SLICE("layers"), value_of_integer(report->layers));
    model_step_extra(work->step, SLICE("between"), value_of_integer(report->between));
    model_step_extra(work->step, SLICE("left"), value_of_integer(report->left));
}

static status find_form(struct quantizing *work, struct quantize_form *out_form,
                        struct error *err) {
    CLEANUP(close_data) struct model_data *data = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(model_data_open(work->call, work->step->path, &data, err));
    TRY(onnx_file_pack(work->step->model, &bytes, err));
    work->data = data;
    const struct quantize_forms_wish wish = {.model = buffer_slice(&bytes),
                                             .folder = work->step->model->folder.bytes,
                                             .quantize = &work->options,
                                             .method = work->method,
                                             .is_plain = call_has(work->call, "plain"),
                                             .samples = samples_of,
                                             .progress = show,
                                             .owner = work,
                                             .memory_bytes = MODEL_DATA_MEMORY_BYTES};
    const status code = quantize_forms(&wish, out_form, err);
    terminal_progress_done(&work->call->terminal, work->call->talk);
    return code;
}

static status quantize_static(struct quantizing *work, struct error *err) {
    CLEANUP(quantize_form_done) struct quantize_form form = {0};
    work->step->is_adapted = true;
    TRY(prepare(work->step->model, err));
    TRY(find_form(work, &form, err));
    if (form.report.layers == 0) {
        return fail(err, STATUS_INVALID, "no layer can be quantised%s%s",
                    form.report.first_reason[0] != '\0' ? ": " : "", form.report.first_reason);
    }
    note(work, &form.report);
    note_form(work, &form);
    return take_form(work->step, &form, err);
}

/* --- ranges that are found in each run --- */

static void note_dynamic(struct quantizing *work, const struct dynamic_quantize_report *report) {
    struct model_step *step = work->step;
    model_step_note(step,
                    arena_print(&work->call->arena,
                                "%u products of matrices and %u LSTMs in whole numbers of 8 bits, "
                                "ranges found in each run; %u stay",
                                report->products, report->recurrences, report->left));
    model_step_extra(step, SLICE("products"), value_of_integer(report->products));
    model_step_extra(step, SLICE("recurrences"), value_of_integer(report->recurrences));
    model_step_extra(step, SLICE("left"), value_of_integer(report->left));
}

static status quantize_dynamic(struct quantizing *work, struct error *err) {
    struct graph_model *model = work->step->model;
    const struct dynamic_quantize_options options = {.adds_in_pairs = processor_adds_in_pairs()};
    struct dynamic_quantize_report report;
    uint32_t changes;
    if (graph_opset(model) < DYNAMIC_QUANTIZE_OPSET_LEAST) {
        TRY(opset_upgrade(model, QUANTIZE_OPSET_LEAST, &changes, err));
    }
    TRY(dynamic_quantize(model, &options, &report, err));
    if (report.products + report.recurrences == 0) {
        return fail(err, STATUS_INVALID,
                    "no product of matrices has constant weights of %d numbers and more, nor an "
                    "LSTM: %u smaller ones gain nothing",
                    DYNAMIC_QUANTIZE_NUMBERS_MIN, report.left);
    }
    work->step->must_be_faster = true;
    note_dynamic(work, &report);
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    struct quantizing work = {.call = call,
                              .step = &step,
                              .options = {.activations = SCALE_UINT8,
                                          .pairs_saturate = processor_adds_in_pairs(),
                                          .takes = takes,
                                          .owner = call}};
    const bool is_dynamic = call_has(call, "dynamic");
    TRY(read_options(&work, err));
    TRY(model_step_begin(call, is_dynamic ? "dynamic" : "int8", &step, err));
    TRY(is_dynamic ? quantize_dynamic(&work, err) : quantize_static(&work, err));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {
    {"ranges", "METHOD", "min-max, mean-min-max, percentile, mse or entropy (mse)"},
    {"keep", "LAYER", "stays float32; may stand several times (ebb model inspect names layers)"},
    {"plain", NULL, "layers as they are: no equalising, no correcting of biases"},
    {"dynamic", NULL, "large products of matrices and LSTMs, by ranges found in each run: no data"},
    MODEL_STEP_OPTIONS,
    {0}};

const struct command cmd_model_quantize = {
    .noun = "model",
    .verb = "quantize",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Put layers into whole numbers of 8 bits, and say how far the answers move",
    .details =
        "Weights with a scale for each channel, activations with the ranges that the samples in\n"
        "DIR take. Layers are equalised and biases corrected where the samples for selection are\n"
        "answered better so. It does what it is told, good or bad: which layers do harm, and\n"
        "whether the result is faster, `ebb model optimize` finds out by trying. With --dynamic\n"
        "no ranges are measured before; what is not faster so is refused with the reason.\n",
    .example = "ebb model quantize rec.onnx --data lines --agent agents/rec --keep Conv.0",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
