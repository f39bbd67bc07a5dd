// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "model/onnx_file.h"
#include "model/optimise_inner.h"
#include "platform/file.h"

/* --- judging --- */

/* By what is usual; limits of a budget are the choice's, which has words for them. */
static bool is_far(const struct optimising *work, const struct optimise_variant *variant) {
    return variant != work->out->variants && work->drift.limit_count == 0 &&
           !optimise_is_near(&variant->proof, 1);
}

/* Notes the samples that it answers otherwise; it is judged also without memory for that. */
static status hold_against(struct proof_reference *reference, struct slice bytes, bool is_mask,
                           struct optimise_variant *variant, struct error *err) {
    variant->changed = memory_new(1, sizeof(*variant->changed));
    if (variant->changed == NULL) {
        return proof_run(reference, bytes, &variant->proof, err);
    }
    variant->changed->is_mask = is_mask;
    const struct proof_watch watch = changed_watch(variant->changed);
    TRY(proof_run_watched(reference, bytes, &watch, &variant->proof, err));
    changed_end(variant->changed);
    return STATUS_OK;
}

static status judge_drift(struct optimising *work, struct proof_reference *reference,
                          struct error *err) {
    struct optimised *out = work->out;
    for (uint32_t i = 0; i < out->variant_count; i++) {
        struct optimise_variant *variant = &out->variants[i];
        CLEANUP(buffer_done) struct buffer bytes;
        char path[OPTIMISE_PATH_BYTES];
        struct error why = {0};
        buffer_init(&bytes, ONNX_BYTES_MAX);
        if (variant->file[0] == '\0' || variant->refused[0] != '\0') {
            continue;
        }
        optimise_path(work, variant->file, path);
        status code = file_read(path, &bytes, &why);
        if (code == STATUS_OK) {
            code = hold_against(reference, buffer_slice(&bytes), work->options->is_mask, variant,
                                &why);
        }
        if (code == STATUS_OK && is_far(work, variant)) {
            code = fail(&why, STATUS_CONFLICT, "it answers too far from the original: %.0f dB",
                        variant->proof.worst_sqnr_db);
        }
        if (code != STATUS_OK) {
            optimise_refuse(variant, &why);
        }
        (void)optimise_tell(work, "judging", (double)(i + 1) / (double)out->variant_count);
        TRY(optimise_check(work, err));
    }
    return STATUS_OK;
}

static bool tell_profile(void *owner, double share) {
    return optimise_tell(owner, "measuring", share);
}

static void take_row(struct optimise_variant *variant, struct profile_row row) {
    proof_costs(&variant->proof, &row.cost);
    variant->row = row;
    if (!profile_is_usable(&row)) {
        optimise_refuse(variant, &row.why);
    }
}

/* A variant is worth its place when it takes so much less of something. */
static const double WORTH = 0.02;

/* As ONNX Runtime's own settings are, a run asks for all its memory at once, and it is kept. */
static bool saves_memory(const struct profile_row *without, const struct profile_row *with) {
    return profile_is_usable(without) && profile_is_usable(with) &&
           without->cost.of[COST_RSS] < with->cost.of[COST_RSS] * (1 - 2 * WORTH) &&
           without->cpu_ratio.middle < with->cpu_ratio.middle * (1 + WORTH);
}

/* Each twice, with and without a pattern of memory, but for the original, which stays as it is. */
struct measuring {
    struct profile_variant variants[2 * OPTIMISE_VARIANTS_MAX];
    struct profile_row rows[2 * OPTIMISE_VARIANTS_MAX];
    char paths[OPTIMISE_VARIANTS_MAX][OPTIMISE_PATH_BYTES];
    uint32_t count;
};

static void add_measured(struct optimising *work, struct measuring *all, uint32_t index) {
    optimise_path(work, work->out->variants[index].file, all->paths[index]);
    for (int twice = 0; twice < (index > 0 ? 2 : 1); twice++) {
        struct profile_variant *variant = &all->variants[all->count++];
        *variant = (struct profile_variant){.path = all->paths[index],
                                            .options = profile_inference_options()};
        variant->options.no_memory_pattern = twice == 1;
    }
}

static void take_measured(struct optimising *work, struct measuring *all) {
    uint32_t at = 0;
    for (uint32_t i = 0; i < work->out->variant_count; i++) {
        struct optimise_variant *variant = &work->out->variants[i];
        if (variant->refused[0] == '\0') {
            struct profile_row *rows = &all->rows[at];
            variant->no_memory_pattern = i > 0 && saves_memory(&rows[1], &rows[0]);
            take_row(variant, rows[variant->no_memory_pattern]);
            if (i > 0) {
                profile_rows_done(&rows[!variant->no_memory_pattern], 1);
            }
            at += i > 0 ? 2 : 1;
        }
    }
}

static status measure_all(struct optimising *work, struct measuring *all, struct error *err) {
    const struct profile_samples samples = kept_sample_profile(&work->sample);
    struct profile_options options;
    profile_options_init(&options);
    options.time_ms = work->options->time_ms / 2;
    options.samples = &samples;
    options.progress = tell_profile;
    options.owner = work;
    for (uint32_t i = 0; i < work->out->variant_count; i++) {
        if (work->out->variants[i].refused[0] == '\0') {
            add_measured(work, all, i);
        }
    }
    const status code = profile_measure(all->variants, all->count, &options, all->rows, err);
    if (code != STATUS_OK) {
        profile_rows_done(all->rows, all->count);
        return code;
    }
    take_measured(work, all);
    return STATUS_OK;
}

static status measure(struct optimising *work, struct error *err) {
    struct measuring *all = memory_new(1, sizeof(*all));
    if (all == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for measuring variants");
    }
    const status code = measure_all(work, all, err);
    memory_free(all);
    return code;
}

/* What is better than the original in nothing is refused. */
static void refuse_worse(struct optimised *out) {
    static const enum cost_kind WON[] = {COST_LATENCY_P50, COST_RSS, COST_SIZE};
    const struct cost *original = &out->variants[0].row.cost;
    for (uint32_t i = 1; i < out->variant_count; i++) {
        struct optimise_variant *variant = &out->variants[i];
        bool better = false;
        for (size_t k = 0; k < sizeof(WON) / sizeof(WON[0]); k++) {
            better = better || variant->row.cost.of[WON[k]] <
                                   original->of[WON[k]] * (1 - fmax(WORTH, cost_margin(WON[k])));
        }
        if (variant->refused[0] == '\0' && !better) {
            (void)snprintf(variant->refused, sizeof(variant->refused),
                           "it is neither faster nor smaller than the original");
        }
    }
}

static void pick(struct optimising *work) {
    struct optimised *out = work->out;
    struct profile_row rows[OPTIMISE_VARIANTS_MAX] = {0};
    struct choice choices[OPTIMISE_VARIANTS_MAX];
    uint32_t indexes[OPTIMISE_VARIANTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < out->variant_count; i++) {
        if (i == 0 || out->variants[i].refused[0] == '\0') {
            rows[count] = out->variants[i].row;
            indexes[count++] = i;
        }
    }
    out->keeps = choice_make(work->options->budget, rows, count, choices);
    for (uint32_t i = 0; i < count; i++) {
        out->variants[indexes[i]].choice = choices[i];
        out->picked = choices[i].is_taken ? indexes[i] : out->picked;
    }
}

/* What is not offered is not to be taken by mistake, be it of this run or of an earlier one. */
static void remove_refused(const struct optimising *work) {
    for (uint32_t i = 1; i < work->out->variant_count; i++) {
        struct optimise_variant *variant = &work->out->variants[i];
        if (variant->refused[0] != '\0') {
            char file[OPTIMISE_NAME_BYTES];
            (void)snprintf(file, sizeof(file), "%.18s.onnx", variant->name);
            optimise_remove(work, file);
            variant->file[0] = '\0';
        }
    }
}

static void close_reference(struct proof_reference **reference) {
    proof_reference_close(*reference);
}

/* All variants are in the folder, and external data of theirs beside them: the original as well. */
status optimise_judge(struct optimising *work, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    CLEANUP(close_reference) struct proof_reference *reference = NULL;
    CLEANUP(buffer_done) struct buffer original;
    char path[OPTIMISE_PATH_BYTES];
    const struct proof_options options = {.folder = work->options->folder,
                                          .memory_bytes = work->options->memory_bytes,
                                          .mask_above = work->options->mask_above};
    buffer_init(&original, ONNX_BYTES_MAX);
    optimise_path(work, work->out->variants[0].file, path);
    TRY(file_read(path, &original, err));
    TRY(work->options->samples(work->options->owner, SAMPLE_EVALUATION, &samples, err));
    TRY(proof_reference_open(buffer_slice(&original), &samples, &options, &reference, err));
    work->out->sample_count = proof_sample_count(reference);
    TRY(judge_drift(work, reference, err));
    const status measured = measure(work, err);
    TRY(optimise_check(work, err)); /* which says it better */
    TRY(measured);
    refuse_worse(work->out);
    pick(work);
    remove_refused(work);
    return STATUS_OK;
}
