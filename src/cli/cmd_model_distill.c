// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/call.h"
#include "cli/commands.h"
#include "cli/human.h"
#include "cli/picture_lesson.h"
#include "model/distill_image.h"
#include "model/onnx_file.h"
#include "model/onnx_teacher.h"
#include "model/student_file.h"
#include "model/train.h"
#include "platform/clock.h"
#include "platform/file.h"

static const char OUT_TEXT[] = "student.ebtm";
static const char OUT_IMAGE[] = "student.onnx";
static const double READ_SHARE = 0.2;

enum {
    SEED_MAX = 1 << 30,
    SIZE_BYTES_DEFAULT = 100 * 1024,
    SIZE_BYTES_MIN = 16 * 1024,
    SIZE_BYTES_MAX = 64 << 20,
    GRAPH_BYTES = 3 * 1024, /* of an ONNX file that are no weights */
    SIDE_MIN = 8,
    REPORT_MEMBERS = 12
};

struct wishes {
    const char *teacher, *data, *out, *labels;
    bool is_text;
    int64_t size, seed, passes, side; /* passes 0: as many as is usual */
    struct teacher_scaling scaling;
};

/* What a person wants to know of either kind. */
struct outcome {
    uint64_t examples, labelled;
    double right, agreement, temperature, share;
    double teacher_right; /* of pictures; below 0: nobody counted */
    uint64_t bytes;
    double read_seconds, learn_seconds;
};

/* --- progress --- */

struct shown {
    const struct terminal *terminal;
    FILE *talk;
    int percent; /* the last that was drawn */
    double from, extent;
};

static void show(void *owner, double share) {
    struct shown *shown = owner;
    const double whole = shown->from + shown->extent * share;
    const int percent = (int)(whole * 100);
    if (percent != shown->percent) {
        shown->percent = percent;
        terminal_progress(shown->terminal, shown->talk, "distilling", whole, "");
    }
}

static bool show_and_go_on(void *owner, double share) {
    show(owner, share);
    return true;
}

static double seconds_since(int64_t start_ns) {
    return (double)(clock_monotonic_ns() - start_ns) / 1e9;
}

/* --- what was typed --- */

/* "0.485,0.456,0.406", or one number for all channels. */
static status read_channels(const char *name, const char *text, double least, double *out_numbers,
                            struct error *err) {
    const char *at = text;
    int count = 0;
    for (bool more = true; more; count++) {
        char *end = NULL;
        const double number = count < PICTURE_CHANNELS_MAX ? strtod(at, &end) : 0;
        if (end == NULL || end == at || !(number > least && number < 1e6) ||
            (*end != ',' && *end != '\0')) {
            return fail(err, STATUS_INVALID,
                        "--%s wants a number for each channel, like 0.485,0.456,0.406; not '%.60s'",
                        name, text);
        }
        out_numbers[count] = number;
        more = *end == ',';
        at = end + 1;
    }
    for (; count < PICTURE_CHANNELS_MAX; count++) {
        out_numbers[count] = out_numbers[count - 1];
    }
    return STATUS_OK;
}

static status read_numbers(struct call *call, struct wishes *wishes, struct error *err) {
    TRY(call_number(call, "seed", 0, SEED_MAX, 1, &wishes->seed, err));
    TRY(call_number(call, "passes", 1, TRAIN_PASSES_MAX, 0, &wishes->passes, err));
    TRY(call_number(call, "side", SIDE_MIN, PICTURE_SIDE_MAX, LESSON_SIDE_DEFAULT, &wishes->side,
                    err));
    wishes->size = SIZE_BYTES_DEFAULT;
    const char *size = call_option(call, "size");
    if (size != NULL && (!size_read(slice_of(size), &wishes->size) ||
                         wishes->size < SIZE_BYTES_MIN || wishes->size > SIZE_BYTES_MAX)) {
        return fail(err, STATUS_INVALID, "--size wants a size from 16KiB to 64MiB, like 100KiB");
    }
    wishes->scaling = TEACHER_SCALING_DEFAULT;
    const char *mean = call_option(call, "mean");
    const char *deviation = call_option(call, "std");
    if (mean != NULL) {
        TRY(read_channels("mean", mean, -1e6, wishes->scaling.mean, err));
    }
    if (deviation != NULL) {
        TRY(read_channels("std", deviation, 0, wishes->scaling.deviation, err));
    }
    return STATUS_OK;
}

static status read_wishes(struct call *call, struct wishes *out_wishes, struct error *err) {
    struct wishes wishes = {.teacher = call_option(call, "teacher"),
                            .data = call_option(call, "data"),
                            .out = call_option(call, "out"),
                            .labels = call_option(call, "labels")};
    const char *kind = call_option(call, "kind");
    if (wishes.teacher == NULL || wishes.data == NULL || kind == NULL) {
        return fail(err, STATUS_INVALID,
                    "ebb model distill wants --teacher FILE, --data DIR and --kind text or image");
    }
    wishes.is_text = strcmp(kind, "text") == 0;
    if (!wishes.is_text && strcmp(kind, "image") != 0) {
        return fail(err, STATUS_INVALID, "--kind is text or image, not '%.60s'", kind);
    }
    TRY(read_numbers(call, &wishes, err));
    wishes.out = wishes.out != NULL ? wishes.out : wishes.is_text ? OUT_TEXT : OUT_IMAGE;
    const struct slice out = slice_of(wishes.out);
    if (!slice_ends(out, ".onnx") && !(wishes.is_text && slice_ends(out, ".ebtm"))) {
        return fail(err, STATUS_INVALID, "--out is a file that ends in .onnx%s, not '%.200s'",
                    wishes.is_text ? " or .ebtm" : "", wishes.out);
    }
    *out_wishes = wishes;
    return STATUS_OK;
}

/* --- texts --- */

static status write_text_student(const struct wishes *wishes, bool dry_run,
                                 const struct buffer *bytes, uint64_t *out_bytes,
                                 struct error *err) {
    CLEANUP(buffer_done) struct buffer onnx;
    buffer_init(&onnx, ONNX_BYTES_MAX);
    struct slice file = buffer_slice(bytes);
    if (slice_ends(slice_of(wishes->out), ".onnx")) {
        TRY(student_file_pack_text(file, &onnx, err));
        file = buffer_slice(&onnx);
    }
    *out_bytes = file.count;
    return dry_run ? STATUS_OK : file_replace(wishes->out, file, err);
}

static status distill_text(struct call *call, const struct wishes *wishes, struct shown *shown,
                           struct outcome *outcome, struct error *err) {
    struct train_options options;
    train_options_init(&options);
    struct train_report *report = arena_get(&call->arena, 1, sizeof(*report));
    struct onnx_teacher *opened = NULL;
    if (report == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the report");
    }
    TRY(onnx_teacher_open_text(wishes->teacher, &opened, err));
    const struct teacher teacher = {.ask = onnx_teacher_ask_text,
                                    .owner = opened,
                                    .labels = onnx_teacher_labels(opened),
                                    .labels_count = onnx_teacher_classes(opened)};
    options.teacher = &teacher;
    options.seed = (uint64_t)wishes->seed;
    options.passes = wishes->passes > 0 ? (uint32_t)wishes->passes : options.passes;
    options.model_bytes_max = wishes->size;
    options.progress = show;
    options.owner = shown;
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, TEXT_MODEL_BYTES_MAX);
    const status trained = train_text(wishes->data, &options, &bytes, report, err);
    onnx_teacher_close(opened);
    TRY(trained);
    *outcome = (struct outcome){.teacher_right = -1,
                                .examples = report->texts,
                                .labelled = report->labelled,
                                .right = report->accuracy,
                                .agreement = report->agreement,
                                .temperature = report->temperature,
                                .share = report->share,
                                .read_seconds = report->read_seconds,
                                .learn_seconds = report->learn_seconds};
    return write_text_student(wishes, call->dry_run, &bytes, &outcome->bytes, err);
}

/* --- pictures --- */

static status write_onnx(struct graph_model *graph, const char *path, bool dry_run,
                         uint64_t *out_bytes, struct error *err) {
    CLEANUP(buffer_done) struct buffer bytes;
    buffer_init(&bytes, ONNX_BYTES_MAX);
    TRY(onnx_file_pack(graph, &bytes, err));
    *out_bytes = bytes.count;
    return dry_run ? STATUS_OK : file_replace(path, buffer_slice(&bytes), err);
}

static status learn_pictures(struct call *call, const struct wishes *wishes,
                             const struct picture_lesson *lesson, struct shown *shown,
                             struct outcome *outcome, struct error *err) {
    struct distill_options options;
    struct image_form form;
    struct image_student student;
    struct distill_report report;
    distill_options_init(&options);
    options.seed = (uint64_t)wishes->seed;
    options.passes = wishes->passes > 0 ? (uint32_t)wishes->passes : options.passes;
    options.progress = show_and_go_on;
    options.owner = shown;
    const struct picture_shape *shape = &lesson->set.shape;
    if (!image_form_choose(shape, lesson->labels_count, (size_t)wishes->size - GRAPH_BYTES,
                           &form)) {
        return fail(err, STATUS_INVALID,
                    "no student of pictures of %u x %u x %u fits %lld bytes: give a larger --size "
                    "or a smaller --side",
                    shape->channels, shape->height, shape->width, (long long)wishes->size);
    }
    const struct distill_lesson taught = {
        .set = &lesson->set, .teacher = lesson->logits, .classes = lesson->labels_count};
    TRY(distill_image(&taught, &form, &options, &student, &report, err));
    struct graph_model *graph = NULL;
    status done = student_file_of_image(&student, lesson->labels, &graph, err);
    image_student_done(&student);
    if (done == STATUS_OK) {
        done = write_onnx(graph, wishes->out, call->dry_run, &outcome->bytes, err);
    }
    onnx_file_close(graph);
    outcome->teacher_right = report.labelled > 0 ? lesson->teacher_right : -1;
    outcome->examples = report.rows;
    outcome->labelled = report.labelled;
    outcome->right = report.chosen.right;
    outcome->agreement = report.chosen.agreement;
    outcome->temperature = report.chosen.temperature;
    outcome->share = report.chosen.share;
    return done;
}

static status distill_pictures(struct call *call, const struct wishes *wishes, struct shown *shown,
                               struct outcome *outcome, struct error *err) {
    const int64_t start_ns = clock_monotonic_ns();
    struct picture_lesson lesson;
    const struct picture_lesson_options options = {.labels_path = wishes->labels,
                                                   .side = (uint32_t)wishes->side,
                                                   .scaling = wishes->scaling,
                                                   .progress = show,
                                                   .owner = shown};
    shown->extent = READ_SHARE;
    TRY(picture_lesson_read(wishes->data, wishes->teacher, &options, &lesson, err));
    outcome->read_seconds = seconds_since(start_ns);
    const int64_t learn_ns = clock_monotonic_ns();
    shown->from = READ_SHARE;
    shown->extent = 1 - READ_SHARE;
    const status done = learn_pictures(call, wishes, &lesson, shown, outcome, err);
    outcome->learn_seconds = seconds_since(learn_ns);
    picture_lesson_done(&lesson);
    return done;
}

/* --- the answer --- */

static status write_json(struct call *call, const struct wishes *wishes,
                         const struct outcome *outcome, struct error *err) {
    struct value answer = {.kind = VALUE_NULL};
    struct member *members = value_new_object(&call->arena, REPORT_MEMBERS, &answer);
    if (members == NULL) {
        return fail(err, STATUS_NO_MEMORY, "no memory for the report");
    }
    const struct member all[REPORT_MEMBERS] = {
        {SLICE("file"), value_of_text(slice_of(wishes->out))},
        {SLICE("kind"), value_of_text(wishes->is_text ? SLICE("text") : SLICE("image"))},
        {SLICE("bytes"), value_of_integer((int64_t)outcome->bytes)},
        {SLICE("examples"), value_of_integer((int64_t)outcome->examples)},
        {SLICE("labelled"), value_of_integer((int64_t)outcome->labelled)},
        {SLICE("right"), value_of_real(outcome->right)},
        {SLICE("teacher_right"), outcome->teacher_right >= 0 ? value_of_real(outcome->teacher_right)
                                                             : (struct value){.kind = VALUE_NULL}},
        {SLICE("agreement"), value_of_real(outcome->agreement)},
        {SLICE("temperature"), value_of_real(outcome->temperature)},
        {SLICE("teacher_share"), value_of_real(outcome->share)},
        {SLICE("read_seconds"), value_of_real(outcome->read_seconds)},
        {SLICE("learn_seconds"), value_of_real(outcome->learn_seconds)},
    };
    (void)memcpy(members, all, sizeof(all));
    return call_write_json(call, answer, false, err);
}

static void write_text(struct call *call, const struct wishes *wishes,
                       const struct outcome *outcome) {
    const struct slice bytes = human_bytes(&call->arena, (int64_t)outcome->bytes);
    (void)fprintf(call->out,
                  "%.2f %% as the teacher says, %.2f %% right; held back from the student that was "
                  "asked\n",
                  100 * outcome->agreement, 100 * outcome->right);
    (void)fprintf(call->out,
                  "%llu %s, %llu of them labelled; temperature %g, the teacher's share %g\n",
                  (unsigned long long)outcome->examples, wishes->is_text ? "texts" : "pictures",
                  (unsigned long long)outcome->labelled, outcome->temperature, outcome->share);
    if (outcome->teacher_right >= 0) {
        (void)fprintf(call->out, "the teacher gets %.2f %% of the labels right\n",
                      100 * outcome->teacher_right);
    }
    (void)fprintf(call->out, "%s: %.*s, taught in %.1f s, learned in %.1f s%s\n", wishes->out,
                  SLICE_ARGS(bytes), outcome->read_seconds, outcome->learn_seconds,
                  call->dry_run ? "; not written" : "");
}

static status run(struct call *call, struct error *err) {
    struct wishes wishes = {0};
    TRY(read_wishes(call, &wishes, err));
    struct shown shown = {
        .terminal = &call->terminal, .talk = call->talk, .percent = -1, .extent = 1};
    struct outcome outcome = {0};
    const status ended = wishes.is_text ? distill_text(call, &wishes, &shown, &outcome, err)
                                        : distill_pictures(call, &wishes, &shown, &outcome, err);
    terminal_progress_done(&call->terminal, call->talk);
    TRY(ended);
    if (call->json) {
        return write_json(call, &wishes, &outcome, err);
    }
    write_text(call, &wishes, &outcome);
    return STATUS_OK;
}

static const struct command_option OPTIONS[] = {
    {"teacher", "FILE", "the ONNX model that knows"},
    {"data", "DIR", "examples: a folder for each label, and `unlabelled`"},
    {"kind", "KIND", "text or image"},
    {"out", "FILE", "the student: .onnx, or .ebtm of texts (student.ebtm, student.onnx)"},
    {"size", "SIZE", "its file is at most so large (100KiB)"},
    {"labels", "FILE", "names of the teacher's classes, one a line, in the order of its numbers"},
    {"side", "N", "pictures become so small for the student, unless the teacher's are (32)"},
    {"mean", "R,G,B", "taken from the teacher's pixels, which are 0 to 1 (0)"},
    {"std", "R,G,B", "what they are then divided by (1)"},
    {"passes", "N", "how often to go over the examples (10 of texts, 40 of pictures)"},
    {"seed", "N", "another beginning; the same seed makes the same student"},
    {0}};

const struct command cmd_model_distill = {
    .noun = "model",
    .verb = "distill",
    .least = 0,
    .most = 0,
    .summary = "Have a small model learn what a large one says",
    .details =
        "DIR has a folder for each label with examples in it, a file each, and a folder\n"
        "`unlabelled` with those whose label nobody knows: the teacher is asked about all. Of\n"
        "pictures it may have IDX files instead (label 255: not known). A teacher of pictures\n"
        "takes one tensor [batch, channels, height, width]; one of texts is a .onnx that ebb\n"
        "made. Temperature and the teacher's share are chosen by examples that are held back.\n"
        "The student is written when all is done: whoever ends it before finds the old file.\n",
    .example = "ebb model distill --teacher large.onnx --data photos --kind image --out small.onnx",
    .options = OPTIONS,
    .dry_run = true,
    .run = run};
