// SPDX-License-Identifier: Apache-2.0
#include "model/onnx_teacher.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "model/onnx_file.h"
#include "model/onnx_outline.h"
#include "model/text_buckets.h"
#include "platform/inference.h"

enum { PICTURE_RANK = 4, NOTE_ARENA_BYTES = 2 << 20, CHANNELS_LAST_MAX = PICTURE_CHANNELS_MAX };

const struct teacher_scaling TEACHER_SCALING_DEFAULT = {.deviation = {1, 1, 1, 1}};

static const int64_t MEMORY_BYTES = (int64_t)2 << 30;

struct onnx_teacher {
    struct arena arena;
    struct student_note note;
    bool has_note;
    struct inference_model *model; /* owned */
    uint32_t output;               /* which of the model's */
    uint32_t classes;
    struct picture_shape shape;
    bool channels_last;
    struct teacher_scaling scaling;
    struct tensor input; /* of one picture; its bytes are in the arena */
    struct text_buckets buckets;
};

void onnx_teacher_close(struct onnx_teacher *teacher) {
    if (teacher != NULL) {
        inference_close(teacher->model);
        text_buckets_done(&teacher->buckets);
        arena_done(&teacher->arena);
        memory_free(teacher);
    }
}

uint32_t onnx_teacher_classes(const struct onnx_teacher *teacher) {
    return teacher->classes;
}

const struct slice *onnx_teacher_labels(const struct onnx_teacher *teacher) {
    return teacher->has_note ? teacher->note.labels : NULL;
}

const struct tensor *onnx_teacher_input(const struct onnx_teacher *teacher, bool *out_last) {
    *out_last = teacher->channels_last;
    return &teacher->input;
}

void onnx_teacher_scale(struct onnx_teacher *teacher, const struct teacher_scaling *scaling) {
    teacher->scaling = *scaling;
}

struct picture_shape onnx_teacher_shape(const struct onnx_teacher *teacher) {
    return teacher->shape;
}

/* --- opening --- */

static status read_note(struct onnx_teacher *teacher, const char *path, struct error *err) {
    struct graph_model *graph = NULL;
    TRY(onnx_file_open(path, &graph, err));
    const struct slice text = onnx_note(graph, STUDENT_NOTE);
    teacher->has_note = text.count > 0;
    status done = STATUS_OK;
    if (teacher->has_note) {
        const struct slice kept = arena_copy(&teacher->arena, text);
        done = kept.bytes != NULL ? student_note_read(kept, &teacher->arena, &teacher->note, err)
                                  : fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    onnx_file_close(graph);
    return done;
}

/* The output with a number for each class: the first of float32 that may be one row. Classifiers
 * that also give the number of the likeliest have it as whole numbers. */
static status find_output(struct onnx_teacher *teacher, struct error *err) {
    const uint32_t count = inference_output_count(teacher->model);
    for (uint32_t i = 0; i < count; i++) {
        const struct inference_port *port = inference_output(teacher->model, i);
        if (port->is_tensor && port->type == TENSOR_FLOAT32) {
            teacher->output = i;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_INVALID,
                "none of its outputs is of float32: a number for each class "
                "is wanted");
}

static status open_model(struct onnx_teacher *teacher, const char *path, struct error *err) {
    const struct inference_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES};
    TRY(read_note(teacher, path, err));
    TRY(inference_open(path, &options, &teacher->model, err));
    if (inference_input_count(teacher->model) != 1 ||
        !inference_input(teacher->model, 0)->is_tensor) {
        return fail(err, STATUS_INVALID, "it has %u inputs: one tensor is wanted",
                    inference_input_count(teacher->model));
    }
    return find_output(teacher, err);
}

/* Runs, and hands over what the output holds: so many numbers when it is asked for the first time,
 * and as many ever after. */
static status run(struct onnx_teacher *teacher, const struct tensor *input, float *out_numbers,
                  struct error *err) {
    struct inference_run *run = NULL;
    struct tensor output = {0};
    TRY(inference_run_create(teacher->model, &run, err));
    status done = inference_run(run, input, &teacher->output, 1, &output, err);
    const size_t count = output.byte_count / sizeof(float);
    if (done == STATUS_OK && teacher->classes == 0 && (count < 2 || count > PICTURE_LABELS_MAX)) {
        done = fail(err, STATUS_INVALID,
                    "its output '%s' has %zu numbers: one for each of 2 to %d classes is wanted",
                    inference_output(teacher->model, teacher->output)->name, count,
                    PICTURE_LABELS_MAX);
    } else if (done == STATUS_OK && teacher->classes > 0 && count != teacher->classes) {
        done = fail(err, STATUS_INVALID, "it gave %zu numbers where it gave %u before", count,
                    teacher->classes);
    }
    if (done == STATUS_OK) {
        teacher->classes = (uint32_t)count;
        if (out_numbers != NULL) {
            (void)memcpy(out_numbers, output.bytes, output.byte_count);
        }
    }
    inference_run_destroy(run);
    return done;
}

status onnx_teacher_run(struct onnx_teacher *teacher, const struct tensor *input,
                        float *out_numbers, struct error *err) {
    assert(out_numbers != NULL && teacher->classes > 0);
    return run(teacher, input, out_numbers, err);
}

static status check_labels(const struct onnx_teacher *teacher, struct error *err) {
    if (teacher->has_note && teacher->note.labels_count != teacher->classes) {
        return fail(err, STATUS_CORRUPT, "its note names %u classes, and it gives %u numbers",
                    teacher->note.labels_count, teacher->classes);
    }
    return STATUS_OK;
}

/* What the model says of one dimension, or what the caller knows. */
static status settle_side(int64_t said, uint32_t known, int64_t most, const char *called,
                          uint32_t *out_side, struct error *err) {
    const int64_t side = said >= 0 ? said : known;
    if (side < 1 || side > most) {
        return fail(err, STATUS_INVALID,
                    side == 0 ? "it leaves the %s open, and nobody says it"
                              : "its %s is not within what can be taught from",
                    called);
    }
    *out_side = (uint32_t)side;
    return STATUS_OK;
}

static status settle_shape(struct onnx_teacher *teacher, const struct picture_shape *known,
                           struct error *err) {
    const struct inference_port *port = inference_input(teacher->model, 0);
    if (port->rank != PICTURE_RANK ||
        (port->type != TENSOR_FLOAT32 && port->type != TENSOR_UINT8)) {
        return fail(err, STATUS_INVALID,
                    "its input '%s' is %s in %u dimensions: float32 or uint8 [batch, channels, "
                    "height, width] is wanted",
                    port->name, tensor_type_name(port->type), port->rank);
    }
    const int64_t *said = port->shape;
    teacher->channels_last = (said[1] < 0 || said[1] > CHANNELS_LAST_MAX) && said[3] >= 1 &&
                             said[3] <= CHANNELS_LAST_MAX;
    const int first = teacher->channels_last ? 1 : 2;
    struct picture_shape *shape = &teacher->shape;
    TRY(settle_side(said[teacher->channels_last ? 3 : 1], known->channels, PICTURE_CHANNELS_MAX,
                    "channels", &shape->channels, err));
    TRY(settle_side(said[first], known->height, ONNX_TEACHER_SIDE_MAX, "height", &shape->height,
                    err));
    TRY(settle_side(said[first + 1], known->width, ONNX_TEACHER_SIDE_MAX, "width", &shape->width,
                    err));
    teacher->input = (struct tensor){.type = port->type, .rank = PICTURE_RANK, .shape = {1}};
    teacher->input.shape[first] = shape->height;
    teacher->input.shape[first + 1] = shape->width;
    teacher->input.shape[teacher->channels_last ? 3 : 1] = shape->channels;
    teacher->input.byte_count = picture_bytes(shape) * tensor_type_bytes(port->type);
    teacher->input.bytes = arena_get(&teacher->arena, 1, teacher->input.byte_count);
    return teacher->input.bytes != NULL ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
}

static struct onnx_teacher *new_teacher(struct error *err) {
    struct onnx_teacher *teacher = memory_new(1, sizeof(*teacher));
    if (teacher != NULL) {
        teacher->scaling = TEACHER_SCALING_DEFAULT;
        arena_init(&teacher->arena, NOTE_ARENA_BYTES + (size_t)ONNX_TEACHER_SIDE_MAX *
                                                           ONNX_TEACHER_SIDE_MAX *
                                                           PICTURE_CHANNELS_MAX * sizeof(float));
    } else {
        (void)fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    return teacher;
}

static status open_image(struct onnx_teacher *teacher, const char *path,
                         const struct picture_shape *shape, struct error *err) {
    TRY(open_model(teacher, path, err));
    TRY(settle_shape(teacher, shape, err));
    TRY(run(teacher, &teacher->input, NULL, err));
    return check_labels(teacher, err);
}

static status open_text(struct onnx_teacher *teacher, const char *path, struct error *err) {
    TRY(open_model(teacher, path, err));
    if (!teacher->has_note || teacher->note.kind != STUDENT_TEXT) {
        return fail(err, STATUS_INVALID,
                    "it does not say how a text becomes its input (a note '%s' of kind text)",
                    STUDENT_NOTE);
    }
    const struct inference_port *port = inference_input(teacher->model, 0);
    if (port->type != TENSOR_INT64 || port->rank < 1 || port->rank > 2) {
        return fail(err, STATUS_INVALID, "its input '%s' is no row of int64", port->name);
    }
    TRY(text_buckets_init(&teacher->buckets, &teacher->note.settings, teacher->note.buckets, err));
    TRY(onnx_teacher_ask_text(teacher, SLICE("a"), NULL, err));
    return check_labels(teacher, err);
}

static status finish(struct onnx_teacher *teacher, const char *path, status done,
                     struct onnx_teacher **out_teacher, struct error *err) {
    if (done != STATUS_OK) {
        onnx_teacher_close(teacher);
        return fail_while(err, "the teacher '%s'", path);
    }
    *out_teacher = teacher;
    return STATUS_OK;
}

status onnx_teacher_open_image(const char *path, const struct picture_shape *shape,
                               struct onnx_teacher **out_teacher, struct error *err) {
    struct onnx_teacher *teacher = new_teacher(err);
    return teacher == NULL
               ? STATUS_NO_MEMORY
               : finish(teacher, path, open_image(teacher, path, shape, err), out_teacher, err);
}

status onnx_teacher_open_text(const char *path, struct onnx_teacher **out_teacher,
                              struct error *err) {
    struct onnx_teacher *teacher = new_teacher(err);
    return teacher == NULL ? STATUS_NO_MEMORY
                           : finish(teacher, path, open_text(teacher, path, err), out_teacher, err);
}

/* --- asking --- */

static void put_pixel(const struct onnx_teacher *teacher, size_t channel, size_t at,
                      uint8_t pixel) {
    const struct teacher_scaling *scaling = &teacher->scaling;
    if (teacher->input.type == TENSOR_UINT8) {
        ((uint8_t *)teacher->input.bytes)[at] = pixel;
    } else {
        const double level = (double)pixel / UINT8_MAX;
        ((float *)teacher->input.bytes)[at] =
            (float)((level - scaling->mean[channel]) / scaling->deviation[channel]);
    }
}

status onnx_teacher_ask_picture(void *owner, struct slice pixels, float *out_numbers,
                                struct error *err) {
    struct onnx_teacher *teacher = owner;
    const size_t channels = teacher->shape.channels;
    const size_t points = (size_t)teacher->shape.height * teacher->shape.width;
    if (pixels.count != channels * points) {
        return fail(err, STATUS_INVALID, "the teacher takes pictures of %u x %u x %u, not these",
                    teacher->shape.channels, teacher->shape.height, teacher->shape.width);
    }
    for (size_t channel = 0; channel < channels; channel++) {
        for (size_t point = 0; point < points; point++) {
            const size_t from = channel * points + point;
            put_pixel(teacher, channel, teacher->channels_last ? point * channels + channel : from,
                      (uint8_t)pixels.bytes[from]);
        }
    }
    return run(teacher, &teacher->input, out_numbers, err);
}

status onnx_teacher_ask_text(void *owner, struct slice text, float *out_numbers,
                             struct error *err) {
    struct onnx_teacher *teacher = owner;
    TRY(text_buckets_find(&teacher->buckets, text, err));
    int64_t none = 0;
    const int64_t count = (int64_t)teacher->buckets.count;
    const struct inference_port *port = inference_input(teacher->model, 0);
    const struct tensor input = {.type = TENSOR_INT64,
                                 .rank = port->rank,
                                 .shape = {port->rank == 1 ? count : 1, count},
                                 .bytes = count > 0 ? teacher->buckets.found : &none,
                                 .byte_count = teacher->buckets.count * sizeof(int64_t)};
    return run(teacher, &input, out_numbers, err);
}
