/*
 * test_samples: samples of numbers that a test writes down, or that only look random.
 *
 * For unit tests alone. Each sample has one float32 tensor for each input of the model.
 *
 * Thread: the test's.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "model/samples.h"
#include "model/test_graph.h"

enum { TEST_SAMPLE_NUMBERS_MAX = 4096 };

struct test_samples {
    struct tensor inputs[TEST_INPUTS_MAX]; /* without their numbers */
    uint32_t input_count;
    uint32_t count, next;
    const uint32_t *order; /* which sample comes at which place; NULL: as they are */
    const float *numbers;  /* of the first input of all samples; NULL: they only look random */
    float scale;           /* of what looks random; 0: 1 */
    uint32_t broken;       /* this sample, counted from 1, cannot be had; 0: all can */
    float room[TEST_INPUTS_MAX][TEST_SAMPLE_NUMBERS_MAX];
};

static inline void test_samples_fill(struct test_samples *samples, uint32_t sample) {
    const float scale = samples->scale > 0 ? samples->scale : 1;
    for (uint32_t i = 0; i < samples->input_count; i++) {
        const size_t count = samples->inputs[i].byte_count / sizeof(float);
        for (size_t k = 0; k < count; k++) {
            samples->room[i][k] = samples->numbers != NULL && i == 0
                                      ? samples->numbers[sample * count + k]
                                      : scale * test_number(sample * 10007 + i * 101 + k);
        }
        samples->inputs[i].bytes = samples->room[i];
    }
}

static inline status test_samples_next(void *owner, struct sample *out_sample, bool *out_more,
                                       struct error *err) {
    struct test_samples *samples = owner;
    *out_more = samples->next < samples->count;
    if (!*out_more) {
        return STATUS_OK;
    }
    const uint32_t at = samples->next++;
    const uint32_t sample = samples->order != NULL ? samples->order[at] : at;
    if (sample + 1 == samples->broken) {
        return (fail)(err, STATUS_INVALID, "sample %u does not fit", sample);
    }
    test_samples_fill(samples, sample);
    *out_sample = (struct sample){.name = "made",
                                  .path = "made",
                                  .inputs = samples->inputs,
                                  .input_count = samples->input_count};
    return STATUS_OK;
}

static inline void test_samples_rewind(void *owner) {
    ((struct test_samples *)owner)->next = 0;
}

static inline void test_samples_close(void *owner) {
    (void)owner;
}

static inline struct sample_source test_samples_source(struct test_samples *samples) {
    return (struct sample_source){.owner = samples,
                                  .count = samples->count,
                                  .next = test_samples_next,
                                  .rewind = test_samples_rewind,
                                  .close = test_samples_close};
}

/* One more input, such as "1x4x6x6". */
static inline void test_samples_input(struct test_samples *samples, const char *shape) {
    struct tensor *tensor = &samples->inputs[samples->input_count++];
    *tensor = (struct tensor){.type = TENSOR_FLOAT32};
    struct slice rest = slice_of(shape);
    struct slice size;
    size_t count = 1;
    while (onnx_next(&rest, 'x', &size)) {
        tensor->shape[tensor->rank] = strtoll(size.bytes, NULL, 10);
        count *= (size_t)tensor->shape[tensor->rank++];
    }
    assert_true(count <= TEST_SAMPLE_NUMBERS_MAX);
    tensor->byte_count = count * sizeof(float);
}

/* The bytes of the model, which is closed. */
static inline struct buffer test_samples_pack(struct graph_model *model) {
    struct buffer bytes;
    struct error err = {0};
    buffer_init(&bytes, ONNX_BYTES_MAX);
    if (graph_verify(model, &err) != STATUS_OK ||
        onnx_file_pack(model, &bytes, &err) != STATUS_OK) {
        fail_msg("%s", err.text);
    }
    onnx_file_close(model);
    return bytes;
}
