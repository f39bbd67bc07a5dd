// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/model_data.h"
#include "cli/profile_table.h"
#include "model/budget.h"
#include "model/choice.h"
#include "model/profile.h"
#include "model/proof.h"
#include "platform/file.h"

enum { SECONDS_MAX = 3600, MS_A_SECOND = 1000, DRIFT_SAMPLES_MAX = 100 };

struct bench {
    struct profile_options options;
    struct budget budget;
    const char *paths[PROFILE_VARIANTS_MAX];
    struct profile_variant variants[PROFILE_VARIANTS_MAX];
    struct profile_row rows[PROFILE_VARIANTS_MAX];
    struct choice choices[PROFILE_VARIANTS_MAX];
    uint32_t count;
    float mask_above;
    bool has_mask;
};

struct shown {
    const struct terminal *terminal;
    FILE *talk;
};

static bool show(void *owner, double share) {
    const struct shown *shown = owner;
    terminal_progress(shown->terminal, shown->talk, "measuring", share, "of the time at most");
    return true;
}

static status add_path(struct bench *bench, const char *path, struct error *err) {
    for (uint32_t i = 0; i < bench->count; i++) {
        if (strcmp(bench->paths[i], path) == 0) {
            return STATUS_OK;
        }
    }
    if (bench->count == PROFILE_VARIANTS_MAX) {
        return fail(err, STATUS_INVALID, "at most %d models are measured at once",
                    PROFILE_VARIANTS_MAX);
    }
    bench->paths[bench->count++] = path;
    return STATUS_OK;
}

/* The reference comes first: what --against names, else the first argument. */
static status read_variants(struct call *call, struct bench *bench, struct error *err) {
    struct inference_options options = profile_inference_options();
    const char *against = call_option(call, "against");
    int64_t threads = 0;
    TRY(call_number(call, "threads", 1, INFERENCE_THREADS_MAX, 1, &threads, err));
    options.threads = (int)threads;
    if (against != NULL) {
        TRY(add_path(bench, against, err));
    }
    for (size_t i = 0; i < call->argument_count; i++) {
        TRY(add_path(bench, call_argument(call, i), err));
    }
    for (uint32_t i = 0; i < bench->count; i++) {
        bench->variants[i] = (struct profile_variant){.path = bench->paths[i], .options = options};
    }
    return STATUS_OK;
}

/* Every --shape and --set, in the order in which they were typed. */
static status read_inputs(struct call *call, struct profile_options *options, struct error *err) {
    struct profile_input *inputs = arena_get(&call->arena, call->value_count + 1, sizeof(*inputs));
    if (inputs == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the inputs");
    }
    options->inputs = inputs;
    for (size_t i = 0; i < call->value_count; i++) {
        const char *name = call->values[i].option->name;
        const struct slice text = slice_of(call->values[i].text);
        if (strcmp(name, "shape") == 0) {
            TRY(profile_input_read_shape(text, &inputs[options->input_count++], err));
        } else if (strcmp(name, "set") == 0) {
            TRY(profile_input_read_number(text, &inputs[options->input_count++], err));
        }
    }
    return STATUS_OK;
}

static status read_options(struct call *call, struct bench *bench, struct error *err) {
    const char *budget = call_option(call, "budget");
    int64_t seconds = 0;
    profile_options_init(&bench->options);
    budget_init(&bench->budget);
    TRY(call_number(call, "seconds", 1, SECONDS_MAX, bench->options.time_ms / MS_A_SECOND, &seconds,
                    err));
    bench->options.time_ms = seconds * MS_A_SECOND;
    if (budget != NULL) {
        TRY(budget_read(slice_of(budget), &bench->budget, err));
    }
    bench->has_mask = call_has(call, "mask-above");
    TRY(model_data_mask(call, &bench->mask_above, err));
    TRY(read_variants(call, bench, err));
    return read_inputs(call, &bench->options, err);
}

static status answer(struct call *call, const struct bench *bench, struct error *err) {
    const struct profile_table table = {
        .paths = bench->paths,
        .rows = bench->rows,
        .choices = bench->choices,
        .count = bench->count,
        .budget = call_option(call, "budget") != NULL ? &bench->budget : NULL,
        .width = bench->options.width,
    };
    if (!call->json) {
        return profile_table_write(call, &table, err);
    }
    const struct value value = profile_table_value(&call->arena, &table);
    if (value.kind == VALUE_NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    return call_write_json(call, value, false, err);
}

/* What was said above already needs no sentence more. */
static status judge(const struct call *call, const struct bench *bench, bool any_keeps,
                    struct error *err) {
    for (uint32_t i = 0; i < bench->count; i++) {
        if (!profile_is_usable(&bench->rows[i])) {
            return bench->rows[i].why.code;
        }
    }
    if (call_option(call, "budget") != NULL && !any_keeps) {
        return fail(err, STATUS_FULL, "no model here keeps the budget");
    }
    return STATUS_OK;
}

/* --- how far answers are from the reference's --- */

static void close_data(struct model_data **data) {
    model_data_close(*data);
}

static void close_reference(struct proof_reference **reference) {
    proof_reference_close(*reference);
}

static bool compare_one(struct bench *bench, uint32_t index, struct proof_reference *reference) {
    CLEANUP(buffer_done) struct buffer bytes;
    struct proof proof;
    struct error why;
    buffer_init(&bytes, INFERENCE_BYTES_MAX);
    if (!profile_is_usable(&bench->rows[index]) ||
        file_read(bench->paths[index], &bytes, &why) != STATUS_OK ||
        proof_run(reference, buffer_slice(&bytes), &proof, &why) != STATUS_OK) {
        return false;
    }
    proof_costs(&proof, &bench->rows[index].cost);
    if (!bench->has_mask) {
        bench->rows[index].cost.of[COST_DRIFT_IOU] = NAN;
    }
    return true;
}

/* Models that take or give something else have no drift. */
static status compare(struct bench *bench, struct model_data *data, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    CLEANUP(close_reference) struct proof_reference *reference = NULL;
    CLEANUP(buffer_done) struct buffer bytes;
    const struct proof_options options = {.memory_bytes = MODEL_DATA_MEMORY_BYTES,
                                          .samples_max = DRIFT_SAMPLES_MAX,
                                          .mask_above = bench->mask_above};
    buffer_init(&bytes, INFERENCE_BYTES_MAX);
    TRY(model_data_samples(data, SAMPLE_EVALUATION, &samples, err));
    TRY(file_read(bench->paths[0], &bytes, err));
    TRY(proof_reference_open(buffer_slice(&bytes), &samples, &options, &reference, err));
    bool any = false;
    for (uint32_t i = 1; i < bench->count; i++) {
        any = compare_one(bench, i, reference) || any;
    }
    if (any) {
        (void)compare_one(bench, 0, reference); /* none, for a budget's limits */
    }
    return STATUS_OK;
}

/* --- all of it --- */

/* Somebody's samples must be readable; numbers by chance are for the models that take them. */
static status measure_on(struct call *call, struct bench *bench, struct error *err) {
    CLEANUP(close_data) struct model_data *data = NULL;
    CLEANUP(kept_sample_done) struct kept_sample kept = {0};
    const bool is_real = call_option(call, "data") != NULL;
    struct profile_options options = bench->options;
    struct profile_samples samples;
    struct error why;
    const status code = model_data_open(call, bench->paths[0], &data, &why);
    if (is_real) {
        TRY(code == STATUS_OK ? code : fail(err, code, "%s", why.text));
        TRY(model_data_keep(data, &kept, err));
        samples = kept_sample_profile(&kept);
        options.samples = &samples;
    }
    TRY(profile_measure(bench->variants, bench->count, &options, bench->rows, err));
    if (code == STATUS_OK && bench->count > 1 && profile_is_usable(&bench->rows[0]) &&
        compare(bench, data, &why) != STATUS_OK && is_real) {
        return fail(err, why.code, "%s", why.text);
    }
    return STATUS_OK;
}

static status measure(struct call *call, struct bench *bench, struct error *err) {
    struct shown shown = {.terminal = &call->terminal, .talk = call->talk};
    bench->options.progress = show;
    bench->options.owner = &shown;
    const status ended = measure_on(call, bench, err);
    terminal_progress_done(&call->terminal, call->talk);
    TRY(ended);
    const bool any_keeps = choice_make(&bench->budget, bench->rows, bench->count, bench->choices);
    TRY(answer(call, bench, err));
    return judge(call, bench, any_keeps, err);
}

static status run(struct call *call, struct error *err) {
    struct bench *bench = arena_get(&call->arena, 1, sizeof(*bench));
    if (bench == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to measure in");
    }
    TRY(read_options(call, bench, err));
    const status ended = measure(call, bench, err);
    profile_rows_done(bench->rows, bench->count);
    return ended;
}

static const struct command_option OPTIONS[] = {
    {"against", "FILE", "the reference; else the first FILE is"},
    {"threads", "N", "of one run (1)"},
    {"budget", "TEXT", "say which model keeps it: 'latency_p95<=15ms, rss<=60MB; minimise size'"},
    MODEL_DATA_OPTIONS,
    MODEL_DATA_MASK_OPTION,
    {"seconds", "N", "to measure a model in at most (20)"},
    {0}};

const struct command cmd_model_bench = {
    .noun = "model",
    .verb = "bench",
    .arguments = "FILE...",
    .least = 1,
    .most = CALL_ARGUMENTS_MAX,
    .summary = "Measure ONNX models side by side: latency, CPU time, load time, memory, size",
    .details =
        "Each model runs in a process of its own; they take turns until the medians are sure to\n"
        "1.5 % or the time is over. Inputs are numbers by chance, the same for all, or samples of\n"
        "--data; drift is how far answers are from the reference's on them. A model that\n"
        "cannot be opened, crashes or hangs is named with the reason, and the others are measured\n"
        "all the same. A budget limits latency (_p50, _p95, _min), cpu, load, first, rss, hwm,\n"
        "size, size_compressed and drift.argmax, .sqnr, .cosine, .max with <=, <, >= or >,\n"
        "in ms, s, us, KB, MB, KiB, MiB, or in x, times the reference.\n",
    .example = "ebb model bench rec-int8.onnx --against rec.onnx --shape x=1x3x48x320",
    .options = OPTIONS,
    .run = run};
