// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/model_step.h"
#include "model/channel_prune.h"
#include "model/channel_worth.h"
#include "model/onnx_file.h"
#include "model/prune.h"
#include "model/refit.h"
#include "platform/compress.h"

enum { MULTIPLE_USUAL = 8, SAMPLES_MAX = 1 << 20, KEEPERS_MAX = 32 };
static const double SHARE_USUAL = 0.5;
static const uint64_t SEED = 1;

struct pruning {
    struct call *call;
    struct model_step *step;
    double share;
    int64_t multiple, samples_max;
    const char *stage; /* what is being done */
};

static void close_data(struct model_data **data) {
    model_data_close(*data);
}

/* --- what was typed --- */

static status read_share(const struct call *call, double *out_share, struct error *err) {
    const char *text = call_option(call, "share");
    char *end = NULL;
    *out_share = text != NULL ? strtod(text, &end) : SHARE_USUAL;
    if (text != NULL && (end == text || *end != '\0' || !(*out_share >= 0 && *out_share < 1))) {
        return fail(err, STATUS_INVALID,
                    "--share wants a number from 0 up to but not including 1, like 0.5, not "
                    "'%.60s'",
                    text);
    }
    return STATUS_OK;
}

/* What only the other way of pruning knows is refused. */
static status check_options(const struct call *call, struct error *err) {
    const bool unstructured = call_has(call, "unstructured");
    if (unstructured &&
        (call_option(call, "multiple") != NULL || call_option(call, "samples") != NULL)) {
        return fail(err, STATUS_INVALID,
                    "--multiple and --samples are for whole channels, not for --unstructured");
    }
    if (!unstructured && call_has(call, "global")) {
        return fail(err, STATUS_INVALID, "--global is for --unstructured: channels go by layers");
    }
    if (!unstructured && call_option(call, "data") == NULL) {
        return fail(err, STATUS_INVALID,
                    "--data DIR is missing: numbers by chance say nothing of what a channel is "
                    "worth");
    }
    return STATUS_OK;
}

static status read_options(struct pruning *work, struct error *err) {
    TRY(check_options(work->call, err));
    TRY(read_share(work->call, &work->share, err));
    TRY(call_number(work->call, "multiple", 1, CHANNEL_MULTIPLE_MAX, MULTIPLE_USUAL,
                    &work->multiple, err));
    return call_number(work->call, "samples", 1, SAMPLES_MAX, 0, &work->samples_max, err);
}

/* --- whole channels --- */

static bool show(void *owner, double share) {
    const struct pruning *work = owner;
    terminal_progress(&work->call->terminal, work->call->talk, work->stage, share, "");
    return true;
}

static status weigh(struct pruning *work, struct sample_source *samples,
                    struct channel_worth *out_worth, struct error *err) {
    const struct channel_worth_options options = {.share = work->share,
                                                  .samples_max = (uint32_t)work->samples_max,
                                                  .memory_bytes = MODEL_DATA_MEMORY_BYTES,
                                                  .seed = SEED,
                                                  .progress = show,
                                                  .owner = work};
    work->stage = "weighing channels";
    return channel_worth_find(work->step->model, samples, &options, out_worth, err);
}

/* How many channels must stay for an operator. */
struct keeper {
    struct slice op;
    uint32_t count;
};

/* The operator that most channels must stay for; "": nobody knows. Kinds beyond the bound count as
 * one. */
static struct slice who_keeps(struct graph_model *model) {
    CLEANUP(channel_groups_done) struct channel_groups groups = {0};
    struct keeper keepers[KEEPERS_MAX] = {0};
    uint32_t most = 0;
    if (channel_groups_find(model, &groups, NULL) != STATUS_OK) {
        return SLICE("");
    }
    for (uint32_t i = 0; i < groups.unit_count; i++) {
        uint32_t at = 0;
        const struct slice op = groups.kept_by[i] != NULL ? groups.kept_by[i]->op : SLICE("");
        while (at < KEEPERS_MAX - 1 && keepers[at].count > 0 && !slice_equal(keepers[at].op, op)) {
            at++;
        }
        keepers[at].op = keepers[at].count == 0 ? op : keepers[at].op;
        keepers[at].count++;
        most = keepers[at].count > keepers[most].count ? at : most;
    }
    return keepers[most].op; /* the model's */
}

static status refuse_nothing(struct pruning *work, const struct channel_cuts *cuts,
                             struct error *err) {
    if (cuts->free > 0) {
        return fail(err, STATUS_INVALID,
                    "no channel goes: of %u channels %u could, and a share of %.3g of each layer "
                    "in multiples of %lld is none",
                    cuts->channels, cuts->free, work->share, (long long)work->multiple);
    }
    const struct slice op = who_keeps(work->step->model);
    return fail(err, STATUS_INVALID,
                "no channel can go: all %u reach the model's outputs, or an operator through which "
                "they cannot be followed; most end at %.*s",
                cuts->channels, SLICE_ARGS(op));
}

static status cut(struct pruning *work, const struct channel_worth *worth,
                  struct channel_cuts *out_cuts, struct error *err) {
    const struct channel_prune_options options = {.share = work->share,
                                                  .score = CHANNEL_SCORE_WORTH,
                                                  .worth = worth->of_units,
                                                  .worth_count = worth->count,
                                                  .multiple = (uint32_t)work->multiple};
    uint32_t changes;
    TRY(channel_prune_model(work->step->model, &options, out_cuts, &changes, err));
    return changes > 0 ? STATUS_OK : refuse_nothing(work, out_cuts, err);
}

static status refit(struct pruning *work, struct slice original, const struct channel_cuts *cuts,
                    struct sample_source *samples, struct refit_report *out_report,
                    struct error *err) {
    const struct refit_options options = {.samples_max = (uint32_t)work->samples_max,
                                          .memory_bytes = MODEL_DATA_MEMORY_BYTES,
                                          .seed = SEED,
                                          .progress = show,
                                          .owner = work};
    work->stage = "refitting layers";
    return refit_model(work->step->model, original, cuts, samples, &options, out_report, err);
}

static void note_channels(const struct pruning *work, const struct channel_cuts *cuts,
                          const struct refit_report *refitted) {
    struct model_step *step = work->step;
    model_step_note(step,
                    arena_print(&work->call->arena,
                                "%u of %u channels are gone, %u could; %u of %u layers that took "
                                "them were refitted on %u samples",
                                cuts->gone, cuts->channels, cuts->free, refitted->refitted,
                                refitted->count, refitted->samples));
    model_step_extra(step, SLICE("channels"), value_of_integer(cuts->channels));
    model_step_extra(step, SLICE("free"), value_of_integer(cuts->free));
    model_step_extra(step, SLICE("gone"), value_of_integer(cuts->gone));
    model_step_extra(step, SLICE("layers"), value_of_integer(refitted->count));
    model_step_extra(step, SLICE("refitted"), value_of_integer(refitted->refitted));
    model_step_extra(step, SLICE("refit_samples"), value_of_integer(refitted->samples));
}

static status prune_with(struct pruning *work, struct sample_source *samples, struct error *err) {
    CLEANUP(channel_worth_done) struct channel_worth worth = {0};
    CLEANUP(channel_cuts_done) struct channel_cuts cuts = {0};
    CLEANUP(refit_report_done) struct refit_report refitted = {0};
    CLEANUP(buffer_done) struct buffer original;
    buffer_init(&original, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(work->step->model, &original, err));
    TRY(weigh(work, samples, &worth, err));
    TRY(cut(work, &worth, &cuts, err));
    TRY(refit(work, buffer_slice(&original), &cuts, samples, &refitted, err));
    note_channels(work, &cuts, &refitted);
    return STATUS_OK;
}

static status prune_channels(struct pruning *work, struct error *err) {
    CLEANUP(close_data) struct model_data *data = NULL;
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    work->step->is_adapted = true;
    work->step->must_be_smaller = true;
    work->step->must_be_faster = true;
    TRY(model_data_open(work->call, work->step->path, &data, err));
    TRY(model_data_samples(data, SAMPLE_CALIBRATION, &samples, err));
    const status code = prune_with(work, &samples, err);
    terminal_progress_done(&work->call->terminal, work->call->talk);
    return code;
}

/* --- single weights --- */

static void note_weights(const struct pruning *work, const struct prune_size *before,
                         const struct prune_size *after) {
    struct arena *arena = &work->call->arena;
    const struct slice sizes[2] = {human_bytes(arena, (int64_t)before->compressed_bytes),
                                   human_bytes(arena, (int64_t)after->compressed_bytes)};
    model_step_note(work->step, arena_print(arena, "%llu of %llu weights are zero, %llu were",
                                            (unsigned long long)after->zeros,
                                            (unsigned long long)after->weights,
                                            (unsigned long long)before->zeros));
    model_step_note(work->step, arena_print(arena,
                                            "compressed by zstd %.*s instead of %.*s; as fast as "
                                            "before, and as large in memory",
                                            SLICE_ARGS(sizes[1]), SLICE_ARGS(sizes[0])));
    model_step_extra(work->step, SLICE("weights"), value_of_integer((int64_t)after->weights));
    model_step_extra(work->step, SLICE("zeros"), value_of_integer((int64_t)after->zeros));
    model_step_extra(work->step, SLICE("compressed_before"),
                     value_of_integer((int64_t)before->compressed_bytes));
    model_step_extra(work->step, SLICE("compressed_after"),
                     value_of_integer((int64_t)after->compressed_bytes));
}

static status zero_weights(struct pruning *work, struct error *err) {
    struct graph_model *model = work->step->model;
    const struct prune_options options = {.share = work->share,
                                          .is_global = call_has(work->call, "global")};
    struct prune_size before;
    struct prune_size after;
    uint32_t changes;
    TRY(prune_measure(model, COMPRESS_LEVEL, &before, err));
    TRY(prune_weights(model, &options, &changes, err));
    TRY(prune_measure(model, COMPRESS_LEVEL, &after, err));
    if (after.compressed_bytes >= before.compressed_bytes) {
        return fail(err, STATUS_CONFLICT,
                    "compressed the new model is not smaller (%llu bytes instead of %llu), and "
                    "zeroes gain nothing else: nothing was written",
                    (unsigned long long)after.compressed_bytes,
                    (unsigned long long)before.compressed_bytes);
    }
    note_weights(work, &before, &after);
    return STATUS_OK;
}

static status run(struct call *call, struct error *err) {
    CLEANUP(model_step_done) struct model_step step = {0};
    struct pruning work = {.call = call, .step = &step};
    TRY(read_options(&work, err));
    TRY(model_step_begin(call, "pruned", &step, err));
    TRY(call_has(call, "unstructured") ? zero_weights(&work, err) : prune_channels(&work, err));
    return model_step_end(call, &step, err);
}

static const struct command_option OPTIONS[] = {
    {"share", "NUMBER", "of the channels of each layer, or of its weights (0.5)"},
    {"multiple", "N", "as many channels stay as N goes into; 16 suits wide vectors (8)"},
    {"samples", "N", "to weigh channels and refit layers with, at most (all of the calibration)"},
    {"unstructured", NULL, "single weights become zero: smaller compressed, and nothing else"},
    {"global", NULL, "with --unstructured: the share of all layers together"},
    MODEL_STEP_OPTIONS,
    {0}};

const struct command cmd_model_prune = {
    .noun = "model",
    .verb = "prune",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Take out the channels that matter least, and refit the layers that took them",
    .details =
        "Of each layer those channels go that the layers behind it can do without, which samples\n"
        "show; those layers then learn, by least squares, to answer as before. No labels are\n"
        "needed. Answers are compared on samples that nothing was fitted to. What is not smaller\n"
        "and faster afterwards is refused with the reason. With --unstructured the smallest\n"
        "weights become zero: no runtime is faster for it, the file only compresses better.\n",
    .example = "ebb model prune fashion.onnx --data pictures --share 0.5",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
