// SPDX-License-Identifier: Apache-2.0
#include "model/quantize_forms.h"

#include "model/equalize_graph.h"
#include "model/onnx_file.h"
#include "model/proof.h"
#include "model/quantize_bounds.h"
#include "model/quantize_correct.h"

struct forming {
    const struct quantize_forms_wish *wish;
    struct quantize_form *best;
    struct proof_reference *reference; /* owned; NULL: nothing is judged */
    const char *stage;
};

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

void quantize_form_done(struct quantize_form *form) {
    buffer_done(&form->model);
}

static bool tell(void *owner, double share) {
    const struct forming *work = owner;
    return work->wish->progress == NULL ||
           work->wish->progress(work->wish->owner, work->stage, share);
}

static status find_bounds(struct forming *work, struct graph_model *model,
                          struct quantize_options *options, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(model, &bytes, err));
    TRY(work->wish->samples(work->wish->owner, SAMPLE_CALIBRATION, &samples, err));
    work->stage = "measuring ranges";
    const struct quantize_bounds_wish wish = {
        .bytes = buffer_slice(&bytes),
        .samples = &samples,
        .settings = {.method = work->wish->method, .kind = options->activations},
        .calibrate = {.folder = work->wish->folder,
                      .memory_bytes = work->wish->memory_bytes,
                      .progress = tell,
                      .owner = work}};
    return quantize_bounds(model, &wish, options, err);
}

static status correct(struct forming *work, struct graph_model *model,
                      const struct quantize_options *options, uint32_t *out_changes,
                      struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    TRY(work->wish->samples(work->wish->owner, SAMPLE_CALIBRATION, &samples, err));
    work->stage = "correcting biases";
    const struct quantize_correct_wish wish = {.quantize = options,
                                               .samples = &samples,
                                               .memory_bytes = work->wish->memory_bytes,
                                               .progress = tell,
                                               .owner = work};
    return quantize_correct(model, &wish, out_changes, err);
}

/* Quantises a copy of the model. */
static status make(const struct forming *work, const struct graph_model *model,
                   const struct quantize_options *options, struct quantize_form *form,
                   struct error *err) {
    CLEANUP(close_graph) struct graph_model *copy = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    buffer_init(&form->model, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(model, &bytes, err));
    TRY(onnx_file_read(buffer_slice(&bytes), work->wish->folder, &copy, err));
    TRY(quantize(copy, options, &form->report, err));
    TRY(onnx_file_pack(copy, &form->model, err));
    if (work->reference != NULL) {
        struct proof proof;
        TRY(proof_run(work->reference, buffer_slice(&form->model), &proof, err));
        form->sqnr_db = proof.worst_sqnr_db;
    }
    return STATUS_OK;
}

/* Keeps the form when it is nearer than the best so far. */
static status try_form(struct forming *work, const struct graph_model *model,
                       const struct quantize_options *options, struct quantize_form form,
                       struct error *err) {
    struct quantize_form *best = work->best;
    const bool is_first = best->model.count == 0;
    const status code = make(work, model, options, &form, err);
    if (code != STATUS_OK || !(is_first || form.sqnr_db > best->sqnr_db)) {
        quantize_form_done(&form);
        return code;
    }
    form.is_judged = work->reference != NULL;
    form.plain_sqnr_db = is_first ? form.sqnr_db : best->plain_sqnr_db;
    quantize_form_done(best);
    *best = form;
    return STATUS_OK;
}

/* The model as it is or equalised, and then with biases corrected. */
static status try_pair(struct forming *work, bool equalizes, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    struct quantize_options options = *work->wish->quantize;
    struct quantize_form form = {0};
    TRY(onnx_file_read(work->wish->model, work->wish->folder, &model, err));
    if (equalizes) {
        TRY(equalize_graph(model, &form.equalized, err));
        if (form.equalized == 0) {
            return STATUS_OK;
        }
    }
    TRY(find_bounds(work, model, &options, err));
    TRY(try_form(work, model, &options, form, err));
    if (work->reference == NULL || work->best->report.layers == 0) {
        return STATUS_OK;
    }
    TRY(correct(work, model, &options, &form.corrected, err));
    return form.corrected > 0 ? try_form(work, model, &options, form, err) : STATUS_OK;
}

/* Without samples to judge by there is no reference. */
static status open_reference(struct forming *work, struct sample_source *samples,
                             struct error *err) {
    const struct proof_options options = {.folder = work->wish->folder,
                                          .samples_max = QUANTIZE_FORMS_SAMPLES,
                                          .memory_bytes = work->wish->memory_bytes};
    if (work->wish->is_plain) {
        return STATUS_OK;
    }
    const status code = work->wish->samples(work->wish->owner, SAMPLE_SELECTION, samples, err);
    if (code == STATUS_NOT_FOUND) {
        return STATUS_OK;
    }
    TRY(code);
    return proof_reference_open(work->wish->model, samples, &options, &work->reference, err);
}

static void work_done(struct forming *work) {
    proof_reference_close(work->reference);
}

status quantize_forms(const struct quantize_forms_wish *wish, struct quantize_form *out_form,
                      struct error *err) {
    CLEANUP(sample_source_close) struct sample_source selection = {0};
    CLEANUP(work_done) struct forming work = {.wish = wish, .best = out_form};
    *out_form = (struct quantize_form){0};
    TRY(open_reference(&work, &selection, err));
    TRY(try_pair(&work, false, err));
    return work.reference != NULL && out_form->report.layers > 0 ? try_pair(&work, true, err)
                                                                 : STATUS_OK;
}
