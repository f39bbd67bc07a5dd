// SPDX-License-Identifier: Apache-2.0
#include "model/profile.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "model/measure_child.h"
#include "platform/clock.h"
#include "platform/compress.h"
#include "platform/file.h"
#include "wire/fault.h"

enum {
    NS_A_MS = 1000000,
    PART_BYTES = 8 << 20, /* of a file that is compressed */
    WARM_RUNS = 2,
    COLD_RUNS_LEAST = 4, /* from so many on, the first run of a round does not count */
    RUNS_MAX = PROFILE_ROUNDS_MAX * PROFILE_VISIT_RUNS_MAX,
    CHECK_SHARE = 8 /* after an eighth more rounds it is looked again whether they are enough */
};

static const int64_t MEMORY_BYTES = (int64_t)4 << 30;
static const struct interval UNKNOWN = {NAN, NAN, NAN};

/* One variant at work. */
struct subject {
    const struct profile_variant *variant;
    struct profile_row *row;
    struct measure_child child;
    bool is_begun;                        /* the child has to be closed */
    uint32_t visit_runs;                  /* that count, of a round */
    double *runs_ms;                      /* owned: the wall time of each run */
    double load_ms[PROFILE_OPENINGS_MAX]; /* of each opening, as are the next */
    double load_cpu_ms[PROFILE_OPENINGS_MAX];
    double first_ms[PROFILE_OPENINGS_MAX];
};

struct profiling {
    const struct profile_options *options;
    struct subject *subjects; /* owned; the first is the reference */
    uint32_t count;
};

void profile_options_init(struct profile_options *options) {
    *options = (struct profile_options){.time_ms = 20000,
                                        .width = 0.03,
                                        .openings = 3,
                                        .visit_ms = 100,
                                        .open_ms_max = 60000,
                                        .run_ms_max = 60000,
                                        .seed = 1};
}

struct inference_options profile_inference_options(void) {
    return (struct inference_options){.threads = 1, .memory_bytes = MEMORY_BYTES};
}

bool profile_is_usable(const struct profile_row *row) {
    return row->why.code == STATUS_OK;
}

/* The child is ended, the others go on. */
static void give_up(struct subject *subject) {
    if (subject->is_begun) {
        measure_child_close(&subject->child);
        subject->is_begun = false;
    }
}

static double ms_of(int64_t ns) {
    return (double)ns / NS_A_MS;
}

static double median_of(double *numbers, size_t count) {
    interval_sort(numbers, count);
    return interval_percentile(numbers, count, 0.5);
}

/* --- the file --- */

static status add_part(const char *path, int64_t offset, struct compressor *compressor,
                       int64_t *compressed_bytes, struct error *err) {
    CLEANUP(buffer_done) struct buffer plain;
    CLEANUP(buffer_done) struct buffer frame;
    buffer_init(&plain, PART_BYTES);
    buffer_init(&frame, compress_bytes_max(PART_BYTES));
    TRY(file_read_part(path, offset, PART_BYTES, &plain, err));
    TRY(compressor_add(compressor, COMPRESS_LEVEL, buffer_slice(&plain), &frame, err));
    *compressed_bytes += (int64_t)frame.count;
    return STATUS_OK;
}

/* Having been read once, the file is in memory for all who open it. */
static status weigh(const char *path, struct cost *cost, struct error *err) {
    struct file_facts facts;
    struct compressor *compressor = NULL;
    int64_t compressed_bytes = 0;
    TRY(file_facts(path, &facts, err));
    TRY(compressor_create(&compressor, err));
    status code = STATUS_OK;
    for (int64_t at = 0; code == STATUS_OK && at < facts.bytes; at += PART_BYTES) {
        code = add_part(path, at, compressor, &compressed_bytes, err);
    }
    compressor_destroy(compressor);
    if (code == STATUS_OK) {
        cost->of[COST_SIZE] = (double)facts.bytes;
        cost->of[COST_SIZE_COMPRESSED] = (double)compressed_bytes;
    }
    return code;
}

/* --- opening --- */

static status open_child(struct profiling *profiling, struct subject *subject, uint32_t pass,
                         struct error *err) {
    give_up(subject);
    subject->is_begun = true;
    TRY(measure_child_open(&subject->child, subject->variant->path, &subject->variant->options,
                           profiling->options->open_ms_max, err));
    subject->load_ms[pass] = ms_of(subject->child.loaded.time.wall_ns);
    subject->load_cpu_ms[pass] = ms_of(subject->child.loaded.time.cpu_ns);
    subject->row->provider = (uint8_t)subject->child.loaded.provider;
    return STATUS_OK;
}

/* Fails where no other variant would fare better. */
static status open_all(struct profiling *profiling, uint32_t pass, struct error *err) {
    for (uint32_t i = 0; i < profiling->count; i++) {
        struct subject *subject = &profiling->subjects[i];
        struct error *why = &subject->row->why;
        if (!profile_is_usable(subject->row)) {
            continue;
        }
        const status opened = open_child(profiling, subject, pass, why);
        if (opened != STATUS_OK && subject->child.is_hopeless) {
            return fail(err, why->code, "%s", why->text);
        }
        if (opened != STATUS_OK) {
            give_up(subject);
        }
    }
    return STATUS_OK;
}

static bool has_input(const struct subject *subject, struct slice name) {
    for (uint32_t i = 0; i < subject->child.input_count; i++) {
        if (slice_is(name, subject->child.inputs[i].name)) {
            return true;
        }
    }
    return false;
}

static status unknown_input(const struct subject *subject, struct slice name, struct error *err) {
    const char *names[INFERENCE_PORTS_MAX + 1];
    for (uint32_t i = 0; i < subject->child.input_count; i++) {
        names[i] = subject->child.inputs[i].name;
    }
    names[subject->child.input_count] = NULL;
    const char *nearest = text_nearest(name, names);
    return fail(err, STATUS_INVALID, "no model here has an input `%.*s`%s%.100s%s", QUOTED(name),
                nearest != NULL    ? fault_hint(nearest).text
                : names[0] != NULL ? "; there is `"
                                   : "",
                nearest != NULL || names[0] == NULL ? "" : names[0],
                nearest != NULL || names[0] == NULL ? "" : "`");
}

/* What is said of an input is meant for some model. Nothing is known where none could be opened. */
static status check_inputs(const struct profiling *profiling, struct error *err) {
    for (uint32_t k = 0; k < profiling->options->input_count; k++) {
        const struct slice name = profiling->options->inputs[k].name;
        const struct subject *opened = NULL;
        bool is_known = false;
        for (uint32_t i = 0; i < profiling->count; i++) {
            const struct subject *subject = &profiling->subjects[i];
            if (profile_is_usable(subject->row)) {
                opened = opened != NULL ? opened : subject;
                is_known = is_known || has_input(subject, name);
            }
        }
        if (opened != NULL && !is_known) {
            return unknown_input(opened, name, err);
        }
    }
    return STATUS_OK;
}

static status give_by_chance(struct subject *subject, const struct profile_options *options,
                             struct error *err) {
    struct tensor tensors[INFERENCE_PORTS_MAX];
    struct measure_child *child = &subject->child;
    status code = profile_inputs_make(child->inputs, child->input_count, options->inputs,
                                      options->input_count, options->seed, tensors, err);
    if (code == STATUS_OK) {
        code = measure_child_give(child, tensors, options->open_ms_max, err);
    }
    profile_inputs_done(tensors, child->input_count);
    return code;
}

static status give_samples(struct subject *subject, const struct profile_options *options,
                           struct error *err) {
    const struct profile_samples *samples = options->samples;
    struct measure_child *child = &subject->child;
    if (samples == NULL) {
        return give_by_chance(subject, options, err);
    }
    for (uint32_t i = 0; i < samples->count && i < MEASURE_SAMPLES_MAX; i++) {
        struct tensor tensors[INFERENCE_PORTS_MAX] = {0};
        TRY(samples->sample(samples->owner, i, child->inputs, child->input_count, tensors, err));
        TRY(measure_child_give(child, tensors, options->open_ms_max, err));
    }
    return STATUS_OK;
}

/* --- running --- */

/* Runs and keeps what it says of memory. */
static status run(struct subject *subject, uint32_t count, const struct profile_options *options,
                  struct measure_time *out_times) {
    struct measure_memory memory = {0};
    struct cost *cost = &subject->row->cost;
    const status code = measure_child_run(&subject->child, count, options->run_ms_max, out_times,
                                          &memory, &subject->row->why);
    if (code == STATUS_OK && memory.most_bytes > 0) {
        cost->of[COST_RSS] = (double)memory.now_bytes;
        cost->of[COST_HWM] = (double)memory.most_bytes;
    }
    return code;
}

/* The first run, and how many runs make a round. */
static status run_first(struct subject *subject, uint32_t pass,
                        const struct profile_options *options) {
    struct measure_time times[WARM_RUNS];
    TRY(give_samples(subject, options, &subject->row->why));
    TRY(run(subject, 1, options, times));
    subject->first_ms[pass] = ms_of(times[0].wall_ns);
    TRY(run(subject, WARM_RUNS, options, times));
    const double least_ms = fmin(ms_of(times[0].wall_ns), ms_of(times[1].wall_ns));
    const double runs = options->visit_ms / fmax(least_ms, 1e-3);
    subject->visit_runs = (uint32_t)fmin(fmax(runs, 1), PROFILE_VISIT_RUNS_MAX);
    return STATUS_OK;
}

static status tell(const struct profiling *profiling, double share, struct error *err) {
    const struct profile_options *options = profiling->options;
    return options->progress == NULL || options->progress(options->owner, fmin(share, 1))
               ? STATUS_OK
               : fail(err, STATUS_INTERRUPTED, "measuring was ended");
}

static status open_and_begin(struct profiling *profiling, uint32_t pass, struct error *err) {
    TRY(open_all(profiling, pass, err));
    if (pass == 0) {
        TRY(check_inputs(profiling, err));
    }
    TRY(tell(profiling, (double)pass / profiling->options->openings, err));
    for (uint32_t i = 0; i < profiling->count; i++) {
        struct subject *subject = &profiling->subjects[i];
        if (profile_is_usable(subject->row) &&
            run_first(subject, pass, profiling->options) != STATUS_OK) {
            give_up(subject);
        }
    }
    return STATUS_OK;
}

/* One variant's turn. A run that comes after those of others finds the caches full of their
 * numbers: where there are some, the first does not count. */
static status visit(struct subject *subject, uint32_t pass, const struct profile_options *options) {
    struct measure_time times[PROFILE_VISIT_RUNS_MAX + 1];
    double cpu_ms[PROFILE_VISIT_RUNS_MAX];
    double wall_ms[PROFILE_VISIT_RUNS_MAX];
    struct profile_row *row = subject->row;
    const uint32_t cold = subject->visit_runs >= COLD_RUNS_LEAST ? 1 : 0;
    TRY(run(subject, subject->visit_runs + cold, options, times));
    for (uint32_t i = 0; i < subject->visit_runs; i++) {
        wall_ms[i] = ms_of(times[cold + i].wall_ns);
        cpu_ms[i] = ms_of(times[cold + i].cpu_ns);
        subject->runs_ms[row->runs++] = wall_ms[i];
    }
    row->wall_ms[row->rounds] = median_of(wall_ms, subject->visit_runs);
    row->cpu_ms[row->rounds] = median_of(cpu_ms, subject->visit_runs);
    row->rounds++;
    row->openings.count = pass + 1;
    row->openings.counts[pass]++;
    return STATUS_OK;
}

struct interval profile_compare(const double *times, const double *others,
                                const struct interval_groups *openings, uint64_t seed) {
    double ratios[INTERVAL_NUMBERS_MAX];
    uint32_t rounds = 0;
    for (uint32_t i = 0; i < openings->count; i++) {
        rounds += openings->counts[i];
    }
    assert(rounds <= INTERVAL_NUMBERS_MAX);
    for (uint32_t i = 0; i < rounds; i++) {
        ratios[i] = others[i] > 0 ? times[i] / others[i] : INFINITY;
    }
    return interval_of_median(ratios, openings, seed);
}

/* How well the row is known by now. */
static void judge(const struct profiling *profiling, struct profile_row *row) {
    const struct profile_row *reference = profiling->subjects[0].row;
    const uint64_t seed = profiling->options->seed;
    const double width = profiling->options->width;
    row->latency_ms = interval_of_median(row->wall_ms, &row->openings, seed);
    row->is_precise = interval_width(row->latency_ms) < width;
    if (profile_is_usable(reference)) {
        row->ratio = profile_compare(row->wall_ms, reference->wall_ms, &row->openings, seed);
        row->cpu_ratio = profile_compare(row->cpu_ms, reference->cpu_ms, &row->openings, seed);
        row->is_precise = row->is_precise && interval_width(row->ratio) < width;
    } else {
        row->ratio = UNKNOWN;
        row->cpu_ratio = UNKNOWN;
    }
}

/* Judges every usable row; whether all of them are known well enough. */
static bool judge_all(const struct profiling *profiling) {
    bool are_precise = true;
    for (uint32_t i = 0; i < profiling->count; i++) {
        struct profile_row *row = profiling->subjects[i].row;
        if (profile_is_usable(row)) {
            judge(profiling, row);
            are_precise = are_precise && row->is_precise;
        }
    }
    return are_precise;
}

/* One turn of each; how many are still usable. */
static uint32_t go_round(struct profiling *profiling, uint32_t pass) {
    uint32_t usable = 0;
    for (uint32_t i = 0; i < profiling->count; i++) {
        struct subject *subject = &profiling->subjects[i];
        if (!profile_is_usable(subject->row)) {
            continue;
        }
        if (visit(subject, pass, profiling->options) == STATUS_OK) {
            usable++;
        } else {
            give_up(subject);
        }
    }
    return usable;
}

/* Rounds of one opening, which has its share of the time. */
static status go_rounds(struct profiling *profiling, uint32_t pass, struct error *err) {
    const struct profile_options *options = profiling->options;
    const uint32_t openings = options->openings;
    const uint32_t least = (PROFILE_ROUNDS_LEAST + openings - 1) / openings;
    const uint32_t most = PROFILE_ROUNDS_MAX / openings;
    const double time_ms = (double)options->time_ms / openings;
    const int64_t begun_ns = clock_boot_ns();
    uint32_t check_at = PROFILE_ROUNDS_LEAST;
    for (uint32_t round = 1; round <= most; round++) {
        const uint32_t usable = go_round(profiling, pass);
        const double share = ms_of(clock_boot_ns() - begun_ns) / (time_ms * fmax(usable, 1));
        TRY(tell(profiling, (pass + fmin(share, 1)) / openings, err));
        const bool is_over = usable == 0 || round == most || (share >= 1 && round >= least);
        if (is_over || round == check_at) {
            check_at = round + 1 + round / CHECK_SHARE;
            if (judge_all(profiling) || is_over) {
                return STATUS_OK;
            }
        }
    }
    return STATUS_OK;
}

/* --- from the beginning to the end --- */

static void sum_up(struct subject *subject, uint32_t openings) {
    struct profile_row *row = subject->row;
    struct cost *cost = &row->cost;
    if (!profile_is_usable(row) || row->rounds == 0) {
        return;
    }
    double cpu_ms[PROFILE_ROUNDS_MAX];
    (void)memcpy(cpu_ms, row->cpu_ms, row->rounds * sizeof(*cpu_ms));
    interval_sort(subject->runs_ms, row->runs);
    cost->of[COST_LATENCY_P50] = row->latency_ms.middle;
    cost->of[COST_LATENCY_P95] = interval_percentile(subject->runs_ms, row->runs, 0.95);
    cost->of[COST_LATENCY_MIN] = subject->runs_ms[0];
    cost->of[COST_CPU] = median_of(cpu_ms, row->rounds);
    cost->of[COST_LOAD] = median_of(subject->load_ms, openings);
    cost->of[COST_FIRST] = median_of(subject->first_ms, openings);
    row->load_cpu_ms = median_of(subject->load_cpu_ms, openings);
}

static status begin_row(struct subject *subject, const struct profile_variant *variant,
                        struct profile_row *row, struct error *err) {
    *row = (struct profile_row){
        .load_cpu_ms = NAN, .latency_ms = UNKNOWN, .ratio = UNKNOWN, .cpu_ratio = UNKNOWN};
    cost_init(&row->cost);
    row->wall_ms = memory_new(PROFILE_ROUNDS_MAX, sizeof(*row->wall_ms));
    row->cpu_ms = memory_new(PROFILE_ROUNDS_MAX, sizeof(*row->cpu_ms));
    subject->variant = variant;
    subject->row = row;
    subject->runs_ms = memory_new(RUNS_MAX, sizeof(*subject->runs_ms));
    return row->wall_ms != NULL && row->cpu_ms != NULL && subject->runs_ms != NULL
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "no memory to measure a model in");
}

static void profiling_done(struct profiling *profiling) {
    for (uint32_t i = 0; profiling->subjects != NULL && i < profiling->count; i++) {
        give_up(&profiling->subjects[i]);
        memory_free(profiling->subjects[i].runs_ms);
    }
    memory_free(profiling->subjects);
}

static status measure(struct profiling *profiling, struct error *err) {
    for (uint32_t i = 0; i < profiling->count; i++) {
        struct subject *subject = &profiling->subjects[i];
        (void)weigh(subject->variant->path, &subject->row->cost, &subject->row->why);
    }
    for (uint32_t pass = 0; pass < profiling->options->openings; pass++) {
        TRY(open_and_begin(profiling, pass, err));
        TRY(go_rounds(profiling, pass, err));
    }
    for (uint32_t i = 0; i < profiling->count; i++) {
        sum_up(&profiling->subjects[i], profiling->options->openings);
    }
    return STATUS_OK;
}

status profile_measure(const struct profile_variant *variants, uint32_t count,
                       const struct profile_options *options, struct profile_row *out_rows,
                       struct error *err) {
    assert(count > 0 && count <= PROFILE_VARIANTS_MAX);
    assert(options->openings > 0 && options->openings <= PROFILE_OPENINGS_MAX);
    CLEANUP(profiling_done)
    struct profiling profiling = {.options = options, .count = count};
    (void)memset(out_rows, 0, count * sizeof(*out_rows));
    profiling.subjects = memory_new(count, sizeof(*profiling.subjects));
    if (profiling.subjects == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory to measure models in");
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(begin_row(&profiling.subjects[i], &variants[i], &out_rows[i], err));
    }
    return measure(&profiling, err);
}

void profile_rows_done(struct profile_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        memory_free(rows[i].wall_ms);
        memory_free(rows[i].cpu_ms);
        rows[i].wall_ms = NULL;
        rows[i].cpu_ms = NULL;
    }
}
