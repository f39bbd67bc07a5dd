// SPDX-License-Identifier: Apache-2.0
#include "model/student_file.h"

#include <string.h>

#include "model/convolution.h"
#include "model/onnx_file.h"
#include "model/onnx_outline.h"
#include "model/student_note.h"

/* A graph that grows; its first failure is remembered. */
struct builder {
    struct graph_model *model;
    bool failed;
};

static struct graph_value *add(struct builder *builder, const char *op,
                               struct graph_value *const *inputs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        builder->failed |= inputs[i] == NULL;
    }
    struct graph_node *node = builder->failed ? NULL
                                              : graph_add_node(&builder->model->main, NULL, op,
                                                               inputs, count, 1, slice_of(op));
    builder->failed |= node == NULL;
    return node != NULL ? node->outputs[0] : NULL;
}

static struct graph_value *add_one(struct builder *builder, const char *op,
                                   struct graph_value *input) {
    return add(builder, op, &input, 1);
}

static struct graph_value *add_two(struct builder *builder, const char *op,
                                   struct graph_value *left, struct graph_value *right) {
    return add(builder, op, (struct graph_value *const[]){left, right}, 2);
}

static void set_integer(struct builder *builder, const struct graph_value *value, const char *name,
                        int64_t number) {
    builder->failed |=
        value == NULL || graph_set_integer(value->producer, name, number) != STATUS_OK;
}

static void set_integers(struct builder *builder, const struct graph_value *value, const char *name,
                         const int64_t *numbers, uint32_t count) {
    builder->failed |=
        value == NULL || graph_set_integers(value->producer, name, numbers, count) != STATUS_OK;
}

/* A tensor to be filled through *out_bytes; NULL: no memory. */
static struct graph_value *add_tensor(struct builder *builder, const char *name,
                                      enum element_type type, const int64_t *dims, uint32_t rank,
                                      void **out_bytes) {
    const struct graph_tensor *tensor =
        builder->failed ? NULL : graph_tensor_new(builder->model, type, dims, rank, out_bytes);
    struct graph_value *value =
        tensor != NULL ? graph_add_tensor(&builder->model->main, slice_of(name), tensor) : NULL;
    builder->failed |= value == NULL;
    return value;
}

static struct graph_value *add_numbers(struct builder *builder, const char *name,
                                       const float *numbers, uint32_t count) {
    void *bytes = NULL;
    const int64_t dims[] = {count};
    struct graph_value *value = add_tensor(builder, name, ELEMENT_FLOAT32, dims, 1, &bytes);
    if (value != NULL) {
        (void)memcpy(bytes, numbers, count * sizeof(*numbers));
    }
    return value;
}

static status begin(struct onnx_outline *outline, const struct student_note *note,
                    struct builder *builder, struct error *err) {
    CLEANUP(buffer_done) struct buffer text;
    buffer_init(&text, STUDENT_NOTE_BYTES_MAX);
    TRY(student_note_write(note, &text, err));
    buffer_add_byte(&text, '\0');
    TRY(buffer_status(&text, err));
    outline->output = (struct onnx_port){.name = "logits",
                                         .element = ELEMENT_FLOAT32,
                                         .rank = 2,
                                         .dims = {-1, note->labels_count},
                                         .open_name = "batch"};
    outline->input_count = 1;
    outline->note_count = 1;
    outline->notes[0] = (struct onnx_note){.name = STUDENT_NOTE, .text = text.bytes};
    return onnx_outline_begin(outline, &builder->model, err);
}

static status end(struct builder *builder, struct graph_value *logits,
                  struct graph_model **out_model, struct error *err) {
    status done = builder->failed ? fail(err, STATUS_NO_MEMORY, "out of memory for a model")
                                  : onnx_outline_end(builder->model, logits, err);
    if (done != STATUS_OK) {
        onnx_file_close(builder->model);
        return done;
    }
    *out_model = builder->model;
    return STATUS_OK;
}

/* --- pictures --- */

/* Numbers that go by row, column, channel, as a file has them: by channel, row, column. */
static void turn_rows(const float *from, const struct picture_shape *shape, size_t outputs,
                      float *to) {
    const size_t points = (size_t)shape->height * shape->width;
    for (size_t channel = 0; channel < shape->channels; channel++) {
        for (size_t point = 0; point < points; point++) {
            (void)memcpy(to + (channel * points + point) * outputs,
                         from + (point * shape->channels + channel) * outputs,
                         outputs * sizeof(*to));
        }
    }
}

/* The weights of a convolution as a file has them: filter, channel, row, column. */
static void turn_filters(const float *from, size_t channels, size_t filters, float *to) {
    const size_t points = CONVOLUTION_SIDE * CONVOLUTION_SIDE;
    for (size_t filter = 0; filter < filters; filter++) {
        for (size_t channel = 0; channel < channels; channel++) {
            for (size_t point = 0; point < points; point++) {
                *to++ = from[(point * channels + channel) * filters + filter];
            }
        }
    }
}

static struct graph_value *convolve(struct builder *builder, const struct image_student *student,
                                    int index, struct graph_value *input) {
    static const int64_t RIM[] = {1, 1, 1, 1};
    static const int64_t HALF[] = {2, 2};
    static const int64_t SIDES[] = {CONVOLUTION_SIDE, CONVOLUTION_SIDE};
    const struct image_layer *layer = &student->layers[index];
    const size_t channels = layer->inputs / (CONVOLUTION_SIDE * CONVOLUTION_SIDE);
    const int64_t dims[] = {layer->outputs, (int64_t)channels, CONVOLUTION_SIDE, CONVOLUTION_SIDE};
    void *bytes = NULL;
    struct graph_value *filters = add_tensor(builder, "filters", ELEMENT_FLOAT32, dims, 4, &bytes);
    if (filters != NULL) {
        turn_filters(student->weights + layer->weights, channels, layer->outputs, bytes);
    }
    struct graph_value *biases =
        add_numbers(builder, "biases", student->weights + layer->biases, layer->outputs);
    struct graph_value *given =
        add(builder, "Conv", (struct graph_value *const[]){input, filters, biases}, 3);
    set_integers(builder, given, "kernel_shape", SIDES, 2);
    set_integers(builder, given, "pads", RIM, 4);
    struct graph_value *peaks = add_one(builder, "MaxPool", add_one(builder, "Relu", given));
    set_integers(builder, peaks, "kernel_shape", HALF, 2);
    set_integers(builder, peaks, "strides", HALF, 2);
    return peaks;
}

/* `shape` is what the layer gets when that is a picture; NULL: numbers that have no places. */
static struct graph_value *connect(struct builder *builder, const struct image_student *student,
                                   int index, const struct picture_shape *shape,
                                   struct graph_value *input) {
    const struct image_layer *layer = &student->layers[index];
    const int64_t dims[] = {layer->inputs, layer->outputs};
    void *bytes = NULL;
    struct graph_value *weights = add_tensor(builder, "weights", ELEMENT_FLOAT32, dims, 2, &bytes);
    const float *from = student->weights + layer->weights;
    if (weights != NULL && shape != NULL) {
        turn_rows(from, shape, layer->outputs, bytes);
    } else if (weights != NULL) {
        (void)memcpy(bytes, from, (size_t)layer->inputs * layer->outputs * sizeof(*from));
    }
    struct graph_value *biases =
        add_numbers(builder, "biases", student->weights + layer->biases, layer->outputs);
    return add(builder, "Gemm", (struct graph_value *const[]){input, weights, biases}, 3);
}

status student_file_of_image(const struct image_student *student, const struct slice *labels,
                             struct graph_model **out_model, struct error *err) {
    const struct image_form *form = &student->form;
    const struct student_note note = {.kind = STUDENT_IMAGE,
                                      .labels = labels,
                                      .labels_count = form->classes,
                                      .input = form->input};
    struct onnx_outline outline = {
        .name = "image_student",
        .inputs = {{.name = "picture",
                    .element = ELEMENT_FLOAT32,
                    .rank = 4,
                    .dims = {-1, form->input.channels, form->input.height, form->input.width},
                    .open_name = "batch"}}};
    struct builder builder = {0};
    TRY(begin(&outline, &note, &builder, err));
    struct graph_value *at = builder.model->main.inputs.items[0];
    struct picture_shape shape = form->input;
    if (form->filters[0] > 0) {
        at = convolve(&builder, student, LAYER_FIRST, at);
        at = convolve(&builder, student, LAYER_SECOND, at);
        shape = (struct picture_shape){
            .channels = form->filters[1], .height = shape.height / 4, .width = shape.width / 4};
    }
    at = add_one(&builder, "Flatten", at);
    if (form->hidden > 0) {
        at = add_one(&builder, "Relu", connect(&builder, student, LAYER_HIDDEN, &shape, at));
    }
    at = connect(&builder, student, LAYER_LAST, form->hidden > 0 ? NULL : &shape, at);
    return end(&builder, at, out_model, err);
}

/* --- texts --- */

static struct graph_value *add_integers(struct builder *builder, const char *name, int64_t number) {
    void *bytes = NULL;
    const int64_t dims[] = {1};
    struct graph_value *value = add_tensor(builder, name, ELEMENT_INT64, dims, 1, &bytes);
    if (value != NULL) {
        (void)memcpy(bytes, &number, sizeof(number));
    }
    return value;
}

/* The root of how many buckets there are, at least 1. */
static struct graph_value *add_length(struct builder *builder, struct graph_value *buckets) {
    struct graph_value *count = add_one(builder, "Cast", add_one(builder, "Shape", buckets));
    set_integer(builder, count, "to", ELEMENT_FLOAT32);
    const float one = 1;
    return add_one(builder, "Sqrt",
                   add_two(builder, "Max", count, add_numbers(builder, "one", &one, 1)));
}

status student_file_of_text(const struct text_model *model, struct graph_model **out_model,
                            struct error *err) {
    const struct text_parts parts = text_model_parts(model);
    const uint32_t vectors = text_vectors(parts.labels_count);
    const struct student_note note = {.kind = STUDENT_TEXT,
                                      .labels = parts.labels,
                                      .labels_count = parts.labels_count,
                                      .settings = parts.settings,
                                      .buckets = parts.buckets};
    struct onnx_outline outline = {.name = "text_student",
                                   .inputs = {{.name = "buckets",
                                               .element = ELEMENT_INT64,
                                               .rank = 1,
                                               .dims = {-1},
                                               .open_name = "count"}}};
    struct builder builder = {0};
    TRY(begin(&outline, &note, &builder, err));
    struct graph_value *buckets = builder.model->main.inputs.items[0];
    float scales[TEXT_LABELS_MAX];
    float biases[TEXT_LABELS_MAX];
    for (uint32_t i = 0; i < vectors; i++) {
        scales[i] = (float)parts.scales[i];
        biases[i] = (float)parts.biases[i];
    }
    const int64_t dims[] = {parts.buckets, vectors};
    void *bytes = NULL;
    struct graph_value *table = add_tensor(&builder, "table", ELEMENT_INT8, dims, 2, &bytes);
    if (table != NULL) {
        (void)memcpy(bytes, parts.weights, (size_t)parts.buckets * vectors);
    }
    struct graph_value *rows =
        add_one(&builder, "Cast", add_two(&builder, "Gather", table, buckets));
    set_integer(&builder, rows, "to", ELEMENT_FLOAT32);
    struct graph_value *sums =
        add_two(&builder, "ReduceSum", rows, add_integers(&builder, "axis", 0));
    struct graph_value *shares = add_two(&builder, "Div", sums, add_length(&builder, buckets));
    struct graph_value *scaled =
        add_two(&builder, "Mul", shares, add_numbers(&builder, "scales", scales, vectors));
    struct graph_value *logits =
        add_two(&builder, "Add", scaled, add_numbers(&builder, "offsets", biases, vectors));
    if (vectors == 1) { /* of two labels the first is what the one vector speaks against */
        const float zero = 0;
        struct graph_value *against =
            add_two(&builder, "Mul", logits, add_numbers(&builder, "zero", &zero, 1));
        logits = add_two(&builder, "Concat", against, logits);
        set_integer(&builder, logits, "axis", 1);
    }
    return end(&builder, logits, out_model, err);
}

status student_file_pack_text(struct slice model_bytes, struct buffer *out, struct error *err) {
    struct text_model *model = NULL;
    struct graph_model *graph = NULL;
    TRY(text_model_read(model_bytes, &model, err));
    status done = student_file_of_text(model, &graph, err);
    text_model_close(model);
    if (done == STATUS_OK) {
        done = onnx_file_pack(graph, out, err);
        onnx_file_close(graph);
    }
    return done;
}
