// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>

#include "base/size.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/table.h"
#include "model/onnx_file.h"
#include "model/student_file.h"
#include "model/train.h"
#include "platform/file.h"

static const char OUT_DEFAULT[] = "model.ebtm";
enum { SEED_MAX = 1 << 30, MODEL_BYTES_MAX = 64 << 20, REPORT_MEMBERS = 7 };

struct shown {
    const struct terminal *terminal;
    FILE *talk;
    int percent; /* the last that was drawn */
};

static void show(void *owner, double share) {
    struct shown *shown = owner;
    const int percent = (int)(share * 100);
    if (percent != shown->percent) {
        shown->percent = percent;
        terminal_progress(shown->terminal, shown->talk, "training", share, "");
    }
}

static status read_options(struct call *call, struct train_options *out_options,
                           struct error *err) {
    struct train_options options;
    train_options_init(&options);
    int64_t seed = 0;
    int64_t passes = 0;
    TRY(call_number(call, "seed", 0, SEED_MAX, (int64_t)options.seed, &seed, err));
    TRY(call_number(call, "passes", 1, TRAIN_PASSES_MAX, options.passes, &passes, err));
    options.seed = (uint64_t)seed;
    options.passes = (uint32_t)passes;
    const char *size = call_option(call, "size");
    if (size != NULL && (!size_read(slice_of(size), &options.model_bytes_max) ||
                         options.model_bytes_max < TRAIN_MODEL_BYTES_MIN ||
                         options.model_bytes_max > MODEL_BYTES_MAX)) {
        return fail(err, STATUS_INVALID, "--size wants a size from %d bytes to 64MiB, like 250KiB",
                    TRAIN_MODEL_BYTES_MIN);
    }
    *out_options = options;
    return STATUS_OK;
}

static struct value label_value(struct arena *arena, const struct train_label *label) {
    struct value value = {.kind = VALUE_NULL};
    struct member *members = value_new_object(arena, 4, &value);
    if (members == NULL) {
        return (struct value){.kind = VALUE_NULL};
    }
    members[0] =
        (struct member){SLICE("label"), value_of_text(arena_copy(arena, slice_of(label->name)))};
    members[1] = (struct member){SLICE("texts"), value_of_integer(label->texts)};
    members[2] = (struct member){SLICE("precision"), value_of_real(label->precision)};
    members[3] = (struct member){SLICE("recall"), value_of_real(label->recall)};
    return value;
}

static status write_json(struct call *call, const char *out, const struct train_report *report,
                         struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    struct value labels = {.kind = VALUE_NULL};
    struct member *members = value_new_object(&call->arena, REPORT_MEMBERS, &answer);
    struct value *items = value_new_list(&call->arena, report->labels_count, &labels);
    if (members == NULL || items == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the report");
    }
    for (uint32_t i = 0; i < report->labels_count; i++) {
        items[i] = label_value(&call->arena, &report->labels[i]);
    }
    members[0] = (struct member){SLICE("file"), value_of_text(slice_of(out))};
    members[1] = (struct member){SLICE("bytes"), value_of_integer((int64_t)report->model_bytes)};
    members[2] = (struct member){SLICE("texts"), value_of_integer(report->texts)};
    members[3] = (struct member){SLICE("accuracy"), value_of_real(report->accuracy)};
    members[4] = (struct member){SLICE("read_seconds"), value_of_real(report->read_seconds)};
    members[5] = (struct member){SLICE("learn_seconds"), value_of_real(report->learn_seconds)};
    members[6] = (struct member){SLICE("labels"), labels};
    return call_write_json(call, answer, false, err);
}

static status write_text(struct call *call, const char *out, const struct train_report *report,
                         struct error *err) {
    static const struct table_column COLUMNS[] = {
        {"LABEL", false}, {"TEXTS", true}, {"PRECISION", true}, {"RECALL", true}};
    struct arena *arena = &call->arena;
    struct table table;
    table_init(&table, arena, COLUMNS, sizeof(COLUMNS) / sizeof(COLUMNS[0]));
    for (uint32_t i = 0; i < report->labels_count; i++) {
        const struct train_label *label = &report->labels[i];
        const struct slice cells[] = {slice_of(label->name), arena_print(arena, "%u", label->texts),
                                      arena_print(arena, "%.2f %%", 100 * label->precision),
                                      arena_print(arena, "%.2f %%", 100 * label->recall)};
        table_add(&table, cells);
    }
    TRY(table_write(&table, call->out, &call->terminal, err));
    const struct slice bytes = human_bytes(arena, (int64_t)report->model_bytes);
    (void)fprintf(call->out,
                  "\n%.2f %% of %u texts right, each scored by a model that had not seen it\n",
                  100 * report->accuracy, report->texts);
    (void)fprintf(call->out, "%s: %.*s, read in %.1f s, learned in %.1f s\n", out,
                  SLICE_ARGS(bytes), report->read_seconds, report->learn_seconds);
    return STATUS_OK;
}

/* The model's own file, or an ONNX file, which may be a teacher. */
static status write_model(const char *out, struct slice model, struct train_report *report,
                          struct error *err) {
    if (!slice_ends(slice_of(out), ".onnx")) {
        return file_replace(out, model, err);
    }
    CLEANUP(buffer_done) struct buffer onnx;
    buffer_init(&onnx, ONNX_BYTES_MAX);
    TRY(student_file_pack_text(model, &onnx, err));
    report->model_bytes = onnx.count;
    return file_replace(out, buffer_slice(&onnx), err);
}

static status run(struct call *call, struct error *err) {
    struct train_options options;
    TRY(read_options(call, &options, err));
    const char *from = call_argument(call, 0);
    const char *out = call_option(call, "out");
    out = out != NULL ? out : OUT_DEFAULT;
    struct shown shown = {.terminal = &call->terminal, .talk = call->talk, .percent = -1};
    options.progress = show;
    options.owner = &shown;
    struct train_report *report = arena_get(&call->arena, 1, sizeof(*report));
    if (report == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the report");
    }
    CLEANUP(buffer_done) struct buffer model;
    buffer_init(&model, MODEL_BYTES_MAX);
    const status ended = train_text(from, &options, &model, report, err);
    terminal_progress_done(&call->terminal, call->talk);
    TRY(ended);
    if (!call->dry_run) {
        TRY(write_model(out, buffer_slice(&model), report, err));
    }
    return call->json ? write_json(call, out, report, err) : write_text(call, out, report, err);
}

static const struct command_option OPTIONS[] = {
    {"out", "FILE", "the model (model.ebtm); an ONNX file where it ends in .onnx"},
    {"size", "SIZE", "its file is at most so large (250KiB)"},
    {"passes", "N", "how often to go over the texts (10)"},
    {"seed", "N", "another order of the texts; the same seed makes the same file"},
    {0}};

const struct command cmd_train_text = {
    .noun = "train",
    .verb = "text",
    .arguments = "FOLDER|FILE",
    .least = 1,
    .most = 1,
    .summary = "Train a text classifier on labelled texts and say how good it is",
    .details =
        "FOLDER has a folder for each label with the texts in it, a file each; or it is a file\n"
        "with a text on each line: LABEL, a tab, the text, or {\"label\",\"text\"}. The report\n"
        "counts texts that the model which scored them had not seen. With --dry-run the model\n"
        "is trained and not written.\n",
    .example = "ebb train text mails --out agents/spam-lite/spam.ebtm",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
