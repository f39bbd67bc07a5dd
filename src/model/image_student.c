// SPDX-License-Identifier: Apache-2.0
#include "model/image_student.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "model/convolution.h"
#include "model/dense.h"
#include "model/dice.h"

/* What is chosen where nobody says a form: a hidden layer of fewer numbers is a bottleneck. */
enum {
    CHOSEN_SIDE_MIN = 8,
    CHOSEN_FIRST = 8,
    CHOSEN_SECOND = 16,
    CHOSEN_HIDDEN_MIN = 8,
    CHOSEN_HIDDEN_MAX = 128
};

static bool convolves(const struct image_form *form) {
    return form->filters[0] > 0;
}

/* How many numbers the layer behind the pictures gets. */
static uint32_t features_of(const struct image_form *form) {
    if (!convolves(form)) {
        return (uint32_t)picture_bytes(&form->input);
    }
    return form->input.height / 4 * (form->input.width / 4) * form->filters[1];
}

const char *image_form_fault(const struct image_form *form) {
    const struct picture_shape *in = &form->input;
    if (in->channels < 1 || in->channels > PICTURE_CHANNELS_MAX || in->height < 1 ||
        in->height > PICTURE_SIDE_MAX || in->width < 1 || in->width > PICTURE_SIDE_MAX) {
        return "a picture has from 1 to 4 channels and sides from 1 to 256";
    }
    if (form->classes < 2 || form->classes > PICTURE_LABELS_MAX) {
        return "there are from 2 to 1000 classes";
    }
    if ((form->filters[0] > 0) != (form->filters[1] > 0) || form->filters[0] % 4 != 0 ||
        form->filters[1] % 4 != 0 || form->filters[0] > STUDENT_FILTERS_MAX ||
        form->filters[1] > STUDENT_FILTERS_MAX) {
        return "two convolutions have multiples of 4 filters each, at most 128, or both have none";
    }
    if (convolves(form) && (in->height < STUDENT_SIDE_MIN || in->width < STUDENT_SIDE_MIN)) {
        return "pictures that are convolved have sides of at least 4";
    }
    if (form->hidden > STUDENT_HIDDEN_MAX) {
        return "a hidden layer has at most 1024 numbers";
    }
    if (image_form_weights(form) > STUDENT_WEIGHTS_MAX) {
        return "a student has at most 16777216 weights";
    }
    return NULL;
}

bool image_form_choose(const struct picture_shape *input, uint32_t classes, size_t bytes,
                       struct image_form *out_form) {
    const size_t room = bytes / sizeof(float);
    const bool is_large = input->height >= CHOSEN_SIDE_MIN && input->width >= CHOSEN_SIDE_MIN;
    struct image_form form = {.input = *input, .classes = classes};
    form.filters[0] = is_large ? CHOSEN_FIRST : 0;
    form.filters[1] = is_large ? CHOSEN_SECOND : 0;
    if (image_form_weights(&form) > room) {
        return false;
    }
    *out_form = form;
    for (form.hidden = CHOSEN_HIDDEN_MIN;
         form.hidden <= CHOSEN_HIDDEN_MAX && image_form_weights(&form) <= room; form.hidden++) {
        *out_form = form;
    }
    return true;
}

/* Lays the layers out one behind the other; returns where the last ends. */
static size_t lay_out(const struct image_form *form, struct image_layer *layers) {
    const uint32_t behind = form->hidden > 0 ? form->hidden : features_of(form);
    const struct image_layer wanted[LAYER_COUNT] = {
        [LAYER_FIRST] = {.inputs = 9 * form->input.channels, .outputs = form->filters[0]},
        [LAYER_SECOND] = {.inputs = 9 * form->filters[0], .outputs = form->filters[1]},
        [LAYER_HIDDEN] = {.inputs = features_of(form), .outputs = form->hidden},
        [LAYER_LAST] = {.inputs = behind, .outputs = form->classes},
    };
    size_t at = 0;
    for (int i = 0; i < LAYER_COUNT; i++) {
        layers[i] = wanted[i];
        layers[i].weights = at;
        layers[i].biases = at + (size_t)wanted[i].inputs * wanted[i].outputs;
        at = layers[i].biases + wanted[i].outputs;
    }
    return at;
}

size_t image_form_weights(const struct image_form *form) {
    struct image_layer layers[LAYER_COUNT];
    return lay_out(form, layers);
}

status image_student_init(struct image_student *student, const struct image_form *form,
                          uint64_t seed, struct error *err) {
    *student = (struct image_student){.form = *form};
    const char *fault = image_form_fault(form);
    if (fault != NULL) {
        return fail(err, STATUS_INVALID, "%s", fault);
    }
    student->weights_count = lay_out(form, student->layers);
    student->weights = memory_new(student->weights_count, sizeof(*student->weights));
    if (student->weights == NULL) {
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    }
    uint64_t dice = seed;
    for (int i = 0; i < LAYER_COUNT; i++) {
        const struct image_layer *layer = &student->layers[i];
        const float spread = sqrtf(6.0F / (float)layer->inputs);
        for (size_t j = layer->weights; j < layer->biases; j++) {
            student->weights[j] = spread * dice_signed(&dice);
        }
    }
    return STATUS_OK;
}

void image_student_done(struct image_student *student) {
    memory_free(student->weights);
    *student = (struct image_student){0};
}

static struct convolution shape_of(const struct image_form *form, int index) {
    const bool first = index == LAYER_FIRST;
    return (struct convolution){
        .height = first ? form->input.height : form->input.height / 2,
        .width = first ? form->input.width : form->input.width / 2,
        .channels = first ? form->input.channels : form->filters[0],
        .filters = form->filters[first ? 0 : 1],
    };
}

/* Numbers of a picture as the pass keeps it. */
static size_t picture_numbers(const struct image_form *form) {
    const struct convolution shape = shape_of(form, LAYER_FIRST);
    return convolves(form) ? convolution_rimmed(&shape, shape.channels)
                           : picture_bytes(&form->input);
}

static size_t turned_numbers(const struct image_student *student) {
    size_t most = 0;
    for (int i = LAYER_SECOND; i < LAYER_COUNT; i++) {
        const size_t numbers = (size_t)student->layers[i].inputs * student->layers[i].outputs;
        most = numbers > most ? numbers : most;
    }
    return most;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Room of an arena, whose first failure is remembered. */
static void *room(struct image_pass *pass, size_t count, size_t bytes_each) {
    void *block = pass->short_of_memory ? NULL : arena_get(&pass->arena, count, bytes_each);
    pass->short_of_memory |= block == NULL;
    return block;
}

static void make_room(struct image_pass *pass, const struct image_student *student) {
    const struct image_form *form = &student->form;
    const size_t batch = pass->batch;
    const size_t features = features_of(form);
    if (convolves(form)) {
        const struct convolution first = shape_of(form, LAYER_FIRST);
        const struct convolution second = shape_of(form, LAYER_SECOND);
        pass->given = room(pass, larger(convolution_given(&first), convolution_given(&second)),
                           sizeof(float));
        pass->middle =
            room(pass, batch * convolution_rimmed(&second, second.channels), sizeof(float));
        pass->peaks[0] = room(pass, batch * convolution_peaks(&first), sizeof(int32_t));
        pass->peaks[1] = room(pass, batch * features, sizeof(int32_t));
        pass->features = room(pass, batch * features, sizeof(float));
        pass->features_slope = room(pass, batch * features, sizeof(float));
        pass->middle_slope = room(pass, convolution_peaks(&first), sizeof(float));
        pass->given_slopes[0] =
            room(pass, convolution_rimmed(&first, first.filters), sizeof(float));
        pass->given_slopes[1] =
            room(pass, convolution_rimmed(&second, second.filters), sizeof(float));
    }
    pass->pictures = room(pass, batch * picture_numbers(form), sizeof(float));
    pass->turned = room(pass, turned_numbers(student), sizeof(float));
    if (form->hidden > 0) {
        pass->hidden = room(pass, batch * form->hidden, sizeof(float));
        pass->hidden_slope = room(pass, batch * form->hidden, sizeof(float));
    }
}

status image_pass_init(struct image_pass *pass, const struct image_student *student, uint32_t batch,
                       struct error *err) {
    assert(batch > 0 && batch <= STUDENT_BATCH_MAX);
    *pass = (struct image_pass){.batch = batch};
    arena_init(&pass->arena, STUDENT_PASS_BYTES_MAX);
    make_room(pass, student);
    if (pass->short_of_memory) {
        image_pass_done(pass);
        return fail(err, STATUS_NO_MEMORY,
                    "no memory to train on %u pictures at once: at most %d MiB are taken", batch,
                    STUDENT_PASS_BYTES_MAX >> 20);
    }
    return STATUS_OK;
}

void image_pass_done(struct image_pass *pass) {
    arena_done(&pass->arena);
    *pass = (struct image_pass){0};
}

/* Bytes become numbers, channels come to lie side by side. */
static void take_picture(const struct image_form *form, const uint8_t *pixels, float *out) {
    const struct picture_shape *in = &form->input;
    const size_t rim = convolves(form) ? 1 : 0;
    const size_t row = (in->width + 2 * rim) * in->channels;
    for (size_t c = 0; c < in->channels; c++) {
        for (size_t y = 0; y < in->height; y++) {
            float *at = out + (y + rim) * row + rim * in->channels + c;
            for (size_t x = 0; x < in->width; x++) {
                at[x * in->channels] = (float)*pixels++ / (float)UINT8_MAX;
            }
        }
    }
}

static const float *weights_of(const struct image_student *student, int layer) {
    return student->weights + student->layers[layer].weights;
}

static const float *biases_of(const struct image_student *student, int layer) {
    return student->weights + student->layers[layer].biases;
}

static struct dense dense_of(const struct image_student *student, int layer) {
    return (struct dense){.inputs = student->layers[layer].inputs,
                          .outputs = student->layers[layer].outputs};
}

/* The two convolutions of picture `index` of the batch. */
static void convolve(const struct image_student *student, struct image_pass *pass, size_t index) {
    const struct convolution first = shape_of(&student->form, LAYER_FIRST);
    const struct convolution second = shape_of(&student->form, LAYER_SECOND);
    const float *picture = pass->pictures + index * convolution_rimmed(&first, first.channels);
    float *middle = pass->middle + index * convolution_rimmed(&second, second.channels);
    const size_t row = (second.width + CONVOLUTION_RIM) * (size_t)second.channels;
    const size_t features = convolution_peaks(&second);
    convolution_forward(&first, picture, weights_of(student, LAYER_FIRST),
                        biases_of(student, LAYER_FIRST), pass->given);
    peaks_forward(&first, pass->given, middle + row + second.channels, row,
                  pass->peaks[0] + index * convolution_peaks(&first));
    convolution_forward(&second, middle, weights_of(student, LAYER_SECOND),
                        biases_of(student, LAYER_SECOND), pass->given);
    peaks_forward(&second, pass->given, pass->features + index * features,
                  second.width / 2 * (size_t)second.filters, pass->peaks[1] + index * features);
}

void image_student_forward(const struct image_student *student, struct image_pass *pass,
                           const struct picture_set *set, const uint32_t *rows, uint32_t count,
                           float *out_logits) {
    assert(count <= pass->batch);
    const struct image_form *form = &student->form;
    const size_t bytes = picture_bytes(&form->input);
    for (size_t i = 0; i < count; i++) {
        take_picture(form, set->pixels + rows[i] * bytes,
                     pass->pictures + i * picture_numbers(form));
        if (convolves(form)) {
            convolve(student, pass, i);
        }
    }
    const float *inputs = convolves(form) ? pass->features : pass->pictures;
    if (form->hidden > 0) {
        const struct dense hidden = dense_of(student, LAYER_HIDDEN);
        dense_forward(&hidden, inputs, count, weights_of(student, LAYER_HIDDEN),
                      biases_of(student, LAYER_HIDDEN), pass->hidden);
        relu_forward(pass->hidden, (size_t)count * form->hidden);
        inputs = pass->hidden;
    }
    const struct dense last = dense_of(student, LAYER_LAST);
    dense_forward(&last, inputs, count, weights_of(student, LAYER_LAST),
                  biases_of(student, LAYER_LAST), out_logits);
}

/* A batch on its way back through a dense layer. */
struct dense_batch {
    const float *rows; /* what the layer got */
    const float *slopes;
    float *back; /* NULL: nobody asks */
    uint32_t count;
};

/* What a layer learns, at its place in `slope`, and what it hands back. */
static void dense_slopes(const struct image_student *student, struct image_pass *pass, int layer,
                         const struct dense_batch *batch, float *slope) {
    const struct dense dense = dense_of(student, layer);
    const struct image_layer *place = &student->layers[layer];
    dense_learn(&dense, batch->rows, batch->count, batch->slopes, slope + place->weights,
                slope + place->biases);
    if (batch->back != NULL) {
        dense_back(&dense, batch->slopes, batch->count, weights_of(student, layer), pass->turned,
                   batch->back);
    }
}

static void convolution_slopes(const struct image_student *student, struct image_pass *pass,
                               size_t index, float *slope) {
    const struct convolution first = shape_of(&student->form, LAYER_FIRST);
    const struct convolution second = shape_of(&student->form, LAYER_SECOND);
    const struct image_layer *layers = student->layers;
    const size_t features = convolution_peaks(&second);
    peaks_back(&second, pass->features_slope + index * features, pass->peaks[1] + index * features,
               pass->given_slopes[1]);
    convolution_learn(&second, pass->middle + index * convolution_rimmed(&second, second.channels),
                      pass->given_slopes[1], slope + layers[LAYER_SECOND].weights,
                      slope + layers[LAYER_SECOND].biases);
    convolution_back(&second, pass->given_slopes[1], weights_of(student, LAYER_SECOND),
                     pass->turned, pass->middle_slope);
    peaks_back(&first, pass->middle_slope, pass->peaks[0] + index * convolution_peaks(&first),
               pass->given_slopes[0]);
    convolution_learn(&first, pass->pictures + index * convolution_rimmed(&first, first.channels),
                      pass->given_slopes[0], slope + layers[LAYER_FIRST].weights,
                      slope + layers[LAYER_FIRST].biases);
}

void image_student_backward(const struct image_student *student, struct image_pass *pass,
                            const float *logit_slopes, uint32_t count, float *out_slope) {
    assert(count <= pass->batch);
    const struct image_form *form = &student->form;
    (void)memset(out_slope, 0, student->weights_count * sizeof(*out_slope));
    const float *inputs = convolves(form) ? pass->features : pass->pictures;
    float *inputs_slope = convolves(form) ? pass->features_slope : NULL;
    struct dense_batch batch = {
        .rows = inputs, .count = count, .slopes = logit_slopes, .back = inputs_slope};
    if (form->hidden > 0) {
        batch.rows = pass->hidden;
        batch.back = pass->hidden_slope;
        dense_slopes(student, pass, LAYER_LAST, &batch, out_slope);
        relu_back(pass->hidden, pass->hidden_slope, (size_t)count * form->hidden);
        batch = (struct dense_batch){
            .rows = inputs, .count = count, .slopes = pass->hidden_slope, .back = inputs_slope};
    }
    dense_slopes(student, pass, form->hidden > 0 ? LAYER_HIDDEN : LAYER_LAST, &batch, out_slope);
    for (size_t i = 0; convolves(form) && i < count; i++) {
        convolution_slopes(student, pass, i, out_slope);
    }
}
