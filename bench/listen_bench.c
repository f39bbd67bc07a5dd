// SPDX-License-Identifier: Apache-2.0
/*
 * listen_bench: what a voice model (Silero's) says of speech, its state carried from call to call.
 *
 *   listen_bench MODEL SPEECH    SPEECH: 16-bit samples, 16 kHz, one channel, nothing in front
 *
 * Prints a line for each 32 ms: how likely there is a voice, to the last bit, and the sum of the
 * state's bits. The model may have the input sr or be bound to 16 kHz.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "platform/file.h"
#include "platform/inference.h"

enum {
    WINDOW = 512,
    CONTEXT = 64,
    STATE = 2 * 128,
    INPUTS_MAX = 3,
    SPEECH_BYTES_MAX = 64 << 20,
    MEMORY_BYTES = 256 << 20
};

struct listening {
    struct inference_model *model;
    float heard[CONTEXT + WINDOW];
    float state[STATE];
    int64_t rate;
    struct tensor inputs[INPUTS_MAX];
    uint32_t outputs[2]; /* the likelihood, the state */
};

static status name_inputs(struct listening *listening, struct error *err) {
    const struct tensor known[INPUTS_MAX] = {
        {.type = TENSOR_FLOAT32,
         .rank = 2,
         .shape = {1, CONTEXT + WINDOW},
         .bytes = listening->heard,
         .byte_count = sizeof(listening->heard)},
        {.type = TENSOR_FLOAT32,
         .rank = 3,
         .shape = {2, 1, STATE / 2},
         .bytes = listening->state,
         .byte_count = sizeof(listening->state)},
        {.type = TENSOR_INT64, .bytes = &listening->rate, .byte_count = sizeof(listening->rate)}};
    static const char *const names[INPUTS_MAX] = {"input", "state", "sr"};
    const uint32_t count = inference_input_count(listening->model);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = inference_input(listening->model, i)->name;
        int known_as = 0;
        while (known_as < INPUTS_MAX && strcmp(name, names[known_as]) != 0) {
            known_as++;
        }
        if (count > INPUTS_MAX || known_as == INPUTS_MAX) {
            return fail(err, STATUS_INVALID, "input '%s' is none of a voice model", name);
        }
        listening->inputs[i] = known[known_as];
    }
    listening->outputs[0] =
        strcmp(inference_output(listening->model, 0)->name, "output") == 0 ? 0 : 1;
    listening->outputs[1] = 1 - listening->outputs[0];
    return STATUS_OK;
}

static uint32_t bits_of(float number) {
    uint32_t bits;
    (void)memcpy(&bits, &number, sizeof(bits));
    return bits;
}

static status hear(struct listening *listening, const int16_t *window, struct error *err) {
    struct inference_run *run = NULL;
    struct tensor outputs[2];
    (void)memmove(listening->heard, listening->heard + WINDOW, CONTEXT * sizeof(float));
    for (int i = 0; i < WINDOW; i++) {
        listening->heard[CONTEXT + i] = (float)window[i] / 32768;
    }
    TRY(inference_run_create(listening->model, &run, err));
    const status code = inference_run(run, listening->inputs, listening->outputs, 2, outputs, err);
    if (code == STATUS_OK && outputs[1].byte_count == sizeof(listening->state)) {
        uint64_t sum = 0;
        (void)memcpy(listening->state, outputs[1].bytes, sizeof(listening->state));
        for (int i = 0; i < STATE; i++) {
            sum += bits_of(listening->state[i]);
        }
        (void)printf("%08" PRIx32 " %" PRIu64 "\n", bits_of(*(const float *)outputs[0].bytes), sum);
    }
    inference_run_destroy(run);
    return code;
}

static status listen_all(struct listening *listening, char **words, struct buffer *speech,
                         struct error *err) {
    const struct inference_options options = {.threads = 1, .memory_bytes = MEMORY_BYTES};
    listening->rate = 16000;
    TRY(file_read(words[2], speech, err));
    TRY(inference_open(words[1], &options, &listening->model, err));
    TRY(name_inputs(listening, err));
    const size_t windows = speech->count / sizeof(int16_t) / WINDOW;
    for (size_t i = 0; i < windows; i++) {
        int16_t window[WINDOW];
        (void)memcpy(window, speech->bytes + i * sizeof(window), sizeof(window));
        TRY(hear(listening, window, err));
    }
    return STATUS_OK;
}

int main(int count, char **words) {
    struct listening listening = {0};
    struct buffer speech;
    struct error err = {0};
    if (count != 3) {
        (void)fprintf(stderr, "usage: listen_bench MODEL SPEECH\n");
        return 2;
    }
    buffer_init(&speech, SPEECH_BYTES_MAX);
    const status code = listen_all(&listening, words, &speech, &err);
    if (code != STATUS_OK) {
        (void)fprintf(stderr, "listen_bench: %s\n", err.text);
    }
    inference_close(listening.model);
    buffer_done(&speech);
    return code == STATUS_OK ? 0 : 1;
}
