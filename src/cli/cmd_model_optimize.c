// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_data.h"
#include "cli/variants.h"
#include "model/optimise.h"
#include "platform/clock.h"
#include "platform/file.h"
#include "platform/interrupt.h"
#include "platform/json.h"

enum { SECONDS_USUAL = 4, SECONDS_MAX = 3600, PAGE_BYTES_MAX = 16 << 20, NOTE_BYTES = 48 };
static const int64_t SECOND_NS = 1000000000;
static const int64_t NOTHING_NS = 2000000;

struct shown {
    struct call *call;
    struct model_data *data;
    const char *stage;
    int64_t began_ns, told_ns; /* the stage, and when something was told of it */
    double began, told;        /* how far it was then */
};

static status samples_of(void *owner, enum sample_part part, struct sample_source *out_source,
                         struct error *err) {
    const struct shown *shown = owner;
    return model_data_samples(shown->data, part, out_source, err);
}

static bool show(void *owner, const char *stage, double share) {
    struct shown *shown = owner;
    const int64_t now = clock_monotonic_ns();
    char note[NOTE_BYTES] = "";
    const bool is_new = shown->stage == NULL || strcmp(shown->stage, stage) != 0;
    /* A step that took no time was known from before: it says nothing of those to come. */
    if (is_new || (share > shown->told && now - shown->told_ns < NOTHING_NS)) {
        shown->stage = stage;
        shown->began_ns = now;
        shown->began = is_new ? 0 : share;
    }
    shown->told = share;
    shown->told_ns = now;
    const double spent_s = (double)(now - shown->began_ns) / (double)SECOND_NS;
    const double done = share - shown->began;
    if (done > 0.02 && share < 1) {
        (void)snprintf(note, sizeof(note), "%.0f s left", spent_s * (1 - share) / done);
    }
    terminal_progress(&shown->call->terminal, shown->call->talk, stage, share, note);
    return !interrupt_came();
}

static void say(void *owner, const char *sentence) {
    const struct shown *shown = owner;
    terminal_progress_done(&shown->call->terminal, shown->call->talk);
    (void)fprintf(shown->call->talk, "ebb: %s\n", sentence);
}

static status keep(const char *folder, const char *name, const struct buffer *bytes,
                   struct error *err) {
    char path[OPTIMISE_PATH_BYTES];
    TRY(buffer_status(bytes, err));
    (void)snprintf(path, sizeof(path), "%.4000s/%s", folder, name);
    return file_replace(path, buffer_slice(bytes), err);
}

static status write_folder(const char *folder, const struct optimised *optimised,
                           struct value answer, struct error *err) {
    CLEANUP(buffer_done) struct buffer manifest;
    CLEANUP(buffer_done) struct buffer json;
    CLEANUP(buffer_done) struct buffer page;
    buffer_init(&manifest, PAGE_BYTES_MAX);
    buffer_init(&json, PAGE_BYTES_MAX);
    buffer_init(&page, PAGE_BYTES_MAX);
    variants_write_manifest(&manifest, optimised);
    json_write(&json, answer);
    variants_write_page(&page, folder, answer);
    TRY(keep(folder, VARIANTS_ANSWER_FILE, &json, err));
    TRY(keep(folder, VARIANTS_REPORT_FILE, &page, err));
    return keep(folder, VARIANTS_FILE, &manifest, err);
}

static status read_options(struct call *call, struct optimise_options *options,
                           struct budget *budget, struct error *err) {
    const char *text = call_option(call, "budget");
    const char *method = call_option(call, "ranges");
    int64_t seconds;
    options->path = call_argument(call, 0);
    options->folder = call_option(call, "out");
    options->memory_bytes = MODEL_DATA_MEMORY_BYTES;
    options->method = THRESHOLD_MSE;
    options->budget = budget;
    budget_init(budget);
    if (options->folder == NULL) {
        return fail(err, STATUS_INVALID, "--out DIR is missing: where the variants go");
    }
    TRY(text != NULL ? budget_read(slice_of(text), budget, err) : STATUS_OK);
    if (method != NULL && !threshold_method_read(slice_of(method), &options->method)) {
        return fail(err, STATUS_INVALID,
                    "--ranges is min-max, mean-min-max, percentile, mse or entropy, not '%.60s'",
                    method);
    }
    TRY(model_data_mask(call, &options->mask_above, err));
    options->is_mask = call_option(call, "mask-above") != NULL;
    TRY(call_number(call, "seconds", 1, SECONDS_MAX, SECONDS_USUAL, &seconds, err));
    options->time_ms = seconds * 1000;
    options->begins_anew = call_has(call, "again");
    return STATUS_OK;
}

static status answer(struct call *call, const struct model_data *data,
                     const struct optimise_options *options, const struct optimised *optimised,
                     struct error *err) {
    struct sample_pictures pictures;
    struct variants_extras extras = {
        .budget = call_option(call, "budget"), .is_mask = options->is_mask, .pictures = &pictures};
    TRY(sample_pictures_begin(&pictures, options->folder, err));
    extras.labels = model_data_labels(data, &extras.labelled);
    const struct value value = variants_value(&call->arena, options->folder, optimised, &extras);
    if (value.kind == VALUE_NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    TRY(write_folder(options->folder, optimised, value, err));
    return call->json ? call_write_json(call, value, false, err)
                      : variants_write_text(call, value, err);
}

static void close_data(struct model_data **data) {
    model_data_close(*data);
}

static status run(struct call *call, struct error *err) {
    CLEANUP(close_data) struct model_data *data = NULL;
    struct budget budget;
    struct shown shown = {.call = call};
    struct optimise_options options = {
        .samples = samples_of, .progress = show, .say = say, .owner = &shown};
    struct optimised *optimised = arena_get(&call->arena, 1, sizeof(*optimised));
    if (optimised == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    TRY(read_options(call, &options, &budget, err));
    TRY(model_data_open(call, options.path, &data, err));
    TRY(file_make_folder(options.folder, err));
    shown.data = data;
    interrupt_watch();
    const status ended = optimise(&options, optimised, err);
    interrupt_unwatch();
    terminal_progress_done(&call->terminal, call->talk);
    TRY(ended);
    const status code = answer(call, data, &options, optimised, err);
    optimised_done(optimised);
    return code;
}

static const struct command_option OPTIONS[] = {
    {"out", "DIR", "where variants, variants.yaml and report.html go; -o is the same"},
    {"budget", "TEXT", "'latency_p95<=15ms, rss<=60MB, drift.argmax>=0.97; minimise latency'"},
    {"ranges", "METHOD", "of activations: min-max, mean-min-max, percentile, mse, entropy (mse)"},
    MODEL_DATA_MASK_OPTION,
    {"seconds", "N", "to measure each variant in (4)"},
    {"again", NULL, "begin anew where an earlier search was ended, and do not go on with it"},
    MODEL_DATA_OPTIONS,
    {0}};

const struct command cmd_model_optimize = {
    .noun = "model",
    .verb = "optimize",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .summary = "Make a model smaller and faster, and refuse what is broken or slower",
    .details =
        "Makes variants, holds each against the original on samples that nothing was adapted to,\n"
        "measures all of them side by side and picks one under the budget. A variant that is no\n"
        "better is refused with the reason; when none is, the original is the answer. Of the\n"
        "samples four of ten are for ranges, two for choosing, four for judging (or what the\n"
        "folders calibration, selection and evaluation hold). agent.yaml takes variants.yaml.\n",
    .example = "ebb model optimize rec.onnx --data lines --agent agents/rec "
               "--budget 'drift.argmax>=0.97' -o rec",
    .options = OPTIONS,
    .run = run};
