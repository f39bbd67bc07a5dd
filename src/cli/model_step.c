// SPDX-License-Identifier: Apache-2.0
#include "cli/model_step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/human.h"
#include "cli/model_timing.h"
#include "cli/table.h"
#include "model/onnx_file.h"
#include "model/proof.h"
#include "platform/file.h"

enum { ANSWER_MEMBERS = 10 };

/* --- reading --- */

/* NAME-STEP.onnx, in the folder where the command was typed. */
static struct slice usual_out(struct call *call, const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    struct slice base = slice_of(slash != NULL ? slash + 1 : path);
    if (slice_ends(base, ".onnx")) {
        base.count -= strlen(".onnx");
    }
    return arena_print(&call->arena, "%.*s-%s.onnx", SLICE_ARGS(base), name);
}

static status check_out(const struct model_step *step, const struct file_facts *original,
                        struct error *err) {
    struct file_facts there;
    if (step->out.bytes == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for a name");
    }
    if (file_facts(step->out.bytes, &there, NULL) == STATUS_OK && there.inode == original->inode &&
        there.modified_ns == original->modified_ns) {
        return fail(err, STATUS_INVALID,
                    "'%.300s' is the model itself: --out says where the new one goes",
                    step->out.bytes);
    }
    return STATUS_OK;
}

status model_step_begin(struct call *call, const char *name, struct model_step *out_step,
                        struct error *err) {
    struct model_step step = {.name = name, .path = call_argument(call, 0)};
    struct file_facts original;
    const char *out = call_option(call, "out");
    step.out = out != NULL ? slice_of(out) : usual_out(call, step.path, name);
    TRY(file_facts(step.path, &original, err));
    TRY(check_out(&step, &original, err));
    step.file_bytes = original.bytes;
    TRY(onnx_file_open(step.path, &step.model, err));
    const status code = model_facts_read(step.model, &call->arena, &step.before, err);
    if (code != STATUS_OK) {
        model_step_done(&step);
        return code;
    }
    *out_step = step;
    return STATUS_OK;
}

void model_step_done(struct model_step *step) {
    onnx_file_close(step->model);
    step->model = NULL;
}

void model_step_note(struct model_step *step, struct slice sentence) {
    if (step->note_count < MODEL_STEP_NOTES_MAX) {
        step->notes[step->note_count++] = sentence;
    }
}

void model_step_extra(struct model_step *step, struct slice name, struct value value) {
    if (step->extra_count < MODEL_STEP_NOTES_MAX) {
        step->extras[step->extra_count++] = (struct member){name, value};
    }
}

/* --- holding it against the original --- */

struct outcome {
    struct model_facts after;
    int64_t file_bytes;
    struct proof proof;
    uint32_t sample_count;
    bool is_real;         /* samples of somebody */
    struct interval time; /* of a run, beside the original's, where it is to be less */
};

static void close_data(struct model_data **data) {
    model_data_close(*data);
}

static void close_reference(struct proof_reference **reference) {
    proof_reference_close(*reference);
}

/* The two files. */
struct sides {
    struct slice before, after;
};

static status prove(struct model_data *data, const struct model_step *step,
                    const struct sides *sides, struct outcome *outcome, struct error *err) {
    CLEANUP(sample_source_close) struct sample_source samples = {0};
    CLEANUP(close_reference) struct proof_reference *reference = NULL;
    const struct proof_options options = {.folder = step->model->folder.bytes,
                                          .memory_bytes = MODEL_DATA_MEMORY_BYTES};
    outcome->is_real = model_data_is_real(data);
    TRY(model_data_samples(
        data, step->is_adapted && outcome->is_real ? SAMPLE_EVALUATION : SAMPLE_PART_COUNT,
        &samples, err));
    if (proof_reference_open(sides->before, &samples, &options, &reference, err) != STATUS_OK) {
        return outcome->is_real ? err->code
                                : fail_while(err, "with numbers by chance (--shape says sizes, "
                                                  "--data DIR has samples)");
    }
    outcome->sample_count = proof_sample_count(reference);
    return proof_run(reference, sides->after, &outcome->proof, err);
}

static status judge_answers(const struct model_step *step, const struct outcome *outcome,
                            struct error *err) {
    const double sqnr_db = outcome->proof.worst_sqnr_db;
    if (step->is_lossless && !proof_is_lossless(&outcome->proof)) {
        return fail(err, STATUS_CONFLICT,
                    "the new model answers otherwise (%.0f dB, where float noise is %.0f and "
                    "more): nothing was written",
                    sqnr_db, PROOF_LOSSLESS_DB);
    }
    return outcome->proof.drift.broken == 0
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "the new model answers with what is no number, where the original has one: "
                      "nothing was written");
}

static status judge_size(const struct model_step *step, const struct sides *sides,
                         struct error *err) {
    const int64_t bytes = (int64_t)sides->after.count;
    return !step->must_be_smaller || bytes < step->file_bytes
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "the new model is not smaller (%lld bytes instead of %lld): nothing was "
                      "written",
                      (long long)bytes, (long long)step->file_bytes);
}

static status judge_time(struct call *call, struct model_data *data, const struct model_step *step,
                         const struct sides *sides, struct outcome *outcome, struct error *err) {
    const struct model_timing timing = {.before = sides->before,
                                        .after = sides->after,
                                        .folder = step->model->folder.bytes,
                                        .beside = step->out.bytes};
    if (!step->must_be_faster) {
        return STATUS_OK;
    }
    TRY(model_timing_run(call, data, &timing, &outcome->time, err));
    return outcome->time.high < 1
               ? STATUS_OK
               : fail(err, STATUS_CONFLICT,
                      "the new model is not faster (%.2f times the original's time, between %.2f "
                      "and %.2f): nothing was written",
                      outcome->time.middle, outcome->time.low, outcome->time.high);
}

static status judge(struct call *call, const struct model_step *step, struct slice changed,
                    struct outcome *outcome, struct error *err) {
    CLEANUP(close_data) struct model_data *data = NULL;
    CLEANUP(buffer_done) struct buffer original;
    buffer_init(&original, ONNX_BYTES_MAX);
    TRY(file_read(step->path, &original, err));
    const struct sides sides = {.before = buffer_slice(&original), .after = changed};
    TRY(model_data_open(call, step->path, &data, err));
    TRY(prove(data, step, &sides, outcome, err));
    TRY(judge_answers(step, outcome, err));
    TRY(judge_size(step, &sides, err));
    return judge_time(call, data, step, &sides, outcome, err);
}

/* --- saying it --- */

static struct value decibels(double sqnr_db) {
    return isfinite(sqnr_db) ? value_of_real(sqnr_db) : (struct value){.kind = VALUE_NULL};
}

static struct value side_value(struct arena *arena, const struct model_facts *facts,
                               int64_t bytes) {
    struct value value = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, 3, &value);
    if (members != NULL) {
        members[0] = (struct member){SLICE("bytes"), value_of_integer(bytes)};
        members[1] = (struct member){SLICE("nodes"), value_of_integer(facts->node_count)};
        members[2] =
            (struct member){SLICE("weight_bytes"), value_of_integer((int64_t)facts->byte_count)};
    }
    return value;
}

/* null: it was not measured. */
static struct value time_value(const struct model_step *step, const struct outcome *outcome) {
    return step->must_be_faster ? value_of_real(outcome->time.middle)
                                : (struct value){.kind = VALUE_NULL};
}

static status write_json(struct call *call, const struct model_step *step,
                         const struct outcome *outcome, struct error *err) {
    const struct drift *drift = &outcome->proof.drift;
    struct value answer = {.kind = VALUE_NULL};
    struct member *members =
        value_new_object(&call->arena, ANSWER_MEMBERS + step->extra_count, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the answer");
    }
    const struct member rows[ANSWER_MEMBERS] = {
        {SLICE("file"), value_of_text(step->out)},
        {SLICE("written"), value_of_boolean(!call->dry_run)},
        {SLICE("before"), side_value(&call->arena, &step->before, step->file_bytes)},
        {SLICE("after"), side_value(&call->arena, &outcome->after, outcome->file_bytes)},
        {SLICE("samples"), value_of_integer(outcome->sample_count)},
        {SLICE("by_chance"), value_of_boolean(!outcome->is_real)},
        {SLICE("same"), value_of_boolean(drift_largest(drift) == 0)},
        {SLICE("sqnr_db"), decibels(outcome->proof.worst_sqnr_db)},
        {SLICE("argmax"), value_of_real(drift_agreement(drift))},
        {SLICE("time_ratio"), time_value(step, outcome)},
    };
    (void)memcpy(members, rows, sizeof(rows));
    for (uint32_t i = 0; i < step->extra_count; i++) {
        members[ANSWER_MEMBERS + i] = step->extras[i];
    }
    return call_write_json(call, answer, false, err);
}

static void add_row(struct table *table, struct arena *arena, const char *what,
                    const struct model_facts *facts, int64_t bytes) {
    table_add(table,
              (const struct slice[]){slice_of(what), arena_print(arena, "%u", facts->node_count),
                                     human_bytes(arena, (int64_t)facts->byte_count),
                                     human_bytes(arena, bytes)});
}

static void write_difference(struct call *call, const struct outcome *outcome) {
    const struct drift *drift = &outcome->proof.drift;
    (void)fprintf(call->out, "\non %u sample%s%s: ", outcome->sample_count,
                  outcome->sample_count == 1 ? "" : "s", outcome->is_real ? "" : " by chance");
    if (drift_largest(drift) == 0) {
        (void)fprintf(call->out, "the same, bit for bit\n");
        return;
    }
    (void)fprintf(call->out, "%.0f dB apart, at most %.3g, largest at the same place in %.2f %%\n",
                  outcome->proof.worst_sqnr_db, drift_largest(drift), 100 * drift_agreement(drift));
}

static status write_text(struct call *call, const struct model_step *step,
                         const struct outcome *outcome, struct error *err) {
    static const struct table_column COLUMNS[] = {
        {"", false}, {"NODES", true}, {"WEIGHTS", true}, {"FILE", true}};
    struct table table;
    table_init(&table, &call->arena, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    add_row(&table, &call->arena, "before", &step->before, step->file_bytes);
    add_row(&table, &call->arena, "after", &outcome->after, outcome->file_bytes);
    TRY(table_write(&table, call->out, &call->terminal, err));
    write_difference(call, outcome);
    if (step->must_be_faster) {
        (void)fprintf(call->out, "%.2f times the original's time (CPU, between %.2f and %.2f)\n",
                      outcome->time.middle, outcome->time.low, outcome->time.high);
    }
    for (uint32_t i = 0; i < step->note_count; i++) {
        (void)fprintf(call->out, "%.*s\n", SLICE_ARGS(step->notes[i]));
    }
    (void)fprintf(call->out, "%.*s%s\n", SLICE_ARGS(step->out),
                  call->dry_run ? " would be written" : "");
    return STATUS_OK;
}

status model_step_end(struct call *call, struct model_step *step, struct error *err) {
    CLEANUP(buffer_done) struct buffer changed;
    struct outcome outcome = {0};
    buffer_init(&changed, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(step->model, &changed, err));
    TRY(judge(call, step, buffer_slice(&changed), &outcome, err));
    TRY(model_facts_read(step->model, &call->arena, &outcome.after, err));
    outcome.file_bytes = (int64_t)changed.count;
    if (!call->dry_run) {
        TRY(onnx_file_write(step->model, step->out.bytes, err));
    }
    return call->json ? write_json(call, step, &outcome, err)
                      : write_text(call, step, &outcome, err);
}
