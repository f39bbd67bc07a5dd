// SPDX-License-Identifier: Apache-2.0
#include "model/optimise.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "model/blocked.h"
#include "model/float16.h"
#include "model/onnx_file.h"
#include "model/opset.h"
#include "model/optimise_inner.h"
#include "model/quantize_bounds.h"
#include "model/simplify.h"
#include "platform/file.h"
#include "platform/processor.h"

enum { OPSET_TARGET = 13, SEARCH_MS = 400, SEARCH_OPENINGS = 2, CHANGES_MAX = 4 };

/* Of what is measured in a few hundred milliseconds. */
static const double COST_NOISE = 0.03;

/* Of what a budget allows: other samples judge in the end, and may see a little more drift. */
static const double SEARCH_SHARE = 0.9;

/* Only while a search runs; external data of theirs has names that begin so. */
static const char BASE_FILE[] = ".base.onnx";
static const char TRY_FILE[] = ".try.onnx";

static void close_graph(struct graph_model **model) {
    onnx_file_close(*model);
}

static void close_model(struct inference_model **model) {
    inference_close(*model);
}

bool optimise_tell(struct optimising *work, const char *stage, double share) {
    work->stage = stage;
    work->share = share;
    return optimise_ask(work);
}

bool optimise_ask(struct optimising *work) {
    const struct optimise_options *options = work->options;
    work->is_ended =
        work->is_ended ||
        (options->progress != NULL && !options->progress(options->owner, work->stage, work->share));
    return !work->is_ended;
}

status optimise_check(const struct optimising *work, struct error *err) {
    return work->is_ended
               ? fail(err, STATUS_INTERRUPTED, "ended; the same command goes on from there")
               : STATUS_OK;
}

/* --- variants --- */

static struct optimise_variant *add_variant(struct optimising *work, const char *name) {
    struct optimise_variant *variant = &work->out->variants[work->out->variant_count++];
    (void)snprintf(variant->name, sizeof(variant->name), "%s", name);
    cost_init(&variant->row.cost);
    return variant;
}

void optimise_refuse(struct optimise_variant *variant, const struct error *why) {
    (void)snprintf(variant->refused, sizeof(variant->refused), "%s", why->text);
}

void optimise_path(const struct optimising *work, const char *file,
                   char out_path[OPTIMISE_PATH_BYTES]) {
    (void)snprintf(out_path, OPTIMISE_PATH_BYTES, "%.4000s/%s", work->options->folder, file);
}

static status write_variant(struct optimising *work, struct optimise_variant *variant,
                            struct slice bytes, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    char file[OPTIMISE_NAME_BYTES];
    char path[OPTIMISE_PATH_BYTES];
    (void)snprintf(file, sizeof(file), "%.18s.onnx", variant->name);
    optimise_path(work, file, path);
    TRY(onnx_file_read(bytes, work->data_folder, &model, err));
    TRY(onnx_file_write(model, path, err));
    (void)memcpy(variant->file, file, sizeof(file));
    return STATUS_OK;
}

/* --- what loses nothing --- */

static status make_folded(struct optimising *work, struct optimise_variant *variant,
                          struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    struct simplify_counts counts;
    struct proof proof;
    TRY(onnx_file_read(buffer_slice(&work->original), work->data_folder, &model, err));
    TRY(simplify_graph(model, &counts, err));
    TRY(onnx_file_pack(model, &work->folded, err));
    (void)snprintf(variant->how, sizeof(variant->how),
                   "%u nodes instead of %u: %u operators went into layers, %u were computed",
                   counts.nodes_after, counts.nodes_before, counts.folded, counts.constants);
    TRY(proof_run(work->selection, buffer_slice(&work->folded), &proof, err));
    if (!proof_is_lossless(&proof)) {
        return fail(err, STATUS_CONFLICT, "it answers otherwise: %.0f dB", proof.worst_sqnr_db);
    }
    return write_variant(work, variant, buffer_slice(&work->folded), err);
}

static void add_folded(struct optimising *work) {
    struct optimise_variant *variant = add_variant(work, "folded");
    struct error why = {0};
    (void)optimise_tell(work, "folding", 0);
    if (make_folded(work, variant, &why) != STATUS_OK) {
        optimise_refuse(variant, &why);
        buffer_clear(&work->folded);
    }
}

/* --- channels in whole blocks --- */

static status make_blocked(struct optimising *work, uint32_t *out_changes,
                           struct optimise_variant *variant, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    struct proof proof;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_read(buffer_slice(&work->folded), work->data_folder, &model, err));
    TRY(blocked_graph(model, processor_block_channels(), out_changes, err));
    TRY(onnx_file_pack(model, &bytes, err));
    (void)snprintf(variant->how, sizeof(variant->how),
                   "folded, and %u layers fill the blocks of %u channels that this processor "
                   "computes in",
                   *out_changes, processor_block_channels());
    TRY(proof_run(work->selection, buffer_slice(&bytes), &proof, err));
    if (!proof_is_lossless(&proof)) {
        return fail(err, STATUS_CONFLICT, "it answers otherwise: %.0f dB", proof.worst_sqnr_db);
    }
    return write_variant(work, variant, buffer_slice(&bytes), err);
}

/* No variant where there is nothing to fill. */
static void add_blocked(struct optimising *work) {
    if (work->folded.count == 0 || processor_block_channels() == 0) {
        return;
    }
    struct optimise_variant *variant = add_variant(work, "blocked");
    struct error why = {0};
    uint32_t changes = 0;
    const status code = make_blocked(work, &changes, variant, &why);
    if (code != STATUS_OK) {
        optimise_refuse(variant, &why);
    } else if (changes == 0) {
        optimise_remove(work, variant->file);
        work->out->variant_count--;
    }
}

/* --- whole numbers --- */

static status make_base(struct optimising *work, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    const struct buffer *from = work->folded.count > 0 ? &work->folded : &work->original;
    struct proof proof;
    uint32_t changes;
    TRY(onnx_file_read(buffer_slice(from), work->data_folder, &model, err));
    TRY(opset_upgrade(model, OPSET_TARGET, &changes, err));
    TRY(onnx_file_pack(model, &work->base, err));
    TRY(proof_run(work->selection, buffer_slice(&work->base), &proof, err));
    if (!proof_is_lossless(&proof)) {
        return fail(err, STATUS_CONFLICT, "in opset %d it answers otherwise: %.0f dB", OPSET_TARGET,
                    proof.worst_sqnr_db);
    }
    optimise_path(work, BASE_FILE, work->base_path);
    optimise_path(work, TRY_FILE, work->try_path);
    return onnx_file_write(model, work->base_path, err);
}

static bool tell_calibration(void *owner, double share) {
    return optimise_tell(owner, "measuring ranges", share);
}

static bool ask(void *owner, double share) {
    (void)share;
    return optimise_ask(owner);
}

static status find_bounds(struct optimising *work, struct graph_model *model,
                          struct quantize_options *options, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    const struct quantize_bounds_wish wish = {
        .bytes = buffer_slice(&work->base),
        .samples = &samples,
        .settings = {.method = work->options->method, .kind = options->activations},
        .calibrate = {.folder = work->data_folder,
                      .memory_bytes = work->options->memory_bytes,
                      .progress = tell_calibration,
                      .owner = work}};
    struct digest key;
    TRY(work->options->samples(work->options->owner, SAMPLE_CALIBRATION, &samples, err));
    TRY(optimise_ranges_key(work, &samples, options, &key, err));
    work->has_ranges = optimise_ranges_read(work, model, key, options);
    if (!work->has_ranges) {
        TRY(quantize_bounds(model, &wish, options, err));
        optimise_ranges_write(work, key, options);
    }
    return STATUS_OK;
}

bool optimise_is_near(const struct proof *proof, double share) {
    return proof->worst_sqnr_db >= OPTIMISE_SQNR_DB_LEAST - 10 * log10(share) ||
           (proof->drift.rows > 0 &&
            drift_agreement(&proof->drift) >= 1 - (1 - OPTIMISE_ARGMAX_LEAST) * share);
}

static bool is_measured(enum cost_kind objective) {
    return objective != COST_SIZE && objective != COST_SIZE_COMPRESSED;
}

static bool is_good(void *owner, const struct proof *proof) {
    const struct optimising *work = owner;
    char why[BUDGET_WHY_BYTES_MAX];
    struct cost cost;
    cost_init(&cost);
    proof_costs(proof, &cost);
    return work->drift.limit_count == 0 ? optimise_is_near(proof, SEARCH_SHARE)
                                        : budget_keeps(&work->drift, &cost, NULL, why);
}

/* Files of a folder that are called so, and external data of theirs; of hidden ones also what was
 * being written. */
struct removal {
    const struct optimising *work;
    const char *start;
};

static bool remove_each(void *owner, const char *name) {
    const struct removal *removal = owner;
    char path[OPTIMISE_PATH_BYTES];
    const size_t count = strlen(removal->start);
    if (strncmp(name, removal->start, count) == 0 &&
        (name[0] == '.' || name[count] == '\0' || name[count] == '-')) {
        optimise_path(removal->work, name, path);
        (void)file_remove(path, NULL);
    }
    return true;
}

void optimise_remove(const struct optimising *work, const char *file) {
    struct removal removal = {.work = work, .start = file};
    (void)file_list(work->options->folder, remove_each, &removal, NULL);
}

/* With its external data, which is not where the folder of variants is. */
static status write_try(struct optimising *work, struct slice bytes, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    TRY(onnx_file_read(bytes, work->data_folder, &model, err));
    if (model->external != NULL) {
        optimise_remove(work, TRY_FILE);
    }
    return onnx_file_write(model, work->try_path, err);
}

/* How much of what the budget wants small a model takes beside what it was made of: bytes of the
 * file, memory, or else the time that the processor works on a run. */
static status search_cost(void *owner, struct slice model, double *out_ratio, struct error *err) {
    struct optimising *work = owner;
    const enum cost_kind objective = work->options->budget->objective;
    if (!is_measured(objective)) {
        *out_ratio = (double)model.count / (double)work->base.count;
        return STATUS_OK;
    }
    const struct profile_samples samples = kept_sample_profile(&work->sample);
    struct profile_options options;
    struct profile_row rows[2];
    profile_options_init(&options);
    options.time_ms = work->options->time_ms < SEARCH_MS ? work->options->time_ms : SEARCH_MS;
    options.openings = SEARCH_OPENINGS;
    options.progress = ask;
    options.owner = work;
    options.samples = &samples;
    TRY(write_try(work, model, err));
    const struct profile_variant variants[2] = {
        {.path = work->base_path, .options = profile_inference_options()},
        {.path = work->try_path, .options = profile_inference_options()}};
    status code = profile_measure(variants, 2, &options, rows, err);
    *out_ratio = INFINITY;
    if (code == STATUS_OK && profile_is_usable(&rows[1])) {
        *out_ratio = objective == COST_RSS || objective == COST_HWM
                         ? rows[1].cost.of[objective] / rows[0].cost.of[objective]
                         : rows[1].cpu_ratio.middle;
    }
    profile_rows_done(rows, 2);
    return code;
}

static void close_journal(struct search_journal **journal) {
    search_journal_close(*journal);
}

static bool tell_search(void *owner, double share) {
    return optimise_tell(owner, "trying which layers to quantise", share);
}

static status search(struct optimising *work, struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    CLEANUP(close_journal) struct search_journal *journal = NULL;
    const enum cost_kind objective = work->options->budget->objective;
    struct quantize_options quantizing = {.activations = SCALE_UINT8,
                                          .pairs_saturate = processor_adds_in_pairs()};
    struct quantize_search_options options = {.quantize = &quantizing,
                                              .folder = work->data_folder,
                                              .is_good = is_good,
                                              .cost = search_cost,
                                              .cost_noise = is_measured(objective) ? COST_NOISE : 0,
                                              .progress = tell_search,
                                              .owner = work,
                                              .changes_max = CHANGES_MAX};
    TRY(make_base(work, err));
    TRY(onnx_file_read(buffer_slice(&work->base), work->data_folder, &model, err));
    TRY(find_bounds(work, model, &quantizing, err));
    TRY(optimise_journal_open(work, &quantizing, &journal, err));
    options.journal = journal;
    TRY(quantize_search(buffer_slice(&work->base), work->selection, &options, &work->out->search,
                        err));
    work->out->has_search = true;
    return optimise_check(work, err);
}

static status make_int8(struct optimising *work, struct optimise_variant *variant,
                        struct error *err) {
    TRY(search(work, err));
    const struct quantize_found *found = &work->out->search;
    if (found->try_count == 0) {
        return fail(err, STATUS_INTERRUPTED, "the search was ended before it tried a model");
    }
    if (found->best == QUANTIZE_TRIES_MAX) {
        return fail(err, STATUS_CONFLICT,
                    "none of the %u models that were tried answers closely "
                    "enough",
                    found->try_count);
    }
    (void)snprintf(variant->how, sizeof(variant->how),
                   "%u layers and %u operators between them in whole numbers of 8 bits, %u layers "
                   "left in float32; %u models were tried",
                   found->report.layers, found->report.between, found->report.left,
                   found->try_count);
    return write_variant(work, variant, buffer_slice(&found->model), err);
}

static void add_int8(struct optimising *work) {
    struct optimise_variant *variant = add_variant(work, "int8");
    struct error why = {0};
    if (make_int8(work, variant, &why) != STATUS_OK) {
        optimise_refuse(variant, &why);
    }
    optimise_remove(work, BASE_FILE); /* also those of a run that was killed */
    optimise_remove(work, TRY_FILE);
}

/* --- ranges that each run finds --- */

/* No variant where there is nothing to make so. */
static void add_dynamic(struct optimising *work) {
    CLEANUP(buffer_done) struct buffer bytes;
    char how[ERROR_TEXT_MAX];
    struct error why = {0};
    buffer_init(&bytes, ONNX_BYTES_MAX);
    if (optimise_dynamic(work, &bytes, how, &why) != STATUS_OK) {
        return;
    }
    struct optimise_variant *variant = add_variant(work, "dynamic");
    (void)memcpy(variant->how, how, sizeof(how));
    if (write_variant(work, variant, buffer_slice(&bytes), &why) != STATUS_OK) {
        optimise_refuse(variant, &why);
    }
}

/* --- half-precision weights --- */

static status make_float16(struct optimising *work, struct optimise_variant *variant,
                           struct error *err) {
    CLEANUP(close_graph) struct graph_model *model = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    const struct buffer *from = work->folded.count > 0 ? &work->folded : &work->original;
    struct float16_report report;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_read(buffer_slice(from), work->data_folder, &model, err));
    TRY(float16_store(model, &report, err));
    if (report.tensor_count == 0) {
        return fail(err, STATUS_NOT_FOUND, "there are no float32 weights of some size");
    }
    (void)snprintf(variant->how, sizeof(variant->how),
                   "%u tensors take two bytes a number in the file", report.tensor_count);
    TRY(onnx_file_pack(model, &bytes, err));
    return write_variant(work, variant, buffer_slice(&bytes), err);
}

static void add_float16(struct optimising *work) {
    struct optimise_variant *variant = add_variant(work, "float16");
    struct error why = {0};
    if (make_float16(work, variant, &why) != STATUS_OK) {
        optimise_refuse(variant, &why);
    }
}

/* --- all of it --- */

/* For the model as it came: variants may have fewer inputs. */
static status take_sample(struct optimising *work, struct sample_source *samples,
                          struct error *err) {
    CLEANUP(close_model) struct inference_model *model = NULL;
    const struct inference_options options = {
        .threads = 1, .memory_bytes = work->options->memory_bytes, .folder = work->data_folder};
    TRY(inference_open_bytes(buffer_slice(&work->original), &options, &model, err));
    return kept_sample_take(&work->sample, model, samples, err);
}

static status begin(struct optimising *work, struct sample_source *selection, struct error *err) {
    const struct optimise_options *options = work->options;
    const struct proof_options proving = {.memory_bytes = options->memory_bytes,
                                          .samples_max = OPTIMISE_SEARCH_SAMPLES,
                                          .mask_above = options->mask_above};
    TRY(file_read(options->path, &work->original, err));
    TRY(onnx_file_open(options->path, &work->model, err));
    work->data_folder = work->model->folder.bytes;
    work->drift = budget_drift(options->budget, SEARCH_SHARE);
    if (options->begins_anew) {
        optimise_journal_remove(work);
    }
    struct optimise_variant *original = add_variant(work, "original");
    (void)snprintf(original->how, sizeof(original->how), "as it came");
    TRY(options->samples(options->owner, SAMPLE_SELECTION, selection, err));
    TRY(take_sample(work, selection, err));
    struct proof_options with_folder = proving;
    with_folder.folder = work->data_folder;
    TRY(proof_reference_open(buffer_slice(&work->original), selection, &with_folder,
                             &work->selection, err));
    return write_variant(work, original, buffer_slice(&work->original), err);
}

static status run_all(struct optimising *work, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source selection = {0};
    TRY(begin(work, &selection, err));
    static void (*const STAGES[])(struct optimising *) = {add_folded, add_blocked, add_int8,
                                                          add_dynamic, add_float16};
    for (size_t i = 0; i < sizeof(STAGES) / sizeof(STAGES[0]); i++) {
        STAGES[i](work);
        TRY(optimise_check(work, err));
    }
    proof_reference_close(work->selection);
    work->selection = NULL;
    return optimise_judge(work, err);
}

static void work_done(struct optimising *work) {
    proof_reference_close(work->selection);
    kept_sample_done(&work->sample);
    onnx_file_close(work->model);
    buffer_done(&work->original);
    buffer_done(&work->folded);
    buffer_done(&work->base);
}

status optimise(const struct optimise_options *options, struct optimised *out_optimised,
                struct error *err) {
    struct optimised *out = memory_new(1, sizeof(*out));
    if (out == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory for optimising");
    }
    CLEANUP(work_done) struct optimising work = {.options = options, .out = out};
    buffer_init(&work.original, ONNX_BYTES_MAX);
    buffer_init(&work.folded, ONNX_BYTES_MAX);
    buffer_init(&work.base, ONNX_BYTES_MAX);
    const status code = run_all(&work, err);
    if (code == STATUS_OK) {
        optimise_journal_remove(&work);
        *out_optimised = *out;
    } else {
        optimised_done(out);
    }
    memory_free(out);
    return code;
}

void optimised_done(struct optimised *optimised) {
    for (uint32_t i = 0; i < optimised->variant_count; i++) {
        profile_rows_done(&optimised->variants[i].row, 1);
        memory_free(optimised->variants[i].changed);
    }
    if (optimised->has_search) {
        quantize_found_done(&optimised->search);
    }
    optimised->variant_count = 0;
    optimised->has_search = false;
}
